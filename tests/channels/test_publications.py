# -*- test-case-name: tests.channels.test_publications -*-
"""Tests for sockjsd.channels.publications."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from unittest import TestCase

from sockjsd.channels.publications import ClientInfo, Joined, Left, Position, Publication


class PublicationsTests(TestCase):
    """Values that a thousand subscribers share."""

    def test_publication_has_no_position_when_it_was_plain(self) -> None:
        """What came by a plain PUBLISH is outside of any history."""
        self.assertEqual(Publication("{}").position, Position())

    def test_publication_tells_its_position(self) -> None:
        """Offset, epoch and tag in one value, which can be compared with others."""
        publication = Publication("{}", 7, "abcd", "00ff00ff")
        self.assertEqual(publication.position, Position(7, "abcd", "00ff00ff"))
        self.assertNotEqual(publication.position, Position(7, "abcd", "00ff00fe"))

    def test_values_cannot_be_changed(self) -> None:
        """One subscriber cannot change what the next one gets."""
        info = ClientInfo("42", "c1")
        for value, name in ((info, "user"), (Position(), "offset"), (Publication("1"), "data"), (Joined(info), "info")):
            with self.subTest(value=value), self.assertRaises(FrozenInstanceError):
                setattr(value, name, "other")

    def test_joined_is_not_left(self) -> None:
        """Who came is told apart from who went."""
        info = ClientInfo("42", "c1", '{"name":"Ann"}')
        self.assertNotEqual(Joined(info), Left(info))
