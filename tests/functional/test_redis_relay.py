# -*- test-case-name: tests.functional.test_redis_relay -*-
"""The relay on a real Redis that dies, and comes back whole, empty, older, or as a replica that lagged.

A subscriber stays where it is throughout.  It gets every acknowledged publication once and in order,
or it is told that something is missing, never neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from sockjsd.brokers.redis import RedisBroker
from sockjsd.brokers.values import Once
from sockjsd.channels.forms import Items
from sockjsd.channels.hub import Hub
from sockjsd.channels.publications import Publication
from sockjsd.config import Namespace
from sockjsd.errors import BrokerUnavailable
from sockjsd.relay import Relay
from tests.functional.redis_case import RedisCase, Steps
from tests.functional.redis_sentinel import SentinelSetup, sentinel_is_installed

RULES = Namespace(history_size=1000, history_ttl=600.0, recovery="stream")
#: What a subscriber notes when it is told that something is missing.
RESET = "reset"
#: Seconds between two turns of the relay: one in the daemon, where there is more time.
TURN = 0.1


class Listener:
    """A client, and whoever looks after it."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def deliver(self, batch: Items) -> None:
        """Note what comes."""
        self.heard.extend(item.data for item in batch if isinstance(item, Publication))

    def on_reset(self, channel: str) -> None:
        """Note that something is missing."""
        self.heard.append(RESET)


class RelayCase(RedisCase):
    """A broker with its relay, hub and one listener; another broker that publishes."""

    appendonly = True

    def build(self, url: str | None = None) -> tuple[RedisBroker, Relay, Listener]:
        """Start one node."""
        broker = self.start(url)
        hub: Hub
        relay = Relay(broker, lambda channel: RULES, Random(), lambda run: hub.delivered(run))
        hub = relay.hub = Hub(relay, self.fail)
        broker.on_run, broker.on_lost, broker.on_back = relay.delivered, relay.lost, relay.back
        listener = Listener()
        hub.subscribe("a", listener, Items, owner=listener)
        turns = LoopingCall(relay.tick)
        turns.start(TURN)
        self.addCleanup(turns.stop)
        return broker, relay, listener

    @inlineCallbacks
    def listen(self, url: str | None = None) -> Steps:
        """Start the node that listens and the one that publishes."""
        self.broker, self.relay, self.listener = self.build(url)
        self.other = self.start(url)
        yield self.until(lambda: self.broker.status.connected and self.other.status.connected)
        yield self.until(lambda: self.relay.position("a") is not None)

    @inlineCallbacks
    def publish(self, texts: Iterable[object]) -> Steps:
        """Publish each until that is acknowledged."""
        for text in texts:
            yield self.insist(str(text))

    @inlineCallbacks
    def insist(self, text: str) -> Steps:
        """Publish *text* until that is acknowledged."""
        publisher = Relay(self.other, lambda channel: RULES, Random(), lambda run: None)
        while True:
            try:
                yield publisher.publish("a", Publication(text), Once(text))
                return
            except BrokerUnavailable:
                yield self.pass_time(0.01)

    def hears(self, *texts: object) -> Deferred[Any]:
        """Wait until the listener has heard exactly this, in this order."""
        expected = [str(text) for text in texts]
        return self.until(lambda: self.listener.heard == expected).addErrback(self.tell_heard)

    def tell_heard(self, failure: Any) -> None:
        """Fail, and say what was heard instead."""
        self.fail(f"heard {self.listener.heard}, {self.relay.counts}")


class RestartTests(RelayCase):
    """One Redis."""

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start Redis and both nodes, and hear the first two."""
        super().setUp()
        yield self.listen()
        yield self.publish([0, 1])
        yield self.hears(0, 1)

    @inlineCallbacks
    def test_nothing_is_missing_after_kills(self) -> Steps:
        """Redis is killed five times while a publisher insists."""
        for number in range(2, 102):
            if number % 20 == 10:
                self.server.kill()
                started = deferToThread(self.server.start)
                yield self.insist(str(number))
                yield started
            else:
                yield self.insist(str(number))
        yield self.hears(*range(102))

    @inlineCallbacks
    def test_gap_is_filled_when_only_the_listening_connection_was_cut(self) -> Steps:
        """What was published meanwhile comes first, then what came after it."""
        publishing = self.publish(range(2, 200))
        for _ in range(5):
            yield deferToThread(self.server.ask, "CLIENT", "KILL", "TYPE", "pubsub")
            yield self.pass_time(0.02)
        yield publishing
        yield self.hears(*range(200))

    @inlineCallbacks
    def test_wiped_redis_is_told(self) -> Steps:
        """The epoch is another one."""
        self.server.kill()
        self.server.wipe()
        yield deferToThread(self.server.start)
        yield self.until(lambda: RESET in self.listener.heard)
        yield self.publish([2, 3])
        yield self.hears(0, 1, RESET, 2, 3)

    @inlineCallbacks
    def test_older_redis_is_told_once(self) -> Steps:
        """What was delivered is not there any more, although the epoch is the same."""
        yield deferToThread(self.server.copy_data, "older")
        yield self.publish([2, 3])
        yield self.hears(0, 1, 2, 3)
        self.server.kill()
        self.server.bring_back("older")
        yield deferToThread(self.server.start)
        yield self.until(lambda: RESET in self.listener.heard)
        yield self.publish([4, 5])
        yield self.hears(0, 1, 2, 3, RESET, 4, 5)

    @inlineCallbacks
    def test_older_redis_that_grew_meanwhile_is_told(self) -> Steps:
        """Others published while this node was away: the same offsets are taken by other publications."""
        yield deferToThread(self.server.copy_data, "older")
        yield self.publish([2, 3])
        yield self.hears(0, 1, 2, 3)
        yield self.broker.stopService()
        self.server.kill()
        self.server.bring_back("older")
        yield deferToThread(self.server.start)
        yield self.publish([4, 5, 6])
        self.broker.startService()
        self.relay.lost()
        yield self.until(lambda: self.broker.status.connected)
        self.relay.back()
        yield self.until(lambda: RESET in self.listener.heard)
        yield self.publish([7])
        yield self.until(lambda: self.listener.heard[-1] == "7")
        self.assertEqual(self.listener.heard[:4], ["0", "1", "2", "3"])


class FailoverTests(RelayCase):
    """Redis behind Sentinels."""

    timeout = 120

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start all of it."""
        if not sentinel_is_installed():
            raise SkipTest("redis-server is not installed")
        self.runs = []
        self.sentinels = SentinelSetup()
        self.addCleanup(self.sentinels.close)
        yield deferToThread(self.sentinels.start)
        yield self.listen(self.sentinels.url)

    @inlineCallbacks
    def test_replica_that_kept_up_loses_nothing(self) -> Steps:
        """The subscriber does not notice."""
        yield self.publish(range(5))
        yield self.until(lambda: self.sentinels.replica.ask("XLEN", "test:stream:a") == 5)
        failover = deferToThread(self.sentinels.fail_over)
        yield self.publish(range(5, 10))
        yield failover
        yield self.hears(*range(10))

    @inlineCallbacks
    def test_replica_that_lags_is_told(self) -> Steps:
        """What it never had was delivered, and is not there for others."""
        yield self.publish(range(3))
        yield self.until(lambda: self.sentinels.replica.ask("XLEN", "test:stream:a") == 3)
        yield deferToThread(self.sentinels.cut_replica_off)
        yield self.publish([3, 4])
        yield self.hears(*range(5))
        yield deferToThread(self.sentinels.fail_over)
        yield self.until(lambda: RESET in self.listener.heard)
        yield self.publish([5, 6])
        yield self.hears(*range(5), RESET, 5, 6)
