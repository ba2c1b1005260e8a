# -*- test-case-name: tests.brokers.test_redis_link -*-
"""A link: one connection to Redis that is opened again whenever it is gone.

A connection is *ready* when AUTH, SELECT and a PING were answered well, and then
whatever its user has to do first (the subscriptions).  PING tells a Redis that is
still loading, a replica without its master, and a missing password, none of which
an open socket shows.  From then on it is asked with a PING every ``ping_interval``.

Twisted's ``ClientService`` opens and reopens.  Its ``prepareConnection`` is not used:
it leaves a traceback in the log when the connection is lost while it runs (Twisted
26.10 has no transition for that), which here is an everyday event.  As far as it
knows each open socket is a success, so the back-off counts by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, Generic, Protocol, TypeVar, cast

from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, Logger, LogPublisher
from twisted.python.failure import Failure
from txredisapi import RedisError, ResponseError

from sockjsd.brokers._redis_protocol import Clock, ConnectionOwner, RedisConnection
from sockjsd.brokers._redis_url import RedisAddress

#: Seconds before the second attempt, at most: a restart of Redis goes unnoticed by people.
FIRST_DELAY = 0.1
#: Seconds between two attempts, at most: with the time of one attempt a Redis that
#: is back is found within three seconds.
LONGEST_DELAY = 2.0
#: How much longer each delay may be than the one before.  So slow that ten failures in a
#: row take 2.6 s at most: a proxy whose Redis is just coming back refuses several.
DELAY_GROWTH = 1.2

#: The code in front of an error of Redis: all of it that is safe to show, as the text may quote a password.
_ERROR_CODE = re.compile(r"[A-Z]{3,20}\b")

_log = Logger()

ConnectionT = TypeVar("ConnectionT", bound=RedisConnection)


class Backoff:
    """How long to wait before the next attempt, with full jitter so that nodes do not come all at once.

    :param random: the source of chance.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._longest = FIRST_DELAY

    def next_delay(self) -> float:
        """Seconds to wait now; each call is one more failure."""
        delay = self._longest * self._random.random()
        self._longest = min(self._longest * DELAY_GROWTH, LONGEST_DELAY)
        return delay

    def reset(self) -> None:
        """It worked: start again from the shortest."""
        self._longest = FIRST_DELAY


@dataclass(frozen=True, slots=True)
class RedisPlace:
    """What all links to one Redis share.

    :ivar clock: keeps all times.
    :ivar endpoint: connects to Redis; an ``IStreamClientEndpoint``.
    :ivar address: says what to send for AUTH and SELECT.
    :ivar command_timeout: seconds that a command may stay without an answer.
    :ivar ping_interval: seconds between two questions whether Redis is there.
    :ivar random: see :class:`Backoff`.
    """

    clock: Clock
    endpoint: Any
    address: RedisAddress
    command_timeout: float
    ping_interval: float
    random: Random


class LinkUser(Protocol[ConnectionT]):
    """What a link needs from whom it works for."""

    def build(self, owner: ConnectionOwner) -> ConnectionT:
        """Make a connection that has this owner."""

    def greet(self, connection: ConnectionT) -> list[Deferred[object]]:
        """Send what a new connection needs to be ready, after AUTH, SELECT and PING."""

    def link_ready(self) -> None:
        """The link has a connection that takes commands."""

    def link_failed(self, problem: str) -> None:
        """A connection ended, or an attempt to make one; the next attempt comes by itself."""


class RedisLink(Generic[ConnectionT]):
    """Keeps one connection ready, from :meth:`start` to :meth:`stop`.

    :ivar greeted: the connection whose user has been asked to greet it; ``None`` while there is none.
    :ivar ready: the connection that takes commands; ``None`` while there is none.
    :ivar problem: why none is ready, one short sentence; empty when one is.
    """

    def __init__(self, place: RedisPlace, user: LinkUser[ConnectionT]) -> None:
        self.greeted: ConnectionT | None = None
        self.ready: ConnectionT | None = None
        self.problem = "not started"
        self._place = place
        self._user = user
        self._backoff = Backoff(place.random)
        self._open: ConnectionT | None = None
        self._pings = LoopingCall(self._ping)
        # Any: our own types of the clock, and of factories that need no registry of interfaces.
        clock: Any = place.clock
        watched: Any = _WatchedEndpoint(place.endpoint, self._fail)
        factory: Any = _ConnectionFactory(lambda: user.build(self))
        self._pings.clock = clock
        self._client = _QuietClientService(watched, factory, lambda attempt: self._backoff.next_delay(), clock)

    def start(self) -> None:
        """Connect, and go on connecting."""
        self.problem = "connecting"
        self._client.startService()

    def stop(self) -> Deferred[None]:
        """Close the connection after what is written; the Deferred fires when it is closed."""
        clock = self._place.clock
        done: Deferred[None] = Deferred()
        # A peer that reads nothing would keep a connection with unsent bytes open for ever.
        limit = clock.callLater(self._place.command_timeout, self._abort_open)

        def finish(result: None) -> None:
            if limit.active():
                limit.cancel()
            # Not from inside ClientService's machine, which refuses to be started or stopped from there.
            clock.callLater(0, done.callback, None)

        self._client.stopService().addCallback(finish)
        return done

    def opened(self, connection: RedisConnection) -> None:
        """Prepare a connection that has just been made."""
        ours = cast(ConnectionT, connection)
        self._open = ours
        preparation = Deferred.fromCoroutine(self._prepare(ours))
        preparation.addCallbacks(lambda _: self._become_ready(ours), lambda failure: _reject(failure, ours))

    def closed(self, connection: RedisConnection, problem: str) -> None:
        """Note that the connection is gone."""
        self._open = self.greeted = self.ready = None
        if self._pings.running:
            self._pings.stop()
        self._fail(problem)

    def watch(self, replies: Iterable[Deferred[object]], connection: ConnectionT) -> None:
        """End *connection* when one of its *replies* is an error: it does not do what it is there for."""
        for reply in replies:
            reply.addErrback(_reject, connection)

    async def _prepare(self, connection: ConnectionT) -> None:
        address = self._place.address
        if address.password:
            await connection.auth(address.password, address.username or None)
        if address.database:
            await connection.select(address.database)
        await connection.ping()
        self.greeted = connection
        await gatherResults(self._user.greet(connection), consumeErrors=True)

    def _become_ready(self, connection: ConnectionT) -> None:
        self._backoff.reset()
        self.ready = connection
        self.problem = ""
        self._pings.start(self._place.ping_interval, now=False)
        self._user.link_ready()

    def _ping(self) -> None:
        if self.ready is not None:
            self.watch([self.ready.ping()], self.ready)

    def _fail(self, problem: str) -> None:
        self.problem = problem
        self._user.link_failed(problem)

    def _abort_open(self) -> None:
        if self._open is not None:
            self._open.abort("stopped")


def _reject(failure: Failure, connection: RedisConnection) -> None:
    """End a connection that Redis does not serve; what is no answer of Redis is a bug of ours, and logged as one."""
    cause = failure.value.subFailure if isinstance(failure.value, FirstError) else failure
    connection.abort(describe(cause))
    if not isinstance(cause.value, RedisError):
        _log.failure("A connection to Redis was ended by a bug", failure=cause)


def describe(failure: Failure) -> str:
    """What went wrong in a few words, without any text that might quote a password."""
    message = failure.getErrorMessage()
    if isinstance(failure.value, ResponseError):
        code = _ERROR_CODE.match(message)
        return f"Redis answers {code.group() if code else 'ERR'}"
    return message


class _QuietClientService(ClientService):
    """A ClientService without its two lines per attempt: the broker writes one per outage."""

    _log = Logger(observer=cast(ILogObserver, LogPublisher()))


class _ConnectionFactory(Factory):
    noisy = False

    def __init__(self, build: Callable[[], RedisConnection]) -> None:
        self._build = build

    def buildProtocol(self, addr: IAddress | None) -> RedisConnection:
        """A connection of its own for each attempt."""
        return self._build()


class _WatchedEndpoint:
    """Tells why an attempt failed, which ClientService keeps for itself."""

    def __init__(self, endpoint: Any, on_failure: Callable[[str], None]) -> None:
        self._endpoint = endpoint
        self._on_failure = on_failure

    def connect(self, factory: Any) -> Deferred[Any]:
        """Connect as the endpoint does."""
        attempt: Deferred[Any] = self._endpoint.connect(factory)
        return attempt.addErrback(self._tell)

    def _tell(self, failure: Failure) -> Failure:
        if not isinstance(failure.value, CancelledError):
            self._on_failure(describe(failure))
        return failure
