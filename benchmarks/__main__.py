"""``python -m benchmarks``: scenarios × systems, alternating, medians and ratios with their spread.

Servers run on one core, the load and Redis on another.  In each scenario all systems run at the same time and
are measured one after the other, round by round; ours and the limit in C are neighbours in every pair.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Mapping
from typing import TypeVar

from benchmarks import ceiling
from benchmarks.catalog import DEFAULT, SYSTEMS
from benchmarks.page import write
from benchmarks.report import table
from benchmarks.requirements import check
from benchmarks.results import RESULTS, Results
from benchmarks.running import Brokers, Progress, Rounds, telling
from benchmarks.scenarios import SCENARIOS

Thing = TypeVar("Thing")


def main() -> int:
    """Run what the command line asks for."""
    arguments = _arguments()
    # Whoever ends us ends the servers, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    results = Results()
    if not arguments.saved:
        _measure(arguments, results)
    if results.data["scenarios"]:
        write(results, RESULTS)
        print(f"bench: {RESULTS}/index.html, the plots in it, and results.json")
    if arguments.check:
        print(f"\n{check(results.entries)}")
    return 0


def _measure(arguments: argparse.Namespace, results: Results) -> None:
    """Measure, print each scenario as soon as it is known, and write it down."""
    systems = chosen(arguments.systems, SYSTEMS)
    scenarios = chosen(arguments.scenario, SCENARIOS) if arguments.scenario else telling(SCENARIOS, systems)
    print("The load alone, against the limit in C: what no server is asked to go beyond.", flush=True)
    reached = ceiling.measure()
    print("\n".join(ceiling.lines(reached)) + "\n", flush=True)
    results.begin(reached)
    progress, brokers = Progress(len(scenarios), sys.stderr), Brokers()
    try:
        for scenario in scenarios.values():
            begun = time.monotonic()
            progress.scenario()
            outcome = Rounds(scenario, systems, brokers.port, progress).measure(arguments.pairs, arguments.rounds)
            print(f"{table(outcome)}\n  ({time.monotonic() - begun:.0f} s)\n", flush=True)
            results.add(outcome)
    finally:
        brokers.stop()
    if left_out := [name for name in SCENARIOS if not arguments.scenario and name not in scenarios]:
        print(f"Left out, because only one of the systems does such a thing: {', '.join(left_out)}\n")


def chosen(text: str, known: Mapping[str, Thing]) -> dict[str, Thing]:
    """Return what *text* names, separated by commas; ``all`` is all of them.

    :raises SystemExit: a name is unknown.
    """
    names = list(known) if text == "all" else [name for name in text.split(",") if name]
    if unknown := [name for name in names if name not in known]:
        sys.exit(f"bench: there is no {unknown[0]}; there are {', '.join(known)}, all")
    return {name: known[name] for name in names}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--scenario",
        default="",
        help=f"all, or some of {', '.join(SCENARIOS)}; those that compare something by default",
    )
    parser.add_argument("--systems", default=",".join(DEFAULT), help=f"all, or some of {', '.join(SYSTEMS)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts")
    parser.add_argument("--pairs", type=int, default=5, help="how often ours and the limit are measured")
    parser.add_argument("--check", action="store_true", help="say what of the requirements holds")
    parser.add_argument("--saved", action="store_true", help="measure nothing: plots and requirements of what is saved")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
