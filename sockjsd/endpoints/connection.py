# -*- test-case-name: tests.endpoints.test_connection -*-
"""Where clients of the client protocol come in: on transports that SockJS brings, and on requests that last."""

from __future__ import annotations

import re
from collections.abc import Callable
from time import time

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from sockjsd.brokers.interface import Broker
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.protocol import codes
from sockjsd.clients.application import ChannelsConnection
from sockjsd.clients.hall import Hall, Surroundings
from sockjsd.clients.interfaces import Relay
from sockjsd.clients.presence import Presence
from sockjsd.clients.tokens import Tokens
from sockjsd.config import Channels, Config
from sockjsd.config import Endpoint as EndpointOptions
from sockjsd.config.kinds import LONGEST_SECONDS
from sockjsd.endpoints.emulation import Forward
from sockjsd.endpoints.protocol import protocol_rows
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.transports import urls
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.websocket import WebSocketHandler
from sockjsd.wheel import Wheel

#: What ``[endpoint NAME]`` would have as its application.
_APPLICATION = "sockjsd.clients.application.ChannelsConnection"
#: The transports of SockJS; the raw WebSocket has its own URL.
_SOCKJS = ("websocket", "xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp")


def websocket_options(channels: Channels) -> EndpointOptions:
    """Return the options of the raw WebSocket."""
    # Pings of the protocol do what a heartbeat would: a WebSocket's own would be a second kind of them.
    return _options(channels, "websocket", ("raw_websocket",), heartbeat=LONGEST_SECONDS)


def sockjs_options(channels: Channels) -> EndpointOptions:
    """Return the options of the SockJS endpoint."""
    return _options(channels, "sockjs", _SOCKJS, heartbeat=channels.ping_interval)


def _options(channels: Channels, name: str, transports: tuple[str, ...], heartbeat: float) -> EndpointOptions:
    return EndpointOptions(
        name,
        prefix=f"{channels.prefix}/{name}",
        application=_APPLICATION,
        transports=transports,
        heartbeat=heartbeat,
        message_limit=channels.message_limit,
        send_limit=channels.message_limit,
        output_limit=channels.output_limit,
        session_limit=channels.session_limit,
        allowed_origins=channels.allowed_origins,
    )


def make_hall(config: Config, broker: Broker, hub: Hub, relay: Relay, wheel: Wheel, clock: IReactorTime) -> Hall:
    """Return where the clients of this node come in; it reads no key yet."""
    options = config.channels
    keys = (options.token_hmac_secret, options.token_rsa_public_key)
    tokens = Tokens(time, *keys, options.token_audience, options.token_issuer)
    presence = Presence(broker, relay, wheel, options)
    namespaces = Namespaces(config.namespaces)
    return Hall(Surroundings(options, namespaces, hub, relay, presence, tokens, clock, wheel, broker.node, time))


class Reception:
    """The URLs at which clients come in.

    :ivar hall: where they come in.
    :ivar rows: of the URL table, once it is open.
    """

    _log = Logger()

    def __init__(self, hall: Hall) -> None:
        self.hall = hall
        self.rows: list[urls.Row] = []

    def open(
        self, make_endpoint: Callable[[EndpointOptions, Callable[[], SockJSConnection]], Endpoint], forward: Forward
    ) -> list[Endpoint]:
        """Begin; return the endpoints, for whoever counts and closes their sessions.

        :param make_endpoint: makes an endpoint whose connections are made by the second argument.
        :param forward: gives commands to a session on any node.
        :raises StartError: the key of tokens cannot be used.
        """
        self.hall.tokens.load()
        self.hall.wheel.each_second(self.hall.presence.tick)
        self._warn()
        options = self.hall.options
        websocket = make_endpoint(websocket_options(options), self._connect)
        sockjs = make_endpoint(sockjs_options(options), self._connect)
        where = re.escape(websocket.options.prefix)
        lasting, rows = protocol_rows(options, make_endpoint, self._connect, forward)
        self.rows = [(where, WebSocketHandler, {"endpoint": websocket, "raw": True}), *urls.rows(sockjs), *rows]
        return [websocket, sockjs, *lasting]

    def close(self) -> None:
        """Tell all clients to come back, to another node most likely."""
        for client in self.hall:
            client.disconnect(codes.SHUTDOWN)
        self.hall.presence.stop()

    def _connect(self) -> SockJSConnection:
        return ChannelsConnection(self.hall)

    def _warn(self) -> None:
        options = self.hall.options
        if options.insecure:
            self._log.critical(
                "[channels] insecure = yes: EVERYBODY who reaches {prefix} may subscribe, publish and read EVERYTHING. "
                "This is for tests only.",
                prefix=options.prefix,
            )
        elif not (options.has_keys or options.anonymous):
            self._log.warn(
                "[channels] has neither a key for tokens nor anonymous = yes: no client can connect at {prefix}",
                prefix=options.prefix,
            )
