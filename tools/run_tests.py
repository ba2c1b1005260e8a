"""Runs all tests and ends with one line: ``N passed, N failed, N skipped``.

Unit tests run first, in random order, with warnings as errors; then the
functional ones, which start real programs.  ``--coverage`` runs the unit tests
alone, under coverage.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
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


def unit_tests() -> list[str]:
    """The names of everything in ``tests/`` but the functional tests."""
    found = (path for path in (ROOT / "tests").iterdir() if path.name != "functional")
    return sorted(
        f"tests.{path.stem}"
        for path in found
        if (path / "__init__.py").exists() or (path.suffix == ".py" and path.stem.startswith("test_"))
    )


def count(line: str) -> Counter[str]:
    """Read the counts from *line*, where it is trial's last; nothing where it is another one."""
    if not re.match(r"(PASSED|FAILED) \(", line):
        return Counter()
    totals: Counter[str] = Counter()
    for name, number in re.findall(r"(\w+)=(\d+)", line):
        totals[WORDS[name]] += int(number)
    return totals


def trial(interpreter: list[str], names: list[str]) -> Counter[str]:
    """Run trial on *names*, showing what it prints, and return its counts.

    A run that ends badly without a failed test to show for it (an interpreter
    that died) counts as one failure.
    """
    totals: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="sockjsd-trial-") as folder:
        arguments = ["-m", "twisted.trial", "--random=0", f"--temp-directory={folder}/trial", *names]
        command = [sys.executable, *interpreter, *arguments]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                totals += count(line)
    if process.returncode and not totals["failed"]:
        totals["failed"] += 1
    return totals


def main(arguments: list[str]) -> int:
    """Run what *arguments* ask for; the exit status is 1 when a test failed, or none ran."""
    if "--coverage" in arguments:
        totals = trial(["-W", "error", "-m", "coverage", "run"], unit_tests())
    else:
        totals = trial(["-W", "error"], unit_tests())
        totals += trial([], ["tests.functional"])
    print(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped")
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
