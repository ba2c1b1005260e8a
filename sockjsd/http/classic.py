# -*- test-case-name: tests.http.test_classic -*-
"""What Cyclone's own handlers take for their request and their connection.

A classic handler writes whole answers, head and all, to ``request.connection``.  Here its
head is read again, and the answer goes out through an exchange: so limits, the order of
pipelined requests, keep-alive and the framing of the body are those of every other answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from cyclone.escape import utf8
from cyclone.httpserver import HTTPRequest
from cyclone.httputil import parse_multipart_form_data
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ISSLTransport
from twisted.logger import Logger
from zope.interface import directlyProvides

from sockjsd.errors import HTTPError, StateError
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.fields import field
from sockjsd.http.request import ARGUMENTS

_STATUS_LINE = re.compile(r"HTTP/1\.[01] ([2-9][0-9]{2})(?: (.*))?")

#: Fields that say how an answer is framed, or that every answer has: the exchange's business.
_OURS = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding"})

#: Methods whose forms Cyclone reads.
_WITH_FORM = ("POST", "PATCH", "PUT")


class ClassicConnection:
    """Stands in for Cyclone's ``HTTPConnection``, for one request.

    :ivar no_keep_alive: whether the connection ends after the answer; handlers set it.
    :ivar xheaders: never: whom to believe about the client is decided before, by ``trusted_proxies``.
    :ivar transport: see ``ClassicTransport``.
    :param exchange: the request; its turn has come.
    """

    _log = Logger()

    xheaders = False

    def __init__(self, exchange: Exchange) -> None:
        self.no_keep_alive = False
        self.transport = ClassicTransport(self, exchange)
        self._exchange = exchange
        # What came of a head that is not complete.
        self._head = b""
        self._waiting: Deferred[Any] | None = None
        exchange.on_gone = self._gone

    def write(self, chunk: bytes) -> None:
        """Send a part of the answer, which begins with its head; nothing after the client has left.

        :raises StateError: it is no head of an answer, or the answer is complete.
        """
        exchange = self._exchange
        if exchange.gone:
            return
        if exchange.phase is Phase.RECEIVED:
            self._head += chunk
            head, end, chunk = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._start(head.decode("latin-1"))
        if chunk:
            exchange.write(chunk)

    def finish(self) -> None:
        """End the answer; without a head it is an error of ours for the client."""
        exchange = self._exchange
        if exchange.phase is Phase.RECEIVED:
            self._log.error("{handler} finished without an answer", handler=exchange.route.handler.__name__)
            exchange.refuse(HTTPError(500, "Internal server error"))
        elif exchange.phase is Phase.ANSWERING:
            if self.no_keep_alive:
                exchange.close_after()
            exchange.end()
        self._tell(None)

    def notifyFinish(self) -> Deferred[Any]:
        """Return what fires when this request is over: with ``None``, or with a reason if the client left first."""
        waiting = self._waiting
        if waiting is None:
            waiting = self._waiting = Deferred()
            if self._exchange.phase is Phase.DONE:
                self._tell(None)
        return waiting

    def setRawMode(self) -> None:
        """Do nothing: Cyclone's server needs this for streams, ours does not."""

    def _start(self, head: str) -> None:
        """Begin the answer whose head the handler wrote."""
        line, *lines = head.split("\r\n")
        status = _STATUS_LINE.fullmatch(line)
        if status is None:
            raise StateError(f"not the head of an answer: {line!r}")
        fields = [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines)]
        special = {name.lower(): value for name, value in fields if name.lower() in _OURS}
        if "transfer-encoding" in special:
            raise StateError("the server divides answers into chunks, not the handler")
        if self.no_keep_alive or special.get("connection", "").lower() == "close":
            self._exchange.close_after()
        length = special.get("content-length")
        rest = b"".join(field(name, value) for name, value in fields if name.lower() not in _OURS)
        self._exchange.start(
            int(status[1]), rest, phrase=status[2] or "", length=None if length is None else int(length)
        )

    def _gone(self) -> None:
        self._tell("Connection was closed before the answer was complete.")

    def _tell(self, reason: str | None) -> None:
        waiting = self._waiting
        if waiting is not None and not waiting.called:
            waiting.callback(reason)


class ClassicTransport:
    """What a classic handler takes for its transport: what it writes is a part of its answer.

    :param connection: whose it is.
    :param exchange: the request.
    """

    def __init__(self, connection: ClassicConnection, exchange: Exchange) -> None:
        self._connection = connection
        self._exchange = exchange
        if exchange.secure:
            directlyProvides(self, ISSLTransport)

    def write(self, data: bytes) -> None:
        """Send a part of the answer."""
        self._connection.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send parts of the answer."""
        self._connection.write(b"".join(data))

    def loseConnection(self) -> None:
        """End the answer, and the connection with it."""
        self._connection.no_keep_alive = True
        self._connection.finish()

    def abortConnection(self) -> None:
        """Cut the answer short."""
        self._exchange.abort()

    def getPeer(self) -> object:
        """Return the client's address."""
        return self._exchange.peer

    def getHost(self) -> object:
        """Return our address."""
        return self._exchange.host


def classic_request(exchange: Exchange, connection: ClassicConnection) -> HTTPRequest:
    """Return the request as Cyclone's handlers know it, with the arguments of a form.

    :raises HTTPError: 400, a form that is none, or has more arguments than anybody needs.
    """
    lean = exchange.request
    request = HTTPRequest(
        lean.method,
        lean.uri,
        lean.version,
        lean.headers,
        lean.body,
        remote_ip=lean.remote_ip,
        host=lean.host or None,
        connection=connection,
    )
    request.protocol = lean.protocol
    if lean.method in _WITH_FORM:
        _read_form(request)
    return request


def _read_form(request: HTTPRequest) -> None:
    kind = request.headers.get("Content-Type", "")
    try:
        if kind.startswith("application/x-www-form-urlencoded"):
            _read_urlencoded(request)
        elif kind.startswith("multipart/form-data"):
            _read_multipart(request, kind)
    except ValueError as error:
        raise HTTPError(400, "The form cannot be read", close=False) from error


def _read_urlencoded(request: HTTPRequest) -> None:
    # Text, and without empty values, as Cyclone does.
    for name, values in parse_qs(request.body.decode(), max_num_fields=ARGUMENTS).items():
        request.arguments.setdefault(name, []).extend(values)


def _read_multipart(request: HTTPRequest, kind: str) -> None:
    for parameter in kind.split(";"):
        name, _, boundary = parameter.strip().partition("=")
        if name == "boundary" and boundary:
            parse_multipart_form_data(utf8(boundary), request.body, request.arguments, request.files)
            return
    raise ValueError("no boundary")
