"""Clients of the client protocol that cost next to nothing: they send what is written once for all, and look for marks.

Five thousand real clients in one process would measure themselves.  These know only whether a mark, such as the end
of the last publication, has come, and when.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import time
from collections.abc import Callable

#: The key is the example of RFC 6455 section 1.3.
HANDSHAKE = (
    b"GET /connection/websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
#: A ping of the client protocol, as a server frames it.
PING = b"\x81\x02{}"
#: Bytes kept of what came, to find a mark that was cut in two.
TAIL = 64
#: Connections that are begun in one turn of the loop: as many as a kernel accepts without dropping any.
AT_ONCE = 500


def text_frame(text: str) -> bytes:
    """Return a WebSocket frame of a client; its mask is zero, which servers have to accept."""
    data = text.encode()
    size = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
    return b"\x81" + size + bytes(4) + data


def allow_many_files() -> None:
    """Let this process, and those that it starts, have as many sockets as the system permits."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Quick(asyncio.Protocol):
    """One client.

    :param commands: what it says first, one frame.
    :param mark: what it waits for.
    :param on_mark: called with the time when the mark came, each time.
    """

    def __init__(self, commands: bytes, mark: bytes, on_mark: Callable[[Quick, float], None]) -> None:
        self._commands = commands
        self.mark = mark
        self._on_mark = on_mark
        self._tail = b""
        self.bytes = 0
        self.lost = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send everything at once: the server reads it in order."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(HANDSHAKE + self._commands)

    def data_received(self, data: bytes) -> None:
        """Look for the mark."""
        self.bytes += len(data)
        data = self._tail + data
        place = data.rfind(self.mark)
        if place >= 0:
            self._tail = data[place + len(self.mark) :][-TAIL:]
            self._on_mark(self, time.monotonic())
        else:
            self._tail = data[-TAIL:]
        # One that was in the tail is answered twice, which does no harm.
        if PING in data and self.transport is not None:
            self.transport.write(text_frame("{}"))

    def connection_lost(self, error: Exception | None) -> None:
        """Take note."""
        self.lost = True


class Marks:
    """Waits until a number of clients have seen their mark.

    :ivar times: when each mark came.
    """

    def __init__(self) -> None:
        self.times: list[float] = []
        self._wanted = 0
        self._reached = asyncio.Event()

    def seen(self, client: Quick, now: float) -> None:
        """Take one."""
        self.times.append(now)
        if len(self.times) == self._wanted:
            self._reached.set()

    def expect(self, wanted: int) -> None:
        """Begin to count anew, up to *wanted*."""
        self.times.clear()
        self._wanted = wanted
        self._reached.clear()

    async def reached(self, limit: float) -> float:
        """Wait until all have come, and return when the last one did.

        :raises TimeoutError: they do not within *limit* seconds.
        """
        try:
            await asyncio.wait_for(self._reached.wait(), limit)
        except TimeoutError:
            raise TimeoutError(f"{len(self.times)} of {self._wanted} clients within {limit} s") from None
        return max(self.times)


async def connect_all(port: int, clients: list[Quick], receive_buffer: int = 0) -> None:
    """Connect all *clients*, many at a time."""
    loop = asyncio.get_running_loop()
    turn = asyncio.Semaphore(AT_ONCE)

    async def one(client: Quick) -> None:
        async with turn:
            connection = socket.socket()
            connection.setblocking(False)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.create_connection(lambda: client, sock=connection)

    await asyncio.gather(*map(one, clients))


def close_all(clients: list[Quick]) -> None:
    """Cut all connections."""
    for client in clients:
        if client.transport is not None:
            client.transport.abort()
