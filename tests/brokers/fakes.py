"""A Redis of our own making, on a clock that is moved by hand: fakes for the tests of this folder."""

from __future__ import annotations

from random import Random
from typing import Any

import hiredis
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.python.failure import Failure

#: One command as its words.
Command = list[bytes]


def bulk(*words: bytes) -> bytes:
    """An array of strings, as Redis writes it."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


def message(channel: bytes, payload: bytes) -> bytes:
    """A publication as a subscribed connection gets it."""
    return bulk(b"message", channel, payload)


def confirm(kind: bytes, *channels: bytes) -> bytes:
    """The answers to one SUBSCRIBE or UNSUBSCRIBE: one for each channel."""
    return b"".join(
        b"*3\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n:%d\r\n" % (len(kind), kind, len(channel), channel, count)
        for count, channel in enumerate(channels, 1)
    )


class FakeTransport(StringTransport):
    """A connection to a Redis that answers when the test says so.

    It ends one turn of the clock after it was asked to, as a socket does.
    """

    def __init__(self, clock: Clock, protocol: Any) -> None:
        super().__init__()
        self.clock = clock
        self.protocol = protocol
        self.options: list[str] = []
        self.hangs = False
        self.lost = False
        # For a test that looks at some commands and keeps the others.
        self.asked: list[Command] = []

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Remember the option."""
        self.options.append(f"nodelay {enabled}")

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Remember the option."""
        self.options.append(f"keepalive {enabled}")

    def loseConnection(self) -> None:
        """End properly; never, while the peer hangs with unsent bytes."""
        if not self.hangs:
            self.clock.callLater(0, self.end, ConnectionDone())

    def abortConnection(self) -> None:
        """End at once."""
        self.clock.callLater(0, self.end, ConnectionAborted())

    def end(self, reason: Exception) -> None:
        """The connection is gone."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(reason))

    def commands(self) -> list[Command]:
        """What was sent since the last call."""
        reader = hiredis.Reader()
        reader.feed(self.value())
        self.clear()
        sent: list[Command] = []
        while (command := reader.gets()) is not False:
            sent.append(command)
        return sent

    def answer(self, *answers: bytes) -> None:
        """Redis's bytes arrive, in one read."""
        self.protocol.dataReceived(b"".join(answers))


class RecordingOwner:
    """Owns a connection and keeps what it was told of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, connection: object) -> None:
        """The connection can be used."""
        self.told.append("opened")

    def closed(self, connection: object, problem: str) -> None:
        """The connection is gone."""
        self.told.append(f"closed: {problem}")


class RecordingListener:
    """Keeps what it was told of a link."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def link_ready(self) -> None:
        """The link is ready."""
        self.told.append("ready")

    def link_failed(self, problem: str) -> None:
        """The link failed."""
        self.told.append(problem)


class FakeEndpoint:
    """Connects when the test says so, and counts how often it was asked."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.attempts: list[tuple[Any, Deferred[Any]]] = []
        self.count = 0

    def connect(self, factory: Any) -> Deferred[Any]:
        """One more attempt."""
        self.count += 1
        attempt: Deferred[Any] = Deferred()
        self.attempts.append((factory, attempt))
        return attempt

    def accept(self) -> FakeTransport:
        """The oldest attempt succeeds."""
        factory, attempt = self.attempts.pop(0)
        protocol = factory.buildProtocol(UNIXAddress("/fake"))
        transport = FakeTransport(self.clock, protocol)
        protocol.makeConnection(transport)
        attempt.callback(protocol)
        return transport

    def refuse(self) -> None:
        """The oldest attempt fails."""
        self.attempts.pop(0)[1].errback(ConnectionRefusedError())


class FixedRandom(Random):
    """A source of chance without any."""

    value = 1.0

    def random(self) -> float:
        """The same number each time."""
        return self.value


class FakeRedis:
    """The far end of a broker's connections on a memory reactor: it takes or refuses the oldest attempt.

    :param reactor: on which the broker connects to a Unix socket.
    """

    def __init__(self, reactor: MemoryReactorClock) -> None:
        self.reactor = reactor

    @property
    def attempts(self) -> int:
        """How many attempts wait for an answer."""
        return len(self.reactor.unixClients)

    def accept(self) -> FakeTransport:
        """Take one connection."""
        factory = self.reactor.unixClients.pop(0)[1]
        protocol = factory.buildProtocol(UNIXAddress("/fake"))
        transport = FakeTransport(self.reactor, protocol)
        protocol.makeConnection(transport)
        return transport

    def refuse(self) -> None:
        """Take none."""
        self.reactor.unixClients.pop(0)[1].clientConnectionFailed(None, Failure(ConnectionRefusedError()))


def words(*commands: str) -> list[Command]:
    """Commands from lines of text: ``words("PING", "SELECT 3")``."""
    return [command.encode().split() for command in commands]
