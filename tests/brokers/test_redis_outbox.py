# -*- test-case-name: tests.brokers.test_redis_outbox -*-
"""Tests for sockjsd.brokers._redis_outbox; what Redis makes of it is in tests.functional.test_redis_outbox."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_calls import MOST_TOGETHER, Part, RedisCalls, RedisKeys
from sockjsd.brokers._redis_outbox import MOST_WAITING, RedisOutbox
from sockjsd.brokers._redis_scripts import Call
from sockjsd.brokers.values import Keeping, Once, Published
from sockjsd.channels.publications import ClientInfo, Left, Position, Publication
from sockjsd.errors import BrokerUnavailable
from tests.brokers.test_redis_calls import CountingRandom

KEEP = Keeping(9, 1.0)


def done(offset: int) -> list[Any]:
    """What the scripts answer for the publication at *offset*."""
    return [1, offset, b"Ab3d", b"0000000a", 0]


def published(offset: int) -> Published:
    """The same for callers."""
    return Published(1, Position(offset, "Ab3d", "0000000a"))


class FakeWriter:
    """Keeps what it is asked until the test answers; while it is not connected it refuses."""

    def __init__(self) -> None:
        self.connected = True
        self.asked: list[Call | tuple[bytes, ...]] = []
        self.replies: list[Deferred[Any]] = []

    def ask(self, *words: bytes) -> Deferred[Any]:
        """One command."""
        return self._keep(words)

    def call(self, call: Call) -> Deferred[Any]:
        """One script."""
        return self._keep(call)

    def refused(self, text: str) -> Failure:
        """An error with the refusal."""
        return Failure(BrokerUnavailable(text))

    def _keep(self, question: Call | tuple[bytes, ...]) -> Deferred[Any]:
        if not self.connected:
            return fail(BrokerUnavailable("not connected"))
        self.asked.append(question)
        self.replies.append(Deferred())
        return self.replies[-1]


class OutboxTests(SynchronousTestCase):
    """An outbox whose Redis is played by hand."""

    def setUp(self) -> None:
        """Begin a turn of the reactor."""
        self.clock = Clock()
        self.writer = FakeWriter()
        self.scripts = RedisCalls(RedisKeys("p"), CountingRandom())
        self.outbox = RedisOutbox(self.writer, self.scripts, self.clock)

    def part(self, text: str, channel: str = "a", keeping: Keeping | None = KEEP) -> Part:
        """One publication."""
        return self.scripts.part(channel, Publication(text), keeping)

    def send(self, *texts: str) -> list[Deferred[Published]]:
        """Publish on a channel with a history."""
        return [self.outbox.send(self.part(text)) for text in texts]

    def end_turn(self) -> list[list[bytes]]:
        """End the turn; the texts in each question since the last one."""
        self.clock.advance(0)
        asked, self.writer.asked = self.writer.asked, []
        return [self.texts(question) for question in asked]

    def texts(self, question: Call | tuple[bytes, ...]) -> list[bytes]:
        """What is published by one question."""
        words = question.arguments if isinstance(question, Call) else question
        return [word.partition(b":")[2] or word for word in words if word.startswith((b"0:", b"bare", b"l{"))]

    def answer(self, answer: object) -> None:
        """Redis answers the oldest question."""
        self.writer.replies.pop(0).callback(answer)

    def test_publications_of_one_turn_leave_in_one_call(self) -> None:
        """At the end of the turn; each has its own answer."""
        replies = self.send("1", "2", "3")
        self.assertEqual(self.writer.asked, [])
        self.assertEqual(self.end_turn(), [[b"1", b"2", b"3"]])
        self.answer([done(1), done(2), done(3)])
        self.assertEqual([self.successResultOf(reply) for reply in replies], [published(n) for n in (1, 2, 3)])

    def test_single_publication_is_a_call_of_the_smaller_script(self) -> None:
        """Whose answer is not a list of answers."""
        (reply,) = self.send("1")
        self.clock.advance(0)
        same = RedisCalls(RedisKeys("p"), CountingRandom())
        self.assertEqual(self.writer.asked, [same.publish(same.part("a", Publication("1"), KEEP))])
        self.answer(done(1))
        self.assertEqual(self.successResultOf(reply), published(1))

    def test_what_comes_while_a_call_is_under_way_waits_for_its_answer(self) -> None:
        """However many turns that takes; then it leaves together."""
        self.send("1")
        self.assertEqual(self.end_turn(), [[b"1"]])
        self.send("2")
        self.assertEqual(self.end_turn(), [])
        self.send("3")
        self.answer(done(1))
        self.assertEqual(self.end_turn(), [[b"2", b"3"]])
        self.answer([done(2), done(3)])
        self.assertEqual(self.end_turn(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_publication_made_in_answer_to_one_leaves_with_those_that_waited(self) -> None:
        """Behind them."""
        (first,) = self.send("1")
        first.addCallback(lambda _: self.send("3"))
        self.end_turn()
        self.send("2")
        self.answer(done(1))
        self.assertEqual(self.end_turn(), [[b"2", b"3"]])

    def test_one_call_takes_so_many_publications(self) -> None:
        """The others are the next call's."""
        replies = self.send(*map(str, range(MOST_TOGETHER + 2)))
        (first,) = self.end_turn()
        self.assertEqual(first, [b"%d" % number for number in range(MOST_TOGETHER)])
        self.answer([done(number + 1) for number in range(MOST_TOGETHER)])
        self.assertEqual(self.end_turn(), [[b"100", b"101"]])
        self.answer([done(101), done(102)])
        self.assertEqual([self.successResultOf(reply).position.offset for reply in replies], [*range(1, 103)])

    def test_plain_publication_is_sent_at_once(self) -> None:
        """Nothing waits that it could overtake."""
        replies = [self.outbox.send(self.part(text, keeping=None)) for text in ("bare 1", "bare 2")]
        self.assertEqual(self.writer.asked, [(b"PUBLISH", b"p.a", b"bare 1"), (b"PUBLISH", b"p.a", b"bare 2")])
        self.answer(3)
        self.assertEqual(self.successResultOf(replies[0]), Published(3, Position()))

    def test_plain_publication_overtakes_nothing(self) -> None:
        """It goes along with what waits, or waits for what is under way, and so does who leaves."""
        self.send("1")
        self.outbox.send(self.part("bare", keeping=None))
        self.assertEqual(self.end_turn(), [[b"1", b"bare"]])
        self.outbox.send(self.scripts.part("a", Left(ClientInfo("1", "c"))))
        self.assertEqual(self.end_turn(), [])
        self.answer([done(1), [1, 0, b"", b"", 0]])
        self.assertEqual(self.end_turn(), [[b'"1","c":"c"}']])

    def test_refusal_of_one_is_the_error_of_that_one(self) -> None:
        """The others have been published."""
        replies = self.send("1", "2", "3")
        self.end_turn()
        self.answer([done(1), [b"WRONGTYPE \xff"], done(2)])
        self.assertEqual(self.successResultOf(replies[0]), published(1))
        error = self.failureResultOf(replies[1], BrokerUnavailable).value
        self.assertEqual(str(error), "WRONGTYPE \N{REPLACEMENT CHARACTER}")
        self.assertEqual(self.successResultOf(replies[2]), published(2))

    def test_failed_call_is_the_error_of_each_and_the_next_one_goes_out(self) -> None:
        """Redis refused all of them, and is there."""
        replies = self.send("1", "2")
        self.end_turn()
        self.send("3")
        self.writer.replies.pop(0).errback(BrokerUnavailable("OOM"))
        for reply in replies:
            self.failureResultOf(reply, BrokerUnavailable)
        self.assertEqual(self.end_turn(), [[b"3"]])

    def test_answer_that_is_none_is_the_error_of_each(self) -> None:
        """Nobody waits for ever because a Redis answers for fewer; the next call goes out."""
        for answer in ([done(1)], [], 1):
            replies = self.send("1", "2")
            self.end_turn()
            self.answer(answer)
            for reply in replies:
                self.failureResultOf(reply, ValueError, TypeError)
        self.send("3")
        self.assertEqual(self.end_turn(), [[b"3"]])

    def test_publication_that_nobody_waits_for_any_more_goes_out(self) -> None:
        """And the others get their own answers."""
        first, second = self.send("1", "2")
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertEqual(self.end_turn(), [[b"1", b"2"]])
        self.answer([done(1), done(2)])
        self.assertEqual(self.successResultOf(second), published(2))

    def test_what_waits_fails_with_the_connection(self) -> None:
        """All of it, in order, and not only when there is a connection again."""
        failed: list[int] = []
        replies = self.send("1") + self.send(*["2"] * 250)
        for number, reply in enumerate(replies):
            reply.addErrback(lambda _, number=number: failed.append(number))
        self.end_turn()
        self.writer.connected = False
        self.writer.replies.pop(0).errback(BrokerUnavailable("gone"))
        self.assertEqual(failed, list(range(251)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_publication_without_connection_fails_at_once(self) -> None:
        """With and without history."""
        self.writer.connected = False
        for keeping in (KEEP, None):
            self.failureResultOf(self.outbox.send(self.part("1", keeping=keeping)), BrokerUnavailable)

    def test_too_much_that_waits_is_refused(self) -> None:
        """Until some of it has left; what waits is not affected."""
        self.send("1")
        self.end_turn()
        large = "x" * (MOST_WAITING // 4)
        waiting = self.send(*[large] * 3)
        self.failureResultOf(self.send(large)[0], BrokerUnavailable)
        small = self.send("2")
        self.writer.replies[0].callback(done(1))
        self.end_turn()
        self.assertNoResult(self.send(large)[0])
        for deferred in (*waiting, *small):
            self.assertNoResult(deferred)

    def test_flush_sends_all_that_waits_in_order(self) -> None:
        """Without waiting for answers, because the connection is about to be closed."""
        replies = self.send(*map(str, range(150)))
        self.outbox.flush()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        first, second = self.end_turn()
        self.assertEqual(first + second, [b"%d" % number for number in range(150)])
        self.answer([done(number + 1) for number in range(100)])
        self.answer([done(number + 1) for number in range(100, 150)])
        self.assertEqual([self.successResultOf(reply).position.offset for reply in replies], [*range(1, 151)])

    def test_flush_of_nothing_does_nothing(self) -> None:
        """Not even an empty call."""
        self.outbox.flush()
        self.assertEqual(self.end_turn(), [])

    def test_key_alone_needs_the_script(self) -> None:
        """It waits for the end of the turn, too."""
        reply = self.outbox.send(self.scripts.part("a", Publication("bare"), None, Once("k")))
        self.assertEqual(self.end_turn(), [[b"bare"]])
        self.answer([0, 0, b"", b"", 1])
        self.assertEqual(self.successResultOf(reply), Published(0, Position(), duplicate=True))
