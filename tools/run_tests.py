"""Runs all tests and ends with one line: ``N passed, N failed, N skipped``.

The unit tests run in random order, with warnings as errors; beside them the functional
tests, which start real programs and mostly wait for them: each file is a run of its own, as many at
a time as there are processors.  A line tells how each run ended; what failed or was skipped is
told whole at the end.  ``--coverage`` runs the unit tests alone, under coverage.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What trial's last line counts, e.g. ``FAILED (skips=1, failures=2, successes=40)``, and under which word we sum it.
#: A test that passes although it is marked as failing is a failure, as it is for trial.
WORDS = {
    "successes": "passed",
    "expectedFailures": "passed",
    "failures": "failed",
    "errors": "failed",
    "unexpectedSuccesses": "failed",
    "skips": "skipped",
}
#: Before the first thing that trial has to tell about a test that did not pass.
_REPORT = re.compile(r"^={70,}$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One run of trial.

    :param title: what it is called in the line about it.
    :param names: the modules with its tests.
    :param interpreter: arguments of Python before ``-m twisted.trial``.
    """

    title: str
    names: list[str]
    interpreter: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What came of one run.

    :param totals: the tests that passed, failed and were skipped.
    :param seconds: how long it took.
    :param report: what there is to tell about those that did not pass.
    """

    totals: Counter[str]
    seconds: float
    report: str


def unit_tests() -> list[str]:
    """The names of everything in ``tests/`` but the functional tests."""
    found = (path for path in (ROOT / "tests").iterdir() if path.name != "functional")
    return sorted(
        f"tests.{path.stem}"
        for path in found
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem.startswith("test_"))
    )


def functional_tests() -> list[str]:
    """The names of the functional tests; the long ones first, so that no processor is idle at the end."""
    files = (ROOT / "tests" / "functional").glob("test_*.py")
    return [f"tests.functional.{path.stem}" for path in sorted(files, key=lambda path: -path.stat().st_size)]


def count(output: str) -> Counter[str]:
    """Read the counts from trial's last line in *output*; nothing where there is none."""
    totals: Counter[str] = Counter()
    for counts in re.findall(r"^(?:PASSED|FAILED) \((.*)\)$", output, re.MULTILINE)[-1:]:
        for name, number in re.findall(r"(\w+)=(\d+)", counts):
            totals[WORDS[name]] += int(number)
    return totals


def trial(run: Run) -> Outcome:
    """Run trial and return what came of it.

    A run that ends badly without a failed test to show for it (an interpreter
    that died) counts as one failure.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sockjsd-trial-") as folder:
        arguments = ["-m", "twisted.trial", "--random=0", f"--temp-directory={folder}/trial", *run.names]
        command = [sys.executable, *run.interpreter, *arguments]
        ended = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        )
    totals = count(ended.stdout)
    if ended.returncode and not totals["failed"]:
        totals["failed"] += 1
    started = _REPORT.search(ended.stdout)
    report = "" if not totals["failed"] + totals["skipped"] else ended.stdout[started.start() if started else 0 :]
    return Outcome(totals, time.monotonic() - begun, report)


def tell(totals: Counter[str]) -> str:
    """Return *totals* for people."""
    return f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped"


def run_all(runs: list[Run]) -> tuple[Counter[str], list[str]]:
    """Carry out *runs*, telling of each as it ends; return all counts, and all that is left to tell."""
    totals: Counter[str] = Counter()
    reports: list[str] = []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        waiting = {pool.submit(trial, run): run for run in runs}
        for number, future in enumerate(as_completed(waiting), 1):
            title, outcome = waiting[future].title, future.result()
            totals += outcome.totals
            print(f"[{number}/{len(runs)}] {title}: {tell(outcome.totals)}, {outcome.seconds:.0f} s", flush=True)
            if outcome.report:
                reports.append(f"{title}\n{outcome.report}")
    return totals, reports


def main(arguments: list[str]) -> int:
    """Run what *arguments* ask for; the exit status is 1 when a test failed, or none ran."""
    if "--coverage" in arguments:
        runs = [Run("unit tests", unit_tests(), ("-W", "error", "-m", "coverage", "run"))]
    else:
        runs = [Run("unit tests", unit_tests(), ("-W", "error"))]
        runs += [Run(name.rpartition(".")[2], [name]) for name in functional_tests()]
    totals, reports = run_all(runs)
    print(*reports, tell(totals), sep="\n")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
