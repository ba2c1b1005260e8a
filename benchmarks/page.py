"""``results/index.html``: everything on one page, and the plots as files of their own."""

from __future__ import annotations

from html import escape
from pathlib import Path

from benchmarks.ceiling import KINDS
from benchmarks.families import FAMILIES
from benchmarks.overview import overview
from benchmarks.plots import bars
from benchmarks.requirements import REQUIREMENTS, Verdict
from benchmarks.results import Results

_STYLE = """
body { margin: 0 auto; max-width: 940px; padding: 24px 20px 60px; background: #f4f6f9; color: #1b2330;
  font: 15px/1.5 system-ui, "Segoe UI", "Helvetica Neue", "DejaVu Sans", sans-serif; }
h1 { font-size: 28px; margin: 12px 0 4px; } h2 { font-size: 19px; margin: 36px 0 8px; }
p { margin: 6px 0 14px; color: #4b5565; }
figure { margin: 18px 0; background: #fff; border: 1px solid #e1e6ed; border-radius: 10px; overflow: hidden; }
figure svg { display: block; width: 100%; height: auto; }
table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #e1e6ed; border-radius: 10px; }
th, td { text-align: left; padding: 6px 12px; border-bottom: 1px solid #eef1f5; font-variant-numeric: tabular-nums; }
th { font-weight: 600; color: #4b5565; } td.number { text-align: right; white-space: nowrap; }
.holds { color: #0b7a4b; font-weight: 600; } .fails { color: #b3261e; font-weight: 600; } .unknown { color: #8a94a3; }
"""
_HOW = (
    "Each server runs on one core; the load, and Redis where publications go through it, on another. "
    "In each scenario all servers run at once and are measured one after the other, round by round; a figure is the "
    "median of its rounds, the thin line in a bar goes from the worst to the best of them, and ratios are those of "
    "neighbours in time. The load stays awake, so that waking it costs no server anything."
)


def _table(head: list[str], rows: list[str]) -> str:
    cells = "".join(f"<th>{escape(word)}</th>" for word in head)
    return f"<table><tr>{cells}</tr>{''.join(rows)}</table>"


def _requirements(results: Results) -> str:
    names = {Verdict.HOLDS.value: "holds", Verdict.FAILS.value: "fails", Verdict.UNKNOWN.value: "unknown"}
    rows = []
    for requirement in REQUIREMENTS:
        about, wanted, measured, verdict = requirement.row(results.entries)
        cells = f'<td>{escape(about)}</td><td class="number">{wanted}</td><td class="number">{escape(measured)}</td>'
        rows.append(f'<tr>{cells}<td class="{names[verdict]}">{verdict}</td></tr>')
    return _table(["what", "wanted", "measured", ""], rows)


def _ceiling(results: Results) -> str:
    rows = [
        f'<tr><td>{escape(name)}</td><td class="number">{reached["per_second"]:,.0f}</td>'
        f'<td>{escape(KINDS[name][1])}</td><td class="number">{reached["load_busy"]:.0%}</td>'
        f'<td class="number">{reached["server_busy"]:.0%}</td></tr>'
        for name, reached in results.data["load"].items()
    ]
    return _table(["load", "reaches", "", "load busy", "server's core busy"], rows)


def _systems(results: Results) -> str:
    measured = {system for entry in results.entries.values() for system in entry.systems}
    rows = [
        f"<tr><td>{escape(name)}</td><td>{escape(about)}</td></tr>"
        for name, about in results.data["systems"].items()
        if name in measured
    ]
    return _table(["system", "as it was measured"], rows)


def html(results: Results, figures: list[str]) -> str:
    """Return the page."""
    data = results.data
    where = f"{data.get('machine', '')}, Python {data.get('python', '')}"
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>sockjsd: benchmarks</title>',
            '<meta name="viewport" content="width=device-width">',
            f"<style>{_STYLE}</style></head><body><h1>sockjsd beside others</h1><p>{escape(where)}</p>",
            *[f"<figure>{figure}</figure>" for figure in figures],
            f"<h2>What is wanted of ours</h2>{_requirements(results)}",
            f"<h2>What was measured</h2><p>{escape(_HOW)}</p>{_systems(results)}",
            "<h2>The load alone</h2><p>Against an epoll loop in C that only sends: what the load can do.</p>",
            f"{_ceiling(results)}</body></html>\n",
        ]
    )


def write(results: Results, folder: Path) -> None:
    """Write the page and all plots into *folder*."""
    entries = results.entries
    pictures = {"overview": overview(entries)} | {family.name: bars(family, entries) for family in FAMILIES}
    for name, picture in pictures.items():
        if picture is not None:
            (folder / f"{name}.svg").write_text(picture)
    (folder / "index.html").write_text(html(results, [each for each in pictures.values() if each is not None]))
