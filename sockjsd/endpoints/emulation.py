# -*- test-case-name: tests.endpoints.test_emulation -*-
"""``/emulation``: the way back for clients whose connection only leads to them.

::

    POST /emulation  {"session": "…", "node": "…", "data": "{\\"id\\":2,\\"rpc\\":{…}}\\n…"}

``session`` and ``node`` are what the answer to ``connect`` has named.  The request may reach any
node, so that no proxy has to send it to the right one: the cluster forwards it.

204: it was taken, or sent to the node that has the session; answers come on the other half.
404: there is no such node, or here no such session (any more).  503: the nodes cannot talk to
each other now.  The session's name is a secret of the client, and so what proves that the
commands are its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.endpoints.two_halves import decoded
from sockjsd.errors import BrokerUnavailable, HTTPError
from sockjsd.http.exchange import TEXT
from sockjsd.transports.handler import NOT_CACHED, EndpointHandler

#: Gives *data* to *session* on *node*; fires with whether that was there.
Forward = Callable[[str, str, str], Deferred[bool]]

_log = Logger()

_MEMBERS = ("node", "session", "data")


class Emulation(EndpointHandler):
    """The URL; its row has ``endpoint`` and ``forward``."""

    METHODS = ("POST",)
    CORS = True

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        super().take(options)
        self._forward: Forward = options["forward"]

    def handle(self, *arguments: str) -> None:
        """Forward the commands, and answer when they have arrived.

        :raises HTTPError: 400, it is not what was expected.
        """
        self.endpoint.stats.received += 1
        self._forward(*_read(self.exchange.body)).addCallbacks(self._answer, self._failed)

    def _answer(self, taken: bool) -> None:
        if taken:
            self.exchange.respond(204, NOT_CACHED + self.cors())
        else:
            self._refuse(404, b"There is no such session\n")

    def _failed(self, failure: Failure) -> None:
        if failure.check(BrokerUnavailable):
            self._refuse(503, b"The nodes cannot talk to each other now\n")
        else:
            _log.failure("Forwarding commands failed", failure=failure)
            self._refuse(500, b"Internal server error\n")

    def _refuse(self, status: int, body: bytes) -> None:
        self.exchange.respond(status, TEXT + NOT_CACHED + self.cors(), body)


def _read(body: bytes) -> tuple[str, str, str]:
    """Return node, session and data."""
    try:
        given = json.loads(decoded(body))
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or not all(isinstance(given.get(name), str) for name in _MEMBERS):
        raise HTTPError(400, "Expected an object with session, node and data, each a string", close=False)
    node, session, data = (given[name] for name in _MEMBERS)
    return node, session, data
