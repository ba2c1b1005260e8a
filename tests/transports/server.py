"""A server with one SockJS endpoint in memory, and what its clients need to read the answers.

::

    server = Server(response_limit=20)            # the endpoint /echo with any of its options
    server.ask("POST", "/0/s/xhr")                # -> Answer, over a connection of its own
    client = server.client()                      # a connection, see tests.http.memory
    server.events                                 # what the application saw: "made", "got a", "lost 1002 …"
    socket = WebSocket(server, "/0/s/websocket")  # after its handshake
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sockjsd.config import Endpoint as Options
from sockjsd.http.application import Application
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.transports import urls
from sockjsd.transports.endpoint import Endpoint
from sockjsd.wheel import RESOLUTION
from tests.http.memory import Answer, Client, request
from tests.websocket.examples import client as masked

#: The key and its proof are the example of RFC 6455 section 1.3.
HANDSHAKE: dict[str, Any] = {
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}
PROOF = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Chronicle(SockJSConnection):
    """Notes what happens in ``server.events`` and echoes; a few messages are orders.

    :param server: whose application it is.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Note it, and close at once where the server's application does."""
        self._server.events.append("made")
        self._server.connections.append(self)
        self._server.infos.append(info)
        if self._server.closes:
            self.close()

    def messageReceived(self, message: str | bytes) -> None:
        """Note it, and send it back; ``raise`` and ``close`` are orders."""
        self._server.events.append(f"got {message!s}")
        if message == "raise":
            raise RuntimeError("as ordered")
        if message == "close":
            self.close(4000, "as ordered")
        self.sendMessage(message)

    def connectionLost(self) -> None:
        """Note it."""
        self._server.events.append(f"lost {self.closeCode} {self.closeReason}")


class Server:
    """The endpoint ``/echo`` and whatever connects to it.

    :param origins: who may connect; everybody unless said otherwise.
    :param closes: whether the application closes each session at once.
    :param options: of the endpoint.
    """

    def __init__(self, *, origins: Origins | None = None, closes: bool = False, **options: Any) -> None:
        self.closes = closes
        self.events: list[str] = []
        self.connections: list[Chronicle] = []
        self.infos: list[ConnectionInfo] = []
        first = Client()
        self.factory = first.factory
        self.clock = first.clock
        self.endpoint = Endpoint(
            Options("echo", application="echo", **options),
            lambda: Chronicle(self),
            first.wheel,
            first.clock,
            origins or Origins(["*"]),
        )
        self.factory.application = Application(urls.rows(self.endpoint))
        first.lose()

    def client(self, **arguments: Any) -> Client:
        """Return a new connection."""
        return Client(factory=self.factory, **arguments)

    def ask(self, method: str, path: str, body: bytes = b"", **fields: Any) -> Answer:
        """Send a request for *path* below the prefix on a connection of its own, and return the answer."""
        client = self.client()
        answer = client.ask(method, "/echo" + path, body, **fields)
        if not client.closed:
            client.lose()
        return answer

    def begin(self, method: str, path: str, **fields: Any) -> Client:
        """Send a request for *path* whose answer is still to come, and return its connection."""
        client = self.client()
        client.send(request(method, "/echo" + path, **fields))
        return client

    def advance(self, seconds: float) -> None:
        """Let time go by."""
        for _ in range(round(seconds / RESOLUTION)):
            self.clock.advance(RESOLUTION)

    @property
    def count(self) -> int:
        """How many sessions live."""
        return len(self.endpoint.sessions)


def header_and_chunks(data: bytes) -> tuple[bytes, list[bytes]]:
    """Return the head, without its last line end, and the chunks of an answer that may not be complete."""
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, chunks(rest)


def chunks(data: bytes) -> list[bytes]:
    """Return the chunks in *data*; the one that ends an answer is ``b""``."""
    found = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        found.append(data[:length])
        assert data[length : length + 2] == b"\r\n", "a chunk is followed by a line end"
        data = data[length + 2 :]
    return found


def server_frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Read unmasked WebSocket frames: opcode and payload of each."""
    while data:
        opcode, size, at = data[0] & 0x0F, data[1], 2
        if size > 125:
            at = 4 if size == 126 else 10
            size = int.from_bytes(data[2:at], "big")
        yield opcode, data[at : at + size]
        data = data[at + size :]


class WebSocket:
    """A WebSocket client of *server*.

    :param path: below the endpoint's prefix.
    :param behind: what comes in the same read as the handshake, behind it.
    :param fields: more header fields of the handshake.
    """

    def __init__(self, server: Server, path: str = "/0/s/websocket", behind: bytes = b"", **fields: Any) -> None:
        self.client = server.client()
        self.client.send(request("GET", "/echo" + path, **{**HANDSHAKE, **fields}) + behind)
        self.head, _, self._rest = self.client.received().partition(b"\r\n\r\n")

    def send(self, text: str) -> None:
        """Send one text."""
        self.send_frame(1, text.encode())

    def send_frame(self, opcode: int, payload: bytes = b"") -> None:
        """Send one frame."""
        self.client.send(masked(opcode, payload))

    def frames(self) -> list[tuple[int, bytes]]:
        """Return the opcodes and payloads that came since the last call."""
        data, self._rest = self._rest + self.client.received(), b""
        return list(server_frames(data))

    def texts(self) -> list[str]:
        """Return the texts that came since the last call; anything else is an error."""
        frames = self.frames()
        assert all(opcode == 1 for opcode, _ in frames), frames
        return [payload.decode() for _, payload in frames]
