# -*- test-case-name: tests.endpoints.test_connection -*-
"""Where clients come in: URLs, options, warnings."""

from __future__ import annotations

import re
from typing import Any
from unittest import TestCase

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher

from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.hub import Hub
from sockjsd.config import Channels, Config, Endpoint, Namespace
from sockjsd.config.kinds import LONGEST_SECONDS
from sockjsd.endpoints.connection import Reception, make_hall, sockjs_options, websocket_options
from sockjsd.errors import StartError
from sockjsd.relay import Relay
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import Endpoint as LiveEndpoint
from sockjsd.transports.websocket import WebSocketHandler
from sockjsd.wheel import Wheel
from tests.clients.room import Room


def forward(node: str, session: str, data: str) -> Deferred[bool]:
    """Take nothing."""
    return succeed(False)


class OptionTests(TestCase):
    """What ``[channels]`` means for the transports."""

    CHANNELS = Channels(
        prefix="/live",
        message_limit=1000,
        output_limit=2000,
        session_limit=3,
        ping_interval=20.0,
        allowed_origins=("https://a.example",),
    )

    def test_transports_get_the_limits_of_channels(self) -> None:
        """And their own URLs."""
        for options in (websocket_options(self.CHANNELS), sockjs_options(self.CHANNELS)):
            limits = (options.message_limit, options.send_limit, options.output_limit, options.session_limit)
            self.assertEqual(limits, (1000, 1000, 2000, 3))
            self.assertEqual(options.allowed_origins, ("https://a.example",))
        self.assertEqual(websocket_options(self.CHANNELS).prefix, "/live/websocket")
        self.assertEqual(sockjs_options(self.CHANNELS).prefix, "/live/sockjs")

    def test_pings_are_the_protocols_when_the_websocket_is_raw(self) -> None:
        """SockJS's own clients want their heartbeats too."""
        self.assertEqual(websocket_options(self.CHANNELS).heartbeat, LONGEST_SECONDS)
        self.assertEqual(sockjs_options(self.CHANNELS).heartbeat, 20.0)


class ReceptionTests(TestCase):
    """Opening and closing."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.logged: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.logged.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.logged.append)

    def reception(self, **options: Any) -> Reception:
        """Return a reception with these options of ``[channels]``."""
        config = Config(channels=Channels(enabled=True, **options), namespaces={"": Namespace(presence=True)})
        broker = MemoryBroker(seconds=self.clock.seconds)
        relay = Relay(broker, lambda channel: None, None, broker.on_run)  # type: ignore[arg-type]
        hub = Hub(relay, self.fail)
        return Reception(make_hall(config, broker, hub, relay, self.wheel, self.clock))

    def endpoint(self, options: Endpoint, connect: Any) -> LiveEndpoint:
        """Return an endpoint, as a node makes it."""
        self.assertIsInstance(connect(), SockJSConnection)
        return LiveEndpoint(options, connect, self.wheel, self.clock, Origins([]))

    def warnings(self, level: LogLevel) -> list[str]:
        """Return what was logged at *level*."""
        found = [event for event in self.logged if event["log_level"] is level]
        return [event["log_format"].format(**event) for event in found]

    def test_clients_come_in_at_their_urls(self) -> None:
        """The WebSocket at one URL, SockJS below another."""
        reception = self.reception(anonymous=True)
        endpoints = reception.open(self.endpoint, forward)
        self.assertEqual(
            [each.options.prefix for each in endpoints[:2]], ["/connection/websocket", "/connection/sockjs"]
        )
        pattern, handler, options = reception.rows[0]
        self.assertTrue(re.fullmatch(pattern, "/connection/websocket"))
        self.assertEqual((handler, options), (WebSocketHandler, {"endpoint": endpoints[0], "raw": True}))
        for path in (
            "/connection/sockjs/info",
            "/connection/sockjs/000/abc/xhr",
            "/connection/http_stream",
            "/emulation",
        ):
            self.assertTrue(any(re.fullmatch(pattern, path) for pattern, *_ in reception.rows), path)
        self.assertFalse(any(re.fullmatch(pattern, "/connection/websockets") for pattern, *_ in reception.rows))

    def test_start_fails_when_the_key_cannot_be_read(self) -> None:
        """Before anybody comes in."""
        reception = self.reception(token_rsa_public_key="/nowhere/key.pem")
        with self.assertRaisesRegex(StartError, "token_rsa_public_key cannot be read"):
            reception.open(self.endpoint, forward)

    def test_start_warns_loudly_when_everything_is_allowed(self) -> None:
        """At the highest level that there is."""
        self.reception(insecure=True).open(self.endpoint, forward)
        (warning,) = self.warnings(LogLevel.critical)
        self.assertIn("insecure = yes: EVERYBODY who reaches /connection", warning)

    def test_start_warns_when_nobody_can_come_in(self) -> None:
        """And does not when somebody can."""
        self.reception().open(self.endpoint, forward)
        (warning,) = self.warnings(LogLevel.warn)
        self.assertIn("no client can connect at /connection", warning)
        self.reception(anonymous=True).open(self.endpoint, forward)
        self.reception(token_hmac_secret="s").open(self.endpoint, forward)
        self.assertEqual(len(self.warnings(LogLevel.warn)), 1)
        self.assertEqual(self.warnings(LogLevel.critical), [])


class ClosingTests(TestCase):
    """The daemon stops."""

    def test_clients_are_told_to_come_back(self) -> None:
        """With a code that makes them; their leases are short now."""
        room = Room()
        wires = [room.enter("42"), room.enter()]
        wires[0].ask("subscribe", channel="news")
        Reception(room.hall).close()
        self.assertEqual([wire.closed for wire in wires], [(3001, "shutdown")] * 2)
        self.assertEqual((len(room.hall), len(room.presence)), (0, 0))
