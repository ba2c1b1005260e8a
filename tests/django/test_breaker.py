# -*- test-case-name: tests.django.test_breaker -*-
"""Tests of ``sockjsd.django.breaker``."""

from __future__ import annotations

import threading

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.django.breaker import Breaker, BreakerState

CLOSED, OPEN, PROBING = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.PROBING

DELAY = 2.0

#: (state before, what happens, seconds since the failure that opened it, what admit says, state after)
TABLE: list[tuple[BreakerState, str, float, bool | None, BreakerState]] = [
    (CLOSED, "admit", 0.0, True, CLOSED),
    (CLOSED, "succeeded", 0.0, None, CLOSED),
    (CLOSED, "failed", 0.0, None, OPEN),
    (OPEN, "admit", 0.0, False, OPEN),
    (OPEN, "admit", 1.9, False, OPEN),
    (OPEN, "admit", 2.0, True, PROBING),
    (OPEN, "succeeded", 0.5, None, CLOSED),
    (OPEN, "failed", 0.5, None, OPEN),
    (PROBING, "admit", 2.0, False, PROBING),
    (PROBING, "admit", 60.0, False, PROBING),
    (PROBING, "succeeded", 2.0, None, CLOSED),
    (PROBING, "failed", 2.0, None, OPEN),
]


class BreakerTests(SynchronousTestCase):
    """Who is let through to the network, and when."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker(DELAY, self.clock.seconds)

    def bring_to(self, state: BreakerState, elapsed: float) -> None:
        """Make *state* the present one, *elapsed* seconds after the failure that opened it."""
        if state is not CLOSED:
            self.breaker.failed()
        if state is PROBING:
            self.clock.advance(DELAY)
            self.assertTrue(self.breaker.admit())
            elapsed -= DELAY
        self.clock.advance(elapsed)

    def test_breaker_follows_table_in_every_state(self) -> None:
        """Each event in each state has the answer and the next state of the table."""
        for before, event, elapsed, answer, after in TABLE:
            with self.subTest(before=before, happens=event, elapsed=elapsed):
                self.breaker = Breaker(DELAY, self.clock.seconds)
                self.bring_to(before, elapsed)
                self.assertIs(self.breaker.state, before)
                self.assertIs(getattr(self.breaker, event)(), answer)
                self.assertIs(self.breaker.state, after)

    def test_breaker_waits_delay_again_after_failed_probe(self) -> None:
        """The delay counts from the last failure, not from the first."""
        self.bring_to(PROBING, DELAY)
        self.breaker.failed()
        self.clock.advance(DELAY - 0.1)
        self.assertFalse(self.breaker.admit())
        self.clock.advance(0.1)
        self.assertTrue(self.breaker.admit())

    def test_breaker_lets_everybody_through_after_successful_probe(self) -> None:
        """One success is enough."""
        self.bring_to(PROBING, DELAY)
        self.breaker.succeeded()
        self.assertEqual([self.breaker.admit() for _ in range(3)], [True, True, True])

    def test_breaker_admits_one_of_many_threads_when_delay_is_over(self) -> None:
        """However many threads ask at the same moment, one is the probe."""
        self.bring_to(OPEN, DELAY)
        together = threading.Barrier(8)
        admitted: list[bool] = []

        def ask() -> None:
            together.wait(10)
            admitted.append(self.breaker.admit())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        self.assertEqual(sorted(admitted), [False] * 7 + [True])
