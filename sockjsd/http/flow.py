# -*- test-case-name: tests.http.test_flow,tests.functional.test_direct_writes -*-
"""The way out of a connection.

Where the transport has a plain socket, data is written straight to it while nothing waits:
the transport would send it one turn of the reactor later.  What the kernel does not take
goes to the transport, and until its buffer is empty everything else waits behind it.
Under TLS the transport does all of it.

A transport says only that its buffer is full and that it is empty.  So that a slow
client can be told from one that reads nothing at all, a large piece of data goes out in
slices, and each that left is progress.

Nothing here fails: where the kernel has an error to tell, the transport meets it with
what it is left to write, and ends the connection as it would without us.
"""

from __future__ import annotations

import socket
from typing import Any, Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from sockjsd.fanout import send_one
from sockjsd.http.gathering import Gathering
from sockjsd.sockjs.lanes import Lane, SendToMany

#: Bytes handed to the transport at once.  More than the 64 KiB at which Twisted calls its buffer
#: full, so that one slice is enough to be told when it is empty again.
SLICE = 128 * 1024


class Watcher(Protocol):
    """Whoever sends through a flow."""

    def moved(self, writable: bool) -> None:
        """The buffer filled up or emptied, or a slice has left."""


class _Nobody:
    """Watches a flow that has ended: what holds its own watcher is freed by the garbage collector only, and late."""

    def moved(self, writable: bool) -> None:
        pass


_NOBODY = _Nobody()


@implementer(IPushProducer)
class Flow:
    """Writes to a socket or its transport, and learns when what waits has left.

    With a socket it is the transport's *pull* producer, because a streaming one is not told that
    a small buffer is empty; and only while something waits, because a transport with a pull
    producer never ends when somebody else closes it.  Without a socket it is a streaming
    producer all the time, as TLS asks a pull producer for more without end.

    :param transport: a consumer.
    :param watcher: is told what happens.
    :param gathering: may keep for later what is sent.
    """

    __slots__ = ("_backlog", "_ended", "_full", "_gathering", "_socket", "_transport", "_watcher", "fd", "lane")

    def __init__(self, transport: Any, watcher: Watcher, gathering: Gathering) -> None:
        self._transport = transport
        self._watcher: Watcher = watcher
        self._gathering = gathering
        self._socket = plain_socket(transport)
        #: The socket's descriptor; negative while something waits before it, and from the end on.  Whoever closes the
        #: socket says so before anything else can run, so it is never that of another file.
        self.fd = -1 if self._socket is None else self._socket.fileno()
        #: See ``sockjsd.sockjs.lanes``; set by whoever owns the connection.
        self.lane: Lane | None = None
        self._full = False
        self._ended = False
        # What the transport was not given yet; empty unless it is full.
        self._backlog: list[bytes | memoryview] = []

    def start(self) -> None:
        """Begin to hear from the transport; ``end`` or ``drop`` is owed."""
        hurry(self._transport)
        if self._socket is None:
            self._transport.registerProducer(self, True)

    def send(self, data: bytes) -> None:
        """Write *data*, after what waits; after the end it is dropped."""
        if self._socket is None or not self._gathering.take(self, data):
            self.write(data)

    @property
    def send_to_many(self) -> SendToMany:
        """Sends data to flows that are gathered together, this one among them."""
        return self._gathering.give

    def flush(self) -> None:
        """Send at once what was gathered."""
        gathered = self._gathering.pop(self)
        if gathered:
            self.write(gathered)

    def end(self) -> None:
        """Nothing more will be sent, and nothing waits: let go of the transport, which is about to be closed."""
        self.drop()
        self._transport.unregisterProducer()

    def drop(self) -> None:
        """The connection is lost, or about to be cut: forget what waits, and write no more."""
        self._ended = self._full = True
        self._direct(-1)
        self.lane = None
        self._watcher = _NOBODY
        self._backlog = []
        self._gathering.pop(self)

    # For the gathering.

    def write(self, data: bytes | memoryview) -> None:
        """Send *data* without gathering it, after what waits."""
        if self._full:
            self._put_behind(data)
        elif self._socket is None:
            self._pass_on(data)
        else:
            count = send_one(self._socket, data)
            if count != len(data):
                self.took(data, count)

    def took(self, data: bytes | memoryview, count: int) -> None:
        """Leave to the transport what the kernel did not take of *data*, beyond *count* bytes."""
        rest = memoryview(data)[max(count, 0) :]
        if self._full:
            self._put_behind(rest)
        else:
            self._transport.registerProducer(self, False)  # asks for data at once, and is not heard yet
            self._full = True
            self._direct(-1)
            self._transport.write(bytes(rest[:SLICE]))
            self._keep(rest[SLICE:])
            self._tell()

    # From the transport.

    def pauseProducing(self) -> None:
        """The transport's buffer is full."""
        self._full = True
        self._direct(-1)
        self._tell()

    def resumeProducing(self) -> None:
        """The transport's buffer is empty."""
        if self._ended or not self._full:
            return
        self._full = False
        if self._socket is not None:
            self._direct(self._socket.fileno())
            self._transport.unregisterProducer()
        waiting, self._backlog = self._backlog, []
        if waiting:
            self.write(waiting[0] if len(waiting) == 1 else b"".join(waiting))
        if not self._full:
            self._tell()

    def stopProducing(self) -> None:
        """The connection is lost; whoever waits is told by ``connectionLost``."""
        self.drop()

    # Private.

    def _direct(self, fd: int) -> None:
        """Take note of where data can be sent straight to; negative: nowhere."""
        self.fd = fd
        if self.lane is not None:
            self.lane.changes += 1

    def _pass_on(self, data: bytes | memoryview) -> None:
        """Give *data* to the transport, until that is full."""
        if len(data) <= SLICE:
            self._transport.write(bytes(data))
            return
        rest = memoryview(data)
        while rest and not self._full:
            self._transport.write(bytes(rest[:SLICE]))
            rest = rest[SLICE:]
        self._keep(rest)

    def _put_behind(self, data: bytes | memoryview) -> None:
        """Let *data* wait: in the transport's own buffer, as long as there is not much."""
        if self._ended:
            return
        if not self._backlog and len(data) <= SLICE:
            self._transport.write(bytes(data))
        else:
            self._keep(data)

    def _keep(self, data: bytes | memoryview) -> None:
        if data:
            self._backlog.append(data)

    def _tell(self) -> None:
        self._watcher.moved(not self._full)


def hurry(transport: Any) -> None:
    """Let small data leave at once, where *transport* is TCP.

    Nagle's algorithm would keep a second frame back until the client has acknowledged the
    first one, and clients take up to 40 ms for that.
    """
    set_no_delay = getattr(transport, "setTcpNoDelay", None)
    if set_no_delay is not None:
        try:  # noqa: SIM105  # for each connection, where a context costs more than all the rest of this
            set_no_delay(True)
        except OSError:  # a Unix socket has the method and not the option
            pass


def plain_socket(transport: Any) -> socket.SocketType | None:
    """Return the socket of *transport* that may be written to; ``None`` under TLS, and where there is none."""
    get_handle = getattr(transport, "getHandle", None)
    handle = get_handle() if get_handle is not None else None
    return handle if isinstance(handle, socket.SocketType) else None
