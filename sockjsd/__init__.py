"""sockjsd: one daemon that makes a Django site real-time.

Importing this package imports neither Twisted nor Cyclone nor a Redis client:
Django and Celery processes that only publish pay for nothing else.  The names of the
Python API (see docs/python.md) are looked up when somebody asks for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

#: A name of the Python API → the module that has it; modules by text, so that nothing here imports them.
_PUBLIC = {
    "ConnectionInfo": "sockjsd.sockjs.connection",
    "MultiplexConnection": "sockjsd.multiplex",
    "SockJSConnection": "sockjsd.sockjs.connection",
    "SockJSRouter": "sockjsd.router",
    "StatsCollector": "sockjsd.stats",
    "listen": "sockjsd.http.listening",
}

__all__ = [*_PUBLIC, "proto"]


def __getattr__(name: str) -> Any:
    """Import what the Python API calls *name*."""
    if name == "proto":
        return import_module("sockjsd.proto")
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
