"""What ours wants to be, beside others: ``make bench CHECK=1`` says what of it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from benchmarks import syscalls
from benchmarks.ratios import Spread
from benchmarks.report import number, times
from benchmarks.results import Entry
from benchmarks.scenarios import SCENARIOS


class Verdict(Enum):
    """What became of a requirement."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNKNOWN = "not measured"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the table.

    :ivar scenario: where it is measured.
    :ivar limit: what the figure, or its ratio to the other's, may not miss.
    :ivar other: with whom it is compared; nobody if empty.
    :ivar system: whose figure it is.
    """

    scenario: str
    limit: float
    other: str = ""
    system: str = "sockjsd"

    def spread(self, entries: Mapping[str, Entry]) -> Spread | None:
        """Return what was measured; None if it was not."""
        entry = entries.get(self.scenario)
        if entry is None or self.system not in entry.systems:
            return None
        return entry.ratio(self.system, self.other) if self.other else entry.spread(self.system)

    def verdict(self, entries: Mapping[str, Entry]) -> Verdict:
        """Return what became of it: the median counts."""
        spread = self.spread(entries)
        if spread is None:
            return Verdict.UNKNOWN
        more = SCENARIOS[self.scenario].more_is_better
        return (
            Verdict.HOLDS if (spread.median >= self.limit if more else spread.median <= self.limit) else Verdict.FAILS
        )

    def row(self, entries: Mapping[str, Entry]) -> tuple[str, str, str, str]:
        """Return what it is about, what is wanted, what was measured, and the verdict."""
        scenario, spread = SCENARIOS[self.scenario], self.spread(entries)
        unit = "" if self.other else scenario.unit
        about = f"{self.scenario}: {self.system}" + (f" / {self.other}" if self.other else "")
        wanted = f"{'≥' if scenario.more_is_better else '≤'} {self.limit:g}{unit}"
        measured = "" if spread is None else times(spread) if self.other else number(spread.median) + unit
        return about, wanted, measured, self.verdict(entries).value


REQUIREMENTS = (
    Requirement("fanout-1000", 0.90, "limit"),
    Requirement("fanout-1000", 0.75, "limit", "sockjsd-pure"),
    Requirement("fanout-1000", 1.5, "nchan"),
    Requirement("fanout-1000", 1.9, "sockjs-node"),
    Requirement("fanout-1000", 30, "channels-uvicorn"),
    Requirement("fanout-1000", 30, "channels-daphne"),
    Requirement("fanout-10000", 0.85, "limit"),
    Requirement("fanout-10000", 0.72, "limit", "sockjsd-pure"),
    Requirement("burst-100", 3, "limit"),
    Requirement("fanout-1000", 0.85, "sockjsd", "sockjsd-history"),
    Requirement("burst-100", 0.85, "sockjsd", "sockjsd-history"),
    Requirement("echo-100", 0.95, "sockjs-node"),
    Requirement("echo-100", 4, "sockjs-tornado"),
    Requirement("echo-100", 8, "channels-daphne"),
    # One to read and one to write; all that are ready share the call that says so.
    Requirement("system-calls", 2 + 2 / syscalls.CLIENTS),
    Requirement("handshakes", 2.5, "sockjs-node"),
    Requirement("info", 1.5, "sockjs-node"),
    Requirement("xhr-new", 1.5, "sockjs-node"),
    Requirement("xhr-send", 1.5, "sockjs-node"),
    Requirement("latency-1000", 2, "limit"),
    Requirement("idle-memory", 4 * 1024),
    Requirement("idle-streaming", 10 * 1024),
    Requirement("django-hello", 1.2, "waitress"),
    Requirement("django-hello", 1.4, "gunicorn"),
    Requirement("django-5ms", 1.2, "waitress"),
    Requirement("django-5ms", 1.4, "gunicorn"),
    Requirement("profile", 15),
)


def check(entries: Mapping[str, Entry]) -> str:
    """Return the table of all requirements."""
    lines = ["What is wanted of ours, and what was measured:"]
    for requirement in REQUIREMENTS:
        about, wanted, measured, verdict = requirement.row(entries)
        lines.append(f"  {about:46}{wanted:>22}  {measured:26}{verdict}")
    verdicts = [requirement.verdict(entries) for requirement in REQUIREMENTS]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict)
    return "\n".join([*lines, f"  {counts}"])
