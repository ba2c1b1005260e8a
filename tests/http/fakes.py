"""Handlers, a wire and a protocol for the tests of HTTP: small, and each does one thing."""

from __future__ import annotations

from errno import ENOSPC
from io import BytesIO
from typing import Any

from sockjsd.errors import HTTPError
from sockjsd.http.application import Application, Route
from sockjsd.http.exchange import Exchange, Socket, Upgraded
from sockjsd.http.handler import LeanHandler
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.rules import Head

DATE = b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


class Wire:
    """The connection of one exchange: remembers what it is told."""

    def __init__(self) -> None:
        self.sent = b""
        self.writable = True
        self.draining = False
        self.aborted = False
        self.done_with: list[Exchange] = []
        self.upgraded_to: list[Upgraded] = []
        self.host: object = None

    def stamp(self, exchange: Exchange) -> bytes:
        if self.draining:
            exchange.keep_alive = False
        return DATE

    def send(self, data: bytes) -> None:
        self.sent += data

    def abort(self) -> None:
        self.aborted = True

    def done(self, exchange: Exchange) -> None:
        self.done_with.append(exchange)

    def upgraded(self, exchange: Exchange, protocol: Upgraded) -> None:
        self.upgraded_to.append(protocol)


class Echo(LeanHandler):
    """Answers at once: method, path and body."""

    METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")

    def handle(self, *arguments: str) -> None:
        request = self.request
        self.exchange.respond(200, b"", f"{request.method} {request.uri} ".encode() + request.body)


class Held(LeanHandler):
    """Does not answer: the test does, when it likes."""

    METHODS = ("GET", "HEAD", "POST")

    def initialize(self, held: list[Exchange]) -> None:
        self._held = held

    def handle(self, *arguments: str) -> None:
        self._held.append(self.exchange)


class Small(Echo):
    """Accepts ten bytes of body."""

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        return BodyPolicy(10)


class Spooled(Held):
    """Keeps four bytes of a body in memory, accepts a thousand."""

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        return BodyPolicy(1000, memory=4)


class FullDisk(BytesIO):
    """A file whose buffer does not fit on the disk."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Write the buffer, or not."""
        raise OSError(ENOSPC, "No space left on device")

    def close(self) -> None:
        """Likewise; closed it is, as Python's own files are."""
        super().close()
        raise OSError(ENOSPC, "No space left on device")


class Broken(LeanHandler):
    """Raises what the row names, before or after it began to answer."""

    METHODS = ("GET",)

    def initialize(self, error: Exception, begun: str = "") -> None:
        self._error = error
        self._begun = begun

    def handle(self, *arguments: str) -> None:
        if self._begun == "started":
            self.exchange.start(200)
            self.exchange.write(b"a part")
        elif self._begun == "answered":
            self.exchange.respond(200, b"", b"all")
        raise self._error


class Tunnel:
    """What takes a socket over; remembers what happens, in order."""

    def __init__(self, *, error: Exception | None = None, closes: bool = False) -> None:
        self.events: list[object] = []
        self.socket: Socket
        self._error = error
        self._closes = closes

    def connected(self, socket: Socket) -> None:
        self.socket = socket
        self.events.append("connected")
        if self._closes:
            socket.close()
        if self._error is not None:
            raise self._error

    def data_received(self, data: bytes) -> None:
        self.events.append(data)

    def drained(self) -> None:
        self.events.append("drained")

    def lost(self) -> None:
        self.events.append("lost")


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Switch(LeanHandler):
    """Upgrades to a tunnel, unless the query says to refuse."""

    METHODS = ("GET",)

    def initialize(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def handle(self, *arguments: str) -> None:
        if self.request.query == "refuse":
            raise HTTPError(403, "Not for you", close=False)
        self.exchange.upgrade(SWITCH, self._tunnel)


class Server(Application):
    """An application with a path for each of the handlers above.

    :ivar held: the exchanges that wait for the test to answer.
    :ivar routed: how many requests were looked at.
    :ivar tunnel: of ``/switch``.
    """

    def __init__(self, tunnel: Tunnel | None = None) -> None:
        self.held: list[Exchange] = []
        self.routed = 0
        self.tunnel = tunnel or Tunnel()
        super().__init__(
            [
                (r"/echo.*", Echo, {}),
                (r"/small", Small, {}),
                (r"/held.*", Held, {"held": self.held}),
                (r"/spooled", Spooled, {"held": self.held}),
                (r"/switch", Switch, {"tunnel": self.tunnel}),
                (r"/broken", Broken, {"error": ZeroDivisionError("secret")}),
                (r"/broken/start", Broken, {"error": ZeroDivisionError("secret"), "begun": "started"}),
                (r"/broken/end", Broken, {"error": ZeroDivisionError("secret"), "begun": "answered"}),
            ]
        )

    def find(self, head: Head) -> Route:
        self.routed += 1
        return super().find(head)

    def answer(self, body: bytes = b"held") -> None:
        """Answer the request that was held first."""
        self.held.pop(0).respond(200, b"", body)
