# -*- test-case-name: tests.brokers.test_redis_protocol -*-
"""Tests for sockjsd.brokers._redis_protocol."""

from __future__ import annotations

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from txredisapi import ConnectionError as RedisConnectionError
from txredisapi import ResponseError
from zope.interface import directlyProvides

from sockjsd.brokers._redis_protocol import LAST_LOOK, RedisConnection
from tests.brokers.fakes import FakeTransport, RecordingOwner, words


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
