# -*- test-case-name: tests.brokers.test_redis_writer -*-
"""Tests for sockjsd.brokers._redis_writer."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_link import RedisPlace
from sockjsd.brokers._redis_protocol import RedisConnection
from sockjsd.brokers._redis_scripts import Call, Script
from sockjsd.brokers._redis_url import RedisAddress
from sockjsd.brokers._redis_writer import RedisWriter
from sockjsd.errors import BrokerUnavailable
from tests.brokers.fakes import FakeEndpoint, FakeTransport, FixedRandom, RecordingListener, words

CALL = Call(Script(b"text", b"hash"), (b"k",), (b"a",))
BY_TEXT, BY_HASH = words("EVAL text 1 k a", "EVALSHA hash 1 k a")
NOSCRIPT = b"-NOSCRIPT No matching script.\r\n"


class WriterTests(SynchronousTestCase):
    """A writer on a link that is made by hand."""

    def setUp(self) -> None:
        """Start it; each new connection greets with a command of its own."""
        self.clock = Clock()
        self.endpoint = FakeEndpoint(self.clock)
        self.listener = RecordingListener()
        place = RedisPlace(self.clock, self.endpoint, RedisAddress(path="/fake"), 1.0, 5.0, FixedRandom())
        self.writer = RedisWriter(place, self.listener, self.greet)
        self.writer.link.start()

    def greet(self, connection: RedisConnection) -> list[Deferred[object]]:
        """Say hello."""
        return [connection.execute_command(b"HELLO")]

    def connect(self) -> FakeTransport:
        """Accept the next attempt and answer until it is ready."""
        transport = self.endpoint.accept()
        transport.answer(b"+PONG\r\n")
        transport.answer(b"+OK\r\n")
        self.assertEqual(transport.commands(), words("PING", "HELLO"))
        return transport

    def test_writer_is_ready_after_its_greeting(self) -> None:
        """The listener is told then."""
        self.connect()
        self.assertEqual(self.listener.told, ["ready"])

    def test_nothing_is_asked_while_redis_is_away(self) -> None:
        """Commands and scripts fail at once, and say why."""
        for reply in (self.writer.ask(b"PING"), self.writer.call(CALL)):
            failure = self.failureResultOf(reply, BrokerUnavailable)
            self.assertEqual(str(failure.value), "Redis is not connected: connecting")

    def test_script_is_sent_by_its_text_once_on_each_connection(self) -> None:
        """All that is sent behind it comes after it, so order is kept without waiting for an answer."""
        transport = self.connect()
        replies = [self.writer.call(CALL) for _ in range(3)]
        self.assertEqual(transport.commands(), [BY_TEXT, BY_HASH, BY_HASH])
        transport.answer(b":1\r\n:2\r\n:3\r\n")
        self.assertEqual([self.successResultOf(reply) for reply in replies], [1, 2, 3])
        transport.end(ConnectionDone())
        self.clock.advance(0.1)
        transport = self.connect()
        self.writer.call(CALL)
        self.assertEqual(transport.commands(), [BY_TEXT])

    def test_script_is_sent_again_when_redis_forgot_it(self) -> None:
        """NOSCRIPT means that nothing was done."""
        transport = self.connect()
        self.writer.call(CALL)
        reply = self.writer.call(CALL)
        transport.commands()
        transport.answer(b":1\r\n", NOSCRIPT)
        self.assertEqual(transport.commands(), [BY_TEXT])
        transport.answer(b":2\r\n")
        self.assertEqual(self.successResultOf(reply), 2)

    def test_script_is_not_sent_again_to_a_connection_that_is_gone(self) -> None:
        """The answer came in the same read as the end of the connection."""
        transport = self.connect()
        self.writer.call(CALL)
        reply = self.writer.call(CALL)
        self.writer.link.ready = None
        transport.answer(b":1\r\n", NOSCRIPT)
        self.failureResultOf(reply, BrokerUnavailable)

    def test_error_of_a_script_is_told_without_its_text(self) -> None:
        """It might quote what is secret."""
        transport = self.connect()
        self.writer.call(CALL)
        reply = self.writer.call(CALL)
        transport.answer(b":1\r\n", b"-OOM s3cret\r\n")
        failure = self.failureResultOf(reply, BrokerUnavailable)
        self.assertEqual(str(failure.value), "Redis did not do it: Redis answers OOM")

    def test_refusal_in_an_answer_is_told_like_a_failure(self) -> None:
        """Its code, not its text; and a replica is left."""
        transport = self.connect()
        error = self.writer.refused("WRONGTYPE s3cret").value
        self.assertIsInstance(error, BrokerUnavailable)
        self.assertEqual(str(error), "Redis did not do it: Redis answers WRONGTYPE")
        self.clock.advance(0)
        self.assertFalse(transport.lost)
        self.writer.refused("READONLY You can't write")
        self.clock.advance(0)
        self.assertEqual((transport.lost, self.writer.connected), (True, False))
        self.assertIsInstance(self.writer.refused("READONLY again").value, BrokerUnavailable)

    def test_replica_is_left(self) -> None:
        """A Redis that takes no writes any more is not the master: the connection is made again."""
        for text in (b"-READONLY You can't write\r\n", b"-ERR Error running script: -READONLY You can't\r\n"):
            self.setUp()
            transport = self.connect()
            reply = self.writer.ask(b"DEL", b"k")
            transport.answer(text)
            self.failureResultOf(reply, BrokerUnavailable)
            self.clock.advance(0)
            self.assertTrue(transport.lost)
            self.assertEqual(self.writer.link.problem, "Redis is a replica now")

    def test_bug_of_ours_is_not_called_an_outage(self) -> None:
        """Only errors of Redis become BrokerUnavailable."""
        self.connect()
        reply = self.writer.ask(b"PING")
        reply.cancel()
        self.assertNotIsInstance(self.failureResultOf(reply).value, BrokerUnavailable)
