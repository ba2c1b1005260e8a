# -*- test-case-name: tests.transports.test_handler -*-
"""What all URLs of an endpoint have in common: origins, CORS, the cookie, caching."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

from sockjsd.errors import HTTPError
from sockjsd.http.fields import block, field
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.sockjs.connection import ConnectionInfo
from sockjsd.transports.endpoint import YEAR, Endpoint

NOT_CACHED = block({"Cache-Control": "no-store, no-cache, no-transform, must-revalidate, max-age=0"})
CACHED = block({"Cache-Control": f"public, max-age={YEAR}"})
VARY = block({"Vary": "Origin"})

TEXT = block({"Content-Type": "text/plain; charset=UTF-8"})
HTML = block({"Content-Type": "text/html; charset=UTF-8"})
JAVASCRIPT = block({"Content-Type": "application/javascript; charset=UTF-8"})
JSON = block({"Content-Type": "application/json; charset=UTF-8"})

#: What a load balancer's cookie may look like; anything else would let a peer write our header.
_COOKIE = re.compile(r"(?:^|;)[ \t]*JSESSIONID=([A-Za-z0-9!#$%&'()*+\-./:<=>?@\[\]^_`{|}~]{1,256})[ \t]*(?=;|$)")

#: The request header fields that an application gets to see: those of sockjs-node, so no cookies.
_VISIBLE = (
    "Referer",
    "X-Client-Ip",
    "X-Forwarded-For",
    "X-Cluster-Client-Ip",
    "Via",
    "X-Real-Ip",
    "X-Forwarded-Proto",
    "X-Ssl",
    "Dnt",
    "Host",
    "User-Agent",
    "Accept-Language",
)
#: As a request has them, and as an application gets to see them.
VISIBLE = {name.lower(): name for name in _VISIBLE}


class EndpointHandler(LeanHandler):
    """A URL below an endpoint's prefix."""

    #: Whether a page on another origin reads the answer with XMLHttpRequest.
    CORS: bool = False
    #: Whether a page that the endpoint does not allow is turned away.
    GUARDED: ClassVar[bool] = True

    endpoint: Endpoint

    def take(self, options: dict[str, Any]) -> None:
        """Take the row's endpoint; a subclass overrides this, and its ``initialize`` is not called."""
        self.endpoint = options["endpoint"]

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Return the endpoint's limit for what a client sends."""
        endpoint: Endpoint = options["endpoint"]
        return endpoint.body_policy

    def _execute(self, transforms: Sequence[Any], *arguments: str, **named: str) -> None:
        head = self.exchange.head
        if self.GUARDED and not self.endpoint.origins.permits(head.headers):
            raise HTTPError(403, "This origin is not allowed here", close=False)
        if head.method in self.METHODS:
            self.handle(*arguments)
        elif self.CORS and head.method == "OPTIONS":
            self._preflight()
        else:
            super()._execute(transforms, *arguments)

    def info(self, transport: str) -> ConnectionInfo:
        """Return what the application gets to know of this request."""
        head = self.exchange.head
        fields = head.headers
        visible = {}
        for name in fields:  # a comprehension would take twice as long
            if name in VISIBLE:
                visible[VISIBLE[name]] = fields[name]
        cookie = "" if self.endpoint.origins.everybody else fields.get("cookie", "")
        return ConnectionInfo(self.exchange.remote_ip, visible, head.path, transport, head.query, cookie)

    def cors(self) -> bytes:
        """Return the fields that let the page read the answer (section "Info test", ``verify_cors``)."""
        if not self.CORS or not self.endpoint.options.cors:
            return b""
        origin = self.exchange.head.headers.get("origin")
        if not origin:
            return VARY
        return field("Access-Control-Allow-Origin", origin) + block({"Access-Control-Allow-Credentials": "true"}) + VARY

    def cookie(self) -> bytes:
        """Return the field that sets ``JSESSIONID`` for load balancers, where it is switched on."""
        if not self.endpoint.options.cookie:
            return b""
        match = _COOKIE.search(self.head.headers.get("cookie", ""))
        return field("Set-Cookie", f"JSESSIONID={match[1] if match else 'dummy'}; Path=/")

    def _preflight(self) -> None:
        """Answer a CORS preflight request; what was asked for is allowed for a year."""
        fields = self.cors() + self.cookie() + CACHED + self.endpoint.expires.now()
        methods = ", ".join(("OPTIONS", *self.METHODS))
        fields += block({"Access-Control-Allow-Methods": methods, "Access-Control-Max-Age": str(YEAR)})
        wanted = self.head.headers.get("access-control-request-headers")
        if wanted:
            fields += field("Access-Control-Allow-Headers", wanted)
        self.exchange.respond(204, fields)


class Nothing(EndpointHandler):
    """What the SockJS text does not know, below an endpoint's prefix: 404, never the site's business."""

    GUARDED = False
