"""All systems, in the order in which they are measured."""

from __future__ import annotations

from benchmarks.node import SOCKJS_NODE
from benchmarks.own import LIMIT, PURE, SOCKJSD

SYSTEMS = {system.name: system for system in (SOCKJSD, LIMIT, PURE, SOCKJS_NODE)}
#: Those of a run without arguments.
DEFAULT = ("sockjsd", "limit", "sockjs-node")
#: The one that all others are compared with.
BASE = "sockjsd"
#: Those that alternate within a pair, as often as there are pairs; the others take part in as many rounds.
PAIRED = ("sockjsd", "limit", "sockjsd-pure")
