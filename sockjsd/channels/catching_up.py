# -*- test-case-name: tests.channels.test_catching_up -*-
"""What a stream gets that comes back: everything since its position, or the word that something is missing.

The stream listens first and reads the history then, so what it has missed is in the
one or in the other.  Where the two meet is the *mark*: how far the others, who are up to
date, have got everything.  The stream joins them there, neither ahead nor behind.

It is all or nothing: one publication missing, a history that began anew, or an entry at
the stream's position that is not the one it saw (Redis came back older than it was), and
the stream is told to start over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sockjsd.channels.publications import Position, Publication


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What brings a stream from its position to the mark.

    :ivar publications: the missed ones, in order.
    :ivar reset: whether they are not to be had; then there are none.
    """

    publications: list[Publication]
    reset: bool = False


_RESET = CaughtUp([], reset=True)


def reading_from(since: Position) -> Position:
    """Return the position after which the history has to be read: the entry at *since* has to be seen too."""
    return Position(max(since.offset - 1, 0), since.epoch)


def catch_up(
    since: Position, mark: Position, top: Position, history: Sequence[Publication], held: Iterable[Publication]
) -> CaughtUp | None:
    """Return what a stream has missed between *since* and *mark*; ``None``: it cannot be told yet.

    Then either this node is behind what the stream has seen through another one, or the
    history was read too early: what is missing arrives at any moment.

    :param history: read from ``reading_from(since)`` on, oldest first, perhaps not to its end.
    :param top: where the history ended when it was read.
    :param held: what arrived since the stream listens, oldest first.
    """
    if not since.epoch or since.epoch != top.epoch or since.epoch != mark.epoch:
        return _RESET
    if mark.offset < since.offset or top.offset < since.offset:
        return None
    if not _continues(since, top, history):
        return _RESET
    found = {each.offset: each for each in (*history, *held) if each.epoch == since.epoch}
    wanted = range(since.offset + 1, mark.offset + 1)
    missing = [offset for offset in wanted if offset not in found]
    if not missing:
        return CaughtUp([found[offset] for offset in wanted])
    return None if missing[0] > top.offset else _RESET


def latest(
    since: Position | None, mark: Position, history: Iterable[Publication], held: Iterable[Publication]
) -> CaughtUp:
    """Return what a stream gets first where only the latest publication counts: that one, unless it has seen it."""
    # What is beyond the mark will arrive by itself.
    found = [each for each in (*history, *held) if each.epoch == mark.epoch and each.offset <= mark.offset]
    last = max(found, key=lambda each: each.offset, default=None)
    return CaughtUp([] if last is None or last.position == since else [last])


def _continues(since: Position, top: Position, history: Sequence[Publication]) -> bool:
    """Return whether the history has the entry that *since* names, or has nothing beyond it to compare."""
    if not since.offset:
        return True
    if history and history[0].offset == since.offset:
        return _same(history[0].tag, since.tag)
    # Without that entry nobody knows what stood there, unless it is the last one and its tag is kept apart.
    return top.offset == since.offset and _same(top.tag, since.tag)


def _same(one: str, other: str) -> bool:
    """Return whether two tags can be of one entry: one that is not known can."""
    return not one or not other or one == other
