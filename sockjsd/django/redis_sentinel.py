# -*- test-case-name: tests.django.test_redis_sentinel -*-
"""Connections to whichever Redis is the master, for processes that have no reactor.

Sentinels are asked in turn for each new connection, and who they name is asked whether it
is the master: after a failover the old one may still be there, and take what nobody will ever see.
For the same reason a connection is used only for a while before the question is asked again: a master that was cut
off from its Sentinels keeps its clients.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from redis import connection as redis_connection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from sockjsd.config.sentinels import Sentinels

#: A host and a TCP port.
Place = tuple[str, int]


class MasterConnection:
    """A connection that finds out where to go when it is connected.

    :param places: the Sentinels; the one that answers is put first, so that all who share this list ask it first.
    :param master: the name under which they know the master.
    :param dial_sentinel: makes a connection to a Sentinel.
    :param dial_redis: makes a connection to a Redis.
    :param lifetime: seconds for which the answer of a Sentinel counts.
    :param clock: returns seconds that never go back.
    """

    def __init__(
        self,
        places: list[Place],
        master: str,
        dial_sentinel: Callable[[Place], Any],
        dial_redis: Callable[[Place], Any],
        lifetime: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._master = master
        self._dial_sentinel = dial_sentinel
        self._dial_redis = dial_redis
        self._lifetime = lifetime
        self._clock = clock
        # When a Sentinel was asked.
        self._asked_at = 0.0
        self._connection: Any = None

    def connect(self) -> None:
        """Find the master and connect to it.

        :raises RedisError: no Sentinel says where it is, or it is not there.
        """
        self._asked_at = self._clock()
        connection = self._dial_redis(self._find())
        connection.connect()
        connection.send_command("ROLE")
        if connection.read_response()[0] != b"master":
            connection.disconnect()
            raise RedisConnectionError("the Redis that Sentinel names is not a master")
        self._connection = connection

    def disconnect(self) -> None:
        """Close the socket, if there is one."""
        if self._connection is not None:
            self._connection.disconnect()

    def can_read(self) -> bool:
        """See :class:`sockjsd.django.redis_connections.Connection`.

        :raises RedisError: it was closed, or it is time to ask again where the master is.
        """
        if self._clock() - self._asked_at > self._lifetime:
            raise RedisConnectionError("it is time to ask the Sentinels again")
        return bool(self._connection.can_read())

    def send_command(self, *args: bytes | str) -> None:
        """See :class:`sockjsd.django.redis_connections.Connection`."""
        self._connection.send_command(*args)

    def read_response(self) -> Any:
        """See :class:`sockjsd.django.redis_connections.Connection`."""
        return self._connection.read_response()

    def _find(self) -> Place:
        problem: object = f"it is not known by the name {self._master!r}"
        for place in tuple(self._places):
            try:
                found = self._ask(place)
            except (RedisError, OSError) as error:
                problem = error
                continue
            if found is not None:
                # In one step, because other threads do the same.
                self._places[:] = [place, *(other for other in self._places if other != place)]
                return found
        raise RedisConnectionError(f"no Sentinel says where the master is: {problem}")

    def _ask(self, place: Place) -> Place | None:
        connection = self._dial_sentinel(place)
        try:
            connection.connect()
            connection.send_command("SENTINEL", "get-master-addr-by-name", self._master)
            answer = connection.read_response()
        finally:
            connection.disconnect()
        return (answer[0].decode(), int(answer[1])) if answer else None


def make_sentinel_dial(
    sentinels: Sentinels, lifetime: float, options: dict[str, Any]
) -> Callable[[], MasterConnection]:
    """Return what makes connections to the master of *sentinels*.

    :param lifetime: seconds for which the answer of a Sentinel counts.
    :param options: of redis-py's connections; a password among them wins over the one of the address.
    """
    connection_class = redis_connection.SSLConnection if sentinels.tls else redis_connection.Connection
    redis = {"username": sentinels.username or None, "password": sentinels.password or None} | options
    of_sentinel = {
        **options,
        "username": sentinels.sentinel_username or None,
        "password": sentinels.sentinel_password or None,
    }

    def dial_redis(place: Place) -> Any:
        return connection_class(host=place[0], port=place[1], db=sentinels.database, **redis)

    def dial_sentinel(place: Place) -> Any:
        return connection_class(host=place[0], port=place[1], **of_sentinel)

    places = list(sentinels.places)
    return lambda: MasterConnection(places, sentinels.master, dial_sentinel, dial_redis, lifetime)
