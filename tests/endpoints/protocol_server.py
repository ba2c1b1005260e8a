"""A server whose clients speak the client protocol over plain requests, with an application that notes.

::

    server = ProtocolServer()
    client = server.begin("POST", "/connection/http_stream", b'{"id":1,"connect":{}}')
    server.client.sendMessage('{"push":{}}')
    server.heard                  # what the application got
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from sockjsd.channels.protocol import codes
from sockjsd.config import Endpoint as Options
from sockjsd.config.channels import Channels
from sockjsd.endpoints.protocol import protocol_rows
from sockjsd.http.application import Application
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import Endpoint
from tests.http.memory import Answer, Client, request


class Noting(SockJSConnection):
    """Notes what it hears, and answers a connect command as the client protocol does."""

    def __init__(self, server: ProtocolServer) -> None:
        self._server = server

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Note it."""
        self._server.clients.append(self)
        self._server.transports.append(info.transport)

    def messageReceived(self, message: str) -> None:
        """Note it; a message that says so ends in an error or in the end."""
        self._server.heard.append(message)
        if "refuse me" in message:
            self.sendMessage('{"id":1,"error":{"code":109,"message":"token expired"}}')
        elif "raise" in message:
            raise LookupError("as ordered")
        elif "connect" in message:
            self.sendMessage('{"id":1,"connect":{"client":"c"}}')

    def connectionLost(self) -> None:
        """Note it."""
        self._server.heard.append(f"lost {self.closeCode}")


class ProtocolServer:
    """One node.

    :ivar heard: what the application got.
    :ivar forwarded: what ``/emulation`` was asked for; *answer* is what comes of it.
    """

    def __init__(self, **options: Any) -> None:
        self.heard: list[str] = []
        self.transports: list[str] = []
        self.clients: list[Noting] = []
        self.forwarded: list[tuple[str, str, str]] = []
        self.answer: bool | Exception | Deferred[bool] = True
        first = Client()
        self.factory, self._clock = first.factory, first.clock
        channels = Channels(enabled=True, **options)
        self.endpoints, rows = protocol_rows(channels, self._make_endpoint, lambda: Noting(self), self.forward)
        self.factory.application = Application(rows)

    def _make_endpoint(self, options: Options, make_connection: Callable[[], SockJSConnection]) -> Endpoint:
        origins = Origins(["https://friend.example"])
        return Endpoint(options, make_connection, self.factory.wheel, self._clock, origins)

    def forward(self, node: str, session: str, data: str) -> Deferred[bool]:
        """Note it, and answer."""
        self.forwarded.append((node, session, data))
        if isinstance(self.answer, Deferred):
            return self.answer
        return fail(self.answer) if isinstance(self.answer, Exception) else succeed(self.answer)

    @property
    def client(self) -> Noting:
        """The application of the last client."""
        return self.clients[-1]

    @property
    def sessions(self) -> int:
        """How many live."""
        return sum(len(endpoint.sessions) for endpoint in self.endpoints)

    def begin(self, method: str, target: str, body: bytes = b"", **fields: str) -> Client:
        """Send a request whose answer lasts."""
        client = Client(factory=self.factory)
        client.send(request(method, target, body, **fields))
        return client

    def ask(self, method: str, target: str, body: bytes = b"", **fields: str) -> Answer:
        """Send a request with a complete answer."""
        return Client(factory=self.factory).ask(method, target, body, **fields)


SHUTDOWN = f'{{"code":{codes.SHUTDOWN.code},"reason":"{codes.SHUTDOWN.reason}"}}'
