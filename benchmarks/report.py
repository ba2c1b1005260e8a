"""Medians, ratios, the table and the plots."""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from benchmarks.scenarios import Result, Scenario

#: Where the results go.
RESULTS = Path(__file__).resolve().parent / "results"

_WIDTH, _BAR, _GAP, _LEFT = 720, 22, 10, 150


@dataclass(slots=True)
class Outcome:
    """What all rounds of one scenario brought.

    :param rounds: for each system its results, in the order of the rounds.
    """

    scenario: Scenario
    rounds: dict[str, list[Result]] = field(default_factory=dict)

    def figures(self, system: str) -> list[float]:
        """Return the compared figure of each round."""
        return [result[self.scenario.figure] for result in self.rounds[system]]

    def median(self, system: str) -> float:
        """Return the median of the compared figure."""
        return statistics.median(self.figures(system))

    def ratios(self, system: str, other: str) -> list[float]:
        """Return *system*'s figure over *other*'s for each round: those of one round are neighbours in time."""
        return [ours / theirs for ours, theirs in zip(self.figures(system), self.figures(other), strict=False)]


def table(outcome: Outcome, base: str) -> str:
    """Return the lines for people."""
    scenario = outcome.scenario
    lines = [f"{scenario.name} ({'more' if scenario.more_is_better else 'less'} is better)"]
    for system in outcome.rounds:
        figures = outcome.figures(system)
        line = f"  {system:14} {statistics.median(figures):12,.1f}{scenario.unit}"
        line += f"  [{min(figures):,.1f} … {max(figures):,.1f}]"
        if system != base and base in outcome.rounds:
            ratios = outcome.ratios(base, system)
            line += f"   {base} / {system} = {statistics.median(ratios):.2f} [{min(ratios):.2f} … {max(ratios):.2f}]"
        busy = [result.get("load_busy", 0.0) for result in outcome.rounds[system]]
        if max(busy) > 0.9:  # the load may have been what was measured
            line += f"   load {max(busy):.0%} busy"
        lines.append(line)
    return "\n".join(lines)


def save(outcomes: list[Outcome]) -> None:
    """Write everything as JSON, and a plot of each scenario."""
    RESULTS.mkdir(exist_ok=True)
    data = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "scenarios": {outcome.scenario.name: outcome.rounds for outcome in outcomes},
    }
    (RESULTS / "results.json").write_text(json.dumps(data, indent=1) + "\n")
    for outcome in outcomes:
        (RESULTS / f"{outcome.scenario.name}.svg").write_text(plot(outcome))


def plot(outcome: Outcome) -> str:
    """Return bars as SVG, with a whisker for the spread."""
    systems = list(outcome.rounds)
    most = max(max(outcome.figures(system)) for system in systems) or 1.0
    scale = (_WIDTH - _LEFT - 120) / most
    rows = []
    for number, system in enumerate(systems):
        y = 40 + number * (_BAR + _GAP)
        figures, median = outcome.figures(system), outcome.median(system)
        middle = y + _BAR / 2
        rows.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(system)}</text>'
            f'<rect x="{_LEFT}" y="{y}" width="{median * scale:.1f}" height="{_BAR}" rx="3"/>'
            f'<line x1="{_LEFT + min(figures) * scale:.1f}" x2="{_LEFT + max(figures) * scale:.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
            f'<text x="{_LEFT + max(median, max(figures)) * scale + 8:.1f}" y="{middle + 4}">'
            f"{median:,.0f}{escape(outcome.scenario.unit)}</text>"
        )
    height = 50 + len(systems) * (_BAR + _GAP)
    style = "text{font:13px sans-serif;fill:#16202e}rect{fill:#1d4ed8}line{stroke:#b45309;stroke-width:2}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(outcome.scenario.name)}"><style>{style}</style>'
        f'<rect width="100%" height="100%" style="fill:#fff"/>'
        f'<text x="16" y="24" style="font-weight:bold">{escape(outcome.scenario.name)}</text>{"".join(rows)}</svg>\n'
    )
