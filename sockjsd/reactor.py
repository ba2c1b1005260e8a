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
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.python import log

_BOTH = EPOLLIN | EPOLLOUT


class Reactor(EPollReactor):
    """See the text above; everything else is Twisted's."""

    def __init__(self) -> None:
        self._ends: list[Callable[[], object]] = []
        super().__init__()

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
        if problem:  # in the context, because what the end of a connection raises must not cost the others their events
            log.callWithLogger(selectable, self._disconnectSelectable, selectable, problem, True)

    def _end_turn(self) -> None:
        calls, self._ends = self._ends, []
        for call in calls:
            try:
                call()
            except BaseException:
                log.err()
