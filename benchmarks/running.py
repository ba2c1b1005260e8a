"""The order of things: scenario by scenario, round by round, system after system."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack

from benchmarks.catalog import PAIRED, SYSTEMS
from benchmarks.loading import Result
from benchmarks.machine import Server, cores, free_port, scratch
from benchmarks.ratios import Outcome, turns
from benchmarks.scenarios import Scenario
from benchmarks.systems import NotHere, Running


class Progress:
    """A line on stderr that says what is being done; on a terminal it is written over.

    :param total: scenarios in all.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._begun = time.monotonic()
        self._number = 0
        self._terminal = sys.stderr.isatty()

    def scenario(self) -> None:
        """Begin the next scenario."""
        self._number += 1

    def say(self, text: str) -> None:
        """Show *text*, after the time that has passed."""
        if self._terminal:
            minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
            line = f"bench {minutes}:{seconds:02} {self._number}/{self._total} {text}"
            print(f"\r{line:78}", end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for something else."""
        if self._terminal:
            print(f"\r{'':78}\r", end="", file=sys.stderr, flush=True)


def redis() -> Server:
    """Return a Redis on the load's core: what is compared is what each server does itself."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("the benchmarks need redis-server: apt-get install redis-server")
    port = free_port()
    words = f"--port {port} --bind 127.0.0.1 --protected-mode no --dir {scratch()} --appendonly no"
    return Server([program, *words.split(), "--save", ""], port, core=cores()[1])


class Rounds:
    """Measures one scenario.

    :param scenario: which one.
    :param names: of the systems that should take part.
    :param redis_port: of the Redis beside them.
    """

    def __init__(self, scenario: Scenario, names: Sequence[str], redis_port: int, progress: Progress) -> None:
        self._names = [name for name in names if scenario.kind in SYSTEMS[name].starts]
        self._redis_port = redis_port
        self._progress = progress
        self._running: dict[str, Running] = {}
        self._servers = ExitStack()
        self.outcome = Outcome(scenario)

    def measure(self, pairs: int, rounds: int) -> Outcome:
        """Measure each system in its turn.  What cannot be had, or fails, is left out and says why."""
        plan = turns(self._names, PAIRED, pairs, rounds)
        with self._servers:
            for number, names in enumerate(plan):
                for name in names:
                    if name not in self.outcome.missing:
                        title = f"{self.outcome.scenario.name}, round {number + 1} of {len(plan)}: {name}"
                        self._progress.say(title)
                        self._try(name, number)
        self._progress.clear()
        return self.outcome

    def _try(self, name: str, number: int) -> None:
        try:
            self.outcome.add(name, number, self._once(name))
        except NotHere as reason:
            self.outcome.missing[name] = str(reason)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self.outcome.missing[name] = f"failed: {error}"

    def _once(self, name: str) -> Result:
        scenario = self.outcome.scenario
        if scenario.fresh:
            running = SYSTEMS[name].starts[scenario.kind](self._redis_port)
            try:
                return scenario.run(running)
            finally:
                running.stop()
        if name not in self._running:
            self._running[name] = SYSTEMS[name].starts[scenario.kind](self._redis_port)
            self._servers.callback(self._running[name].stop)
            self._running[name].server.wait_until_quiet()
        running = self._running[name]
        result = scenario.run(running)
        running.server.wait_until_quiet()
        return result
