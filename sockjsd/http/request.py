# -*- test-case-name: tests.http.test_request -*-
"""A request as Cyclone's handlers know it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from cyclone.httpserver import HTTPRequest
from cyclone.httputil import HTTPHeaders

from sockjsd.errors import HTTPError
from sockjsd.http.headers import Headers

if TYPE_CHECKING:
    from sockjsd.http.exchange import Exchange


#: Names of fields that Cyclone keeps in mind for good; browsers, proxies and sites use fewer together.
NAMES = 500

#: Arguments in a query; Django's own bound (DATA_UPLOAD_MAX_NUMBER_FIELDS) is 1,000 too.
ARGUMENTS = 1000


class Request(HTTPRequest):
    """One request.

    Cyclone's attributes, but what costs time is computed when asked for, and neither forms nor the time are looked at.

    :param exchange: the request whose body is complete.
    :ivar body: the body, ``bytes``; empty where the route spools it.
    :ivar remote_ip: the client's address as text, ``""`` on a Unix socket.
    :ivar protocol: ``http`` or ``https``: what the client speaks.
    """

    remote_ip: str

    def __init__(self, exchange: Exchange) -> None:  # Cyclone's constructor computes what is a property here
        head = exchange.head
        self.method = head.method
        self.uri = head.uri
        self.path = head.path
        self.query = head.query
        self.version = head.version
        self.headers = as_cyclone_has_them(head.headers)
        self.host = head.host
        self.remote_ip = exchange.remote_ip
        self.protocol = "https" if exchange.secure else "http"
        self.connection = exchange
        self.files = {}
        self.body = exchange.body

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


def as_cyclone_has_them(headers: Headers) -> HTTPHeaders:
    """Return *headers* with names in any case; bounds what Cyclone keeps of names that anybody can make up."""
    names = HTTPHeaders._normalized_headers
    if len(names) > NAMES:
        names.clear()
    theirs = HTTPHeaders()
    for name in headers:
        for value in headers.each(name):
            theirs.add(name, value)
    return theirs
