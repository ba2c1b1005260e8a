# -*- test-case-name: tests.http.test_reader -*-
"""Bytes in, requests out: httptools (llhttp) with limits around it.

The reader does no I/O and knows no time; it tells its *sink* what it found.  Two
peculiarities of httptools shape it.  It keeps an incomplete header field to itself, and
reads chunk extensions and trailers of any length, so all of these are bounded by the
bytes **fed** since something was reported.  And after a request that asks for an upgrade
it takes the following bytes for the next request, even where they are that request's
body; so a body together with ``Upgrade`` is refused.

Who polls sends the same request again and again, or one whose target alone is another.  What is byte for byte as
it was in the request before is not read again.
"""

from __future__ import annotations

import re
from typing import Protocol

import httptools

from sockjsd.errors import HTTPError
from sockjsd.http import rules
from sockjsd.http.headers import Headers
from sockjsd.http.limits import Limits
from sockjsd.websocket.handshake import is_upgrade

#: Bytes of a field beside its name and its value: a colon, a space, and the end of the line.
_PER_FIELD = 4

#: What ends a line, and a head.
_LINE_END = b"\r\n"
_END = b"\r\n\r\n"

#: The request lines that are read here, without llhttp: a path of signs that no parser reads in a way of its own.
_LINE = re.compile(rb"([A-Z]+) (/[\w/.~%?=&+,;:@!$'()*-]*) HTTP/1\.1", re.ASCII)

#: Names of fields as they come -> in lower case.  Browsers and proxies send a few dozen of them, and none so long.
_NAMES: dict[bytes, str] = {}
_MOST_NAMES = 500
_LONGEST_NAME = 64


class Sink(Protocol):
    """Gets what a reader finds, in this order for each request; may raise ``HTTPError``."""

    def head_received(self, head: rules.Head) -> None:
        """A head is complete and follows the rules; where it was not read again, it is the object of the one before."""

    def body_received(self, data: bytes) -> None:
        """A part of the body came."""

    def request_received(self, *, upgrade: bool) -> None:
        """The request is complete; with *upgrade* whatever follows is returned by ``Reader.feed``, not read."""


class Reader:
    """Parses what one connection receives.

    :param limits: of the head.
    :param sink: gets the requests.
    """

    def __init__(self, limits: Limits, sink: Sink) -> None:
        self._limits = limits
        self._sink = sink
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        self._headers = Headers()
        # The last head that was read; and what was fed last, if that was one request from beginning to end, with the
        # bytes before the end of its first line, and of its head.
        self._head = rules.UNREADABLE
        self._last = b""
        self._line = self._end = 0
        # Requests that were completed since the last feed began.
        self._complete = 0
        # Trailers of this request, and their bytes.
        self._trailers = 0
        self._trailers_size = 0
        # Bytes fed since a head, a body, a chunk or a piece of one began: where that was within a feed, without it.
        self._fed = 0
        # Whether a limit may lie within what is being parsed, so that it has to be looked at closely.
        self._tight = False
        #: Whether a head has begun and is not complete.
        self.in_head = False
        #: Whether a body is expected and not complete.
        self.in_body = False
        self._upgrade = False

    def feed(self, data: bytes) -> bytes:
        """Parse *data*; return what stands behind a request that asked for an upgrade, else nothing.

        :raises HTTPError: the bytes cannot be a request; whatever follows must be discarded.
        """
        if self._last and self._repeats(data):
            return b""
        begins = not self.in_head and not self.in_body
        self._complete = 0
        rest = self._parse(data)
        if begins:
            self._remember(data)
        return rest

    def _remember(self, data: bytes) -> None:
        """Keep *data*, if that was one request from beginning to end, after which another one may come."""
        self._last = b""
        if self._complete != 1 or self._upgrade or self.in_head or self.in_body:
            return
        if data[0] in _LINE_END:  # empty lines before a request (RFC 9112 section 2.2): its own is not the first
            return
        head = self._head
        end = data.find(_END) + len(_END)
        if len(data) - end == head.length and head.keep_alive and head.version == "HTTP/1.1":
            self._last, self._line, self._end = data, data.find(_LINE_END), end

    def _repeats(self, data: bytes) -> bool:
        """Hand on what is in *data*, if that is one whole request with the fields of the last one; return whether."""
        end = self._end if data == self._last else self._turned(data)
        if not end:
            return False
        head, sink = self._head, self._sink
        sink.head_received(head)
        if head.length:
            sink.body_received(data[end:])
        sink.request_received(upgrade=False)
        return True

    def _turned(self, data: bytes) -> int:
        """Let the last head have the target in *data*; return where that head ends, 0 if more is different."""
        head = self._head
        line = data.find(_LINE_END)
        fields = self._last[self._line : self._end]
        end = line + len(fields)
        if not data.startswith(fields, line) or len(data) - end != head.length or end > self._limits.head_limit:
            return 0
        if line == self._line and data.startswith(self._last[:line]):  # another body
            return end
        found = _LINE.fullmatch(data, 0, line)
        if found is None or found[1].decode() != head.method:
            return 0
        self._head = rules.moved(head, found[2].decode())
        self._last, self._line, self._end = data, line, end
        return end

    def _parse(self, data: bytes) -> bytes:
        """Let llhttp read *data*; see ``feed``."""
        while data:
            if not self.in_head and not self.in_body:
                self._fed = 0
            self._fed += len(data)
            self._tight = self._fed > self._limits.head_limit
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as pause:
                data = data[pause.args[0] :]
                if self._upgrade:
                    return data
                continue  # an upgrade to something else is ignored (RFC 9110 section 7.8)
            except httptools.HttpParserError as error:
                raise _refusal(error) from error
            if self._fed > self._limits.head_limit and (self.in_head or self.in_body):
                raise self._too_long()
            break
        return b""

    def release(self) -> None:
        """Let go of the parser, for good: each holds the other, and nobody but the garbage collector would see it."""
        del self._parser

    # Called by httptools.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._target = b""
        self._headers = Headers()
        self._trailers = self._trailers_size = 0
        self.in_head = True
        self._upgrade = False

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
            lower = _NAMES.get(name) or _lower(name)
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
            self._upgrade = method == "GET" and is_upgrade(head.headers)
        self._head = head
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
        self._complete += 1
        self._sink.request_received(upgrade=self._upgrade)

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


def _lower(name: bytes) -> str:
    """Return *name* in lower case, and remember it where it can be one that comes again."""
    lower = name.lower().decode("latin-1")
    if len(name) <= _LONGEST_NAME:
        if len(_NAMES) >= _MOST_NAMES:  # somebody makes them up, which must not leave everybody else without
            _NAMES.clear()
        _NAMES[name] = lower
    return lower


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
