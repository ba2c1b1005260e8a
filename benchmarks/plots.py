"""The plots."""

from __future__ import annotations

from html import escape

from benchmarks.ratios import Outcome

_WIDTH, _BAR, _GAP, _LEFT = 720, 22, 10, 150


def plot(outcome: Outcome) -> str:
    """Return bars as SVG, with a whisker for the spread."""
    spreads = {system: outcome.spread(system) for system in outcome.rounds}
    scale = (_WIDTH - _LEFT - 120) / (max((spread.most for spread in spreads.values()), default=0) or 1.0)
    rows = []
    for number, (system, spread) in enumerate(spreads.items()):
        y = 40 + number * (_BAR + _GAP)
        middle = y + _BAR / 2
        rows.append(
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(system)}</text>'
            f'<rect x="{_LEFT}" y="{y}" width="{spread.median * scale:.1f}" height="{_BAR}" rx="3"/>'
            f'<line x1="{_LEFT + spread.least * scale:.1f}" x2="{_LEFT + spread.most * scale:.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
            f'<text x="{_LEFT + spread.most * scale + 8:.1f}" y="{middle + 4}">'
            f"{spread.median:,.0f}{escape(outcome.scenario.unit)}</text>"
        )
    height = 50 + len(spreads) * (_BAR + _GAP)
    style = "text{font:13px sans-serif;fill:#16202e}rect{fill:#1d4ed8}line{stroke:#b45309;stroke-width:2}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(outcome.scenario.name)}"><style>{style}</style>'
        f'<rect width="100%" height="100%" style="fill:#fff"/>'
        f'<text x="16" y="24" style="font-weight:bold">{escape(outcome.scenario.name)}</text>{"".join(rows)}</svg>\n'
    )
