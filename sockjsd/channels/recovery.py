# -*- test-case-name: tests.channels.test_recovery -*-
"""What a client gets that comes back with a position.

Two modes, as in the client protocol:

=========  ==================================================================================
stream     all publications since its position, or none of them and the word that some are missing
cache      the latest publication, unless it has seen that one already
=========  ==================================================================================

And the *shelf*: the part of a history that was read a moment ago, and what came since.
When thousands come back at once, the first one's read serves them all.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sockjsd.channels.publications import Item, Position, Publication

_offset = attrgetter("offset")


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a client gets.

    :ivar publications: before anything else, oldest first.
    :ivar position: where it stands then.
    :ivar recovered: whether nothing is missing between its own position and this one.
    """

    publications: Sequence[Publication]
    position: Position
    recovered: bool


def recover_stream(since: Position, publications: Sequence[Publication], top: Position, limit: int) -> Recovery:
    """Return all that came after *since*, or nothing.

    :param since: the client's position; an empty epoch is any, an empty tag too.
    :param publications: read from *since* on, oldest first; the entry at *since* too where its tag has to be compared.
    :param top: where the history ended.
    :param limit: the most publications that a client may get.
    """
    missed = [each for each in publications if each.offset > since.offset]
    count = top.offset - since.offset
    recovered = (
        since.epoch in ("", top.epoch)
        and 0 <= count <= limit
        and len(missed) == count
        and _is_same(since, publications, top)
    )
    return Recovery(missed if recovered else (), top, recovered)


def recover_cache(since: Position | None, latest: Publication | None, top: Position) -> Recovery:
    """Return the latest publication, unless the client has seen it.

    :param since: the client's position, ``None`` for a new one.
    :param latest: the newest entry of the history, ``None`` when it has none.
    :param top: where the history ended.
    """
    if latest is None or latest.offset != top.offset:
        return Recovery((), top, False)
    seen = since is not None and since.offset == top.offset and since.epoch == top.epoch
    return Recovery(() if seen else (latest,), top, True)


def _is_same(since: Position, publications: Sequence[Publication], top: Position) -> bool:
    """Return whether the entry at *since* is the one that the client saw, as far as that can be known."""
    seen = [each.tag for each in publications if each.offset == since.offset]
    if top.offset == since.offset:
        seen.append(top.tag)
    return not since.tag or all(tag in ("", since.tag) for tag in seen)


class Shelf:
    """The newest part of one channel's history: all that it had after *floor* when it was read, and what came since.

    :ivar floor: the offset after which it has everything.
    :param publications: what was read after *floor*, oldest first.
    :param size: the most publications that are worth keeping: as many as the history keeps.
    """

    __slots__ = ("_last", "_publications", "_size", "floor")

    def __init__(self, floor: int, publications: Iterable[Publication], top: Position, size: int) -> None:
        self.floor = floor
        self._publications = list(publications)
        self._last = top.offset
        self._size = size

    def extend(self, items: Iterable[Item]) -> None:
        """Add what was delivered since; what is there already is left out."""
        for item in items:
            if type(item) is Publication and item.offset > self._last:
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
