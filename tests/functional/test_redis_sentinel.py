# -*- test-case-name: tests.functional.test_redis_sentinel -*-
"""The Redis broker and Django's publisher behind real Sentinels, through a failover to a replica that lags."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from sockjsd.brokers.redis import RedisBroker
from sockjsd.channels.publications import Position, Publication
from sockjsd.config import Broker, Config
from sockjsd.django import publishing
from sockjsd.errors import BrokerUnavailable
from tests.brokers.contract import KEEP
from tests.functional.redis_case import RedisCase, Steps
from tests.functional.redis_sentinel import SentinelSetup, sentinel_is_installed


class SentinelTests(RedisCase):
    """One master, one replica, three Sentinels."""

    timeout = 120

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start all of it, and a broker that is connected."""
        if not sentinel_is_installed():
            raise SkipTest("redis-server is not installed")
        self.runs = []
        self.setup = SentinelSetup()
        self.addCleanup(self.setup.close)
        yield deferToThread(self.setup.start)
        self.broker: RedisBroker = self.start(self.setup.url)
        self.told: list[str] = []
        self.broker.on_lost = lambda: self.told.append("lost")
        self.broker.on_back = lambda: self.told.append("back")
        self.broker.subscribe("a")
        yield self.until(lambda: self.broker.status.connected)

    @inlineCallbacks
    def publish(self, *texts: str) -> Any:
        """Publish into the history and fire with the last position."""
        for text in texts:
            published = yield self.broker.publish("a", Publication(text), KEEP)
        return published.position

    @inlineCallbacks
    def test_broker_follows_the_master(self) -> Steps:
        """After a failover it publishes and listens at the new one, and what was lost can be found out."""
        replicated = yield self.publish("1", "2")
        yield self.until(lambda: self.setup.replica.ask("XLEN", "test:stream:a") == 2)
        yield deferToThread(self.setup.cut_replica_off)
        lost = yield self.publish("3", "4")
        yield self.arrived("a", 4)  # Redis may answer the publisher first, and is killed next
        yield deferToThread(self.setup.fail_over)
        yield self.until(lambda: self.told == ["lost", "back"])
        # The new master knows nothing of what was delivered last, and says the epoch is the same.
        history = yield self.broker.history("a", Position(lost.offset - 1, lost.epoch), 1)
        self.assertEqual((history.publications, history.position), ([], replicated))
        again = yield self.publish("5")
        self.assertEqual((again.offset, again.epoch), (3, lost.epoch))
        history = yield self.broker.history("a", Position(2, lost.epoch), 1)
        self.assertNotEqual(history.publications[0].tag, self.items("a")[2].tag)  # type: ignore[union-attr]
        # So a new epoch is begun, by whoever notices first.
        renewed = yield self.broker.renew("a", lost.epoch)
        self.assertEqual((renewed.offset, renewed.epoch != lost.epoch), (0, True))
        yield self.arrived("a", 5)
        self.assertEqual(self.texts("a"), ["1", "2", "3", "4", "5"])

    @inlineCallbacks
    def test_broker_leaves_a_master_that_was_replaced_behind_its_back(self) -> Steps:
        """The old one lives on, unseen by its Sentinels, with open connections: they are asked again and again."""
        yield self.publish("1")
        yield self.until(lambda: self.setup.replica.ask("XLEN", "test:stream:a") == 1)
        yield deferToThread(self.setup.forget_master)
        yield self.until(lambda: self.told == ["lost", "back"])
        # The old one still believes that it is the master.
        self.assertEqual(self.setup.master.ask("ROLE")[0], b"master")
        other = self.start(f"redis://127.0.0.1:{self.setup.replica.port}")
        yield self.until(lambda: other.status.connected)
        published = yield other.publish("a", Publication("2"), KEEP)
        self.assertEqual((published.receivers, published.position.offset), (1, 2))
        yield self.arrived("a", 2)

    @inlineCallbacks
    def test_django_publishes_to_the_master(self) -> Steps:
        """Its connections go where the Sentinels say, before and after a failover."""
        publishing.forget()
        self.addCleanup(publishing.forget)
        config = Config(broker=Broker(url=self.setup.url, prefix="test", breaker_delay=0.01))
        yield deferToThread(publishing.send_now, config, "a", "1")
        yield self.arrived("a", 1)  # Redis may answer the publisher first, and is killed next
        yield deferToThread(self.setup.fail_over)
        yield self.until(lambda: self.told == ["lost", "back"])
        # The connection that was kept is to a Redis that is gone, which is found out before anything is sent.
        heard = yield deferToThread(publishing.send_now, config, "a", "2")
        self.assertEqual(heard, 1)
        yield self.arrived("a", 2)
        self.assertEqual(self.texts("a"), ["1", "2"])


class NoSentinelTests(TestCase):
    """When Sentinels are no help."""

    @inlineCallbacks
    def test_publication_fails_when_no_sentinel_answers(self) -> Steps:
        """In time, and the error names the Sentinels and no secret."""
        publishing.forget()
        self.addCleanup(publishing.forget)
        config = Config(broker=Broker(url="sentinel://:hush@127.0.0.1:1/m?sentinel_password=psst"))
        attempt = deferToThread(publishing.send_now, config, "a", "1")
        error = yield self.assertFailure(attempt, BrokerUnavailable)
        self.assertIn("sentinel://…@127.0.0.1:1/m did not take it", str(error))
        self.assertNotIn("hush", str(error))
        self.assertNotIn("psst", str(error))
