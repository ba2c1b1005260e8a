# -*- test-case-name: tests.sockjs.test_envelopes -*-
"""How each transport wraps a frame.

An envelope is a value: receivers with equal envelopes get the same bytes, so that a
batch is encoded once for all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from sockjsd.errors import PayloadError
from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch
from sockjsd.websocket.deflate import Agreement, ContextDeflater, Deflater
from sockjsd.websocket.frames import Opcode, encode

#: Section "HtmlFile": a callback may hold nothing else, or a page could be made to run code.
_CALLBACK = re.compile(r"[a-zA-Z0-9\-_.]+")

# Looked up for each message: a global is several times cheaper than a member of an enum on Python 3.11.
_TEXT = Opcode.TEXT
_BINARY = Opcode.BINARY

#: A limit of ours: sockjs-client's callbacks have about 20 characters.
CALLBACK_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Envelope:
    """Bytes before and after a frame, and whether it is written as a JavaScript string.

    :param prefix: what stands before each frame.
    :param suffix: what stands after it.
    :param script: the frame becomes a quoted string inside a ``<script>``.
    :param shared: whether receivers with equal envelopes get the same bytes; else there is but one with this.
    """

    prefix: bytes = b""
    suffix: bytes = b""
    script: bool = False
    shared: bool = field(default=True, compare=False)

    def wrap(self, frame: bytes) -> bytes:
        """Return one *frame* as it goes over the wire."""
        body = _script_string(frame) if self.script else frame
        return self.prefix + body + self.suffix

    def messages(self, batch: Batch) -> bytes:
        """Return the messages of *batch* as they go over the wire.

        :raises TypeError: one of them is no string.
        """
        return self.wrap(frames.array(batch.quoted))


@dataclass(frozen=True, slots=True)
class WebSocketEnvelope(Envelope):
    """A frame is one WebSocket text.

    :param encode: makes WebSocket frames of messages: compressed ones, where that was negotiated.
    """

    encode: Callable[[int, bytes], bytes] = encode

    def wrap(self, frame: bytes) -> bytes:
        """Return *frame* as an unmasked WebSocket frame; it is short, and never compressed."""
        return encode(_TEXT, frame)

    def messages(self, batch: Batch) -> bytes:
        """Return the messages of *batch* as one text."""
        return self.encode(_TEXT, frames.array(batch.quoted))


class RawWebSocketEnvelope(WebSocketEnvelope):
    """Section "Raw WebSocket url": no framing at all, a message is one WebSocket message."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return nothing: there is neither an open frame nor a heartbeat on this transport."""
        return b""

    def messages(self, batch: Batch) -> bytes:
        """Return each message of *batch* as a WebSocket frame of its own: a text, or a binary one.

        :raises TypeError: one of them is neither a string nor bytes.
        """
        encode = self.encode
        messages = zip(batch.texts, batch.bare, strict=True)
        return b"".join([encode(_BINARY if isinstance(text, bytes) else _TEXT, data) for text, data in messages])


class EventSourceEnvelope(Envelope):
    """A frame is the data of one event, which sockjs-client takes through JavaScript's ``decodeURI``."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return *frame* as one event; without the escape, "100%" would be an error there and "%41" an "A"."""
        return self.prefix + frame.replace(b"%", b"%25") + self.suffix


def _script_string(frame: bytes) -> bytes:
    """Return *frame* as a string literal that cannot end the script around it."""
    # "<" is escaped wherever it stands: "</script>" ends the element, "<!--" changes how it is parsed.
    return frames.quote(frame.decode()).replace(b"<", b"\\u003c")


def check_callback(callback: str | None) -> bytes:
    """Return the name of a JavaScript *callback* as bytes.

    :raises PayloadError: it is missing, or could be used to inject script.
    """
    if not callback:
        raise PayloadError('"callback" parameter required')
    if len(callback) > CALLBACK_LENGTH or _CALLBACK.fullmatch(callback) is None:
        raise PayloadError('invalid "callback" parameter')
    return callback.encode()


def jsonp(callback: bytes) -> Envelope:
    """Return the envelope of one JSONP poll; the comment in front defuses the "Rosetta Flash" attack.

    What is made for it is not kept: sockjs-client has a new callback for each poll, and a batch that waits for a
    slow client would get bigger with each of them.
    """
    return Envelope(b"/**/" + callback + b"(", b");\r\n", script=True, shared=False)


XHR = Envelope(suffix=b"\n")
EVENTSOURCE = EventSourceEnvelope(b"data: ", b"\r\n\r\n")
HTMLFILE = Envelope(b"<script>\np(", b");\n</script>\r\n", script=True)
WEBSOCKET = WebSocketEnvelope()
RAW_WEBSOCKET = RawWebSocketEnvelope()


@lru_cache(maxsize=1024)  # eight sizes of window on two transports, for each endpoint
def _compressed(plain: WebSocketEnvelope, deflater: Deflater) -> WebSocketEnvelope:
    return type(plain)(encode=deflater)


def compressed(plain: WebSocketEnvelope, agreement: Agreement, level: int, threshold: int) -> WebSocketEnvelope:
    """Return what is used instead of *plain* with a client that *agreement* was reached with.

    Without a context the same object serves all such clients, so that one compression does.

    :param level: 1 (fast) to 9 (small).
    :param threshold: bytes; shorter messages are sent as they are.
    """
    deflater = Deflater(level, threshold, agreement.server_bits)
    if agreement.server_takeover:
        return type(plain)(encode=ContextDeflater(deflater), shared=False)
    return _compressed(plain, deflater)
