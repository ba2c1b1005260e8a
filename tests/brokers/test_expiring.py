# -*- test-case-name: tests.brokers.test_expiring -*-
"""Tests for sockjsd.brokers._expiring."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._expiring import Expiring


class ExpiringTests(SynchronousTestCase):
    """Values that are forgotten."""

    def setUp(self) -> None:
        """Make one on a clock that is moved by hand."""
        self.clock = Clock()
        self.held: Expiring[str, int] = Expiring(self.clock.seconds)

    def test_value_is_there_until_its_time_is_over(self) -> None:
        """Not a moment longer, whoever asks."""
        self.held.put("a", 1, 10)
        self.clock.advance(9.9)
        self.assertEqual((self.held.get("a"), list(self.held.items())), (1, [("a", 1)]))
        self.clock.advance(0.1)
        self.assertEqual((self.held.get("a"), self.held.pop("a"), list(self.held.items())), (None, None, []))

    def test_last_put_counts(self) -> None:
        """A value may get more time, or less."""
        self.held.put("a", 1, 10)
        self.held.put("a", 2, 20)
        self.held.put("b", 1, 20)
        self.held.put("b", 2, 10)
        self.clock.advance(15)
        self.assertEqual(list(self.held.items()), [("a", 2)])

    def test_longest_time_counts_when_it_is_extended(self) -> None:
        """Never less than it was, and the value is the last one."""
        self.held.extend("a", 1, 10)
        self.held.extend("a", 2, 5)
        self.held.extend("b", 1, 5)
        self.held.extend("b", 2, 10)
        self.clock.advance(9)
        self.assertEqual(list(self.held.items()), [("a", 2), ("b", 2)])
        self.clock.advance(1)
        self.assertEqual(list(self.held.items()), [])

    def test_pop_takes_the_value_out(self) -> None:
        """Once; who comes back begins anew."""
        self.held.put("a", 1, 10)
        self.assertEqual((self.held.pop("a"), self.held.pop("a"), self.held.get("never")), (1, None, None))
        self.clock.advance(5)
        self.held.put("a", 2, 10)
        self.clock.advance(9)
        self.assertEqual(self.held.get("a"), 2)

    def test_memory_is_given_back_by_later_puts(self) -> None:
        """Nobody has to ask for what is over."""
        for number in range(100):
            self.held.put(f"k{number}", number, 10)
        self.clock.advance(10)
        self.held.put("new", 1, 10)
        self.assertEqual(len(self.held), 1)

    def test_value_that_got_more_time_is_looked_at_again(self) -> None:
        """Its first time is over, its second is not; then that is over too."""
        self.held.put("a", 1, 10)
        self.held.put("a", 1, 15)
        self.clock.advance(10)
        self.held.put("b", 1, 1)
        self.assertEqual(len(self.held), 2)
        self.clock.advance(5)
        self.held.put("b", 1, 1)
        self.assertEqual(len(self.held), 1)

    def test_queue_does_not_grow_with_puts_and_pops(self) -> None:
        """A key that comes and goes ten thousand times uses memory once."""
        for _ in range(10_000):
            self.held.put("a", 1, 10)
            self.held.pop("a")
        self.assertEqual((len(self.held), len(self.held._queue)), (0, 1))
        self.clock.advance(10)
        self.held.put("b", 1, 10)
        self.assertEqual(len(self.held._queue), 1)
