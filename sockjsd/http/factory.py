# -*- test-case-name: tests.http.test_factory -*-
"""What all connections of the daemon share, and how they end when it stops."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory

from sockjsd.http.application import Application, Responder
from sockjsd.http.connection import HTTPConnection
from sockjsd.http.fields import DateField
from sockjsd.http.gathering import Gathering
from sockjsd.http.limits import Limits
from sockjsd.http.proxies import Proxies
from sockjsd.wheel import Wheel


class HTTPFactory(Factory):
    """Makes connections for one application.

    :ivar application: answers the requests; until it is set, nothing is found.
    :ivar connections: those that are open.
    :ivar gathering: what is sent inside ``with factory.gathering`` leaves at its end, together.
    :ivar draining: set for good when the daemon stops: no connection is kept alive any more.
    :ivar patience: how many seconds a peer has for what it has to do.
    :param limits: of each connection.
    :param wheel: keeps the time-outs.
    :param date: the ``Date`` field.
    :param proxies: those that are trusted; none unless given.
    """

    noisy = False

    def __init__(self, limits: Limits, wheel: Wheel, date: DateField, proxies: Proxies | None = None) -> None:
        self.application: Responder = Application([])
        self.limits = limits
        self.patience = limits.patience()
        self.wheel = wheel
        self.date = date
        self.proxies = proxies or Proxies()
        self.connections: set[HTTPConnection] = set()
        self.gathering = Gathering()
        self.draining = False
        self._empty: list[Deferred[None]] = []

    def buildProtocol(self, addr: IAddress | None) -> HTTPConnection:  # type: ignore[override]  # has its factory at once
        """Return the protocol for a new connection."""
        return HTTPConnection(self)

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

    def emptied(self) -> None:
        """Take note that no connection is left."""
        waiting, self._empty = self._empty, []
        for empty in waiting:
            empty.callback(None)
