# -*- test-case-name: tests.http.test_chunks -*-
"""Chunks of a body whose length nobody knows yet (RFC 9112 section 7.1)."""

from __future__ import annotations

#: Ends a chunked body.
LAST = b"0\r\n\r\n"

#: Bytes beyond which a chunk is not remembered: it would occupy memory until the next one comes.
LARGEST = 64 * 1024


class Chunks:
    """Makes chunks, and remembers the one made last.

    A thousand streams that get the same message in a row get the very same chunk, which is
    made once and can leave in one call.
    """

    __slots__ = ("_chunk", "_data")

    def __init__(self) -> None:
        self._data = self._chunk = b""

    def make(self, data: bytes) -> bytes:
        """Return *data*, which is not empty, as one chunk; for the same object in a row the same chunk."""
        if data is self._data:
            return self._chunk
        chunk = b"%x\r\n%b\r\n" % (len(data), data)
        if len(data) <= LARGEST:
            self._data, self._chunk = data, chunk
        return chunk
