# -*- test-case-name: tests.sockjs.test_connection -*-
"""The class that an application subclasses."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from unittest import TestCase

from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.envelopes import WEBSOCKET
from sockjsd.sockjs.lanes import Lane
from sockjsd.stats import Tally
from tests.sockjs.fakes import Life, stream


def connected(*, offer: bool = True) -> tuple[SockJSConnection, Life]:
    """Return a connection on a session among fakes, with a receiver called s if wanted."""
    life = Life()
    connection = SockJSConnection()
    connection.session = life.session
    stream("s")(life) if offer else life.offer("p", 1)
    life.lines.clear()
    return connection, life


class Way:
    """A line that takes everything."""

    fd = 7

    def __init__(self, lane: Lane) -> None:
        self.lane: Lane | None = lane


class Together(AbstractContextManager[None]):
    """Notes its beginning and its end."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def __enter__(self) -> None:
        self.lines.append("begin")

    def __exit__(self, *error: object) -> None:
        self.lines.append("end")


class ConnectionInfoTests(TestCase):
    """What is known of the first request."""

    def test_info_has_an_address_at_least(self) -> None:
        """Everything else may be missing, and nothing is shared or changed."""
        info = ConnectionInfo("192.0.2.1")
        self.assertEqual((info.ip, info.headers, info.path, info.transport), ("192.0.2.1", {}, "", ""))
        with self.assertRaises(TypeError):
            info.headers["X"] = "y"  # type: ignore[index]  # the point of this test
        with self.assertRaises(AttributeError):
            info.ip = "203.0.113.9"  # type: ignore[misc]  # the point of this test


class RequestTests(TestCase):
    """What an application may ask of the first request, by the names of sockjs-cyclone."""

    def test_headers_are_found_in_any_case(self) -> None:
        """Those that are handed out."""
        info = ConnectionInfo("192.0.2.1", {"User-Agent": "x"})
        self.assertEqual((info.get_header("user-agent"), info.get_header("Cookie")), ("x", None))

    def test_arguments_are_those_of_the_query(self) -> None:
        """The first value, or all."""
        info = ConnectionInfo("192.0.2.1", query="a=1&a=%C3%A9&b=")
        self.assertEqual(info.arguments, {"a": ["1", "é"], "b": [""]})
        self.assertEqual([info.get_argument(name) for name in "abc"], ["1", "", None])
        self.assertEqual(ConnectionInfo("192.0.2.1").arguments, {})

    def test_cookies_are_read_one_by_one(self) -> None:
        """A header that is none has none, and no text of it gets into a log by accident."""
        info = ConnectionInfo("192.0.2.1", cookie="user=me; x=secret")
        cookie = info.get_cookie("user")
        assert cookie is not None
        self.assertEqual((cookie.value, info.get_cookie("y")), ("me", None))
        self.assertNotIn("secret", repr(info))
        for nonsense in ("", ";;", "a", "=", "a=\x00", "b\x07=1", "a,b=1; user=me"):
            with self.subTest(nonsense=nonsense):
                self.assertIsNone(ConnectionInfo("192.0.2.1", cookie=nonsense).get_cookie("user"))


class SockJSConnectionTests(TestCase):
    """One client, as its application sees it."""

    def test_callbacks_do_nothing_by_themselves(self) -> None:
        """A subclass overrides what it needs."""
        connection, life = connected()
        connection.connectionMade(ConnectionInfo("192.0.2.1"))
        connection.messageReceived("a")
        connection.connectionLost()
        self.assertEqual(life.lines, [])

    def test_message_reaches_the_client(self) -> None:
        """One frame for each."""
        connection, life = connected()
        connection.sendMessage("a")
        self.assertEqual(life.lines, ['s: a["a"]'])

    def test_bytes_are_refused_where_the_client_gets_json(self) -> None:
        """By the call that sends them, whether the client reads now or not; the session goes on."""
        connection, life = connected()
        for happens in (lambda: None, lambda: setattr(life.receivers["s"], "writable", False)):
            happens()
            for send in (connection.sendMessage, lambda message: connection.broadcast([connection], message)):
                with self.assertRaises(TypeError):
                    send(b"a")
        self.assertEqual((life.lines, connection.is_closed), ([], False))

    def test_close_tells_the_client_and_the_application(self) -> None:
        """With the defaults of sockjs-node, or with the application's own words."""
        for arguments, frame, reason in (
            ((), 's: c[3000,"Go away!"]', (3000, "Go away!")),
            ((4000, "Enough"), 's: c[4000,"Enough"]', (4000, "Enough")),
        ):
            connection, life = connected()
            self.assertEqual((connection.closeCode, connection.closeReason), (0, ""))
            connection.close(*arguments)
            self.assertEqual(life.lines[0], frame)
            self.assertEqual((connection.closeCode, connection.closeReason), reason)

    def test_connection_knows_whether_it_has_ended(self) -> None:
        """From the end on, also in ``connectionLost``."""
        connection = connected()[0]
        self.assertFalse(connection.is_closed)
        connection.close()
        self.assertTrue(connection.is_closed)

    def test_messages_after_close_are_ignored(self) -> None:
        """An application need not know whether it is over."""
        connection, life = connected()
        connection.close()
        life.lines.clear()
        connection.sendMessage("a")
        connection.broadcast([connection], "b")
        connection.close()
        self.assertEqual(life.lines, [])


class BroadcastTests(TestCase):
    """One message for many."""

    def test_broadcast_reaches_all(self) -> None:
        """Also those who have no receiver now, when they come back."""
        pairs = [connected(), connected(), connected(offer=False)]
        pairs[0][0].broadcast((connection for connection, _ in pairs), "a")
        pairs[2][1].offer("next", None)
        self.assertEqual([life.lines for _, life in pairs], [['s: a["a"]'], ['s: a["a"]'], ['next: a["a"]']])

    def test_broadcast_reaches_whoever_is_named_twice_from_its_session(self) -> None:
        """Of two messages in one call the kernel could take half of the first, and then all of the second."""
        connection, life = connected()
        other, life_of_other = connected()
        sent: list[tuple[int, bytes]] = []
        for each in (life, life_of_other):
            lane = Lane(WEBSOCKET, Tally(), lambda lines, fds, data: sent.append((len(fds), data)))
            each.session.line = Way(lane)
        connection.broadcast([connection, other, connection], "a")
        self.assertEqual((life.lines, life_of_other.lines, sent), (['s: a["a"]'] * 2, ['s: a["a"]'], []))
        connection.broadcast([connection, other], "b")
        self.assertEqual(sent, [(1, b'\x81\x06a["b"]')] * 2)

    def test_broadcast_goes_out_together(self) -> None:
        """All of it is sent inside what the keeper offers for that, which ends although a message is none."""
        for message in ("a", 1):
            connection, life = connected()
            life.keeper.together = Together(life.lines)
            try:
                connection.broadcast([connection], message)  # type: ignore[arg-type]  # what untyped code does
            except TypeError:
                life.lines.append("TypeError")
            middle = ['s: a["a"]'] if message == "a" else []
            self.assertEqual(life.lines, ["begin", *middle, "end", *([] if message == "a" else ["TypeError"])])

    def test_broadcast_allows_the_set_to_change(self) -> None:
        """Somebody may leave in answer to the message."""
        pairs = [connected() for _ in range(3)]
        everybody = {connection for connection, _ in pairs}
        for connection, life in pairs:
            life.receivers["s"].then = partial(everybody.discard, connection)
        pairs[0][0].broadcast(everybody, "a")
        self.assertEqual([life.lines for _, life in pairs], [['s: a["a"]']] * 3)
        self.assertEqual(everybody, set())

    def test_broadcast_of_something_else_harms_nobody(self) -> None:
        """It raises, and the next message arrives."""
        pairs = [connected(offer=False), connected()]
        for connection, life in pairs:
            with self.assertRaises(TypeError):
                connection.broadcast([connection], {"a": 1})  # type: ignore[arg-type]  # what untyped code does
            connection.broadcast([connection], "b")
            if "s" not in life.receivers:
                life.offer("s", None)
            self.assertEqual(life.lines, ['s: a["b"]'])
