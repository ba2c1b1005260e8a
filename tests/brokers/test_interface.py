# -*- test-case-name: tests.brokers.test_interface -*-
"""Tests for sockjsd.brokers.interface."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.interface import Archive, Attendance, Broker, BrokerStatus, Carrier, Control, discard
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.publications import Publication


class InterfaceTests(SynchronousTestCase):
    """The seam between a broker and the rest."""

    def test_interface_stays_narrow(self) -> None:
        """Each part of a broker is at most seven methods and properties, beside its listeners."""
        table: dict[type, str] = {
            Broker: "malformed service status",
            Carrier: "announce publish subscribe subscribed unsubscribe",
            Archive: "history remove_history renew",
            Attendance: "add_presence presence presence_stats remove_presence",
            Control: "channels node send",
        }
        for part, names in table.items():
            members = [name for name in vars(part) if not name.startswith("_")]
            self.assertEqual(sorted(members), names.split())

    def test_broker_without_a_listener_discards(self) -> None:
        """A publication before the hub is attached goes nowhere, and quietly."""
        broker: Broker = MemoryBroker()
        broker.subscribe("news")
        self.assertEqual(self.successResultOf(broker.publish("news", Publication("1"))).receivers, 1)
        self.assertIsNone(discard({"news": [Publication("1")]}))
        self.assertIsNone(discard())

    def test_status_cannot_be_changed(self) -> None:
        """A status is a value."""
        status = BrokerStatus("memory", True, "")
        self.assertRaises(AttributeError, setattr, status, "connected", False)
