# -*- test-case-name: tests.brokers.test_redis,tests.functional.test_redis_broker -*-
"""The broker for many nodes: channels are Redis channels with a prefix before their names.

Two connections, because a subscribed one takes no other commands: one listens, one
publishes.  While either is gone the broker is *not connected*: wishes are
remembered and kept afterwards, publications fail at once, and the log has one line
for the whole outage and one for its end.

Importing this module imports txredisapi, which installs the default reactor:
only ``service.py`` may import it, and not before a reactor has been chosen.
"""

from __future__ import annotations

from random import Random
from typing import Any, Protocol, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure
from txredisapi import RedisError

from sockjsd.brokers._redis_link import RedisLink, RedisPlace, describe
from sockjsd.brokers._redis_protocol import (
    ConnectionOwner,
    Inbox,
    RedisConnection,
    SubscriberConnection,
    redis_key,
)
from sockjsd.brokers._redis_url import make_endpoint, parse_redis_url
from sockjsd.brokers.interface import BrokerStatus, Listener, discard
from sockjsd.channels.wire import well_formed
from sockjsd.errors import BrokerUnavailable


class RedisSettings(Protocol):
    """What this broker reads of ``sockjsd.config.Broker``; the times are in seconds."""

    @property
    def url(self) -> str:
        """Where Redis is."""

    @property
    def password(self) -> str | None:
        """For AUTH; empty or ``None`` for the one in the address, if any."""

    @property
    def prefix(self) -> str:
        """What stands before each channel's name, without the dot."""

    @property
    def connect_timeout(self) -> float:
        """For one attempt to connect."""

    @property
    def command_timeout(self) -> float:
        """For the answer to one command."""

    @property
    def ping_interval(self) -> float:
        """Between two questions whether Redis is there."""


class RedisBroker(Service):
    """A :class:`sockjsd.brokers.interface.Broker` that speaks to one Redis.

    :param config: where and how.
    :param reactor: connects and keeps the time.
    :param random: the source of chance; spreads the attempts to reconnect.
    :param on_run: see the interface.
    :raises ConfigurationError: for an address that is none.

    :ivar on_run: see the interface.
    """

    _log = Logger()

    def __init__(self, config: RedisSettings, reactor: Any, random: Random, on_run: Listener = discard) -> None:
        self.on_run: Listener = on_run
        self._clock = reactor
        self._prefix = config.prefix + "."
        self._mended = 0
        # When the outage began, in seconds of the clock; None while there is none.
        self._lost_at: float | None = None
        address = parse_redis_url(config.url, config.password)
        endpoint = make_endpoint(reactor, address, config.connect_timeout)
        place = RedisPlace(reactor, endpoint, address, config.command_timeout, config.ping_interval, random)
        self._reader = _Reader(self, place, self._prefix)
        self._writer = _Writer(self, place)

    @property
    def status(self) -> BrokerStatus:
        """Connected when both connections are ready."""
        problem = self._reader.link.problem or self._writer.link.problem
        return BrokerStatus("redis", not problem, problem or "connected")

    @property
    def malformed(self) -> int:
        """See the interface."""
        return self._mended + self._reader.inbox.malformed

    def startService(self) -> None:
        """Connect, and go on connecting."""
        self.running = 1
        self._reader.link.start()
        self._writer.link.start()

    def stopService(self) -> Deferred[Any]:
        """Close both connections; the Deferred fires when they are closed."""
        self.running = 0
        self._lost_at = None
        return gatherResults([self._reader.link.stop(), self._writer.link.stop()])

    def subscribe(self, channel: str) -> None:
        """See the interface."""
        self._reader.want(channel)

    def unsubscribe(self, channel: str) -> None:
        """See the interface."""
        self._reader.forget(channel)

    def publish(self, channel: str, payload: str) -> Deferred[int]:
        """See the interface."""
        connection = self._writer.link.ready
        if connection is None:
            return fail(BrokerUnavailable(f"Redis is not connected: {self._writer.link.problem}"))
        text = well_formed(payload)
        self._mended += text is not payload
        reply = connection.publish(redis_key(self._prefix, channel), text.encode())
        return cast("Deferred[int]", reply).addErrback(_raise_unavailable)

    def service(self) -> Service:
        """This object."""
        return self

    def link_ready(self) -> None:
        """One of two connections is ready; log the end of an outage when both are."""
        if self._lost_at is not None and self.status.connected:
            seconds = self._clock.seconds() - self._lost_at
            self._lost_at = None
            self._log.info("Redis back after {seconds:.1f} s", seconds=seconds)

    def link_failed(self, problem: str) -> None:
        """A connection or an attempt failed; log the first one of an outage."""
        if self.running and self._lost_at is None:
            self._lost_at = self._clock.seconds()
            self._log.warn("Redis lost: {problem}", problem=problem)


class _Writer:
    """The connection that publishes."""

    def __init__(self, broker: RedisBroker, place: RedisPlace) -> None:
        self._place = place
        self.link_ready = broker.link_ready
        self.link_failed = broker.link_failed
        self.link = RedisLink(place, self)

    def build(self, owner: ConnectionOwner) -> RedisConnection:
        return RedisConnection(self._place.clock, self._place.command_timeout, owner)

    def greet(self, connection: RedisConnection) -> list[Deferred[object]]:
        return []


class _Reader:
    """The connection that listens, and what it has to listen to.

    :ivar inbox: what arrived; it outlives each connection for its counter.
    """

    def __init__(self, broker: RedisBroker, place: RedisPlace, prefix: str) -> None:
        self.inbox = Inbox()
        self._broker = broker
        self._place = place
        self._prefix = prefix
        # A dict is a set that keeps its order: the same one after each reconnect.
        self._wanted: dict[str, None] = {}
        self.link_ready = broker.link_ready
        self.link_failed = broker.link_failed
        self.link = RedisLink(place, self)

    def want(self, channel: str) -> None:
        self._wanted[channel] = None
        connection = self.link.greeted
        if connection is not None:
            self.link.watch(connection.listen([channel]), connection)

    def forget(self, channel: str) -> None:
        self._wanted.pop(channel, None)
        connection = self.link.greeted
        if connection is not None:
            self.link.watch(connection.ignore(channel), connection)

    def build(self, owner: ConnectionOwner) -> SubscriberConnection:
        return SubscriberConnection(
            self._place.clock, self._place.command_timeout, owner, self._prefix, self.inbox, self._hand_over
        )

    def greet(self, connection: SubscriberConnection) -> list[Deferred[object]]:
        return connection.listen(self._wanted)

    def _hand_over(self) -> None:
        run = self.inbox.take()
        if run:
            self._broker.on_run(run)


def _raise_unavailable(failure: Failure) -> Failure:
    """A failed command as the error that callers know; what is no answer of Redis is a bug of ours and goes on."""
    if not isinstance(failure.value, RedisError):
        return failure
    raise BrokerUnavailable(f"Redis did not take the publication: {describe(failure)}") from failure.value
