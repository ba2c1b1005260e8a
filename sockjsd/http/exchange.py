# -*- test-case-name: tests.http.test_exchange -*-
"""One request and its answer."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, BinaryIO, Protocol

from sockjsd.errors import HTTPError, StateError
from sockjsd.http import chunks
from sockjsd.http.fields import BODILESS, STATUS_LINES, block, status_line
from sockjsd.http.flow import Flow
from sockjsd.http.proxies import NOBODY, Sender
from sockjsd.http.request import Request
from sockjsd.http.rules import Head

#: Shared by all: what is sent to many streams in a row becomes one chunk.
_chunks = chunks.Chunks()

TEXT = block({"Content-Type": "text/plain; charset=UTF-8"})


class Phase(Enum):
    """How far an exchange has come."""

    #: The request's body is not complete.
    RECEIVING = "receiving"
    #: It is complete and waits for its turn, or for its handler.
    RECEIVED = "received"
    #: The head of the answer is out, the body goes on.
    ANSWERING = "answering"
    #: The answer is complete, or the socket belongs to another protocol now.
    DONE = "done"


# Looked up for each request: a global is several times cheaper than a member of an enum on Python 3.11.
_ANSWERING = Phase.ANSWERING
_DONE = Phase.DONE
_RECEIVED = Phase.RECEIVED
_RECEIVING = Phase.RECEIVING


class Wire(Protocol):
    """What an exchange needs of its connection."""

    @property
    def host(self) -> object:
        """Our own address."""

    @property
    def writable(self) -> bool:
        """Whether the socket takes data at once."""

    def stamp(self, exchange: Exchange) -> bytes:
        """Return the ``Date`` field of an answer to *exchange*; as the daemon stops, let the last one say so."""

    def send(self, data: bytes) -> None:
        """Write *data* to the socket."""

    def abort(self) -> None:
        """Cut the connection."""

    def done(self, exchange: Exchange) -> None:
        """The answer is complete: go on with the next request, or close."""

    def upgraded(self, exchange: Exchange, protocol: Upgraded) -> None:
        """The socket is *protocol*'s from here on."""


class Socket(Protocol):
    """A connection as whoever took it over knows it."""

    @property
    def writable(self) -> bool:
        """Whether it takes data at once."""

    @property
    def line(self) -> Flow:
        """The way straight to the socket, for what goes to many; see ``sockjsd.sockjs.lanes``."""

    def send(self, data: bytes) -> None:
        """Write *data*."""

    def close(self, *, linger: bool = False) -> None:
        """Close after everything was sent; with *linger* read on until the peer has closed, for a while."""

    def abort(self) -> None:
        """Cut the connection."""


class Upgraded(Protocol):
    """What takes a socket over after an upgrade."""

    def connected(self, socket: Socket) -> None:
        """The socket is yours; the answer to the upgrade was sent."""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""

    def drained(self) -> None:
        """The socket takes data again."""

    def lost(self) -> None:
        """The socket is gone."""


def _nothing() -> None:
    """The default of a callback that nobody set."""


class Exchange:
    """One request and its answer.

    A handler either calls ``respond`` once, or ``start``, ``write`` any number of times
    and ``end``, or ``upgrade``; anything else raises ``StateError``.  After the client has
    left, all of them do nothing.

    :param head: of the request.
    :param wire: the connection.
    :param sender: the client, as the transport or a trusted proxy tells it.
    """

    __slots__ = (
        "_chunked",
        "_continued",
        "_left",
        "_muted",
        "_sender",
        "_wire",
        "body",
        "error",
        "file",
        "gone",
        "head",
        "keep_alive",
        "on_drained",
        "on_gone",
        "phase",
        "route",
    )

    def __init__(self, head: Head, wire: Wire, sender: Sender = NOBODY) -> None:
        self._wire = wire
        self.head = head
        self._sender = sender
        #: The body, where the route wants it as bytes.
        self.body = b""
        #: The body as a file at its beginning, where there is one and the route spools it.  Closed after the
        #: answer; whoever needs it longer takes it out and closes it.
        self.file: BinaryIO | None = None
        self.phase = _RECEIVING
        #: Where the application will send the request; found when its head was complete.
        self.route: Any = None
        #: What was wrong with the request, to be answered when its turn comes.
        self.error: HTTPError | None = None
        #: Whether the client has left before the answer was complete.
        self.gone = False
        #: Called when the client leaves before the answer is complete.
        self.on_gone: Callable[[], None] = _nothing
        #: Called when ``writable`` turns true.
        self.on_drained: Callable[[], None] = _nothing
        #: Whether the connection may go on after the answer.
        self.keep_alive = head.keep_alive
        self._chunked = False
        # Bytes of a declared length that are still to come; None while there is none.
        self._left: int | None = None
        self._continued = False
        # HEAD wants the head of the answer only (RFC 9110 section 9.3.2).
        self._muted = head.method == "HEAD"

    @property
    def request(self) -> Request:
        """The request as Cyclone's handlers know it; a new object each time."""
        return Request(self)

    @property
    def host(self) -> object:
        """Our own address."""
        return self._wire.host

    @property
    def peer(self) -> object:
        """The client's address."""
        return self._sender.address

    @property
    def secure(self) -> bool:
        """Whether the client speaks TLS, with us or with a trusted proxy."""
        return self._sender.secure

    @property
    def remote_ip(self) -> str:
        """The client's address as text, ``""`` on a Unix socket."""
        address: str = getattr(self._sender.address, "host", "")
        return address

    @property
    def writable(self) -> bool:
        """Whether the socket takes data at once."""
        return self._wire.writable

    def respond(self, status: int, fields: bytes = b"", body: bytes = b"", *, phrase: str = "") -> None:
        """Answer completely.

        :param fields: header fields as made by ``fields.block``, without the length.
        :param phrase: stands in for the registered reason of *status*.
        """
        if self.phase is not _RECEIVED and self._begun():
            return
        if status in BODILESS:
            data = self._answer_head(status, phrase, fields)
        else:
            data = self._answer_head(status, phrase, b"%bContent-Length: %d\r\n" % (fields, len(body)))
            if not self._muted:
                data += body
        self._finish(data)

    def refuse(self, error: HTTPError) -> None:
        """Answer with the status and the reason of *error*, in plain text."""
        if error.close:
            self.keep_alive = False
        self.respond(error.status, TEXT, error.reason.encode("latin-1", "replace") + b"\n")

    def close_after(self) -> None:
        """Let the connection end with this answer."""
        self.keep_alive = False

    def start(self, status: int, fields: bytes = b"", *, phrase: str = "", length: int | None = None) -> None:
        """Begin an answer; its length is *length*, or found out as it goes on."""
        if self._begun():
            return
        if status in BODILESS:
            self._muted = True
        elif length is None:
            fields += self._unknown_length()
        else:
            self._left = length
            fields += b"Content-Length: %d\r\n" % length
        head = self._answer_head(status, phrase, fields)
        self.phase = _ANSWERING
        self._wire.send(head)

    def write(self, data: bytes) -> None:
        """Send a part of the body, as one chunk (section "Http 1.0 and 1.1 chunking" of the SockJS text).

        What is beyond a declared length is dropped: it would be read as the next answer.
        """
        if not self._answering() or self._muted:
            return
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        if data:  # an empty chunk would be the end
            self._wire.send(_chunks.make(data) if self._chunked else data)

    def end(self) -> None:
        """End the answer begun by ``start``; one that is shorter than it said is cut."""
        if not self._answering():
            return
        if self._left and not self._muted:
            self.abort()
        else:
            self._finish(chunks.LAST if self._chunked and not self._muted else b"")

    def upgrade(self, head: bytes, protocol: Upgraded) -> None:
        """Answer with *head*, a whole response head, and give the socket to *protocol*."""
        if self.phase is not _RECEIVED and self._begun():
            return
        self._let_go()
        self._wire.send(head)
        self._wire.upgraded(self, protocol)

    def abort(self) -> None:
        """Cut an answer short, wherever it is: the connection ends, so that the client cannot take it for complete.

        Whoever waits for ``on_gone`` hears it.  After the answer it does nothing.
        """
        if self.phase is _DONE:
            return
        until_close = self.phase is _ANSWERING and not self._chunked and self._left is None
        self.keep_alive = False
        self.lost()
        if until_close:  # an orderly end would complete the answer
            self._wire.abort()
        self._wire.done(self)

    def expects_continue(self) -> bool:
        """Return, once, whether the client waits for ``100 Continue``."""
        expected = self.head.expects_continue and not self._continued
        self._continued = True
        return expected

    def lost(self) -> None:
        """Take note that the client has left."""
        if self.phase is _DONE:
            return
        self.gone = True
        self._let_go()()

    def _begun(self) -> bool:
        """Return whether nobody waits for an answer any more.

        :raises StateError: this exchange is being answered already.
        """
        if self.phase is _ANSWERING or (self.phase is _DONE and not self.gone):
            raise StateError("a request is answered once")
        return self.gone

    def _answering(self) -> bool:
        """Return whether a part of the body is welcome; not any more when the client has left.

        :raises StateError: the answer was not begun, or is complete.
        """
        if self.phase is not _ANSWERING and not self.gone:
            raise StateError("a body goes between start() and end()")
        return not self.gone

    def _unknown_length(self) -> bytes:
        if self.head.version == "HTTP/1.1":
            self._chunked = True
            return b"Transfer-Encoding: chunked\r\n"
        self.keep_alive = False
        return b""

    def _answer_head(self, status: int, phrase: str, fields: bytes) -> bytes:
        date = self._wire.stamp(self)
        if self.phase is _RECEIVING:  # the rest of its body would be read as a request
            self.keep_alive = False
        if not self.keep_alive:
            fields += b"Connection: close\r\n"
        elif self.head.version == "HTTP/1.0":
            fields += b"Connection: keep-alive\r\n"
        first = status_line(status, phrase) if phrase else STATUS_LINES.get(status) or status_line(status)
        return b"%b%b%b\r\n" % (first, date, fields)

    def _finish(self, data: bytes) -> None:
        self._let_go()
        if data:
            self._wire.send(data)
        self._wire.done(self)

    def _let_go(self) -> Callable[[], None]:
        """Keep nothing that the end makes useless; return what ``on_gone`` was."""
        self.phase = _DONE
        on_gone, self.on_gone, self.on_drained = self.on_gone, _nothing, _nothing
        if self.file is not None:
            self.file.close()
        return on_gone
