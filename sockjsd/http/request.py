# -*- test-case-name: tests.http.test_request -*-
"""A request as Cyclone's handlers know it."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import parse_qs

from cyclone.httpserver import HTTPRequest
from cyclone.httputil import HTTPHeaders

from sockjsd.errors import HTTPError

if TYPE_CHECKING:
    from sockjsd.http.exchange import Exchange


#: Arguments in a query; Django's own bound (DATA_UPLOAD_MAX_NUMBER_FIELDS) is 1,000 too.
ARGUMENTS = 1000


class Request(HTTPRequest):
    """One request.

    Cyclone's attributes, but what costs time is computed when asked for, and neither forms nor the time are looked at.

    :ivar body: the body, ``bytes``.
    :ivar file: the body as a file at its beginning, where there is one and the route spools it; else ``None``.
        Closed after the answer; whoever needs it longer takes it out and closes it.
    :ivar remote_ip: the client's address as text, ``""`` on a Unix socket.
    :ivar protocol: ``http`` or ``https``: what the client speaks.
    """

    remote_ip: str

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
        self.files = {}
        self.body = b""
        self.file: BinaryIO | None = None
        self.path, _, self.query = uri.partition("?")

    @property
    def arguments(self) -> dict[str, list[bytes]]:
        """The query's arguments: names to lists of values.

        :raises HTTPError: 400, there are more than anybody needs.
        """
        try:
            found = parse_qs(self.query, keep_blank_values=True, encoding="latin-1", max_num_fields=ARGUMENTS)
        except ValueError as error:
            raise HTTPError(400, f"More than {ARGUMENTS} arguments", close=False) from error
        return {name: [value.encode("latin-1") for value in values] for name, values in found.items()}

    def argument(self, name: str) -> str | None:
        """Return the first value of *name* in the query, or ``None``."""
        values = self.arguments.get(name)
        return values[0].decode("latin-1") if values else None
