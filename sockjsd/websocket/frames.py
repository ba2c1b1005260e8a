# -*- test-case-name: tests.websocket.test_frames -*-
"""The frames of RFC 6455: how one is written, and how the head of one is read.

::

    byte 0   FIN, RSV1, RSV2, RSV3, four bits of opcode
    byte 1   MASK, seven bits of length: 0-125 the length itself, 126 and 127 "see below"
    then     the length in two bytes (126) or eight (127), big-endian, only when it needs them
    then     the masking key, four bytes, in every frame of a client and in none of ours
    then     the payload

Rules that one frame shows by itself are checked here; rules about the order of
frames and the size of a message are those of :mod:`sockjsd.websocket.connection`.
Whatever a peer does wrong is a :class:`~sockjsd.errors.WebSocketError`, whatever we
do wrong is a :class:`ValueError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from sockjsd.errors import WebSocketError


class Opcode(IntEnum):
    """What a frame is (section 5.2); those from 8 on are control frames."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


#: The close codes that this package gives by itself (section 7.4.1).
NORMAL = 1000
PROTOCOL_ERROR = 1002
NO_CODE = 1005  # never sent: it says that a close frame carried no code
INVALID_DATA = 1007
TOO_BIG = 1009

#: The codes that may stand in a close frame (section 7.4 and IANA's registry). 1004 has
#: no meaning, 1005, 1006 and 1015 are only for local use, 1016-2999 are not given out.
_CLOSE_CODES = (range(1000, 1004), range(1007, 1015), range(3000, 5000))

FINAL = 0x80  # bit of byte 0
#: Bit of byte 0: the message is compressed, where permessage-deflate was negotiated (RFC 7692 section 6).
RSV1 = 0x40
_RESERVED = 0x70
MASKED = 0x80  # bit of byte 1

#: Bytes: what a control frame can carry, and the largest length that fits byte 1.
SHORT = 125
#: Bytes of a reason: the close code takes two of those.
_REASON = SHORT - 2
_FIRST_CONTROL = Opcode.CLOSE

_HEAD = Struct("!BB")
_HEAD_16 = Struct("!BBH")
_HEAD_64 = Struct("!BBQ")
_CODE = Struct("!H")
#: Bytes of a masking key.
KEY = 4

#: Byte 1 without its bit -> where the length is, the least that needs so many bytes, and
#: the first that is too much (section 5.2: the top bit of the eight bytes is 0).
_WIDE = {126: (Struct("!H"), 126, 1 << 16), 127: (Struct("!Q"), 1 << 16, 1 << 63)}

#: Each legal byte 0 -> is the frame final (control frames always are), its opcode, and is its message compressed.
PLAIN = {
    final | opcode: (bool(final), int(opcode), False)
    for opcode in Opcode
    for final in (0, FINAL)
    if final or opcode < _FIRST_CONTROL
}
#: The same where permessage-deflate was negotiated: RSV1 may stand in the first frame of a message, and nowhere else.
DEFLATED = PLAIN | {
    RSV1 | final | opcode: (bool(final), int(opcode), True)
    for opcode in (Opcode.TEXT, Opcode.BINARY)
    for final in (0, FINAL)
}

#: Bytes XORed in one go: small enough that the integers stay in the processor's cache
#: and no message needs many times its size; a multiple of four, so that each begins with the
#: key's first byte.
_BLOCK = 1 << 14

_SURROGATES = re.compile(r"[\ud800-\udfff]")


class Header(NamedTuple):
    """The head of one frame of a client; a tuple, because one is made for each frame.

    ``start`` and ``end`` are where the payload lies in the data that was read.
    """

    final: bool
    opcode: int
    compressed: bool
    key: bytes
    start: int
    end: int


def encode(opcode: int, payload: bytes) -> bytes:
    """Return one final, unmasked frame, as a server sends it.

    :param opcode: of a message that is compressed: with :data:`RSV1`.
    :raises ValueError: for a control frame with more than 125 bytes.
    """
    size = len(payload)
    if size <= SHORT:
        return _HEAD.pack(FINAL | opcode, size) + payload
    if opcode & _FIRST_CONTROL:
        raise ValueError(f"a control frame carries at most {SHORT} bytes, not {size}")
    if size < 1 << 16:
        return _HEAD_16.pack(FINAL | opcode, 126, size) + payload
    return _HEAD_64.pack(FINAL | opcode, 127, size) + payload


def unmask(payload: bytes | bytearray | memoryview, key: bytes) -> bytes:
    """Return *payload* XORed with the four bytes of *key*, over and over (section 5.3)."""
    size = len(payload)
    if size > _BLOCK:
        return _unmask_blocks(payload, key)
    mask = (key * (size // KEY + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")


def _unmask_blocks(payload: bytes | bytearray | memoryview, key: bytes) -> bytes:
    """Do the same for a long payload: one mask serves all whole blocks."""
    mask = int.from_bytes(key * (_BLOCK // KEY), "little")
    end = len(payload) - len(payload) % _BLOCK
    blocks = [
        (int.from_bytes(payload[at : at + _BLOCK], "little") ^ mask).to_bytes(_BLOCK, "little")
        for at in range(0, end, _BLOCK)
    ]
    return b"".join([*blocks, unmask(payload[end:], key)])


def read_header(
    data: bytes | bytearray, at: int, first_bytes: Mapping[int, tuple[bool, int, bool]] = PLAIN
) -> Header | None:
    """Return the head of the frame that begins at *at*; ``None`` when it is not complete yet.

    :param first_bytes: :data:`PLAIN`, or :data:`DEFLATED` where that was negotiated.
    :raises WebSocketError: 1002 for a broken rule, as soon as two bytes show it (ten for the length).
    """
    if len(data) < at + _HEAD.size:
        return None
    first, second = data[at], data[at + 1]
    if first not in first_bytes:
        raise WebSocketError(PROTOCOL_ERROR, _complaint(first))
    final, opcode, compressed = first_bytes[first]
    if second < MASKED:
        raise WebSocketError(PROTOCOL_ERROR, "unmasked frame")
    size = second - MASKED
    start = at + _HEAD.size + KEY
    if size > SHORT:
        if opcode >= _FIRST_CONTROL:
            raise WebSocketError(PROTOCOL_ERROR, "control frame too long")
        width = _WIDE[size][0].size
        start += width
        if len(data) < start - KEY:
            return None
        size = _wide_size(data, start - KEY - width, size)
    if len(data) < start:
        return None
    return Header(final, opcode, compressed, bytes(data[start - KEY : start]), start, start + size)


def _wide_size(data: bytes | bytearray, at: int, field: int) -> int:
    """Return the length in the two or eight bytes at *at*, which *field* (126 or 127) announced."""
    layout, least, end = _WIDE[field]
    size: int = layout.unpack_from(data, at)[0]
    if not least <= size < end:
        raise WebSocketError(PROTOCOL_ERROR, "length not in its shortest form" if size < least else "length too large")
    return size


def _complaint(first: int) -> str:
    """Say why *first* is no legal byte 0."""
    if first & _RESERVED:
        return "reserved bit set"
    return "fragmented control frame" if first | FINAL in PLAIN else "reserved opcode"


def may_receive(code: int) -> bool:
    """Say whether *code* may stand in a close frame."""
    return any(code in codes for codes in _CLOSE_CODES)


def close_payload(code: int, reason: str) -> bytes:
    """Return the payload of a close frame; 1005 means "no code" and gives an empty one.

    The reason is cut to 123 bytes of UTF-8 between two characters; surrogates, which
    UTF-8 cannot carry, become U+FFFD.

    :raises ValueError: for a code that may not be sent.
    """
    if code == NO_CODE:
        return b""
    if not may_receive(code):
        raise ValueError(f"{code} may not be sent in a close frame")
    # No character takes less than a byte, so what is cut first cannot be missed afterwards.
    text = _SURROGATES.sub("\ufffd", reason[:_REASON]).encode()
    return _CODE.pack(code) + text[:_REASON].decode(errors="ignore").encode()


def read_close(payload: bytes) -> tuple[int, str]:
    """Return the code (1005 when there is none) and the reason in a close frame of the peer.

    :raises WebSocketError: 1002 for half a code or a forbidden one, 1007 for a reason that is not UTF-8.
    """
    if not payload:
        return NO_CODE, ""
    if len(payload) < _CODE.size:
        raise WebSocketError(PROTOCOL_ERROR, "close code cut off")
    code: int = _CODE.unpack_from(payload)[0]
    if not may_receive(code):
        raise WebSocketError(PROTOCOL_ERROR, "close code not allowed")
    try:
        return code, payload[_CODE.size :].decode()
    except UnicodeDecodeError as error:
        raise WebSocketError(INVALID_DATA, "close reason is not UTF-8") from error
