# -*- test-case-name: tests.functional.test_accepting -*-
"""Twisted's TCP ports and connections, with a shorter way from ``accept`` to the protocol, and to ``close``.

For everybody who comes and goes Twisted composes two names for logs that are hardly ever
written, keeps back what is logged meanwhile, tells the same address twice, and looks for a way
to an interface that hardly any protocol has.  Here a name is composed when somebody asks for it, and
a protocol is only asked whether it has the interface.

What is rare is left to Twisted: ``accept`` that fails, protocols that go on after half an end, TLS
begun in the middle of a connection.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv6Address
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.tcp import Port as TwistedPort
from twisted.internet.tcp import Server
from twisted.python import log
from twisted.python.failure import Failure

#: Bytes read at once, as by Twisted.
_PIECE = 64 * 1024
#: Connections accepted in one turn, before those that were there already are served again.
_MOST = 100
#: How many more are tried the next time when all of them were there.
_MORE = 20

#: The two ends of nearly all connections, as protocols are told of them.
_DONE = Failure(CONNECTION_DONE)
_LOST = Failure(CONNECTION_LOST)


class Connection(Server):
    """One accepted connection.

    :param accepted: its socket, one of the C module, which is all that Twisted asks for.
    :param protocol: is told what comes.
    :param client: the other end, as ``accept`` tells it.
    :param peer: the same, as an address of Twisted's.
    :param port: accepted it.
    :param number: connections that it had accepted before.
    :param reactor: ours.
    """

    socket: Any

    def __init__(
        self, accepted: socket.SocketType, protocol: Any, client: Any, peer: Any, port: Port, number: int, reactor: Any
    ) -> None:
        # Deliberately not Twisted's; a test compares what both leave behind.
        accepted.setblocking(False)
        self.reactor = reactor
        self._tempDataBuffer = []
        self._tempDataLen = 0
        self.socket = accepted
        self.fileno = accepted.fileno
        self.protocol = protocol
        self.client = client
        self.server = port
        self.sessionno = number
        self.connected = 1
        self._peer = peer
        self._no_delay = port.no_delay
        if len(client) != 2:
            self._addressType = IPv6Address
        reactor.watch(self)

    def getPeer(self) -> Any:
        """Return the address of the other end."""
        return self._peer

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Choose whether small data leaves at once; on most ports it does by itself."""
        if enabled != self._no_delay:
            self._no_delay = enabled
            super().setTcpNoDelay(enabled)

    def logPrefix(self) -> str:
        """Return the name that stands before what is logged for this."""
        protocol = self.__dict__.get("protocol")  # none after the end
        name = type(self).__name__ if protocol is None else self._getLogPrefix(protocol)
        return f"{name},{self.sessionno},{self.client[0]}"

    def __repr__(self) -> str:
        """Return what tells this connection from others."""
        return f"<{self.logPrefix()} on {self.server}>"

    def doRead(self) -> Any:
        """Hand on what came; return how the connection has ended, if it has."""
        try:
            data = self.socket.recv(_PIECE)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        if not data:
            return CONNECTION_DONE
        self.protocol.dataReceived(data)
        return None

    def ended(self, problem: BaseException) -> None:
        """Close after *problem*, which ``doRead`` returned or raised; never raises."""
        try:
            if problem is CONNECTION_LOST:
                self.connectionLost(_LOST)
            elif problem is not CONNECTION_DONE:
                self.connectionLost(Failure(problem))
            elif IHalfCloseableProtocol.providedBy(self.protocol):
                self.stopReading()
                self.readConnectionLost(_DONE)
            else:
                self.connectionLost(_DONE)
        except BaseException:
            log.callWithLogger(self, log.err)

    def connectionLost(self, reason: Failure) -> None:
        """Close, and tell the protocol; a second call does nothing."""
        lost = self.__dict__.get("socket")
        if lost is None:
            return
        self.disconnected = 1
        self.connected = 0
        reactor: Any = self.reactor
        reactor.forget(self)  # first: whoever raises here would be called again in each turn
        try:
            if self.producer is not None:
                self.producer.stopProducing()
        finally:
            self.producer = None
            if reason is _LOST:  # to who is lost nothing can be said, and shutting that connection down would raise
                lost.close()
            else:
                self._closeSocket(reason is _DONE or not reason.check(ConnectionAborted))
            protocol = self.protocol
            del self.protocol, self.socket, self.fileno
            protocol.connectionLost(reason)


class Port(TwistedPort):
    """Accepts connections.

    :ivar no_delay: whether its socket hands down to all of them that small data leaves at once.
    """

    no_delay = False

    socket: Any

    def createInternetSocket(self) -> socket.socket:
        """Return a socket that nobody can have connected to yet."""
        made: socket.socket = super().createInternetSocket()
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return made

    def startListening(self) -> None:
        """Begin; a socket that somebody else has made stays as it is: who waits there already has got what it had."""
        super().startListening()
        self.no_delay = bool(self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    def doRead(self) -> None:
        """Accept those who wait: as many as the last time, so that nobody is asked for in vain, and some more then."""
        for count in range(self.numberAccepts):
            try:
                # The socket of the C module: Python's own looks two members of enums up for each connection.
                number, client = self.socket._accept()
            except BlockingIOError:
                self.numberAccepts = max(1, count)
                return
            except OSError:
                super().doRead()
                return
            try:
                self._begin(socket.SocketType(self.addressFamily, self.socketType, 0, number), client)
            except BaseException:
                log.callWithLogger(self, log.err)
        self.numberAccepts = min(self.numberAccepts + _MORE, _MOST)

    def _begin(self, accepted: socket.SocketType, client: Any) -> None:
        if len(client) == 4 and client[3]:  # an address that means something on one interface only
            client = (socket.getnameinfo(client, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0], *client[1:])
        peer = self._buildAddr(client)
        factory: Any = self.factory
        try:
            protocol = factory.buildProtocol(peer)
        except BaseException:
            accepted.close()
            raise
        if protocol is None:
            accepted.close()
            return
        number = self.sessionno
        self.sessionno = number + 1
        protocol.makeConnection(Connection(accepted, protocol, client, peer, self, number, self.reactor))
