# -*- test-case-name: tests.brokers.test_memory_archive -*-
"""Tests for sockjsd.brokers._memory_archive, beside the contract of all brokers in tests.brokers.test_memory."""

from __future__ import annotations

from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._memory_archive import MemoryArchive, make_digits
from sockjsd.brokers.values import Keeping, Once
from sockjsd.channels.publications import Position, Publication

KEEP = Keeping(3, 10.0, 30.0)


class ArchiveTests(SynchronousTestCase):
    """Histories on a clock that is moved by hand."""

    def setUp(self) -> None:
        """Make an empty one."""
        self.clock = Clock()
        self.archive = MemoryArchive(self.clock.seconds, Random(1))

    def add(self, text: str, keeping: Keeping | None = KEEP, once: Once | None = None) -> Position:
        """Publish and return the position."""
        return self.archive.add("a", Publication(text), keeping, once or Once())[1]

    def kept(self, since: Position | None = None, limit: int = -1, reverse: bool = False) -> str:
        """The data that is kept, in a row."""
        history = self.archive.history("a", since, limit, reverse, 30.0)
        return "".join(publication.data for publication in history.publications)

    def test_digits_are_always_eight(self) -> None:
        """Leading zeros stay."""
        self.assertEqual({len(make_digits(Random(seed))) for seed in range(500)}, {8})

    def test_publication_without_position_is_not_copied(self) -> None:
        """The common case costs nothing; a position that somebody made up goes."""
        publication = Publication("1")
        self.assertIs(self.archive.add("a", publication, None, Once())[0], publication)
        made_up = Publication("1", 7, "Ab3d", "00000001", tags={"a": "b"})
        self.assertEqual(self.archive.add("a", made_up, None, Once())[0], Publication("1", tags={"a": "b"}))

    def test_repetition_is_none(self) -> None:
        """Nothing is there to deliver; the first position comes back."""
        first = self.add("1", once=Once("k"))
        self.assertEqual(self.archive.add("a", Publication("1"), KEEP, Once("k")), (None, first))
        self.assertEqual(self.kept(), "1")

    def test_stale_version_is_none(self) -> None:
        """The channel's last position comes back."""
        last = self.add("1", once=Once(version=2, version_epoch="e"))
        for version, epoch in ((2, "e"), (1, ""), (2, "")):
            once = Once(version=version, version_epoch=epoch)
            self.assertEqual(self.archive.add("a", Publication("2"), KEEP, once), (None, last))
        self.assertEqual(self.add("3", once=Once(version=1, version_epoch="other")).offset, 2)

    def test_part_is_found_by_offset(self) -> None:
        """Also where the beginning is gone."""
        for text in "12345":
            self.add(text)
        table = [(None, "345"), (0, "345"), (2, "345"), (3, "45"), (5, ""), (9, "")]
        for offset, expected in table:
            self.assertEqual(self.kept(None if offset is None else Position(offset)), expected)
        self.assertEqual((self.kept(reverse=True), self.kept(Position(5), 1, reverse=True)), ("543", "4"))
        self.assertEqual((self.kept(limit=0), self.kept(limit=2)), ("", "34"))

    def test_any_number_may_be_asked_for(self) -> None:
        """Clients choose them, and 64 bits without a sign are more than a slice takes."""
        for text in "12":
            self.add(text)
        self.assertEqual(self.kept(Position(2**64 - 1)), "")
        self.assertEqual(self.kept(Position(2**64 - 1), reverse=True), "21")
        self.assertEqual(self.kept(limit=2**64 - 1), "12")

    def test_history_ends_before_its_position(self) -> None:
        """Both by the clock, and each use of the position renews it."""
        first = self.add("1")
        self.clock.advance(10)
        self.assertEqual(self.kept(), "")
        self.clock.advance(29)
        second = self.add("2")
        self.assertEqual((second.offset, second.epoch), (2, first.epoch))
        self.clock.advance(30)
        third = self.add("3")
        self.assertEqual((third.offset, third.epoch == first.epoch), (1, False))

    def test_position_that_is_forgotten_takes_the_history_with_it(self) -> None:
        """Else offsets would begin anew beside what is left."""
        self.archive.add("a", Publication("1"), Keeping(3, 100.0, 5.0), Once())
        self.clock.advance(5)
        self.assertEqual(self.kept(), "")

    def test_renew_needs_the_epoch_that_holds(self) -> None:
        """Otherwise it only tells which one that is."""
        position = self.add("1")
        self.assertEqual(self.archive.renew("a", "other", 30.0), position)
        self.assertEqual(self.kept(), "1")
        renewed = self.archive.renew("a", position.epoch, 30.0)
        self.assertEqual((renewed.offset, renewed.tag, self.kept()), (0, "", ""))

    def test_removal_keeps_the_position(self) -> None:
        """The next offset is the next one."""
        self.add("1")
        self.archive.remove("a")
        self.assertEqual((self.kept(), self.add("2").offset, self.kept()), ("", 2, "2"))
