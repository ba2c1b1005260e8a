# -*- test-case-name: tests.http.test_flow -*-
"""The way out of a connection.

A transport says only that its buffer is full and that it is empty.  So that a slow
client can be told from one that reads nothing at all, a large piece of data goes out in
slices, and each that left is progress.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

#: Bytes handed to the transport at once.  More than the 64 KiB at which Twisted calls its buffer
#: full, so that one slice is enough to be told when it is empty again.
SLICE = 128 * 1024


class Watcher(Protocol):
    """Whoever sends through a flow."""

    def moved(self, writable: bool) -> None:
        """The buffer filled up or emptied, or a slice has left."""


@implementer(IPushProducer)
class Flow:
    """Writes to a transport and hears from it whether its buffer is full.

    :param transport: a consumer; the caller registers the flow with it as a streaming producer.
    :param watcher: is told what happens.
    """

    __slots__ = ("_backlog", "_full", "_transport", "_watcher")

    def __init__(self, transport: Any, watcher: Watcher) -> None:
        self._transport = transport
        self._watcher = watcher
        self._full = False
        # What the transport was not given yet.
        self._backlog: deque[memoryview] = deque()

    def send(self, data: bytes) -> None:
        """Write *data*, after what waits."""
        if not self._backlog and len(data) <= SLICE:
            self._transport.write(data)
        else:
            self._backlog.append(memoryview(data))
            self._push()

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._full = True
        self._tell()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        self._full = False
        self._push()
        self._tell()

    def stopProducing(self) -> None:
        """The connection is lost; whoever waits is told by ``connectionLost``."""
        self._full = True
        self._backlog.clear()

    def _push(self) -> None:
        while self._backlog and not self._full:
            data = self._backlog.popleft()
            if len(data) > SLICE:
                self._backlog.appendleft(data[SLICE:])
            self._transport.write(bytes(data[:SLICE]))

    def _tell(self) -> None:
        self._watcher.moved(not self._full and not self._backlog)
