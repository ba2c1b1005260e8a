# -*- test-case-name: tests.clients.test_catching -*-
"""Where subscriptions begin: what is given of history and of what was caught."""

from __future__ import annotations

from itertools import product
from unittest import TestCase

from sockjsd.brokers.values import History
from sockjsd.channels.publications import ClientInfo, Item, Joined, Position, Publication
from sockjsd.clients.catching import Settlement, delivered_up_to, settle_cache, settle_stream


def numbered(*offsets: int, epoch: str = "e") -> list[Item]:
    """Return publications with these offsets."""
    return [Publication(str(offset), offset, epoch) for offset in offsets]


def history(*offsets: int, top: int = 0, epoch: str = "e") -> History:
    """Return a part of a history with these offsets."""
    kept = [each for each in numbered(*offsets, epoch=epoch) if isinstance(each, Publication)]
    return History(kept, Position(top or max(offsets, default=0), epoch))


NOISE: list[Item] = [Publication("plain"), Joined(ClientInfo("42", "id-1")), Publication("old", 3, "another")]


class StreamTests(TestCase):
    """All or nothing."""

    def offsets(self, settlement: Settlement) -> list[int] | None:
        """Return what is given, ``None`` where the client is told that it cannot be."""
        found = [each.offset for each in settlement.publications]
        self.assertTrue(settlement.recovered or not found)
        return found if settlement.recovered else None

    def settled(
        self, since: int, read: History, caught: list[Item], position: int, epoch: str = "e"
    ) -> list[int] | None:
        """Return the offsets that are given."""
        place = Position(position, epoch)
        settlement = settle_stream(Position(since, "e"), read, caught, place)
        self.assertEqual(settlement.position, place)
        return self.offsets(settlement)

    def test_client_gets_what_it_missed_when_all_is_known(self) -> None:
        """From the history, from what was caught, and from both."""
        self.assertEqual(self.settled(5, history(6, 7), [], 7), [6, 7])
        self.assertEqual(self.settled(5, history(top=5), numbered(6, 7), 7), [6, 7])
        self.assertEqual(self.settled(5, history(6, 7), numbered(7, 8), 8), [6, 7, 8])
        self.assertEqual(self.settled(0, history(1), NOISE, 1), [1])

    def test_client_gets_nothing_when_it_missed_nothing(self) -> None:
        """That is success too."""
        self.assertEqual(self.settled(5, history(top=5), NOISE, 5), [])
        self.assertEqual(self.settled(0, history(), [], 0), [])

    def test_client_gets_the_rest_later_when_history_is_ahead(self) -> None:
        """What this node has not delivered yet comes with everybody's."""
        self.assertEqual(self.settled(5, history(6, 7, 8), [], 7), [6, 7])

    def test_client_is_told_when_something_is_missing(self) -> None:
        """At the beginning, in the middle, at the end."""
        self.assertIsNone(self.settled(5, history(7, 8), [], 8))
        self.assertIsNone(self.settled(5, history(6, 8), [], 8))
        self.assertIsNone(self.settled(5, history(6, 7, top=9), [], 9))
        self.assertIsNone(self.settled(5, history(6), numbered(8), 8))
        self.assertIsNone(self.settled(0, history(), [], 10**15))

    def test_client_is_told_when_it_was_in_another_history(self) -> None:
        """Another epoch, or a place that this one has not reached."""
        self.assertIsNone(self.settled(5, history(6, epoch="f"), [], 6, "f"))
        self.assertIsNone(self.settled(5, history(6), [], 6, "f"))
        self.assertIsNone(self.settled(9, history(top=5), [], 5))
        self.assertIsNone(self.settled(5, history(6, epoch="f"), [], 6))

    def test_client_never_gets_a_hole(self) -> None:
        """Whatever of six publications is known, what is given joins up."""
        for bits, since, position in product(range(64), range(7), range(7)):
            read = history(*[offset for offset in range(1, 7) if bits & (1 << offset - 1)], top=6)
            given = self.settled(since, read, [], position)
            known = {each.offset for each in read.publications}
            wanted = list(range(since + 1, position + 1))
            self.assertEqual(given, wanted if since <= position and known.issuperset(wanted) else None)


class CacheTests(TestCase):
    """Only the latest counts."""

    def settled(self, since: Position, read: History, caught: list[Item], position: int) -> tuple[list[int], bool]:
        """Return the offsets that are given, and whether the client has the latest then."""
        settlement = settle_cache(since, read, caught, Position(position, "e"))
        return [each.offset for each in settlement.publications], settlement.recovered

    def test_client_gets_the_latest_when_it_has_another(self) -> None:
        """Of whatever history; from the history, or what was caught."""
        for since in (Position(), Position(3, "e"), Position(7, "other"), Position(99, "e")):
            self.assertEqual(self.settled(since, history(7), NOISE, 7), ([7], True))
            self.assertEqual(self.settled(since, history(6), numbered(7), 7), ([7], True))

    def test_client_gets_nothing_when_it_has_the_latest(self) -> None:
        """It is up to date."""
        self.assertEqual(self.settled(Position(7, "e"), history(7), [], 7), ([], True))

    def test_client_is_told_when_there_is_none(self) -> None:
        """The history is empty, or has only what this node has not delivered yet."""
        self.assertEqual(self.settled(Position(3, "x"), history(top=7), [], 7), ([], False))
        self.assertEqual(self.settled(Position(3, "e"), history(8), [], 7), ([], False))


class PlaceTests(TestCase):
    """The place after something."""

    def test_place_is_after_the_last_publication(self) -> None:
        """What has no number does not move it; another epoch does."""
        top = Position(5, "e")
        self.assertEqual(delivered_up_to(top, NOISE[:2]), top)
        self.assertEqual(delivered_up_to(top, numbered(4, 5)), top)
        self.assertEqual(delivered_up_to(top, numbered(5, 6, 7)), Position(7, "e"))
        self.assertEqual(delivered_up_to(top, numbered(6) + numbered(1, epoch="f")), Position(1, "f"))
