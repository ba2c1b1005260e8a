# -*- test-case-name: tests.functional.test_direct_writes -*-
"""What is sent arrives in order and whole: on each kind of endpoint string, with each reactor."""

from __future__ import annotations

import importlib.util
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.websocket.frames import Opcode, close_payload, encode
from tests.functional.daemon import Daemon
from tests.functional.redis_server import find_free_port
from tests.functional.shared import Shared
from tests.functional.sockjs_client import PATIENCE, new_session
from tests.functional.streaming import FAREWELL, PIECES
from tests.functional.wire import WAYS, Line, make_certificate
from tests.http.memory import request
from tests.transports.server import HANDSHAKE, server_frames
from tests.websocket.examples import client as masked

#: What a WebSocket gets for "much".
FRAMES = b"".join(encode(Opcode.TEXT, piece.encode()) for piece in PIECES)
#: Bytes that the client's kernel keeps for it, at most: so the daemon's has to keep the rest, and cannot.
WINDOW = 16 * 1024


class Place:
    """A daemon on every kind of endpoint string; it runs from the start.

    :param reactor: see ``Daemon``.
    """

    def __init__(self, reactor: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sockjsd-writes-")
        folder = Path(self._folder.name)
        self._path = str(folder / "web.sock")
        self._tls = ssl.create_default_context(cafile=make_certificate(folder))
        self._ssl_port, self._haproxy_port = find_free_port(), find_free_port()
        listen = (
            "tcp:{port}:interface=127.0.0.1",
            f"unix:{self._path}",
            f"ssl:{self._ssl_port}:privateKey={folder}/key.pem:certKey={folder}/cert.pem:interface=127.0.0.1",
            f"haproxy:tcp:{self._haproxy_port}:interface=127.0.0.1",
        )
        self.daemon = Daemon(
            {
                "server": {"listen": "\n  ".join(("", *listen))},
                "endpoint all": {"application": "broadcast", "prefix": "/all"},
                "endpoint stream": {"application": "tests.functional.streaming.Streaming", "output_limit": "16MiB"},
            },
            reactor=reactor,
        )
        try:
            self.daemon.start()
        except RuntimeError:
            self.close()
            raise

    @contextmanager
    def line(self, way: str) -> Iterator[Line]:
        """Hold a connection in the *way* which ``WAYS`` names, on which a request can be sent."""
        connection = socket.socket(socket.AF_UNIX if way == "unix" else socket.AF_INET)
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW)
        port = {"tcp": self.daemon.port, "ssl": self._ssl_port}.get(way, self._haproxy_port)
        connection.connect(self._path if way == "unix" else ("127.0.0.1", port))
        if way == "ssl":
            connection = self._tls.wrap_socket(connection, server_hostname="localhost", suppress_ragged_eofs=False)
        connection.sendall(WAYS[way])
        with connection:
            yield Line(connection)

    @contextmanager
    def websocket(self, way: str, path: str = "/stream/websocket") -> Iterator[Line]:
        """Hold a connection that is a WebSocket, without SockJS's framing."""
        with self.line(way) as line:
            line.send(request("GET", path, **HANDSHAKE))
            answer = line.answer()
            assert answer is not None and answer.status == 101, answer
            yield line

    def close(self) -> None:
        """End it."""
        self.daemon.close()
        self._folder.cleanup()


PLACES = {reactor: Shared(lambda reactor=reactor: Place(reactor)) for reactor in ("", "epoll", "asyncio", "uvloop")}


class EpollTests(SynchronousTestCase):
    """With Twisted's own reactor."""

    reactor = "epoll"
    names = b"EPollReactor builtins"

    def setUp(self) -> None:
        """Start the daemon, with the first of these tests."""
        self.place = PLACES[self.reactor].get()

    def assert_comes(self, line: Line, expected: bytes) -> None:
        """Read *expected* and nothing else; a failure does not print megabytes."""
        self.assertTrue(line.read(len(expected)) == expected, "other bytes arrived, or fewer")

    def test_reactor_is_the_one_that_is_meant(self) -> None:
        """Its class, and the package of asyncio's loop behind it."""
        with self.place.websocket("tcp") as line:
            line.send(masked(1, b"reactor"))
            self.assert_comes(line, encode(Opcode.TEXT, self.names))

    def test_messages_are_echoed(self) -> None:
        """One after the other, and many at once."""
        for way in WAYS:
            with self.place.websocket(way) as line:
                for text in (b"one", b"two" * 1000):
                    line.send(masked(1, text))
                    self.assert_comes(line, encode(Opcode.TEXT, text))
                line.send(masked(1, b"three") * 500)
                self.assert_comes(line, encode(Opcode.TEXT, b"three") * 500)

    def test_stream_reaches_a_slow_reader_in_order_and_whole(self) -> None:
        """As many messages and as a single one; meanwhile the daemon serves others."""
        expected = {b"much": FRAMES, b"large": encode(Opcode.TEXT, "".join(PIECES).encode())}
        for way in WAYS:
            for order, frames in expected.items():
                with self.place.websocket(way) as slow, self.place.websocket(way) as other:
                    slow.send(masked(1, order))
                    other.send(masked(1, b"one"))
                    self.assert_comes(other, encode(Opcode.TEXT, b"one"))
                    self.assert_comes(slow, frames)
                    slow.send(masked(1, b"still there"))
                    self.assert_comes(slow, encode(Opcode.TEXT, b"still there"))

    def test_websocket_that_closes_sends_what_waits(self) -> None:
        """Then its close frame, and when that is answered the connection ends."""
        for way in WAYS:
            with self.place.websocket(way) as line:
                line.send(masked(1, b"much, then close"))
                self.assert_comes(line, FRAMES)
                ((opcode, payload),) = server_frames(line.read(4 + len(FAREWELL[1])))
                self.assertEqual((opcode, payload), (Opcode.CLOSE, close_payload(*FAREWELL)))
                line.send(masked(8, payload))
                self.assertEqual(line.read_rest(), b"")

    def test_answer_before_the_end_of_a_connection_is_whole(self) -> None:
        """The daemon has closed long before the client has read it."""
        body = ("a" + dumps(PIECES, separators=(",", ":")) + "\n").encode()
        for way in WAYS:
            session = f"/stream{new_session()}"
            with self.place.line(way) as line:
                for path, message in (("/xhr", b""), ("/xhr_send", b'["much"]')):
                    line.send(request("POST", session + path, message))
                    answer = line.answer()
                    assert answer is not None
                    self.assertIn(answer.status, (200, 204))
                line.send(request("POST", session + "/xhr", connection="close"))
                answer = line.answer()
                assert answer is not None
                self.assertTrue(answer.body == body, "other bytes arrived, or fewer")
                self.assertEqual(line.read_rest(), b"")

    def test_broadcast_reaches_everybody_in_order(self) -> None:
        """Also somebody who reads nothing for a while, and however they are connected."""
        texts = [f"{number} ".encode().ljust(4000, b"x") for number in range(100)]
        frames = b"".join(encode(Opcode.TEXT, text) for text in texts)
        for way in WAYS:
            with (
                self.place.websocket("tcp", "/all/websocket") as sender,
                self.place.websocket(way, "/all/websocket") as first,
                self.place.websocket(way, "/all/websocket") as second,
                self.place.websocket("unix", "/all/websocket") as third,
            ):
                sender.send(b"".join(masked(1, text) for text in texts))
                for line in (sender, third, second, first):
                    self.assert_comes(line, frames)

    def test_broadcast_answers_polls_that_end_their_connections(self) -> None:
        """What was gathered for one leaves before it is closed."""
        for way in WAYS:
            session = f"/all{new_session()}"
            with self.place.websocket("tcp", "/all/websocket") as sender, self.place.line(way) as line:
                line.send(request("POST", session + "/xhr"))
                self.assertIsNotNone(line.answer())
                line.send(request("POST", session + "/xhr", connection="close"))
                with self.place.websocket("tcp") as later:  # when it is answered, the poll has come too
                    later.send(masked(1, b"echo"))
                    self.assert_comes(later, encode(Opcode.TEXT, b"echo"))
                sender.send(masked(1, b"one"))
                answer = line.answer()
                self.assertEqual((answer and answer.body, line.read_rest()), (b'a["one"]\n', b""))

    def test_broadcast_outlives_those_who_leave(self) -> None:
        """Some crash while it goes on; the others get everything, and nobody gets what was not for them."""
        for way in WAYS:
            with self.place.websocket(way, "/all/websocket") as sender:
                for number in range(20):
                    with self.place.websocket("tcp", "/all/websocket") as leaving:
                        text = b"%d" % number
                        sender.send(masked(1, text))
                        leaving.leave(rudely=True)
                        self.assert_comes(sender, encode(Opcode.TEXT, text))
                        with self.place.websocket("tcp") as fresh:
                            fresh.send(masked(1, b"mine"))
                            self.assert_comes(fresh, encode(Opcode.TEXT, b"mine"))
        self.assertNotIn("Traceback", self.place.daemon.log())


class DefaultTests(EpollTests):
    """With the one that is installed where none was chosen: see ``sockjsd/reactor.py``."""

    reactor = ""
    names = b"Reactor builtins"


class AsyncioTests(EpollTests):
    """With asyncio's event loop."""

    reactor = "asyncio"
    names = b"AsyncioSelectorReactor asyncio"


class UvloopTests(EpollTests):
    """With asyncio's event loop replaced by uvloop."""

    reactor = "uvloop"
    names = b"AsyncioSelectorReactor uvloop"

    def setUp(self) -> None:
        """Skip where uvloop is not installed; but in CI everything is."""
        if importlib.util.find_spec("uvloop") is None and not os.environ.get("CI"):
            raise SkipTest("uvloop is not installed (pip install uvloop)")
        super().setUp()
