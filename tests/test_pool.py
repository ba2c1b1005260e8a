# -*- test-case-name: tests.test_pool -*-
"""Threads that keep nobody from exiting, and budgets."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.pool import Budget, Pool


class PoolTests(SynchronousTestCase):
    """A pool's threads."""

    def test_threads_do_not_keep_process(self) -> None:
        """They are daemonic."""
        self.assertTrue(Pool.threadFactory(target=None).daemon)

    def test_pool_has_its_name_and_bound(self) -> None:
        """And no thread before there is work."""
        pool = Pool("views", 3)
        self.assertEqual((pool.name, pool.min, pool.max, pool.threads), ("views", 0, 3, []))


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
