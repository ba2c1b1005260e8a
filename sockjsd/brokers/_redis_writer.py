# -*- test-case-name: tests.brokers.test_redis_writer -*-
"""The connection that asks: publications, histories, presence.

Commands are answered in order, and one that is not answered in time ends the
connection, so each Deferred fires within the ``command_timeout``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure
from txredisapi import RedisError, ResponseError

from sockjsd.brokers._redis_link import RedisLink, RedisPlace, describe
from sockjsd.brokers._redis_protocol import ConnectionOwner, RedisConnection
from sockjsd.brokers._redis_scripts import NOSCRIPT, READONLY, Call
from sockjsd.errors import BrokerUnavailable


class LinkListener(Protocol):
    """Who wants to know of links."""

    def link_ready(self) -> None:
        """A link has a connection that takes commands."""

    def link_failed(self, problem: str) -> None:
        """A connection or an attempt failed."""


class RedisWriter:
    """Asks Redis, and says what went wrong as :class:`sockjsd.errors.BrokerUnavailable`.

    :param place: where Redis is.
    :param listener: told of the link.
    :param greet: sends what a new connection needs before it is ready.

    :ivar link: the connection.
    """

    def __init__(
        self,
        place: RedisPlace,
        listener: LinkListener,
        greet: Callable[[RedisConnection], list[Deferred[object]]],
    ) -> None:
        self._place = place
        self._greet = greet
        # Hashes of the scripts that the present connection has called by their text.
        self._known: set[bytes] = set()
        self.link_ready = listener.link_ready
        self.link_failed = listener.link_failed
        self.link: RedisLink[RedisConnection] = RedisLink(place, self)

    def build(self, owner: ConnectionOwner) -> RedisConnection:
        """See :class:`sockjsd.brokers._redis_link.LinkUser`."""
        return RedisConnection(self._place.clock, self._place.command_timeout, owner)

    def greet(self, connection: RedisConnection) -> list[Deferred[object]]:
        """See :class:`sockjsd.brokers._redis_link.LinkUser`."""
        self._known.clear()
        return self._greet(connection)

    @property
    def connected(self) -> bool:
        """Whether commands are taken now."""
        return self.link.ready is not None

    def ask(self, *words: bytes) -> Deferred[object]:
        """Send one command; fires with the answer."""
        connection = self.link.ready
        if connection is None:
            return self._refuse()
        return connection.execute_command(*words).addErrback(self._fail, connection)

    def call(self, call: Call) -> Deferred[object]:
        """Run a script; fires with the answer."""
        connection = self.link.ready
        if connection is None:
            return self._refuse()
        if call.script.hash in self._known:
            answer = connection.execute_command(*call.by_hash)
            answer.addErrback(self._call_by_text, call, connection)
        else:
            # By its text the first time: what is sent right behind it, by its hash, would come before a repetition.
            self._known.add(call.script.hash)
            answer = connection.execute_command(*call.by_text)
        return answer.addErrback(self._fail, connection)

    def _refuse(self) -> Deferred[object]:
        return fail(BrokerUnavailable(f"Redis is not connected: {self.link.problem}"))

    def refused(self, text: str) -> Failure:
        """Return what a refusal by Redis means that is only a part of an answer."""
        return Failure(self._unavailable(Failure(ResponseError(text)), self.link.ready))

    def _call_by_text(self, failure: Failure, call: Call, connection: RedisConnection) -> Deferred[object] | Failure:
        """The scripts were flushed: what was asked was not done, so it can be asked again.

        What was sent behind it has been done meanwhile.  What has an order waits in the outbox until it is answered.
        """
        if not failure.check(ResponseError) or not failure.getErrorMessage().startswith(NOSCRIPT):
            return failure
        if connection is not self.link.ready:
            return self._refuse()
        return connection.execute_command(*call.by_text)

    def _fail(self, failure: Failure, connection: RedisConnection) -> Failure:
        """A failed command as the error that callers know; what is no answer of Redis is a bug of ours and goes on."""
        if not isinstance(failure.value, RedisError):
            return failure
        raise self._unavailable(failure, connection) from failure.value

    def _unavailable(self, failure: Failure, connection: RedisConnection | None) -> BrokerUnavailable:
        if connection is not None and READONLY in failure.getErrorMessage():
            connection.abort("Redis is a replica now")
        return BrokerUnavailable(f"Redis did not do it: {describe(failure)}")
