# -*- test-case-name: tests.endpoints.api.test_handler -*-
"""``POST /api/METHOD``: the server API over HTTP, as Centrifugo's client libraries call it.

Only the paths of its methods are taken, and only where a key is configured: a site may have more below ``/api/``.
A command that is refused is answered with 200 and an ``error`` in the body; a status of 400 or above says that the
request was no command at all.  Nothing here is meant for browsers, so there is no CORS.

The key is compared in constant time, and never logged.
"""

from __future__ import annotations

import hmac
from typing import Any

from sockjsd.endpoints.api import replies
from sockjsd.endpoints.api.commands import Commands
from sockjsd.endpoints.api.fields import Fields, bad_request
from sockjsd.errors import APIError
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.transports.urls import Row

#: Bytes of a request's body; more is answered with 413.
BODY_LIMIT = 1024 * 1024

METHODS = (
    "publish broadcast batch subscribe unsubscribe disconnect refresh presence presence_stats history history_remove "
    "channels info"
).split()

_JSON = block({"Content-Type": "application/json", "Cache-Control": "no-store"})
_UNAUTHORIZED = replies.error(APIError(101, "unauthorized: X-API-Key is missing or wrong"))
#: Before a key in the field Authorization.
_SCHEME = "apikey "


class ServerAPI(LeanHandler):
    """One request; what the pattern's group matched is the method."""

    METHODS = ("POST",)

    def initialize(self, key: str, commands: Commands, **options: Any) -> None:
        """Take the row."""
        self._key = key
        self._commands = commands

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        """Accept more than a browser may send."""
        return BodyPolicy(BODY_LIMIT)

    def handle(self, *arguments: str) -> None:
        """Answer whoever has the key."""
        if not self._is_authorized():
            self._respond(_UNAUTHORIZED, 401)
            return
        try:
            fields = Fields(self._body())
        except APIError as error:
            self._respond(replies.error(error), 400)
        else:
            self._commands.answer(arguments[0], fields).addCallback(self._respond)

    def _body(self) -> str:
        """Return the body; none is as good as an empty object.

        :raises APIError: it is not UTF-8.
        """
        try:
            return self.exchange.body.decode().strip() or "{}"
        except UnicodeDecodeError:
            raise bad_request("the body is not UTF-8") from None

    def _is_authorized(self) -> bool:
        given = self.head.headers.get("x-api-key", "")
        if not given:
            authorization = self.head.headers.get("authorization", "")
            given = authorization[len(_SCHEME) :] if authorization.lower().startswith(_SCHEME) else ""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._key.encode("utf-8", "replace"))

    def _respond(self, answer: str, status: int = 200) -> None:
        self.exchange.respond(status, _JSON, answer.encode("utf-8", "replace") + b"\n")


def rows(key: str, commands: Commands) -> list[Row]:
    """Return the rows of the server API; none without a key."""
    if not key:
        return []
    return [(f"/api/({'|'.join(METHODS)})", ServerAPI, {"key": key, "commands": commands})]
