# -*- test-case-name: tests.http.test_wsgi -*-
"""A request as Twisted's WSGI resource wants it: presented the way ``twisted.web`` would.

It takes the head of the answer from the site before the resource does: a mistake in it
raises in the site's thread and is answered with 500; in the resource it would raise in
the reactor, and nobody would answer at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from threading import Event
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from sockjsd.http.exchange import TEXT, Exchange, Phase
from sockjsd.http.fields import BODILESS, field, status_line

StartResponse = Callable[..., Callable[[bytes], object]]

#: Fields about the connection between us and the client: ours to write, not the site's
#: (PEP 3333, "Other HTTP Features").
_OURS = frozenset("connection keep-alive transfer-encoding upgrade date content-length".split())

#: Fields of a request that do not reach the site: ``Proxy`` would become ``HTTP_PROXY``, which programs
#: take for their own configuration; the others are about how the body came.
_NOT_THEIRS = frozenset({"proxy", "content-length", "transfer-encoding"})

#: What stands in for a Unix socket's peer and host, which have no address.
_NO_ADDRESS = IPv4Address("TCP", "127.0.0.1", 80)

_PORT = re.compile(r":[0-9]*$")


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """What a site says about its answer before the body.

    :param fields: as lines; without those that are ours.
    :param length: that the site declares; ``None`` where it does not.
    """

    status: int
    phrase: str
    fields: bytes
    length: int | None

    @classmethod
    def read(cls, status: str, headers: Iterable[tuple[str, str]]) -> AnswerHead:
        """Return what was said to ``start_response``.

        :raises ValueError: the status has no number or is none of an answer, or the length is none.
        :raises StateError: a character would break out of its line.
        """
        code, _, phrase = status.partition(" ")
        if _whole(code) < 200:
            raise ValueError(f"not the status of an answer: {status!r}")
        status_line(int(code), phrase)  # raises here, in the thread, where it becomes the site's failure
        lines, length = [], None
        for name, value in headers:
            if name.lower() not in _OURS:
                lines.append(field(name, value))
            elif name.lower() == "content-length":
                length = _whole(value)
        return cls(int(code), phrase, b"".join(lines), length)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"not a whole number: {text!r}")
    return int(text)


_FAILED = AnswerHead(500, "", TEXT, None)
_FAILURE = b"Internal server error\n"


class Sender(Protocol):
    """What sends a body in the resource's stead; called in the reactor's thread."""

    def drained(self) -> None:
        """The client has room."""

    def gone(self) -> None:
        """The client has left; may be called in the site's thread too, before the first part."""


class WSGIRequest:
    """One request, as ``WSGIResource`` wants it; called in the reactor's thread unless said otherwise.

    :param exchange: the request.
    """

    #: Makes what a thread waits at while the client does not read.
    GATE: Callable[[], Event] = Event

    _log = Logger()

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._finished: list[Deferred[None]] = []
        #: What the site said of its answer, and a complete body: set in the thread, before it returns.
        self.head: AnswerHead | None = None
        self.body = b""
        #: The length of a body that was not made, because nobody wants it; ``None`` where it is not known.
        self.unmade: int | None = 0
        #: Whether a part of a streamed body was made, so that the head cannot be replaced.
        self.is_committed = False
        self._sender: Sender | None = None
        self.gate = self.GATE()
        self.gate.set()
        head = exchange.head
        self.method = head.method.encode("latin-1")
        self.uri = head.uri.encode("latin-1")
        self.clientproto = head.version.encode("latin-1")
        self.prepath: list[bytes] = []
        self.postpath = [unquote_to_bytes(segment) for segment in head.path[1:].split("/")]
        # Ours from here on: a client that leaves must not close it while a view reads.
        self.content, exchange.file = exchange.file or BytesIO(exchange.body), None
        self.requestHeaders = self._request_headers()
        self.defaultContentType = None
        exchange.on_gone = self._gone
        exchange.on_drained = self._drained

    def _request_headers(self) -> Headers:
        """Return the client's fields, without those that could pass for others.

        ``X_Forwarded_For`` and ``X-Forwarded-For`` get the same name in the environ.
        """
        fields = self._exchange.head.headers
        headers = Headers()
        for name in fields:
            if "_" not in name and name not in _NOT_THEIRS:
                # The resource joins by commas what is repeated; a cookie that came in pieces wants this (RFC 6265).
                values = ["; ".join(fields.each(name))] if name == "cookie" else fields.each(name)
                headers.setRawHeaders(name.encode("latin-1"), [value.encode("latin-1") for value in values])
        return headers

    # What the resource asks for its environ.

    def getHeader(self, name: bytes) -> bytes | None:
        """Return one field of the request; the length is that of the body which came, chunked or not."""
        if name == b"content-length":
            return self._content_length()
        values = self.requestHeaders.getRawHeaders(name)
        return values[-1] if values else None

    def _content_length(self) -> bytes:
        size = self.content.seek(0, 2)
        self.content.seek(0)
        return b"%d" % size

    def getClientAddress(self) -> IPv4Address | IPv6Address:
        """Return the peer."""
        return _address(self._exchange.peer)

    def getHost(self) -> IPv4Address | IPv6Address:
        """Return our own side of the connection."""
        return _address(self._exchange.host)

    def getRequestHostname(self) -> bytes:
        """Return the host that the client asked for, without the port; our address where it did not say."""
        host = _PORT.sub("", self._exchange.head.host) or self.getHost().host
        return host.encode("latin-1")

    def isSecure(self) -> bool:
        """Return whether TLS is spoken."""
        return self._exchange.secure

    def notifyFinish(self) -> Deferred[None]:
        """Return a Deferred that fails when the client leaves before the answer is complete."""
        finished: Deferred[None] = Deferred()
        self._finished.append(finished)
        return finished

    # What our application says, in its thread.

    @property
    def is_bodiless(self) -> bool:
        """Whether nobody wants a body; known when the application has begun."""
        return self.method == b"HEAD" or (self.head is not None and self.head.status in BODILESS)

    @property
    def is_begun(self) -> bool:
        """Whether a part of the answer was sent."""
        return self._exchange.phase is not Phase.RECEIVED

    def begin(
        self, start_response: StartResponse, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Take the head, instead of the resource: a mistake in it is the site's failure here, and ours there."""
        if exc_info is not None and self.is_committed:
            raise exc_info[1].with_traceback(exc_info[2])
        write = start_response("200 OK", [], exc_info)
        self.head = AnswerHead.read(status, headers)
        return partial(self._write_and_wait, write)

    def _write_and_wait(self, write: Callable[[bytes], object], data: bytes) -> None:
        write(data)
        self.gate.wait()

    def check_begun(self) -> None:
        """Be sure that there is a head.

        :raises RuntimeError: the application did not call ``start_response``.
        """
        if self.head is None:
            raise RuntimeError("the site's application did not call start_response")

    def leave_to(self, sender: Sender) -> None:
        """Let *sender* complete the answer; the resource has no more to say."""
        self._sender = sender
        if self._exchange.gone:  # else it will be told
            sender.gone()

    # What becomes of the answer.

    @property
    def writable(self) -> bool:
        """Whether the client has room."""
        return self._exchange.writable

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """Take note of a failure, which comes without a message; with one it repeats what ``begin`` made up."""
        if message is None:
            self.head, self.body = _FAILED, _FAILURE

    def start(self, length: int | None = None) -> Exchange:
        """Begin the answer; return what goes on with it.

        :param length: of the body, where the site does not declare it.
        """
        head = self.head
        assert head is not None, "the site's application has begun its answer"
        length = length if head.length is None else head.length
        self._exchange.start(head.status, head.fields, phrase=head.phrase, length=length)
        return self._exchange

    def write(self, data: bytes) -> None:
        """Send a part of the body; never raises, because then the site's iterator would not be closed."""
        exchange = self._exchange
        if not self.is_begun:
            self.start()
        exchange.write(data)
        if not exchange.writable and not exchange.gone:
            self.gate.clear()

    def finish(self) -> None:
        """End the answer, unless somebody else does."""
        if self._sender is None:
            self.end()

    def end(self) -> None:
        """End the answer."""
        exchange, head = self._exchange, self.head
        assert head is not None, "the site's application has begun its answer"
        if self.is_begun:
            exchange.write(self.body)  # of a site that used write() before it returned the rest
            exchange.end()
        elif self.body or exchange.head.method != "HEAD":
            exchange.respond(head.status, head.fields, self.body, phrase=head.phrase)
        else:  # HEAD, answered without a body: the length that the site declares is that of the GET
            self.start(self.unmade).end()

    def fail(self, failure: Failure) -> None:
        """The site failed while somebody else than the resource sent: answer 500, or cut the answer short."""
        self._log.failure("WSGI application error", failure=failure)
        if self.is_begun:
            self._exchange.abort()
        else:
            self._exchange.respond(_FAILED.status, _FAILED.fields, _FAILURE)

    def loseConnection(self) -> None:
        """Cut the answer short: the site failed in its middle."""
        self._exchange.abort()

    def _drained(self) -> None:
        self.gate.set()
        if self._sender is not None:
            self._sender.drained()

    def _gone(self) -> None:
        self.gate.set()
        if self._sender is not None:
            self._sender.gone()
        waiting, self._finished = self._finished, []
        for finished in waiting:
            finished.errback(Failure(ConnectionError("the client has left")))


def _address(address: object) -> IPv4Address | IPv6Address:
    return address if isinstance(address, IPv4Address | IPv6Address) else _NO_ADDRESS
