# -*- test-case-name: tests.functional.test_redis_restart -*-
"""A real Redis that is killed, and comes back with everything, with nothing, or older than it was."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread

from sockjsd.brokers.values import Once
from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.errors import BrokerUnavailable
from tests.brokers.contract import KEEP
from tests.functional.redis_case import RedisCase, Steps


class RestartCase(RedisCase):
    """Every write is on disk before it is acknowledged."""

    appendonly = True

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start Redis and a broker, which tells what it is told."""
        super().setUp()
        self.broker = self.start()
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
    def come_back(self) -> Steps:
        """Start Redis again and wait until the broker says that it is back."""
        yield deferToThread(self.server.start)
        yield self.until(lambda: self.told == ["lost", "back"])

    @inlineCallbacks
    def kept(self) -> Any:
        """What the history holds."""
        history = yield self.broker.history("a")
        return [publication.data for publication in history.publications], history.position


class RestartTests(RestartCase):
    """What Redis remembers, and what can be found out."""

    @inlineCallbacks
    def test_everything_is_there_after_a_kill(self) -> Steps:
        """Epoch, offsets, idempotency keys and presence go on where they were."""
        yield self.publish("1", "2")
        once = yield self.broker.publish("a", Publication("3"), KEEP, Once("k"))
        yield self.broker.add_presence("a", "c", ClientInfo("1", "c"), 60)
        self.server.kill()
        yield self.until(lambda: self.told == ["lost"])
        yield self.come_back()
        self.assertEqual((yield self.kept()), (["1", "2", "3"], once.position))
        again = yield self.broker.publish("a", Publication("3"), KEEP, Once("k"))
        self.assertEqual((again.duplicate, again.position), (True, once.position))
        self.assertEqual((yield self.broker.presence_stats("a")), (1, 1))
        position = yield self.publish("4")
        self.assertEqual((position.offset, position.epoch), (4, once.position.epoch))

    @inlineCallbacks
    def test_publication_repeated_until_acknowledged_is_kept_once(self) -> Steps:
        """Redis is killed again and again while a publisher insists: nothing is missing, nothing twice."""
        for number in range(40):
            if number % 10 == 5:
                self.server.kill()
                restarted = deferToThread(self.server.start)
            yield self.insist(str(number))
            if number % 10 == 5:
                yield restarted
        texts, position = yield self.kept()
        self.assertEqual(texts, [str(number) for number in range(40)])
        self.assertEqual(position.offset, 40)

    @inlineCallbacks
    def insist(self, text: str) -> Steps:
        """Publish *text* until that is acknowledged."""
        while True:
            try:
                yield self.broker.publish("a", Publication(text), KEEP, Once(text))
                return
            except BrokerUnavailable:
                yield self.pass_time(0.01)

    @inlineCallbacks
    def test_wiped_redis_has_another_epoch(self) -> Steps:
        """Whoever compares sees it."""
        before = yield self.publish("1", "2")
        self.server.kill()
        self.server.wipe()
        yield self.until(lambda: self.told == ["lost"])
        yield self.come_back()
        texts, position = yield self.kept()
        self.assertEqual((texts, position.offset), ([], 0))
        self.assertNotEqual(position.epoch, before.epoch)

    @inlineCallbacks
    def test_older_redis_is_found_out_by_the_tag(self) -> Steps:
        """It says the same epoch, and soon the same offsets: only what stands there is another one."""
        yield self.publish("1", "2")
        yield deferToThread(self.server.copy_data, "older")
        delivered = yield self.publish("3", "4")
        self.server.kill()
        self.server.bring_back("older")
        yield self.until(lambda: self.told == ["lost"])
        yield self.come_back()
        missing = yield self.broker.history("a", Position(delivered.offset - 1, delivered.epoch), 1)
        self.assertEqual((missing.publications, missing.position.offset), ([], 2))
        self.assertEqual(missing.position.epoch, delivered.epoch)
        yield self.publish("5", "6")
        other = yield self.broker.history("a", Position(delivered.offset - 1, delivered.epoch), 1)
        (entry,) = other.publications
        self.assertEqual((entry.offset, entry.epoch), (delivered.offset, delivered.epoch))
        self.assertNotEqual(entry.tag, delivered.tag)
        first = yield self.broker.renew("a", delivered.epoch)
        self.assertNotEqual(first.epoch, delivered.epoch)
        self.assertEqual((yield self.broker.renew("a", delivered.epoch)), first)

    @inlineCallbacks
    def test_thousands_of_channels_are_confirmed_before_it_is_told(self) -> Steps:
        """After the return nothing that is published is missed, on any of them."""
        channels = [f"c{number}" for number in range(3000)]
        for channel in channels:
            self.broker.subscribe(channel)
        yield self.broker.subscribed(channels[-1])
        self.server.kill()
        yield self.until(lambda: self.told == ["lost"])
        yield self.come_back()
        for channel in (channels[0], channels[1500], channels[-1]):
            published = yield self.broker.publish(channel, Publication("1"))
            self.assertEqual(published.receivers, 1)
            yield self.arrived(channel, 1)
