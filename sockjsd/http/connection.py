# -*- test-case-name: tests.http -*-
"""One connection: requests are answered strictly in the order in which they came.

Reading goes ahead of answering by little more than ``pipeline_limit`` requests, and no
answer is begun while the client does not read those before it: whoever only sends costs
no memory.  One timer bounds whatever the peer has to do next; which one it is follows
from what the connection waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from sockjsd.errors import HTTPError
from sockjsd.http.body import Body
from sockjsd.http.exchange import Exchange, Phase, Upgraded
from sockjsd.http.flow import Flow
from sockjsd.http.limits import FIRST_GRACE, Waiting
from sockjsd.http.proxies import NOBODY, End
from sockjsd.http.reader import Reader
from sockjsd.http.rules import UNREADABLE, Head

if TYPE_CHECKING:
    from sockjsd.http.factory import HTTPFactory

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

#: Bytes parsed at once: how far beyond ``pipeline_limit`` reading may come.  Most requests are smaller.
PIECE = 2048


# Looked up for each request: a global is several times cheaper than a member of an enum on Python 3.11.
_DONE = Phase.DONE
_RECEIVED = Phase.RECEIVED
_RECEIVING = Phase.RECEIVING
_ANSWERED = Waiting.ANSWERED
_BODY = Waiting.BODY
_END = Waiting.END
_FIRST = Waiting.FIRST
_HEAD = Waiting.HEAD
_NOTHING = Waiting.NOTHING
_READ = Waiting.READ
_REQUEST = Waiting.REQUEST


class HTTPConnection(Protocol):
    """One connection of an ``HTTPFactory``.

    :ivar writable: whether the socket takes data at once.
    """

    transport: Any  # a consumer that can be paused and aborted; Twisted has no name for all of that
    factory: HTTPFactory

    def __init__(self, factory: HTTPFactory) -> None:
        self.factory = factory
        self.writable = True
        self.due = -1
        # Who is at the other end; looked up for the first request.
        self._end: End | None = None
        # The last head, where its request came from, and where it went.
        self._head: Head | None = None
        self._sender = NOBODY
        self._route: Any = None
        self._waiting = _NOTHING
        self._reader: Reader | None = Reader(factory.limits, self)
        self._queue: list[Exchange] = []
        self._body: Body | None = None
        self._answering: Exchange | None = None
        self._advancing = False
        self._paused = False
        # What came and was not parsed yet: enough requests wait, or one for an upgrade does.
        self._unread: bytes | memoryview = b""
        self._deciding = False
        self._upgraded: Upgraded | None = None
        # Whether to linger, from close() until everything was sent; then None again.
        self._closing: bool | None = None

    # From the transport.

    def connectionMade(self) -> None:
        """Begin to wait for a request."""
        self.factory.connections.add(self)
        self._flow = Flow(self.transport, self, self.factory.gathering)
        self._flow.start()
        self._wait_for(_FIRST)

    def dataReceived(self, data: bytes) -> None:
        """Read requests, or feed whoever owns the socket now."""
        if self._upgraded is not None:
            self._upgraded.data_received(data)
        elif self._reader is not None:
            self._unread = bytes(self._unread) + data if self._unread else data
            self._advance()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell everybody who waits for this connection."""
        factory = self.factory
        factory.connections.discard(self)
        if self.due >= 0:
            factory.wheel.cancel(self)
        self.writable = False
        self._flow.drop()
        self._waiting = _END
        upgraded, self._upgraded = self._upgraded, None
        try:
            if upgraded is not None:
                upgraded.lost()
            else:
                self._forget()
        finally:
            if not factory.connections:
                factory.emptied()

    def moved(self, writable: bool) -> None:
        """The socket's buffer filled up or emptied, or a part of what waits for it has left."""
        turned = writable and not self.writable
        self.writable = writable
        if self._waiting is _END:
            return
        if turned and self._closing is not None:
            self._finish(linger=self._closing)
            return
        self._wait_for(self._turn(), again=True)
        if turned:
            self._drained()
            self._advance()

    def timed_out(self) -> None:
        """The peer did not do in time what was its turn."""
        if self._waiting in (_END, _READ):
            self.abort()
        elif self._waiting in (_HEAD, _BODY):
            self._fail(HTTPError(408, f"Waited too long for {self._waiting.value}"))
            self._advance()
        else:
            self.close()

    # From the reader.

    def head_received(self, head: Head) -> None:
        """Find the route, which decides what body is welcome."""
        factory = self.factory
        end = self._end
        if end is None:  # under haproxy: the peer is known now, and was not when the connection was made
            end = self._end = factory.proxies.end_of(self.transport)
        application, last = factory.application, self._head
        if head is not last or not application.SETTLED:
            self._route = application.find(head)
        if head is not last:
            self._head = head
            if last is None or head.headers is not last.headers:  # else they are clean, and from whom they were before
                self._sender = factory.proxies.sender(head.headers, end)
        exchange = Exchange(head, self, self._sender)
        exchange.route = self._route
        self._queue.append(exchange)
        if head.length != 0:  # None is as much as comes
            self._body = Body(application.body_policy(self._route), head.length)

    def body_received(self, data: bytes) -> None:
        """Keep a part of the body."""
        assert self._body is not None, "the reader reports a body after its head"
        self._body.add(data)

    def request_received(self, *, upgrade: bool) -> None:
        """A request is complete."""
        exchange = self._queue[-1]
        if self._body is not None:
            self._body.give_to(exchange)
            self._body = None
        exchange.phase = _RECEIVED
        self._deciding = upgrade

    # From the exchanges.

    @property
    def host(self) -> object:
        """Our own address; a system call each time."""
        return self.transport.getHost()

    def stamp(self, exchange: Exchange) -> bytes:
        """Return the ``Date`` field of an answer to *exchange*; as the daemon stops, let the last one say so."""
        factory = self.factory
        if factory.draining and len(self._queue) <= 1:
            exchange.keep_alive = False
        return factory.date.now()

    @property
    def line(self) -> Flow:
        """The way straight to the socket."""
        return self._flow

    def send(self, data: bytes) -> None:
        """Write *data*."""
        self._flow.send(data)

    def done(self, exchange: Exchange) -> None:
        """Go on after a complete answer."""
        if not self._advancing:
            self._advance()

    def upgraded(self, exchange: Exchange, protocol: Upgraded) -> None:
        """Give the socket to *protocol*; the parser is not needed any more."""
        self._stop_reading()
        self._upgraded = protocol
        self._queue.clear()
        self._answering = self._end = self._head = self._route = None
        self._wait_for(_NOTHING)
        held, self._unread = bytes(self._unread), b""
        try:
            protocol.connected(self)
            if held and self._closing is None and self._waiting is not _END:
                protocol.data_received(held)
        except Exception:  # whoever asked for the upgrade logs it
            self.abort()
            raise
        self._resume()

    # From the factory, and from upgraded protocols.

    def drain(self) -> None:
        """Close as soon as nothing is being answered, nor on its way from a client that has just connected."""
        if self._waiting is _FIRST:
            self.factory.wheel.set(self, FIRST_GRACE)
        elif not self._queue and self._upgraded is None and self._waiting is not _HEAD:
            self.close()

    def abort(self) -> None:
        """Cut the connection, whatever has not been sent."""
        self._flow.drop()
        self.transport.abortConnection()

    def close(self, *, linger: bool = False) -> None:
        """Close after what was written has been sent.

        :param linger: the peer may still be sending: close our side and read on for a while,
            because closing at once would make the kernel destroy the answer on its way (RFC 9112 section 9.6).
        """
        if self._waiting is _END or self._closing is not None:
            return
        self._stop_reading()
        self._flow.flush()
        if self.writable:
            self._finish(linger=linger)
        else:
            self._closing = linger
            self._wait_for(_READ)

    # Private.

    def _read(self) -> bool:
        """Parse the next piece of what came, if there is room for what may be in it; return whether there was."""
        unread = self._unread
        if self._reader is None or self._deciding or len(self._queue) > self.factory.limits.pipeline_limit:
            return False
        try:
            self._unread = b""
            if len(unread) <= PIECE:
                self._unread = self._reader.feed(bytes(unread))
            else:
                unread = memoryview(unread)
                rest = self._reader.feed(bytes(unread[:PIECE]))
                self._unread = rest + unread[PIECE:] if rest else unread[PIECE:]
        except HTTPError as error:
            self._fail(error)
        return True

    def _fail(self, error: HTTPError) -> None:
        """Answer *error* when its turn comes, and read no further."""
        self._stop_reading()
        self._drop_body()
        if not self._queue or self._queue[-1].phase is not _RECEIVING:
            self._queue.append(Exchange(UNREADABLE, self))
        self._queue[-1].error = error

    def _forget(self) -> None:
        """Answer nothing any more."""
        self._stop_reading()
        self._answering = None
        self._drop_body()
        while self._queue:
            self._queue.pop(0).lost()

    def _stop_reading(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.release()

    def _drop_body(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            body.close()

    def _finish(self, *, linger: bool) -> None:
        """Close, now that everything was sent."""
        self._closing = None
        self._wait_for(_END)
        transport = self.transport
        self._flow.end()
        # Under TLS there is no half of a connection: the method is that of the TCP connection below.
        if linger and hasattr(transport, "loseWriteConnection") and not ISSLTransport.providedBy(transport):
            self._resume()
            transport.loseWriteConnection()
        else:
            transport.loseConnection()

    def _drained(self) -> None:
        if self._upgraded is not None:
            self._upgraded.drained()
        elif self._answering is not None:
            self._answering.on_drained()

    def _advance(self) -> None:
        """Answer what is complete, one after the other; not recursively, however many there are."""
        if self._advancing:
            return
        self._advancing = True
        queue = self._queue
        try:
            while (queue and self._step(queue[0])) or (self._unread and self._read()):
                pass
        finally:
            self._advancing = False
        if self._upgraded is None and self._waiting is not _END:
            if queue or self._unread or self._paused:
                self._let_read()
            turn = self._turn()
            self._wait_for(turn, again=turn is _BODY)

    def _step(self, exchange: Exchange) -> bool:
        """Do the next thing for the first *exchange*; return whether there is more to do."""
        if exchange.phase is _DONE:
            self._answered(exchange)
        elif exchange is self._answering or not self.writable:
            return False
        elif exchange.error is not None:
            exchange.error.close = True
            exchange.refuse(exchange.error)
        elif exchange.phase is _RECEIVED:
            self._answering = exchange
            self.factory.application.dispatch(exchange)
            if exchange.phase is _DONE and self._answering is exchange:  # else it was an upgrade, or it is the end
                self._answered(exchange)
        else:
            if exchange.expects_continue():
                self.send(CONTINUE)
            return False
        return True

    def _answered(self, exchange: Exchange) -> None:
        """Forget the first exchange, which is done; close, or go on reading what had to wait for it."""
        self._queue.pop(0)
        self._answering = None
        self._waiting = _ANSWERED
        if not exchange.keep_alive or (self.factory.draining and not self._queue):
            # What was sent behind a refused request, or behind the last one, may still be on its way.
            linger = exchange.error is not None or bool(self._queue or self._unread)
            self._forget()
            self.close(linger=linger)
        elif not self._queue:
            self._deciding = False  # if it was about an upgrade, that was refused

    def _let_read(self) -> None:
        """Stop or resume reading, so that what is read ahead stays bounded."""
        if self._reader is not None and (self._unread or self._crowded()):
            if not self._paused:
                self._paused = True
                self.transport.pauseProducing()
        else:
            self._resume()

    def _crowded(self) -> bool:
        return len(self._queue) > self.factory.limits.pipeline_limit

    def _resume(self) -> None:
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()

    def _turn(self) -> Waiting:
        if not self.writable and (self._upgraded is None or self._closing is not None):
            return _READ
        if self._upgraded is not None:
            return _NOTHING
        if self._queue:
            return _BODY if self._queue[0].phase is _RECEIVING else _NOTHING
        if self._reader is not None and self._reader.in_head:
            return _HEAD
        return _FIRST if self._waiting is _FIRST else _REQUEST

    def _wait_for(self, what: Waiting, *, again: bool = False) -> None:
        """Give the peer its time for *what*; it has begun already where it is the same, unless *again*."""
        if what is self._waiting and not again:
            return
        self._waiting = what
        seconds = self.factory.patience[what]
        if seconds is None:
            self.factory.wheel.cancel(self)
        else:
            self.factory.wheel.set(self, seconds)
