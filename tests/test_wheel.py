# -*- test-case-name: tests.test_wheel -*-
"""The wheel: when a time-out fires, and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.wheel import RESOLUTION, Timed, Wheel


class Item:
    """Something that waits, and notes when its time came.

    :param clock: tells when that was.
    :param then: what it does when its time has come.
    """

    def __init__(self, clock: Clock, then: Callable[[], object] = lambda: None) -> None:
        self.due = -1
        self.fired: list[float] = []
        self.then = then
        self._clock = clock

    def timed_out(self) -> None:
        """Note the time."""
        self.fired.append(self._clock.seconds())
        self.then()


class CountingSlots(dict[int, set[Timed]]):
    """Counts how often somebody looks into a slot, and does not wait until that becomes ridiculous."""

    asked = 0

    def get(self, turn: int, default: Any = None) -> Any:
        """Return the slot of *turn*, or *default*."""
        self.asked += 1
        if self.asked > 1000:
            raise AssertionError("the wheel goes through turns in which nobody waits")
        return super().get(turn, default)


class ReadingClock(Clock):
    """Like a reactor it reads before a call that was asked for without delay.

    :ivar reads: called then, once.
    :ivar one_by_one: whether each turn reads one of them.
    :ivar reads_asked: how often something was asked for without delay.
    """

    reads_asked = 0
    one_by_one = False

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[Callable[[], object]] = []

    def callLater(self, when: float, what: Callable[..., object], *a: object, **kw: object) -> Any:
        """Call *what* later, and read before if that is soon."""
        if not when:
            self.reads_asked += 1
            super().callLater(0, self._read)
        return super().callLater(when, what, *a, **kw)

    def _read(self) -> None:
        while self.reads:
            self.reads.pop(0)()
            if self.one_by_one:
                break


class WheelTestCase(SynchronousTestCase):
    """A wheel that turns on a clock of ours."""

    def setUp(self) -> None:
        """Start it."""
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()

    def item(self, then: Callable[[], object] = lambda: None) -> Item:
        """Return an item that does not wait yet."""
        return Item(self.clock, then)

    def waiting(self, seconds: float, then: Callable[[], object] = lambda: None) -> Item:
        """Return an item that waits for *seconds*."""
        item = self.item(then)
        self.wheel.set(item, seconds)
        return item

    def run_for(self, seconds: float, step: float = RESOLUTION / 4) -> None:
        """Let time pass in small steps."""
        self.clock.pump([step] * round(seconds / step))


class WheelTests(WheelTestCase):
    """Waiting."""

    def test_item_fires_once_never_early_and_less_than_two_turns_late(self) -> None:
        """Whatever is asked for, and wherever in a turn it is asked."""
        for offset in (0.0, 0.0625, 0.125, 0.1875):
            for seconds in (0.0, 0.01, 0.25, 0.3, 1.0, 5.0, 25.0):
                with self.subTest(offset=offset, seconds=seconds):
                    self.clock.advance(offset)
                    item, start = self.waiting(seconds), self.clock.seconds()
                    self.run_for(seconds + 2)
                    self.assertEqual(len(item.fired), 1)
                    self.assertGreaterEqual(item.fired[0], start + seconds)
                    self.assertLess(item.fired[0], start + seconds + 2 * RESOLUTION)

    def test_item_that_is_set_again_fires_at_the_later_time_only(self) -> None:
        """The first time is forgotten."""
        item = self.waiting(1)
        self.run_for(0.5)
        self.wheel.set(item, 3)
        self.run_for(2.9)
        self.assertEqual(item.fired, [])
        self.run_for(1)
        self.assertEqual(len(item.fired), 1)

    def test_item_that_is_set_again_fires_at_the_earlier_time_only(self) -> None:
        """Also when the new time is before the old one."""
        item = self.waiting(10)
        self.wheel.set(item, 1)
        self.run_for(12)
        self.assertEqual(len(item.fired), 1)
        self.assertLess(item.fired[0], 2)

    def test_cancelled_item_never_fires(self) -> None:
        """And to cancel what does not wait is harmless."""
        item = self.waiting(1)
        self.wheel.cancel(item)
        self.wheel.cancel(item)
        self.wheel.cancel(self.item())
        self.run_for(3)
        self.assertEqual(item.fired, [])

    def test_length_is_how_many_wait(self) -> None:
        """One for each item, however often it was set."""
        first, second = self.waiting(1), self.waiting(2)
        self.wheel.set(first, 2)
        self.assertEqual(len(self.wheel), 2)
        self.wheel.cancel(second)
        self.assertEqual(len(self.wheel), 1)
        self.run_for(3)
        self.assertEqual(len(self.wheel), 0)

    def test_nothing_is_kept_of_what_is_over(self) -> None:
        """A wheel that runs for months does not grow."""
        for _ in range(100):
            self.wheel.cancel(self.waiting(1))
            self.waiting(0.5)
            self.run_for(0.5)
        self.run_for(3)
        self.assertEqual(self.wheel._slots, {})

    def test_nothing_is_kept_of_what_was_cancelled(self) -> None:
        """A month before its time would have come."""
        self.wheel.cancel(self.waiting(30 * 24 * 3600))
        self.assertEqual(self.wheel._slots, {})


class TimeOutTests(WheelTestCase):
    """What an item may do when its time has come."""

    def test_item_may_wait_again(self) -> None:
        """A heartbeat: one interval after the other."""
        item = self.item()
        item.then = lambda: self.wheel.set(item, 1)
        self.wheel.set(item, 1)
        self.run_for(10)
        self.assertEqual(len(item.fired), 8)  # each of them up to a turn late

    def test_item_may_cancel_another_of_the_same_turn(self) -> None:
        """Exactly one of two that cancel each other fires."""
        first, second = self.waiting(1), self.waiting(1)
        first.then = lambda: self.wheel.cancel(second)
        second.then = lambda: self.wheel.cancel(first)
        self.run_for(3)
        self.assertEqual(len(first.fired) + len(second.fired), 1)
        self.assertEqual(len(self.wheel), 0)

    def test_item_may_postpone_another_of_the_same_turn(self) -> None:
        """The other one fires later, once."""
        first, second = self.waiting(1), self.waiting(1)
        first.then = partial(self.postpone, second)
        second.then = partial(self.postpone, first)
        self.run_for(3)
        self.assertEqual(len(first.fired) + len(second.fired), 1)
        self.run_for(4)
        self.assertEqual((len(first.fired), len(second.fired)), (1, 1))

    def postpone(self, other: Item) -> None:
        """Let *other* wait again, if it still waits."""
        if not other.fired:
            self.wheel.set(other, 5)

    def test_item_that_raises_harms_nobody(self) -> None:
        """It is logged, and all others get their turn, in the same turn and later."""
        broken = [self.waiting(1, lambda: 1 // 0) for _ in range(3)]
        others = [self.waiting(1) for _ in range(3)] + [self.waiting(2)]
        self.run_for(4)
        self.assertEqual([len(item.fired) for item in broken + others], [1] * 7)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)

    def test_item_may_stop_the_wheel(self) -> None:
        """Nothing fires in a later turn."""
        self.waiting(1, self.wheel.stop)
        late = self.waiting(2)
        self.run_for(4)
        self.assertEqual(late.fired, [])


class StallTests(WheelTestCase):
    """The process stood still: many turns come at once."""

    def test_all_that_is_due_fires_in_order(self) -> None:
        """The earlier one first."""
        order: list[str] = []
        self.waiting(2, lambda: order.append("second"))
        self.waiting(1, lambda: order.append("first"))
        later = self.waiting(60)
        self.clock.advance(30)
        self.assertEqual(order, ["first", "second"])
        self.assertEqual(later.fired, [])

    def test_what_is_set_then_counts_from_now(self) -> None:
        """A peer that is asked after a stall has all its time to answer."""
        answer = self.item()
        self.waiting(1, lambda: self.wheel.set(answer, 10))
        self.clock.advance(60)
        self.assertEqual(answer.fired, [])
        self.run_for(9.9)
        self.assertEqual(answer.fired, [])
        self.run_for(1)
        self.assertEqual(len(answer.fired), 1)

    def test_clock_that_was_set_is_caught_up_with_at_once(self) -> None:
        """From 1970 to today are billions of turns, in nearly all of which nobody waits."""
        slots = CountingSlots()
        self.wheel._slots = slots
        soon, later = self.waiting(1), self.waiting(60)
        self.clock.advance(56 * 365 * 24 * 60 * 60)
        self.assertEqual((len(soon.fired), len(later.fired), len(self.wheel)), (1, 1, 0))
        self.assertLess(slots.asked, 10)
        again = self.waiting(1)
        self.run_for(2)
        self.assertEqual((len(again.fired), slots), (1, {}))


class ReadingTests(SynchronousTestCase):
    """What peers sent during a stall is read before anybody is taken for silent."""

    def setUp(self) -> None:
        """Start a wheel in a reactor that reads after its timers, and before those that they have set."""
        self.clock = ReadingClock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.addCleanup(self.wheel.stop)
        self.silent, self.heard = Item(self.clock), Item(self.clock)
        for item in (self.silent, self.heard):
            self.wheel.set(item, 5)

    def test_who_spoke_in_time_is_heard(self) -> None:
        """And has all its time again; who did not is silent."""
        self.clock.reads.append(lambda: self.wheel.set(self.heard, 5))
        self.clock.advance(60)
        self.assertEqual((self.silent.fired, self.heard.fired), ([60.0], []))
        self.clock.pump([0.25] * 19)
        self.assertEqual(self.heard.fired, [])
        self.clock.pump([0.25] * 3)
        self.assertEqual(len(self.heard.fired), 1)

    def test_much_to_do_is_no_stall(self) -> None:
        """Turns that come late by less than a second fire at once, all of them."""
        self.clock.pump([0.9] * 10)
        self.assertEqual((self.clock.reads_asked, len(self.silent.fired), len(self.heard.fired)), (0, 1, 1))

    def test_turns_that_come_meanwhile_wait_for_the_reading_too(self) -> None:
        """However long it takes."""
        self.clock.reads += [lambda: self.wheel._advance(1), lambda: self.wheel.set(self.heard, 5)]
        self.clock.advance(60)
        self.assertEqual((self.silent.fired, self.heard.fired), ([60.0], []))

    def test_reading_has_an_end(self) -> None:
        """Where each turn of the reactor takes long, time-outs fire all the same."""
        self.clock.reads += [partial(setattr, self.clock, "rightNow", 60 + seconds) for seconds in (0.4, 0.8, 1.2)]
        self.clock.reads.append(lambda: self.fail("read once more"))
        self.clock.one_by_one = True
        self.clock.advance(60)
        self.assertEqual((self.silent.fired, self.heard.fired), ([61.2], [61.2]))

    def test_one_stall_may_follow_another(self) -> None:
        """While the time-outs of the first still wait, too: each fires once."""
        self.clock.reads.append(lambda: self.wheel._advance(8))
        self.clock.advance(60)
        self.assertEqual((len(self.silent.fired), len(self.heard.fired), len(self.wheel)), (1, 1, 0))

    def test_stop_leaves_nothing_behind(self) -> None:
        """In the middle of a stall."""
        self.clock.reads.append(self.wheel.stop)
        self.clock.advance(60)
        self.assertEqual((self.silent.fired, self.clock.getDelayedCalls()), ([], []))


class SecondTests(WheelTestCase):
    """What is called each second."""

    def test_calls_once_a_second(self) -> None:
        """It does not count as one who waits."""
        times: list[float] = []
        self.wheel.each_second(lambda: times.append(self.clock.seconds()))
        self.run_for(3.5)
        self.assertEqual(([0.0, 1.0, 2.0, 3.0], 0), (times, len(self.wheel)))

    def test_calls_once_after_a_stall(self) -> None:
        """However many seconds were missed."""
        times: list[float] = []
        self.wheel.each_second(lambda: times.append(self.clock.seconds()))
        self.clock.advance(60)
        self.assertEqual([0.0, 60.0], times)

    def test_calls_first_when_the_wheel_starts(self) -> None:
        """Not when it is built."""
        wheel = Wheel(self.clock)
        self.addCleanup(wheel.stop)
        times: list[float] = []
        wheel.each_second(lambda: times.append(self.clock.seconds()))
        self.clock.advance(5)
        self.assertEqual([], times)
        wheel.start()
        self.assertEqual([5.0], times)

    def test_call_that_raises_harms_nobody(self) -> None:
        """It is logged each time; the wheel goes on turning, and what comes behind it is called."""
        times: list[float] = []
        self.wheel.each_second(lambda: 1 // 0)
        self.wheel.each_second(lambda: times.append(self.clock.seconds()))
        item = self.waiting(2)
        self.run_for(3)
        self.assertEqual((times, len(item.fired)), ([0.0, 1.0, 2.0, 3.0], 1))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 4)

    def test_call_that_raises_does_not_keep_the_wheel_from_starting(self) -> None:
        """Nor the rest of the daemon, which starts behind it."""
        self.wheel.stop()
        self.wheel.each_second(lambda: 1 // 0)
        self.wheel.start()
        item = self.waiting(0)
        self.run_for(0.5)
        self.assertEqual((len(item.fired), len(self.flushLoggedErrors(ZeroDivisionError))), (1, 1))


class StartTests(SynchronousTestCase):
    """The wheel turns between `start` and `stop`."""

    def setUp(self) -> None:
        """Build a wheel."""
        self.clock = Clock()
        self.wheel = Wheel(self.clock)

    def test_building_starts_nothing(self) -> None:
        """No call is pending, though something waits."""
        self.wheel.set(Item(self.clock), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop_leaves_nothing_behind(self) -> None:
        """No call is pending, nothing fires; twice is harmless."""
        item = Item(self.clock)
        self.wheel.start()
        self.wheel.set(item, 1)
        self.wheel.stop()
        self.wheel.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(5)
        self.assertEqual(item.fired, [])

    def test_start_again_goes_on(self) -> None:
        """What waited still waits; one start too many does not turn it twice as fast."""
        item = Item(self.clock)
        self.wheel.set(item, 1)
        self.wheel.start()
        self.wheel.stop()
        self.wheel.start()
        self.wheel.start()
        self.clock.pump([RESOLUTION] * 4)
        self.assertEqual(item.fired, [])
        self.clock.pump([RESOLUTION] * 2)
        self.assertEqual(len(item.fired), 1)
