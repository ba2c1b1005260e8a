# -*- test-case-name: tests.brokers.test_expiring -*-
"""A dictionary whose values are forgotten after a time each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class Expiring(Generic[KeyT, ValueT]):
    """Keys with values and times.

    It has no timer.  What is over is never seen again, and its memory is given back by the
    calls of :meth:`put` after it, each of which does its share.

    :param seconds: the clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._held: dict[KeyT, tuple[float, ValueT]] = {}
        # When to look at a key; a number keeps keys from being compared.  A key stands here
        # once, however often it is put: when its turn comes too early, it queues again.
        self._queue: list[tuple[float, int, KeyT]] = []
        self._queued: set[KeyT] = set()
        self._number = 0

    def __len__(self) -> int:
        """How many values use memory, those that are over among them."""
        return len(self._held)

    def put(self, key: KeyT, value: ValueT, ttl: float) -> None:
        """Hold *value* for *ttl* seconds from now, instead of what *key* had before."""
        now = self._seconds()
        self._sweep(now)
        self._held[key] = (now + ttl, value)
        if key not in self._queued:
            self._enqueue(now + ttl, key)

    def extend(self, key: KeyT, value: ValueT, ttl: float) -> None:
        """Hold *value* for *ttl* seconds from now, or as long as *key* would have been held if that is longer."""
        held = self._held.get(key)
        self.put(key, value, ttl if held is None else max(ttl, held[0] - self._seconds()))

    def get(self, key: KeyT) -> ValueT | None:
        """The value of *key*; ``None`` when it has none, or its time is over."""
        held = self._held.get(key)
        return held[1] if held is not None and held[0] > self._seconds() else None

    def pop(self, key: KeyT) -> ValueT | None:
        """Take the value of *key* out; ``None`` when it has none, or its time is over."""
        value = self.get(key)
        self._held.pop(key, None)
        return value

    def items(self) -> Iterator[tuple[KeyT, ValueT]]:
        """The keys whose time is not over, in the order in which they came."""
        now = self._seconds()
        return ((key, value) for key, (due, value) in self._held.items() if due > now)

    def _enqueue(self, due: float, key: KeyT) -> None:
        self._queued.add(key)
        self._number += 1
        heappush(self._queue, (due, self._number, key))

    def _sweep(self, now: float) -> None:
        while self._queue and self._queue[0][0] <= now:
            _, _, key = heappop(self._queue)
            self._queued.discard(key)
            held = self._held.get(key)
            if held is None:
                continue
            if held[0] > now:
                self._enqueue(held[0], key)
            else:
                del self._held[key]
