# -*- test-case-name: tests.django.test_redis_connections -*-
"""Connections to Redis for short commands from many threads, each wait with an end.

redis-py's own client is not used for this, because its defaults are made for
something else: since version 6 it repeats a command that failed (version 8: ten times,
for seconds), it resolves names without any time-out, and it asks a new connection up to five
questions, each with a time-out of its own.  Its :class:`redis.connection.Connection` does all that
is needed here: TCP, TLS and Unix sockets, AUTH, SELECT, the wire format.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from redis import connection as redis_connection
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from sockjsd.config import Broker
from sockjsd.config.sentinels import names_sentinels, parse_sentinels
from sockjsd.django.redis_sentinel import make_sentinel_dial


class Connection(Protocol):
    """What we need of :class:`redis.connection.Connection`; every call may raise ``RedisError``."""

    def connect(self) -> None:
        """Connect, authenticate and select the database; does nothing when that is done."""

    def disconnect(self) -> None:
        """Close the socket; the parent's end stays open in a forked child."""

    def can_read(self) -> bool:
        """Say without waiting whether there are bytes to read; raises when the server has closed."""

    def send_command(self, *args: bytes | str) -> None:
        """Write one command."""

    def read_response(self) -> Any:
        """Read one answer, numbers, bytes and lists of them; a refusal by Redis is raised as ``ResponseError``."""


#: Makes a connection that is not connected yet.
Dial = Callable[[], Connection]


def make_dial(broker: Broker) -> Dial:
    """Return what makes connections for *broker*, whose URL is one of Redis or of Sentinels."""
    if names_sentinels(broker.url):
        return make_sentinel_dial(parse_sentinels(broker.url), broker.ping_interval, _own_options(broker))
    options = _read_url(broker.url) | _own_options(broker)
    connection_class = options.pop("connection_class", redis_connection.Connection)
    return lambda: connection_class(**options)


def find_secrets(broker: Broker) -> tuple[str, ...]:
    """Return what must not be shown: each form in which the password of *broker* may appear in a text."""
    written = urlsplit(broker.url).netloc.rpartition("@")[0].partition(":")[2]
    sentinels = parse_sentinels(broker.url).sentinel_password if names_sentinels(broker.url) else ""
    return tuple(secret for secret in (broker.password, written, unquote(written), sentinels) if secret)


def _read_url(url: str) -> dict[str, Any]:
    """Return the options in *url*; redis-py calls ``unix`` what we call ``redis+unix``."""
    if url.startswith("redis+unix:"):
        url = url.removeprefix("redis+")
    return dict(redis_connection.parse_url(url))


def _own_options(broker: Broker) -> dict[str, Any]:
    """What we decide, whatever the URL says."""
    options: dict[str, Any] = {
        "socket_connect_timeout": broker.connect_timeout,
        "socket_timeout": broker.command_timeout,
        # A publication may have gone out although its answer did not come: never send it again.
        "retry": Retry(NoBackoff(), 0),
        "retry_on_error": [],
        "retry_on_timeout": False,
        # RESP 3 would cost two questions on each new connection.
        "protocol": 2,
    }
    return options | ({"password": broker.password} if broker.password else {})


class IdleConnections:
    """The connections of one process that nobody uses at the moment.

    There are as many as threads ever published at the same time.

    :param dial: makes a connection.
    :param limit: seconds that a new connection may take in all: name, TCP, TLS, AUTH, SELECT.
    """

    def __init__(self, dial: Dial, limit: float) -> None:
        self._dial = dial
        self._limit = limit
        self._idle: deque[Connection] = deque()  # append and pop of a deque are atomic: no lock

    def take(self) -> Connection:
        """Return a connected one, which the caller gives back or disconnects.

        :raises RedisError: Redis cannot be reached in time.
        """
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return connect_within(self._limit, self._dial())
            if _is_fresh(connection):
                return connection
            connection.disconnect()

    def give_back(self, connection: Connection) -> None:
        """Keep a connection on which no answer is outstanding."""
        self._idle.append(connection)

    def close(self) -> None:
        """Close those that nobody uses at the moment."""
        while self._idle:
            try:
                self._idle.pop().disconnect()
            except IndexError:  # another thread took the last one
                return


def _is_fresh(connection: Connection) -> bool:
    """Say whether nothing happened to it while it was idle: Redis closed it, or sent what nobody asked for."""
    try:
        return not connection.can_read()
    except (RedisError, OSError):
        return False


def connect_within(limit: float, connection: Connection) -> Connection:
    """Connect *connection* and return it after at most *limit* seconds.

    A thread does it, because the resolver of the C library cannot be interrupted and may take
    half a minute.  It happens once per thread that publishes, not once per publication.

    :raises RedisError: it cannot be connected, or not in time.
    """
    connected: Future[Connection] = Future()
    threading.Thread(target=_connect_into, args=(connected, connection), daemon=True, name="sockjsd-dial").start()
    try:
        return connected.result(limit)
    except FutureTimeoutError:
        connected.add_done_callback(_close_late)
        raise RedisTimeoutError(f"no connection within {limit:g} s") from None


def _connect_into(connected: Future[Connection], connection: Connection) -> None:
    try:
        connection.connect()
    except BaseException as error:  # whatever it is belongs to the thread that waits
        connected.set_exception(error)
    else:
        connected.set_result(connection)


def _close_late(connected: Future[Connection]) -> None:
    if connected.exception() is None:
        connected.result().disconnect()
