# -*- test-case-name: tests.brokers.test_redis_server -*-
"""Which Redis a connection has reached: both have to be at the same one, and with Sentinel at a master.

After a failover one connection may still be at the old master while the other is at
the new one; then nobody would hear what is published here.  Each start of a Redis has
an id of its own (``run_id`` in ``INFO server``), so the newer connection tells the older one to go.
"""

from __future__ import annotations

import re
from typing import cast

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from txredisapi import RedisError, ResponseError

from sockjsd.brokers._redis_protocol import RedisConnection

_RUN_ID = re.compile(rb"^run_id:([0-9a-f]+)", re.MULTILINE)


class SameServer:
    """Keeps the connections of one broker at one Redis.

    :param master: whether that has to be a master.
    """

    def __init__(self, master: bool) -> None:
        self._master = master
        self._ids: dict[RedisConnection, bytes] = {}

    def greet(self, connection: RedisConnection) -> list[Deferred[object]]:
        """Ask who is there; a Deferred fails when it is the wrong one."""
        known = connection.execute_command(b"INFO", b"server")
        questions = [known.addCallbacks(self._compare, _unknown, callbackArgs=(connection,))]
        if self._master:
            questions.append(connection.execute_command(b"ROLE").addCallback(_check_master))
        return cast("list[Deferred[object]]", questions)

    def leave(self, problem: str) -> None:
        """End all connections: the Redis is another one now."""
        for connection in self._alive():
            connection.abort(problem)

    def _compare(self, answer: object, connection: RedisConnection) -> None:
        match = _RUN_ID.search(answer) if isinstance(answer, bytes) else None
        if match is None:
            return
        self._ids = {other: self._ids[other] for other in self._alive()}
        for other, run_id in self._ids.items():
            if run_id != match[1]:
                other.abort("the other connection reached another Redis")
        self._ids[connection] = match[1]

    def _alive(self) -> list[RedisConnection]:
        return [connection for connection in self._ids if connection.connected]


def _unknown(failure: Failure) -> None:
    """A user who may not ask is served nevertheless; what is no answer of Redis goes on."""
    failure.trap(ResponseError)


def _check_master(answer: object) -> None:
    if not isinstance(answer, list) or answer[:1] != [b"master"]:
        raise RedisError("the Redis that Sentinel names is not a master")
