# -*- test-case-name: tests.http.test_application -*-
"""Cyclone's application and routing, without its handler machinery.

A route is looked up when the head of a request is complete, because it decides what
body is welcome, and used again when the request is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, cast
from urllib.parse import unquote

from cyclone import web
from twisted.logger import Logger

from sockjsd.errors import HTTPError, PeerError
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.request import Request


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    :param handler: a subclass of ``LeanHandler``.
    :param options: keyword arguments of its constructor.
    :param arguments: what the groups of the pattern matched, with percent-escapes undone.
    """

    handler: type[LeanHandler]
    options: dict[str, Any]
    arguments: tuple[str, ...] = ()


_NOWHERE = Route(LeanHandler, {})


class Target(Protocol):
    """Where a request goes: a route."""

    @property
    def handler(self) -> type[web.RequestHandler]:
        """The class that answers."""


class Responder:
    """Finds out who answers a request, and answers in the end when that fails."""

    _log = Logger()

    def find(self, request: Request) -> Target:
        """Return where *request* goes: there is always an answer."""
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


class Application(Responder, web.Application):
    """A Cyclone application whose handlers are all lean.

    :param handlers: rows of Cyclone's URL table: pattern, handler class, keyword arguments.
    """

    def __init__(self, handlers: list[tuple[str, type[LeanHandler], dict[str, Any]]]) -> None:
        super().__init__(handlers, transforms=[])

    def find(self, request: Request) -> Route:
        """Return the route of *request*; one that answers 404 when there is none."""
        path = request.path
        for spec in self._get_host_handlers(request) or ():
            match = spec.regex.match(path)
            if match is not None:
                handler = cast(type[LeanHandler], spec.handler_class)
                return Route(handler, spec.kwargs, tuple(map(unquote, match.groups(""))))
        return _NOWHERE

    def body_policy(self, route: Route) -> BodyPolicy:
        """Return what body *route* accepts."""
        return route.handler.body_policy(**route.options)

    def run(self, exchange: Exchange) -> None:
        """Call the handler."""
        answer(self, exchange, exchange.route)


def answer(application: web.Application, exchange: Exchange, route: Route) -> None:
    """Let the lean handler of *route* answer; it may raise anything."""
    handler = route.handler(application, exchange.request, **route.options)
    handler._execute([], *route.arguments)
