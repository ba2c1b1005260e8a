# -*- test-case-name: tests.functional.test_autobahn -*-
"""``tools/autobahn.py``: which cases it asks for, and what it makes of the answers; the suite itself is a fake."""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import TestCase

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"

#: A suite that has three cases, and writes what ``outcomes.json`` beside it says of them.
WSTEST = """
import json, pathlib, sys
specification = json.load(open(sys.argv[sys.argv.index("-s") + 1]))
(server,) = specification["servers"]
print("Ok, will run 3 test cases against 1 servers")
print("Running test case ID 1.1.1 for agent x")
outcomes = json.loads(pathlib.Path(__file__).with_name("outcomes.json").read_text())
index = {case: {"behavior": first, "behaviorClose": second} for case, (first, second) in outcomes.items()}
if index:
    pathlib.Path(specification["outdir"], "index.json").write_text(json.dumps({server["agent"]: index}))
"""

GOOD = {"1.1.1": ("OK", "OK"), "1.1.2": ("NON-STRICT", "OK"), "7.1.6": ("INFORMATIONAL", "INFORMATIONAL")}


class AutobahnTests(TestCase):
    """The program behind ``make autobahn``."""

    def setUp(self) -> None:
        sys.path.insert(0, str(TOOLS))
        self.addCleanup(sys.path.remove, str(TOOLS))
        self.autobahn: Any = import_module("autobahn")
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-autobahn-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "wstest").write_text(WSTEST)
        (self.folder / "python").symlink_to(sys.executable)
        reports, self.autobahn.REPORTS = self.autobahn.REPORTS, self.folder / "reports"
        self.addCleanup(setattr, self.autobahn, "REPORTS", reports)

    def outcome(self, outcomes: dict[str, tuple[str, str]]) -> tuple[bool, str]:
        """Run a suite with these outcomes: whether they are good, and what was printed."""
        (self.folder / "outcomes.json").write_text(json.dumps(outcomes))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            due, results = self.autobahn.run_cases("echo", str(self.folder / "python"), ["*"])
            good: bool = self.autobahn.summarize("echo", due, results)
        return good, printed.getvalue()

    def test_run_is_good_when_every_case_is(self) -> None:
        """What the RFC allows is good."""
        good, printed = self.outcome(GOOD)
        self.assertTrue(good)
        self.assertIn("echo: 3 of 3 cases ran: 1 OK, 1 NON-STRICT, 1 INFORMATIONAL", printed)

    def test_run_is_bad_when_one_case_is(self) -> None:
        """It is named; a bad end of a good case counts too."""
        for outcome in (("FAILED", "OK"), ("UNIMPLEMENTED", "OK"), ("OK", "FAILED"), ("OK", "UNCLEAN")):
            good, printed = self.outcome(GOOD | {"1.1.2": outcome})
            with self.subTest(outcome):
                self.assertFalse(good)
                self.assertIn(f"    1.1.2: {outcome[0]}, closing: {outcome[1]}", printed)

    def test_run_is_bad_when_cases_are_missing(self) -> None:
        """One of them, or all, because the suite broke off; an older report does not count."""
        self.assertTrue(self.outcome(GOOD)[0])
        self.assertFalse(self.outcome({"1.1.1": ("OK", "OK")})[0])
        self.assertFalse(self.outcome({})[0])

    def test_cases_are_chosen_for_each_endpoint(self) -> None:
        """All by default; what was asked for, where the endpoint is there for it."""
        everything, compression = self.autobahn.RUNS.values()
        for asked, expected in (
            ([], (["*"], ["12.*", "13.*"])),
            (["1.*"], (["1.*"], [])),
            (["9.1.1", "12.1.*"], (["9.1.1", "12.1.*"], ["12.1.*"])),
        ):
            self.assertEqual(
                (self.autobahn.chosen(everything, asked), self.autobahn.chosen(compression, asked)), expected
            )
