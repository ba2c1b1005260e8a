"""Clients of four kinds, each on one channel, which come back for ever and keep their place.

Three speak the client protocol, over a WebSocket, over SockJS's WebSocket and over SockJS's xhr-streaming, and do
what an SDK does: connect and subscribe with the last position, answer pings, subscribe again when they are told
to.  The fourth is an EventSource with ``Last-Event-ID``.  They know nothing of the daemons but their URLs.
"""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Protocol

import aiohttp

from benchmarks.faults.ledger import Ledger

#: Seconds without a word after which a client gives its connection up: a ping every 25 s, and SDKs wait 10 s more.
SILENCE = 35.0
#: Seconds before a client comes back, drawn anew each time: the beginning of the SDKs' range.
BACK = (0.1, 1.0)
#: From this code on a client that was unsubscribed subscribes again (client protocol).
RESUBSCRIBE = 2500
#: What makes a client come back.
LOST = (aiohttp.ClientError, OSError, asyncio.TimeoutError, EOFError)


class Wire(Protocol):
    """A connection that carries texts both ways."""

    async def send(self, text: str) -> None:
        """Send one text."""

    def texts(self) -> AsyncIterator[str]:
        """The texts that come; ends with the connection."""


class Raw:
    """A plain WebSocket."""

    PATH: ClassVar[str] = "/connection/websocket"

    def __init__(self, http: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    @classmethod
    @asynccontextmanager
    async def open(cls, http: aiohttp.ClientSession, url: str) -> AsyncIterator[Wire]:
        """Connect."""
        async with http.ws_connect(url + cls.path(), max_msg_size=0) as socket:
            yield cls(http, socket)

    @classmethod
    def path(cls) -> str:
        """Where to connect."""
        return cls.PATH

    async def send(self, text: str) -> None:
        """Send one text."""
        await self._socket.send_str(text)

    async def texts(self) -> AsyncIterator[str]:
        """The texts that come."""
        while True:
            message = await self._socket.receive(SILENCE)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            for text in self.unwrap(message.data):
                yield text

    def unwrap(self, frame: str) -> list[str]:
        """Return the texts in one WebSocket message."""
        return [frame]


class SockJSWebSocket(Raw):
    """SockJS over a WebSocket."""

    @classmethod
    def path(cls) -> str:
        """Where to connect: a new session."""
        return session_path() + "/websocket"

    async def send(self, text: str) -> None:
        """Send one text."""
        await self._socket.send_str(json.dumps([text]))

    def unwrap(self, frame: str) -> list[str]:
        """Return the texts in one frame."""
        return unwrap(frame)


class SockJSStreaming:
    """SockJS over xhr-streaming: one request that is answered for long, others that send."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url

    @classmethod
    @asynccontextmanager
    async def open(cls, http: aiohttp.ClientSession, url: str) -> AsyncIterator[Wire]:
        """Connect: a new session."""
        yield cls(http, url + session_path())

    async def send(self, text: str) -> None:
        """Send one text."""
        async with self._http.post(self._url + "/xhr_send", data=json.dumps([text])) as answer:
            if answer.status != 204:
                raise EOFError

    async def texts(self) -> AsyncIterator[str]:
        """The texts that come, over one request after the other."""
        while True:
            async with self._http.post(self._url + "/xhr_streaming") as answer:
                if answer.status != 200:
                    return
                while line := await line_of(answer):
                    if line.startswith(b"c"):
                        return
                    for text in unwrap(line.decode().rstrip("\n")):
                        yield text


async def line_of(answer: aiohttp.ClientResponse) -> bytes:
    """Return the next line of a body, or nothing at its end.

    :raises asyncio.TimeoutError: none comes.
    """
    # Unlike wait_for, which until Python 3.12 loses a cancellation that comes together with its answer: each
    # of them where lines come faster than they are read.
    async with asyncio.timeout(SILENCE):
        return await answer.content.readuntil()


def session_path() -> str:
    """Return the path of a new SockJS session."""
    return f"/connection/sockjs/{random.randrange(1000):03}/{uuid.uuid4().hex}"


def unwrap(frame: str) -> list[str]:
    """Return the texts in one SockJS frame; ``o`` stands for the empty text, which says that it is open.

    :raises EOFError: it says that the session is closed.
    """
    if frame.startswith("a"):
        texts: list[str] = json.loads(frame[1:])
        return texts
    if frame.startswith("c"):
        raise EOFError
    return [""] if frame == "o" else []


class Listener:
    """One client on one channel.

    :param http: shared by many.
    :param urls: of the daemons; each time the client comes back it tries the next one.
    :ivar ledger: what it heard.
    :ivar connects: how often it connected.
    :ivar skipped: publications that it knows of because of the number of the next one that it heard; only on
        channels that are numbered and have no history, and not over an EventSource, which gets no numbers there.
    """

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], channel: str) -> None:
        self._http = http
        self._urls = urls
        self.channel = channel
        self.ledger = Ledger()
        self.connects = 0
        self.skipped = 0
        self.is_live = False
        self.errors: list[str] = []
        self._turn = random.randrange(len(urls))

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self.listen(self._urls[self._turn % len(self._urls)])
            except LOST as error:
                self._note(f"{type(error).__name__}: {error}")
            finally:
                self.is_live = False
            self.turn()
            await asyncio.sleep(random.uniform(*BACK))

    def turn(self) -> None:
        """Take the next daemon next time."""
        self._turn += 1

    async def listen(self, url: str) -> None:
        """Connect, and listen until the connection ends."""
        raise NotImplementedError

    def live(self) -> None:
        """Take note that the client is subscribed."""
        self.is_live = True
        self.connects += 1

    def _note(self, what: str) -> None:
        if len(self.errors) < 5:
            self.errors.append(what[:200])


class Speaker(Listener):
    """One that speaks the client protocol."""

    WIRE: ClassVar[Any] = Raw
    #: Whether the wire says first that it is open.
    GREETED: ClassVar[bool] = False

    def __init__(self, http: aiohttp.ClientSession, urls: Sequence[str], channel: str) -> None:
        super().__init__(http, urls, channel)
        # Where the client is: offset and epoch.
        self._position: dict[str, Any] | None = None
        self._command = 0
        # The number of the last publication, where there is no history.
        self._number = 0

    async def listen(self, url: str) -> None:
        """Connect, subscribe, and listen."""
        async with self.WIRE.open(self._http, url) as wire:
            if not self.GREETED:
                await self._introduce(wire)
            async for text in wire.texts():
                if text == "":
                    await self._introduce(wire)
                else:
                    await self._read(wire, text)

    async def _introduce(self, wire: Wire) -> None:
        """Send two commands at once, as SDKs do."""
        await wire.send('{"id":1,"connect":{"name":"faults"}}\n' + self._subscription())

    def _subscription(self) -> str:
        self._command += 2
        wish: dict[str, Any] = {"channel": self.channel}
        if self._position is not None:
            wish |= {"recover": True, **self._position}
        return json.dumps({"id": self._command, "subscribe": wish})

    async def _read(self, wire: Wire, text: str) -> None:
        for line in text.split("\n"):
            message = json.loads(line)
            if not message:
                await wire.send("{}")
            elif "push" in message:
                await self._pushed(wire, message["push"])
            elif "error" in message:
                await self._refused(wire, message["error"])
            elif "subscribe" in message:
                self._subscribed(message["subscribe"])

    async def _pushed(self, wire: Wire, push: dict[str, Any]) -> None:
        if "pub" in push:
            self._published(push["pub"])
        elif "unsubscribe" in push:
            self.is_live = False
            if push["unsubscribe"]["code"] < RESUBSCRIBE:
                raise EOFError
            await wire.send(self._subscription())
        elif "disconnect" in push:
            raise EOFError

    async def _refused(self, wire: Wire, error: dict[str, Any]) -> None:
        self._note(f"error {error}")
        if not error.get("temporary"):
            raise EOFError
        await asyncio.sleep(random.uniform(*BACK))
        await wire.send(self._subscription())

    def _subscribed(self, result: dict[str, Any]) -> None:
        if self._position is not None and not result.get("recovered"):
            self.ledger.tell()
        for publication in result.get("publications", ()):
            self.ledger.hear(publication["data"]["n"])
        if "epoch" in result:
            self._position = {"offset": result.get("offset", 0), "epoch": result["epoch"]}
        self.live()

    def _published(self, publication: dict[str, Any]) -> None:
        self.ledger.hear(publication["data"]["n"])
        offset = publication.get("offset", 0)
        if offset and self._position is not None:
            self._position["offset"] = offset
        elif offset:
            self.skipped += max(0, offset - self._number - 1)
            self._number = offset


class OverWebSocket(Speaker):
    """Over a WebSocket."""


class OverSockJSWebSocket(Speaker):
    """Over SockJS's WebSocket."""

    WIRE = SockJSWebSocket
    GREETED = True


class OverStreaming(Speaker):
    """Over SockJS's xhr-streaming."""

    WIRE = SockJSStreaming
    GREETED = True


class OverEvents(Listener):
    """An EventSource with ``Last-Event-ID``."""

    _last_id = ""

    async def listen(self, url: str) -> None:
        """Connect, and listen (HTML standard, section 9.2.6)."""
        fields = {"Last-Event-ID": self._last_id} if self._last_id else {}
        async with self._http.get(f"{url}/events", params={"channel": self.channel}, headers=fields) as answer:
            if answer.status != 200:
                raise EOFError(await answer.text())
            self.live()
            event: dict[str, str] = {}
            while line := await line_of(answer):
                name, _, value = line.decode().rstrip("\r\n").partition(":")
                if name:
                    event[name] = value.removeprefix(" ")
                elif line in (b"\n", b"\r\n"):
                    self._dispatch(event)
                    event = {}

    def _dispatch(self, event: dict[str, str]) -> None:
        self._last_id = event.get("id", self._last_id)
        if event.get("event") == "reset":
            self.ledger.tell()
        elif "data" in event:
            self.ledger.hear(json.loads(event["data"])["n"])


#: By the names that the reports use.
KINDS: dict[str, type[Listener]] = {
    "websocket": OverWebSocket,
    "sockjs-websocket": OverSockJSWebSocket,
    "sockjs-xhr-streaming": OverStreaming,
    "events": OverEvents,
}
