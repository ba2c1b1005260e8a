# -*- test-case-name: tests.django.test_redis_sentinel -*-
"""Tests of ``sockjsd.django.redis_sentinel``, on connections that are fakes."""

from __future__ import annotations

from redis.connection import Connection, SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config.sentinels import parse_sentinels
from sockjsd.django.redis_sentinel import MasterConnection, Place, make_sentinel_dial
from tests.django.test_redis_connections import FakeConnection

PLACES: tuple[Place, ...] = (("s1", 1), ("s2", 2))
ASKED = ("SENTINEL", "get-master-addr-by-name", "mymaster")


class MasterConnectionTests(SynchronousTestCase):
    """Finding the master, and talking to it."""

    def setUp(self) -> None:
        """Two Sentinels that name the same master, which is one."""
        self.sentinels = {place: FakeConnection() for place in PLACES}
        for sentinel in self.sentinels.values():
            sentinel.answers = [[b"r", b"7"]]
        self.redis = FakeConnection()
        self.redis.answers = [[b"master", 0, []]]
        self.dialled: list[Place] = []
        self.places = list(PLACES)
        self.clock = Clock()
        self.connection = self.make_connection()

    def make_connection(self) -> MasterConnection:
        """Make one that asks again after five seconds."""
        sentinel = self.sentinels.__getitem__
        return MasterConnection(self.places, "mymaster", sentinel, self.dial, 5.0, self.clock.seconds)

    def dial(self, place: Place) -> FakeConnection:
        """Make the connection to Redis."""
        self.dialled.append(place)
        return self.redis

    def test_connection_goes_where_the_first_sentinel_says(self) -> None:
        """The others are not asked, and the connection to it is closed."""
        self.connection.connect()
        first, second = self.sentinels.values()
        self.assertEqual((first.commands, first.connected, second.commands), ([ASKED], False, []))
        self.assertEqual((self.dialled, self.redis.commands), ([("r", 7)], [("ROLE",)]))

    def test_sentinel_that_cannot_help_is_passed_over(self) -> None:
        """One that is away, and one that does not know the name."""
        first, _ = self.sentinels.values()
        for trouble in (RedisConnectionError("away"), None):
            self.setUp()
            first, _ = self.sentinels.values()
            if trouble:
                first.connect_error = trouble
            else:
                first.answers = [None]
            self.connection.connect()
            self.assertEqual((self.dialled, first.connected), ([("r", 7)], False))

    def test_sentinel_that_answered_is_asked_first_the_next_time(self) -> None:
        """A dead one costs its time-out once, not with each connection."""
        first, second = self.sentinels.values()
        first.connect_error = RedisConnectionError("away")
        self.connection.connect()
        self.assertEqual(self.places, [("s2", 2), ("s1", 1)])
        second.answers, self.redis.answers = [[b"r", b"7"]], [[b"master", 0, []]]
        self.make_connection().connect()
        self.assertEqual((len(second.commands), first.commands), (2, []))

    def test_connect_fails_when_no_sentinel_knows_the_master(self) -> None:
        """The error says why."""
        first, second = self.sentinels.values()
        first.connect_error, second.answers = OSError("refused"), [None]
        error = self.assertRaises(RedisConnectionError, self.connection.connect)
        self.assertEqual(str(error), "no Sentinel says where the master is: refused")
        self.connection.disconnect()

    def test_connect_fails_when_the_master_is_none(self) -> None:
        """A replica that was a master a moment ago would take what nobody sees."""
        self.redis.answers = [[b"slave", b"r2", 8]]
        self.assertRaises(RedisConnectionError, self.connection.connect)
        self.assertFalse(self.redis.connected)

    def test_connection_speaks_to_the_master(self) -> None:
        """Commands, answers, bytes that wait, and the end are those of the connection behind it."""
        self.connection.connect()
        self.redis.answers = [3]
        self.redis.readable = True
        self.connection.send_command(b"PUBLISH", b"a", b"1")
        self.assertEqual((self.connection.read_response(), self.connection.can_read()), (3, True))
        self.assertEqual(self.redis.commands[1:], [(b"PUBLISH", b"a", b"1")])
        self.connection.disconnect()
        self.assertFalse(self.redis.connected)

    def test_connection_is_not_used_for_ever(self) -> None:
        """After a while it counts as broken, so that the next one asks where the master is."""
        self.connection.connect()
        self.clock.advance(5)
        self.assertFalse(self.connection.can_read())
        self.clock.advance(0.1)
        self.assertRaises(RedisConnectionError, self.connection.can_read)


class DialTests(SynchronousTestCase):
    """How connections are made from an address."""

    def test_each_side_gets_its_own_credentials(self) -> None:
        """Redis's are not told to Sentinels, nor theirs to Redis; an option wins over the address."""
        url = "sentinel://u:p@s1,s2:7/m/3?sentinel_username=su&sentinel_password=sp"
        for own, password in (({}, "p"), ({"password": "option"}, "option")):
            connection = make_sentinel_dial(parse_sentinels(url), 5.0, {"socket_timeout": 1.0, **own})()
            redis, sentinel = connection._dial_redis(("r", 8)), connection._dial_sentinel(("s", 9))
            self.assertEqual((redis.host, redis.port, redis.db, redis.username), ("r", 8, 3, "u"))
            self.assertEqual((redis.password, redis.socket_timeout), (password, 1.0))
            self.assertEqual((sentinel.host, sentinel.port, sentinel.username, sentinel.password), ("s", 9, "su", "sp"))
            self.assertIs(type(redis), Connection)

    def test_tls_is_for_all_of_them(self) -> None:
        """``sentinels://`` wraps both kinds of connections."""
        connection = make_sentinel_dial(parse_sentinels("sentinels://s1/m"), 5.0, {})()
        for made in (connection._dial_redis(("r", 8)), connection._dial_sentinel(("s", 9))):
            self.assertIs(type(made), SSLConnection)
