# -*- test-case-name: tests.functional.test_protocol -*-
"""The SockJS text played to a real daemon, directly: what the public suite tries, and what a proxy would hide."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.functional import scenarios
from tests.functional.play import events_of, make_node
from tests.functional.shared import Shared
from tests.functional.sockjs_client import exchange, new_session

node = Shared(lambda: make_node("node1").start())


class ProtocolTests(scenarios.AllScenarios, SynchronousTestCase):
    """All scenarios, and the bytes on the wire."""

    def setUp(self) -> None:
        self.nodes = [node.get()]
        self.port = self.nodes[0].port

    def exchange(self, *requests: str) -> bytes:
        """Send *requests* on one connection, of which the last one closes it."""
        return exchange(self.port, "".join(requests).encode())

    def test_each_frame_is_a_chunk(self) -> None:
        """Section "Http11"."""
        path = f"/close{new_session()}/xhr_streaming"
        answer = self.exchange(
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        )
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"Transfer-Encoding: chunked", head)
        frames = [b"h" * 2048 + b"\n", b"o\n", b'c[3000,"Go away!"]\n', b""]
        self.assertEqual(b"".join(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames), body)

    def test_http_1_0_stream_has_no_chunks(self) -> None:
        """Section "Http10": it ends with the connection."""
        path = f"/close{new_session()}/xhr_streaming"
        answer = self.exchange(f"POST {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertNotIn(b"Transfer-Encoding", head)
        self.assertEqual(b"h" * 2048 + b'\no\nc[3000,"Go away!"]\n', body)

    def test_connection_is_kept(self) -> None:
        """Sections "Http10" and "Http11": two answers on one connection."""
        for version, keep in (("1.0", "Connection: keep-alive\r\n"), ("1.1", "")):
            begin = f"GET /echo HTTP/{version}\r\nHost: localhost\r\n"
            answer = self.exchange(f"{begin}{keep}\r\n", f"{begin}Connection: close\r\n\r\n")
            self.assertEqual(2, answer.count(b"Welcome to SockJS!\n"), version)

    def test_daemon_stops_and_says_goodbye(self) -> None:
        """A stream gets the close frame to its end, and the exit status is 0."""
        daemon = make_node("stopping").start()
        self.addCleanup(daemon.close)
        self.port = daemon.port
        stream = self.stream("xhr_streaming", "/recorder" + new_session())
        self.read("xhr_streaming", stream, b"o")
        daemon.signal_stop()
        self.assertEqual(b'c[1001,"Server is going away"]\n', stream.read_rest()[-35:])
        self.assertEqual(0, daemon.wait())
        self.assertEqual(["made xhr_streaming", "lost xhr_streaming 1001"], events_of([daemon]))
