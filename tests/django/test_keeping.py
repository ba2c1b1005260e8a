# -*- test-case-name: tests.django.test_keeping -*-
"""Tests of ``sockjsd.django.keeping``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import Keeping
from sockjsd.config import Channels, Config, Namespace
from sockjsd.django.keeping import Keepings


class KeepingsTests(SynchronousTestCase):
    """Which channels keep a history."""

    def test_namespace_says_how_long(self) -> None:
        """Size and time are the namespace's, the time of the position is the same for all."""
        kept = Namespace("chat", history_size=5, history_ttl=60.0)
        namespaces = {"": Namespace(), "chat": kept, "bare": Namespace("bare")}
        find = Keepings(Config(namespaces=namespaces, channels=Channels(meta_ttl=900.0))).find
        self.assertEqual(find("chat:1"), Keeping(5, 60.0, 900.0))
        for channel in ("news", "bare:1", "unknown:1"):
            self.assertIsNone(find(channel))
