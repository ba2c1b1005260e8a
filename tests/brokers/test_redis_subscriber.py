# -*- test-case-name: tests.brokers.test_redis_subscriber -*-
"""Tests for sockjsd.brokers._redis_subscriber."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from txredisapi import ConnectionError as RedisConnectionError
from txredisapi import ResponseError

from sockjsd.brokers._redis_inbox import Inbox
from sockjsd.brokers._redis_protocol import LAST_LOOK
from sockjsd.brokers._redis_subscriber import SubscriberConnection
from sockjsd.channels.publications import Item, Publication
from tests.brokers.fakes import FakeTransport, RecordingOwner, bulk, confirm, message, words

PONG = bulk(b"pong", b"")


def _text(item: Item) -> str:
    return item.data if isinstance(item, Publication) else ""


class SubscriberTests(SynchronousTestCase):
    """A connection that listens."""

    def setUp(self) -> None:
        """Connect."""
        self.clock = Clock()
        self.owner = RecordingOwner()
        self.inbox = Inbox("p.", ())
        self.runs: list[dict[str, list[str]]] = []
        self.confirmed: list[bytes] = []
        self.connection = SubscriberConnection(
            self.clock, 1.0, self.owner, self.inbox, self.read, self.confirmed.append
        )
        self.transport = FakeTransport(self.clock, self.connection)
        self.connection.makeConnection(self.transport)

    def read(self) -> None:
        """One read ended."""
        run, _ = self.inbox.take()
        texts = {
            channel: [item.data for item in items if isinstance(item, Publication)] for channel, items in run.items()
        }
        self.runs.append(texts)

    def listen(self, *channels: str) -> Deferred[object]:
        """Subscribe to channels that fit into one command."""
        (reply,) = self.connection.listen([b"p." + channel.encode() for channel in channels])
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
        self.connection.ignore(b"p.a")
        self.transport.answer(confirm(b"subscribe", b"p.a"), message(b"p.a", b"1"), confirm(b"unsubscribe", b"p.a"))
        self.assertEqual(self.runs, [{}])

    def test_channels_are_subscribed_in_batches(self) -> None:
        """1,001 channels are three commands, each with a reply of its own."""
        names = [b"p.c%d" % number for number in range(1001)]
        replies = self.connection.listen(names)
        self.assertEqual([len(command) - 1 for command in self.transport.commands()], [500, 500, 1])
        self.transport.answer(confirm(b"subscribe", *names[:1000]))
        self.assertEqual([reply.called for reply in replies], [True, True, False])

    def test_channel_is_asked_for_once(self) -> None:
        """To listen again, or to leave what is not there, sends nothing."""
        self.listen("a")
        self.transport.commands()
        self.assertEqual(self.connection.listen([b"p.a"]), [])
        self.assertEqual(self.connection.ignore(b"p.b"), [])
        self.assertEqual(self.transport.commands(), [])

    def test_last_wish_counts_when_answers_are_outstanding(self) -> None:
        """Wishes that overtake the answers are sent in their order, and a message then finds its channel."""
        self.listen("a")
        self.connection.ignore(b"p.a")
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

    def test_name_is_confirmed_when_nothing_of_it_is_outstanding(self) -> None:
        """The first confirmation of a name that was left and wanted again says nothing yet."""
        self.listen("a", "b")
        self.connection.ignore(b"p.a")
        self.listen("a")
        self.connection.ignore(b"p.b")
        self.transport.answer(confirm(b"subscribe", b"p.a", b"p.b"))
        self.transport.answer(confirm(b"unsubscribe", b"p.a"))
        self.assertEqual((self.confirmed, self.connection.hears(b"p.a")), ([], False))
        self.transport.answer(confirm(b"subscribe", b"p.a"))
        self.assertEqual((self.confirmed, self.connection.hears(b"p.a")), ([b"p.a"], True))
        self.transport.answer(confirm(b"unsubscribe", b"p.b"))
        self.assertEqual((self.confirmed, self.connection.hears(b"p.b")), ([b"p.a"], False))
        self.connection.ignore(b"p.a")
        self.assertFalse(self.connection.hears(b"p.a"))

    def test_name_that_is_given_twice_is_asked_for_once(self) -> None:
        """Also within one call."""
        replies = self.connection.listen([b"p.a", b"p.a", b"p.b"])
        self.assertEqual((len(replies), self.transport.commands()), (1, words("SUBSCRIBE p.a p.b")))
