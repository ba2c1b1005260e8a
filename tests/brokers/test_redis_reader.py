# -*- test-case-name: tests.brokers.test_redis_reader -*-
"""Tests for sockjsd.brokers._redis_reader."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_calls import RedisKeys
from sockjsd.brokers._redis_link import RedisPlace
from sockjsd.brokers._redis_reader import RedisReader
from sockjsd.brokers._redis_subscriber import SubscriberConnection
from sockjsd.brokers._redis_url import RedisAddress
from sockjsd.channels.publications import Publication, Run
from sockjsd.errors import BrokerUnavailable, StateError
from tests.brokers.fakes import FakeEndpoint, FakeTransport, FixedRandom, RecordingListener, confirm, message, words

OURS = (b"p:control", b"p:node:me")


class ReaderTests(SynchronousTestCase):
    """A reader on a link that is made by hand."""

    def setUp(self) -> None:
        """Start it."""
        self.clock = Clock()
        self.endpoint = FakeEndpoint(self.clock)
        self.listener = RecordingListener()
        self.runs: list[tuple[Run, list[bytes]]] = []
        place = RedisPlace(self.clock, self.endpoint, RedisAddress(path="/fake"), 1.0, 5.0, FixedRandom())
        self.reader = RedisReader(place, self.listener, RedisKeys("p"), "me", self.read, self.greet)
        self.reader.link.start()

    def read(self) -> None:
        """One read ended."""
        self.runs.append(self.reader.inbox.take())

    def greet(self, connection: SubscriberConnection) -> list[Deferred[object]]:
        """Say hello."""
        return [connection.execute_command(b"HELLO")]

    def connect(self, *wanted: str) -> FakeTransport:
        """Accept the next attempt, which asks for all that is wanted; nothing is confirmed yet."""
        transport = self.endpoint.accept()
        transport.answer(b"+PONG\r\n")
        names = " ".join(["p:control", "p:node:me", *(f"p.{channel}" for channel in wanted)])
        self.assertEqual(transport.commands(), words("PING", "HELLO", f"SUBSCRIBE {names}"))
        transport.answer(b"+OK\r\n")
        return transport

    def assert_refused(self, waiting: Deferred[None], problem: str) -> None:
        """Whoever waits is told that it is in vain."""
        failure = self.failureResultOf(waiting, BrokerUnavailable)
        self.assertEqual(str(failure.value), problem)

    def test_reader_is_ready_when_all_is_confirmed(self) -> None:
        """What nodes say is listened to before, and in the same way as, the channels."""
        self.reader.want("a")
        transport = self.connect("a")
        transport.answer(confirm(b"subscribe", *OURS))
        self.assertEqual(self.listener.told, [])
        transport.answer(confirm(b"subscribe", b"p.a"))
        self.assertEqual(self.listener.told, ["ready"])

    def test_messages_are_in_the_inbox_at_the_end_of_a_read(self) -> None:
        """Items of channels and messages of nodes."""
        self.reader.want("a")
        transport = self.connect("a")
        transport.answer(confirm(b"subscribe", *OURS, b"p.a"), message(b"p.a", b"1"), message(b"p:node:me", b"2"))
        self.assertEqual(self.runs[-1], ({"a": [Publication("1")]}, [b"2"]))

    def test_waiting_ends_with_the_confirmation(self) -> None:
        """For everybody who waits for that channel, and for nobody else."""
        transport = self.connect()
        for channel in ("a", "b"):
            self.reader.want(channel)
        first, second, other = (self.reader.confirmed(channel) for channel in ("a", "a", "b"))
        transport.answer(confirm(b"subscribe", *OURS, b"p.a"))
        self.successResultOf(first)
        self.successResultOf(second)
        self.assertNoResult(other)
        self.successResultOf(self.reader.confirmed("a"))
        transport.answer(confirm(b"subscribe", b"p.b"))
        self.successResultOf(other)

    def test_waiting_fails_when_it_is_in_vain(self) -> None:
        """Redis is away or goes away, or nobody wants the channel any longer."""
        self.reader.want("a")
        self.assert_refused(self.reader.confirmed("a"), "Redis is not connected: connecting")
        transport = self.connect("a")
        waiting = self.reader.confirmed("a")
        self.reader.forget("a")
        self.assert_refused(waiting, "nobody wants the channel any longer")
        self.reader.want("a")
        waiting = self.reader.confirmed("a")
        transport.end(ConnectionDone())
        self.assert_refused(waiting, "Redis is not connected: Connection was closed cleanly.")
        self.assertEqual(self.listener.told, ["Connection was closed cleanly."])
        self.failureResultOf(self.reader.confirmed("never"), StateError)

    def test_confirmation_of_the_connection_before_counts_no_more(self) -> None:
        """After a loss each channel is confirmed anew."""
        self.reader.want("a")
        transport = self.connect("a")
        transport.answer(confirm(b"subscribe", *OURS, b"p.a"))
        self.successResultOf(self.reader.confirmed("a"))
        transport.end(ConnectionDone())
        self.clock.advance(0.1)
        transport = self.connect("a")
        waiting = self.reader.confirmed("a")
        self.assertNoResult(waiting)
        transport.answer(confirm(b"subscribe", *OURS, b"p.a"))
        self.successResultOf(waiting)

    def test_many_channels_are_asked_for_in_batches(self) -> None:
        """A thousand channels after a loss are three commands."""
        for number in range(1000):
            self.reader.want(f"c{number}")
        transport = self.endpoint.accept()
        transport.answer(b"+PONG\r\n")
        sizes = [len(command) - 1 for command in transport.commands() if command[0] == b"SUBSCRIBE"]
        self.assertEqual(sizes, [500, 500, 2])

    def test_wishes_are_sent_at_once_when_connected(self) -> None:
        """And not at all while they cannot be."""
        self.reader.want("a")
        self.reader.forget("a")
        transport = self.connect()
        self.reader.want("a")
        self.reader.forget("a")
        self.reader.forget("b")
        self.assertEqual(transport.commands(), words("SUBSCRIBE p.a", "UNSUBSCRIBE p.a"))
