# -*- test-case-name: tests.benchmarks.test_pictures -*-
"""The plots: that they are well-formed, complete, and that nothing lies on anything else."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.catalog import SYSTEMS
from benchmarks.families import FAMILIES
from benchmarks.overview import apart, factors, overview
from benchmarks.page import write
from benchmarks.plots import bars, better
from benchmarks.results import Results
from benchmarks.scenarios import SCENARIOS
from benchmarks.svg import LETTER, WIDTH, colours, wrapped
from tests.benchmarks.fakes import entry, outcome

ECHO = next(family for family in FAMILIES if family.name == "echo")
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[ElementTree.Element]:
    """Return all pieces of text of an SVG."""
    return list(ElementTree.fromstring(picture).iter(f"{SVG}text"))


def reach(piece: ElementTree.Element) -> tuple[float, float]:
    """Return where a piece of text begins and ends."""
    width = len(piece.text or "") * LETTER * int(piece.attrib["font-size"]) / 13
    x = float(piece.attrib["x"])
    shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[piece.attrib["text-anchor"]]
    return x - shift * width, x + (1 - shift) * width


class BarsTests(SynchronousTestCase):
    """One picture for each family."""

    def setUp(self) -> None:
        """Have two scenarios of one family, with figures far apart."""
        self.entries = {
            "echo-1": entry("echo-1", sockjsd=[37_000.0, 38_000.0], channels_uvicorn=[4.0]),
            "echo-100": entry("echo-100", sockjsd=[60_000.0], limit=[13_000_000.0, 15_000_000.0]),
        }

    def test_picture_names_everybody_and_tells_every_median(self) -> None:
        """One could do without the file for programs."""
        found = [piece.text for piece in texts(bars(ECHO, self.entries) or "")]
        for expected in ("sockjsd", "channels-uvicorn", "37,500 messages/s", "14,000,000 messages/s", "4 messages/s"):
            self.assertIn(expected, found)

    def test_no_text_lies_on_another_or_leaves_the_picture(self) -> None:
        """However long the figures are."""
        by_line: dict[str, list[tuple[float, float]]] = {}
        for piece in texts(bars(ECHO, self.entries) or ""):
            by_line.setdefault(piece.attrib["y"], []).append(reach(piece))
        for line in by_line.values():
            line.sort()
            self.assertTrue(line[0][0] >= 0 and line[-1][1] <= WIDTH, line)
            for left, right in pairwise(line):
                self.assertLessEqual(left[1], right[0])

    def test_nothing_is_below_the_edge(self) -> None:
        """The picture is as high as what is in it."""
        root = ElementTree.fromstring(bars(ECHO, self.entries) or "")
        lowest = max(float(piece.attrib["y"]) for piece in root.iter(f"{SVG}text"))
        self.assertLess(lowest, float(root.attrib["height"]))

    def test_longest_bar_is_that_of_the_largest_figure(self) -> None:
        """Lengths are what one looks at."""
        picture = bars(ECHO, {"echo-100": entry("echo-100", sockjsd=[30.0], limit=[60.0])}) or ""
        widths = [float(each.attrib["width"]) for each in ElementTree.fromstring(picture).iter(f"{SVG}rect")][1:]
        self.assertAlmostEqual(widths[0] * 2, widths[1], delta=0.2)

    def test_a_family_of_which_nothing_was_measured_has_no_picture(self) -> None:
        """Rather than an empty one."""
        self.assertIsNone(bars(ECHO, {}))

    def test_ratio_says_how_many_times_better_ours_is(self) -> None:
        """Whether more is better or less."""
        self.assertEqual(better(entry(sockjsd=[50.0], ws=[100.0]), "ws"), "ours 0.50 ×")
        self.assertEqual(better(entry("idle-memory", False, sockjsd=[50.0], ws=[100.0]), "ws"), "ours 2.00 ×")
        self.assertEqual(better(entry(sockjsd=[5000.0], ws=[100.0]), "ws"), "ours 50 ×")

    def test_ours_is_not_compared_with_itself(self) -> None:
        """Nor with whom it was not measured."""
        self.assertEqual(better(entry(sockjsd=[50.0]), "sockjsd"), "")
        self.assertEqual(better(entry(ws=[50.0]), "ws"), "")


class OverviewTests(SynchronousTestCase):
    """The picture of everything."""

    def test_each_scenario_has_a_line_and_each_system_a_dot(self) -> None:
        """And one more in the legend."""
        picture = overview({"echo-1": entry("echo-1", sockjsd=[1.0], ws=[2.0], limit=[3.0])}) or ""
        self.assertEqual(len(list(ElementTree.fromstring(picture).iter(f"{SVG}circle"))), 4)
        self.assertIn("1 client", [piece.text for piece in texts(picture)])

    def test_better_is_to_the_right(self) -> None:
        """Of the line at 1, whichever way the scenario counts."""
        for more, place in ((True, 0.5), (False, 2.0)):
            self.assertEqual(factors(entry("echo-1", more, sockjsd=[1.0], ws=[2.0])), {"ws": place})

    def test_dots_that_would_hide_each_other_are_moved_apart(self) -> None:
        """Two of the same figure are two dots."""
        self.assertEqual(
            apart({"a": 100.0, "b": 101.0, "c": 200.0}), [("a", 100.0, 0), ("b", 101.0, 5), ("c", 200.0, 0)]
        )
        self.assertEqual([aside for _, _, aside in apart({"a": 1.0, "b": 1.0, "c": 1.0})], [0, 5, -5])

    def test_without_anybody_else_there_is_none(self) -> None:
        """There is nothing to compare."""
        self.assertIsNone(overview({"echo-1": entry("echo-1", sockjsd=[1.0])}))
        self.assertIsNone(overview({}))

    def test_a_ratio_beyond_the_axis_stays_in_the_picture(self) -> None:
        """At its edge."""
        picture = overview({"echo-1": entry("echo-1", sockjsd=[1e9], ws=[1.0])}) or ""
        for dot in ElementTree.fromstring(picture).iter(f"{SVG}circle"):
            self.assertLess(float(dot.attrib["cx"]), WIDTH)


class SVGTests(SynchronousTestCase):
    """The pieces."""

    def test_every_system_has_a_colour_of_its_own(self) -> None:
        """As many as the catalog has."""
        found = colours(list(SYSTEMS))
        self.assertEqual(set(found), set(SYSTEMS))
        self.assertEqual(len(set(found.values())), len(SYSTEMS))

    def test_wrapped_lines_fit(self) -> None:
        """And nothing of the text is lost."""
        words = "one message of 122 bytes at a time " * 10
        lines = wrapped(words, 300)
        self.assertTrue(all(len(line) * LETTER * 12 / 13 <= 300 for line in lines))
        self.assertEqual(" ".join(lines), words.strip())


class FamiliesTests(SynchronousTestCase):
    """What belongs together."""

    def test_every_scenario_is_in_one_family(self) -> None:
        """A new one has to be given its place."""
        members = [name for family in FAMILIES for name in family.members]
        self.assertEqual(sorted(members), sorted(SCENARIOS))

    def test_picture_and_page_have_different_names(self) -> None:
        """No file is written twice."""
        names = [family.name for family in FAMILIES]
        self.assertEqual(len(set(names) | {"overview"}), len(names) + 1)


class PageTests(SynchronousTestCase):
    """The page."""

    def setUp(self) -> None:
        """Measure a little."""
        self.folder = Path(self.mktemp())
        results = Results(self.folder)
        results.begin({"echo": {"per_second": 250_000.0, "load_busy": 0.9, "server_busy": 0.99}})
        results.add(outcome("echo-100", sockjsd=[70.0], sockjs_node=[100.0]))
        write(results, self.folder)
        self.page = (self.folder / "index.html").read_text()

    def test_page_has_the_plots_that_there_are(self) -> None:
        """The overview, and the family of what was measured."""
        self.assertEqual(self.page.count("<figure>"), 2)
        written = sorted(file.name for file in self.folder.iterdir())
        self.assertEqual(written, ["echo.svg", "index.html", "overview.svg", "results.json"])

    def test_page_says_what_holds_and_what_does_not(self) -> None:
        """For each requirement."""
        self.assertRegex(self.page, r'echo-100: sockjsd / sockjs-node</td>.*?<td class="fails">does not hold')

    def test_page_says_what_the_load_can_do(self) -> None:
        """And how busy it is with that."""
        self.assertRegex(self.page, r"250,000</td>.*?90%</td>.*?99%</td>")

    def test_page_describes_only_who_was_measured(self) -> None:
        """With what was configured."""
        self.assertEqual(re.findall(r"<tr><td>([\w.-]+)</td><td>", self.page), ["sockjsd", "sockjs-node"])
