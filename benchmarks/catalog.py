"""All systems, in the order in which they are measured."""

from __future__ import annotations

from dataclasses import replace

from benchmarks import pythons, sites
from benchmarks.native import CENTRIFUGO, NCHAN
from benchmarks.node import SOCKET_IO, SOCKJS_NODE, WS
from benchmarks.own import LIMIT, PURE, SOCKJSD, WITH_HISTORY
from benchmarks.systems import Kind

_OURS = replace(SOCKJSD, starts={**SOCKJSD.starts, Kind.SITE: sites.ours})
_LIVE = (_OURS, LIMIT, PURE, WITH_HISTORY, SOCKJS_NODE, NCHAN, WS, SOCKET_IO, CENTRIFUGO)
_PYTHONS = (pythons.SOCKJS_TORNADO, pythons.UVICORN, pythons.DAPHNE)
_SITES = (sites.WAITRESS, sites.GUNICORN, sites.UVICORN, sites.DAPHNE)

SYSTEMS = {system.name: system for system in _LIVE + _PYTHONS + _SITES}
#: Those of a run without arguments.
DEFAULT = ("sockjsd", "limit", "sockjs-node")
#: The one that all others are compared with.
BASE = "sockjsd"
#: Those that alternate within a pair, as often as there are pairs; the others take part in as many rounds.
PAIRED = ("sockjsd", "limit", "sockjsd-pure", "sockjsd-history")
