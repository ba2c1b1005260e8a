# -*- test-case-name: tests.test_pool -*-
"""Threads and the bounds around them.

Each kind of work that may block has a pool of its own, with a name that tracebacks and
debuggers show, so that one kind never waits for another: the views of the site, the
closing of answers, reads from a slow disk.  Code of the site that answers connections,
and whatever authenticates them, gets its own in the same way: a ``Pool`` for the
threads, a ``Budget`` for how many calls may run and wait, made and started by whoever
owns that work and stopped by it when it is idle.
"""

from __future__ import annotations

from threading import Lock, Thread
from typing import Any

from twisted.python.threadpool import ThreadPool


def _daemonic(*args: Any, **kwargs: Any) -> Thread:
    return Thread(*args, daemon=True, **kwargs)


class Pool(ThreadPool):
    """At most so many threads, started when there is work; they do not keep the process from exiting.

    What they call is code of the site, which may never return.

    :param name: of the pool and its threads.
    :param threads: at most.
    """

    threadFactory = staticmethod(_daemonic)  # type: ignore[assignment]  # a function instead of the class

    def __init__(self, name: str, threads: int) -> None:
        super().__init__(0, threads, name)


class Budget:
    """So much of something may be had at once: bytes on disk, requests, streams.  Any thread may ask.

    :param limit: how much in all; ``None`` for any amount.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._lock = Lock()
        self._used = 0

    @property
    def used(self) -> int:
        """How much is taken."""
        return self._used

    def has(self, amount: int = 1) -> bool:
        """Return whether *amount* more could be taken now."""
        return self._limit is None or self._used + amount <= self._limit

    def take(self, amount: int = 1) -> bool:
        """Take *amount*, which has to be given back; return whether that was possible."""
        with self._lock:
            if not self.has(amount):
                return False
            self._used += amount
            return True

    def give_back(self, amount: int = 1) -> None:
        """Let somebody else have what ``take`` got."""
        with self._lock:
            self._used -= amount
