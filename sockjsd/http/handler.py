# -*- test-case-name: tests.http.test_handler -*-
"""What the handler classes of our URL table derive from."""

from __future__ import annotations

from typing import Any, ClassVar

from cyclone import web

from sockjsd.errors import ConfigurationError, HTTPError
from sockjsd.http.exchange import Exchange
from sockjsd.http.fields import block
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.request import Request

#: For whoever changed the import line and not yet the other one.
_FOREIGN = (
    "this application is served by Cyclone's own HTTP server, which sockjsd's handlers cannot use; "
    "instead of reactor.listenTCP(8888, application) say sockjsd.http.listen(application, 'tcp:8888')"
)


class LeanHandler(web.RequestHandler):
    """A Cyclone handler without the 33 µs of Cyclone's own set-up.

    A subclass names the methods it answers in ``METHODS`` and overrides ``handle``; ``initialize``
    takes the keyword arguments of the URL table's row.
    """

    #: The methods that ``handle`` answers; others get 405 with ``Allow``.
    METHODS: ClassVar[tuple[str, ...]] = ()

    request: Request

    def __init__(self, application: web.Application, request: Request, **options: Any) -> None:
        # Deliberately not Cyclone's: it builds template namespaces, cookies and headers for each request.
        self.application = application
        self.request = request
        if not isinstance(request.connection, Exchange):
            raise ConfigurationError(_FOREIGN)
        self.exchange = request.connection
        self.initialize(**options)

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Return what body this handler accepts when it is called with *options*."""
        return BodyPolicy()

    def _execute(self, transforms: list[Any], *arguments: str, **named: str) -> None:
        """Answer, as Cyclone's application calls it."""
        methods = self.methods()
        if not methods:
            raise HTTPError(404, "Not found", close=False)
        if self.request.method not in methods:
            self.exchange.respond(405, block({"Allow": ", ".join(methods)}))
            return
        self.handle(*arguments)

    def methods(self) -> tuple[str, ...]:
        """Return the methods that ``handle`` answers; none means that nothing is here."""
        return self.METHODS

    def handle(self, *arguments: str) -> None:
        """Answer a request whose method is one of ``methods()``; *arguments* are the pattern's groups."""
        raise HTTPError(404, "Not found", close=False)
