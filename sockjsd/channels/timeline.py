# -*- test-case-name: tests.channels.test_timeline -*-
"""One channel's publications in order, as this node sees them.

What comes live from a broker should be the next publication, and mostly is.  Where it
is not, the timeline *holds* everything until the history has been read, and the
answer says how it goes on:

=================  ===========================================================================
``JOINS_UP``       what was missing is there: it is delivered first, then what was held
``HOLE``           history no longer has what was missing
``NEW_EPOCH``      a new history has begun: Redis lost everything, or somebody found it rolled back
``ROLLED_BACK``    the history has another entry where we delivered one, or none: Redis is older than it was
=================  ===========================================================================

After all but the first, what was delivered does not join up with what follows, and
whoever listens has to be told.

A number is not enough to know an entry again: a Redis that came back older gives the same
offsets to other publications.  So each entry has a random tag, and the timeline compares.

What has no position (a plain ``PUBLISH``, who joined and left) keeps its place among the
others.  What is held is bounded: beyond that publications with a position are let go,
because they are read again, and what has none is counted as lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sockjsd.channels.publications import Item, Position, Publication

#: Items that are held while the history is read: some seconds of a busy channel.
HELD_ITEMS = 1000
#: Characters of data that are held: as many bytes as may wait for one slow client.
HELD_CHARACTERS = 1024 * 1024


class Verdict(Enum):
    """What reading the history told about a timeline."""

    #: The entry that was delivered last is there, and everything after it.
    JOINS_UP = "joins up"
    #: Some of what follows is missing.
    HOLE = "hole"
    #: It is another history.
    NEW_EPOCH = "new epoch"
    #: It is the same history, but older than what was delivered.
    ROLLED_BACK = "rolled back"


@dataclass(slots=True)
class TimelineCounts:
    """What the timelines of a node have seen, since the start.

    :ivar gaps: times that something other than the next publication came.
    :ivar repaired: publications that were missing and were read from the history.
    :ivar duplicates: publications that came again, and were left out.
    :ivar plain: publications without a position on channels with history: live only.
    :ivar resets: times that a channel did not join up, so that its listeners were told.
    :ivar rollbacks: those of them where Redis was older than it had been.
    :ivar lost: items without a position that came while too much was held.
    :ivar missed: publications on numbered channels without history that this node did not get.
    :ivar missed_deliveries: the same, counted once for each subscriber that would have got one.
    """

    gaps: int = 0
    repaired: int = 0
    duplicates: int = 0
    plain: int = 0
    resets: int = 0
    rollbacks: int = 0
    lost: int = 0
    missed: int = 0
    missed_deliveries: int = 0


class _Fit(Enum):
    """What a publication is that is not the next one."""

    #: It has no position: it is live only.
    PASSES = "passes"
    #: It was delivered already.
    REPEATED = "repeated"
    #: Something before it is missing, or it contradicts what was delivered.
    MISSING = "missing"


def judge(anchor: Position, publications: Sequence[Publication], top: Position) -> Verdict:
    """Return whether a history joins up with *anchor*, the last one that was delivered.

    :param publications: what was read, from the entry at *anchor* on where it is still kept, oldest first.
    :param top: where the history ends.
    """
    if top.epoch != anchor.epoch:
        return Verdict.NEW_EPOCH
    if top.offset < anchor.offset:
        return Verdict.ROLLED_BACK
    later = [each for each in publications if each.offset >= anchor.offset]
    first = later[0] if later else Publication("", top.offset, top.epoch, top.tag)
    if first.offset == anchor.offset:
        same = not first.tag or not anchor.tag or first.tag == anchor.tag
        return Verdict.JOINS_UP if same else Verdict.ROLLED_BACK
    complete = bool(later) and first.offset == anchor.offset + 1
    return Verdict.JOINS_UP if complete else Verdict.HOLE


class Timeline:
    """What of one channel was delivered, and what may be delivered next.

    It begins without knowing where the history stands, and holds what comes until it is told.

    :ivar offset: of the publication that was delivered last.
    :ivar epoch: its epoch; ``""`` while nothing is known.
    :ivar tag: its tag.
    :ivar sound: whether items pass; if not, the history has to be read.
    :param counts: of all timelines of this node.
    :param lenient: whether a hole is no loss, because listeners want the latest publication only.
    """

    __slots__ = (
        "_characters",
        "_counts",
        "_foreign",
        "_held",
        "_lenient",
        "_overflowed",
        "_repaired",
        "epoch",
        "offset",
        "sound",
        "tag",
    )

    def __init__(self, counts: TimelineCounts, *, lenient: bool = False) -> None:
        self.offset = 0
        self.epoch = ""
        self.tag = ""
        self.sound = False
        self._counts = counts
        self._lenient = lenient
        # What waits for the history, its size, and whether some was let go.
        self._held: list[Item] = []
        self._characters = 0
        self._overflowed = False
        # Another epoch that was seen live: if the history does not know it either, it is over.
        self._foreign = ""
        # The tags of what was read from the history: it comes live as well, if the connection was never lost.
        self._repaired: dict[int, str] = {}

    @property
    def position(self) -> Position:
        """The last publication that was delivered."""
        return Position(self.offset, self.epoch, self.tag)

    def suspend(self) -> None:
        """Hold what comes until the history has been read: something may have been missed."""
        self.sound = False

    def take(self, items: Sequence[Item]) -> list[Item]:
        """Return what of *items* is to be delivered now; the caller reads the history where :attr:`sound` is false."""
        if not self.sound:
            self._hold(items)
            return []
        ready: list[Item] = []
        for index, item in enumerate(items):
            if type(item) is Publication:
                if item.offset == self.offset + 1 and item.epoch == self.epoch:
                    self.offset, self.tag = item.offset, item.tag
                    if self._repaired:
                        self._repaired.clear()
                else:
                    fit = self._compare(item)
                    if fit is _Fit.MISSING:
                        self._hold(items[index:])
                        break
                    if fit is _Fit.REPEATED:
                        continue
            ready.append(item)
        return ready

    def answer(
        self, anchor: Position, publications: Sequence[Publication], top: Position
    ) -> tuple[Verdict, list[Item]]:
        """Take what was read of the history; return what it told, and what is to be delivered now, in order.

        After another verdict than ``JOINS_UP`` it does not join up with what was delivered before.  After
        ``ROLLED_BACK`` nothing passes until the caller has begun a new epoch and calls :meth:`restart`.

        :param anchor: :attr:`position` when reading began.
        :param publications: read from one before the *anchor* on, oldest first.
        :param top: where the history ended.
        """
        if not self.epoch:
            self._start(self._first_held(top))
            return Verdict.JOINS_UP, self._released()
        verdict = self._judge(anchor, publications, top)
        if verdict is Verdict.ROLLED_BACK:
            self.suspend()
            return verdict, []
        if verdict is Verdict.NEW_EPOCH or (verdict is Verdict.HOLE and not self._lenient):
            return verdict, self.restart(top, publications)
        return Verdict.JOINS_UP, self._advance(publications, top)

    def restart(self, top: Position, publications: Sequence[Publication] = ()) -> list[Item]:
        """Go on from *top*, whatever was before; return what of the held items follows it.

        :param publications: what is known of the history before *top*; it may still come live, and is left out then.
        """
        self._start(top)
        self._remember(publications)
        return self._released()

    def _start(self, position: Position) -> None:
        self.offset, self.epoch, self.tag = position.offset, position.epoch, position.tag

    def _first_held(self, top: Position) -> Position:
        """Return where to begin: before what came first since somebody listens."""
        for item in self._held:
            if isinstance(item, Publication) and item.epoch == top.epoch and 0 < item.offset <= top.offset:
                return Position(item.offset - 1, item.epoch)
        return top

    def _judge(self, anchor: Position, publications: Sequence[Publication], top: Position) -> Verdict:
        verdict = judge(anchor, publications, top)
        if verdict is Verdict.HOLE and self.offset > anchor.offset:
            # What was trimmed while it was read has come live.
            return Verdict.JOINS_UP if top.offset <= self.offset else judge(self.position, publications, top)
        return verdict

    def _advance(self, publications: Sequence[Publication], top: Position) -> list[Item]:
        missing = [each for each in publications if each.offset > self.offset]
        if missing:
            self._counts.repaired += len(missing)
            self._start(missing[-1].position)
            self._remember(missing)
        if top.offset > self.offset:  # a lenient one, whose history is gone
            self._start(top)
        return [*missing, *self._released()]

    def _remember(self, publications: Sequence[Publication]) -> None:
        self._repaired = {each.offset: each.tag for each in publications[-HELD_ITEMS:]}

    def _released(self) -> list[Item]:
        """Let pass what was held; return it up to where something is missing again."""
        held, overflowed, foreign = self._held, self._overflowed, self._foreign
        self._held, self._characters, self._overflowed, self._foreign = [], 0, False, ""
        self.sound = True
        ready = self.take([item for item in held if not self._is_past(item, foreign)])
        if overflowed:
            self.suspend()
        return ready

    def _is_past(self, item: Item, foreign: str) -> bool:
        """Return whether *item* has a position that the history, just read, has gone beyond."""
        if not isinstance(item, Publication) or not item.offset:
            return False
        past = item.offset <= self.offset if item.epoch == self.epoch else item.epoch == foreign
        self._counts.duplicates += past
        return past

    def _compare(self, item: Publication) -> _Fit:
        """Return what *item* is, which is not the next one; hold what comes where something is wrong."""
        if not item.offset:
            self._counts.plain += 1
            return _Fit.PASSES
        if item.epoch != self.epoch:
            self._foreign = item.epoch
        elif item.offset <= self.offset:
            known = self.tag if item.offset == self.offset else self._repaired.get(item.offset)
            if known == item.tag:
                self._counts.duplicates += 1
                return _Fit.REPEATED
        self._counts.gaps += 1
        self.suspend()
        return _Fit.MISSING

    def _hold(self, items: Sequence[Item]) -> None:
        for item in items:
            positioned = isinstance(item, Publication) and item.offset > 0
            if self._has_room(item) and not (positioned and self._overflowed):
                self._held.append(item)
            elif positioned:
                self._overflowed = True  # this one and the rest are read again
            else:
                self._counts.lost += 1

    def _has_room(self, item: Item) -> bool:
        self._characters += len(item.data) if isinstance(item, Publication) else 0
        return len(self._held) < HELD_ITEMS and self._characters <= HELD_CHARACTERS
