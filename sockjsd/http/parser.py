# -*- test-case-name: tests.http.test_reader -*-
"""Bytes in, requests out: httptools (llhttp) with limits around it.

Two peculiarities of httptools shape it.  It keeps an incomplete header field to itself, and
reads chunk extensions and trailers of any length, so all of these are bounded by the
bytes **fed** since something was reported.  And after a request that asks for an upgrade
it takes the following bytes for the next request, even where they are that request's
body; so a body together with ``Upgrade`` is refused.
"""

from __future__ import annotations

from typing import Protocol

import httptools

from sockjsd.errors import HTTPError
from sockjsd.http import rules
from sockjsd.http.headers import Headers
from sockjsd.http.limits import Limits
from sockjsd.http.plain import NAMES
from sockjsd.websocket.handshake import is_upgrade

#: Bytes of a field beside its name and its value: a colon, a space, and the end of the line.
_PER_FIELD = 4


class Sink(Protocol):
    """Gets what a reader finds, in this order for each request; may raise ``HTTPError``."""

    def head_received(self, head: rules.Head) -> None:
        """A head is complete and follows the rules; where it was not read again, it is the object of the one before."""

    def body_received(self, data: bytes) -> None:
        """A part of the body came."""

    def request_received(self, *, upgrade: bool) -> None:
        """The request is complete; with *upgrade* whatever follows is returned by ``Reader.feed``, not read."""


class Parser:
    """Parses what one connection receives.

    :param limits: of the head.
    :param sink: gets the requests.
    :ivar head: the last one.
    :ivar complete: requests that were completed.
    :ivar in_head: whether a head has begun and is not complete.
    :ivar in_body: whether a body is expected and not complete.
    :ivar upgrade: whether the last request asked to become a WebSocket.
    """

    def __init__(self, limits: Limits, sink: Sink) -> None:
        self._limits = limits
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self.head = rules.UNREADABLE
        self.complete = 0
        self.in_head = self.in_body = self.upgrade = False
        self._target = b""
        self._headers = Headers()
        # Trailers of this request, and their bytes.
        self._trailers = 0
        self._trailers_size = 0
        # Bytes fed since a head, a body, a chunk or a piece of one began: where that was within a feed, without it.
        self._fed = 0
        # Whether a limit may lie within what is being parsed, so that it has to be looked at closely.
        self._tight = False

    @property
    def between(self) -> bool:
        """Whether no request has begun that is not complete."""
        return not self.in_head and not self.in_body

    def feed(self, data: bytes) -> bytes:
        """Parse *data*; return what stands behind a request that asked for an upgrade, else nothing.

        :raises HTTPError: the bytes cannot be a request; whatever follows must be discarded.
        """
        while data:
            if self.between:
                self._fed = 0
            self._fed += len(data)
            self._tight = self._fed > self._limits.head_limit
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as pause:
                data = data[pause.args[0] :]
                if self.upgrade:
                    return data
                continue  # an upgrade to something else is ignored (RFC 9110 section 7.8)
            except httptools.HttpParserError as error:
                raise _refusal(error) from error
            if self._fed > self._limits.head_limit and not self.between:
                raise self._too_long()
            break
        return b""

    def release(self) -> None:
        """Let go of llhttp, for good: each holds the other, and nobody but the garbage collector would see it."""
        del self._parser

    # Called by httptools.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._headers = Headers()
        self._trailers = self._trailers_size = 0
        self.in_head = True
        self.upgrade = False

    def on_url(self, url: bytes) -> None:
        """Take a part of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field; fields after a body (trailers) are counted and dropped."""
        if self.in_head:
            headers = self._headers
            if len(headers) + headers.repetitions == self._limits.head_fields:
                raise self._too_many()
            # llhttp leaves white space behind a value; a field without value comes as None.
            text = value.strip(b" \t").decode("latin-1") if value else ""
            lower = NAMES[name.decode("latin-1")]
            if lower in headers:
                headers.add(lower, text)
            else:
                headers[lower] = text
        else:
            self._count_trailer(len(name) + len(value or b"") + _PER_FIELD)

    def on_headers_complete(self) -> None:
        """Check the head and hand it over."""
        self._fed = 0
        parser = self._parser
        method = parser.get_method().decode("latin-1")
        if self._tight:
            self._measure(method)
        head = rules.check(method, self._target.decode("latin-1"), parser.get_http_version(), self._headers)
        self.in_head = False
        self.in_body = head.has_body
        if parser.should_upgrade():
            if head.has_body:
                raise HTTPError(400, "A request with a body cannot ask for an upgrade")
            self.upgrade = method == "GET" and is_upgrade(head.headers)
        self.head = head
        self._sink.head_received(head)

    def on_chunk_header(self) -> None:
        """Take note that the body goes on; the last chunk is empty, and trailers follow."""
        self._fed = 0

    def on_body(self, data: bytes) -> None:
        """Hand a part of the body over."""
        self._fed = 0
        self._sink.body_received(data)

    def on_message_complete(self) -> None:
        """Hand the request over."""
        self._fed = 0
        self.in_body = False
        self.complete += 1
        self._sink.request_received(upgrade=self.upgrade)

    def _count_trailer(self, size: int) -> None:
        self._trailers += 1
        self._trailers_size += size
        if len(self._headers) + self._headers.repetitions + self._trailers > self._limits.head_fields:
            raise self._too_many()
        if self._trailers_size > self._limits.head_limit:
            raise self._too_long()

    def _measure(self, method: str) -> None:
        """Check the size of a whole head."""
        size = len(method) + len(self._target) + len("  HTTP/1.1\r\n\r\n")
        size += sum(len(name) + len(value) + _PER_FIELD for name, value in self._headers.items())
        size += sum(len(name) + _PER_FIELD for name in self._headers for _ in self._headers.each(name)[1:])
        if size > self._limits.head_limit:
            raise self._too_long()

    def _too_many(self) -> HTTPError:
        return HTTPError(431, f"The head has more than {self._limits.head_fields} fields")

    def _too_long(self) -> HTTPError:
        what = "head" if self.in_head else "framing of the body"
        return HTTPError(431, f"The {what} has more than {self._limits.head_limit} bytes")


def _refusal(error: httptools.HttpParserError) -> HTTPError:
    """Return our error: the one a callback raised, or 400 in llhttp's words (they hold nothing from the peer)."""
    cause = error.__context__
    if isinstance(cause, HTTPError):
        return cause
    if cause is not None:  # a bug in what we were called for
        raise cause
    if isinstance(error, httptools.HttpParserInvalidMethodError):
        return HTTPError(400, "Not a known method")
    return HTTPError(400, f"Not an HTTP request: {error}")
