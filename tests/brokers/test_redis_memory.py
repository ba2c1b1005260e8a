# -*- test-case-name: tests.brokers.test_redis_memory -*-
"""Tests for sockjsd.brokers._redis_memory; what Redis makes of it is in tests.functional.test_redis_memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_calls import RedisCalls, RedisKeys
from sockjsd.brokers._redis_memory import RedisMemory
from sockjsd.brokers._redis_outbox import RedisOutbox
from sockjsd.brokers._redis_scripts import Call, script
from sockjsd.brokers.values import History
from sockjsd.channels.publications import ClientInfo, Position
from sockjsd.errors import BrokerUnavailable
from tests.brokers.test_redis_calls import CountingRandom
from tests.brokers.test_redis_outbox import FakeWriter

ANN = ClientInfo("1", "c")
PLACE = [7, b"Ab3d", b"0000000a"]
POSITION = Position(7, "Ab3d", "0000000a")


class RedisMemoryTests(SynchronousTestCase):
    """Questions and answers."""

    def setUp(self) -> None:
        """Build it on a writer that is played by hand; the same questions are built beside it."""
        self.writer = FakeWriter()
        writer: Any = self.writer
        scripts = RedisCalls(RedisKeys("p"), CountingRandom())
        outbox = RedisOutbox(writer, scripts, Clock())
        self.memory = RedisMemory(writer, scripts, outbox)
        self.expected = RedisCalls(RedisKeys("p"), CountingRandom())

    def answer(self, reply: Deferred[Any], answer: object) -> Any:
        """What comes of *answer*."""
        self.writer.replies.pop().callback(answer)
        return self.successResultOf(reply)

    def test_each_question_is_its_script_and_its_answer_is_read(self) -> None:
        """One table: what is called, what is asked, what Redis answers, what comes of it."""
        memory, expected = self.memory, self.expected
        table: list[tuple[Any, Any, object, object]] = [
            (
                lambda: memory.history("a", Position(3), 5, reverse=True, meta_ttl=9.0),
                lambda: expected.history("a", Position(3), 5, True, 9.0),
                [PLACE, []],
                History([], POSITION),
            ),
            (
                lambda: memory.renew("a", "Ab3d", meta_ttl=9.0),
                lambda: expected.renew("a", "Ab3d", 9.0),
                PLACE,
                POSITION,
            ),
            (lambda: memory.add_presence("a", "c", ANN, 60), lambda: expected.add_presence("a", "c", ANN, 60), 1, None),
            (lambda: memory.remove_presence("a", "c"), lambda: expected.remove_presence("a", "c"), 1, None),
            (lambda: memory.presence("a"), lambda: expected.presence("a"), [b"c", b'{"u":"1","c":"c"}'], {"c": ANN}),
            (lambda: memory.presence_stats("a"), lambda: expected.presence_stats("a"), [1, 1], (1, 1)),
        ]
        for ask, build, answer, result in table:
            reply = ask()
            self.assertEqual(self.writer.asked.pop(), build())
            self.assertEqual(self.answer(reply, answer), result)

    def test_usual_history_is_all_of_it(self) -> None:
        """From the beginning, for a month."""
        self.memory.history("a")
        call = self.writer.asked.pop()
        assert isinstance(call, Call)
        self.assertIs(call.script, script("history"))
        self.assertEqual(call.arguments[1:], (b"2592000000", b"-", b"+", b"-1", b"XRANGE"))

    def test_removal_leaves_the_meta(self) -> None:
        """Only the stream goes."""
        reply = self.memory.remove_history("a")
        self.assertEqual(self.writer.asked, [(b"DEL", b"p:stream:a")])
        self.assertIsNone(self.answer(reply, 1))

    def test_failure_goes_on_as_it_is(self) -> None:
        """The writer has said what it is."""
        reply = self.memory.presence("a")
        self.writer.replies.pop().errback(BrokerUnavailable("away"))
        self.failureResultOf(reply, BrokerUnavailable)
