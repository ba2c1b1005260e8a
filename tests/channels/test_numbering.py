# -*- test-case-name: tests.channels.test_numbering -*-
"""Tests for sockjsd.channels.numbering: published is what came and what was counted as missed."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import given
from hypothesis import strategies as st

from sockjsd.channels.numbering import Numbering
from sockjsd.channels.publications import ClientInfo, Joined, Position, Publication


def pubs(*offsets: int, epoch: str = "aaaa") -> list[Publication]:
    """The publications with these numbers."""
    return [Publication(str(offset), offset, epoch) for offset in offsets]


class NumberingTests(TestCase):
    """One channel."""

    def setUp(self) -> None:
        """Begin."""
        self.numbering = Numbering()

    def test_nothing_is_missed_when_it_begins(self) -> None:
        """What was before is nothing that anybody here would have got; it may even come late."""
        self.assertEqual(self.numbering.take(pubs(5, 6)), 0)
        other = Numbering()
        self.assertEqual(other.reach(Position(5, "aaaa")), 0)
        self.assertEqual(other.take(pubs(5, 6)), 0)

    def test_next_number_tells_what_was_missed(self) -> None:
        """However many that were."""
        self.assertEqual(self.numbering.take(pubs(1, 2, 5, 6, 9)), 4)

    def test_last_number_tells_what_was_missed(self) -> None:
        """Although nothing comes any more; asking again changes nothing."""
        self.numbering.take(pubs(1))
        self.assertEqual(self.numbering.reach(Position(4, "aaaa")), 3)
        self.assertEqual(self.numbering.reach(Position(4, "aaaa")), 0)
        self.assertEqual(self.numbering.take(pubs(5)), 0)

    def test_late_ones_are_taken_back(self) -> None:
        """They were on the way when the last number was asked for; those before them were not."""
        self.numbering.take(pubs(1))
        self.assertEqual(self.numbering.reach(Position(5, "aaaa")), 4)
        self.assertEqual(self.numbering.take(pubs(4)), -1)
        self.assertEqual(self.numbering.take(pubs(5, 6)), -1)

    def test_answer_from_before_tells_nothing(self) -> None:
        """What came meanwhile is further."""
        self.numbering.take(pubs(1, 2, 3))
        self.assertEqual(self.numbering.reach(Position(2, "aaaa")), 0)

    def test_new_epoch_tells_what_was_missed_of_it(self) -> None:
        """What of the old one was published last, nobody knows any more."""
        self.numbering.take(pubs(1, 2))
        self.assertEqual(self.numbering.take(pubs(3, epoch="bbbb")), 2)
        self.assertEqual(self.numbering.reach(Position(2, "cccc")), 2)
        self.assertEqual(self.numbering.take(pubs(1, 2, 3, epoch="cccc")), -2)

    def test_what_has_no_number_is_not_counted(self) -> None:
        """A plain PUBLISH, and who joined."""
        self.numbering.take(pubs(1))
        self.assertEqual(self.numbering.take([Publication("plain"), Joined(ClientInfo("", "c")), *pubs(2)]), 0)

    @given(st.lists(st.sampled_from(["live", "lost", "late", "ask"]), max_size=60))
    def test_published_is_what_came_and_what_was_missed(self, steps: list[str]) -> None:
        """*late* ones come with the next live one, after the last number may have been asked for."""
        numbering, came, missed, published = Numbering(), 0, 0, 0
        numbering.reach(Position(0, "aaaa"))
        late: list[Publication] = []
        for step in [*steps, "live", "ask"]:
            if step == "ask":
                missed += numbering.reach(Position(published, "aaaa"))
                continue
            published += 1
            late += pubs(published) if step != "lost" else []
            if step == "live":
                missed += numbering.take(late)
                came += len(late)
                late = []
        self.assertEqual(came + missed, published)
