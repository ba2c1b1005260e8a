# -*- test-case-name: tests.brokers.test_interface -*-
"""Tests for sockjsd.brokers.interface."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.interface import Broker, BrokerStatus, discard, well_formed
from sockjsd.brokers.memory import MemoryBroker


class InterfaceTests(SynchronousTestCase):
    """The seam between a broker and the rest."""

    def test_interface_stays_narrow(self) -> None:
        """A broker is at most seven methods and properties, and its listener."""
        members = [name for name in vars(Broker) if not name.startswith("_")]
        self.assertEqual(sorted(members), ["malformed", "publish", "service", "status", "subscribe", "unsubscribe"])

    def test_broker_without_a_listener_discards(self) -> None:
        """A publication before the hub is attached goes nowhere, and quietly."""
        broker: Broker = MemoryBroker()
        broker.subscribe("news")
        self.assertEqual(self.successResultOf(broker.publish("news", "1")), 1)
        self.assertIsNone(discard({"news": ["1"]}))

    def test_status_cannot_be_changed(self) -> None:
        """A status is a value."""
        status = BrokerStatus("memory", True, "")
        self.assertRaises(AttributeError, setattr, status, "connected", False)


class WellFormedTests(SynchronousTestCase):
    """Text that every receiver can take."""

    def test_good_text_is_left_alone(self) -> None:
        """Nothing is copied where nothing is wrong."""
        for text in ("", "plain", "é — 日本 😀", "\x00\x7f"):
            self.assertIs(well_formed(text), text)

    def test_each_lone_surrogate_becomes_a_replacement_character(self) -> None:
        """What UTF-8 cannot say is shown as missing; a pair that was cut in two is put together."""
        table = (
            ("\ud800", "\ufffd"),
            ("a\udfffb", "a\ufffdb"),
            ("\ud83d\ude00", "😀"),
            ("\ude00\ud83d", "\ufffd\ufffd"),
            ("é\ud800😀", "é\ufffd😀"),
        )
        for broken, mended in table:
            self.assertEqual(well_formed(broken), mended)
