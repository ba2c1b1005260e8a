# -*- test-case-name: tests.http.test_crew -*-
"""How many threads work at once."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.crew import CALM, MOST_LEFT, PATIENCE, TICK, Crew
from sockjsd.http.crossing import Crossing


class Threads:
    """A pool of four threads, of which the test says what they do.

    :ivar hurried: how often one more was let work.
    :ivar seconds: that they have computed.
    """

    def __init__(self) -> None:
        self.most = self.wanted = 4
        self.taken = self.waiting = self.hurried = 0
        self.seconds = 0.0

    def computed(self) -> float:
        return self.seconds

    def callInThread(self, call: Callable[[], object]) -> None:
        self.waiting += 1

    def hurry(self) -> None:
        self.hurried += 1


class Reactor(Clock):
    """Counts how often it is woken, and does nothing about it."""

    woken = 0

    def callFromThread(self, call: Callable[[], object]) -> None:
        self.woken += 1


class CrewTestCase(SynchronousTestCase):
    """A crew, and time that passes."""

    def setUp(self) -> None:
        self.reactor = Reactor()
        self.pool = Threads()
        self.ours = 0.0
        self.crossing = Crossing(self.reactor)  # type: ignore[arg-type]
        self.crew = Crew(self.reactor, self.pool, self.crossing, lambda: self.ours)
        self.made: list[int] = []

    def pass_time(self, ticks: int, *, theirs: float = 1.0, ours: float = 0.0, taken: int = 0) -> None:
        """Let *ticks* pass; in each, threads compute *theirs* of it, the reactor *ours*, and *taken* calls begin."""
        for _ in range(ticks):
            self.pool.seconds += theirs * TICK
            self.ours += ours * TICK
            self.pool.taken += taken
            self.reactor.advance(TICK)


class LeadingTests(CrewTestCase):
    """More threads, or less."""

    def setUp(self) -> None:
        super().setUp()
        self.crew.call(lambda: None)

    def test_one_thread_begins(self) -> None:
        """Whatever the pool has."""
        self.assertEqual((self.pool.wanted, self.pool.hurried), (1, 0))

    def test_views_that_wait_get_more_threads(self) -> None:
        """One each time, up to what the pool has."""
        wanted = []
        for _ in range(5):
            self.pass_time(1, theirs=0.1)
            wanted.append(self.pool.wanted)
        self.assertEqual((wanted, self.pool.hurried), ([2, 3, 4, 4, 4], 5))

    def test_short_views_that_compute_stay_in_one_thread(self) -> None:
        """Each look sees that some were begun."""
        self.pass_time(100, taken=20)
        self.assertEqual((self.pool.wanted, self.pool.hurried), (1, 0))

    def test_time_of_the_reactor_is_not_idle(self) -> None:
        """What it takes itself, threads cannot use; but they have to use what it leaves."""
        self.pass_time(10, theirs=0.3, ours=0.7, taken=5)
        self.assertEqual(self.pool.wanted, 1)
        self.pass_time(1, theirs=0.1, ours=0.7, taken=5)
        self.assertEqual(self.pool.wanted, 2)

    def test_reactor_that_leaves_nothing_changes_nothing(self) -> None:
        """There is nothing to judge by."""
        self.pass_time(3, theirs=0.0, ours=1.0)
        self.assertEqual(self.pool.wanted, 1)

    def test_long_view_that_computes_holds_others_for_a_while_only(self) -> None:
        """Then another thread helps, and another."""
        ticks = round(PATIENCE / TICK)
        self.pass_time(ticks - 1)
        self.assertEqual(self.pool.wanted, 1)
        self.pass_time(2)
        self.assertEqual(self.pool.wanted, 2)
        self.pass_time(ticks + 1)
        self.assertEqual(self.pool.wanted, 3)

    def test_threads_that_are_not_needed_rest(self) -> None:
        """One after the other, when they have left nothing idle for a while; the last one stays."""
        self.pass_time(3, theirs=0.1)
        wanted = []
        for _ in range(4):
            self.pass_time(round(CALM / TICK) + 1, taken=5)
            wanted.append(self.pool.wanted)
        self.assertEqual(wanted, [3, 2, 1, 1])

    def test_threads_that_leave_something_idle_now_and_then_stay(self) -> None:
        """One more costs little, and one less would be missed at once."""
        self.pass_time(3, theirs=0.1)
        for _ in range(10):
            self.pass_time(round(CALM / TICK) - 2, taken=5)
            self.pass_time(1, theirs=0.95, taken=5)
        self.assertEqual(self.pool.wanted, 4)

    def test_threads_that_are_just_enough_stay(self) -> None:
        """Neither more nor less."""
        self.pass_time(1, theirs=0.1)
        self.pass_time(100, theirs=0.95, taken=5)
        self.assertEqual(self.pool.wanted, 2)

    def test_nobody_looks_while_nobody_waits(self) -> None:
        """It begins anew with the next who has to."""
        self.pool.waiting = 0
        self.pass_time(1)
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.crew.call(lambda: None)
        self.crew.call(lambda: None)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)


class HandingOverTests(CrewTestCase):
    """What threads have done."""

    def hand_over(self) -> None:
        """Let a thread do so."""
        self.crew.hand_over(lambda: self.made.append(1))

    def test_reactor_is_woken_where_nobody_waits(self) -> None:
        """The thread has nothing else to do."""
        self.hand_over()
        self.assertEqual(self.reactor.woken, 1)

    def test_answer_waits_while_its_thread_goes_on(self) -> None:
        """Until the next look, at most."""
        self.crew.call(lambda: None)
        self.hand_over()
        self.assertEqual((self.reactor.woken, self.made), (0, []))
        self.pass_time(1)
        self.assertEqual((self.reactor.woken, self.made), (0, [1]))

    def test_only_so_many_answers_wait(self) -> None:
        """Then the reactor is woken."""
        self.crew.call(lambda: None)
        for _ in range(MOST_LEFT - 1):
            self.hand_over()
        self.assertEqual(self.reactor.woken, 0)
        self.hand_over()
        self.assertEqual(self.reactor.woken, 1)

    def test_last_look_collects(self) -> None:
        """Whoever left an answer saw somebody wait, who is gone since."""
        self.crew.call(lambda: None)
        self.hand_over()
        self.pool.waiting = 0
        self.pass_time(1)
        self.assertEqual((self.made, self.reactor.getDelayedCalls()), ([1], []))
