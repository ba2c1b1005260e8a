# -*- test-case-name: tests.http.test_foreign -*-
"""Anybody's Cyclone application, with lean and classic handlers side by side.

Routing is Cyclone's own: host patterns, named groups, the error handler, the redirect to
the default host, and rows that are added later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from cyclone import web
from cyclone.httputil import HTTPHeaders

from sockjsd.http.application import Responder, Route
from sockjsd.http.classic import ClassicConnection, classic_request
from sockjsd.http.exchange import Exchange
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.request import as_cyclone_has_them
from sockjsd.http.rules import Head


@dataclass(frozen=True, slots=True)
class ClassicRoute:
    """Where a request for a classic handler goes; Cyclone itself looks its arguments up."""

    handler: type[web.RequestHandler]


class _Address:
    """What Cyclone asks of a request when it looks for the rows of its host.

    :param head: of the request.
    """

    def __init__(self, head: Head) -> None:
        self.host = head.host
        self._head = head

    @property
    def headers(self) -> HTTPHeaders:
        """The fields; asked for only where no host pattern matches."""
        return as_cyclone_has_them(self._head.headers)


class ForeignApplication(Responder):
    """Answers for a Cyclone application that was not made for this server.

    Cyclone's transform that divides answers into chunks is taken out of it: this server does that, and on
    Python 3 that one fails.

    :param application: the application.
    :param body_limit: bytes of a body for classic handlers, all kept in memory.
    """

    def __init__(self, application: web.Application, body_limit: int) -> None:
        self._application = application
        self._body_policy = BodyPolicy(body_limit)
        if application.settings.get("xheaders"):
            self._log.warn("The setting xheaders does nothing here: give listen() trusted_proxies instead")
        application.transforms[:] = [each for each in application.transforms if not _divides(each)]

    def find(self, head: Head) -> Route | ClassicRoute:
        """Return the route of a request: Cyclone's answer for what it does not find is one too."""
        application = self._application
        specs = application._get_host_handlers(_Address(head))
        if not specs:
            return ClassicRoute(web.RedirectHandler)
        for spec in specs:
            match = spec.regex.match(head.path)
            if match is None:
                continue
            if not issubclass(spec.handler_class, LeanHandler):
                return ClassicRoute(spec.handler_class)
            return Route(spec.handler_class, spec.kwargs, tuple(map(unquote, match.groups(""))))
        return ClassicRoute(application.error_handler)

    def body_policy(self, route: Route | ClassicRoute) -> BodyPolicy:
        """Return what body *route* accepts."""
        return route.handler.body_policy(**route.options) if isinstance(route, Route) else self._body_policy

    def run(self, exchange: Exchange) -> None:
        """Call the handler, a classic one through Cyclone's application."""
        if isinstance(exchange.route, Route):
            route = exchange.route
            route.handler.serve(self._application, exchange, route.options, route.arguments)
        else:
            connection = ClassicConnection(exchange)
            self._application(classic_request(exchange, connection))


def options_of(application: web.Application) -> list[dict[str, Any]]:
    """Return the keyword arguments of each row in *application*."""
    return [spec.kwargs for _, specs in application.handlers for spec in specs]


def _divides(transform: object) -> bool:
    return isinstance(transform, type) and issubclass(transform, web.ChunkedTransferEncoding)
