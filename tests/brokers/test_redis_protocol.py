# -*- test-case-name: tests.brokers.test_redis_protocol -*-
"""Tests for sockjsd.brokers._redis_protocol."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from txredisapi import ConnectionError as RedisConnectionError
from txredisapi import ResponseError
from zope.interface import directlyProvides

from sockjsd.brokers._redis_protocol import LAST_LOOK, Inbox, RedisConnection, SubscriberConnection, redis_key
from sockjsd.brokers.interface import Run
from tests.brokers.fakes import FakeTransport, bulk, confirm, message, words

PONG = bulk(b"pong", b"")


class RecordingOwner:
    """Keeps what it was told, and runs *at_close* when the connection is gone."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, connection: RedisConnection) -> None:
        """The connection can be used."""
        self.told.append("opened")

    def closed(self, connection: RedisConnection, problem: str) -> None:
        """The connection is gone."""
        self.told.append(f"closed: {problem}")


class CommandTests(SynchronousTestCase):
    """A connection for commands."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.owner = RecordingOwner()
        self.connection = RedisConnection(self.clock, 1.0, self.owner)
        self.transport = FakeTransport(self.clock, self.connection)
        self.connection.makeConnection(self.transport)

    def test_owner_is_told_when_it_opens_without_any_command(self) -> None:
        """AUTH and SELECT are not sent by the connection itself."""
        self.assertEqual(self.owner.told, ["opened"])
        self.assertEqual(self.transport.commands(), [])

    def test_socket_is_made_fit_when_it_is_tcp(self) -> None:
        """Small commands leave at once and a dead peer is noticed; a Unix socket has neither option."""
        self.assertEqual(self.transport.options, [])
        connection = RedisConnection(self.clock, 1.0, self.owner)
        transport = FakeTransport(self.clock, connection)
        directlyProvides(transport, ITCPTransport)
        connection.makeConnection(transport)
        self.assertEqual(transport.options, ["nodelay True", "keepalive True"])

    def test_replies_come_in_the_order_of_commands(self) -> None:
        """Each command gets its own reply, whatever a read brings, and error replies are errors."""
        replies = [self.connection.publish(b"p.news", payload) for payload in (b"007", b"1e5", b"x")]
        sent = words("PUBLISH p.news 007", "PUBLISH p.news 1e5", "PUBLISH p.news x")
        self.assertEqual(self.transport.commands(), sent)
        for byte in b":3\r\n-NOPERM no\r\n":
            self.transport.answer(bytes([byte]))
        self.assertEqual(self.successResultOf(replies[0]), 3)
        self.failureResultOf(replies[1], ResponseError)
        self.assertNoResult(replies[2])

    def test_connection_is_aborted_when_a_command_gets_no_answer(self) -> None:
        """After the time-out the command has failed and the owner knows why."""
        reply = self.connection.ping()
        self.clock.pump([0.9, 0.1, LAST_LOOK, 0])
        self.failureResultOf(reply, RedisConnectionError)
        self.assertEqual(self.owner.told[1:], ["closed: no answer within 1 s"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connection_stays_when_answers_come_in_time(self) -> None:
        """Time counts for each command anew, and an idle connection is not watched."""
        for _ in range(3):
            self.connection.ping()
            self.clock.advance(0.8)
            self.transport.answer(b"+PONG\r\n")
        self.clock.pump([1, 1, 1])
        self.assertEqual(self.owner.told, ["opened"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_connection_stays_when_the_answer_waited_in_the_socket(self) -> None:
        """A reactor that did not run for a while reads once more before it gives up."""
        reply = self.connection.ping()
        self.clock.advance(4)
        self.transport.answer(b"+PONG\r\n")
        self.clock.pump([LAST_LOOK, 1, 1])
        self.assertEqual(self.successResultOf(reply), b"PONG")
        self.assertEqual(self.owner.told, ["opened"])

    def test_late_command_has_its_full_time(self) -> None:
        """A command that is sent shortly before an earlier watch ends is not cut short."""
        self.connection.ping()
        self.transport.answer(b"+PONG\r\n")
        self.clock.advance(0.9)
        reply = self.connection.ping()
        self.clock.pump([0.5, LAST_LOOK, 0.3])
        self.assertEqual(self.owner.told, ["opened"])
        self.clock.pump([0.3, LAST_LOOK, 0])
        self.failureResultOf(reply, RedisConnectionError)
        self.assertEqual(self.owner.told[1:], ["closed: no answer within 1 s"])

    def test_connection_is_watched_on_when_only_a_part_was_answered(self) -> None:
        """An answer to the first command during the last look does not excuse the second."""
        first, second = self.connection.ping(), self.connection.ping()
        self.clock.advance(1)
        self.transport.answer(b"+PONG\r\n")
        self.clock.pump([LAST_LOOK, 0.5])
        self.assertNoResult(second)
        self.successResultOf(first)
        self.clock.pump([0.5, LAST_LOOK, 0])
        self.failureResultOf(second, RedisConnectionError)

    def test_connection_is_aborted_when_the_answer_is_no_redis(self) -> None:
        """A web server behind the port ends the attempt, without a traceback."""
        reply = self.connection.ping()
        self.transport.answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.clock.advance(0)
        self.failureResultOf(reply, RedisConnectionError)
        self.assertEqual(self.owner.told[1:], ["closed: the answer is not in the protocol of Redis"])

    def test_owner_is_told_before_commands_fail(self) -> None:
        """What is sent in answer to a failure finds the owner informed."""
        self.connection.ping().addErrback(lambda failure: self.owner.told.append("failed"))
        self.transport.end(ConnectionDone())
        self.assertEqual(self.owner.told[1:], ["closed: Connection was closed cleanly.", "failed"])

    def test_abort_does_nothing_when_the_connection_is_gone(self) -> None:
        """Several reasons to end are one end; the first is told."""
        self.connection.abort("first")
        self.connection.abort("second")
        self.clock.advance(0)
        self.connection.abort("third")
        self.clock.advance(0)
        self.assertEqual(self.owner.told[1:], ["closed: first"])


class InboxTests(SynchronousTestCase):
    """Collecting messages."""

    def test_inbox_keeps_payloads_byte_for_byte(self) -> None:
        """What looks like a number stays the text that it is."""
        inbox = Inbox()
        texts = ["007", "1_000", "1.50", "1e5", "", "-0", " 1 ", "é😀", "a\r\nb"]
        for text in texts:
            inbox.put("news", text.encode())
        self.assertEqual(inbox.take(), {"news": texts})
        self.assertEqual((inbox.take(), inbox.malformed), ({}, 0))

    def test_inbox_mends_and_counts_what_is_no_text(self) -> None:
        """Broken bytes become U+FFFD; each message counts once."""
        inbox = Inbox()
        inbox.put("news", b"a\xff\xfeb")
        inbox.put("news", b"ok")
        self.assertEqual(inbox.take(), {"news": ["a\ufffd\ufffdb", "ok"]})
        self.assertEqual(inbox.malformed, 1)


class SubscriberTests(SynchronousTestCase):
    """A connection that listens."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.owner = RecordingOwner()
        self.inbox = Inbox()
        self.runs: list[Run] = []
        self.connection = SubscriberConnection(self.clock, 1.0, self.owner, "p.", self.inbox, self.read)
        self.transport = FakeTransport(self.clock, self.connection)
        self.connection.makeConnection(self.transport)

    def read(self) -> None:
        """One read ended."""
        self.runs.append(self.inbox.take())

    def listen(self, *channels: str) -> Deferred[object]:
        """Subscribe to channels that fit into one command."""
        (reply,) = self.connection.listen(channels)
        return reply

    def test_command_has_one_reply_when_it_gets_many_confirmations(self) -> None:
        """SUBSCRIBE of three channels is done after the third confirmation, and PING after its own answer."""
        subscribed, ponged = self.listen("a", "b", "c"), self.connection.ping()
        self.assertEqual(self.transport.commands(), words("SUBSCRIBE p.a p.b p.c", "PING"))
        self.transport.answer(confirm(b"subscribe", b"p.a", b"p.b"))
        self.assertNoResult(subscribed)
        self.transport.answer(confirm(b"subscribe", b"p.c"))
        self.successResultOf(subscribed)
        self.assertNoResult(ponged)
        self.transport.answer(PONG)
        self.assertEqual(self.successResultOf(ponged), [b"pong", b""])

    def test_replies_stay_in_order_when_messages_come_between(self) -> None:
        """No message is taken for a reply, byte by byte as well as at once."""
        answers = b"".join(
            [
                confirm(b"subscribe", b"p.a"),
                message(b"p.a", b"subscribe"),
                confirm(b"subscribe", b"p.b"),
                message(b"p.b", b"2"),
                PONG,
                message(b"p.a", b"3"),
            ]
        )
        for pieces in ([answers], [bytes([byte]) for byte in answers]):
            self.setUp()
            replies = [self.listen("a", "b"), self.connection.ping()]
            for piece in pieces:
                self.transport.answer(piece)
            self.assertEqual(self.successResultOf(replies[1]), [b"pong", b""])
            self.successResultOf(replies[0])
            self.assertEqual([text for run in self.runs for text in run.get("a", [])], ["subscribe", "3"])

    def test_one_read_is_one_run(self) -> None:
        """Everything that a read brought is handed over once, per channel and in order."""
        self.listen("a", "b")
        self.transport.answer(confirm(b"subscribe", b"p.a", b"p.b"))
        self.transport.answer(*(message(b"p." + c, t) for c, t in ((b"a", b"007"), (b"b", b"1_000"), (b"a", b"1.50"))))
        self.assertEqual(self.runs, [{}, {"a": ["007", "1.50"], "b": ["1_000"]}])

    def test_message_waits_for_its_end_when_it_is_cut(self) -> None:
        """Half a message is no message."""
        self.listen("a")
        data = message(b"p.a", b"1e5")
        self.transport.answer(confirm(b"subscribe", b"p.a"), data[:-3])
        self.transport.answer(data[-3:])
        self.assertEqual(self.runs, [{}, {"a": ["1e5"]}])

    def test_messages_before_rubbish_are_kept(self) -> None:
        """What came whole is handed over although the connection ends."""
        self.listen("a")
        self.transport.answer(confirm(b"subscribe", b"p.a"), message(b"p.a", b"1"), b"rubbish\r\n")
        self.clock.advance(0)
        self.assertEqual(self.runs, [{"a": ["1"]}])
        self.assertEqual(self.owner.told[1:], ["closed: the answer is not in the protocol of Redis"])

    def test_message_is_left_out_when_its_channel_is_not_wanted_any_more(self) -> None:
        """What Redis sent before it read UNSUBSCRIBE reaches nobody."""
        self.listen("a")
        self.connection.ignore("a")
        self.transport.answer(confirm(b"subscribe", b"p.a"), message(b"p.a", b"1"), confirm(b"unsubscribe", b"p.a"))
        self.assertEqual(self.runs, [{}])

    def test_channels_are_subscribed_in_batches(self) -> None:
        """1,001 channels are three commands, each with a reply of its own."""
        channels = [f"c{number}" for number in range(1001)]
        replies = self.connection.listen(channels)
        self.assertEqual([len(command) - 1 for command in self.transport.commands()], [500, 500, 1])
        self.transport.answer(confirm(b"subscribe", *(b"p." + channel.encode() for channel in channels[:1000])))
        self.assertEqual([reply.called for reply in replies], [True, True, False])

    def test_channel_is_asked_for_once(self) -> None:
        """To listen again, or to leave what is not there, sends nothing."""
        self.listen("a")
        self.transport.commands()
        self.assertEqual(self.connection.listen(["a"]), [])
        self.assertEqual(self.connection.ignore("b"), [])
        self.assertEqual(self.transport.commands(), [])

    def test_last_wish_counts_when_answers_are_outstanding(self) -> None:
        """Wishes that overtake the answers are sent in their order, and a message then finds its channel."""
        self.listen("a")
        self.connection.ignore("a")
        self.listen("a")
        self.assertEqual(self.transport.commands(), words("SUBSCRIBE p.a", "UNSUBSCRIBE p.a", "SUBSCRIBE p.a"))
        subscribed, left = confirm(b"subscribe", b"p.a"), confirm(b"unsubscribe", b"p.a")
        self.transport.answer(subscribed, left, subscribed, message(b"p.a", b"1"))
        self.assertEqual(self.runs, [{"a": ["1"]}])

    def test_error_is_the_reply_to_a_whole_command(self) -> None:
        """A SUBSCRIBE that is refused gets one answer only, and the next command keeps its own."""
        refused, ponged = self.listen("a", "b"), self.connection.ping()
        self.transport.answer(b"-NOPERM no channel\r\n", PONG)
        self.failureResultOf(refused, ResponseError)
        self.successResultOf(ponged)

    def test_answer_without_a_command_is_left_out(self) -> None:
        """What nobody asked for does not become the reply to a later command."""
        self.transport.answer(b"+HELLO\r\n")
        ponged = self.connection.ping()
        self.assertNoResult(ponged)
        self.transport.answer(PONG)
        self.successResultOf(ponged)

    def test_all_commands_fail_when_the_connection_is_lost(self) -> None:
        """A command with many confirmations fails once, like any other."""
        replies = [self.listen("a", "b", "c"), self.connection.ping()]
        self.transport.answer(confirm(b"subscribe", b"p.a"))
        self.transport.end(ConnectionDone())
        for reply in replies:
            self.failureResultOf(reply, RedisConnectionError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_subscribe_is_watched_like_any_command(self) -> None:
        """No confirmation within the time-out ends the connection; messages in between prove that it lives."""
        self.listen("a")
        self.transport.answer(confirm(b"subscribe", b"p.a"))
        reply = self.listen("b")
        self.clock.advance(0.6)
        self.transport.answer(message(b"p.a", b"1"))
        self.clock.advance(0.6)
        self.assertNoResult(reply)
        self.clock.pump([0.4, LAST_LOOK, 0])
        self.failureResultOf(reply, RedisConnectionError)

    def test_channel_names_keep_every_character(self) -> None:
        """A name in any script, and one that is no Unicode, has a key."""
        self.assertEqual(redis_key("p.", "é:日本"), "p.é:日本".encode())
        self.assertEqual(redis_key("p.", "\ud800"), b"p.\xed\xa0\x80")
        self.listen("日本")
        self.transport.answer(confirm(b"subscribe", "p.日本".encode()), message("p.日本".encode(), b"1"))
        self.assertEqual(self.runs, [{"日本": ["1"]}])
