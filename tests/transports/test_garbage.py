# -*- test-case-name: tests.transports.test_garbage -*-
"""What a client leaves behind: nothing that only the garbage collector could free.

It runs now and then, stops everything else meanwhile, and the more there is the longer it takes.
"""

from __future__ import annotations

import gc

from twisted.trial.unittest import SynchronousTestCase

from tests.http.memory import request
from tests.transports.server import HANDSHAKE, Server


class GarbageTests(SynchronousTestCase):
    """Objects that nothing but each other holds, after a client has left."""

    def setUp(self) -> None:
        self.server = Server()
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.addCleanup(gc.set_debug, 0)

    def leftovers(self, *requests: bytes) -> list[str]:
        """Let a client send *requests* and leave; return the kinds of ours that the collector finds afterwards."""
        client = self.server.client()
        for text in requests:
            client.send(text)
        client.lose()
        self.server.connections.clear()
        self.server.advance(10)
        del client
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found, gc.garbage[:] = [type(item) for item in gc.garbage], []
        return sorted(kind.__qualname__ for kind in found if kind.__module__.startswith(("sockjsd", "httptools")))

    def test_request_leaves_nothing(self) -> None:
        """Whether it was answered, refused, or never came to its end."""
        for text in (request("GET", "/echo/info"), b"nonsense\r\n\r\n", b"GET / HT", request("GET", "/nowhere")):
            with self.subTest(text=text):
                self.assertEqual(self.leftovers(text), [])

    def test_session_of_requests_leaves_nothing(self) -> None:
        """A poll and a stream; and messages that were sent."""
        poll = request("POST", "/echo/0/poll/xhr")
        message = request("POST", "/echo/0/poll/xhr_send", b'["a"]')
        self.assertEqual(self.leftovers(poll, message, poll), [])
        self.assertEqual(self.leftovers(request("POST", "/echo/0/stream/xhr_streaming")), [])

    def test_websocket_leaves_nothing(self) -> None:
        """With SockJS's framing and without."""
        for path in ("/echo/0/s/websocket", "/echo/websocket"):
            with self.subTest(path=path):
                self.assertEqual(self.leftovers(request("GET", path, **HANDSHAKE)), [])
