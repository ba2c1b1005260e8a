# -*- test-case-name: tests.test_multiplex -*-
"""Several connections over one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.multiplex import MultiplexConnection, escape
from sockjsd.registry import Registry
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.session import Session, SessionOptions
from tests.sockjs.fakes import RecordingReceiver
from tests.test_registry import INFO, RegistryTestCase


class Noting(SockJSConnection):
    """Notes its callbacks in ``events``; a few messages are orders."""

    name = "?"
    events: list[str] = []
    everybody: list[Noting] = []

    def connectionMade(self, info: ConnectionInfo) -> None:
        self.everybody.append(self)
        self.events.append(f"{self.name} made {info.ip}")

    def messageReceived(self, message: str) -> None:
        self.events.append(f"{self.name} got {message}")
        if message == "close":
            self.close(4000, "as ordered")
            self.sendMessage("too late")
            self.events.append(f"{self.name} has closed")
        elif message == "raise":
            raise LookupError(message)
        else:
            self.sendMessage(f"{self.name}: {message}")

    def connectionLost(self) -> None:
        self.events.append(f"{self.name} lost {self.closeCode} {self.closeReason}")


class Greeting(Noting):
    """Says something first."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        super().connectionMade(info)
        self.sendMessage("hello")


class Leaving(Noting):
    """Goes at once."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        super().connectionMade(info)
        self.close()


class KeepingReceiver(RecordingReceiver):
    """Keeps the batches too."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.batches: list[Batch] = []

    def deliver(self, batch: Batch) -> None:
        self.batches.append(batch)
        super().deliver(batch)


def named(base: type[Noting], name: str, events: list[str], everybody: list[Noting]) -> type[Noting]:
    """Return a class of its own."""
    return type(base.__name__, (base,), {"name": name, "events": events, "everybody": everybody})


class EscapeTests(SynchronousTestCase):
    """Topics as JavaScript's ``escape`` writes them."""

    def test_table(self) -> None:
        """Seen in a browser's console."""
        for name, escaped in (
            ("ann", "ann"),
            ("AZaz09@*_+-./", "AZaz09@*_+-./"),
            ("a b,c%", "a%20b%2Cc%25"),
            ("é", "%E9"),
            ("€", "%u20AC"),
            ("😀", "%uD83D%uDE00"),
            ("~!'()", "%7E%21%27%28%29"),
            ("\x00\n", "%00%0A"),
            ("\ud800", "%uD800"),
        ):
            with self.subTest(name=name):
                self.assertEqual(escape(name), escaped)

    @given(st.text(st.characters(), max_size=20))
    def test_escaped_name_has_no_comma_and_can_be_read_back(self, name: str) -> None:
        """A comma would end the topic."""
        escaped = escape(name)
        self.assertNotIn(",", escaped)
        self.assertTrue(escaped.isascii())
        units, rest = [], escaped
        while rest:
            size = 1 if rest[0] != "%" else 6 if rest[1] == "u" else 3
            units.append(ord(rest[0]) if size == 1 else int(rest[size - (4 if size == 6 else 2) : size], 16))
            rest = rest[size:]
        data = b"".join(unit.to_bytes(2, "little") for unit in units)
        self.assertEqual(data, name.encode("utf-16-le", "surrogatepass"))


class MultiplexTestCase(RegistryTestCase):
    """A registry whose connections carry the topics ann, bob, carl and ``d e``."""

    def setUp(self) -> None:
        super().setUp()
        self.events: list[str] = []
        self.everybody: list[Noting] = []
        classes: dict[str, Any] = {
            name: named(base, name, self.events, self.everybody)
            for name, base in (("ann", Noting), ("bob", Greeting), ("carl", Leaving), ("d e", Noting))
        }
        self.registry = Registry(MultiplexConnection.create(**classes), self.wheel, SessionOptions(), 100)
        self.client, self.receiver = self.connect()

    def connect(self) -> tuple[Session, KeepingReceiver]:
        """Return the session and the receiver of a new client."""
        session = self.registry.create(INFO, None)
        receiver = KeepingReceiver(session)
        session.attach(receiver)
        receiver.lines.clear()
        return session, receiver

    def say(self, *messages: str) -> list[str]:
        """Send as the client; return what it got for it."""
        self.client.receive(list(messages))
        lines = list(self.receiver.lines)
        self.receiver.lines.clear()
        return lines


class TopicTests(MultiplexTestCase):
    """What a client says, and what becomes of it."""

    def test_topic_is_a_connection_of_its_own(self) -> None:
        """It sends and receives as any other."""
        self.assertEqual(self.say("sub,ann", "msg,ann,hi"), ['r: a["msg,ann,ann: hi"]'])
        self.assertEqual(self.say("sub,bob"), ['r: a["msg,bob,hello"]'])
        self.assertEqual(self.events, ["ann made 192.0.2.1", "ann got hi", "bob made 192.0.2.1"])

    def test_data_may_hold_commas_or_nothing(self) -> None:
        """Only the first two count."""
        self.say("sub,ann")
        self.assertEqual(self.say("msg,ann,a,b,,"), ['r: a["msg,ann,ann: a,b,,"]'])
        self.assertEqual(self.say("msg,ann,", "msg,ann"), ['r: a["msg,ann,ann: "]'] * 2)

    def test_topic_is_escaped(self) -> None:
        """In both directions."""
        self.assertEqual(self.say("sub,d e", "sub,d%20e", "msg,d%20e,x"), ['r: a["msg,d%20e,d e: x"]'])

    def test_what_makes_no_sense_is_ignored(self) -> None:
        """As the protocol wants it."""
        self.say("sub,ann")
        self.events.clear()
        nonsense = [
            "sub,nobody",
            "msg,bob,x",
            "uns,bob",
            "uns,nobody",
            "sub,ann",
            "",
            ",",
            "sub",
            "ann",
            "SUB,bob",
            "x,ann,y",
        ]
        self.assertEqual((self.say(*nonsense), self.events), ([], []))
        self.assertEqual(self.say("msg,ann,on"), ['r: a["msg,ann,ann: on"]'])

    def test_client_may_leave_and_come_back(self) -> None:
        """Each time is a connection of its own, which ends once."""
        self.say("sub,ann", "uns,ann", "uns,ann", "msg,ann,x", "sub,ann")
        self.assertEqual(self.events, ["ann made 192.0.2.1", "ann lost 1000 Unsubscribed", "ann made 192.0.2.1"])
        self.assertIsNot(self.everybody[0], self.everybody[1])


class EndTests(MultiplexTestCase):
    """Every ``connectionMade`` has one ``connectionLost``, after it and never inside another callback."""

    def test_application_may_end_a_topic(self) -> None:
        """The client hears it, the others go on; the code stays here, because the protocol has none."""
        self.say("sub,ann", "sub,bob")
        self.assertEqual(self.say("msg,ann,close", "msg,bob,on"), ['r: a["uns,ann"]', 'r: a["msg,bob,bob: on"]'])
        self.assertEqual(self.events[2:5], ["ann got close", "ann has closed", "ann lost 4000 as ordered"])

    def test_application_may_end_a_topic_at_once(self) -> None:
        """In ``connectionMade``; and the client may try again."""
        self.assertEqual(self.say("sub,carl", "sub,carl"), ['r: a["uns,carl"]'] * 2)
        self.assertEqual(self.events, ["carl made 192.0.2.1", "carl lost 3000 Go away!"] * 2)

    def test_application_may_end_a_topic_at_any_time(self) -> None:
        """Twice is once; what is sent then is ignored."""
        self.say("sub,ann")
        (ann,) = self.everybody
        ann.close()
        ann.close()
        ann.sendMessage("late")
        self.assertEqual((self.receiver.lines, ann.is_closed), (['r: a["uns,ann"]'], True))
        self.assertEqual(self.events[1:], ["ann lost 3000 Go away!"])

    def test_lost_client_ends_all_its_topics(self) -> None:
        """With the code of the connection that carried them."""
        self.say("sub,ann", "sub,bob", "uns,ann")
        self.client.interrupted(self.receiver, 1001, "Going")
        self.assertEqual(self.events[2:], ["ann lost 1000 Unsubscribed", "bob lost 1001 Going"])

    def test_topics_may_end_each_other(self) -> None:
        """In ``connectionLost``, while all are about to end: each ends once."""
        self.say("sub,ann", "sub,bob")
        ann, bob = self.everybody
        ann.connectionLost = bob.close  # type: ignore[method-assign]
        self.client.interrupted(self.receiver, 1001, "Going")
        self.assertEqual(self.events[2:], ["bob lost 3000 Go away!"])

    def test_broken_topic_ends_alone(self) -> None:
        """What it raises is logged once; its client hears that it is over."""
        self.say("sub,ann", "sub,bob")
        self.assertEqual(self.say("msg,ann,raise", "msg,bob,on"), ['r: a["uns,ann"]', 'r: a["msg,bob,bob: on"]'])
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.assertEqual(self.events[3], "ann lost 1011 Internal error")


class BroadcastTests(MultiplexTestCase):
    """One message to many clients of a topic."""

    def test_broadcast_reaches_each_client_of_the_topic(self) -> None:
        """It is encoded once."""
        self.say("sub,ann")
        other, receiver = self.connect()
        other.receive(["sub,ann"])
        self.everybody[0].broadcast(self.everybody, "news")
        self.assertEqual((self.receiver.lines, receiver.lines), (['r: a["msg,ann,news"]'],) * 2)
        self.assertIs(self.receiver.batches[-1], receiver.batches[-1])

    def test_something_else_than_text_is_refused(self) -> None:
        """Like on any connection."""
        self.say("sub,ann")
        with self.assertRaises(TypeError):
            self.everybody[0].sendMessage(1)  # type: ignore[arg-type]  # the point of this test


class CreateTests(SynchronousTestCase):
    """``MultiplexConnection.create``."""

    def test_each_class_has_topics_of_its_own(self) -> None:
        """Two endpoints may carry different ones, and subclasses keep what they are."""

        class Mine(MultiplexConnection):
            """Carries topics, and a little more."""

        first, second = MultiplexConnection.create(a=SockJSConnection), Mine.create(b=SockJSConnection)
        self.assertEqual((list(first.classes), list(second.classes), MultiplexConnection.classes), (["a"], ["b"], {}))
        self.assertTrue(issubclass(second, Mine))
