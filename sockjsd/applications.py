# -*- test-case-name: tests.test_applications -*-
"""The applications that come with sockjsd: what an endpoint's option ``application`` names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from twisted.python.reflect import namedAny

from sockjsd.channels.forms import BARE
from sockjsd.channels.hub import Hub
from sockjsd.config import Endpoint
from sockjsd.endpoints.public_channels import ARGUMENT, PublicChannels
from sockjsd.errors import HTTPError, StartError
from sockjsd.sockjs.batch import Message
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: What a client of ``broadcast`` gets that sends binary: most of those who should hear it cannot (RFC 6455).
TEXT_ONLY = (1003, "Only text is understood")
#: What a relay's client gets that sends a message: losing it silently would be worse.
LISTEN_ONLY = (3003, "This endpoint only sends")
#: What a relay's client gets when what follows does not join up with what it got; the code is Centrifugo's.
INSUFFICIENT_STATE = (3010, "Insufficient state")

#: Added to the status that HTTP would have for channels which a client may not hear: codes from 4000 on are private.
CHANNELS_REFUSED = 4000


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

    Who names channels that it may not hear is closed with ``CHANNELS_REFUSED`` + the status of HTTP for that.

    :param hub: knows who listens to what.
    :param channels: of the endpoint.
    :param public: the channels that a client may name in its URL; ``None``: none, whatever it says.
    """

    def __init__(self, hub: Hub, channels: Iterable[str], public: PublicChannels | None = None) -> None:
        self._hub = hub
        self._channels = channels
        self._public = public

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Listen."""
        try:
            chosen = self._chosen(info)
        except HTTPError as error:
            self.close(CHANNELS_REFUSED + error.status, error.reason)
            return
        for channel in (*self._channels, *chosen):
            self._hub.subscribe(channel, self.session, BARE, self)

    def _chosen(self, info: ConnectionInfo) -> Iterable[str]:
        """Return the channels that the client names.

        :raises HTTPError: it may not, or there is no channel at all.
        """
        names = info.arguments.get(ARGUMENT, []) if self._public is not None else []
        if self._public is None or (self._channels and not names):
            return ()
        return self._public.chosen(names)

    def messageReceived(self, message: Message) -> None:
        """Refuse: nobody is there to take it."""
        self.close(*LISTEN_ONLY)

    def on_reset(self, channel: str) -> None:
        """Close: a browser without a library has no other way to be told."""
        self.close(*INSUFFICIENT_STATE)

    def connectionLost(self) -> None:
        """Listen no more."""
        self._hub.unsubscribe_all(self.session)


def make_application(
    options: Endpoint, hub: Hub, public: PublicChannels | None = None
) -> Callable[[], SockJSConnection]:
    """Return what makes a connection for each client of the endpoint.

    A relay's channels are held for as long as the daemon runs: a client that has just
    connected must not miss what is published while a subscription is on its way to Redis.

    :param public: the channels that clients may choose, where the endpoint lets them.
    :raises StartError: a dotted path that leads to no subclass of ``SockJSConnection``.
    """
    name = options.application
    if name == "relay":
        for channel in options.channels:
            hub.hold(channel)
        return partial(Relay, hub, options.channels, public if options.url_channels else None)
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
