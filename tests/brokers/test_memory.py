# -*- test-case-name: tests.brokers.test_memory -*-
"""Tests for sockjsd.brokers.memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.interface import BrokerStatus, Run
from sockjsd.brokers.memory import MemoryBroker


class MemoryBrokerTests(SynchronousTestCase):
    """Publishing inside one process."""

    def setUp(self) -> None:
        """Build a broker whose runs are kept."""
        self.runs: list[Run] = []
        self.broker = MemoryBroker(self.runs.append)

    def publish(self, channel: str, payload: str) -> int:
        """Publish and return how many nodes got it."""
        return self.successResultOf(self.broker.publish(channel, payload))

    def test_publish_delivers_at_once_when_subscribed(self) -> None:
        """The listener has the publication before publish returns."""
        self.broker.subscribe("news")
        self.assertEqual(self.publish("news", "1"), 1)
        self.assertEqual(self.runs, [{"news": ["1"]}])

    def test_publish_reaches_nobody_when_not_subscribed(self) -> None:
        """What nobody wants is not delivered, and the publisher is told."""
        self.broker.subscribe("sport")
        self.broker.subscribe("news")
        self.broker.unsubscribe("news")
        self.broker.unsubscribe("never")
        self.assertEqual(self.publish("news", "1"), 0)
        self.assertEqual(self.runs, [])

    def test_publish_waits_when_made_during_a_delivery(self) -> None:
        """An answer to a publication comes after it for everybody, together with other answers."""
        order: list[Run] = []

        def answer(run: Run) -> None:
            if run == {"ask": ["?"]}:
                self.publish("answer", "1")
                self.publish("ask", "2")
                self.publish("answer", "3")
            order.append(run)

        self.broker.on_run = answer
        self.broker.subscribe("ask")
        self.broker.subscribe("answer")
        self.publish("ask", "?")
        self.assertEqual(order, [{"ask": ["?"]}, {"answer": ["1", "3"], "ask": ["2"]}])

    def test_broker_goes_on_when_its_listener_raised(self) -> None:
        """A bug in the listener shows at the publisher and does not stop the broker."""

        def fail(run: Run) -> None:
            raise ZeroDivisionError

        self.broker.subscribe("news")
        self.broker.on_run = fail
        self.assertRaises(ZeroDivisionError, self.broker.publish, "news", "1")
        self.broker.on_run = self.runs.append
        self.publish("news", "2")
        self.assertEqual(self.runs, [{"news": ["2"]}])

    def test_payload_is_mended_and_counted_when_it_is_no_unicode(self) -> None:
        """Half a character arrives as U+FFFD, as it would through Redis."""
        self.broker.subscribe("news")
        self.publish("news", "a\ud800")
        self.publish("news", "fine é")
        self.assertEqual(self.runs, [{"news": ["a\ufffd"]}, {"news": ["fine é"]}])
        self.assertEqual(self.broker.malformed, 1)

    def test_status_is_connected(self) -> None:
        """There is nothing that could be lost."""
        self.assertEqual(self.broker.status, BrokerStatus("memory", True, "in this process only"))

    def test_service_starts_and_stops(self) -> None:
        """It takes part in the daemon's life without doing anything."""
        service = self.broker.service()
        service.startService()
        self.assertTrue(service.running)
        service.stopService()
        self.assertFalse(service.running)
