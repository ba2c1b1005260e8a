# -*- test-case-name: tests.websocket.test_connection -*-
"""One WebSocket after its handshake, the server's side, without I/O (RFC 6455 sections 5 to 8).

How to drive it:

* give every read to :meth:`Connection.receive` and act on the events it returns, in order;
* answer a :class:`Ping` with what :meth:`Connection.pong` returns; while the socket takes nothing, only the last one;
* after a :class:`Closed` write what :meth:`Connection.goodbye` returns;
* to send, write what :func:`sockjsd.websocket.frames.encode` returns, while the state is open;
* to end it, write what :meth:`Connection.close` returns, and give the peer some time for its answer;
* once the state is closed, and what was to be written is, end the TCP connection.

Time (how long to wait, how often to ping) is the caller's.  Memory is bounded by
``max_message``: one unfinished frame, the fragments before it and one close frame are all
that is ever kept.  Where permessage-deflate was negotiated, the client's
messages are inflated here; what we send is compressed by whoever encodes it.
"""

from __future__ import annotations

from codecs import utf_8_decode
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from sockjsd.errors import StateError, WebSocketError
from sockjsd.websocket.deflate import Inflater
from sockjsd.websocket.frames import (
    DEFLATED,
    FINAL,
    INVALID_DATA,
    KEY,
    MASKED,
    NORMAL,
    PLAIN,
    PROTOCOL_ERROR,
    SHORT,
    TOO_BIG,
    Header,
    Opcode,
    close_payload,
    encode,
    read_close,
    read_header,
    unmask,
)


class State(Enum):
    """Where a connection stands between its handshake and the end of its socket."""

    # Members are looked up in tables on hot paths, and Enum's own hash is written in Python.
    __hash__ = object.__hash__

    #: Messages go both ways.
    OPEN = "open"
    #: Our close frame is out; only the peer's is awaited, and all else is ignored.
    CLOSING = "closing"
    #: Nothing is read or said any more: both said goodbye, or a rule was broken.
    CLOSED = "closed"


class Cause(Enum):
    """What changes the state."""

    # Members are looked up in tables on hot paths, and Enum's own hash is written in Python.
    __hash__ = object.__hash__

    #: We sent a close frame of our own accord.
    CLOSE_SENT = "close sent"
    #: The peer's close frame came; ours is its answer, or came before it.
    CLOSE_RECEIVED = "close received"
    #: The peer broke a rule or the limit.
    VIOLATION = "violation"


#: Every change of state; a pair that is not here is a bug of ours.
TRANSITIONS: Final = {
    (State.OPEN, Cause.CLOSE_SENT): State.CLOSING,
    (State.OPEN, Cause.CLOSE_RECEIVED): State.CLOSED,
    (State.OPEN, Cause.VIOLATION): State.CLOSED,
    (State.CLOSING, Cause.CLOSE_RECEIVED): State.CLOSED,
    (State.CLOSING, Cause.VIOLATION): State.CLOSED,
}

# Looked up for each read: a global is several times cheaper than a member of an enum on Python 3.11.
_OPEN = State.OPEN
_CLOSED = State.CLOSED
_TEXT = Opcode.TEXT
_CONTINUATION = Opcode.CONTINUATION
_LAST_DATA = Opcode.BINARY  # opcodes up to this one carry messages, those above control frames

#: The first byte of a text message in one frame, and the bytes before the payload of a short and of a longer one.
_WHOLE_TEXT = FINAL | Opcode.TEXT
_SHORT_HEAD = 6
_LONGER_HEAD = 8
#: The second byte of a longer one: its length follows in two bytes.
_LONGER = MASKED | 126


def next_state(state: State, cause: Cause) -> State:
    """Return the state that follows *state* after *cause*.

    :raises StateError: where the table has no such row.
    """
    try:
        return TRANSITIONS[state, cause]
    except KeyError:
        raise StateError(f"a WebSocket that is {state.value} cannot have: {cause.value}") from None


@dataclass(frozen=True, slots=True)
class Ping:
    """The peer asks whether we are there: answer with :meth:`Connection.pong`."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    """The peer is there: an answer to a ping of ours, or unasked for (section 5.5.3)."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Closed:
    """The last event: the peer's close code (1005: it gave none), or ours when it broke a rule."""

    code: int
    reason: str


Event: TypeAlias = str | bytes | Ping | Pong | Closed


def _announces(data: bytes, size: int) -> bool:
    """Say whether the frame at the beginning of *data* is one of *size* bytes, more than fit its second byte."""
    return size > SHORT and data[1] == _LONGER and data[2] << 8 | data[3] == size


class _Fragments:
    """A message whose last fragment has not come yet."""

    __slots__ = ("_checked", "compressed", "is_text", "payload")

    def __init__(self, is_text: bool, compressed: bool) -> None:
        self.is_text = is_text
        self.compressed = compressed
        # One bytearray, not a list: a fragment of one byte must not cost the memory of an object.
        self.payload = bytearray()
        #: How many bytes of the payload were found to be whole characters.
        self._checked = 0

    def add(self, piece: bytes, final: bool) -> None:
        """Take the next fragment; in a text it is checked now, so that a broken one is not awaited to its end."""
        self.payload += piece
        if self.is_text and not self.compressed:
            self._checked += utf_8_decode(self.payload[self._checked :], "strict", final)[1]


class Connection:
    """The rules of one WebSocket.

    :param max_message: bytes of one message, over all its fragments; a larger one is refused
        with 1009 as soon as the head of a frame announces it, a compressed one as soon as so much has
        come out of it.
    :param inflater: reads compressed messages, where that was negotiated.
    """

    __slots__ = (
        "_buffer",
        "_first_bytes",
        "_fragments",
        "_goodbye",
        "_inflater",
        "_max_compressed",
        "_max_message",
        "_state",
    )

    def __init__(self, max_message: int, inflater: Inflater | None = None) -> None:
        self._max_message = max_message
        #: Bytes of a compressed one: a sixteenth more, if it cannot be made smaller; zlib's own bound is below that.
        self._max_compressed = max_message + (max_message >> 4) + 64
        self._inflater = inflater
        self._first_bytes = PLAIN if inflater is None else DEFLATED
        self._state = _OPEN
        #: The beginning of a frame of which the rest is still to come.
        self._buffer = bytearray()
        self._fragments: _Fragments | None = None
        #: The close frame that has to be written.
        self._goodbye = b""

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    def receive(self, data: bytes) -> list[Event]:
        """Take one read of the socket, and return what it completes, in order.

        A text message is a ``str``, a binary one ``bytes``.  :class:`Closed` is always the last
        event: whatever stood before it is returned with it, whatever comes after it is not read.
        """
        # The usual read first: one text in one frame, with nothing pending.
        start = _SHORT_HEAD if len(data) <= _SHORT_HEAD + SHORT else _LONGER_HEAD
        size = len(data) - start
        if (
            0 <= size <= self._max_message
            and data[0] == _WHOLE_TEXT
            and (data[1] == MASKED | size if start == _SHORT_HEAD else _announces(data, size))
            and not self._buffer
            and self._fragments is None
            and self._state is _OPEN
        ):
            try:
                return [unmask(data[start:], data[start - KEY : start]).decode()]
            except UnicodeDecodeError:
                pass  # The long way comes to the same byte and says what follows from it.
        return self._receive_any(data)

    def pong(self, payload: bytes) -> bytes:
        """Return the answer to a ping with *payload*; nothing when our close frame is out (section 5.5.1)."""
        return encode(Opcode.PONG, payload) if self._state is _OPEN or self._goodbye else b""

    def goodbye(self) -> bytes:
        """Return the close frame that has to be written in answer to the peer's or to what it did; once."""
        frame, self._goodbye = self._goodbye, b""
        return frame

    def close(self, code: int = NORMAL, reason: str = "") -> bytes:
        """Return our close frame, which has to be written; nothing unless the connection is open.

        :param reason: cut to 123 bytes of UTF-8.
        :raises ValueError: for a code that may not be sent; nothing has changed then.
        """
        if self._state is not _OPEN:
            return b""
        frame = encode(Opcode.CLOSE, close_payload(code, reason))
        self._enter(Cause.CLOSE_SENT)
        return frame

    def _enter(self, cause: Cause) -> None:
        """Change the state: the only place that does."""
        self._state = next_state(self._state, cause)
        if self._state is _CLOSED:
            self._buffer = bytearray()
            self._fragments = None

    def _receive_any(self, data: bytes) -> list[Event]:
        """Do what `receive` does, for any data in any state."""
        was = self._state
        if was is _CLOSED:
            return []
        events: list[Event] = []
        try:
            self._read_frames(data, events)
        except WebSocketError as violation:
            events.append(self._violated(violation))
        except UnicodeDecodeError:
            events.append(self._violated(WebSocketError(INVALID_DATA, "text is not UTF-8")))
        if was is _OPEN:
            return events
        return [event for event in events if type(event) is Closed]

    def _read_frames(self, data: bytes, events: list[Event]) -> None:
        """Append the events of all frames that *data* completes, and keep the rest."""
        buffer = self._buffer
        buffer += data
        at = 0
        while self._state is not _CLOSED and (header := read_header(buffer, at, self._first_bytes)) is not None:
            self._check_order_and_size(header)
            if len(buffer) < header.end:
                break
            at = header.end
            event = _RULES[header.opcode](self, header, unmask(buffer[header.start : at], header.key))
            if event is not None:
                events.append(event)
        # Once for each read, and what stays is less than one frame: never quadratic.
        del buffer[:at]

    def _check_order_and_size(self, header: Header) -> None:
        """Check what a head says against the fragments before it, while its payload may still be on its way."""
        if header.opcode > _LAST_DATA:
            return
        size = header.end - header.start
        whole = self._fragments
        compressed = header.compressed
        if whole is None:
            if header.opcode == _CONTINUATION:
                raise WebSocketError(PROTOCOL_ERROR, "continuation of nothing")
        elif header.opcode != _CONTINUATION:
            raise WebSocketError(PROTOCOL_ERROR, "new message inside a fragmented one")
        else:
            size += len(whole.payload)
            compressed = whole.compressed
        if size > self._max_message and not (compressed and size <= self._max_compressed):
            raise WebSocketError(TOO_BIG, "message too big")

    def _on_data(self, header: Header, payload: bytes) -> Event | None:
        """Return the message that *payload* ends; ``None`` when more of it has to come."""
        whole = self._fragments
        if whole is None:
            if header.final:
                if header.compressed:
                    payload = self._inflated(payload)
                return payload.decode() if header.opcode == _TEXT else payload
            whole = self._fragments = _Fragments(header.opcode == _TEXT, header.compressed)
        whole.add(payload, header.final)
        if not header.final:
            return None
        self._fragments = None
        message = self._inflated(bytes(whole.payload)) if whole.compressed else whole.payload
        return message.decode() if whole.is_text else bytes(message)

    def _inflated(self, payload: bytes) -> bytes:
        assert self._inflater is not None, "without it RSV1 is an error"
        return self._inflater.inflate(payload, self._max_message)

    def _on_ping(self, _: Header, payload: bytes) -> Event:
        return Ping(payload)

    def _on_pong(self, _: Header, payload: bytes) -> Event:
        return Pong(payload)

    def _on_close(self, _: Header, payload: bytes) -> Event:
        return self._end(Cause.CLOSE_RECEIVED, *read_close(payload))

    def _violated(self, violation: WebSocketError) -> Closed:
        return self._end(Cause.VIOLATION, violation.code, violation.reason, said=violation.reason)

    def _end(self, cause: Cause, code: int, reason: str, *, said: str = "") -> Closed:
        """Let go of everything and say goodbye with *said*, where we have not said it yet."""
        if self._state is _OPEN:
            self._goodbye = encode(Opcode.CLOSE, close_payload(code, said))
        self._enter(cause)
        return Closed(code, reason)


#: What the rest of a frame means, once its head was found in order.
_RULES: Final[dict[int, Callable[[Connection, Header, bytes], Event | None]]] = {
    Opcode.CONTINUATION: Connection._on_data,
    Opcode.TEXT: Connection._on_data,
    Opcode.BINARY: Connection._on_data,
    Opcode.CLOSE: Connection._on_close,
    Opcode.PING: Connection._on_ping,
    Opcode.PONG: Connection._on_pong,
}
