# -*- test-case-name: tests.functional.test_bad_websocket -*-
"""What is wrong in a WebSocket's frames, and the close code that comes of it: tables of bytes.

Heads of frames that break a rule by themselves stand in ``tests.websocket.examples`` and are sent too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.functional.wire import MESSAGE, MESSAGES
from tests.websocket.examples import BAD_HEADS, client, head

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
#: A close frame without a code is answered with one, and this stands for it (RFC 6455 section 7.1.5).
NONE = 1005


def text(words: str | bytes, *, final: bool = True, opcode: int = TEXT) -> bytes:
    """Return a text frame, or another one."""
    return client(opcode, words.encode() if isinstance(words, str) else words, final=final)


def close(code: int, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return client(CLOSE, code.to_bytes(2, "big") + reason)


@dataclass(frozen=True, slots=True)
class FrameRow:
    """What a client sends after the handshake, and how it ends.

    :param code: in the daemon's close frame.
    """

    name: str
    data: bytes
    code: int

    def __str__(self) -> str:
        return f"{self.name}: {self.data[:500]!r}"


GOODBYE = close(1000)
_LONG = b"x" * (MESSAGE + 1)

#: On both kinds of WebSocket, SockJS's and raw.
FRAMES = (
    *(FrameRow(name, data, 1002) for name, data in BAD_HEADS),
    # Order.
    FrameRow("continuation of nothing", client(CONTINUATION, b"x"), 1002),
    FrameRow("unfinished continuation of nothing", client(CONTINUATION, b"x", final=False), 1002),
    FrameRow("text inside a text", text("x", final=False) + text("x"), 1002),
    FrameRow("binary inside a text", text("x", final=False) + client(BINARY, b"x"), 1002),
    FrameRow("continuation after the end", text("", final=False) + client(CONTINUATION) * 2, 1002),
    FrameRow("bad after many pings", client(PING, b"x") * 100 + b"\x83\x80", 1002),
    FrameRow("bad after an empty text", text("") + b"\xc1\x80", 1002),
    FrameRow("bad inside a text", text("x", final=False) + b"\x89\xfe", 1002),
    # Sizes.
    FrameRow("long text", text(_LONG), 1009),
    FrameRow("long binary", client(BINARY, _LONG), 1009),
    FrameRow("head of a long text", head(TEXT, MESSAGE + 1), 1009),
    FrameRow("head of the longest text", head(TEXT, (1 << 63) - 1), 1009),
    FrameRow("long text with all its bytes", head(TEXT, 1_000_000) + b"x" * 1_000_000, 1009),
    FrameRow("long sum", text(b"x" * MESSAGE, final=False) + text("x", opcode=CONTINUATION), 1009),
    FrameRow("many parts", text("x", final=False) + text("x", final=False, opcode=CONTINUATION) * MESSAGE, 1009),
    FrameRow("long text, all of it in one go with the next", (text(_LONG) + text("x")) * 100, 1009),
    # Texts that are not UTF-8.
    FrameRow("byte that is none", text(b"\xff"), 1007),
    FrameRow("half a character", text(b"\xc3"), 1007),
    FrameRow("overlong slash", text(b"\xc0\xaf"), 1007),
    FrameRow("surrogate", text(b"\xed\xa0\x80"), 1007),
    FrameRow("beyond Unicode", text(b"\xf4\x90\x80\x80"), 1007),
    FrameRow("bad first part", text(b"\xff", final=False), 1007),
    FrameRow("bad last part", text(b"\xc3", final=False) + text(b"\x28", opcode=CONTINUATION), 1007),
    FrameRow("cut at the end", text(b"\xe2\x82", final=False) + text(b"", opcode=CONTINUATION), 1007),
    # Close frames.
    FrameRow("half a code", client(CLOSE, b"\x03"), 1002),
    *(
        FrameRow(f"code {code}", close(code), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)
    ),
    FrameRow("reason that is not UTF-8", close(1000, b"\xff"), 1007),
    FrameRow("reason that is cut", close(1000, b"\xe2\x82"), 1007),
    FrameRow("no code", client(CLOSE), NONE),
    FrameRow("code, and something behind it", GOODBYE + b"\xff" * 1000, 1000),
    FrameRow("code of ours", close(3000, b"x"), 3000),
    FrameRow("code of an application", close(4999), 4999),
    FrameRow("close inside a text", text("x", final=False) + GOODBYE, 1000),
    FrameRow("close twice", GOODBYE * 2, 1000),
    # Not a WebSocket any more.
    FrameRow("HTTP", b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n", 1002),
    FrameRow("zeros", bytes(1000), 1002),
    FrameRow("ones", b"\xff" * 1000, 1002),
)

#: On SockJS's kind alone: what is no array of strings.
SOCKJS_FRAMES = (
    FrameRow("binary", client(BINARY, b"x"), 1003),
    FrameRow("empty binary", client(BINARY), 1003),
    FrameRow("binary in parts", client(BINARY, b"", final=False) + client(CONTINUATION), 1003),
    FrameRow("binary, and much behind it", client(BINARY, b"x") + text("x") * 1000, 1003),
    FrameRow("no JSON", text("x"), 1002),
    FrameRow("half an array", text('["x'), 1002),
    FrameRow("array and more", text('["x"]]'), 1002),
    FrameRow("number", text("1"), 1002),
    FrameRow("null", text("null"), 1002),
    FrameRow("array of numbers", text("[1]"), 1002),
    FrameRow("array in an array", text('[["x"]]'), 1002),
    FrameRow("object", text('{"x": "y"}'), 1002),
    FrameRow("huge number", text("[" + "9" * 900 + "]"), 1002),
    FrameRow("deep array", text("[" * MESSAGE), 1002),
    FrameRow("many messages", text('["x"' + ',"x"' * MESSAGES + "]"), 1002),
    FrameRow("byte order mark", text('\ufeff["x"]'), 1002),
    FrameRow("NUL behind an array", text('["x"]\0'), 1002),
    FrameRow("no JSON in parts", text("x", final=False) + text("y", opcode=CONTINUATION), 1002),
)
