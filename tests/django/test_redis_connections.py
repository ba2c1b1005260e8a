# -*- test-case-name: tests.django.test_redis_connections -*-
"""Tests of ``sockjsd.django.redis_connections``."""

from __future__ import annotations

import threading
from typing import Any

from redis.connection import Connection as RedisConnection
from redis.connection import SSLConnection, UnixDomainSocketConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Broker
from sockjsd.django.redis_connections import IdleConnections, connect_within, find_secrets, make_dial
from sockjsd.django.redis_sentinel import MasterConnection

#: Seconds that nothing in these tests takes: a limit that is not reached.
AMPLE = 30.0


class FakeConnection:
    """A connection that does at once what the test says, and remembers what was done to it."""

    def __init__(self) -> None:
        self.connected = False
        self.readable: bool | Exception = False
        self.connect_error: BaseException | None = None
        self.answers: list[object] = []
        self.commands: list[tuple[bytes | str, ...]] = []

    def connect(self) -> None:
        if self.connect_error is not None:
            raise self.connect_error
        self.connected = True

    def disconnect(self) -> None:
        self.connected = False

    def can_read(self) -> bool:
        if isinstance(self.readable, Exception):
            raise self.readable
        return self.readable

    def send_command(self, *args: bytes | str) -> None:
        self.commands.append(args)

    def read_response(self) -> Any:
        answer = self.answers.pop(0) if self.answers else 1
        if isinstance(answer, BaseException):
            raise answer
        return answer


class HangingConnection(FakeConnection):
    """A connection whose name server does not answer before :meth:`release`."""

    def __init__(self) -> None:
        super().__init__()
        self._released = threading.Event()
        self.disconnected = threading.Event()

    def connect(self) -> None:
        self._released.wait(AMPLE)
        super().connect()

    def disconnect(self) -> None:
        super().disconnect()
        self.disconnected.set()

    def release(self) -> None:
        """Let the name be found."""
        self._released.set()


class MakeDialTests(SynchronousTestCase):
    """How the configuration becomes a connection of redis-py, which is made and not connected."""

    def made(self, **options: Any) -> Any:
        """The connection for a broker with these options."""
        return make_dial(Broker(**options))()

    def test_dial_reads_each_form_of_url(self) -> None:
        """TCP, TLS and Unix sockets, each with a database."""
        for url, kind, where in [
            ("redis://there:7000/3", RedisConnection, {"host": "there", "port": 7000, "db": 3}),
            ("redis://there", RedisConnection, {"host": "there", "port": 6379, "db": 0}),
            ("rediss://there/1", SSLConnection, {"host": "there", "port": 6379, "db": 1}),
            ("redis+unix:///run/redis.sock", UnixDomainSocketConnection, {"path": "/run/redis.sock", "db": 0}),
            ("redis+unix:///run/redis.sock?db=2", UnixDomainSocketConnection, {"path": "/run/redis.sock", "db": 2}),
        ]:
            with self.subTest(url=url):
                connection = self.made(url=url)
                self.assertIs(type(connection), kind)
                self.assertEqual({name: getattr(connection, name) for name in where}, where)

    def test_dial_takes_user_and_password_from_url(self) -> None:
        """Escapes are undone."""
        connection = self.made(url="redis://me:p%40ss@there")
        self.assertEqual((connection.username, connection.password), ("me", "p@ss"))

    def test_dial_prefers_password_option(self) -> None:
        """The option wins over the URL; the user stays."""
        connection = self.made(url="redis://me:old@there", password="new")
        self.assertEqual((connection.username, connection.password), ("me", "new"))

    def test_dial_sets_both_time_outs_and_never_repeats(self) -> None:
        """Whatever redis-py would do by default."""
        for url in ("redis://there", "rediss://there", "redis+unix:///run/redis.sock"):
            with self.subTest(url=url):
                connection = self.made(url=url, connect_timeout=0.25, command_timeout=0.75)
                self.assertEqual(connection.socket_connect_timeout, 0.25)
                self.assertEqual(connection.socket_timeout, 0.75)
                self.assertEqual(connection.retry.get_retries(), 0)

    def test_find_secrets_knows_each_form_of_password(self) -> None:
        """As written in the URL, as sent, and from the option; no empty ones."""
        self.assertEqual(set(find_secrets(Broker(url="redis://me:p%40ss@there"))), {"p%40ss", "p@ss"})
        self.assertEqual(find_secrets(Broker(url="redis://me@there", password="word")), ("word",))
        self.assertEqual(find_secrets(Broker(url="redis://there")), ())


class SentinelDialTests(SynchronousTestCase):
    """An address of Sentinels."""

    BROKER = Broker(url="sentinel://u:p%40@s1,s2/m?sentinel_password=w%40rd", connect_timeout=0.25)

    def test_connection_finds_its_master_by_itself(self) -> None:
        """With our own time-outs, also for the Sentinels; the option's password is Redis's."""
        connection = make_dial(self.BROKER)()
        assert isinstance(connection, MasterConnection)
        redis, sentinel = connection._dial_redis(("r", 1)), connection._dial_sentinel(("s1", 2))
        self.assertEqual((redis.password, sentinel.password), ("p@", "w@rd"))
        self.assertEqual((redis.socket_connect_timeout, sentinel.socket_connect_timeout), (0.25, 0.25))

    def test_passwords_of_both_are_secrets(self) -> None:
        """Neither must be shown."""
        self.assertEqual(set(find_secrets(self.BROKER)), {"p%40", "p@", "w@rd"})


class IdleConnectionsTests(SynchronousTestCase):
    """Which connection the next publication gets."""

    def setUp(self) -> None:
        self.made: list[FakeConnection] = []
        self.connections = IdleConnections(self.dial, AMPLE)

    def dial(self) -> FakeConnection:
        """Make one more connection."""
        self.made.append(FakeConnection())
        return self.made[-1]

    def test_take_connects_first_one(self) -> None:
        """Nothing is connected before it is needed."""
        self.assertEqual(self.made, [])
        self.assertTrue(self.connections.take().connected)

    def test_take_uses_idle_one_again(self) -> None:
        """One connection serves one thread."""
        for _ in range(3):
            self.connections.give_back(self.connections.take())
        self.assertEqual(len(self.made), 1)

    def test_take_makes_as_many_as_are_in_use(self) -> None:
        """Two that publish at the same time do not share one."""
        first, second = self.connections.take(), self.connections.take()
        self.assertIsNot(first, second)

    def test_take_leaves_stale_ones_out(self) -> None:
        """After a restart of Redis every idle connection is closed, and none of them is used."""
        for readable in (True, RedisConnectionError("closed"), OSError("reset")):
            with self.subTest(readable=readable):
                stale = [self.connections.take() for _ in range(2)]
                for connection in stale:
                    connection.readable = readable
                    self.connections.give_back(connection)
                fresh = self.connections.take()
                self.assertNotIn(fresh, stale)
                self.assertEqual([connection.connected for connection in stale], [False] * 2)


class ConnectWithinTests(SynchronousTestCase):
    """A limit for all that connecting consists of."""

    def test_connect_within_raises_what_connecting_raises(self) -> None:
        """In the thread of the caller."""
        for error in (RedisConnectionError("refused"), UnicodeError("no such name"), TimeoutError("from a socket")):
            connection = FakeConnection()
            connection.connect_error = error
            with self.subTest(error=error):
                self.assertRaises((RedisError, UnicodeError), connect_within, AMPLE, connection)

    def test_connect_within_gives_up_and_closes_what_comes_late(self) -> None:
        """A resolver that hangs costs the limit, and leaves no connection behind when it wakes up."""
        connection = HangingConnection()
        self.addCleanup(connection.release)
        error = self.assertRaises(RedisTimeoutError, connect_within, 0.0, connection)
        self.assertIn("no connection within 0 s", str(error))
        connection.release()
        self.assertTrue(connection.disconnected.wait(AMPLE))
        self.assertFalse(connection.connected)
