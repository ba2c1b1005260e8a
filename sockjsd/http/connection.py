# -*- test-case-name: tests.http.test_connection -*-
"""One connection: requests are answered strictly in the order in which they came.

Reading goes ahead of answering by at most ``pipeline_limit`` requests.  One timer
bounds whatever the peer has to do next; which one it is follows from what the
connection waits for.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

from cyclone.httputil import HTTPHeaders
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer, ISSLTransport, ITransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from sockjsd.errors import HTTPError
from sockjsd.http.application import Application
from sockjsd.http.body import Body
from sockjsd.http.exchange import Exchange, Phase, Upgraded
from sockjsd.http.fields import DateField
from sockjsd.http.limits import LINGER, Limits
from sockjsd.http.reader import Reader
from sockjsd.http.rules import Head
from sockjsd.wheel import Wheel

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

#: Stands in for the head of what could not be read as a request.
_UNREADABLE = Head("GET", "/", "HTTP/1.1", HTTPHeaders(), "", 0)


class Waiting(Enum):
    """What the peer has to do next."""

    #: Nothing: a handler is at work, or the socket was given away.
    NOTHING = "nothing"
    #: Send its first request, on a connection that has seen none.
    FIRST = "a first request"
    #: Send another request.
    REQUEST = "another request"
    #: Complete a head that has begun.
    HEAD = "the rest of a head"
    #: Go on with a body.
    BODY = "the rest of a body"
    #: Read the last answer and close.
    END = "the end"


@implementer(IPushProducer)
class _Flow:
    """Hears from the transport whether its buffer is full."""

    __slots__ = ("_connection",)

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection

    def pauseProducing(self) -> None:
        self._connection.writable = False

    def resumeProducing(self) -> None:
        self._connection.drained()

    def stopProducing(self) -> None:
        self._connection.writable = False


class HTTPConnection(Protocol):
    """One connection of an ``HTTPFactory``."""

    transport: ITransport
    factory: HTTPFactory

    def __init__(self, factory: HTTPFactory) -> None:
        self.factory = factory
        self.writable = True
        self.due = -1
        self._waiting = Waiting.NOTHING
        self._reader: Reader | None = Reader(factory.limits, self)
        self._queue: deque[Exchange] = deque()
        self._body: Body | None = None
        self._answering: Exchange | None = None
        self._advancing = False
        self._paused = False
        # What followed a request for an upgrade, until it is decided.
        self._held: bytes | None = None
        self._upgraded: Upgraded | None = None

    # From the transport.

    def connectionMade(self) -> None:
        """Begin to wait for a request."""
        self.factory.connections.add(self)
        self.transport.registerProducer(_Flow(self), True)
        self._wait_for(Waiting.FIRST)

    def dataReceived(self, data: bytes) -> None:
        """Read requests, or feed whoever owns the socket now."""
        if self._upgraded is not None:
            self._upgraded.data_received(data)
        elif self._held is not None:
            self._held += data
        elif self._reader is not None:
            self._read(data)
            self._advance()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell everybody who waits for this connection."""
        self.factory.connections.discard(self)
        self.factory.wheel.cancel(self)
        self.writable = False
        self._reader = self._body = None
        self._waiting = Waiting.END
        upgraded, self._upgraded = self._upgraded, None
        if upgraded is not None:
            upgraded.lost()
        while self._queue:
            self._queue.popleft().lost()
        self.factory.connection_lost()

    def drained(self) -> None:
        """The transport's buffer is empty again."""
        self.writable = True
        if self._upgraded is not None:
            self._upgraded.drained()
        elif self._answering is not None:
            self._answering.on_drained()

    def timed_out(self) -> None:
        """The peer did not do in time what was its turn."""
        if self._waiting is Waiting.END:
            self.transport.abortConnection()
        elif self._waiting in (Waiting.HEAD, Waiting.BODY):
            self._fail(HTTPError(408, f"Waited too long for {self._waiting.value}"))
            self._advance()
        else:
            self.close()

    # From the reader.

    def head_received(self, head: Head) -> None:
        """Find the route, which decides what body is welcome."""
        transport = self.transport
        # Under haproxy: the peer is known now, and was not when the connection was made.
        secure = ISSLTransport.providedBy(transport)
        exchange = Exchange(head, self, transport.getPeer(), transport.getHost(), secure=secure)
        self._queue.append(exchange)
        application = self.factory.application
        exchange.route = application.find(exchange.request)
        self._body = Body(application.body_policy(exchange.route), head.length)

    def body_received(self, data: bytes) -> None:
        """Keep a part of the body."""
        assert self._body is not None, "the reader reports a body after its head"
        self._body.add(data)

    def request_received(self, *, upgrade: bool) -> None:
        """A request is complete."""
        exchange = self._queue[-1]
        body, self._body = self._body, None
        if body is not None:
            body.give_to(exchange.request)
        if exchange.phase is Phase.RECEIVING:
            exchange.phase = Phase.RECEIVED
        if upgrade:
            self._held = b""

    # From the exchanges.

    @property
    def date(self) -> bytes:
        """The ``Date`` field of an answer given now."""
        return self.factory.date.now()

    @property
    def draining(self) -> bool:
        """Whether the daemon stops."""
        return self.factory.draining

    def send(self, data: bytes) -> None:
        """Write *data*."""
        self.transport.write(data)

    def done(self, exchange: Exchange) -> None:
        """Go on after a complete answer."""
        self._advance()

    def upgraded(self, exchange: Exchange, protocol: Upgraded) -> None:
        """Give the socket to *protocol*; the parser is not needed any more."""
        self._reader = None
        self._upgraded = protocol
        self._queue.clear()
        self._answering = None
        self._wait_for(Waiting.NOTHING)
        held, self._held = self._held, None
        protocol.connected(self)
        if held:
            protocol.data_received(held)
        self._let_read()

    # From the factory, and from upgraded protocols.

    def drain(self) -> None:
        """Close as soon as nothing is being answered."""
        if not self._queue and self._upgraded is None:
            self.close()

    def abort(self) -> None:
        """Cut the connection, whatever has not been sent."""
        self.transport.abortConnection()

    def close(self, *, linger: bool = False) -> None:
        """Close after what was written has been sent.

        :param linger: the peer may still be sending: close our side and read on for a while,
            because closing at once would make the kernel destroy the answer on its way (RFC 9112 section 9.6).
        """
        if self._waiting is Waiting.END:
            return
        self._reader = None
        self._wait_for(Waiting.END)
        self._paused = False
        transport = self.transport
        transport.unregisterProducer()
        half_close = getattr(transport, "loseWriteConnection", None)
        if linger and half_close is not None:
            transport.resumeProducing()
            half_close()
        else:
            transport.loseConnection()

    # Private.

    def _read(self, data: bytes) -> None:
        assert self._reader is not None
        try:
            rest = self._reader.feed(data)
        except HTTPError as error:
            self._fail(error)
        else:
            if self._held is not None:
                self._held += rest

    def _fail(self, error: HTTPError) -> None:
        """Answer *error* when its turn comes, and read no further."""
        self._reader = self._body = None
        if not self._queue or self._queue[-1].phase is not Phase.RECEIVING:
            self._queue.append(Exchange(_UNREADABLE, self))
        self._queue[-1].error = error

    def _advance(self) -> None:
        """Answer what is complete, one after the other; not recursively, however many there are."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._queue and self._step(self._queue[0]):
                pass
        finally:
            self._advancing = False
        if self._upgraded is None and self._waiting is not Waiting.END:
            self._let_read()
            self._wait_for(self._turn())

    def _step(self, exchange: Exchange) -> bool:
        """Do the next thing for the first *exchange*; return whether there is more to do."""
        if exchange.phase is Phase.DONE:
            self._answered(exchange)
        elif exchange is self._answering:
            return False
        elif exchange.error is not None:
            exchange.error.close = True
            exchange.refuse(exchange.error)
        elif exchange.phase is Phase.RECEIVED:
            self._answering = exchange
            self.factory.application.dispatch(exchange)
        else:
            if exchange.expects_continue():
                self.transport.write(CONTINUE)
            return False
        return True

    def _answered(self, exchange: Exchange) -> None:
        """Forget the first exchange, which is done; close, or go on reading what had to wait for it."""
        if self._queue:  # empty when it was upgraded
            self._queue.popleft()
        self._answering = None
        if self._upgraded is not None:
            return
        if not exchange.keep_alive or (self.factory.draining and not self._queue):
            self._queue.clear()
            self.close(linger=exchange.error is not None or self._body is not None)
        elif self._held is not None:
            held, self._held = self._held, None
            self._read(held)

    def _let_read(self) -> None:
        """Stop or resume reading, so that what is read ahead stays bounded."""
        wanted = len(self._queue) > self.factory.limits.pipeline_limit or bool(self._held)
        if wanted != self._paused:
            self._paused = wanted
            if wanted:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _turn(self) -> Waiting:
        if self._queue:
            return Waiting.BODY if self._queue[0].phase is Phase.RECEIVING else Waiting.NOTHING
        if self._reader is not None and self._reader.in_head:
            return Waiting.HEAD
        return Waiting.FIRST if self._waiting is Waiting.FIRST else Waiting.REQUEST

    def _wait_for(self, what: Waiting) -> None:
        """Give the peer its time for *what*; only in a body does each piece start it anew."""
        if what is self._waiting and what is not Waiting.BODY:
            return
        self._waiting = what
        seconds = self.factory.patience(what)
        if seconds is None:
            self.factory.wheel.cancel(self)
        else:
            self.factory.wheel.set(self, seconds)


class HTTPFactory(Factory):
    """Makes connections for one application.

    :ivar application: answers the requests; until it is set, nothing is found.
    :param limits: of each connection.
    :param wheel: keeps the time-outs.
    :param date: the ``Date`` field.
    """

    noisy = False

    def __init__(self, limits: Limits, wheel: Wheel, date: DateField) -> None:
        self.application = Application([])
        self.limits = limits
        self.wheel = wheel
        self.date = date
        self.connections: set[HTTPConnection] = set()
        #: Set for good when the daemon stops: no connection is kept alive any more.
        self.draining = False
        self._empty: list[Deferred[None]] = []
        self._patience: dict[Waiting, float | None] = {
            Waiting.NOTHING: None,
            Waiting.FIRST: limits.head_timeout,
            Waiting.REQUEST: limits.keep_alive_timeout,
            Waiting.HEAD: limits.head_timeout,
            Waiting.BODY: limits.body_timeout,
            Waiting.END: LINGER,
        }

    def buildProtocol(self, addr: object) -> HTTPConnection:
        """Return the protocol for a new connection."""
        return HTTPConnection(self)

    def patience(self, what: Waiting) -> float | None:
        """Return how many seconds a peer has for *what*; ``None`` for ever."""
        return self._patience[what]

    def drain(self) -> Deferred[None]:
        """Close each connection as soon as nothing is being answered on it; fires when none is left."""
        self.draining = True
        for connection in list(self.connections):
            connection.drain()
        if not self.connections:
            return succeed(None)
        empty: Deferred[None] = Deferred()
        self._empty.append(empty)
        return empty

    def abort(self) -> None:
        """Cut every connection that is left."""
        for connection in list(self.connections):
            connection.abort()

    def connection_lost(self) -> None:
        """Take note that a connection is gone."""
        if not self.connections:
            waiting, self._empty = self._empty, []
            for empty in waiting:
                empty.callback(None)
