"""``python -m benchmarks``: scenarios × systems, alternating, medians and ratios."""

from __future__ import annotations

import argparse
import shutil
import sys
import time

from benchmarks.machine import WORK, Server, free_port
from benchmarks.report import RESULTS, Outcome, save, table
from benchmarks.scenarios import SCENARIOS, Result, Scenario
from benchmarks.systems import SYSTEMS, NotHere, System

#: The systems of a run without arguments, and the one that all others are compared with.
DEFAULT = "sockjsd,limit,sockjs-node"
BASE = "sockjsd"


def main() -> int:
    """Run what the command line asks for."""
    arguments = _arguments()
    scenarios = [SCENARIOS[name] for name in arguments.scenario.split(",") if name] or [*SCENARIOS.values()]
    names = [*SYSTEMS] if arguments.systems == "all" else arguments.systems.split(",")
    redis = _redis()
    try:
        outcomes = [_measure(scenario, names, arguments.rounds, redis.port) for scenario in scenarios]
    finally:
        redis.stop()
    save(outcomes)
    print(f"bench: {RESULTS}/results.json and a plot for each scenario")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--scenario", default="", help=f"one or more of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--systems", default=DEFAULT, help=f"one or more of {', '.join(SYSTEMS)}, or all")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured; the median counts")
    return parser.parse_args()


def _redis() -> Server:
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("the benchmarks need redis-server: apt-get install redis-server")
    WORK.mkdir(exist_ok=True)
    port = free_port()
    return Server(
        [
            program,
            "--port",
            str(port),
            "--bind",
            "127.0.0.1",
            "--protected-mode",
            "no",
            "--save",
            "",
            "--dir",
            str(WORK),
        ],
        port,
    )


def _measure(scenario: Scenario, names: list[str], rounds: int, redis_port: int) -> Outcome:
    """Measure each system in each round, one after the other, so that all meet the same noise."""
    outcome = Outcome(scenario)
    begun = time.monotonic()
    for number in range(1, rounds + 1):
        for name in names:
            system = SYSTEMS[name]
            if not scenario.suits(system):
                continue
            print(f"\rbench: {scenario.name} round {number}/{rounds} {name:20}", end="", file=sys.stderr, flush=True)
            result = _once(scenario, system, redis_port)
            if result is not None:
                outcome.rounds.setdefault(name, []).append(result)
    print(f"\r{' ' * 70}\r", end="", file=sys.stderr)
    print(table(outcome, BASE) + f"   ({time.monotonic() - begun:.0f} s)\n", flush=True)
    return outcome


def _once(scenario: Scenario, system: System, redis_port: int) -> Result | None:
    try:
        running = system.start(redis_port)
    except NotHere as reason:
        print(f"\nbench: without {system.name}: {reason}", file=sys.stderr)
        return None
    try:
        return scenario.run(running)
    finally:
        running.server.stop()


if __name__ == "__main__":
    sys.exit(main())
