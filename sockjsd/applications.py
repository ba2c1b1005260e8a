# -*- test-case-name: tests.test_applications -*-
"""The applications that come with sockjsd: what an endpoint's option ``application`` names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from twisted.python.reflect import namedAny

from sockjsd.channels.forms import BARE
from sockjsd.channels.hub import Hub
from sockjsd.config import Endpoint
from sockjsd.errors import StartError
from sockjsd.sockjs.batch import Message
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: What a client of ``broadcast`` gets that sends binary: most of those who should hear it cannot (RFC 6455).
TEXT_ONLY = (1003, "Only text is understood")
#: What a relay's client gets that sends a message: losing it silently would be worse.
LISTEN_ONLY = (3003, "This endpoint only sends")
#: What a relay's client gets when what follows does not join up with what it got; the code is Centrifugo's.
INSUFFICIENT_STATE = (3010, "Insufficient state")


class Echo(SockJSConnection):
    """Sends each message back."""

    def messageReceived(self, message: Message) -> None:
        """Send it back."""
        self.sendMessage(message)


class Close(SockJSConnection):
    """Closes each connection at once: the public protocol suite wants one that does."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Go away."""
        self.close(3000, "Go away!")


class Broadcast(SockJSConnection):
    """Sends each message to every connection of the endpoint, the sender's too.

    :param everybody: shared by all connections of the endpoint.
    """

    def __init__(self, everybody: set[Broadcast]) -> None:
        self._everybody = everybody

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Join."""
        self._everybody.add(self)

    def messageReceived(self, message: Message) -> None:
        """Pass it on."""
        if isinstance(message, bytes):
            self.close(*TEXT_ONLY)
        else:
            self.broadcast(self._everybody, message)

    def connectionLost(self) -> None:
        """Leave."""
        self._everybody.discard(self)


class Relay(SockJSConnection):
    """Sends the bare data of each publication on the endpoint's channels.

    Who missed some that history no longer holds is closed with ``INSUFFICIENT_STATE``.

    :param hub: knows who listens to what.
    :param channels: of the endpoint.
    """

    def __init__(self, hub: Hub, channels: Iterable[str]) -> None:
        self._hub = hub
        self._channels = channels

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Listen."""
        for channel in self._channels:
            self._hub.subscribe(channel, self.session, BARE, self)

    def messageReceived(self, message: Message) -> None:
        """Refuse: nobody is there to take it."""
        self.close(*LISTEN_ONLY)

    def on_reset(self, channel: str) -> None:
        """Close: a browser without a library has no other way to be told."""
        self.close(*INSUFFICIENT_STATE)

    def connectionLost(self) -> None:
        """Listen no more."""
        self._hub.unsubscribe_all(self.session)


def make_application(options: Endpoint, hub: Hub) -> Callable[[], SockJSConnection]:
    """Return what makes a connection for each client of the endpoint.

    A relay's channels are held for as long as the daemon runs: a client that has just
    connected must not miss what is published while a subscription is on its way to Redis.

    :raises StartError: a dotted path that leads to no subclass of ``SockJSConnection``.
    """
    name = options.application
    if name == "relay":
        for channel in options.channels:
            hub.hold(channel)
        return partial(Relay, hub, options.channels)
    if name == "broadcast":
        everybody: set[Broadcast] = set()
        return partial(Broadcast, everybody)
    return {"echo": Echo, "close": Close}.get(name) or _imported(options.name, name)


def _imported(endpoint: str, path: str) -> type[SockJSConnection]:
    try:
        found = namedAny(path)
    except Exception as error:  # an import runs user code: anything may come
        raise StartError(f"endpoint {endpoint}: application {path} cannot be imported: {error!r}") from error
    if not (isinstance(found, type) and issubclass(found, SockJSConnection)):
        raise StartError(f"endpoint {endpoint}: application {path} is not a subclass of SockJSConnection")
    return found
