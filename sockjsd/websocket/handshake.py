# -*- test-case-name: tests.websocket.test_handshake -*-
"""The opening of RFC 6455 (section 4.2): from the head of a request to the 101 answer.

No subprotocol is negotiated: what a client offers is not chosen, which the RFC lets it
find out by the absence of the header.  Extensions are ``deflate``'s.  The caller decides
about origins (section 10.2) before it asks here, and writes what it gets.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1

from sockjsd.errors import HTTPError

#: The header that an answer with status 426 has to carry (section 4.4).
VERSION_HEADER = ("Sec-WebSocket-Version", "13")

#: The header in which extensions are offered and chosen (section 11.3.2).
EXTENSIONS_HEADER = "Sec-WebSocket-Extensions"

#: What every server appends to a client's key (section 1.3).
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#: 16 bytes in base64 are always 22 characters and two of padding.
_KEY = re.compile("[A-Za-z0-9+/]{22}==")

_ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: %b\r\n%b\r\n"
)


def is_upgrade(headers: Mapping[str, str]) -> bool:
    """Say whether a request asks to become a WebSocket.

    :param headers: names in lower case, one value for each name, repeated ones joined by commas.
    """
    return _asks(headers.get("upgrade", ""), headers.get("connection", ""))


def accept(method: str, version: str, headers: Mapping[str, str], fields: bytes = b"") -> bytes:
    """Return the whole head of the 101 response to a valid opening request.

    :param method: as it stands in the request line: ``"GET"``.
    :param version: as it stands in the request line: ``"HTTP/1.1"``.
    :param headers: names in lower case, one value for each name, repeated ones joined by commas.
    :param fields: more lines for the answer, each with its end: what was chosen of the extensions.
    :raises HTTPError: 405 for another method; 426 for another version of the protocol (the
        caller adds :data:`VERSION_HEADER`); 400 for anything else that is wrong or missing.
    """
    if method != "GET":
        raise HTTPError(405, "A WebSocket begins with GET.")
    if version != "HTTP/1.1":
        raise HTTPError(400, "Not a valid websocket request: needs HTTP/1.1.")
    if not is_upgrade(headers):
        # These sentences are those which the SockJS text (0.3.3) expects.
        named = _names_websocket(headers.get("upgrade", ""))
        raise HTTPError(400, '"Connection" must be "Upgrade".' if named else 'Can "Upgrade" only to "WebSocket".')
    # Before the key: clients of the drafts before version 13 have no such key, and can learn what we speak.
    if headers.get("sec-websocket-version", "").strip(" \t") != VERSION_HEADER[1]:
        raise HTTPError(426, "Only version 13 of the WebSocket protocol is spoken here.")
    return _ANSWER % (_proof(headers.get("sec-websocket-key", "").strip(" \t")), fields)


def _proof(key: str) -> bytes:
    """Return the value of ``Sec-WebSocket-Accept`` for *key*: we have read it, and are no cache."""
    if not _KEY.fullmatch(key):
        raise HTTPError(400, "Not a valid websocket request: Sec-WebSocket-Key must be 16 bytes of base64.")
    return b2a_base64(sha1(key.encode() + _GUID, usedforsecurity=False).digest(), newline=False)


@lru_cache(maxsize=32)  # each pair is asked for twice, and browsers send next to no others
def _asks(upgrade: str, connection: str) -> bool:
    # A list: Firefox sends "keep-alive, Upgrade".
    return _names_websocket(upgrade) and b"upgrade" in _tokens(connection)


def _names_websocket(upgrade: str) -> bool:
    return _tokens(upgrade) == [b"websocket"]


def _tokens(field: str) -> list[bytes]:
    """Return the list in a header field, in lower case.

    As bytes, because only ASCII letters have a case in HTTP: ``str.lower`` makes a ``k`` of the
    Kelvin sign, ``str.strip`` takes a no-break space, and no proxy in front of us would.
    """
    folded = field.encode("ascii", "backslashreplace").lower()
    return [token.strip(b" \t") for token in folded.split(b",")]
