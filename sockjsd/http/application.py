# -*- test-case-name: tests.http.test_application -*-
"""Cyclone's application and routing, without its handler machinery.

A route is looked up when the head of a request is complete, because it decides what
body is welcome, and used again when the request is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, cast
from urllib.parse import unquote

from cyclone import web
from twisted.logger import Logger

from sockjsd.errors import HTTPError, PeerError
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.rules import Head


@dataclass(slots=True)
class Route:
    """Where a request goes.

    :param handler: a subclass of ``LeanHandler``.
    :param options: keyword arguments of its constructor.
    :param arguments: what the groups of the pattern matched, with percent-escapes undone.
    """

    handler: type[LeanHandler]
    options: dict[str, Any]
    arguments: tuple[str, ...] = ()


#: A pattern that ends in a word, as Cyclone has it.
_LAST_WORD = re.compile(r"((?:/[^|]*)?/)\w+\$")

#: A pattern that begins with a word: behind it is the end, or a slash, or perhaps a slash and whatever.
_FIRST_WORD = re.compile(r"/((?:[\w-]|\\[.-])+)(?:\$|/(?![?*+{])[^|]*|/\?\$|\(\?:/\.\*\)\?\$)")

_NOWHERE = Route(LeanHandler, {})


class Target(Protocol):
    """Where a request goes: a route."""

    @property
    def handler(self) -> type[web.RequestHandler]:
        """The class that answers."""


class Responder:
    """Finds out who answers a request, and answers in the end when that fails."""

    #: Whether the same head always has the same route.
    SETTLED = False

    _log = Logger()

    def find(self, head: Head) -> Target:
        """Return where a request goes: there is always an answer."""
        raise NotImplementedError

    def body_policy(self, route: Any) -> BodyPolicy:
        """Return what body *route*, which came from ``find``, accepts."""
        raise NotImplementedError

    def run(self, exchange: Exchange) -> None:
        """Let the route of *exchange* answer; it may raise anything."""
        raise NotImplementedError

    def dispatch(self, exchange: Exchange) -> None:
        """Let the handler of a complete request answer it; what it raises is answered here."""
        try:
            self.run(exchange)
        except PeerError as error:
            self._refuse(exchange, error.status, str(error), close=getattr(error, "close", False))
        except Exception:
            handler = exchange.route.handler.__name__
            self._log.failure("Answering a request for {handler} failed", handler=handler)
            self._refuse(exchange, 500, "Internal server error", close=True)

    def _refuse(self, exchange: Exchange, status: int, reason: str, *, close: bool) -> None:
        if exchange.phase is Phase.RECEIVED:
            exchange.refuse(HTTPError(status, reason, close=close))
        else:  # cut it, unless it is complete
            exchange.abort()


class Table:
    """The rows of a URL table, so that looking a path up is one call in C.

    :param specs: the rows, in order: the first one that matches all of a path has it.
    """

    def __init__(self, specs: Iterable[web.URLSpec]) -> None:
        rows = [(_first_word(spec.regex.pattern), spec) for spec in specs]
        #: The first word of a path -> the rows that may have it: those that begin so, and those of which nobody knows.
        self._parts = {
            first: _Part(spec for word, spec in rows if word in ("", first)) for first in {word for word, _ in rows}
        }
        self._rest = self._parts.get("") or _Part(())

    def find(self, path: str) -> Route | None:
        """Return the route of *path*, which begins with a slash, or ``None``."""
        part = self._parts.get(path.split("/", 2)[1], self._rest)
        match = part.regex.match(path)
        if match is None:
            return None
        outer = match.lastindex  # the group closed last: a row's own, around its others or behind those that it shares
        assert outer is not None, "each row is a group"
        route, begin, end = part.rows[outer]
        if begin == end:
            return route
        arguments = match.groups("")[begin:end]
        return Route(route.handler, route.options, tuple(map(unquote, arguments)) if "%" in path else arguments)


class _Part:
    """Some rows as one expression.

    Neighbours whose paths differ in their last word alone share what stands before it.
    """

    def __init__(self, specs: Iterable[web.URLSpec]) -> None:
        #: The number of each row's group -> the row, and where the groups of its arguments begin and end.
        self.rows: dict[int, tuple[Route, int, int]] = {}
        patterns = []
        group = 0
        for shared, rows in groupby(specs, _before_last_word):
            begin, group = group, group + re.compile(shared).groups
            ends = []
            for spec in rows:
                ends.append(f"({spec.regex.pattern[len(shared) :]})")
                group += 1
                route, end = Route(cast(type[LeanHandler], spec.handler_class), spec.kwargs), begin + spec.regex.groups
                self.rows[group] = (route, begin, end) if shared else (route, group, group + spec.regex.groups)
                group += 0 if shared else spec.regex.groups
            patterns.append(f"{shared}(?:{'|'.join(ends)})")
        self.regex = re.compile("|".join(patterns) or "(?!)")


def _first_word(pattern: str) -> str:
    """Return the word with which every path begins that *pattern* matches; nothing where that cannot be told."""
    found = _FIRST_WORD.fullmatch(pattern)
    return found[1].replace("\\", "") if found is not None else ""


def _before_last_word(spec: web.URLSpec) -> str:
    """Return what stands in the pattern of *spec* before its last word, with the slash.

    Nothing where it does not end in a word, or where that cannot be told from the rest: ``/a|b/c``, ``[^/b]c``.
    """
    found = _LAST_WORD.fullmatch(spec.regex.pattern)
    try:
        re.compile(shared := found[1] if found is not None else "")
    except re.error:
        return ""
    return shared


class Application(Responder, web.Application):
    """A Cyclone application whose handlers are all lean.

    :param handlers: rows of Cyclone's URL table: pattern, handler class, keyword arguments.
    """

    SETTLED = True

    def __init__(self, handlers: list[tuple[str, type[LeanHandler], dict[str, Any]]]) -> None:
        super().__init__(handlers, transforms=[])
        self._table = Table(spec for _, specs in self.handlers for spec in specs)  # the host does not matter here

    def find(self, head: Head) -> Route:
        """Return the route of a request; one that answers 404 when there is none."""
        return self._table.find(head.path) or _NOWHERE

    def body_policy(self, route: Route) -> BodyPolicy:
        """Return what body *route* accepts."""
        return route.handler.body_policy(**route.options)

    def run(self, exchange: Exchange) -> None:
        """Call the handler."""
        route: Route = exchange.route
        route.handler.serve(self, exchange, route.options, route.arguments)
