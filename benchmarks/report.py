"""The table for people, and the JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path
from typing import Any

from benchmarks.catalog import BASE, SYSTEMS
from benchmarks.loading import Result
from benchmarks.ratios import Outcome, Spread, by_system

#: Where the results go.
RESULTS = Path(__file__).resolve().parent / "results"
#: The share of its core from which on the load may be what was measured.
TOO_BUSY = 0.9


def number(figure: float) -> str:
    """Return *figure* with about three digits that mean something."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:,.3g}"


def table(outcome: Outcome) -> str:
    """Return the lines for people: medians with their spread, and what ours is to each of the others."""
    scenario = outcome.scenario
    lines = [f"{scenario.name}: {scenario.about} ({'More' if scenario.more_is_better else 'Less'} is better.)"]
    lines += [_row(outcome, system) for system in outcome.rounds]
    lines += [f"  {system:15} left out: {reason}" for system, reason in outcome.missing.items()]
    return "\n".join(lines)


def _row(outcome: Outcome, system: str) -> str:
    spread = outcome.spread(system)
    line = f"  {system:15}{number(spread.median):>10}{outcome.scenario.unit}"
    line += f"  [{number(spread.least)} … {number(spread.most)}]"
    ratio = outcome.ratio(BASE, system) if system != BASE else None
    if ratio is not None:
        line = f"{line:62}{BASE} / {system} = {ratio.median:.2f} [{ratio.least:.2f} … {ratio.most:.2f}]"
    return line + _busy(outcome, system)


def _busy(outcome: Outcome, system: str) -> str:
    """Return a remark where the load, and not the server, may be what was measured."""
    if "load_busy" not in next(iter(outcome.rounds[system].values())):
        return ""
    load, server = outcome.spread(system, "load_busy").median, outcome.spread(system, "server_busy").median
    return f"  load {load:.0%} busy, server {server:.0%}" if load > TOO_BUSY else ""


def _spread(spread: Spread | None) -> dict[str, float] | None:
    return None if spread is None else {"median": spread.median, "least": spread.least, "most": spread.most}


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return one scenario for programs.

    ``{"about", "unit", "figure", "more_is_better", "measured", "rounds": {system: {round: {figure: number}}},
    "medians": {system: spread}, "ratios": {system: ours over its}, "missing": {system: why}}``; a spread is
    ``{"median", "least", "most"}``.
    """
    scenario = outcome.scenario
    return {
        "about": scenario.about,
        "unit": scenario.unit.strip(),
        "figure": scenario.figure,
        "more_is_better": scenario.more_is_better,
        "measured": time.strftime("%Y-%m-%d %H:%M:%S"),
        "rounds": by_system(outcome.rounds),
        "medians": {system: _spread(outcome.spread(system)) for system in outcome.rounds},
        "ratios": {system: _spread(outcome.ratio(BASE, system)) for system in outcome.rounds if system != BASE},
        "missing": outcome.missing,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


class Results:
    """``results/results.json``: the last run of each scenario.

    :param folder: where it is.
    """

    def __init__(self, folder: Path = RESULTS) -> None:
        self._file = folder / "results.json"
        folder.mkdir(exist_ok=True)
        self.data: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        if "systems" not in self.data:
            self.data = {"scenarios": {}}

    def begin(self, ceiling: dict[str, Result]) -> None:
        """Write down where this runs."""
        self.data["machine"] = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
        self.data["python"] = platform.python_version()
        self.data["load"] = ceiling
        self.data["systems"] = {system.name: system.about for system in SYSTEMS.values()}

    def add(self, outcome: Outcome) -> None:
        """Write one scenario down, in place of what was known of it."""
        self.data["scenarios"][outcome.scenario.name] = as_json(outcome)
        self._file.write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n")
