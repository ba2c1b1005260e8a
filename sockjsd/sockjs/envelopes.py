# -*- test-case-name: tests.sockjs.test_envelopes -*-
"""How each transport wraps a frame.

An envelope is a value: receivers with equal envelopes get the same bytes, so that a
batch is encoded once for all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sockjsd.errors import PayloadError
from sockjsd.sockjs import frames
from sockjsd.websocket.frames import Opcode, encode

#: Section "HtmlFile": a callback may hold nothing else, or a page could be made to run code.
_CALLBACK = re.compile(r"[a-zA-Z0-9\-_.]+")

#: A limit of ours: sockjs-client's callbacks have about 20 characters.
CALLBACK_LENGTH = 128


@dataclass(frozen=True, slots=True)
class Envelope:
    """Bytes before and after a frame, and whether it is written as a JavaScript string.

    :param prefix: what stands before each frame.
    :param suffix: what stands after it.
    :param script: the frame becomes a quoted string inside a ``<script>``.
    """

    prefix: bytes = b""
    suffix: bytes = b""
    script: bool = False

    def wrap(self, frame: bytes) -> bytes:
        """Return one *frame* as it goes over the wire."""
        body = _script_string(frame) if self.script else frame
        return self.prefix + body + self.suffix

    def messages(self, texts: list[str], array: bytes) -> bytes:
        """Return *texts*, whose message frame is *array*, as they go over the wire."""
        return self.wrap(array)


class WebSocketEnvelope(Envelope):
    """A frame is one WebSocket text."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return *frame* as an unmasked WebSocket frame."""
        return encode(Opcode.TEXT, frame)


class RawWebSocketEnvelope(Envelope):
    """Section "Raw WebSocket url": no framing at all, a message is one WebSocket text."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return nothing: there is neither an open frame nor a heartbeat on this transport."""
        return b""

    def messages(self, texts: list[str], array: bytes) -> bytes:
        """Return each of *texts* as a WebSocket frame of its own."""
        return b"".join(encode(Opcode.TEXT, frames.replace_surrogates(text).encode()) for text in texts)


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
    """Return the envelope of one JSONP poll; the comment in front defuses the "Rosetta Flash" attack."""
    return Envelope(b"/**/" + callback + b"(", b");\r\n", script=True)


XHR = Envelope(suffix=b"\n")
EVENTSOURCE = EventSourceEnvelope(b"data: ", b"\r\n\r\n")
HTMLFILE = Envelope(b"<script>\np(", b");\n</script>\r\n", script=True)
WEBSOCKET = WebSocketEnvelope()
RAW_WEBSOCKET = RawWebSocketEnvelope()
