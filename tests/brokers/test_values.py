# -*- test-case-name: tests.brokers.test_values -*-
"""Tests for sockjsd.brokers.values."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import META_TTL, History, Keeping, Once, Published, keeping_for
from sockjsd.channels.publications import Position
from sockjsd.config import Namespace
from sockjsd.errors import StateError


class ValuesTests(SynchronousTestCase):
    """What is said to a broker."""

    def test_impossible_values_are_refused(self) -> None:
        """They are checked when they are made, so that no script of Redis has to."""
        self.assertRaises(StateError, Keeping, -1, 1.0)
        self.assertRaises(StateError, Keeping, 1, 0.0)
        self.assertRaises(StateError, Keeping, 1, 1.0, 0.0)
        self.assertRaises(StateError, Once, "k", 0.0)
        self.assertRaises(StateError, Once, version=-1)
        self.assertRaises(StateError, Once, version=2**53)

    def test_usual_values_need_not_be_said(self) -> None:
        """Defaults are those of the configuration."""
        self.assertEqual(Keeping(1, 1.0), Keeping(1, 1.0, META_TTL))
        self.assertEqual(Once(), Once("", 300.0, 0, ""))
        self.assertEqual(Published(1, Position()), Published(1, Position(), False))

    def test_keeping_follows_from_the_rules_of_a_channel(self) -> None:
        """It keeps a history, or only numbers, or neither."""
        self.assertEqual(keeping_for(Namespace(history_size=5, history_ttl=9.0), 60.0), Keeping(5, 9.0, 60.0))
        self.assertEqual(keeping_for(Namespace(numbered=True), 60.0), Keeping(0, 0.0, 60.0))
        self.assertIsNone(keeping_for(Namespace(), 60.0))
        self.assertIsNone(keeping_for(None, 60.0))

    def test_values_cannot_be_changed(self) -> None:
        """They are shared."""
        for value, name in ((Keeping(1, 1.0), "size"), (Once(), "key"), (History([], Position()), "position")):
            self.assertRaises(AttributeError, setattr, value, name, 1)
