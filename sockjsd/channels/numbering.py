# -*- test-case-name: tests.channels.test_numbering -*-
"""Counts what a node did not get of a channel without history, whose publications are numbered nevertheless.

Nothing can be repaired here: what was published while the connection was away is gone.  But the
next number tells how many that were, and so does the channel's last number when the
connection is back.  What that counts too early, because it is still on the way, is taken back when it arrives.

What was published before Redis lost everything, and after the last one that came, nobody
can count: Redis has forgotten the number too.
"""

from __future__ import annotations

from collections.abc import Iterable

from sockjsd.channels.publications import Item, Position, Publication


class Numbering:
    """How far one channel has come, as this node sees it."""

    __slots__ = ("_epoch", "_offset", "_sure")

    def __init__(self) -> None:
        self._epoch = ""
        # The last number that came, or was heard of; and up to which it is sure what came.
        self._offset = 0
        self._sure = 0

    def take(self, items: Iterable[Item]) -> int:
        """Take note of what came; return how many more were missed than was known, less than none if some came late."""
        missed = 0
        for item in items:
            if type(item) is not Publication or not item.offset:
                continue
            missed += self._change_epoch(item.epoch, item.offset - 1)
            if item.offset > self._offset:
                missed += item.offset - self._offset - 1
                self._offset = self._sure = item.offset
            elif item.offset > self._sure:
                missed -= 1
                self._sure = item.offset
        return missed

    def reach(self, top: Position) -> int:
        """Take note that the channel's last number is *top*; return how many more were missed than was known."""
        missed = self._change_epoch(top.epoch, top.offset)
        missed += max(0, top.offset - self._offset)
        self._offset = max(self._offset, top.offset)
        return missed

    def _change_epoch(self, epoch: str, begun: int) -> int:
        """Begin *epoch*, of which *begun* have been published, if it is another one; return how many were missed."""
        if epoch == self._epoch:
            return 0
        first = not self._epoch
        self._epoch, self._offset = epoch, begun
        # Whoever has just begun to listen did not miss what was before.
        self._sure = begun if first else 0
        return 0 if first else begun
