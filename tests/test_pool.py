# -*- test-case-name: tests.test_pool -*-
"""Threads that keep nobody from exiting, and budgets."""

from __future__ import annotations

from functools import partial
from threading import Lock, Thread, current_thread

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.pool import Budget, Pool


class PoolTests(SynchronousTestCase):
    """A pool's threads; real ones, each test ends them and so waits until they have done everything."""

    def setUp(self) -> None:
        self.pool = Pool("views", 3)
        self.pool.start()
        self.threads: list[Thread] = []

    def note(self) -> None:
        """Remember the present thread."""
        self.threads.append(current_thread())

    def hold(self) -> tuple[Lock, Lock]:
        """Let a thread wait at a gate; return what is released when it has come there, and the gate."""
        come, gate = Lock(), Lock()
        come.acquire()
        gate.acquire()

        def wait() -> None:
            self.note()
            come.release()
            gate.acquire()

        self.pool.callInThread(wait)
        return come, gate

    def test_calls_are_made_in_order(self) -> None:
        """All of them, before the pool has stopped."""
        made: list[int] = []
        self.pool.wanted = 1
        for number in range(100):
            self.pool.callInThread(partial(made.append, number))
        self.pool.stop()
        self.assertEqual((made, self.pool.taken, self.pool.waiting), (list(range(100)), 100, 0))

    def test_threads_have_the_pools_name_and_do_not_keep_the_process(self) -> None:
        """And there is none before there is work."""
        self.assertEqual(self.pool.working, 0)
        self.pool.callInThread(self.note)
        self.pool.stop()
        (thread,) = self.threads
        self.assertEqual((thread.name, thread.daemon, thread.is_alive()), ("views-1", True, False))

    def test_no_more_threads_work_than_are_wanted(self) -> None:
        """One more when that changes, and somebody hurries."""
        self.pool.wanted = 1
        first, second = self.hold(), self.hold()
        first[0].acquire()
        self.assertEqual((self.pool.working, self.pool.waiting), (1, 1))
        self.pool.hurry()
        self.assertEqual(self.pool.waiting, 1)
        self.pool.wanted = 2
        self.pool.hurry()
        second[0].acquire()
        self.assertEqual((self.pool.working, self.pool.waiting), (2, 0))
        self.pool.hurry()
        self.assertEqual(self.pool.working, 2)
        for _, gate in (first, second):
            gate.release()
        self.pool.stop()

    def test_threads_that_are_not_wanted_any_more_rest(self) -> None:
        """After what they are doing; the one that goes on takes what waits."""
        first, second = self.hold(), self.hold()
        for come, _ in (first, second):
            come.acquire()
        self.pool.wanted = 1
        self.pool.callInThread(self.note)
        first[1].release()
        second[1].release()
        self.pool.stop()
        self.assertEqual(len(self.threads), 3)
        self.assertIn(self.threads[2], self.threads[:2])

    def test_failure_is_logged_and_the_thread_goes_on(self) -> None:
        """Whatever it is."""

        def fail() -> None:
            raise SystemExit

        self.pool.wanted = 1
        self.pool.callInThread(fail)
        self.pool.callInThread(self.note)
        self.pool.stop()
        self.assertEqual((len(self.flushLoggedErrors(SystemExit)), len(self.threads)), (1, 1))

    def test_stopped_pool_takes_nothing(self) -> None:
        """Nor one that was not started."""
        self.pool.stop()
        for pool in (self.pool, Pool("readers", 1)):
            pool.callInThread(self.note)
            self.assertEqual((pool.waiting, pool.working), (0, 0))

    def test_time_that_threads_compute_is_told(self) -> None:
        """It grows while they do."""
        seen: list[float] = []

        def compute() -> None:
            before = self.pool.computed()
            while self.pool.computed() == before:
                pass
            seen.append(self.pool.computed() - before)

        self.assertEqual(self.pool.computed(), 0)
        self.pool.callInThread(compute)
        self.pool.stop()
        self.assertGreater(seen[0], 0)


class BudgetTests(SynchronousTestCase):
    """So much and no more."""

    def test_no_more_than_the_limit_is_had(self) -> None:
        """What is refused takes nothing; what was given back can be had again."""
        budget = Budget(10)
        self.assertTrue(budget.take(7))
        self.assertFalse(budget.take(4))
        self.assertTrue(budget.take(3))
        self.assertEqual((budget.used, budget.has()), (10, False))
        budget.give_back(7)
        self.assertEqual((budget.used, budget.has(7), budget.has(8)), (3, True, False))

    def test_budget_without_limit_refuses_nothing(self) -> None:
        """It counts all the same."""
        budget = Budget()
        self.assertTrue(budget.take(10**15))
        self.assertEqual(budget.used, 10**15)

    def test_nothing_can_be_had_of_nothing(self) -> None:
        """A limit of 0 switches something off."""
        self.assertFalse(Budget(0).take())
