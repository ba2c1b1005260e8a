# -*- test-case-name: tests.brokers.test_memory -*-
"""Tests for sockjsd.brokers.memory."""

from __future__ import annotations

from random import Random

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from sockjsd.brokers.interface import BrokerStatus
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.brokers.values import Keeping
from sockjsd.channels.publications import ClientInfo, Item, Publication, Run
from sockjsd.errors import StateError
from tests.brokers.contract import CarrierContract, HistoryContract, OnceContract, PresenceContract, TogetherContract


def _bare(run: dict[str, list[str]]) -> Run:
    """A run of bare publications."""
    return {channel: [Publication(text) for text in texts] for channel, texts in run.items()}


class MemoryBrokerTests(SynchronousTestCase):
    """Publishing inside one process."""

    def setUp(self) -> None:
        """Build a broker whose runs are kept."""
        self.runs: list[Run] = []
        self.broker = MemoryBroker(self.runs.append)

    def publish(self, channel: str, payload: str) -> int:
        """Publish and return how many nodes got it."""
        return self.successResultOf(self.broker.publish(channel, Publication(payload))).receivers

    def assert_runs(self, *expected: dict[str, list[str]]) -> None:
        """Exactly these bare publications were delivered."""
        self.assertEqual(self.runs, [_bare(run) for run in expected])

    def test_publish_delivers_at_once_when_subscribed(self) -> None:
        """The listener has the publication before publish returns."""
        self.broker.subscribe("news")
        self.assertEqual(self.publish("news", "1"), 1)
        self.assert_runs({"news": ["1"]})

    def test_publish_reaches_nobody_when_not_subscribed(self) -> None:
        """What nobody wants is not delivered, and the publisher is told."""
        self.broker.subscribe("sport")
        self.broker.subscribe("news")
        self.broker.unsubscribe("news")
        self.broker.unsubscribe("never")
        self.assertEqual(self.publish("news", "1"), 0)
        self.assert_runs()

    def test_publish_waits_when_made_during_a_delivery(self) -> None:
        """An answer to a publication comes after it for everybody, together with other answers."""
        order: list[Run] = []

        def answer(run: Run) -> None:
            if run == _bare({"ask": ["?"]}):
                self.publish("answer", "1")
                self.publish("ask", "2")
                self.publish("answer", "3")
            order.append(run)

        self.broker.on_run = answer
        self.broker.subscribe("ask")
        self.broker.subscribe("answer")
        self.publish("ask", "?")
        self.assertEqual(order, [_bare({"ask": ["?"]}), _bare({"answer": ["1", "3"], "ask": ["2"]})])

    def test_broker_goes_on_when_its_listener_raised(self) -> None:
        """A bug in the listener shows at the publisher and does not stop the broker."""

        def fail(run: Run) -> None:
            raise ZeroDivisionError

        self.broker.subscribe("news")
        self.broker.on_run = fail
        self.assertRaises(ZeroDivisionError, self.broker.publish, "news", Publication("1"))
        self.broker.on_run = self.runs.append
        self.publish("news", "2")
        self.assert_runs({"news": ["2"]})

    def test_payload_is_mended_and_counted_when_it_is_no_unicode(self) -> None:
        """Half a character arrives as U+FFFD, as it would through Redis."""
        self.broker.subscribe("news")
        self.publish("news", "a\ud800")
        self.publish("news", "fine é")
        self.assert_runs({"news": ["a\ufffd"]}, {"news": ["fine é"]})
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

    def test_all_of_a_publication_is_mended(self) -> None:
        """What is known of the client and the tags are as after a way through Redis, and the data is counted."""
        broken = Publication("a\ud800", info=ClientInfo("\ud800", "c"), tags={"t": "\ud800"})
        self.broker.subscribe("news")
        self.broker.publish("news", broken)
        mended = Publication("a\ufffd", info=ClientInfo("\ufffd", "c"), tags={"t": "\ufffd"})
        self.assertEqual((self.runs, self.broker.malformed), ([{"news": [mended]}], 1))

    def test_subscribed_fails_when_nobody_wants_the_channel(self) -> None:
        """Whoever waits for it would wait for ever."""
        self.failureResultOf(self.broker.subscribed("news"), StateError)

    def test_control_message_reaches_this_node(self) -> None:
        """The one to all and the one to it; none for others."""
        heard: list[bytes] = []
        self.broker.on_control = heard.append
        sent = [self.broker.send(b"1"), self.broker.send(b"2", self.broker.node), self.broker.send(b"3", "other")]
        self.assertEqual([self.successResultOf(each) for each in sent], [1, 1, 0])
        self.assertEqual(heard, [b"1", b"2"])
        self.assertNotEqual(self.broker.node, MemoryBroker().node)

    def test_control_message_before_a_listener_is_discarded(self) -> None:
        """Nothing is raised before the parts are joined."""
        self.assertEqual(self.successResultOf(self.broker.send(b"1")), 1)


class ContractTests(HistoryContract, OnceContract, TogetherContract, PresenceContract, CarrierContract, TestCase):
    """What every broker does."""

    def setUp(self) -> None:
        """Build a broker on a clock that is moved by hand."""
        self.clock = Clock()
        self.runs = []
        self.broker = MemoryBroker(self.runs.append, self.clock.seconds, Random(1))

    def pass_time(self, seconds: float) -> Deferred[None]:
        """Move the clock."""
        self.clock.advance(seconds)
        return succeed(None)

    def arrived(self, channel: str, count: int) -> Deferred[list[Item]]:
        """All is there at once."""
        return succeed(self.items(channel))

    def test_memory_is_bounded(self) -> None:
        """A channel that was used once is forgotten after its time, when others are used."""
        for number in range(1000):
            self.broker.publish(f"c{number}", Publication("1"), Keeping(9, 10, 20))
        self.clock.advance(20)
        self.broker.publish("new", Publication("1"), Keeping(9, 10, 20))
        archive = self.broker._archive
        self.assertEqual((len(archive._metas), len(archive._streams)), (1, 1))
