# -*- test-case-name: tests.channels.test_recovery -*-
"""The shelf: the part of a channel's history that was read a moment ago, and what came since.

When a node dies, thousands come back to the same channel at once, with positions close
together.  The first one's read serves them all: what is on the shelf is exactly what the history
would answer, for as long as every publication that is delivered is put on it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from operator import attrgetter

from sockjsd.channels.publications import Item, Position, Publication

_offset = attrgetter("offset")


class Shelf:
    """The newest part of one channel's history: all that it had after *floor* when it was read, and what came since.

    :ivar floor: the offset after which it has everything.
    :param publications: what was read after *floor*, oldest first.
    :param size: the most publications that are worth keeping: as many as the history keeps.
    """

    __slots__ = ("_epoch", "_last", "_publications", "_size", "floor")

    def __init__(self, floor: int, publications: Iterable[Publication], top: Position, size: int) -> None:
        self.floor = floor
        self._publications = list(publications)
        self._epoch = top.epoch
        self._last = top.offset
        self._size = size

    def extend(self, items: Iterable[Item]) -> None:
        """Add what was delivered since; what is there already, or is of another history, is left out."""
        for item in items:
            if type(item) is Publication and item.offset > self._last and item.epoch == self._epoch:
                self._publications.append(item)
                self._last = item.offset
        if len(self._publications) > 2 * self._size:
            self.floor = self._publications[-self._size - 1].offset
            del self._publications[: -self._size]

    def after(self, offset: int) -> list[Publication]:
        """Return all publications after *offset*, which is not below :attr:`floor`."""
        return self._publications[bisect_right(self._publications, offset, key=_offset) :]

    @property
    def latest(self) -> Publication | None:
        """The newest one; ``None`` when there is none."""
        return self._publications[-1] if self._publications else None
