# -*- test-case-name: tests.functional.test_protocol -*-
"""The SockJS text played to a real daemon, directly: what the public suite tries, and what a proxy would hide."""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from tests.functional import scenarios
from tests.functional.daemon import Daemon
from tests.functional.play import events_of, make_node
from tests.functional.shared import Shared
from tests.functional.sockjs_client import PATIENCE, Stream, ask, exchange, new_session

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

    def test_who_polls_while_the_daemon_stands_still_is_not_lost(self) -> None:
        """Neither on a connection that was there nor on a new one: the poll came in time, and was read late."""
        endpoint = {"application": "tests.functional.recorder.Sleeper", "allowed_origins": "*", "disconnect_delay": 1}
        daemon = Daemon({"endpoint still": endpoint}).start()
        self.addCleanup(daemon.close)
        sleeper, new, kept = (f"/still{new_session()}" for _ in range(3))
        for session in (sleeper, new):
            self.assertEqual(b"o\n", ask(daemon.port, "POST", f"{session}/xhr").body)
        poll = f"POST {kept}/xhr HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", daemon.port), PATIENCE) as connection:
            connection.sendall(poll)
            self.assertIn(b"\r\n\r\no\n", connection.recv(4096))
            asleep = Stream(daemon.port, "POST", f"{sleeper}/xhr_send", b'["3"]')
            self.assertEqual(204, asleep.response.status)  # answered first; now it sleeps
            polls = Stream(daemon.port, "POST", f"{new}/xhr")
            connection.sendall(poll)
            for session in (new, kept):
                self.assertEqual(204, ask(daemon.port, "POST", f"{session}/xhr_send", b'["a"]').status)
            self.assertEqual(b'a["a"]\n', polls.answer().body)
            self.assertIn(b'\r\n\r\na["a"]\n', connection.recv(4096))

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
