# -*- test-case-name: tests.sockjs.test_frames -*-
"""The frames of SockJS: ``o``, ``h``, ``a[…]``, ``c[code,reason]``, and the payloads that clients send.

Frames are UTF-8 bytes here; how a transport wraps them is the business of
``envelopes``.  Section "Protocol and framing" of the SockJS text.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from json.encoder import encode_basestring

from sockjsd.errors import PayloadError

OPEN = b"o"
HEARTBEAT = b"h"

#: What JSON would leave as it is and browsers mangle on one transport or another
#: (section "JSON Unicode Encoding"), and lone surrogates, which UTF-8 cannot carry at all.
_FRAGILE = re.compile("[\u200c-\u200f\u2028-\u202f\u2060-\u206f\ud800-\udfff\ufff0-\uffff]")

_SURROGATE = re.compile("[\ud800-\udfff]")

#: Of what clients send: JSON without white space around it, which json.loads() would look for.
_OPENINGS = '["'
_decode = json.JSONDecoder().raw_decode


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"


def quote(text: str) -> bytes:
    """Return *text* as a JSON string that survives every transport and every browser.

    :raises TypeError: *text* is no string; a client must never see another kind of JSON.
    """
    # The C function behind json.dumps(ensure_ascii=False): escapes only what JSON must, takes only strings.
    quoted = encode_basestring(text)
    if not quoted.isascii():
        quoted = _FRAGILE.sub(_escape, quoted)
    return quoted.encode()


def replace_surrogates(text: str) -> str:
    """Return *text* with U+FFFD for each lone surrogate: for transports without a JSON layer."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def plain(text: str) -> bytes:
    """Return *text* as UTF-8, for transports without a JSON layer.

    :raises TypeError: *text* is no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"a message is a string or bytes, not {type(text).__name__}")
    try:
        return text.encode()
    except UnicodeEncodeError:
        return replace_surrogates(text).encode()


def array(quoted: bytes) -> bytes:
    """Return the message frame around JSON strings that are already joined by commas."""
    return b"a[" + quoted + b"]"


@lru_cache(maxsize=32, typed=True)  # nearly all sessions end in one of a few ways; a lazy text is no string
def close(code: int, reason: str) -> bytes:
    """Return the close frame; *reason* may hold any character."""
    return b"c[%d,%b]" % (code, quote(reason))


def decode(payload: bytes, limit: int) -> list[str]:
    """Return the messages of what a client sent by ``xhr_send`` or ``jsonp_send``.

    :param payload: a JSON array of strings, UTF-8.
    :param limit: how many messages one array may hold.
    :raises PayloadError: with the sentences that the SockJS text prescribes.
    """
    if not payload:
        raise PayloadError("Payload expected.")
    return _checked(_parsed(payload), limit)


def decode_text(payload: str, limit: int) -> list[str]:
    """Return the messages of one WebSocket text: an array, or a single JSON string.

    An empty text holds no message (section "Websocket", ``test_empty_frame``).

    :raises PayloadError: the connection has to be closed at once.
    """
    if not payload:
        return []
    value = _parsed(payload)
    return [value] if isinstance(value, str) else _checked(value, limit)


def _parsed(payload: bytes | str) -> object:
    try:
        text = payload if isinstance(payload, str) else payload.decode()
        if text[0] in _OPENINGS:  # else the C function behind json.loads() is not reached at once
            value, end = _decode(text)
            if end == len(text):
                return value
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # a thousand "[" are a peer's mistake, not ours
        raise PayloadError("Broken JSON encoding.") from error


def _checked(value: object, limit: int) -> list[str]:
    if not isinstance(value, list):
        raise PayloadError("Payload expected: an array of strings.")
    if len(value) > limit:
        raise PayloadError(f"Too many messages in one array: at most {limit}.", status=413)
    for item in value:
        if type(item) is not str:
            raise PayloadError("Payload expected: each message is a string.")
    return value
