"""All systems, in the order in which they are measured."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import sites
from benchmarks.node import SOCKJS_NODE
from benchmarks.own import LIMIT, PURE, SOCKJSD
from benchmarks.systems import Kind

_OURS = replace(SOCKJSD, starts={**SOCKJSD.starts, Kind.SITE: sites.ours})
_ALL = (_OURS, LIMIT, PURE, SOCKJS_NODE, sites.WAITRESS, sites.GUNICORN, sites.UVICORN, sites.DAPHNE)

SYSTEMS = {system.name: system for system in _ALL}
#: Those of a run without arguments.
DEFAULT = ("sockjsd", "limit", "sockjs-node")
#: The one that all others are compared with.
BASE = "sockjsd"
#: Those that alternate within a pair, as often as there are pairs; the others take part in as many rounds.
PAIRED = ("sockjsd", "limit", "sockjsd-pure")
