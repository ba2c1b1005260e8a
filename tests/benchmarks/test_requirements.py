# -*- test-case-name: tests.benchmarks.test_requirements -*-
"""What is wanted of ours, and whether it holds."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.catalog import SYSTEMS
from benchmarks.requirements import REQUIREMENTS, Requirement, Verdict, check
from benchmarks.scenarios import SCENARIOS
from tests.benchmarks.fakes import entry

ECHO = Requirement("echo-100", 0.95, "sockjs-node")
MEMORY = Requirement("idle-memory", 4096)
LATENCY = Requirement("latency-1000", 2, "limit")


class RequirementTests(SynchronousTestCase):
    """One line of the table."""

    def test_ratio_that_is_reached_holds(self) -> None:
        """Exactly, too."""
        for ours in (95.0, 120.0):
            entries = {"echo-100": entry(sockjsd=[ours], sockjs_node=[100.0])}
            self.assertIs(ECHO.verdict(entries), Verdict.HOLDS)

    def test_ratio_that_is_missed_does_not_hold(self) -> None:
        """However little is missing."""
        entries = {"echo-100": entry(sockjsd=[94.9], sockjs_node=[100.0])}
        self.assertIs(ECHO.verdict(entries), Verdict.FAILS)

    def test_the_median_counts(self) -> None:
        """One bad round is noise."""
        entries = {"echo-100": entry(sockjsd=[96.0, 20.0, 97.0], sockjs_node=[100.0, 100.0, 100.0])}
        self.assertIs(ECHO.verdict(entries), Verdict.HOLDS)

    def test_where_less_is_better_the_limit_is_the_most(self) -> None:
        """Latencies may be at most twice as long."""
        for ours, verdict in ((20.0, Verdict.HOLDS), (21.0, Verdict.FAILS)):
            entries = {"latency-1000": entry("latency-1000", False, sockjsd=[ours], limit=[10.0])}
            entries["latency-1000"].figure = "per_second"
            self.assertIs(LATENCY.verdict(entries), verdict)

    def test_without_another_the_figure_itself_is_compared(self) -> None:
        """Bytes are bytes."""
        for ours, verdict in ((4096.0, Verdict.HOLDS), (4097.0, Verdict.FAILS)):
            self.assertIs(MEMORY.verdict({"idle-memory": entry("idle-memory", False, sockjsd=[ours])}), verdict)

    def test_what_was_not_measured_is_said_to_be_so(self) -> None:
        """Neither the scenario, nor the other, nor ours: it never holds by itself."""
        self.assertIs(ECHO.verdict({}), Verdict.UNKNOWN)
        self.assertIs(ECHO.verdict({"echo-100": entry(sockjsd=[1.0])}), Verdict.UNKNOWN)
        self.assertIs(ECHO.verdict({"echo-100": entry(sockjs_node=[1.0])}), Verdict.UNKNOWN)
        self.assertIs(MEMORY.verdict({"idle-memory": entry("idle-memory", False, ws=[1.0])}), Verdict.UNKNOWN)

    def test_row_says_what_is_wanted_and_what_there_is(self) -> None:
        """A ratio with its spread."""
        entries = {"echo-100": entry(sockjsd=[90.0, 80.0, 100.0], sockjs_node=[100.0, 100.0, 100.0])}
        self.assertEqual(
            ECHO.row(entries),
            ("echo-100: sockjsd / sockjs-node", "≥ 0.95", "0.90 [0.80 … 1.00]", "does not hold"),
        )

    def test_row_of_a_figure_has_its_unit(self) -> None:
        """Also before it is measured."""
        self.assertEqual(MEMORY.row({}), ("idle-memory: sockjsd", "≤ 4096 B/session", "", "not measured"))


class CheckTests(SynchronousTestCase):
    """The table."""

    def test_table_has_a_line_for_each_and_a_sum(self) -> None:
        """Nothing is left out."""
        lines = check({"echo-100": entry(sockjsd=[100.0], sockjs_node=[100.0])}).splitlines()
        self.assertEqual(len(lines), len(REQUIREMENTS) + 2)
        self.assertEqual(lines[-1].strip(), f"1 holds, 0 does not hold, {len(REQUIREMENTS) - 1} not measured")

    def test_requirements_are_about_what_there_is(self) -> None:
        """A wrong name would never be measured."""
        for requirement in REQUIREMENTS:
            self.assertIn(requirement.scenario, SCENARIOS)
            for name in filter(None, (requirement.system, requirement.other)):
                self.assertIn(SCENARIOS[requirement.scenario].kind, SYSTEMS[name].starts)
