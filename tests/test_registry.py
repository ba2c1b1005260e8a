# -*- test-case-name: tests.test_registry -*-
"""The registry: sessions found, counted, ended and forgotten; and what broken applications do to them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import HTTPError
from sockjsd.registry import Registry
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.session import Session, SessionOptions
from sockjsd.sockjs.states import State
from sockjsd.wheel import Wheel
from tests.sockjs.fakes import RecordingReceiver

INFO = ConnectionInfo("192.0.2.1", path="/echo/000/abc/xhr", transport="xhr")
OPTIONS = SessionOptions(heartbeat=25.0, disconnect_delay=5.0)
FAILED = 'r: c[1011,"Internal error"]'


class NotingConnection(SockJSConnection):
    """Notes its callbacks; raises in those that ``broken`` names."""

    def __init__(self) -> None:
        self.calls: list[object] = []
        self.broken: set[str] = set()

    def note(self, name: str, argument: object = "") -> None:
        """Note a call, and raise if that was asked for."""
        self.calls.append((name, argument) if argument else name)
        if name in self.broken:
            raise LookupError(name)

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Note the beginning."""
        self.note("made", info)

    def messageReceived(self, message: str) -> None:
        """Note a message."""
        self.note("received", message)

    def connectionLost(self) -> None:
        """Note the end."""
        self.note("lost")


class RegistryTestCase(SynchronousTestCase):
    """A registry on a wheel on a clock of ours."""

    def setUp(self) -> None:
        """Build them; the last connection made is ``self.connection``."""
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.connections: list[NotingConnection] = []
        #: The callbacks in which connections to come raise.
        self.broken: set[str] = set()
        self.registry = self.build(limit=3)

    def build(self, limit: int) -> Registry:
        """Return a registry for *limit* sessions."""
        return Registry(self.make_connection, self.wheel, OPTIONS, limit, "/events")

    def make_connection(self) -> NotingConnection:
        """The endpoint's application."""
        connection = NotingConnection()
        connection.broken = set(self.broken)
        self.connections.append(connection)
        return connection

    def session(self, session_id: str | None = "abc", capacity: int | None = None) -> tuple[Session, RecordingReceiver]:
        """Return a new session and its first receiver."""
        session = self.registry.create(INFO, session_id)
        receiver = RecordingReceiver(session, capacity=capacity)
        session.attach(receiver)
        return session, receiver

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([0.25] * round(seconds / 0.25))

    def assertNothingLeft(self) -> None:
        """Neither a session nor a time-out remains."""
        self.assertEqual((len(self.registry), len(self.wheel)), (0, 0))
        self.assertEqual((self.registry._by_id, self.registry._anonymous), ({}, set()))


class FindTests(RegistryTestCase):
    """Sessions by their ids."""

    def test_session_is_found_by_its_id(self) -> None:
        """And no other one is."""
        session, _ = self.session("abc")
        self.assertIs(self.registry.find("abc"), session)
        self.assertIsNone(self.registry.find("abd"))

    def test_session_without_id_is_not_found(self) -> None:
        """A WebSocket's session is nobody else's business."""
        self.session(None)
        self.assertIsNone(self.registry.find(""))
        self.assertEqual(len(self.registry), 1)

    def test_session_does_not_exist_for_other_addresses(self) -> None:
        """404 where addresses are checked; the connection may go on."""
        session, _ = self.session("abc")
        self.assertIs(self.registry.find("abc", "192.0.2.1"), session)
        error = self.assertRaises(HTTPError, self.registry.find, "abc", "203.0.113.9")
        self.assertEqual((error.status, error.close), (404, False))

    def test_unknown_session_is_nobody_s(self) -> None:
        """Where addresses are checked, a new id may still be used."""
        self.assertIsNone(self.registry.find("abc", "192.0.2.1"))


class CreateTests(RegistryTestCase):
    """New sessions."""

    def test_application_is_made_for_each_session(self) -> None:
        """It gets to know the first request, and its session."""
        session, _ = self.session()
        self.assertEqual(self.connections[0].calls, [("made", INFO)])
        self.assertIs(self.connections[0].session, session)

    def test_application_may_come_with_the_request(self) -> None:
        """Then none is made; it is guarded like any other."""
        given = NotingConnection()
        session = self.registry.create(INFO, None, connection=given)
        session.attach(RecordingReceiver(session))
        self.assertEqual(([("made", INFO)], []), (given.calls, self.connections))

    def test_sessions_send_together_in_what_was_given(self) -> None:
        """A broadcast asks for it; without one there is something that does nothing, as often as it is asked for."""
        together = ExitStack()
        given = Registry(self.make_connection, self.wheel, OPTIONS, 3, "/events", together)
        self.assertIs(given.create(INFO, "abc").together, together)
        session = self.registry.create(INFO, "abc")
        with session.together, session.together:
            pass

    def test_limit_is_kept(self) -> None:
        """503 for one more, of either kind, and no application is made for it."""
        for session_id in ("a", "b", None):
            self.session(session_id)
        for session_id in ("c", None):
            error = self.assertRaises(HTTPError, self.registry.create, INFO, session_id)
            self.assertEqual((error.status, error.close), (503, False))
        self.assertEqual((len(self.registry), len(self.connections)), (3, 3))

    def test_limit_has_room_again_when_a_session_is_forgotten(self) -> None:
        """A session that ended counts for as long as its close frame is on offer."""
        self.registry = self.build(limit=1)
        session, _ = self.session("a")
        session.close()
        self.assertRaises(HTTPError, self.registry.create, INFO, "b")
        self.pass_time(6)
        self.session("b")
        self.assertEqual(len(self.registry), 1)

    def test_broken_constructor_leaves_nothing_behind(self) -> None:
        """The error is the caller's to log and to answer."""

        def broken() -> SockJSConnection:
            raise LookupError("constructor")

        self.registry = Registry(broken, self.wheel, OPTIONS, 3)
        self.assertRaises(LookupError, self.registry.create, INFO, "abc")
        self.assertNothingLeft()

    def test_session_that_nobody_attaches_to_is_forgotten(self) -> None:
        """A request may fail between the two; the application never hears of it."""
        for session_id in ("abc", None):
            self.registry.create(INFO, session_id)
        self.pass_time(4.75)
        self.assertEqual(len(self.registry), 2)
        self.pass_time(1)
        self.assertNothingLeft()
        self.assertEqual([connection.calls for connection in self.connections], [[], []])

    def test_session_that_does_not_wait_has_no_time_out(self) -> None:
        """Until a receiver is there; closed before, it leaves nothing."""
        session = self.registry.create(INFO, None, waits=False)
        self.assertEqual((len(self.registry), len(self.wheel)), (1, 0))
        session.close()
        self.assertNothingLeft()
        session = self.registry.create(INFO, None, waits=False)
        session.attach(RecordingReceiver(session))
        self.assertEqual((len(self.registry), len(self.wheel)), (1, 1))


class EndTests(RegistryTestCase):
    """However a session ends, nothing is left, and the application was told once."""

    def assertEnded(self) -> None:
        """Each application heard one beginning and one end."""
        for connection in self.connections:
            self.assertEqual(connection.calls, [("made", INFO), "lost"])

    def test_nothing_is_left_when_client_does_not_come_back(self) -> None:
        """After the delay the id is free."""
        self.session("abc", capacity=1)
        self.pass_time(4.75)
        self.assertEqual(self.connections[0].calls, [("made", INFO)])
        self.pass_time(1)
        self.assertEnded()
        self.assertNothingLeft()

    def test_nothing_is_left_when_application_closes(self) -> None:
        """A WebSocket at once, the others after the delay."""
        for session_id in ("abc", None):
            session, _ = self.session(session_id)
            session.close()
        self.assertEqual(len(self.registry), 1)
        self.pass_time(6)
        self.assertEnded()
        self.assertNothingLeft()

    def test_nothing_is_left_when_socket_is_lost(self) -> None:
        """Either kind, and at whatever moment between two heartbeats."""
        for session_id in ("abc", None):
            session, receiver = self.session(session_id)
            self.pass_time(30)
            session.interrupted(receiver)
        self.pass_time(6)
        self.assertEnded()
        self.assertNothingLeft()

    def test_what_was_not_delivered_is_counted_and_told(self) -> None:
        """A client that stays away loses what waited for it: the log says how much, and so does the counter."""
        lines: list[LogEvent] = []
        globalLogPublisher.addObserver(lines.append)
        self.addCleanup(globalLogPublisher.removeObserver, lines.append)
        session, _ = self.session("abc", capacity=1)
        session.send("one")
        session.send("two")
        self.pass_time(6)
        losses = self.registry.losses
        self.assertEqual((losses.connections, losses.messages), (1, 2))
        self.assertIn("/events: 1 connections ended before 2 messages were delivered", formatEvent(lines[-1]))

    def test_id_is_free_for_a_new_session(self) -> None:
        """The end of the old one does not touch the new one."""
        old, _ = self.session("abc", capacity=1)
        self.pass_time(6)
        new, _ = self.session("abc")
        old.close()
        self.assertIs(self.registry.find("abc"), new)
        self.assertIs(new.state, State.OPEN)

    def test_heartbeats_come_while_somebody_waits(self) -> None:
        """One each 25 seconds, as long as the stream lasts."""
        _, receiver = self.session()
        self.pass_time(100)
        self.assertEqual(receiver.lines[0], "r: o")
        self.assertEqual(set(receiver.lines[1:]), {"r: h"})
        self.assertEqual(len(receiver.lines[1:]), 3)  # the fourth is a turn late


class CloseAllTests(RegistryTestCase):
    """The daemon stops."""

    def test_everybody_is_told(self) -> None:
        """1001 for each client, and the end for each application."""
        receivers = [self.session(session_id)[1] for session_id in ("a", "b", None)]
        self.assertEqual(self.registry.close_all(), 3)
        for receiver in receivers:
            self.assertEqual(receiver.lines, ["r: o", 'r: c[1001,"Server is going away"]'])
        self.assertEqual([connection.calls[-1] for connection in self.connections], ["lost"] * 3)
        self.pass_time(6)
        self.assertNothingLeft()

    def test_client_between_two_polls_is_told_when_it_comes_back(self) -> None:
        """What was sent before comes first."""
        session, _ = self.session("abc", capacity=1)
        session.send("last words")
        self.registry.close_all()
        receiver = RecordingReceiver(session)
        session.attach(receiver)
        self.assertEqual(receiver.lines, ['r: a["last words"]', 'r: c[1001,"Server is going away"]'])

    def test_nobody_new_is_let_in(self) -> None:
        """A keep-alive connection might still ask."""
        self.registry.close_all()
        error = self.assertRaises(HTTPError, self.registry.create, INFO, "abc")
        self.assertEqual((error.status, error.close), (503, True))

    def test_new_ones_are_let_in_again_after_an_opening(self) -> None:
        """A router may be given a port again."""
        self.registry.close_all()
        self.registry.open()
        self.session("abc")
        self.assertEqual(len(self.registry), 1)

    def test_sessions_that_nobody_attached_to_are_gone(self) -> None:
        """They are dropped at once."""
        self.registry.create(INFO, "abc")
        self.registry.create(INFO, None)
        self.registry.close_all()
        self.assertNothingLeft()

    def test_application_may_close_others_meanwhile(self) -> None:
        """The end of one client may be the end of another."""
        first, _ = self.session("a")
        second, _ = self.session("b")
        self.connections[0].connectionLost = second.close  # type: ignore[method-assign]
        self.connections[1].connectionLost = first.close  # type: ignore[method-assign]
        self.registry.close_all()
        self.assertEqual([first.state, second.state], [State.CLOSING] * 2)

    def test_broken_application_does_not_keep_others(self) -> None:
        """It is logged, and everybody else is told."""
        self.broken = {"lost"}
        receivers = [self.session(session_id)[1] for session_id in ("a", "b")]
        self.registry.close_all()
        self.assertEqual([len(receiver.lines) for receiver in receivers], [2, 2])
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 2)


class BrokenApplicationTests(RegistryTestCase):
    """User code that raises: logged once, 1011 for the client, one end for the application."""

    def check(self, broken: str, act: Callable[[Session], object], calls: list[object]) -> RecordingReceiver:
        """Let *act* happen to a session whose application raises in *broken*; return its receiver."""
        self.broken = {broken}
        session, receiver = self.session()
        act(session)
        self.assertEqual(len(self.flushLoggedErrors(LookupError)), 1)
        self.assertEqual(self.connections[-1].calls, calls)
        self.pass_time(6)
        self.assertNothingLeft()
        return receiver

    def test_failure_when_made_ends_the_session(self) -> None:
        """The client is opened and closed; a message in between goes nowhere."""
        receiver = self.check("made", lambda session: session.receive(["a"]), [("made", INFO), "lost"])
        self.assertEqual(receiver.lines, ["r: o", FAILED])

    def test_failure_when_message_came_ends_the_session(self) -> None:
        """The rest of the array is not handed on."""
        calls: list[object] = [("made", INFO), ("received", "a"), "lost"]
        receiver = self.check("received", lambda session: session.receive(["a", "b"]), calls)
        self.assertEqual(receiver.lines, ["r: o", FAILED])

    def test_failure_when_lost_changes_nothing(self) -> None:
        """The client got the code that was meant for it."""
        receiver = self.check("lost", lambda session: session.close(4000, "Enough"), [("made", INFO), "lost"])
        self.assertEqual(receiver.lines, ["r: o", 'r: c[4000,"Enough"]'])

    def test_failure_says_which_class_failed(self) -> None:
        """The log names callback and class, so that somebody can mend it."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.broken = {"made"}
        self.session()
        self.flushLoggedErrors(LookupError)
        (text,) = [formatEvent(event) for event in events if "callback" in event]
        self.assertIn("connectionMade of", text)
        self.assertIn("NotingConnection", text)
