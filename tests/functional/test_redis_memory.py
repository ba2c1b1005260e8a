# -*- test-case-name: tests.functional.test_redis_memory -*-
"""History, presence and idempotency in a real Redis: the contract of every broker, and what only Redis can do."""

from __future__ import annotations

from typing import Any

import redis
from twisted.internet.defer import gatherResults, inlineCallbacks
from twisted.internet.threads import deferToThread

from sockjsd.brokers.values import Keeping, Once
from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.errors import BrokerUnavailable
from tests.brokers.contract import KEEP, CarrierContract, HistoryContract, OnceContract, PresenceContract
from tests.functional.redis_case import RedisCase, Steps


class MemoryCase(RedisCase):
    """A broker that is connected."""

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start Redis and one broker."""
        super().setUp()
        self.broker = self.start()
        yield self.until(lambda: self.broker.status.connected)

    def redis(self, *command: str | bytes | int) -> Any:
        """Send a command as somebody else, in another thread; fires with the answer."""

        def work() -> Any:
            with redis.Redis(port=self.server.port) as client:
                return client.execute_command(*command)

        return deferToThread(work)


class ContractTests(MemoryCase, HistoryContract, OnceContract, PresenceContract, CarrierContract):
    """What every broker does."""


class ScriptTests(MemoryCase):
    """What only Redis can do."""

    @inlineCallbacks
    def test_publications_made_at_once_keep_their_order(self) -> Steps:
        """A hundred without waiting, on a connection that knows no script, and again after Redis forgot them all."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        yield gatherResults([self.broker.publish("a", Publication(str(number)), KEEP) for number in range(100)])
        yield self.redis("SCRIPT", "FLUSH")
        yield self.broker.publish("a", Publication("100"), KEEP)
        yield self.broker.publish("a", Publication("101"), KEEP)
        yield self.until(lambda: len(self.texts("a")) == 102)
        self.assertEqual(self.texts("a"), [str(number) for number in range(102)])
        self.assertEqual([item.offset for item in self.items("a")], list(range(1, 103)))

    @inlineCallbacks
    def test_brokers_share_history_and_presence(self) -> Steps:
        """What one node keeps, another one reads."""
        other = self.start()
        yield self.until(lambda: other.status.connected)
        published = yield self.broker.publish("a", Publication("1"), KEEP, Once("k"))
        again = yield other.publish("a", Publication("1"), KEEP, Once("k"))
        self.assertEqual((again.duplicate, again.position), (True, published.position))
        history = yield other.history("a")
        self.assertEqual(history.position, published.position)
        yield self.broker.add_presence("a", "c", ClientInfo("1", "c"), 60)
        self.assertEqual((yield other.presence("a")), {"c": ClientInfo("1", "c")})

    @inlineCallbacks
    def test_control_message_reaches_whom_it_is_for(self) -> Steps:
        """All nodes and the sender, or the one; the count says so."""
        other = self.start()
        yield self.until(lambda: other.status.connected)
        heard: list[tuple[str, bytes]] = []
        self.broker.on_control = lambda payload: heard.append(("first", payload))
        other.on_control = lambda payload: heard.append(("second", payload))
        self.assertEqual((yield self.broker.send(b"\xff all")), 2)
        self.assertEqual((yield self.broker.send(b"one", other.node)), 1)
        self.assertEqual((yield self.broker.send(b"none", "nobody")), 0)
        yield self.until(lambda: len(heard) == 3)
        self.assertEqual(sorted(heard), [("first", b"\xff all"), ("second", b"one"), ("second", b"\xff all")])

    @inlineCallbacks
    def test_keys_end_by_themselves(self) -> Steps:
        """Nothing is kept for ever: every key has a time."""
        yield self.broker.publish("a", Publication("1"), Keeping(9, 100, 200), Once("k", 50))
        yield self.broker.add_presence("a", "c", ClientInfo("1", "c"), 60)
        yield self.broker.history("b", meta_ttl=300)
        names = yield self.redis("KEYS", "*")
        times = {}
        for name in names:
            times[name.decode()] = yield self.redis("TTL", name)
        self.assertEqual(
            times,
            {
                "test:stream:a": 100,
                "test:meta:a": 200,
                "test:result:a k": 50,
                "test:presence:a": 60,
                "test:leases:a": 60,
                "test:users:a": 60,
                "test:meta:b": 300,
            },
        )

    @inlineCallbacks
    def test_refused_publication_uses_up_no_version(self) -> Steps:
        """It may be published again, and what it has left ends by itself."""
        yield self.redis("HSET", "test:meta:a", "e", "Ab3d")
        yield self.redis("SET", "test:stream:a", "1")
        yield self.assertFailure(
            self.broker.publish("a", Publication("1"), Keeping(9, 100, 200), Once(version=1)), BrokerUnavailable
        )
        self.assertEqual((yield self.redis("TTL", "test:meta:a")), 200)
        yield self.redis("DEL", "test:stream:a")
        again = yield self.broker.publish("a", Publication("1"), Keeping(9, 100, 200), Once(version=1))
        self.assertFalse(again.duplicate)

    @inlineCallbacks
    def test_names_that_look_alike_have_nothing_to_do_with_each_other(self) -> Steps:
        """A colon in a channel or a key leads to no other channel's."""
        first = yield self.broker.publish("a:b", Publication("1"), None, Once("c"))
        second = yield self.broker.publish("a", Publication("1"), None, Once("b:c"))
        self.assertEqual((first.duplicate, second.duplicate), (False, False))
        yield self.broker.add_presence("a", "c", ClientInfo("1", "c"), 60)
        yield self.broker.add_presence("a:expire", "d", ClientInfo("1", "d"), 60)
        self.assertEqual((yield self.broker.presence_stats("a:expire")), (1, 1))

    @inlineCallbacks
    def test_foreign_entries_of_a_stream_are_left_out(self) -> Steps:
        """Whoever writes into our stream is not believed, and harms nobody."""
        yield self.broker.publish("a", Publication("1"), KEEP)
        yield self.redis("XADD", "test:stream:a", "7-1", "d", "nonsense")
        yield self.redis("XADD", "test:stream:a", "7-2", "d", b"1:\xff")
        history = yield self.broker.history("a")
        self.assertEqual([publication.data for publication in history.publications], ["1"])

    @inlineCallbacks
    def test_large_offsets_stay_exact(self) -> Steps:
        """Lua's numbers are written out, not with an exponent."""
        yield self.broker.history("a")
        yield self.redis("HSET", "test:meta:a", "s", 2**53 - 3)
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        published = yield self.broker.publish("a", Publication("1"), KEEP)
        self.assertEqual(published.position.offset, 2**53 - 2)
        heard = yield self.arrived("a", 1)
        self.assertEqual(heard[0].position, published.position)
        history = yield self.broker.history("a", Position(2**53 - 3))
        self.assertEqual(history.publications, heard)

    @inlineCallbacks
    def test_refused_write_is_an_error(self) -> Steps:
        """A Redis that takes no writes loses nothing silently, and a replica is left."""
        yield self.redis("CONFIG", "SET", "maxmemory", "1")
        failed = yield self.assertFailure(self.broker.publish("a", Publication("1"), KEEP), BrokerUnavailable)
        self.assertIn("OOM", str(failed))
        yield self.redis("CONFIG", "SET", "maxmemory", "0")
        yield self.broker.publish("a", Publication("1"), KEEP)
        lost: list[bool] = []
        self.broker.on_lost = lambda: lost.append(True)
        yield self.redis("REPLICAOF", "127.0.0.1", "1")
        yield self.assertFailure(self.broker.publish("a", Publication("2"), KEEP), BrokerUnavailable)
        yield self.until(lambda: lost)
        yield self.redis("REPLICAOF", "NO", "ONE")
        yield self.until(lambda: self.broker.status.connected)
        yield self.broker.publish("a", Publication("2"), KEEP)
