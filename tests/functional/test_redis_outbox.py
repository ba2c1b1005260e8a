# -*- test-case-name: tests.functional.test_redis_outbox -*-
"""Publications that leave together, in a real Redis: the contract of every broker, and what only Redis can do."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks

from sockjsd.brokers.values import Keeping, Once, Published
from sockjsd.channels.publications import Publication
from sockjsd.errors import BrokerUnavailable
from tests.brokers.contract import KEEP, CarrierContract, HistoryContract, OnceContract, TogetherContract
from tests.functional.redis_case import Steps
from tests.functional.test_redis_memory import MemoryCase


class TogetherTests(MemoryCase, TogetherContract):
    """What every broker does with publications made at once."""


class CrowdedTests(MemoryCase, HistoryContract, OnceContract, CarrierContract):
    """What every broker does with one publication, where each has neighbours in its call."""

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Let each publication leave together with one before it and one behind it, on another channel."""
        yield super().setUp()
        self.publish = self.broker.publish
        self.patch(self.broker, "publish", self.publish_crowded)

    def publish_crowded(self, channel: str, *said: Any) -> Deferred[Published]:
        """Publish, with neighbours that must not fail."""
        before = self.publish("neighbour", Publication("0"), KEEP)
        reply = self.publish(channel, *said)
        behind = self.publish("neighbour", Publication("0"), KEEP, Once(version=1))
        return gatherResults([before, reply, behind], consumeErrors=True).addCallback(lambda all_three: all_three[1])


class ManyTests(MemoryCase):
    """What only Redis can do."""

    def many(self, *channels: str, keeping: Keeping | None = KEEP) -> Deferred[list[tuple[bool, Any]]]:
        """Publish on each at once; fires with success or failure of each."""
        replies = [self.broker.publish(channel, Publication(f'"{channel}"'), keeping) for channel in channels]
        return gatherResults([reply.addCallbacks(_good, _bad) for reply in replies])

    @inlineCallbacks
    def calls(self) -> Any:
        """How often Redis was called by the hash of a script."""
        return (yield self.stat("evalsha"))

    @inlineCallbacks
    def stat(self, command: str) -> Any:
        """How often Redis carried *command* out, in scripts too."""
        info = yield self.redis("INFO", "commandstats")
        return info.get(f"cmdstat_{command}", {"calls": 0})["calls"]

    @inlineCallbacks
    def test_a_hundred_publications_are_one_call(self) -> Steps:
        """And three hundred are three."""
        for _ in range(2):
            yield self.many("a", "a")
        before = yield self.calls()
        yield self.many(*["a"] * 100)
        self.assertEqual((yield self.calls()) - before, 1)
        yield self.many(*["a"] * 300)
        self.assertEqual((yield self.calls()) - before, 4)

    @inlineCallbacks
    def test_neighbours_are_one_message(self) -> Steps:
        """Of each channel; with a position, with none, and each answer tells who heard it."""
        for keeping in (KEEP, Keeping(0, 0.0, KEEP.meta_ttl), None):
            yield self.many("a", "a", keeping=keeping)
            before = yield self.stat("publish")
            answers = yield self.many(*["a"] * 50, *["b"] * 50, keeping=keeping)
            after = yield self.stat("publish")
            self.assertEqual((after - before, {good for good, _ in answers}), (100 if keeping is None else 2, {True}))

    @inlineCallbacks
    def test_refused_publication_costs_the_others_nothing(self) -> Steps:
        """A key that holds something else, in each place where there may be one."""
        for key in ("test:meta:bad", "test:stream:bad"):
            yield self.redis("FLUSHALL")
            yield self.many("bad")
            yield self.redis("SET", key, "1")
            answers = yield self.many("a", "bad", "bad", "a", "b")
            self.assertEqual([good for good, _ in answers], [True, False, False, True, True], key)
            self.assertIn("WRONGTYPE", str(answers[1][1]))
            self.assertEqual([answers[index][1].position.offset for index in (0, 3, 4)], [1, 2, 1])
            self.assertEqual((yield self.kept("a")), ['"a"', '"a"'])

    @inlineCallbacks
    def kept(self, channel: str) -> Any:
        """The data in a history."""
        history = yield self.broker.history(channel)
        return [publication.data for publication in history.publications]

    @inlineCallbacks
    def test_refused_entry_does_not_block_its_channel(self) -> Steps:
        """Somebody has written entries with higher numbers: they are passed by, one for each publication."""
        yield self.many("a")
        yield self.redis("XADD", "test:stream:a", "3-4294967295", "d", "0:foreign")
        answers = yield self.many("a", "a", "a")
        self.assertEqual([good for good, _ in answers], [False, False, True])
        self.assertEqual(answers[2][1].position.offset, 4)
        (after,) = yield self.many("a")
        self.assertEqual(after[1].position.offset, 5)

    @inlineCallbacks
    def test_refused_publication_uses_up_neither_key_nor_version(self) -> Steps:
        """It may be published again."""
        yield self.many("a")
        yield self.redis("SET", "test:stream:a", "1")
        once = Once("k", version=1)
        failed = [self.broker.publish("a", Publication("1"), KEEP, once) for _ in range(2)]
        for reply in failed:
            yield self.assertFailure(reply, BrokerUnavailable)
        yield self.redis("DEL", "test:stream:a")
        again = yield gatherResults([self.broker.publish("a", Publication("1"), KEEP, once) for _ in range(2)])
        self.assertEqual([one.duplicate for one in again], [False, True])

    @inlineCallbacks
    def test_refused_publication_leaves_its_channel_an_end(self) -> Steps:
        """What the others of the call have written of it ends by itself."""
        yield self.redis("HSET", "test:result:a k", "is", "no text")
        numbered = Keeping(0, 0.0, 100)
        replies = [self.broker.publish("a", Publication("1"), numbered, once) for once in (None, Once("k"))]
        answers = yield gatherResults([reply.addCallbacks(_good, _bad) for reply in replies])
        self.assertEqual([good for good, _ in answers], [True, False])
        self.assertEqual((yield self.redis("TTL", "test:meta:a")), 100)

    @inlineCallbacks
    def test_repetition_is_one_also_where_its_neighbour_is_refused(self) -> Steps:
        """A full Redis can still tell what went out before."""
        for keeping in (KEEP, Keeping(0, 0.0)):
            once = Once(f"size {keeping.size}")
            yield self.broker.publish("a", Publication("1"), keeping, once)
            yield self.redis("CONFIG", "SET", "maxmemory", "1")
            replies = [self.broker.publish("a", Publication("1"), keeping, each) for each in (once, None)]
            answers = yield gatherResults([reply.addCallbacks(_good, _bad) for reply in replies])
            yield self.redis("CONFIG", "SET", "maxmemory", "0")
            self.assertEqual([good for good, _ in answers], [True, False])
            self.assertTrue(answers[0][1].duplicate)

    @inlineCallbacks
    def test_full_redis_refuses_all_and_changes_nothing(self) -> Steps:
        """Nothing was heard or counted of what is said to have failed, kept or numbered."""
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        for keeping in (KEEP, Keeping(0, 0.0)):
            yield self.many("a", keeping=keeping)
            position = (yield self.broker.history("a")).position
            heard = len(self.items("a"))
            yield self.redis("CONFIG", "SET", "maxmemory", "1")
            answers = yield self.many("a", "a", keeping=keeping)
            yield self.redis("CONFIG", "SET", "maxmemory", "0")
            self.assertEqual([(good, "OOM" in str(error)) for good, error in answers], [(False, True)] * 2)
            self.assertEqual((yield self.broker.history("a")).position, position)
            self.assertEqual(len(self.items("a")), heard)

    @inlineCallbacks
    def test_replica_is_left(self) -> Steps:
        """A Redis that takes no writes any more is not the master."""
        yield self.many("a", "a")
        lost: list[bool] = []
        self.broker.on_lost = lambda: lost.append(True)
        yield self.redis("REPLICAOF", "127.0.0.1", "1")
        answers = yield self.many("a", "a")
        self.assertEqual([good for good, _ in answers], [False, False])
        yield self.until(lambda: lost)

    @inlineCallbacks
    def test_refusal_of_a_version_says_why(self) -> Steps:
        """Also where nothing is kept, and the next publication has none."""
        numbered = Keeping(0, 0.0)
        yield self.many("a", "a", keeping=numbered)
        yield self.redis("CONFIG", "SET", "min-replicas-to-write", "1")
        replies = [self.broker.publish("a", Publication("1"), numbered, once) for once in (Once(version=1), None)]
        answers = yield gatherResults([reply.addCallbacks(_good, _bad) for reply in replies])
        self.assertEqual([(good, "NOREPLICAS" in str(error)) for good, error in answers], [(False, True)] * 2)

    @inlineCallbacks
    def test_order_is_kept_when_scripts_are_forgotten(self) -> Steps:
        """Again and again, while publications of both kinds are on their way, and others load the scripts."""
        other = self.start()
        yield self.until(lambda: other.status.connected)
        self.broker.subscribe("a")
        yield self.broker.subscribed("a")
        replies = []
        for number in range(0, 400, 4):
            replies += [self.broker.publish("a", Publication(str(number + step)), KEEP) for step in (0, 1)]
            replies += [self.broker.publish("a", Publication(str(number + 2)))]
            if not number % 40:
                yield self.redis("SCRIPT", "FLUSH")
                replies += [other.publish("b", Publication("1"), KEEP) for _ in range(1 + number % 3)]
            yield self.pass_time(0)
            replies += [self.broker.publish("a", Publication(str(number + 3)), KEEP)]
        yield gatherResults(replies)
        heard = yield self.arrived("a", 400)
        self.assertEqual([item.data for item in heard], [str(number) for number in range(400)])

    @inlineCallbacks
    def test_keys_end_by_themselves(self) -> Steps:
        """Each time is that of its last use."""
        long, short = Keeping(9, 100, 200), Keeping(9, 50, 60)
        said = [
            ("a", short, None),
            ("a", long, Once("k", 70)),
            ("b", Keeping(0, 0.0, 80), None),
            ("c", None, Once("k", 90)),
        ]
        yield gatherResults([self.broker.publish(channel, Publication("1"), *kept) for channel, *kept in said])
        times = {}
        for name in (yield self.redis("KEYS", "*")):
            times[name.decode()] = yield self.redis("TTL", name)
        expected = {"test:stream:a": 100, "test:meta:a": 200, "test:result:a k": 70, "test:meta:b": 80}
        self.assertEqual(times, expected | {"test:result:c k": 90})

    @inlineCallbacks
    def test_large_offsets_stay_exact(self) -> Steps:
        """Lua's numbers are written out, not with an exponent."""
        yield self.broker.history("a")
        yield self.redis("HSET", "test:meta:a", "s", 2**53 - 5)
        answers = yield self.many("a", "a", "a")
        self.assertEqual([one.position.offset for _, one in answers], [2**53 - 4, 2**53 - 3, 2**53 - 2])
        history = yield self.broker.history("a")
        self.assertEqual([each.offset for each in history.publications], [2**53 - 4, 2**53 - 3, 2**53 - 2])


def _good(result: Published) -> tuple[bool, Published]:
    return True, result


def _bad(failure: Any) -> tuple[bool, Exception]:
    return False, failure.value
