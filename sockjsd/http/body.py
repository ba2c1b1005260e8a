# -*- test-case-name: tests.http.test_body -*-
"""A request's body on its way in: bounded, in memory or spooled to a temporary file."""

from __future__ import annotations

from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from twisted.logger import Logger

from sockjsd.errors import HTTPError
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.request import Request


class Body:
    """What has come of one body.

    :param policy: of the route.
    :param length: the declared bytes; ``None`` when unknown.
    :raises HTTPError: 413, the declared length is more than the route accepts.
    """

    __slots__ = ("_file", "_memory", "_policy", "_size")

    _log = Logger()

    def __init__(self, policy: BodyPolicy, length: int | None) -> None:
        self._policy = policy
        self._size = 0
        # One piece: a chunk of two bytes must not cost the memory of an object.
        self._memory = bytearray()
        self._file: BinaryIO | None = None
        if length is not None and length > policy.limit:
            raise self._too_large()
        if policy.memory is not None:
            self._file = cast(BinaryIO, SpooledTemporaryFile(max_size=policy.memory))  # noqa: SIM115  # outlives this call

    def add(self, data: bytes) -> None:
        """Keep *data*.

        :raises HTTPError: 413, it is more than the route accepts; 500, the disk does not take it.
        """
        self._size += len(data)
        if self._size > self._policy.limit:
            raise self._too_large()
        if self._file is None:
            self._memory += data
            return
        try:
            self._file.write(data)
        except OSError as error:  # the disk is full
            raise self._not_spooled() from error

    def give_to(self, request: Request) -> None:
        """Hand the complete body over.

        :raises HTTPError: 500, the disk does not take the rest of it.
        """
        if self._file is None:
            request.body = bytes(self._memory)
            return
        try:
            self._file.seek(0)  # writes what was buffered
        except OSError as error:
            raise self._not_spooled() from error
        request.file, self._file = self._file, None

    def close(self) -> None:
        """Throw away what came; a body that was handed over is not affected."""
        if self._file is not None:
            with suppress(OSError):  # what the disk did not take, it will not take now
                self._file.close()

    def _not_spooled(self) -> HTTPError:
        self._log.failure("A request's body cannot be spooled")
        return HTTPError(500, "Internal server error")

    def _too_large(self) -> HTTPError:
        return HTTPError(413, f"The body has more than {self._policy.limit} bytes")
