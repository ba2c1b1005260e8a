# -*- test-case-name: tests.channels.test_recovery -*-
"""Tests for sockjsd.channels.recovery."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.publications import ClientInfo, Joined, Position, Publication
from sockjsd.channels.recovery import Shelf


def pubs(*offsets: int) -> list[Publication]:
    """The publications with these offsets."""
    return [Publication(str(offset), offset, "aaaa") for offset in offsets]


class ShelfTests(TestCase):
    """What was read a moment ago."""

    def shelf(self, floor: int, *offsets: int, top: int = 0, size: int = 100) -> Shelf:
        """Return what a read after *floor* brought."""
        return Shelf(floor, pubs(*offsets), Position(top or max(offsets), "aaaa"), size)

    def test_shelf_answers_as_the_history_would(self) -> None:
        """All after an offset, whichever was read."""
        shelf = self.shelf(4, 5, 6, 7)
        for offset, expected in ((4, (5, 6, 7)), (5, (6, 7)), (7, ()), (9, ())):
            with self.subTest(offset=offset):
                self.assertEqual(shelf.after(offset), pubs(*expected))

    def test_shelf_answers_what_is_left_when_the_oldest_were_trimmed(self) -> None:
        """It has everything after its floor that the history had."""
        self.assertEqual(self.shelf(2, 5, 6).after(3), pubs(5, 6))

    def test_what_comes_is_added_once(self) -> None:
        """Live ones that were read already are not there twice; what has no position is no history."""
        shelf = self.shelf(4, 5, 6)
        shelf.extend([Publication("plain"), Joined(ClientInfo("", "c")), *pubs(5, 6, 7)])
        shelf.extend(pubs(7, 8))
        self.assertEqual(shelf.after(4), pubs(5, 6, 7, 8))

    def test_what_comes_of_another_history_is_left_out(self) -> None:
        """Its offsets say nothing here."""
        shelf = self.shelf(4, 5, 6)
        shelf.extend([Publication("old", 107, "bbbb"), *pubs(7)])
        self.assertEqual(shelf.after(4), pubs(5, 6, 7))

    def test_expired_ones_do_not_come_back(self) -> None:
        """A history that has expired has a top without publications."""
        shelf = Shelf(4, [], Position(6, "aaaa"), 100)
        shelf.extend(pubs(6, 7))
        self.assertEqual(shelf.after(4), pubs(7))

    def test_latest_is_the_newest(self) -> None:
        """Of those that were read and those that came."""
        shelf = self.shelf(4, 5)
        self.assertEqual(shelf.latest, pubs(5)[0])
        shelf.extend(pubs(6))
        self.assertEqual(shelf.latest, pubs(6)[0])
        self.assertIsNone(Shelf(0, [], Position(0, "aaaa"), 100).latest)

    def test_shelf_is_bounded(self) -> None:
        """The oldest go when there are twice as many as the history keeps; the floor tells it."""
        shelf = self.shelf(0, 1, 2, 3, size=3)
        shelf.extend(pubs(4, 5, 6))
        self.assertEqual((shelf.floor, shelf.after(0)), (0, pubs(1, 2, 3, 4, 5, 6)))
        shelf.extend(pubs(7))
        self.assertEqual((shelf.floor, shelf.after(4)), (4, pubs(5, 6, 7)))
