"""The overview: one line for each scenario, one dot for each system, and how far it is from ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from benchmarks.catalog import BASE, SYSTEMS
from benchmarks.families import FAMILIES, Family
from benchmarks.results import Entry
from benchmarks.svg import GREY, INK, LETTER, LINE, OURS, PAPER, WIDTH, colours, line, picture, text

_LEFT, _RIGHT, _STEP, _MARGIN = 330, 40, 24, 24
#: Dots that are nearer than this are drawn so far above and below their line.
_NEAR, _ASIDE = 9, 5
#: What the axis shows at most to either side, and where it has its marks.
_FACTOR = 200.0
_MARKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200)
TITLE = "sockjsd against each of the others: how many times as good"


def factors(entry: Entry) -> dict[str, float]:
    """Return for each other system how many times better ours is; less than 1 where it is worse."""
    found = {}
    for system in entry.systems:
        ratio = entry.ratio(BASE, system)
        if system != BASE and ratio is not None and ratio.median > 0:
            found[system] = ratio.median if entry.more_is_better else 1 / ratio.median
    return found


def _scale(values: list[float]) -> tuple[float, float]:
    """Return the ends of the axis: 1 is on it, and nothing is at its very edge."""
    least, most = min([*values, 0.8]), max([*values, 1.25])
    return max(least, 1 / _FACTOR) / 1.25, min(most, _FACTOR) * 1.25


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" fill="{colour}" stroke="{PAPER}" stroke-width="1.5"/>'


def _legend(systems: list[str], known: Mapping[str, str], y: float) -> tuple[list[str], float]:
    """Return a dot and a name for each system, in as many lines as it takes, and where they end."""
    parts, x = [], float(_MARGIN)
    for system in systems:
        width = 28 + len(system) * LETTER
        if x + width > WIDTH - _MARGIN:
            x, y = float(_MARGIN), y + 22
        parts += [_dot(x + 6, y, known[system]), text(x + 17, y + 4.5, system)]
        x += width + 8
    return parts, y + 20


def _families(entries: Mapping[str, Entry]) -> list[tuple[Family, list[str]]]:
    """Return the families of these scenarios, with those of their members."""
    found = [(family, [name for name in family.members if name in entries]) for family in FAMILIES]
    return [(family, members) for family, members in found if members]


def overview(entries: Mapping[str, Entry]) -> str | None:
    """Return the picture; None if ours was compared with nobody."""
    wanted = [name for family in FAMILIES if family.compared for name in family.members if name in entries]
    compared = {name: entries[name] for name in wanted if factors(entries[name])}
    values = [factor for entry in compared.values() for factor in factors(entry).values()]
    if not values:
        return None
    low, high = _scale(values)
    known = colours(list(SYSTEMS))
    present = [name for name in SYSTEMS if any(name in factors(entry) for entry in compared.values())]

    def place(factor: float) -> float:
        share = math.log(min(max(factor, low), high) / low) / math.log(high / low)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    parts = [text(_MARGIN, 36, TITLE, size=19, bold=True)]
    legend, y = _legend(present, known, 62)
    top = y + 18
    names, dots, bottom = _rows(compared, known, place, top + 6)
    axis = _axis(place, low, high, top, bottom)
    return picture(TITLE, bottom + 40, [*parts, *legend, *names, *axis, *dots])


def _rows(
    compared: Mapping[str, Entry], known: Mapping[str, str], place: Callable[[float], float], y: float
) -> tuple[list[str], list[str], float]:
    """Return the names of families and scenarios with their lines, the dots, and where all that ends."""
    names, dots = [], []
    for family, members in _families(compared):
        names.append(text(_MARGIN, y + 16, family.title.partition(":")[0], size=12, fill=GREY, bold=True))
        y += _STEP
        for name in members:
            names.append(text(_MARGIN + 14, y + 14, family.members[name]))
            names.append(line(_LEFT, y + 10, WIDTH - _RIGHT, y + 10, LINE))
            found = {system: place(factor) for system, factor in factors(compared[name]).items()}
            dots += [_dot(x, y + 10 + aside, known[system]) for system, x, aside in apart(found)]
            y += _STEP
        y += 6
    return names, dots, y


def apart(places: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """Return each with its place, and how far below it has to be so that none hides its neighbour."""
    found: list[tuple[str, float, float]] = []
    for system, x in sorted(places.items(), key=lambda item: item[1]):
        near = found and x - found[-1][1] < _NEAR
        found.append((system, x, (-_ASIDE if found[-1][2] > 0 else _ASIDE) if near else 0.0))
    return found


def _axis(place: Callable[[float], float], low: float, high: float, top: float, bottom: float) -> list[str]:
    parts = []
    for mark in _MARKS:
        if low <= mark <= high:
            one = mark == 1
            parts.append(line(place(mark), top, place(mark), bottom, OURS if one else LINE, 2 if one else 1))
            parts.append(text(place(mark), top - 6, f"{mark:g} ×", size=11, fill=INK if one else GREY, anchor="middle"))
    parts.append(text(place(1) + 8, bottom + 18, "ours is better →", size=12, fill=OURS))
    parts.append(text(place(1) - 8, bottom + 18, "← ours is worse", size=12, fill=GREY, anchor="end"))
    return parts
