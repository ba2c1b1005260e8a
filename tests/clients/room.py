"""A node in memory for tests of clients: memory broker, relay, hub, and clients that write down what they get."""

from __future__ import annotations

import json
from itertools import count
from random import Random
from typing import Any

import jwt
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Position, Publication
from sockjsd.clients.client import Client
from sockjsd.clients.hall import Hall, Surroundings
from sockjsd.clients.presence import Presence
from sockjsd.clients.tokens import Tokens
from sockjsd.config import Channels, Namespace
from sockjsd.relay import Relay
from sockjsd.sockjs.batch import Batch
from sockjsd.wheel import Wheel

#: What tokens are signed with.
SECRET = "a secret of thirty-two characters"
#: Seconds since the epoch when a test begins.
START = 1_700_000_000

#: A namespace in which nothing is kept, and everything is allowed.
OPEN = Namespace(
    allow_subscribe="anyone", allow_publish="anyone", allow_presence="anyone", presence=True, join_leave=False
)
#: One with history.
KEPT = Namespace(
    "kept", history_size=10, history_ttl=60.0, recovery="stream", allow_subscribe="anyone", allow_publish="subscriber",
    allow_history="subscriber",
)  # fmt: skip


def make_token(**claims: Any) -> str:
    """Return a token with *claims*."""
    return jwt.encode(claims, SECRET, "HS256")


class Wire:
    """A client's end of the line, and its transport.

    :ivar closed: the code and the reason with which the server closed; ``None`` while it has not.
    :ivar texts: the messages as they came.
    """

    def __init__(self, hall: Hall) -> None:
        self.closed: tuple[int, str] | None = None
        self.texts: list[str] = []
        self._read = 0
        self._numbers = count(1)
        self.client = Client(hall, self)

    # The transport.

    def deliver(self, batch: Batch) -> None:
        """Take what the client is sent."""
        self.texts += [str(text) for text in batch.texts]

    def close(self, code: int, reason: str) -> None:
        """Take the end."""
        self.closed = self.closed or (code, reason)

    # The other end.

    def say(self, *commands: dict[str, Any]) -> list[Any]:
        """Send *commands* in one message; return what comes at once."""
        self.client.received("\n".join(map(json.dumps, commands)))
        return self.heard()

    def ask(self, method: str, /, **request: Any) -> Any:
        """Send one command with the next id; return its result, or its error as ``(code, message)``."""
        number = next(self._numbers)
        found = [each for each in self.say({"id": number, method: request}) if each.get("id") == number]
        if not found:
            return None
        (reply,) = found
        return (reply["error"]["code"], reply["error"]["message"]) if "error" in reply else reply[method]

    def connect(self, **claims: Any) -> Any:
        """Connect with a token that has *claims*; without any, without a token."""
        return self.ask("connect", **({"token": make_token(**claims)} if claims else {}))

    def heard(self) -> list[Any]:
        """Return what came since the last time."""
        texts, self._read = self.texts[self._read :], len(self.texts)
        return [json.loads(line) for text in texts for line in text.split("\n")]

    def pushes(self) -> list[Any]:
        """Return the pushes that came since the last time."""
        return [each["push"] for each in self.heard() if "push" in each]


class SlowRelay:
    """A relay whose subscriptions are ready when a test says so."""

    def __init__(self, relay: Any) -> None:
        self._relay = relay
        self.waiting: list[Deferred[Position | None]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._relay, name)

    def ready(self, channel: str) -> Deferred[Position | None]:
        """Wait."""
        self.waiting.append(Deferred())
        return self.waiting[-1]


class Room:
    """A node.

    :param namespaces: ``OPEN`` and ``KEPT`` where none are given.
    :param options: of ``[channels]``; anonymous clients are let in where they do not say otherwise.
    """

    def __init__(self, *namespaces: Namespace, **options: Any) -> None:
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.broker = MemoryBroker(seconds=self.clock.seconds)
        self.errors: list[Exception] = []
        self.options = Channels(**{"token_hmac_secret": SECRET, "anonymous": True, **options})
        self.namespaces = Namespaces({each.name: each for each in namespaces or (OPEN, KEPT)})
        self.relay = Relay(self.broker, self.namespaces.find, Random(1), self._deliver)
        self.hub = Hub(self.relay, self.errors.append)
        self.relay.hub = self.hub
        self.broker.on_run = self.relay.delivered
        self.wheel.each_second(self.relay.tick)
        self.presence = Presence(self.broker, self.relay, self.wheel, self.options)
        self.wheel.each_second(self.presence.tick)
        self._ids = count(1)
        self.hall = self.make_hall()

    def make_hall(self) -> Hall:
        """Return a hall on this node."""
        return Hall(
            Surroundings(
                self.options,
                self.namespaces,
                self.hub,
                self.relay,
                self.presence,
                Tokens(self.now, self.options.token_hmac_secret),
                self.clock,
                self.wheel,
                "node-1",
                self.now,
                lambda: f"id-{next(self._ids)}",
            )
        )

    def now(self) -> float:
        """Return the seconds since the epoch."""
        return START + self.clock.seconds()

    def _deliver(self, run: Any) -> None:
        self.hub.delivered(run)

    def wire(self) -> Wire:
        """Return a client that has said nothing yet."""
        return Wire(self.hall)

    def enter(self, user: str = "", **claims: Any) -> Wire:
        """Return a client that is connected."""
        wire = self.wire()
        wire.connect(**({"sub": user, **claims} if user or claims else {}))
        assert wire.closed is None, wire.closed
        return wire

    def publish(self, channel: str, data: str) -> None:
        """Publish as the site does."""
        self.relay.publish(channel, Publication(data))

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, in turns of the wheel."""
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)
