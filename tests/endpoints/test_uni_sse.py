# -*- test-case-name: tests.endpoints.test_uni_sse -*-
"""Pushes for an EventSource without an SDK."""

from __future__ import annotations

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.endpoints.uni_sse import bare_push, refused
from tests.endpoints.protocol_server import SHUTDOWN, ProtocolServer
from tests.http.memory import Answer, Client
from tests.transports.server import header_and_chunks

PATH = "/connection/uni_sse"


class PushTests(SynchronousTestCase):
    """What becomes of a line of the client protocol."""

    CASES = (
        ('{"push":{"channel":"a","pub":{"data":1}}}', '{"channel":"a","pub":{"data":1}}'),
        ('{"push":{"disconnect":{"code":3000,"reason":"x"}}}', '{"disconnect":{"code":3000,"reason":"x"}}'),
        ('{"id":1,"connect":{"client":"c","ping":25}}', '{"connect":{"client":"c","ping":25}}'),
        ("{}", "{}"),
    )

    def test_lines(self) -> None:
        """A push without what is around it; an answer becomes one."""
        for line, expected in self.CASES:
            with self.subTest(line):
                self.assertEqual(expected, bare_push(line.encode()).decode())


class RefusedTests(SynchronousTestCase):
    """What becomes of a connect request that is refused."""

    CASES = (
        ('{"id":1,"error":{"code":101,"message":"unauthorized"}}', (3500, "unauthorized")),
        ('{"id":1,"error":{"code":109,"message":"token expired"}}', (3004, "token expired")),
        ('{"id":1,"error":{"code":100,"message":"internal","temporary":true}}\n{}', (3004, "internal")),
    )

    def test_disconnects(self) -> None:
        """Whether it makes sense to come back, the code says."""
        for line, expected in self.CASES:
            with self.subTest(line):
                self.assertEqual(expected, refused(line))


class UniSSETests(SynchronousTestCase):
    """Streams, and what is refused."""

    def setUp(self) -> None:
        """Build a server."""
        self.server = ProtocolServer()

    def begin(self, connect: str = '{"token":"t"}') -> Client:
        """Begin a stream."""
        return self.server.begin("GET", f"{PATH}?cf_connect={quote(connect)}")

    def ask(self, query: str) -> Answer:
        """Ask for one that does not begin."""
        return self.server.ask("GET", PATH + query)

    def test_connect_request_becomes_a_command(self) -> None:
        """On one line, however it was written; its answer is a push."""
        client = self.begin('{"token": "t",\n "subs": {"a": {"offset": 9007199254740993}}}')
        expected = '{"id":1,"connect":{"token":"t","subs":{"a":{"offset":9007199254740993}}}}'
        self.assertEqual(([expected], ["uni_sse"]), (self.server.heard, self.server.transports))
        head, chunks = header_and_chunks(client.received())
        self.assertIn(b"Content-Type: text/event-stream", head)
        self.assertEqual([b'data: {"connect":{"client":"c"}}\n\n'], chunks)

    def test_each_push_is_an_event(self) -> None:
        """Also where they come together."""
        client = self.begin()
        client.received()
        self.server.client.sendMessage('{"push":{"channel":"a"}}\n{"push":{"channel":"b"}}')
        self.assertIn(b'data: {"channel":"a"}\n\ndata: {"channel":"b"}\n\n', client.received())

    def test_end_is_a_push(self) -> None:
        """The last one."""
        client = self.begin()
        client.received()
        for endpoint in self.server.endpoints:
            endpoint.sessions.close_all()
        self.assertIn(f'data: {{"disconnect":{SHUTDOWN}}}\n\n'.encode(), client.received())

    def test_daemon_that_is_stopping_begins_with_the_end(self) -> None:
        """What is refused an EventSource does not ask again."""
        for endpoint in self.server.endpoints:
            endpoint.sessions.close_all()
        head, chunks = header_and_chunks(self.begin().received())
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        self.assertEqual([f'data: {{"disconnect":{SHUTDOWN}}}\n\n'.encode(), b""], chunks)
        self.assertEqual([], self.server.heard)

    def test_refused_client_has_to_go(self) -> None:
        """It could not try again: the disconnect is the last push."""
        client = self.begin('{"token":"refuse me"}')
        _, chunks = header_and_chunks(client.received())
        self.assertEqual([b'data: {"disconnect":{"code":3004,"reason":"token expired"}}\n\n', b""], chunks)
        self.assertEqual(0, self.server.sessions)

    def test_pings_are_answered_for_the_client(self) -> None:
        """It has nothing to answer with; what was sent counts."""
        client = self.begin()
        client.received()
        self.server.heard.clear()
        self.server.client.sendMessage("{}")
        self.assertIn(b"data: {}\n\n", client.received())
        self.assertEqual(["{}"], self.server.heard)

    def test_ping_that_is_not_taken_is_not_answered(self) -> None:
        """A client that does not read is as good as gone."""
        client = self.begin()
        client.received()
        client.block()
        self.server.heard.clear()
        self.server.client.sendMessage('{"push":{"channel":"a"}}')
        self.server.client.sendMessage("{}")
        self.assertEqual([], self.server.heard)
        client.unblock()
        self.assertEqual(["{}"], self.server.heard)

    def test_request_in_body(self) -> None:
        """Where there is no EventSource, there may be a body."""
        self.server.begin("POST", PATH, b"{}")
        self.assertEqual(['{"id":1,"connect":{}}'], self.server.heard)

    def test_refusals(self) -> None:
        """What is no connect request begins nothing."""
        for query in ("", "?cf_connect=", "?cf_connect=%5B%5D", "?cf_connect=1", "?cf_connect=%7B", "?cf_connect=%ff"):
            with self.subTest(query):
                self.assertEqual(400, self.ask(query).status)
        self.assertEqual(400, self.ask("?cf_connect=" + "%5B" * 5000).status)
        self.assertEqual([], self.server.transports)
