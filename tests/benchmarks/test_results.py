# -*- test-case-name: tests.benchmarks.test_results -*-
"""The file for programs, and the table for people."""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.ratios import Spread
from benchmarks.report import number, table, times
from benchmarks.results import Results
from tests.benchmarks.fakes import outcome


class ResultsTests(SynchronousTestCase):
    """Writing and reading."""

    def setUp(self) -> None:
        """Have a folder that is not there yet."""
        self.folder = Path(self.mktemp())

    def test_nothing_is_known_at_first(self) -> None:
        """And nothing is written."""
        self.assertEqual(Results(self.folder).entries, {})
        self.assertFalse(self.folder.exists())

    def test_what_was_written_is_read_again(self) -> None:
        """By the next run, which measures something else."""
        Results(self.folder).add(outcome("echo-1", sockjsd=[10.0, 30.0, 20.0], ws=[40.0, 40.0, 40.0]))
        Results(self.folder).add(outcome("echo-100", sockjsd=[1.0]))
        entries = Results(self.folder).entries
        self.assertEqual(list(entries), ["echo-1", "echo-100"])
        self.assertEqual(entries["echo-1"].spread("sockjsd"), Spread(20.0, 10.0, 30.0))
        self.assertEqual(entries["echo-1"].ratio("sockjsd", "ws"), Spread(0.5, 0.25, 0.75))

    def test_a_scenario_takes_the_place_of_its_last_run(self) -> None:
        """Figures of different days are not mixed."""
        Results(self.folder).add(outcome("echo-1", sockjsd=[10.0], ws=[40.0]))
        Results(self.folder).add(outcome("echo-1", sockjsd=[11.0]))
        self.assertEqual(Results(self.folder).entries["echo-1"].systems, ["sockjsd"])

    def test_systems_stand_in_the_order_of_the_catalog(self) -> None:
        """Whoever was measured first."""
        Results(self.folder).add(outcome("echo-1", ws=[1.0], limit=[1.0], sockjsd=[1.0]))
        self.assertEqual(Results(self.folder).entries["echo-1"].systems, ["sockjsd", "limit", "ws"])

    def test_a_scenario_without_any_figure_is_kept_but_not_drawn(self) -> None:
        """Why nobody was measured stands in the file."""
        nobody = outcome("echo-1")
        nobody.missing["ws"] = "no node"
        Results(self.folder).add(nobody)
        self.assertEqual(Results(self.folder).entries, {})
        data = json.loads((self.folder / "results.json").read_text())
        self.assertEqual(data["scenarios"]["echo-1"]["missing"], {"ws": "no node"})

    def test_medians_and_ratios_stand_in_the_file(self) -> None:
        """For those who do not want to compute."""
        Results(self.folder).add(outcome("echo-1", sockjsd=[10.0], ws=[40.0]))
        found = json.loads((self.folder / "results.json").read_text())["scenarios"]["echo-1"]
        self.assertEqual(found["medians"]["ws"], {"median": 40.0, "least": 40.0, "most": 40.0})
        self.assertEqual(found["ratios"], {"ws": {"median": 0.25, "least": 0.25, "most": 0.25}})

    def test_a_file_of_another_time_is_begun_anew(self) -> None:
        """Its form is not known."""
        self.folder.mkdir()
        (self.folder / "results.json").write_text('{"scenarios": {"echo-1": {}}}')
        self.assertEqual(Results(self.folder).entries, {})

    def test_where_it_ran_is_written_down(self) -> None:
        """Figures mean nothing without it."""
        results = Results(self.folder)
        results.begin({"echo": {"per_second": 1.0}})
        results.add(outcome("echo-1", sockjsd=[10.0]))
        data = Results(self.folder).data
        self.assertEqual(data["load"], {"echo": {"per_second": 1.0}})
        self.assertIn("cores", data["machine"])


class TableTests(SynchronousTestCase):
    """What is printed."""

    def test_row_has_median_spread_and_ratio(self) -> None:
        """Ours is compared with each of the others."""
        lines = table(outcome("echo-1", sockjsd=[1000.0, 3000.0, 2000.0], ws=[4000.0, 4000.0, 4000.0])).splitlines()
        self.assertEqual(lines[0], "echo-1: A fake. (More is better.)")
        self.assertEqual(lines[1].split(), "sockjsd 2,000 messages/s [1,000 … 3,000]".split())
        self.assertIn("sockjsd / ws = 0.50 [0.25 … 0.75]", lines[2])

    def test_who_was_left_out_is_told(self) -> None:
        """With the reason."""
        found = outcome("echo-1", sockjsd=[1.0])
        found.missing["nchan"] = "no nginx"
        self.assertRegex(table(found).splitlines()[-1], r"^  nchan +left out: no nginx$")

    def test_figures_that_explain_have_lines_of_their_own(self) -> None:
        """Those of the last round."""
        found = outcome("echo-1")
        found.add("sockjsd", 0, {"per_second": 2.0, "call: sendto": 1.0, "load_busy": 0.1, "server_busy": 1.0})
        lines = table(found).splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[2].split(), ["1", "call:", "sendto"])

    def test_a_busy_load_is_told(self) -> None:
        """Then it may be what was measured."""
        for busy, told in ((0.95, True), (0.5, False)):
            found = outcome("echo-1")
            found.add("limit", 0, {"per_second": 2.0, "load_busy": busy, "server_busy": 0.99})
            self.assertEqual("load 95% busy, server 99%" in table(found), told)

    def test_disturbed_rounds_are_told(self) -> None:
        """So that nobody trusts them more than they deserve."""
        found = outcome("echo-1")
        for number_of_round, busy in enumerate((0.0, 0.4, 0.05)):
            found.add("ws", number_of_round, {"per_second": 2.0, "others_busy": busy})
        self.assertTrue(table(found).endswith("1 of 3 rounds disturbed by others"))

    def test_numbers_have_three_digits_that_mean_something(self) -> None:
        """Large ones are whole."""
        self.assertEqual(
            [number(each) for each in (1234567.8, 123.4, 12.345, 0.00123)], ["1,234,568", "123", "12.3", "0.00123"]
        )

    def test_ratio_has_its_spread(self) -> None:
        """Two digits, as everywhere."""
        self.assertEqual(times(Spread(1.234, 1.0, 2.0)), "1.23 [1.00 … 2.00]")
