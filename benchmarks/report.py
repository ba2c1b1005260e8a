"""The table for people."""

from __future__ import annotations

from benchmarks.catalog import BASE
from benchmarks.ratios import Outcome, Spread, is_calm

#: The share of its core from which on the load may be what was measured.
TOO_BUSY = 0.9


def number(figure: float) -> str:
    """Return *figure* with about three digits that mean something."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:,.3g}"


def times(spread: Spread) -> str:
    """Return a ratio with its spread."""
    return f"{spread.median:.2f} [{spread.least:.2f} … {spread.most:.2f}]"


def table(outcome: Outcome) -> str:
    """Return the lines for people: medians with their spread, and what ours is to each of the others."""
    scenario = outcome.scenario
    lines = [f"{scenario.name}: {scenario.about} ({'More' if scenario.more_is_better else 'Less'} is better.)"]
    for system in outcome.rounds:
        lines += [_row(outcome, system), *_details(outcome, system)]
    lines += [f"  {system:16} left out: {reason}" for system, reason in outcome.missing.items()]
    return "\n".join(lines)


def _row(outcome: Outcome, system: str) -> str:
    spread = outcome.spread(system)
    line = f"  {system:16}{number(spread.median):>10}{outcome.scenario.unit}"
    line += f"  [{number(spread.least)} … {number(spread.most)}]"
    ratio = outcome.ratio(BASE, system) if system != BASE else None
    if ratio is not None:
        line = f"{line:64}{BASE} / {system} = {times(ratio)}"
    return line + _busy(outcome, system)


def _details(outcome: Outcome, system: str) -> list[str]:
    """Return a line for each figure that explains another: those whose names are ``kind: name``."""
    last = list(outcome.rounds[system].values())[-1]
    return [f"  {'':16}{number(figure):>10} {name}" for name, figure in last.items() if ": " in name]


def _busy(outcome: Outcome, system: str) -> str:
    """Return a remark where the load, and not the server, may be what was measured, and where somebody disturbed."""
    remark = ""
    if "load_busy" in next(iter(outcome.rounds[system].values())):
        load, server = outcome.spread(system, "load_busy").median, outcome.spread(system, "server_busy").median
        remark = f"  load {load:.0%} busy, server {server:.0%}" if load > TOO_BUSY else ""
    rounds = outcome.rounds[system].values()
    disturbed = sum(not is_calm(result) for result in rounds)
    return remark + (f"  {disturbed} of {len(rounds)} rounds disturbed by others" if disturbed else "")
