"""A program that several tests share: started for the first of them, ended with the test run."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What has to be ended."""

    def close(self) -> None:
        """End it; called once, last."""


T = TypeVar("T", bound=Closable)


class Shared(Generic[T]):
    """Starts something once, for everybody.

    :param start: starts and returns it; what it raises is raised again for each test, without another try.
    """

    def __init__(self, start: Callable[[], T]) -> None:
        self._start = start
        self._started: T | None = None
        self._error: BaseException | None = None

    def get(self) -> T:
        """Return it; the first call starts it."""
        if self._error is not None:
            raise self._error
        if self._started is None:
            try:
                self._started = self._start()
            except BaseException as error:
                self._error = error
                raise
            atexit.register(self._started.close)
        return self._started
