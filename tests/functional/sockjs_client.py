"""A SockJS client for functional tests: blocking, one socket a request, and impatient.

It reads frames, not chunks, because a proxy may join and split chunks as it likes.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from select import select
from uuid import uuid4

from websockets.sync.client import ClientConnection, connect

#: Seconds after which a test gives up waiting for what has to come.
PATIENCE = 15.0
#: Seconds between two looks at what cannot be waited for in another way.
POLL_INTERVAL = 0.02


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Return as soon as *condition* holds.

    :raises AssertionError: it does not within ``PATIENCE``; says *what* was expected.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s in vain for: {what}")
        time.sleep(POLL_INTERVAL)


def new_session() -> str:
    """Return the path of a new session, below an endpoint's prefix."""
    return f"/000/{uuid4()}"


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer; the names of its fields are in lower case."""

    status: int
    fields: Mapping[str, str]
    body: bytes


class Stream:
    """A request whose answer is read as it comes.

    :param port: of 127.0.0.1.
    """

    def __init__(self, port: int, method: str, path: str, body: bytes = b"", **fields: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        self._connection.request(method, path, body or None, headers)
        self._socket: socket.socket = self._connection.sock
        self._response: http.client.HTTPResponse | None = None
        self._unread = b""

    def fileno(self) -> int:
        """For ``select``."""
        return self._socket.fileno()

    @property
    def response(self) -> http.client.HTTPResponse:
        """The answer's head; waits for it."""
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response

    def read_until(self, end: bytes) -> bytes:
        """Return what comes up to *end*, with it.

        :raises AssertionError: the answer ended before.
        """
        while end not in self._unread:
            data = self.response.read1()
            if not data:
                raise AssertionError(f"the answer ended with {self._unread!r}, before {end!r}")
            self._unread += data
        before, _, self._unread = self._unread.partition(end)
        return before + end

    def read_rest(self) -> bytes:
        """Return everything to the end of the answer."""
        rest, self._unread = self._unread, b""
        while data := self.response.read1():
            rest += data
        return rest

    def answer(self) -> Answer:
        """Wait for the complete answer, and close."""
        body = self.read_rest()
        fields = {name.lower(): value for name, value in self.response.getheaders()}
        answer = Answer(self.response.status, fields, body)
        self.close()
        return answer

    def close(self) -> None:
        """Leave, whatever is still to come."""
        if self._response is not None:
            self._response.close()
        self._connection.close()
        self._socket.close()


def first_answer(*streams: Stream) -> Stream:
    """Wait until one of *streams* has something to read, and return it."""
    readable, _, _ = select(streams, [], [], PATIENCE)
    if not readable:
        raise AssertionError(f"none of {len(streams)} requests was answered in time")
    found: Stream = readable[0]
    return found


def ask(port: int, method: str, path: str, body: bytes = b"", **fields: str) -> Answer:
    """Send a request and return the complete answer."""
    return Stream(port, method, path, body, **fields).answer()


def exchange(port: int, data: bytes) -> bytes:
    """Send *data* over a connection and return everything that comes until the server closes it."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(data)
        while part := connection.recv(65536):
            received += part
    return received


def open_websocket(port: int, path: str, source: str = "") -> ClientConnection:
    """Return a WebSocket after its handshake; ``recv(PATIENCE)`` reads a text.

    :param source: the client's address; whatever the kernel says where it is empty.
    """
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
    url = f"ws://127.0.0.1:{port}{path}"
    return connect(url, sock=connection, proxy=None, open_timeout=PATIENCE, close_timeout=PATIENCE)
