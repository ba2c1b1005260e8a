# -*- test-case-name: tests.http.test_wsgi -*-
"""What a site says in answer to a request (PEP 3333), and what becomes of it.

Everything is checked in the site's thread, where a mistake is the site's failure and
answered with 500; in the reactor's it would raise, and nobody would answer at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from io import BytesIO
from threading import Event
from typing import Any, BinaryIO, NamedTuple, Protocol

from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.http.environ import address, make_environ
from sockjsd.http.exchange import TEXT, Exchange, Phase
from sockjsd.http.fields import BODILESS, field, status_line

StartResponse = Callable[..., Callable[[bytes], object]]

#: Fields about the connection between us and the client: ours to write, not the site's
#: (PEP 3333, "Other HTTP Features").
_OURS = frozenset("connection keep-alive transfer-encoding upgrade date content-length".split())

#: Characters of a field that are kept for the next answer with the same field: long ones are seldom the same.
_SHORT = 80

_RECEIVED = Phase.RECEIVED


class AnswerHead(NamedTuple):
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
        code, phrase = _status(status)
        lines, length = [], None
        for name, value in headers:
            line = _short_line(name, value) if len(value) <= _SHORT else _line(name, value)
            if line is not None:
                lines.append(line)
            elif name.lower() == "content-length":
                length = _whole(value)
        return cls(code, phrase, b"".join(lines), length)


@lru_cache(maxsize=64)  # a site has few, and may make up any number
def _status(status: str) -> tuple[int, str]:
    """Return the number of a status, and its phrase."""
    code, _, phrase = status.partition(" ")
    if _whole(code) < 200:
        raise ValueError(f"not the status of an answer: {status!r}")
    status_line(int(code), phrase)  # raises here, in the thread, where it becomes the site's failure
    return int(code), phrase


def _line(name: str, value: str) -> bytes | None:
    """Return a field as a line; ``None`` where it is ours to write."""
    return None if name.lower() in _OURS else field(name, value)


#: Most fields of an answer are those of the one before; what was remembered is bounded by ``_SHORT``.
_short_line = lru_cache(maxsize=256)(_line)


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"not a whole number: {text!r}")
    return int(text)


_FAILED = AnswerHead(500, "", TEXT, None)
_FAILURE = b"Internal server error\n"


class Sender(Protocol):
    """What sends a body part by part, and is told of the client; called in the reactor's thread."""

    def drained(self) -> None:
        """The client has room."""

    def gone(self) -> None:
        """The client has left; may be called in the site's thread too, before the first part."""


class WSGIRequest:
    """One request of a WSGI site, and its answer; called in the reactor's thread unless said otherwise.

    :param exchange: the request.
    :param in_turn: lets the reactor call something; from any thread.
    """

    #: Makes what a thread waits at while the client does not read.
    GATE: Callable[[], Event] = Event

    _log = Logger()

    __slots__ = (
        "_exchange",
        "_gate",
        "_host",
        "_in_turn",
        "_sender",
        "body",
        "content",
        "head",
        "is_committed",
        "unmade",
    )

    def __init__(self, exchange: Exchange, in_turn: Callable[[Callable[[], object]], object]) -> None:
        self._exchange = exchange
        self._in_turn = in_turn
        #: What the site said of its answer, and a complete body: set in the thread, before it is done.
        self.head: AnswerHead | None = None
        self.body = b""
        #: The length of a body that was not made, because nobody wants it; ``None`` where it is not known.
        self.unmade: int | None = 0
        #: Whether a part of a body was made, so that the head cannot be replaced.
        self.is_committed = False
        self._sender: Sender | None = None
        # Only for sites that use write().
        self._gate: Event | None = None
        self._host = address(exchange.host)
        # Ours from here on: a client that leaves must not close it while a view reads.
        self.content: BinaryIO = exchange.file or BytesIO(exchange.body)
        exchange.file = None
        exchange.on_gone = self._gone
        exchange.on_drained = self._drained

    # What our application says, in its thread.

    def environ(self) -> dict[str, Any]:
        """Return what the site is told."""
        return make_environ(self._exchange, self._host, self.content)

    @property
    def is_bodiless(self) -> bool:
        """Whether nobody wants a body; known when the application has begun."""
        return self._exchange.head.method == "HEAD" or (self.head is not None and self.head.status in BODILESS)

    @property
    def is_begun(self) -> bool:
        """Whether a part of the answer was sent."""
        return self._exchange.phase is not _RECEIVED

    def begin(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        """Take the head: ``start_response``.

        :raises RuntimeError: there is one, and no *exc_info* says that something went wrong since.
        """
        if exc_info is not None:
            if self.is_committed:
                raise exc_info[1].with_traceback(exc_info[2])
        elif self.head is not None:
            raise RuntimeError("the site's application called start_response twice, without exc_info")
        self.head = AnswerHead.read(status, headers)
        return self._write_and_wait

    def _write_and_wait(self, data: bytes) -> None:
        """Send *data*, and wait until the client has room again: the ``write`` of PEP 3333.

        :raises TypeError: *data* is not of bytes.
        """
        part = bytes(memoryview(data))
        self.is_committed = True
        if self._gate is None:
            self._gate = self.GATE()
        self._gate.clear()
        self._in_turn(partial(self._write_from_thread, part, self._gate))
        self._gate.wait()

    def check_begun(self) -> None:
        """Be sure that there is a head.

        :raises RuntimeError: the application did not call ``start_response``.
        """
        if self.head is None:
            raise RuntimeError("the site's application did not call start_response")

    def leave_to(self, sender: Sender) -> None:
        """Let *sender* complete the answer."""
        self._sender = sender
        if self._exchange.gone:  # else it will be told
            sender.gone()

    # What becomes of the answer.

    @property
    def writable(self) -> bool:
        """Whether the client has room."""
        return self._exchange.writable

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
        """Send a part of the body."""
        if not self.is_begun:
            self.start()
        self._exchange.write(data)

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
        """The site failed: answer 500, or cut the answer short."""
        self._log.failure("WSGI application error", failure=failure)
        if self.is_begun:
            self._exchange.abort()
        else:
            self._exchange.respond(_FAILED.status, _FAILED.fields, _FAILURE)

    def _write_from_thread(self, data: bytes, gate: Event) -> None:
        try:
            self.write(data)
        finally:  # whatever happens, the thread must not wait for ever
            if self._exchange.writable or self._exchange.phase is not Phase.ANSWERING:
                gate.set()

    def _drained(self) -> None:
        if self._gate is not None:
            self._gate.set()
        if self._sender is not None:
            self._sender.drained()

    def _gone(self) -> None:
        if self._gate is not None:
            self._gate.set()
        if self._sender is not None:
            self._sender.gone()
