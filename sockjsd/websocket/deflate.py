# -*- test-case-name: tests.websocket.test_deflate -*-
"""permessage-deflate (RFC 7692), the server's side: what is agreed on, and both directions of it.

A message is compressed as a whole and marked by RSV1 in its first frame.  Where an end
"takes its context over", a message may refer to what stood in those before it: it gets
shorter, but nobody else can be sent the same bytes, and both ends have to remember.

No compressor is kept between two messages.  With a context only the last bytes of what
was said are, which zlib takes as a dictionary; without one, nothing at all.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from sockjsd.errors import WebSocketError
from sockjsd.websocket import frames
from sockjsd.websocket.frames import INVALID_DATA, PROTOCOL_ERROR, RSV1, TOO_BIG

NAME = "permessage-deflate"

#: Base-2 logarithm of the bytes that a message may refer back to: the most there is (RFC 7692 section 7.1.2).
MAX_BITS = 15
#: What we use. On JSON 15 gains 1 % (at 16 KiB) to 7 % (at 64 KiB) over it, and zlib then
#: begins each message by clearing 256 KiB instead of 32.
BITS = 12
#: zlib's "memLevel" to go with it: 16 KiB of tables.
_MEMORY = 5
#: The least that zlib writes without a header (it knows no 8), and so the least that we can agree to.
_LEAST_BITS = 9

#: zlib's default: level 1 takes half the time at 64 KiB, and leaves a third more.
LEVEL = 6
#: Bytes: a message with fewer is sent as it is.  Compressing takes 3 µs to 10 µs of them, and most of what
#: it saves fits into the same packet either way.
THRESHOLD = 1024

#: What is cut off the end of each compressed message (RFC 7692 section 7.2.1).
_TAIL = b"\x00\x00\xff\xff"
#: An empty last block: only behind a message that is complete zlib takes it for the end.
_END = b"\x03\x00"
#: Last blocks that one message may contain (section 7.2.3.4 allows any number, zlib's users make at most
#: one): for two bytes of each, we have to begin anew.
_MOST_STREAMS = 16

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_SPACE = r"[ \t]*"
_PARAMETER = re.compile(rf'{_SPACE};{_SPACE}({_TOKEN})(?:{_SPACE}={_SPACE}("?)({_TOKEN})\2)?')
#: One offer and the comma behind it (RFC 6455 section 9.1).
_OFFER = re.compile(
    rf'{_SPACE}({_TOKEN})((?:{_SPACE};{_SPACE}{_TOKEN}(?:{_SPACE}={_SPACE}(?:{_TOKEN}|"{_TOKEN}"))?)*){_SPACE}(?:,|\Z)'
)
#: An empty element of a list, which HTTP allows (RFC 9110 section 5.6.1).
_NO_OFFER = re.compile(rf"{_SPACE}(?:,|\Z)")
_BITS = re.compile("[89]|1[0-5]")


@dataclass(frozen=True, slots=True)
class Agreement:
    """What both ends do for as long as the connection lasts.

    :param server_takeover: whether our messages may refer to those before them.
    :param client_takeover: whether the client's may.
    :param server_bits: how far our messages refer back at most.
    :param client_bits: how far the client's do.
    :param answer: the value of the header that tells the client.
    """

    server_takeover: bool = False
    client_takeover: bool = False
    server_bits: int = BITS
    client_bits: int = MAX_BITS
    answer: str = field(default="", compare=False)


def negotiate(header: str, *, takeover: bool = False) -> Agreement | None:
    """Return what is agreed on with a client that sent *header*; ``None``: nothing will be compressed.

    The first offer that can be met is; what is wrong with one declines that offer, and with
    the form of the header all of them.

    :param header: the value of ``Sec-WebSocket-Extensions``, repeated ones joined by commas.
    :param takeover: whether contexts may be taken over, where the client does not mind.
    """
    found = (_agree(parameters, takeover) for name, parameters in _offers(header) if name == NAME)
    return next((agreement for agreement in found if agreement is not None), None)


def _offers(header: str) -> list[tuple[str, str]]:
    """Return the extensions in *header* with their parameters; none where it is not in order."""
    offers, at = [], 0
    while at < len(header):
        match = _OFFER.match(header, at)
        if match is not None:
            offers.append((match[1], match[2]))
        else:
            match = _NO_OFFER.match(header, at)
            if match is None:
                return []
        at = match.end()
    return offers


def _agree(parameters: str, takeover: bool) -> Agreement | None:
    """Return our answer to one offer, or ``None``."""
    asked: dict[str, str | None] = {}
    for name, _, value in _PARAMETER.findall(parameters):
        if name in asked or name not in _VALUES or not _VALUES[name].fullmatch(value):
            return None
        asked[name] = value
    server_bits = int(asked.get("server_max_window_bits") or MAX_BITS)
    if server_bits < _LEAST_BITS:
        return None
    return _answered(asked, takeover, min(server_bits, BITS))


def _answered(asked: dict[str, str | None], takeover: bool, server_bits: int) -> Agreement:
    """Return the agreement for an offer that is in order."""
    server_takeover = takeover and "server_no_context_takeover" not in asked
    client_takeover = takeover and "client_no_context_takeover" not in asked
    client_bits = int(asked.get("client_max_window_bits") or MAX_BITS)
    answer = [NAME]
    # Both may be said unasked (sections 7.1.1.1 and 7.1.1.2).
    answer += [] if server_takeover else ["server_no_context_takeover"]
    answer += [] if client_takeover else ["client_no_context_takeover"]
    if "server_max_window_bits" in asked:
        answer.append(f"server_max_window_bits={server_bits}")
    # This one may not; and it only saves memory that we need for a context.
    if client_takeover and client_bits > BITS and "client_max_window_bits" in asked:
        client_bits = BITS
        answer.append(f"client_max_window_bits={client_bits}")
    return Agreement(server_takeover, client_takeover, server_bits, client_bits, "; ".join(answer))


#: The parameters that there are, and the values that each may have in an offer (section 7.1).
_VALUES: Final = {
    "server_no_context_takeover": re.compile(""),
    "client_no_context_takeover": re.compile(""),
    "server_max_window_bits": _BITS,
    "client_max_window_bits": re.compile(f"(?:{_BITS.pattern})?"),
}


@dataclass(frozen=True, slots=True)
class Deflater:
    """Makes a frame of each message, compressed where that is worth it: a value, equal ones make equal frames.

    :param level: 1 (fast) to 9 (small).
    :param threshold: bytes; a message with fewer is sent as it is.
    :param bits: how far it refers back.
    """

    level: int = LEVEL
    threshold: int = THRESHOLD
    bits: int = BITS

    def __call__(self, opcode: int, payload: bytes) -> bytes:
        """Return one frame, as :func:`sockjsd.websocket.frames.encode` does."""
        return frames.encode(opcode, payload) if len(payload) < self.threshold else self.shorter(opcode, payload)[0]

    def shorter(self, opcode: int, payload: bytes, history: bytes = b"") -> tuple[bytes, bool]:
        """Return one frame and whether it is compressed: not where that makes nothing shorter.

        :param history: what the receiver remembers of the compressed messages before this one.
        """
        compressed = self._compress(payload, history)
        if len(compressed) < len(payload):
            return frames.encode(opcode | RSV1, compressed), True
        return frames.encode(opcode, payload), False

    def _compress(self, payload: bytes, history: bytes) -> bytes:
        stream = zlib.compressobj(self.level, zlib.DEFLATED, -self.bits, _MEMORY, zlib.Z_DEFAULT_STRATEGY, history)
        return (stream.compress(payload) + stream.flush(zlib.Z_SYNC_FLUSH))[: -len(_TAIL)]


class History:
    """The end of what one side has said in compressed messages.

    :param bits: base-2 logarithm of the bytes that are kept.
    """

    __slots__ = ("_size", "text")

    def __init__(self, bits: int) -> None:
        self._size = 1 << bits
        self.text = b""

    def add(self, message: bytes) -> None:
        """Remember the end of *message*."""
        self.text = (self.text + message[-self._size :])[-self._size :]


class ContextDeflater:
    """The same for one client alone, whose messages refer to those before them.

    :param deflater: says when and how to compress.
    """

    __slots__ = ("_deflater", "_history")

    def __init__(self, deflater: Deflater) -> None:
        self._deflater = deflater
        self._history = History(deflater.bits)

    def __call__(self, opcode: int, payload: bytes) -> bytes:
        """Return the one frame that has to be sent next."""
        if len(payload) < self._deflater.threshold:
            return frames.encode(opcode, payload)
        frame, compressed = self._deflater.shorter(opcode, payload, self._history.text)
        if compressed:
            self._history.add(payload)
        return frame


class Inflater:
    """Reads what a client has compressed.

    :param agreement: with this client.
    """

    __slots__ = ("_history",)

    def __init__(self, agreement: Agreement) -> None:
        # zlib writes 9 where it is told 8, so a client that says 8 may mean that.
        bits = max(agreement.client_bits, _LEAST_BITS)
        self._history = History(bits) if agreement.client_takeover else None

    def inflate(self, payload: bytes, limit: int) -> bytes:
        """Return one message.

        :param limit: bytes; no more than these (and one) are ever made of it.
        :raises WebSocketError: 1009 for a message beyond *limit*, 1007 for what is not compressed data, 1002
            for what begins anew again and again.
        """
        if not payload:
            return b""  # what zlib makes of an empty message behind another one
        history = self._history.text if self._history is not None else b""
        try:
            message = b"".join(_inflated(payload + _TAIL + _END, history, limit))
        except zlib.error as error:
            raise WebSocketError(INVALID_DATA, "compressed data is broken") from error
        if self._history is not None:
            self._history.add(message)
        return message


def _inflated(data: bytes, history: bytes, limit: int) -> Iterator[bytes]:
    """Yield what *data* says, up to *limit* bytes, one piece for each last block in it."""
    for _ in range(_MOST_STREAMS):
        stream = zlib.decompressobj(-MAX_BITS, history)
        piece = stream.decompress(data, limit + 1)
        limit -= len(piece)
        if limit < 0:
            raise WebSocketError(TOO_BIG, "message too big")
        yield piece
        if not stream.eof:
            raise WebSocketError(INVALID_DATA, "compressed data is cut off")
        data = stream.unused_data
        if not data:
            return
        history = (history + piece)[-(1 << MAX_BITS) :]
    raise WebSocketError(PROTOCOL_ERROR, "too many last blocks in a message")
