"""An HTTP connection in memory: bytes in, bytes out, time by hand; for the tests of whatever answers requests.

::

    client = Client(application)              # a Cyclone application of ours; Client(application, Limits(…))
    client.send(b"GET / HTTP/1.1\\r\\n…")       # one read of the server; send_bytewise(…) is one read a byte
    client.received()                         # -> bytes, what came since the last call
    client.answers()                          # -> the same as a list of Answer, checked by the standard library
    client.advance(10)                        # seconds go by, on client.clock; client.wheel turns
    client.block(); client.unblock()          # the client does not read: the server's socket is full, and empty again
    client.read()                             # while blocked: takes what was sent so far, and no more
    client.lose()                             # the client leaves
    client.closed, client.aborted, client.half_closed, client.paused
    Client(factory=client.factory)            # a second connection to the same server

Like a reactor, and unlike ``StringTransport``, it tells the server of the end of a
connection only after the server's present call returned, and reads nothing while paused.
"""

from __future__ import annotations

from dataclasses import dataclass
from http.client import HTTPResponse
from io import BytesIO
from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import directlyProvides, providedBy

from sockjsd.http.application import Application
from sockjsd.http.connection import HTTPConnection
from sockjsd.http.factory import HTTPFactory
from sockjsd.http.fields import DateField
from sockjsd.http.limits import Limits
from sockjsd.wheel import RESOLUTION, Wheel

PEER = IPv4Address("TCP", "192.0.2.7", 50000)
HOST = IPv4Address("TCP", "192.0.2.1", 8000)

#: Bytes after which Twisted's transports call their buffer full.
BUFFER = 64 * 1024

#: When the tests take place, in seconds since the epoch: Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
NOW = 784111777.0


def request(
    method: str = "GET", target: str = "/", body: bytes = b"", *, version: str = "1.1", **fields: str | None
) -> bytes:
    """Return the bytes of a request.

    :param fields: header fields, ``_`` for a dash; ``None`` leaves one out. ``Host``, and the length of a
        *body*, are there unless said otherwise.
    """
    lines: dict[str, str | None] = {"host": "example.com"}
    if body:
        lines["content-length"] = str(len(body))
    lines |= {name.replace("_", "-").lower(): value for name, value in fields.items()}
    text = "".join(f"{name.title()}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{method} {target} HTTP/{version}\r\n{text}\r\n".encode("latin-1") + body


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as a client understands it.

    :param fields: names in lower case.
    :param body: whole, without chunks.
    """

    status: int
    reason: str
    fields: dict[str, str]
    body: bytes


class _Bytes:
    """What ``HTTPResponse`` needs of a socket."""

    def __init__(self, data: BytesIO) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return self._data


def parse(data: bytes, *methods: str) -> list[Answer]:
    """Return the answers in *data*.

    :param methods: of the requests, in order; the rest are ``GET``. A client has to know which was ``HEAD``.
    :raises http.client.HTTPException: it is not what a client could read.
    """
    size, asked, answers = len(data), list(methods), []
    stream = _Unclosed(data)
    while stream.tell() < size:
        response = HTTPResponse(cast(Any, _Bytes(stream)), method=asked.pop(0) if asked else "GET")
        response.begin()
        body = response.read()
        fields = {name.lower(): value for name, value in response.getheaders()}
        answers.append(Answer(response.status, response.reason, fields, body))
    return answers


class _Unclosed(BytesIO):
    """Holds several answers: ``HTTPResponse`` closes its file after each."""

    def close(self) -> None:
        """Stay open."""


class Transport(StringTransport):
    """A TCP transport; TLS in Twisted has the same methods, and some of them bypass the encryption."""

    half_closed = False
    aborted = False
    #: While the client is blocked: bytes that it has not read, and whether the server was told that it is full.
    blocked = False
    unread = 0
    full = False

    def write(self, data: bytes) -> None:
        """Take *data*; like a TCP transport, say so when there is much that the client has not read."""
        super().write(data)
        if self.blocked:
            self.unread += len(data)
            self.fill()

    def fill(self, size: int = 0) -> None:
        """Pretend that the client has not read *size* bytes more."""
        self.unread += size
        if self.unread > BUFFER and not self.full and self.producer is not None:
            self.full = True
            self.producer.pauseProducing()

    def empty(self) -> None:
        """The client has read everything."""
        self.unread = 0
        if self.full and self.producer is not None:
            self.full = False
            self.producer.resumeProducing()

    def loseWriteConnection(self) -> None:
        """Close our side; the client's is open."""
        self.half_closed = True

    def abortConnection(self) -> None:
        """Cut the connection."""
        self.aborted = True
        super().abortConnection()

    def pauseProducing(self) -> None:
        """Read no more; like a TCP transport's, not an error after the end."""
        self.producerState = "paused"

    def resumeProducing(self) -> None:
        """Read on; like a TCP transport's, it does nothing at the end."""
        if not self.disconnecting:
            self.producerState = "producing"


class Client:
    """A client of an ``HTTPFactory``, connected.

    :param application: answers; without one nothing is found.
    :param limits: of the connection.
    :param factory: of another client, to connect to the same server; then the other arguments are its.
    :param peer: the client's address, *host* the server's.
    :param secure: whether TLS is spoken.
    """

    def __init__(
        self,
        application: Application | None = None,
        limits: Limits | None = None,
        *,
        factory: HTTPFactory | None = None,
        clock: Clock | None = None,
        peer: IAddress = PEER,
        host: IAddress = HOST,
        secure: bool = False,
    ) -> None:
        self.clock = clock if clock is not None else _clock(factory)
        self.factory = factory if factory is not None else _factory(application, limits or Limits(), self.clock)
        self.wheel = self.factory.wheel
        self.closed = False
        self._unread: list[bytes] = []
        self.transport = Transport(host, peer)
        if secure:
            directlyProvides(self.transport, ISSLTransport, providedBy(self.transport))
        self.connection: HTTPConnection = self.factory.buildProtocol(peer)
        self.connection.makeConnection(self.transport)

    @property
    def paused(self) -> bool:
        """Whether the server does not read."""
        return self.transport.producerState == "paused"

    @property
    def aborted(self) -> bool:
        """Whether the server cut the connection."""
        return self.transport.aborted

    @property
    def half_closed(self) -> bool:
        """Whether the server closed its side, and waits for the client to close the other."""
        return self.transport.half_closed

    def send(self, data: bytes) -> None:
        """Send *data*; it is one read of the server, which comes later where the server has paused."""
        self._unread.append(data)
        self._turn()

    def send_bytewise(self, data: bytes) -> None:
        """Send *data*, each byte a read of its own."""
        for position in range(len(data)):
            self.send(data[position : position + 1])

    def received(self) -> bytes:
        """Return what was received since the last call."""
        self._turn()
        data = self.transport.value()
        self.transport.clear()
        return data

    def answers(self, *methods: str) -> list[Answer]:
        """Return the answers received since the last call; *methods* as for ``parse``."""
        return parse(self.received(), *methods)

    def ask(self, *arguments: Any, **fields: Any) -> Answer:
        """Send a request (see ``request``) and return its only answer."""
        data = request(*arguments, **fields)
        self.send(data)
        (answer,) = self.answers(data.partition(b" ")[0].decode())
        return answer

    def advance(self, seconds: float) -> None:
        """Let time go by, in steps of the wheel."""
        for _ in range(round(seconds / RESOLUTION)):
            self.clock.advance(RESOLUTION)
        self._turn()

    def block(self) -> None:
        """Read no more: the server's buffer fills up."""
        self.transport.blocked = True
        self.transport.fill(BUFFER + 1)

    def read(self) -> None:
        """Read what was sent so far, and no more."""
        self.transport.empty()
        self._turn()

    def unblock(self) -> None:
        """Read everything."""
        self.transport.blocked = False
        self.read()

    def lose(self) -> None:
        """Leave."""
        self._end(Failure(ConnectionLost()))

    def _turn(self) -> None:
        """Do what a reactor would after the server's calls returned."""
        while self._unread and not self.paused and not self.transport.disconnecting and not self.closed:
            self.connection.dataReceived(self._unread.pop(0))
        if self.transport.disconnecting and (self.aborted or not self.transport.unread):
            self._end(Failure(ConnectionDone()))

    def _end(self, reason: Failure) -> None:
        if not self.closed:
            self.closed = True
            self.transport.disconnecting = True
            producer, self.transport.producer = self.transport.producer, None
            if producer is not None:
                producer.stopProducing()
            self.connection.connectionLost(reason)


def _clock(factory: HTTPFactory | None) -> Clock:
    """Return the clock of a server in memory, or a new one."""
    if factory is not None:
        return cast(Clock, factory.date._clock)
    clock = Clock()
    clock.rightNow = NOW
    return clock


def _factory(application: Application | None, limits: Limits, clock: Clock) -> HTTPFactory:
    wheel = Wheel(clock)
    wheel.start()
    factory = HTTPFactory(limits, wheel, DateField(clock))
    if application is not None:
        factory.application = application
    return factory
