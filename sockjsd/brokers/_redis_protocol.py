# -*- test-case-name: tests.brokers.test_redis_protocol -*-
"""One connection to Redis: txredisapi's protocol classes, made dependable.

What it adds to txredisapi's: a command that gets no answer, on a connection that is silent for
longer than ``command_timeout``, aborts the connection; so does an answer that is not Redis's.

AUTH and SELECT are sent by :mod:`sockjsd.brokers._redis_link`: those of txredisapi
give up for ever when the connection drops meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITCPTransport
from twisted.python.failure import Failure
from txredisapi import RedisError, RedisProtocol

#: Seconds between the end of a time-out and giving up: one turn of the reactor, however short.
LAST_LOOK = 0.01


class Timer(Protocol):
    """A call that is due later."""

    def active(self) -> bool:
        """Whether it is still to come."""

    def cancel(self) -> None:
        """Let it not happen; only while it is active."""


class Clock(Protocol):
    """The part of Twisted's ``IReactorTime`` that is used here, in a form that mypy understands."""

    def seconds(self) -> float:
        """Now, in seconds."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> Timer:
        """Call after *delay* seconds."""


class ConnectionOwner(Protocol):
    """Whoever wants to know that a connection came and went."""

    def opened(self, connection: RedisConnection) -> None:
        """The connection can take commands."""

    def closed(self, connection: RedisConnection, problem: str) -> None:
        """It is gone, for the reason in *problem*; right after this, commands without a reply fail."""


class RedisConnection(RedisProtocol):
    """A connection for commands.

    :param clock: keeps the time of the time-out.
    :param command_timeout: seconds of silence after which a command counts as lost.
    :param owner: told when the connection comes and goes.
    """

    def __init__(self, clock: Clock, command_timeout: float, owner: ConnectionOwner) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self._clock = clock
        self._command_timeout = command_timeout
        self._owner = owner
        # Why we ended the connection, when it was us.
        self._problem = ""
        # Since when Redis owes an answer and says nothing, in seconds of the clock.
        self._silent_since = 0.0
        self._watch: Timer | None = None

    def connectionMade(self) -> None:
        """Make the socket fit for small commands and long silences, and tell the owner."""
        transport: Any = self.transport  # of a class that Twisted chooses
        if ITCPTransport.providedBy(transport):  # which a Unix socket does not
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        super().connectionMade()
        self._owner.opened(self)

    def connectionLost(self, why: Failure) -> None:  # type: ignore[override]  # txredisapi's name for it
        """Tell the owner, then fail the commands without a reply: what they set off must not come here."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._owner.closed(self, self._problem or why.getErrorMessage())
        super().connectionLost(why)

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """Parse *data* to its end, whatever it holds."""
        self._silent_since = self._clock.seconds()
        try:
            super().dataReceived(data, unpause)
        except (RedisError, ValueError):
            self.abort("the answer is not in the protocol of Redis")

    def execute_command(self, *args: bytes | str | int, **kwargs: object) -> Deferred[object]:
        """Send one command and watch for its reply."""
        if not self.replyQueue.waiting:
            self._silent_since = self._clock.seconds()
        reply = super().execute_command(*args, **kwargs)
        if self._watch is None:
            self._watch = self._clock.callLater(self._command_timeout, self._check_silence)
        return reply

    def abort(self, problem: str) -> None:
        """End the connection at once, if it has not ended; *problem* is what the owner is told, the first counts."""
        self._problem = self._problem or problem
        transport: Any = self.transport
        if self.connected:
            transport.abortConnection()

    def _check_silence(self) -> None:
        self._watch = None
        if self.replyQueue.waiting:
            left = self._silent_since + self._command_timeout - self._clock.seconds()
            if left > 0:
                self._watch = self._clock.callLater(left, self._check_silence)
            else:
                # When a view kept the reactor from running, the answer may lie in the socket,
                # and timers come before sockets: look once more after it was read.
                self._watch = self._clock.callLater(LAST_LOOK, self._give_up, self._silent_since)

    def _give_up(self, silent_since: float) -> None:
        self._watch = None
        if self._silent_since != silent_since or not self.replyQueue.waiting:
            self._check_silence()
        else:
            self.abort(f"no answer within {self._command_timeout:g} s")
