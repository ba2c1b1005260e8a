# -*- test-case-name: tests.functional.test_reactor -*-
"""Twisted's reactor for Linux, with a shorter way from an event to whoever waits for it.

Around each event Twisted puts the name of whoever it is for into a logging context, which
takes as long as reading and answering a short message.  Here only what is written about an
exception, or about the end of a connection, has that name, which is where anybody has looked for it.

What belongs to one turn can be finished at its end, without a timer: see :meth:`Reactor.soon`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT
from socket import AF_INET, AF_INET6
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.python import log

from sockjsd.accepting import Connection, Port

_BOTH = EPOLLIN | EPOLLOUT


class Reactor(EPollReactor):
    """See the text above; everything else is Twisted's."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], object]] = []
        super().__init__()

    def listenTCP(self, port: int, factory: Any, backlog: int = 50, interface: str = "") -> Port:
        """Listen as Twisted does, with ports of our own."""
        listening = Port(port, factory, backlog, interface, self)
        listening.startListening()
        return listening

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: Any) -> Any:
        """Listen on a socket that somebody else has made; see ``listenTCP``."""
        if addressFamily not in (AF_INET, AF_INET6):
            return super().adoptStreamPort(fileDescriptor, addressFamily, factory)
        listening = Port._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
        listening.startListening()
        return listening

    def watch(self, connection: Connection) -> None:
        """Read from *connection*, which is new."""
        fd = connection.fileno()
        self._poller.register(fd, EPOLLIN)
        self._reads.add(fd)
        self._selectables[fd] = connection

    def forget(self, connection: Connection) -> None:
        """Neither read from *connection* nor write to it any more; it is still open."""
        fd = connection.fileno()
        if self._selectables.pop(fd, None) is not None:
            self._reads.discard(fd)
            self._writes.discard(fd)
            self._poller.unregister(fd)

    def soon(self, call: Callable[[], object]) -> None:
        """Call *call* after what the reactor is reading in this turn, and before it waits again."""
        self._ends.append(call)

    def doPoll(self, timeout: float | None) -> None:
        """Wait for events, and let each be dealt with."""
        if self._ends:  # asked for outside of a turn: by a timer, or before the start
            timeout = 0
        selectables = self._selectables
        for fd, event in self._poller.poll(-1 if timeout is None else timeout, len(selectables)):
            selectable = selectables.get(fd)
            if selectable is None:  # one before it in this turn has closed it
                continue
            if event & _BOTH == EPOLLIN:
                self._read(selectable)
            else:
                log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)
        if self._ends:
            self._end_turn()

    doIteration = doPoll

    def _read(self, selectable: Any) -> None:
        try:
            problem = selectable.doRead()
        except BaseException:
            problem = sys.exc_info()[1]
            log.callWithLogger(selectable, log.err)
        if problem and type(selectable) is Connection:
            selectable.ended(problem)
        elif problem:  # in the context, because what an end raises must not cost the others their events
            log.callWithLogger(selectable, self._disconnectSelectable, selectable, problem, True)

    def _end_turn(self) -> None:
        calls, self._ends = self._ends, []
        for call in calls:
            try:
                call()
            except BaseException:
                log.err()
