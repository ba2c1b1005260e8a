"""Twisted's interfaces as types, where mypy-zope is installed; mypy without it still checks the rest.

Naming ``mypy_zope`` in pyproject.toml would make every other mypy (an editor's) refuse to start.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from mypy.plugin import Plugin


def plugin(version: str) -> type[Plugin]:
    """Return mypy's plugin class; mypy calls this with its own *version*."""
    if find_spec("mypy_zope") is None:
        return Plugin
    chosen: type[Plugin] = import_module("mypy_zope").plugin(version)
    return chosen
