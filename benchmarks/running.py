"""The order of things: scenario by scenario, round by round, system after system."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import TextIO

from benchmarks.catalog import PAIRED
from benchmarks.loading import Result
from benchmarks.machine import Server, cores, free_port, others_computed, scratch
from benchmarks.ratios import Outcome, is_calm, turns
from benchmarks.scenarios import Scenario
from benchmarks.systems import NotHere, Running, System


class Progress:
    """A line that says what is being done, on a terminal; it is written over.

    :param total: scenarios in all.
    :param stream: where it goes; nowhere if that is no terminal.
    :param clock: seconds.
    """

    def __init__(self, total: int, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._stream = stream
        self._clock = clock
        self._begun = clock()
        self._number = 0

    def scenario(self) -> None:
        """Begin the next scenario."""
        self._number += 1

    def say(self, text: str) -> None:
        """Show *text*, after the time that has passed."""
        if self._stream.isatty():
            minutes, seconds = divmod(int(self._clock() - self._begun), 60)
            line = f"bench {minutes}:{seconds:02} {self._number}/{self._total} {text}"
            print(f"\r{line:78}", end="", file=self._stream, flush=True)

    def clear(self) -> None:
        """Make room for something else."""
        if self._stream.isatty():
            print(f"\r{'':78}\r", end="", file=self._stream, flush=True)


def redis() -> Server:
    """Return a Redis on the load's core: what is compared is what each server does itself."""
    program = shutil.which("redis-server")
    if program is None:
        sys.exit("the benchmarks need redis-server: apt-get install redis-server")
    port = free_port()
    words = f"--port {port} --bind 127.0.0.1 --protected-mode no --dir {scratch()} --appendonly no"
    return Server([program, *words.split(), "--save", ""], port, core=cores()[1])


class Brokers:
    """A Redis for each system: what is published to one would cost the others' processes time on the same core.

    :param start: starts one.
    """

    def __init__(self, start: Callable[[], Server] = redis) -> None:
        self._start = start
        self._servers: dict[str, Server] = {}

    def port(self, system: str) -> int:
        """Return the port of the Redis of *system*, which runs from now on."""
        if system not in self._servers:
            self._servers[system] = self._start()
        return self._servers[system].port

    def stop(self) -> None:
        """End all of them."""
        while self._servers:
            self._servers.popitem()[1].stop()


def able(scenario: Scenario, systems: Mapping[str, System]) -> dict[str, System]:
    """Return those of *systems* that do what *scenario* asks for."""
    only = scenario.only or systems
    return {name: each for name, each in systems.items() if scenario.kind in each.starts and name in only}


def telling(scenarios: Mapping[str, Scenario], systems: Mapping[str, System]) -> dict[str, Scenario]:
    """Return the scenarios that compare some of *systems*, or whose figure says something alone."""
    return {
        name: each
        for name, each in scenarios.items()
        if len(found := able(each, systems)) > 1 or (found and each.alone)
    }


class Rounds:
    """Measures one scenario.

    :param scenario: which one.
    :param systems: those that should take part, by their names, as far as they are able.
    :param redis_port: returns that of the Redis beside a system.
    :param others: the seconds that everybody else on the machine has computed.
    :param clock: seconds.
    """

    def __init__(
        self,
        scenario: Scenario,
        systems: Mapping[str, System],
        redis_port: Callable[[str], int],
        progress: Progress,
        others: Callable[[], float] = others_computed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._systems = able(scenario, systems)
        self._redis_port = redis_port
        self._progress = progress
        self._others = others
        self._clock = clock
        self._running: dict[str, Running] = {}
        self._servers = ExitStack()
        self.outcome = Outcome(scenario)

    def measure(self, pairs: int, rounds: int) -> Outcome:
        """Measure each system in its turn.  What cannot be had, or fails, is left out and says why."""
        most = self.outcome.scenario.rounds
        plan = turns(list(self._systems), PAIRED, min(pairs, most), min(rounds, most))
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
            self.outcome.add(name, number, self._least_disturbed(name))
        except NotHere as reason:
            self.outcome.missing[name] = str(reason)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            self.outcome.missing[name] = f"failed: {error}"

    def _least_disturbed(self, name: str) -> Result:
        """Measure, and once more if somebody else was at work meanwhile."""
        result = self._watched(name)
        if not is_calm(result):
            result = min(result, self._watched(name), key=lambda each: each["others_busy"])
        return result

    def _watched(self, name: str) -> Result:
        """Measure, and say how many cores everybody else had meanwhile."""
        begun, before = self._clock(), self._others()
        result = self._once(name)
        busy = (self._others() - before) / max(self._clock() - begun, 0.001)
        return result | {"others_busy": round(max(busy, 0.0), 2)}

    def _once(self, name: str) -> Result:
        scenario = self.outcome.scenario
        if scenario.fresh:
            running = self._systems[name].starts[scenario.kind](self._redis_port(name))
            try:
                return scenario.run(running)
            finally:
                running.stop()
        if name not in self._running:
            self._running[name] = self._systems[name].starts[scenario.kind](self._redis_port(name))
            self._servers.callback(self._running[name].stop)
            self._running[name].server.wait_until_quiet()
            if scenario.warm:
                self._run(self._running[name])
        return self._run(self._running[name])

    def _run(self, running: Running) -> Result:
        result = self.outcome.scenario.run(running)
        running.server.wait_until_quiet()
        return result
