"""Pieces of SVG that the plots share: text, colours, numbers."""

from __future__ import annotations

import textwrap
from html import escape

WIDTH = 900
#: Of the background, of what is written, of what is said beside, of lines behind.
PAPER, INK, GREY, LINE = "#ffffff", "#1b2330", "#687385", "#e4e8ee"
OURS, OURS_PURE, OURS_WITH_HISTORY, LIMIT = "#2457d6", "#86a5ee", "#4338ca", "#39424f"
#: For the others, in the order of the catalog; far enough apart for most eyes.
_OTHERS = (
    *("#d97706", "#0f9d76", "#b4449b", "#8d6b48", "#5b8db8", "#7c5cc4"),
    *("#c2474a", "#6f8f2f", "#0891b2", "#db2777", "#64748b", "#a16207"),
)
FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"
#: Of 13 px text, the pixels of an average letter; rather too many than too few.
LETTER = 7.0


def colours(systems: list[str]) -> dict[str, str]:
    """Return a colour for each of all *systems*; always the same for the same list."""
    own = {"sockjsd": OURS, "sockjsd-pure": OURS_PURE, "sockjsd-history": OURS_WITH_HISTORY, "limit": LIMIT}
    others = [name for name in systems if name not in own]
    return own | {name: _OTHERS[place % len(_OTHERS)] for place, name in enumerate(others)}


def text(
    x: float, y: float, content: str, *, size: int = 13, fill: str = INK, bold: bool = False, anchor: str = "start"
) -> str:
    """Return one line of text; *y* is its base line."""
    weight = ' font-weight="600"' if bold else ""
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
    return f"<text {where}{weight}>{escape(content)}</text>"


def rect(x: float, y: float, width: float, height: float, fill: str, radius: float = 0) -> str:
    """Return a filled rectangle."""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}" rx="{radius}" fill="{fill}"/>'
    )


def line(x1: float, y1: float, x2: float, y2: float, stroke: str, width: float = 1) -> str:
    """Return a line."""
    points = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {points} stroke="{stroke}" stroke-width="{width}"/>'


def wrapped(content: str, width: float, size: int = 12) -> list[str]:
    """Return *content* in lines that fit."""
    return textwrap.wrap(content, max(20, int(width / (LETTER * size / 13))))


def picture(title: str, height: float, parts: list[str]) -> str:
    """Return the whole SVG on white."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
        f'height="{height:.0f}" role="img" aria-label="{escape(title)}" font-family="{escape(FONT)}">'
        f"{rect(0, 0, WIDTH, height, PAPER)}{''.join(parts)}</svg>\n"
    )
