# -*- test-case-name: tests.http.test_handler -*-
"""What the handler classes of our URL table derive from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cyclone import web

from sockjsd.errors import ConfigurationError, HTTPError
from sockjsd.http.exchange import Exchange
from sockjsd.http.fields import block
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.request import Request
from sockjsd.http.rules import Head

#: For whoever changed the import line and not yet the other one.
_FOREIGN = (
    "this application is served by Cyclone's own HTTP server, which sockjsd's handlers cannot use; "
    "instead of reactor.listenTCP(8888, application) say sockjsd.http.listen(application, 'tcp:8888')"
)


class LeanHandler(web.RequestHandler):
    """A Cyclone handler without the 33 µs of Cyclone's own set-up.

    A subclass names the methods it answers in ``METHODS`` and overrides ``handle``; ``initialize``
    takes the keyword arguments of the URL table's row, as with Cyclone, or ``take`` does.
    """

    #: The methods that ``handle`` answers; others get 405 with ``Allow``.  None means that nothing is here.
    METHODS: tuple[str, ...] = ()

    exchange: Exchange

    def __init__(self, application: web.Application, request: object, **options: Any) -> None:
        raise ConfigurationError(_FOREIGN)

    @classmethod
    def serve(
        cls, application: web.Application, exchange: Exchange, options: dict[str, Any], arguments: tuple[str, ...]
    ) -> None:
        """Answer *exchange*.

        :param options: keyword arguments of the URL table's row.
        :param arguments: the groups of its pattern.
        :raises Exception: whatever the handler raises.
        """
        # Without Cyclone's constructor, which builds template namespaces, cookies and headers for each request.
        handler = cls.__new__(cls)
        handler.application = application
        handler.exchange = exchange
        handler.take(options)
        handler._execute((), *arguments)

    def take(self, options: dict[str, Any]) -> None:
        """Take the keyword arguments of the URL table's row: one by one, unless a subclass takes them as they are."""
        self.initialize(**options)

    @property
    def head(self) -> Head:
        """The head of the request."""
        return self.exchange.head

    @property
    def request(self) -> Request:  # type: ignore[override]  # a plain attribute there
        """The request as Cyclone's handlers know it, made when asked for: ``head`` costs nothing."""
        return self.exchange.request

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Return what body this handler accepts when it is called with *options*."""
        return BodyPolicy()

    def _execute(self, transforms: Sequence[Any], *arguments: str, **named: str) -> None:
        """Answer, as Cyclone's application calls it."""
        if self.exchange.head.method in self.METHODS:
            self.handle(*arguments)
        elif self.METHODS:
            self.exchange.respond(405, block({"Allow": ", ".join(self.METHODS)}))
        else:
            raise HTTPError(404, "Not found", close=False)

    def handle(self, *arguments: str) -> None:
        """Answer a request whose method is one of ``METHODS``; *arguments* are the pattern's groups."""
        raise HTTPError(404, "Not found", close=False)
