"""What the rounds of one scenario brought: medians, spreads, and ratios of neighbours in time."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from benchmarks.loading import Result
from benchmarks.scenarios import Scenario

#: Cores that others may have during a measurement: with more it is repeated once, and counts only for want of better.
DISTURBED = 0.1

#: The number of a round; a string where it comes from JSON.
Key = TypeVar("Key", int, str)


@dataclass(frozen=True, slots=True)
class Spread:
    """A median, with the least and the most of what it is the median of."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        """Return that of *figures*, of which there is at least one."""
        return cls(statistics.median(figures), min(figures), max(figures))


@dataclass(slots=True)
class Outcome:
    """What all rounds of one scenario brought.

    :ivar rounds: for each system its results, by the number of the round.
    :ivar missing: systems that are left out, and why.
    """

    scenario: Scenario
    rounds: dict[str, dict[int, Result]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, system: str, number: int, result: Result) -> None:
        """Remember one measurement."""
        self.rounds.setdefault(system, {})[number] = result

    def spread(self, system: str, figure: str = "") -> Spread:
        """Return a figure of all rounds; the compared one unless told otherwise."""
        figure = figure or self.scenario.figure
        return Spread.of([result[figure] for result in calm(self.rounds[system]).values()])

    def ratio(self, system: str, other: str) -> Spread | None:
        """Return *system*'s figure over *other*'s; None where no round has both."""
        return ratio_of(self.rounds.get(system, {}), self.rounds.get(other, {}), self.scenario.figure)


def is_calm(result: Result) -> bool:
    """Whether nobody else had much of the machine."""
    return result.get("others_busy", 0.0) <= DISTURBED


def calm(rounds: Mapping[Key, Result]) -> dict[Key, Result]:
    """Return the rounds that nobody disturbed; all where there is no such one: better a poor figure than none."""
    return {number: result for number, result in rounds.items() if is_calm(result)} or dict(rounds)


def ratio_of(ours: Mapping[Key, Result], theirs: Mapping[Key, Result], figure: str) -> Spread | None:
    """Return ours over theirs.

    Only figures of one round are divided: they are neighbours in time and met the same noise.  Rounds in which either
    was disturbed count only where there are no others.

    :return: None where no round has both.
    """
    common = [number for number in ours if number in theirs and theirs[number][figure]]
    common = [number for number in common if is_calm(ours[number]) and is_calm(theirs[number])] or common
    return Spread.of([ours[number][figure] / theirs[number][figure] for number in common]) if common else None


def turns(systems: Sequence[str], paired: Sequence[str], pairs: int, rounds: int) -> list[list[str]]:
    """Return for each round who is measured, in which order.

    Those that are *paired* take part in every round, the others in as many as *rounds* says, evenly spread.
    The order is turned round each time: whatever drifts favours each as often as the other.
    """
    if not set(systems) & set(paired):
        pairs = rounds
    total = max(pairs, rounds)
    chosen = spread_over(rounds, total)
    found = []
    for number in range(total):
        order = [each for each in systems if (each in paired and number < pairs) or number in chosen]
        found.append(order if number % 2 == 0 else order[::-1])
    return found


def spread_over(number: int, total: int) -> set[int]:
    """Return *number* of the first *total* integers, evenly spread, the first and the last among them."""
    if number >= total or number < 2:
        return set(range(min(number, total)))
    return {round(place * (total - 1) / (number - 1)) for place in range(number)}
