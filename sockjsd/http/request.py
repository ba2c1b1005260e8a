# -*- test-case-name: tests.http.test_request -*-
"""A request as Cyclone's handlers know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from cyclone.httpserver import HTTPRequest
from cyclone.httputil import HTTPHeaders, parse_qs_bytes

if TYPE_CHECKING:
    from sockjsd.http.exchange import Exchange


class Request(HTTPRequest):
    """One request.

    The same attributes as Cyclone's own, but what costs time is computed when asked for.

    :ivar body: the body, ``bytes``.
    :ivar file: the body as a file at its beginning, where the route spools it; else ``None``.
    :ivar remote_ip: the peer's address as text, ``""`` on a Unix socket.
    :ivar protocol: ``http`` or ``https``.
    """

    def __init__(  # Cyclone's constructor computes what is a property here
        self,
        method: str,
        uri: str,
        version: str,
        headers: HTTPHeaders,
        *,
        host: str,
        remote_ip: str,
        protocol: str,
        connection: Exchange,
    ) -> None:
        self.method = method
        self.uri = uri
        self.version = version
        self.headers = headers
        self.host = host
        self.remote_ip = remote_ip
        self.protocol = protocol
        self.connection = connection
        self.body = b""
        self.file: BinaryIO | None = None
        self.path, _, self.query = uri.partition("?")

    @property
    def arguments(self) -> dict[str, list[bytes]]:
        """The query's arguments: names to lists of values."""
        return parse_qs_bytes(self.query, keep_blank_values=True)

    def argument(self, name: str) -> str | None:
        """Return the first value of *name* in the query, or ``None``."""
        values = self.arguments.get(name)
        return values[0].decode("latin-1") if values else None
