# -*- test-case-name: tests.transports.test_pages -*-
"""The pages of an endpoint: greeting, iframe, info; and the client library."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from html import escape
from os import urandom
from typing import Any

from sockjsd.http.fields import block, field
from sockjsd.http.handler import LeanHandler
from sockjsd.transports.handler import CACHED, HTML, JAVASCRIPT, JSON, NOT_CACHED, TEXT, EndpointHandler

GREETING = b"Welcome to SockJS!\n"

#: Section "IFrame page": "Body must be exactly as specified, with the exception of `sockjs_url`".
_IFRAME = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="{url}"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
"""


def _random_numbers() -> Iterator[int]:
    """Yield numbers of 32 bits that nobody can guess; the system is asked for many at once."""
    while True:
        yield from array("I", urandom(4096))


#: For /info (section "Info test"): entropy for browsers that have none of their own.
_entropy = _random_numbers()


class Greeting(EndpointHandler):
    """``/``: a person who looks sees that something is here."""

    METHODS = ("GET", "HEAD")
    GUARDED = False

    def handle(self, *arguments: str) -> None:
        """Say welcome."""
        self.exchange.respond(200, TEXT, GREETING)


class Info(EndpointHandler):
    """``/info``: what the client asks first, to choose its transport and to measure the round trip."""

    METHODS = ("GET",)
    CORS = True

    def handle(self, *arguments: str) -> None:
        """Tell what this endpoint can do."""
        body = b'%b,"entropy":%d}' % (self.endpoint.abilities, next(_entropy))
        self.exchange.respond(200, JSON + NOT_CACHED + self.cors(), body)


def matches(condition: str, etag: str) -> bool:
    """Return whether *condition*, an ``If-None-Match`` field, names *etag* (RFC 9110 section 13.1.2)."""
    return condition.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in condition.split(","))


class IFrame(EndpointHandler):
    """``/iframe*.html``: loads the client library on our origin, for pages on another one."""

    METHODS = ("GET", "HEAD")
    GUARDED = False  # who may frame it is said by Content-Security-Policy

    def handle(self, *arguments: str) -> None:
        """Send the page, or 304."""
        body = _IFRAME.format(url=escape(self.endpoint.client_url, quote=True)).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        fields = CACHED + self.endpoint.expires.now() + field("ETag", etag)
        # sockjs-client's iframe never checks who embeds it, so the browser has to.
        fields += field("Content-Security-Policy", f"frame-ancestors {self.endpoint.origins.ancestors}")
        if matches(self.head.headers.get("if-none-match", ""), etag):
            self.exchange.respond(304, fields)
        else:
            self.exchange.respond(200, HTML + fields, body)


class ClientLibrary(LeanHandler):
    """The daemon's own copy of sockjs-client."""

    METHODS = ("GET", "HEAD")

    def initialize(self, body: bytes, etag: str, **options: Any) -> None:
        """Take the row's file."""
        self._body = body
        self._etag = etag

    def handle(self, *arguments: str) -> None:
        """Send the file, or 304."""
        # An hour: the address does not change with the version.
        fields = block({"Cache-Control": "public, max-age=3600", "ETag": self._etag})
        if matches(self.head.headers.get("if-none-match", ""), self._etag):
            self.exchange.respond(304, fields)
        else:
            self.exchange.respond(200, JAVASCRIPT + fields, self._body)
