"""``results/results.json``: the last run of each scenario, for programs, plots and requirements."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.catalog import BASE, SYSTEMS
from benchmarks.loading import Result
from benchmarks.ratios import Outcome, Spread, calm, ratio_of

#: Where the results go.
RESULTS = Path(__file__).resolve().parent / "results"


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
        "rounds": {
            system: {str(number): result for number, result in rounds.items()}
            for system, rounds in outcome.rounds.items()
        },
        "medians": {system: _spread(outcome.spread(system)) for system in outcome.rounds},
        "ratios": {system: _spread(outcome.ratio(BASE, system)) for system in outcome.rounds if system != BASE},
        "missing": outcome.missing,
    }


class Entry:
    """One scenario as it was read from JSON.

    :param name: of the scenario.
    :param data: see :func:`as_json`.
    """

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self.name = name
        self.about: str = data["about"]
        self.unit: str = data["unit"]
        self.figure: str = data["figure"]
        self.more_is_better: bool = data["more_is_better"]
        self._rounds: Mapping[str, Mapping[str, Result]] = data["rounds"]

    @property
    def systems(self) -> list[str]:
        """Return who was measured, in the order of the catalog."""
        return [name for name in SYSTEMS if name in self._rounds]

    def spread(self, system: str, figure: str = "") -> Spread:
        """Return a figure of all rounds; the compared one unless told otherwise."""
        return Spread.of([result[figure or self.figure] for result in calm(self._rounds[system]).values()])

    def ratio(self, system: str, other: str) -> Spread | None:
        """Return *system*'s figure over *other*'s; None where no round has both."""
        return ratio_of(self._rounds.get(system, {}), self._rounds.get(other, {}), self.figure)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


class Results:
    """The file.

    :param folder: where it is; made when something is written.
    """

    def __init__(self, folder: Path = RESULTS) -> None:
        self._file = folder / "results.json"
        self.data: dict[str, Any] = json.loads(self._file.read_text()) if self._file.exists() else {}
        if "systems" not in self.data:
            self.data = {"scenarios": {}, "systems": {}, "load": {}}

    @property
    def entries(self) -> dict[str, Entry]:
        """Return what is known of each scenario that brought anything."""
        found = {name: Entry(name, data) for name, data in self.data["scenarios"].items()}
        return {name: entry for name, entry in found.items() if entry.systems}

    def begin(self, ceiling: dict[str, Result]) -> None:
        """Write down where this runs."""
        self.data["machine"] = f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
        self.data["python"] = platform.python_version()
        self.data["load"] = ceiling
        self.data["systems"] = {system.name: system.about for system in SYSTEMS.values()}

    def add(self, outcome: Outcome) -> None:
        """Write one scenario down, in place of what was known of it."""
        self.data["scenarios"][outcome.scenario.name] = as_json(outcome)
        self._file.parent.mkdir(exist_ok=True)
        self._file.write_text(json.dumps(self.data, indent=1, ensure_ascii=False) + "\n")
