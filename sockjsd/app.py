# -*- test-case-name: tests.test_app -*-
"""The URL table: health, the client library, the endpoints' prefixes, and the site for the rest."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from sockjsd.endpoints.health import Live, Ready
from sockjsd.endpoints.status import Status
from sockjsd.http.application import Application
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler
from sockjsd.transports import urls
from sockjsd.transports.endpoint import PUBLIC_CLIENT, Endpoint
from sockjsd.transports.pages import ClientLibrary

#: Where pages load sockjs-client from; it always leads to one.
CLIENT_PATH = "/sockjs/sockjs.min.js"

#: Where ``make venv`` puts the library.
INSTALLED_CLIENT = Path(sys.prefix, "share", "sockjs-client", "sockjs.min.js")


class PublicClient(LeanHandler):
    """The client library's path on a daemon that has no copy: leads to the public one."""

    METHODS = ("GET", "HEAD")

    def handle(self, *arguments: str) -> None:
        """Redirect."""
        self.exchange.respond(302, block({"Location": PUBLIC_CLIENT, "Cache-Control": "no-store"}))


def find_client(configured: str | None) -> Path | None:
    """Return the file of the client library: the configured one, or the installed one where it exists."""
    if configured is not None:
        return Path(configured)
    return INSTALLED_CLIENT if INSTALLED_CLIENT.is_file() else None


def client_row(file: Path | None) -> urls.Row:
    """Return the row that serves the client library.

    :raises OSError: *file* cannot be read.
    """
    if file is None:
        return CLIENT_PATH, PublicClient, {}
    body = file.read_bytes()
    return CLIENT_PATH, ClientLibrary, {"body": body, "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}


def build(
    endpoints: Iterable[Endpoint],
    ready: dict[str, object],
    client: Path | None,
    site: urls.Row | None,
    status: dict[str, object] | None = None,
    more: Iterable[urls.Row] = (),
) -> Application:
    """Return the application.

    :param ready: keyword arguments of ``Ready``.
    :param client: the client library's file.
    :param site: the row of the Django site, which gets what nobody else wants.
    :param status: keyword arguments of ``Status``; ``None`` leaves it out.
    :param more: rows of what is neither an endpoint for SockJS nor the site.
    """
    rows: list[urls.Row] = [(r"/live", Live, {}), (r"/ready", Ready, ready), client_row(client)]
    if status is not None:
        rows.append((r"/status", Status, status))
    for endpoint in endpoints:
        rows += urls.rows(endpoint)
    rows += more
    if site is not None:
        rows.append(site)
    return Application(rows)
