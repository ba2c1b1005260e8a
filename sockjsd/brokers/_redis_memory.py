# -*- test-case-name: tests.brokers.test_redis_memory -*-
"""The part of the Redis broker that asks and waits for the answer: what channels remember, and who is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twisted.internet.defer import Deferred

from sockjsd.brokers import _redis_calls as calls
from sockjsd.brokers._redis_outbox import RedisOutbox
from sockjsd.brokers._redis_scripts import Call
from sockjsd.brokers._redis_writer import RedisWriter
from sockjsd.brokers.values import META_TTL, History, Presence
from sockjsd.channels.publications import ClientInfo, Position

ResultT = TypeVar("ResultT")


class RedisMemory:
    """See :class:`sockjsd.brokers.interface.Archive` and :class:`sockjsd.brokers.interface.Attendance`.

    :param writer: asks.
    :param scripts: builds what to ask.
    :param outbox: what is published; what waits there leaves before anything that it belongs to is asked for.
    """

    def __init__(self, writer: RedisWriter, scripts: calls.RedisCalls, outbox: RedisOutbox) -> None:
        self._writer = writer
        self._scripts = scripts
        self._outbox = outbox

    def history(
        self,
        channel: str,
        since: Position | None = None,
        limit: int = -1,
        *,
        reverse: bool = False,
        meta_ttl: float = META_TTL,
    ) -> Deferred[History]:
        """See the interface."""
        self._outbox.flush()
        return self._run(self._scripts.history(channel, since, limit, reverse, meta_ttl), calls.read_history)

    def renew(self, channel: str, epoch: str, *, meta_ttl: float = META_TTL) -> Deferred[Position]:
        """See the interface."""
        self._outbox.flush()
        return self._run(self._scripts.renew(channel, epoch, meta_ttl), calls.read_position)

    def remove_history(self, channel: str) -> Deferred[None]:
        """See the interface."""
        self._outbox.flush()
        stream, _ = self._scripts.keys.history(channel)
        return self._writer.ask(b"DEL", stream).addCallback(_nothing)

    def add_presence(self, channel: str, client: str, info: ClientInfo, ttl: float) -> Deferred[None]:
        """See the interface."""
        return self._run(self._scripts.add_presence(channel, client, info, ttl), _nothing)

    def remove_presence(self, channel: str, client: str) -> Deferred[None]:
        """See the interface."""
        return self._run(self._scripts.remove_presence(channel, client), _nothing)

    def presence(self, channel: str) -> Deferred[Presence]:
        """See the interface."""
        return self._run(self._scripts.presence(channel), calls.read_presence)

    def presence_stats(self, channel: str) -> Deferred[tuple[int, int]]:
        """See the interface."""
        return self._run(self._scripts.presence_stats(channel), calls.read_presence_stats)

    def _run(self, call: Call, read: Callable[[object], ResultT]) -> Deferred[ResultT]:
        return self._writer.call(call).addCallback(read)


def _nothing(answer: object) -> None:
    """That there is an answer says everything."""
