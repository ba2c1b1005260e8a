# -*- test-case-name: tests.endpoints.test_emulation -*-
"""The way back for clients of requests that last."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import BrokerUnavailable
from tests.endpoints.protocol_server import ProtocolServer
from tests.http.memory import Answer

COMMANDS = {"session": "s1", "node": "n1", "data": '{"id":2,"rpc":{}}\n{"id":3,"rpc":{}}'}


class EmulationTests(SynchronousTestCase):
    """One request each."""

    def setUp(self) -> None:
        """Build a server."""
        self.server = ProtocolServer()

    def post(self, body: Any = COMMANDS, **fields: str) -> Answer:
        """Send *body*, as JSON if it is not bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.server.ask("POST", "/emulation", data, **fields)

    def test_commands_are_forwarded(self) -> None:
        """204 when they have arrived."""
        answer = self.post()
        self.assertEqual((204, b""), (answer.status, answer.body))
        self.assertEqual([("n1", "s1", COMMANDS["data"])], self.server.forwarded)

    def test_session_that_is_gone(self) -> None:
        """404."""
        self.server.answer = False
        self.assertEqual(404, self.post().status)

    def test_nodes_that_cannot_talk(self) -> None:
        """503: the same may succeed later."""
        self.server.answer = BrokerUnavailable("gone")
        self.assertEqual(503, self.post().status)

    def test_fault_of_ours(self) -> None:
        """500, and a log."""
        self.server.answer = LookupError("a bug")
        self.assertEqual(500, self.post().status)
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))

    def test_client_that_does_not_wait(self) -> None:
        """Its commands arrive all the same, and nobody is answered."""
        waiting: Deferred[bool] = Deferred()
        self.server.answer = waiting
        client = self.server.begin("POST", "/emulation", json.dumps(COMMANDS).encode())
        self.assertEqual(b"", client.received())
        client.lose()
        waiting.callback(True)
        self.assertEqual(b"", client.received())
        self.assertEqual(1, len(self.server.forwarded))

    def test_refusals(self) -> None:
        """400 for what is not the object that was expected; nothing is forwarded."""
        bodies: tuple[Any, ...] = (
            b"",
            b"{",
            b"\xff",
            b"[" * 20_000,
            [],
            {},
            {**COMMANDS, "data": {"id": 2}},
            {**COMMANDS, "node": None},
            {"session": "s1", "node": "n1"},
        )
        for body in bodies:
            with self.subTest(body=body[:10] if isinstance(body, bytes) else body):
                self.assertEqual(400, self.post(body).status)
        self.assertEqual([], self.server.forwarded)

    def test_body_is_limited(self) -> None:
        """64 KiB, as for a WebSocket's message."""
        self.assertEqual(413, self.post({**COMMANDS, "data": "x" * 65_536}).status)

    def test_other_methods_are_refused(self) -> None:
        """405."""
        self.assertEqual(405, self.server.ask("GET", "/emulation").status)

    def test_foreign_origin_is_refused(self) -> None:
        """Here too: it is the half that does something."""
        self.assertEqual(403, self.post(origin="https://foe.example").status)
        self.assertEqual([], self.server.forwarded)

    def test_allowed_origin_may_read_the_answer(self) -> None:
        """Whatever it is."""
        origin = "https://friend.example"
        for answer in (True, False, BrokerUnavailable("gone")):
            self.server.answer = answer
            with self.subTest(answer=answer):
                self.assertEqual(origin, self.post(origin=origin).fields["access-control-allow-origin"])
        preflight = self.server.ask("OPTIONS", "/emulation", origin=origin, access_control_request_headers="x-a")
        self.assertEqual((204, "x-a"), (preflight.status, preflight.fields["access-control-allow-headers"]))
