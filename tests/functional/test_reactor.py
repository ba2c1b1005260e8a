# -*- test-case-name: tests.functional.test_reactor -*-
"""The reactor that the daemon installs: real descriptors, one turn after the other."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.python import log
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.reactor import Reactor


class Ear(FileDescriptor):
    """Reads what comes into one end of a pair of sockets, and notes all of it in a log that several share.

    :ivar far: the other end.
    :ivar then: called after each read.
    :ivar afterwards: called at the end.
    """

    def __init__(self, reactor: Reactor, name: str, lines: list[str]) -> None:
        super().__init__(reactor)  # type: ignore[arg-type]  # Twisted's own class names fewer interfaces than it has
        self.name = name
        self.lines = lines
        self.near, self.far = socket.socketpair()
        self.then: Callable[[], Any] = lambda: None
        self.afterwards: Callable[[], Any] = lambda: None
        self.startReading()

    def fileno(self) -> int:
        """Return the descriptor, as the reactor asks for it."""
        return self.near.fileno()

    def logPrefix(self) -> str:
        """Return the name that stands before what is logged on behalf of this."""
        return f"the ear {self.name}"

    def doRead(self) -> Exception | None:
        """Read all that is there."""
        data = self.near.recv(100)
        self.lines.append(f"{self.name}: {data.decode()}")
        self.then()
        return None if data else ConnectionDone()

    def doWrite(self) -> None:
        """Take note that there is room, and ask no more."""
        self.lines.append(f"{self.name} may write")
        self.stopWriting()

    def connectionLost(self, reason: Any) -> None:
        """Take note of the end."""
        self.lines.append(f"{self.name} lost: {reason.type.__name__}")
        super().connectionLost(reason)
        self.near.close()
        self.afterwards()


class ReactorCase(SynchronousTestCase):
    """A reactor, and two ears."""

    def setUp(self) -> None:
        """Open them."""
        self.reactor = Reactor()
        self.lines: list[str] = []
        self.ann, self.bob = (Ear(self.reactor, name, self.lines) for name in ("ann", "bob"))
        self.addCleanup(self.close)

    def close(self) -> None:
        """Close everything."""
        for selectable in self.reactor.removeAll():
            if isinstance(selectable, Ear):
                selectable.near.close()
        for ear in (self.ann, self.bob):
            ear.far.close()

    def turn(self) -> list[str]:
        """Let the reactor do what there is to do now; return what was noted, in any order of descriptors."""
        self.lines.clear()
        self.reactor.doPoll(0)
        return sorted(self.lines)


class EventTests(ReactorCase):
    """Who is told of what."""

    def test_everybody_gets_what_came(self) -> None:
        """In one turn; and nobody who was sent nothing."""
        self.assertEqual(self.turn(), [])
        self.ann.far.send(b"one")
        self.bob.far.send(b"two")
        self.assertEqual(self.turn(), ["ann: one", "bob: two"])
        self.assertEqual(self.turn(), [])

    def test_room_is_told_to_who_asked_for_it(self) -> None:
        """Once, also to who is being sent something at the same time."""
        self.ann.startWriting()
        self.bob.startWriting()
        self.bob.far.send(b"two")
        self.assertEqual(self.turn(), ["ann may write", "bob may write", "bob: two"])
        self.assertEqual(self.turn(), [])

    def test_end_is_told(self) -> None:
        """After the last bytes."""
        self.ann.far.send(b"bye")
        self.ann.far.close()
        self.assertEqual(self.turn(), ["ann: bye"])
        self.assertEqual(self.turn(), ["ann lost: ConnectionDone", "ann: "])
        self.assertEqual(self.turn(), [])

    def test_end_is_told_to_who_does_not_read(self) -> None:
        """Because it wanted to write only."""
        self.ann.stopReading()
        self.ann.startWriting()
        self.ann.far.close()
        self.assertEqual(self.turn(), [f"ann lost: {ConnectionLost.__name__}"])

    def test_who_was_closed_in_the_same_turn_is_passed_over(self) -> None:
        """By one whose event came first."""

        def close(other: Ear) -> None:
            other.stopReading()
            other.near.close()

        self.ann.then = lambda: close(self.bob)
        self.bob.then = lambda: close(self.ann)
        self.ann.far.send(b"one")
        self.bob.far.send(b"two")
        self.assertEqual(len(self.turn()), 1)
        self.assertEqual(self.turn(), [])


class FailureTests(ReactorCase):
    """What an exception does, and does not."""

    def test_it_ends_one_connection_and_no_other(self) -> None:
        """Whoever raised is lost."""
        self.ann.then = lambda: 1 / 0
        self.ann.far.send(b"one")
        self.bob.far.send(b"two")
        self.assertEqual(self.turn(), ["ann lost: ZeroDivisionError", "ann: one", "bob: two"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def observe(self) -> list[str]:
        """Return a list of who errors are logged for, from now on."""
        systems: list[str] = []

        def observe(event: dict[str, Any]) -> None:
            if event.get("isError"):
                systems.append(event["system"])

        log.addObserver(observe)
        self.addCleanup(log.removeObserver, observe)
        return systems

    def test_it_is_logged_with_the_name_of_who_raised(self) -> None:
        """As Twisted's own reactors do."""
        systems = self.observe()
        self.ann.then = lambda: 1 / 0
        self.ann.far.send(b"one")
        self.turn()
        self.assertEqual((systems, len(self.flushLoggedErrors(ZeroDivisionError))), (["the ear ann"], 1))

    def test_what_the_end_raises_costs_the_others_nothing(self) -> None:
        """Neither what came for them in the same turn, nor what is done at its end; it is logged with the name."""
        systems = self.observe()
        for ear in (self.ann, self.bob):
            ear.afterwards = lambda: 1 / 0
            ear.far.close()
        self.reactor.soon(lambda: self.lines.append("end"))
        self.assertEqual(self.turn(), ["ann lost: ConnectionDone", "ann: ", "bob lost: ConnectionDone", "bob: ", "end"])
        self.assertEqual(sorted(systems), ["the ear ann", "the ear bob"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)


class SoonTests(ReactorCase):
    """What is called at the end of a turn."""

    def test_it_comes_after_everything_that_is_read(self) -> None:
        """Once, in the order in which it was asked for."""
        for ear in (self.ann, self.bob):
            ear.then = lambda: self.reactor.soon(lambda: self.lines.append("end"))
            ear.far.send(b"one")
        self.turn()
        self.assertEqual(self.lines[2:], ["end", "end"])
        self.assertEqual(self.turn(), [])

    def test_nothing_is_waited_for_before_it(self) -> None:
        """Where a timer asked for it, or the end of another turn."""
        self.reactor.soon(lambda: self.reactor.soon(lambda: self.lines.append("end")))
        for _ in range(2):
            self.reactor.doPoll(None)  # would wait for ever
        self.assertEqual(self.lines, ["end"])

    def test_exception_costs_the_others_nothing(self) -> None:
        """It is logged."""
        self.reactor.soon(lambda: 1 / 0)
        self.reactor.soon(lambda: self.lines.append("end"))
        self.assertEqual(self.turn(), ["end"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
