# -*- test-case-name: tests.http.test_crossing -*-
"""What threads leave to the reactor."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.crossing import Crossing


class Reactor:
    """Wakes up when the test says so."""

    def __init__(self) -> None:
        self.woken: list[Callable[[], object]] = []

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.woken.append(call)

    def turn(self) -> None:
        """Do what it was woken for."""
        woken, self.woken = self.woken, []
        for call in woken:
            call()


class CrossingTests(SynchronousTestCase):
    """The way to the reactor."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.crossing = Crossing(self.reactor)  # type: ignore[arg-type]
        self.made: list[int] = []

    def note(self, number: int) -> Callable[[], object]:
        """Return a call that is remembered as *number*."""
        return lambda: self.made.append(number)

    def test_many_calls_share_a_wake_up(self) -> None:
        """They are made in their order; the next one wakes it again."""
        for number in range(3):
            self.crossing.call(self.note(number))
        self.assertEqual((len(self.reactor.woken), self.crossing.waiting), (1, 3))
        self.reactor.turn()
        self.assertEqual((self.made, self.crossing.waiting), ([0, 1, 2], 0))
        self.crossing.call(self.note(3))
        self.assertEqual(len(self.reactor.woken), 1)

    def test_what_is_left_wakes_nobody(self) -> None:
        """It goes with the next call, before it."""
        self.crossing.leave(self.note(0))
        self.assertEqual(self.reactor.woken, [])
        self.crossing.call(self.note(1))
        self.reactor.turn()
        self.assertEqual(self.made, [0, 1])

    def test_what_is_left_is_collected(self) -> None:
        """By whoever promised it."""
        self.crossing.leave(self.note(0))
        self.crossing.collect()
        self.assertEqual(self.made, [0])

    def test_call_during_collection_is_made_in_another_turn(self) -> None:
        """So that threads cannot hold the reactor."""
        self.crossing.call(lambda: self.crossing.call(self.note(1)))
        self.reactor.turn()
        self.assertEqual((self.made, len(self.reactor.woken)), ([], 1))
        self.reactor.turn()
        self.assertEqual(self.made, [1])

    def test_call_may_collect(self) -> None:
        """Each one is made once all the same."""
        self.crossing.leave(self.crossing.collect)
        self.crossing.leave(self.note(1))
        self.crossing.collect()
        self.assertEqual(self.made, [1])

    def test_failure_of_one_is_logged(self) -> None:
        """The others are made."""
        self.crossing.leave(lambda: 1 // 0)
        self.crossing.call(self.note(1))
        self.reactor.turn()
        self.assertEqual(self.made, [1])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
