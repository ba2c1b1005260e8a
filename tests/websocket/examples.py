"""Frames that the tests of this package share, and what a client does to send one.

Nothing here uses the code under test: the bytes are spelled out, the mask is applied
byte by byte.
"""

from __future__ import annotations

from dataclasses import dataclass

from sockjsd.websocket.connection import Closed, Event, Ping, Pong

#: The key of the examples in RFC 6455 section 5.7.
KEY = bytes.fromhex("37fa213d")


@dataclass(frozen=True, slots=True)
class Example:
    """One final frame: what is in it, its head as a server sends it, and what a client means by it."""

    opcode: int
    payload: bytes
    head: bytes
    event: Event


#: Each row is read from left to right (a server writes it) and from right to left (it reads a client's).
EXAMPLES = [
    Example(1, b"Hello", b"\x81\x05", "Hello"),
    Example(1, b"", b"\x81\x00", ""),
    Example(1, "Motörhead ✓ 𝄞".encode(), b"\x81\x13", "Motörhead ✓ 𝄞"),
    Example(1, b"a\x00b", b"\x81\x03", "a\x00b"),
    Example(1, b"\xef\xbb\xbfx", b"\x81\x04", "\ufeffx"),
    Example(1, b"t" * 125, b"\x81\x7d", "t" * 125),
    Example(1, b"t" * 126, b"\x81\x7e\x00\x7e", "t" * 126),
    Example(2, b"", b"\x82\x00", b""),
    Example(2, b"\xff\xfe", b"\x82\x02", b"\xff\xfe"),
    Example(2, b"\x01" * 256, b"\x82\x7e\x01\x00", b"\x01" * 256),
    Example(2, b"\x02" * 65535, b"\x82\x7e\xff\xff", b"\x02" * 65535),
    Example(2, b"\x03" * 65536, b"\x82\x7f" + b"\0\0\0\0\0\x01\0\0", b"\x03" * 65536),
    Example(9, b"", b"\x89\x00", Ping(b"")),
    Example(9, b"Hello", b"\x89\x05", Ping(b"Hello")),
    Example(9, b"\xff" * 125, b"\x89\x7d", Ping(b"\xff" * 125)),
    Example(10, b"", b"\x8a\x00", Pong(b"")),
    Example(10, b"Hello", b"\x8a\x05", Pong(b"Hello")),
    Example(8, b"", b"\x88\x00", Closed(1005, "")),
    Example(8, b"\x03\xe8", b"\x88\x02", Closed(1000, "")),
    Example(8, b"\x03\xe9going", b"\x88\x07", Closed(1001, "going")),
    Example(8, b"\x0b\xb8" + "ü".encode(), b"\x88\x04", Closed(3000, "ü")),
    Example(8, b"\x13\x87" + b"r" * 123, b"\x88\x7d", Closed(4999, "r" * 123)),
]

#: Heads that break a rule by themselves: (what is wrong, the bytes). All are answered with 1002.
BAD_HEADS = [
    ("RSV1 on a text", b"\xc1\x80"),
    ("RSV2 on a text", b"\xa1\x80"),
    ("RSV3 on a text", b"\x91\x80"),
    ("all reserved bits on a ping", b"\xf9\x80"),
    ("RSV1 on a close", b"\xc8\x80"),
    ("RSV1 on an unfinished text", b"\x41\x80"),
    ("opcode 3", b"\x83\x80"),
    ("opcode 4, unfinished", b"\x04\x80"),
    ("opcode 5", b"\x85\x80"),
    ("opcode 6", b"\x86\x80"),
    ("opcode 7", b"\x87\x80"),
    ("opcode 11", b"\x8b\x80"),
    ("opcode 12, unfinished", b"\x0c\x80"),
    ("opcode 13", b"\x8d\x80"),
    ("opcode 14", b"\x8e\x80"),
    ("opcode 15", b"\x8f\x80"),
    ("unfinished close", b"\x08\x80"),
    ("unfinished ping", b"\x09\x80"),
    ("unfinished pong", b"\x0a\x80"),
    ("unmasked text", b"\x81\x05Hello"),
    ("unmasked empty binary", b"\x82\x00"),
    ("unmasked ping", b"\x89\x00"),
    ("unmasked close", b"\x88\x00"),
    ("close of 126 bytes", b"\x88\xfe\x00\x7e"),
    ("ping of 126 bytes", b"\x89\xfe\x00\x7e"),
    ("pong of 65,536 bytes", b"\x8a\xff\0\0\0\0\0\x01\0\0"),
    ("125 in two bytes", b"\x81\xfe\x00\x7d"),
    ("0 in two bytes", b"\x82\xfe\x00\x00"),
    ("65,535 in eight bytes", b"\x81\xff\0\0\0\0\0\0\xff\xff"),
    ("0 in eight bytes", b"\x82\xff\0\0\0\0\0\0\0\0"),
    ("a length of 64 bits", b"\x82\xff\x80\0\0\0\0\0\0\0"),
    ("the largest number of all", b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
]


def xor(payload: bytes, key: bytes) -> bytes:
    """Mask or unmask *payload*, in the most obvious way."""
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))


def head(opcode: int, size: int, *, final: bool = True, key: bytes = KEY) -> bytes:
    """Return the head that a client puts before *size* bytes."""
    first = bytes([(0x80 if final else 0) | opcode])
    if size < 126:
        return first + bytes([0x80 | size]) + key
    if size < 65536:
        return first + b"\xfe" + size.to_bytes(2, "big") + key
    return first + b"\xff" + size.to_bytes(8, "big") + key


def client(opcode: int, payload: bytes = b"", *, final: bool = True, key: bytes = KEY) -> bytes:
    """Return one frame as a client sends it."""
    return head(opcode, len(payload), final=final, key=key) + xor(payload, key)


def from_client(example: Example) -> bytes:
    """Return the frame of *example* as a client sends it: its own head with the mask's bit and key put in."""
    first, second, *length = example.head
    return bytes([first, second | 0x80, *length]) + KEY + xor(example.payload, KEY)
