"""Scenarios and systems that need no time: what they measure is said beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.loading import Result
from benchmarks.ratios import Outcome
from benchmarks.results import Entry, as_json
from benchmarks.scenarios import Scenario
from benchmarks.systems import Kind, NotHere, Running, System


class Server:
    """A server that notes what becomes of it.

    :param name: of its system.
    :param diary: gets a line for each thing that happens.
    :param figures: what is measured, in this order; an exception is raised instead.
    """

    def __init__(self, name: str, diary: list[str], figures: Iterator[float | Exception]) -> None:
        self.name = name
        self.diary = diary
        self.figures = figures

    def wait_until_quiet(self) -> None:
        """Be quiet."""
        self.diary.append(f"{self.name} is quiet")

    def stop(self) -> None:
        """End."""
        self.diary.append(f"{self.name} stops")

    def measure(self) -> Result:
        """Return the next figure."""
        self.diary.append(f"{self.name} is measured")
        figure = next(self.figures)
        if isinstance(figure, Exception):
            raise figure
        return {"per_second": figure}


def system(name: str, diary: list[str], *figures: float | Exception, missing: str = "") -> System:
    """Return a system whose server measures *figures*.

    :param missing: why it cannot be had.
    """
    following = iter(figures)

    def start(redis_port: int) -> Running:
        if missing:
            raise NotHere(missing)
        diary.append(f"{name} starts beside {redis_port}")
        server: Any = Server(name, diary, following)
        return Running(server)

    return System(name, "a fake", {Kind.ECHO: start})


def _measure(running: Running) -> Result:
    server: Any = running.server
    result: Result = server.measure()
    return result


def scenario(name: str = "echo-100", more_is_better: bool = True, fresh: bool = False, **options: Any) -> Scenario:
    """Return a scenario that asks the fake server."""
    return Scenario(name, "A fake.", Kind.ECHO, _measure, more_is_better=more_is_better, fresh=fresh, **options)


def outcome(name: str = "echo-100", more_is_better: bool = True, **figures: list[float]) -> Outcome:
    """Return an outcome with these figures of systems, whose ``_`` stand for ``-``."""
    found = Outcome(scenario(name, more_is_better, unit=" messages/s"))
    for each, values in figures.items():
        for number, value in enumerate(values):
            found.add(each.replace("_", "-"), number, {"per_second": value})
    return found


def entry(name: str = "echo-100", more_is_better: bool = True, **figures: list[float]) -> Entry:
    """Return the same as it is read from JSON."""
    return Entry(name, as_json(outcome(name, more_is_better, **figures)))
