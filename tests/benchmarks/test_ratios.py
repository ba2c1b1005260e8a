# -*- test-case-name: tests.benchmarks.test_ratios -*-
"""Medians, spreads, ratios, and whose turn it is."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.ratios import Spread, ratio_of, spread_over, turns
from tests.benchmarks.fakes import outcome

ALL = ["ours", "limit", "peer"]


class SpreadTests(SynchronousTestCase):
    """What is left of several figures."""

    def test_spread_has_median_least_and_most(self) -> None:
        """The median is not the mean: one bad round moves it little."""
        self.assertEqual(Spread.of([10.0, 1.0, 900.0]), Spread(10.0, 1.0, 900.0))

    def test_one_figure_is_its_own_spread(self) -> None:
        """What was measured once varies by nothing."""
        self.assertEqual(Spread.of([3.0]), Spread(3.0, 3.0, 3.0))


class RatioTests(SynchronousTestCase):
    """Figures of one round are divided by each other, and no others."""

    def test_ratio_is_the_median_of_each_rounds_ratio(self) -> None:
        """A slow minute is slow for both, so it does not show: the ratio of the medians would be 1.1."""
        found = outcome(sockjsd=[90.0, 45.0, 110.0], limit=[100.0, 50.0, 100.0])
        self.assertEqual(found.ratio("sockjsd", "limit"), Spread(0.9, 0.9, 1.1))

    def test_only_common_rounds_count(self) -> None:
        """Who is measured less often is compared with its neighbours in time."""
        ours = {0: {"x": 10.0}, 1: {"x": 500.0}, 2: {"x": 30.0}}
        theirs = {0: {"x": 5.0}, 2: {"x": 10.0}}
        self.assertEqual(ratio_of(ours, theirs, "x"), Spread(2.5, 2.0, 3.0))

    def test_nothing_in_common_is_no_ratio(self) -> None:
        """A ratio is never made up."""
        self.assertIsNone(ratio_of({0: {"x": 1.0}}, {1: {"x": 1.0}}, "x"))
        self.assertIsNone(outcome(sockjsd=[1.0]).ratio("sockjsd", "nobody"))

    def test_nothing_is_divided_by_nothing(self) -> None:
        """A figure of zero has no ratio."""
        self.assertIsNone(ratio_of({0: {"x": 1.0}}, {0: {"x": 0.0}}, "x"))

    def test_another_figure_can_be_asked_for(self) -> None:
        """A result has more than the compared figure."""
        found = outcome(sockjsd=[5.0])
        found.add("sockjsd", 1, {"per_second": 7.0, "load_busy": 0.5})
        del found.rounds["sockjsd"][0]
        self.assertEqual(found.spread("sockjsd", "load_busy").median, 0.5)


class CalmTests(SynchronousTestCase):
    """Rounds in which others had much of the machine."""

    def test_disturbed_rounds_do_not_count(self) -> None:
        """Where there are others."""
        found = outcome()
        for number, (figure, others) in enumerate([(10.0, 0.0), (3.0, 0.5), (12.0, 0.1)]):
            found.add("ws", number, {"per_second": figure, "others_busy": others})
        self.assertEqual(found.spread("ws"), Spread(11.0, 10.0, 12.0))

    def test_a_ratio_needs_two_calm_neighbours(self) -> None:
        """One disturbed figure spoils both."""
        calm, busy = {"x": 10.0, "others_busy": 0.0}, {"x": 2.0, "others_busy": 0.9}
        ours, theirs = {0: calm, 1: calm, 2: busy}, {0: calm, 1: busy, 2: calm}
        self.assertEqual(ratio_of(ours, theirs, "x"), Spread(1.0, 1.0, 1.0))

    def test_without_a_calm_round_all_count(self) -> None:
        """Better a poor figure than none: the table says so."""
        busy = {"per_second": 2.0, "others_busy": 0.9}
        found = outcome()
        found.add("ws", 0, busy)
        self.assertEqual(found.spread("ws"), Spread(2.0, 2.0, 2.0))
        self.assertEqual(ratio_of({0: busy}, {0: busy}, "per_second"), Spread(1.0, 1.0, 1.0))


class TurnsTests(SynchronousTestCase):
    """Who is measured when."""

    def test_pairs_are_neighbours_in_every_round(self) -> None:
        """Ours and the limit stand side by side, so that they meet the same noise."""
        for order in turns(ALL, ("ours", "limit"), 5, 3):
            self.assertEqual(abs(order.index("ours") - order.index("limit")), 1)

    def test_order_is_turned_round_each_time(self) -> None:
        """Whatever drifts favours each as often as the other."""
        self.assertEqual(turns(ALL, ("ours", "limit"), 2, 2), [ALL, ALL[::-1]])

    def test_pairs_are_measured_more_often(self) -> None:
        """Five pairs, three rounds of the others."""
        plan = [name for order in turns(ALL, ("ours", "limit"), 5, 3) for name in order]
        self.assertEqual([plan.count(name) for name in ALL], [5, 5, 3])

    def test_more_rounds_than_pairs_are_more_pairs(self) -> None:
        """Each round of a peer needs ours as its neighbour."""
        plan = [name for order in turns(ALL, ("ours", "limit"), 2, 4) for name in order]
        self.assertEqual([plan.count(name) for name in ALL], [4, 4, 4])

    def test_without_a_pair_there_are_as_many_rounds_as_asked_for(self) -> None:
        """No round in which nobody is measured."""
        self.assertEqual(turns(["peer"], ("ours", "limit"), 5, 3), [["peer"]] * 3)

    def test_rounds_are_spread_evenly(self) -> None:
        """The first and the last are among them, so that a drift shows."""
        self.assertEqual(spread_over(3, 5), {0, 2, 4})
        self.assertEqual(spread_over(2, 9), {0, 8})

    def test_rounds_can_be_all_one_or_none(self) -> None:
        """The ends of the scale."""
        self.assertEqual(spread_over(5, 5), {0, 1, 2, 3, 4})
        self.assertEqual(spread_over(9, 2), {0, 1})
        self.assertEqual(spread_over(1, 5), {0})
        self.assertEqual(spread_over(0, 5), set())
