"""``python -m benchmarks``: scenarios × systems, alternating, medians and ratios with their spread.

Servers run on one core, the load and Redis on another.  In each scenario all systems run at the same time and
are measured one after the other, round by round; ours and the limit in C are neighbours in every pair.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping

from benchmarks import ceiling
from benchmarks.catalog import DEFAULT, SYSTEMS
from benchmarks.plots import plot
from benchmarks.report import RESULTS, Results, table
from benchmarks.running import Progress, Rounds, redis
from benchmarks.scenarios import SCENARIOS


def main() -> int:
    """Run what the command line asks for."""
    arguments = _arguments()
    scenarios, systems = _chosen(arguments.scenario, SCENARIOS), _chosen(arguments.systems, SYSTEMS)
    results, progress = Results(), Progress(len(scenarios))
    print("The load alone, against the limit in C: what no server is asked to go beyond.")
    reached = ceiling.measure()
    print("\n".join(ceiling.lines(reached)) + "\n", flush=True)
    results.begin(reached)
    broker = redis()
    try:
        for name in scenarios:
            begun = time.monotonic()
            progress.scenario()
            outcome = Rounds(SCENARIOS[name], systems, broker.port, progress).measure(arguments.pairs, arguments.rounds)
            print(f"{table(outcome)}\n  ({time.monotonic() - begun:.0f} s)\n", flush=True)
            results.add(outcome)
            (RESULTS / f"{name}.svg").write_text(plot(outcome))
    finally:
        broker.stop()
    print(f"bench: {RESULTS}/results.json and a plot for each scenario")
    return 0


def _chosen(text: str, known: Mapping[str, object]) -> list[str]:
    """Return the names in *text*, separated by commas; ``all`` is all of them."""
    names = list(known) if text == "all" else [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            sys.exit(f"bench: there is no {name}; there are {', '.join(known)}, all")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--scenario", default="all", help=f"all, or some of {', '.join(SCENARIOS)}")
    parser.add_argument("--systems", default=",".join(DEFAULT), help=f"all, or some of {', '.join(SYSTEMS)}")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts")
    parser.add_argument("--pairs", type=int, default=5, help="how often ours and the limit are measured")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
