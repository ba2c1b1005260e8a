"""What goes over the wire: the messages, and how clients of each protocol begin and speak."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

#: Bytes of each message; it ends with the mark that the load counts.  One byte would not do: "~" is also how the
#: length of a frame begins.
MESSAGE_SIZE = 122
MARK = "x~"
MESSAGE = "x" * (MESSAGE_SIZE - len(MARK)) + MARK
#: What the load replaces by digits of a number that is never used twice.
UNIQUE, THREE_DIGITS = "@" * 10, "@" * 3
#: The channel of the fan-out; in Redis it has the prefix of ours, and the peers simply do the same.
CHANNEL = "news"
PREFIX = "sockjsd."

_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def redis_publish(text: str, channel: str = PREFIX + CHANNEL) -> bytes:
    """Return the command that publishes *text*, as it goes to Redis."""
    return redis_command(b"PUBLISH", channel.encode(), text.encode())


def redis_command(*words: bytes) -> bytes:
    """Return a command as it goes to Redis."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def masked(text: str) -> bytes:
    """Return a WebSocket frame from a client; masked with zeros, which every server has to undo like any mask."""
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


def frame(text: str) -> bytes:
    """Return a WebSocket frame from a server."""
    payload = text.encode()
    size = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + payload


def upgrade(path: str) -> bytes:
    """Return a request that becomes a WebSocket."""
    return _UPGRADE.format(path=path).encode()


def get(path: str) -> bytes:
    """Return a request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: str = "", fields: str = "") -> bytes:
    """Return a request that sends *body*.

    :param fields: further lines of its head, each with its end.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@dataclass(frozen=True, slots=True)
class Client:
    """How one kind of client begins and speaks.

    :ivar hello: its first request; where there are several, each client has one of them, in turn.
    :ivar opened: what shows that it is connected; ``\\r``, ``\\n`` and ``\\xHH`` stand for bytes.
    :ivar message: a message that it sends.
    :ivar after: what it sends once its hello has been answered, likewise; nothing for most.
    """

    hello: list[bytes]
    opened: str
    message: bytes = b""
    after: list[bytes] = field(default_factory=list)


#: For scenarios in which no client is connected for long.
NOBODY = Client([], "")


def sockjs_websocket(*prefixes: str) -> Client:
    """Return a client that speaks SockJS through its WebSocket."""
    hello = [upgrade(f"{prefix}/000/{UNIQUE}/websocket") for prefix in prefixes]
    return Client(hello, r"\x81\x01o", masked(json.dumps([MESSAGE])))


def raw_websocket(*paths: str) -> Client:
    """Return a client that speaks nothing above the WebSocket; it is connected with the end of the answer's head."""
    return Client([upgrade(path) for path in paths], r"\r\n\r\n", masked(MESSAGE))


def sockjs_streaming(prefix: str) -> Client:
    """Return a client of ``xhr_streaming``, which is connected when the frame ``o`` has come."""
    return Client([post(f"{prefix}/000/{UNIQUE}/xhr_streaming")], r"o\n")
