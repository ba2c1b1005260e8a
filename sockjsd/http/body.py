# -*- test-case-name: tests.http.test_body -*-
"""A request's body on its way in: bounded, in memory or spooled to a temporary file."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from twisted.logger import Logger

from sockjsd.errors import HTTPError
from sockjsd.http.exchange import Exchange
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.spool import SpoolFile, open_spool


class Body:
    """What has come of one body.

    :param policy: of the route.
    :param length: the declared bytes; ``None`` when unknown.
    :raises HTTPError: 413, the declared length is more than the route accepts; 503, it is more than
        all spooled bodies together leave on the disk.
    """

    __slots__ = ("_file", "_memory", "_policy", "_size")

    _log = Logger()

    def __init__(self, policy: BodyPolicy, length: int | None) -> None:
        self._policy = policy
        self._size = 0
        # What came first as it came, which is mostly all; then one piece: a chunk of two bytes must not cost the
        # memory of an object.
        self._memory: bytes | bytearray = b""
        self._file: SpoolFile | None = None
        if length is not None and length > policy.limit:
            raise self._too_large()
        # Only asked: what is taken is what has come, or else whoever says a large number keeps others out.
        if length is not None and self._is_spooled(length) and not policy.spool.has(length):
            raise HTTPError(503, "Too many large bodies at once")

    def add(self, data: bytes) -> None:
        """Keep *data*.

        :raises HTTPError: 413, it is more than the route accepts; 503, all spooled bodies together are
            more than may be on the disk; 500, the disk does not take it.
        """
        self._size += len(data)
        if self._size > self._policy.limit:
            raise self._too_large()
        if not self._is_spooled(self._size):
            self._keep(data)
            return
        try:
            self._spool(data)
        except OSError as error:  # the disk is full
            raise self._not_spooled() from error

    def give_to(self, exchange: Exchange) -> None:
        """Hand the complete body over.

        :raises HTTPError: 500, the disk does not take the rest of it.
        """
        if self._policy.memory is None:
            exchange.body = bytes(self._memory)
        elif self._file is None:
            exchange.file = BytesIO(self._memory)
        else:
            try:
                self._file.seek(0)  # writes what was buffered
            except OSError as error:
                raise self._not_spooled() from error
            exchange.file, self._file = self._file, None

    def close(self) -> None:
        """Throw away what came; a body that was handed over is not affected."""
        if self._file is not None:
            with suppress(OSError):  # what the disk did not take, it will not take now
                self._file.close()

    def _keep(self, data: bytes) -> None:
        if not self._memory:
            self._memory = data
        elif isinstance(self._memory, bytearray):
            self._memory += data
        else:
            self._memory = bytearray(self._memory) + data

    def _is_spooled(self, size: int) -> bool:
        return self._policy.memory is not None and size > self._policy.memory

    def _spool(self, data: bytes) -> None:
        """Write *data* to the disk, behind what was in memory before."""
        if self._file is None:
            self._file = open_spool(self._policy.spool)
            self._file.write(self._memory)
            self._memory = b""
        self._file.write(data)

    def _not_spooled(self) -> HTTPError:
        self._log.failure("A request's body cannot be spooled")
        return HTTPError(500, "Internal server error")

    def _too_large(self) -> HTTPError:
        return HTTPError(413, f"The body has more than {self._policy.limit} bytes")
