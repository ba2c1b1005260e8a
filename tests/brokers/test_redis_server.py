# -*- test-case-name: tests.brokers.test_redis_server -*-
"""Tests for sockjsd.brokers._redis_server."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from txredisapi import ConnectionError as RedisConnectionError
from txredisapi import RedisError

from sockjsd.brokers._redis_protocol import RedisConnection
from sockjsd.brokers._redis_server import SameServer
from tests.brokers.fakes import FakeTransport, RecordingOwner, words

OLD, NEW = b"$17\r\nrun_id:0123456789\r\n", b"$17\r\nrun_id:9876543210\r\n"


class SameServerTests(SynchronousTestCase):
    """Two connections and what they find."""

    def setUp(self) -> None:
        """No connection yet."""
        self.clock = Clock()

    def connect(self, server: SameServer, *answers: bytes) -> tuple[FakeTransport, list[Deferred[object]]]:
        """Open a connection that greets and is answered."""
        connection = RedisConnection(self.clock, 1.0, RecordingOwner())
        transport = FakeTransport(self.clock, connection)
        connection.makeConnection(transport)
        replies = server.greet(connection)
        transport.answer(*answers)
        self.clock.advance(0)
        return transport, replies

    def test_connections_to_one_redis_stay(self) -> None:
        """Both have found the same id."""
        server = SameServer(master=False)
        (first, replies), (second, _) = self.connect(server, OLD), self.connect(server, OLD)
        self.assertEqual((first.commands(), first.lost, second.lost), (words("INFO server"), False, False))
        self.assertEqual([self.successResultOf(reply) for reply in replies], [None])

    def test_older_connection_goes_when_the_newer_found_another_redis(self) -> None:
        """Once: a third one to the new Redis harms nobody."""
        server = SameServer(master=False)
        first, second, third = (self.connect(server, answer)[0] for answer in (OLD, NEW, NEW))
        self.assertEqual([each.lost for each in (first, second, third)], [True, False, False])
        self.assertEqual(first.protocol._owner.told[1:], ["closed: the other connection reached another Redis"])

    def test_redis_that_does_not_tell_is_served(self) -> None:
        """A user may lack the permission, a proxy may answer something else."""
        server = SameServer(master=False)
        for answer in (b"-NOPERM this user\r\n", b"$2\r\n??\r\n", b":1\r\n"):
            transport, (reply,) = self.connect(server, answer)
            self.successResultOf(reply)
            self.assertFalse(transport.lost)

    def test_lost_connection_is_a_failure(self) -> None:
        """It is not a permission that is missing."""
        transport, (reply,) = self.connect(SameServer(master=False))
        transport.protocol.abort("gone")
        self.clock.advance(0)
        self.failureResultOf(reply, RedisConnectionError)

    def test_master_is_demanded_where_sentinels_name_it(self) -> None:
        """A replica, or a Sentinel, is refused."""
        server = SameServer(master=True)
        _, replies = self.connect(server, OLD, b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        self.assertEqual([self.successResultOf(reply) for reply in replies], [None, None])
        for role in (b"*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n", b"+OK\r\n"):
            _, (_, reply) = self.connect(server, OLD, role)
            self.failureResultOf(reply, RedisError)

    def test_all_connections_go_when_the_redis_is_left(self) -> None:
        """Those that are open; one that is gone is not touched again."""
        server = SameServer(master=False)
        first, second = (self.connect(server, OLD)[0] for _ in range(2))
        first.protocol.abort("first")
        self.clock.advance(0)
        server.leave("moved")
        self.clock.advance(0)
        self.assertEqual(first.protocol._owner.told[1:], ["closed: first"])
        self.assertEqual(second.protocol._owner.told[1:], ["closed: moved"])
