"""Bars: one picture for each family of scenarios, a block for each scenario, a bar for each system."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.catalog import BASE, SYSTEMS
from benchmarks.families import Family
from benchmarks.report import number
from benchmarks.results import Entry
from benchmarks.svg import GREY, INK, LINE, WIDTH, colours, line, picture, rect, text, wrapped

#: Pixels: where names end and bars begin, where bars end, where figures end, a bar, from one bar to the next.
_LEFT, _BARS, _FIGURES, _BAR, _STEP = 160, 580, 765, 16, 24
_MARGIN = 24


def better(entry: Entry, system: str) -> str:
    """Return how many times better ours is than *system*."""
    ratio = entry.ratio(BASE, system)
    if system == BASE or ratio is None:
        return ""
    factor = ratio.median if entry.more_is_better else 1 / ratio.median if ratio.median else 0.0
    return f"ours {factor:.2f} ×" if factor < 10 else f"ours {factor:,.0f} ×"


def _bar(entry: Entry, system: str, y: float, scale: float, colour: str) -> list[str]:
    spread = entry.spread(system)
    middle = y + _BAR / 2
    parts = [
        text(_LEFT - 10, middle + 4.5, system, anchor="end", bold=system == BASE),
        rect(_LEFT, y, spread.median * scale, _BAR, colour, 2),
    ]
    if spread.most > spread.least:
        left, right = _LEFT + spread.least * scale, _LEFT + spread.most * scale
        parts += [line(left, middle, right, middle, INK, 1.2)]
        parts += [line(x, middle - 4, x, middle + 4, INK, 1.2) for x in (left, right)]
    label = f"{number(spread.median)} {entry.unit}"
    parts.append(text(_FIGURES, middle + 4.5, label, bold=system == BASE, anchor="end"))
    parts.append(text(WIDTH - _MARGIN, middle + 4.5, better(entry, system), size=12, fill=GREY, anchor="end"))
    return parts


def _block(entry: Entry, title: str, y: float) -> tuple[list[str], float]:
    """Return the bars of one scenario below *y*, and where they end."""
    known = colours(list(SYSTEMS))
    direction = "more is better" if entry.more_is_better else "less is better"
    parts = [
        text(_MARGIN, y + 16, title, size=14, bold=True),
        text(WIDTH - _MARGIN, y + 16, direction, size=12, fill=GREY, anchor="end"),
    ]
    y += 22
    for words in wrapped(entry.about, WIDTH - 2 * _MARGIN):
        parts.append(text(_MARGIN, y + 12, words, size=12, fill=GREY))
        y += 17
    y += 8
    most = max(entry.spread(system).most for system in entry.systems) or 1
    scale = (_BARS - _LEFT) / most
    begin = y
    for system in entry.systems:
        parts += _bar(entry, system, y, scale, known[system])
        y += _STEP
    return [line(_LEFT, begin - 4, _LEFT, y - 4, LINE), *parts], y + 18


def bars(family: Family, entries: Mapping[str, Entry]) -> str | None:
    """Return the picture of *family*; None if nothing of it was measured."""
    present = {name: title for name, title in family.members.items() if name in entries}
    if not present:
        return None
    parts, y = [text(_MARGIN, 36, family.title, size=19, bold=True)], 52.0
    for name, title in present.items():
        block, y = _block(entries[name], title, y)
        parts += block
    return picture(family.title, y, parts)
