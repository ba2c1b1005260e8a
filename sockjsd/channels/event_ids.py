# -*- test-case-name: tests.channels.test_event_ids -*-
"""The ids of events: where a stream stands in the history of each of its channels, in one short word.

A browser keeps the id of the last event and sends it back when it connects again
(WHATWG HTML, section "Server-sent events": ``Last-Event-ID``), so an id has to tell the
positions of **all** channels, not only of the one whose event carries it.

It is opaque to whoever gets it: URL-safe Base64 of a version byte and, for each channel::

    4 bytes   CRC-32 of the channel's name: a page may come back with other channels beside
    varint    offset, seven bits in each byte, the lowest first
    1 byte    length of the epoch; + 128 when there is a tag
    4 bytes   the tag, if there is one
    n bytes   the epoch, ASCII; none: the position is not known, so something may have been missed

Two names with the same CRC cost a reset, never a silent gap: an epoch belongs to one channel.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from typing import Final
from zlib import crc32

from sockjsd.channels.publications import Position

#: What is known of a channel whose history was not read, or has begun anew.
UNKNOWN: Final = Position()

#: Characters of the longest id that is read: four times what 128 channels take, and less than a request's head.
LONGEST = 12 * 1024

_VERSION = b"\x01"
_HAS_TAG = 0x80
#: Bytes of the longest number that fits 64 bits.
_LONGEST_NUMBER = 10
_TAG_DIGITS = 8
_EPOCH = re.compile(r"[A-Za-z0-9_-]{0,127}")


def encode(positions: Mapping[str, Position]) -> str:
    """Return the id that says *positions*, by channel."""
    data = _VERSION + b"".join([_entry(channel, position) for channel, position in positions.items()])
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str, channels: Iterable[str]) -> dict[str, Position] | None:
    """Return what the id *text* says of those *channels* that it knows; ``None`` when it is no id of ours.

    A channel that it knows without its position is ``UNKNOWN``.
    """
    if len(text) > LONGEST or not text.isascii():
        return None
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        known = dict(_Reader(data).entries())
    except (NotBase64, _Broken):
        return None
    names = {_key(channel): channel for channel in channels}
    return {names[key]: position for key, position in known.items() if key in names}


class _Broken(Exception):
    """It is no id."""


def _key(channel: str) -> bytes:
    return crc32(channel.encode()).to_bytes(4)


def _entry(channel: str, position: Position) -> bytes:
    tag = bytes.fromhex(position.tag)
    length = len(position.epoch) | (_HAS_TAG if tag else 0)
    return _key(channel) + _number(position.offset) + bytes((length,)) + tag + position.epoch.encode()


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


class _Reader:
    """Reads the bytes of an id, once."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def entries(self) -> Iterable[tuple[bytes, Position]]:
        """Yield the key and the position of each channel.

        :raises _Broken: it is no id.
        """
        if self._take(1) != _VERSION:
            raise _Broken
        while self._at < len(self._data):
            yield self._take(4), self._position()

    def _position(self) -> Position:
        offset = self._number()
        length = self._take(1)[0]
        tag = self._take(_TAG_DIGITS // 2).hex() if length & _HAS_TAG else ""
        epoch = self._take(length & ~_HAS_TAG).decode("latin-1")
        if not _EPOCH.fullmatch(epoch):
            raise _Broken
        return Position(offset, epoch, tag) if epoch else UNKNOWN

    def _number(self) -> int:
        value = 0
        for place in range(_LONGEST_NUMBER):
            byte = self._take(1)[0]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value
        raise _Broken

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        self._at += count
        if len(taken) < count:
            raise _Broken
        return taken
