# -*- test-case-name: tests.http.test_spool -*-
"""Temporary files that share one bound: bodies of requests, and answers too large for memory."""

from __future__ import annotations

import io
from tempfile import TemporaryFile
from typing import Any, cast

from sockjsd.errors import HTTPError
from sockjsd.pool import Budget


class SpoolFile(io.BufferedRandom):
    """A temporary file; what is written is counted until it is closed, in whichever way that happens.

    :param raw: where it is kept.
    :param budget: bytes that all such files together may have.
    """

    def __init__(self, raw: io.RawIOBase, budget: Budget) -> None:
        self._budget = budget
        self._size = 0
        super().__init__(raw)

    def write(self, data: Any) -> int:
        """Write *data*.

        :raises HTTPError: 503, there is no room left for it in the budget.
        :raises OSError: the disk does not take it.
        """
        if not self._budget.take(len(data)):
            raise HTTPError(503, "Too many large bodies at once")
        self._size += len(data)
        return super().write(data)

    def close(self) -> None:
        """Remove the file."""
        try:
            super().close()
        finally:
            size, self._size = self._size, 0
            self._budget.give_back(size)


def open_spool(budget: Budget) -> SpoolFile:
    """Return a new file; it has no name on the disk, so nothing is left of it after a crash.

    :raises OSError: there is no folder for it.
    """
    return SpoolFile(cast(io.RawIOBase, TemporaryFile(buffering=0)), budget)  # closed with the other
