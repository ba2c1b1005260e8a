# -*- test-case-name: tests.http.test_reader -*-
"""Bytes in, requests out, in the shortest way that means the same.

The reader does no I/O and knows no time; it tells its *sink* what it found.  There are three ways:

* Who polls sends the same request again and again, or one whose target alone is another.  What is byte for byte as
  it was in the request before is not read again.
* A request that came whole, and holds nothing unusual, is read by ``plain``.
* All the rest is llhttp's; see ``parser``.
"""

from __future__ import annotations

from sockjsd.http import plain, rules
from sockjsd.http.limits import Limits
from sockjsd.http.parser import Parser, Sink
from sockjsd.websocket.handshake import is_upgrade

#: What ends a line, and a head.
_LINE_END = b"\r\n"
_END = b"\r\n\r\n"


class Reader:
    """Reads what one connection receives.

    :param limits: of the head.
    :param sink: gets the requests; where a head was not read again, it is the object of the one before.
    :ivar in_head: whether a head has begun and is not complete.
    """

    def __init__(self, limits: Limits, sink: Sink) -> None:
        self._limits = limits
        self._sink = sink
        # Made for the first request that has to be llhttp's.
        self._parser: Parser | None = None
        # The last head that was read; and what was fed last, if that was one request from beginning to end, with the
        # bytes before the end of its first line, and of its head.
        self._head = rules.UNREADABLE
        self._last = b""
        self._line = self._end = 0
        self.in_head = False

    def feed(self, data: bytes) -> bytes:
        """Read *data*; return what stands behind a request that asked for an upgrade, else nothing.

        :raises HTTPError: the bytes cannot be a request; whatever follows must be discarded.
        """
        if self._last and self._repeats(data):
            return b""
        begins = self._parser is None or self._parser.between
        return b"" if begins and self._is_plain(data) else self._parse(data, begins=begins)

    def release(self) -> None:
        """Let go of what holds this reader, for good."""
        if self._parser is not None:
            self._parser.release()

    def _repeats(self, data: bytes) -> bool:
        """Hand on what is in *data*, if that is one whole request with the fields of the last one; return whether."""
        end = self._end if data == self._last else self._turned(data)
        if end:
            self._hand_on(data, end, upgrade=False)
        return end > 0

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
        found = plain.LINE.fullmatch(data, 0, line)
        if found is None or found[1].decode() != head.method:
            return 0
        self._head = rules.moved(head, found[2].decode())
        self._last, self._line, self._end = data, line, end
        return end

    def _is_plain(self, data: bytes) -> bool:
        """Hand on what is in *data*, if that is one whole plain request; return whether."""
        # What comes after a request that wanted to be the last one is refused by llhttp.
        found = plain.read(data, self._limits) if self._head.keep_alive else None
        if found is None:
            return False
        head, end = found
        self._head = head
        upgrade = "upgrade" in head.headers and head.method == "GET" and is_upgrade(head.headers)
        self._remember(b"" if upgrade else data, end)
        self._hand_on(data, end, upgrade=upgrade)
        return True

    def _hand_on(self, data: bytes, end: int, *, upgrade: bool) -> None:
        """Hand on *data*, a whole request with the last head, which ends at *end*."""
        head, sink = self._head, self._sink
        sink.head_received(head)
        if head.length:
            sink.body_received(data[end:])
        sink.request_received(upgrade=upgrade)

    def _parse(self, data: bytes, *, begins: bool) -> bytes:
        """Let llhttp read *data*; see ``feed``."""
        parser = self._parser
        if parser is None:
            parser = self._parser = Parser(self._limits, self._sink)
        before = parser.complete
        rest = parser.feed(data)
        self.in_head = parser.in_head
        head = self._head = parser.head
        end = data.find(_END) + len(_END)
        whole = begins and parser.between and parser.complete == before + 1 and len(data) - end == head.length
        # Empty lines may stand before a request (RFC 9112 section 2.2): its own is not the first then.
        again = whole and not parser.upgrade and head.keep_alive and head.version == "HTTP/1.1"
        self._remember(data if again and data[0] not in _LINE_END else b"", end)
        return rest

    def _remember(self, data: bytes, end: int) -> None:
        """Keep *data*, one request from beginning to end, after which another one may come; or nothing."""
        self._last, self._line, self._end = data, data.find(_LINE_END), end
