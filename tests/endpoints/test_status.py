# -*- test-case-name: tests.endpoints.test_status -*-
"""``/status``: its shape is a promise to the pages that read it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.forms import BARE
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Publication
from sockjsd.config import Namespace
from sockjsd.endpoints.status import Status
from sockjsd.http.application import Application
from sockjsd.relay import Relay
from tests.clients.room import Room
from tests.http.memory import Client
from tests.transports.server import Server, WebSocket

RULES = Namespace(history_size=10, history_ttl=60.0)
RELAYED = "lines reads answers gaps repaired duplicates plain resets rollbacks lost missed missed_deliveries"


class StatusTests(SynchronousTestCase):
    """What a page that looks every second gets."""

    def setUp(self) -> None:
        self.server = Server(transports=("websocket", "xhr"))
        self.relay = Relay(MemoryBroker(), Namespaces({"": RULES}).find, Random(), lambda run: self.hub.delivered(run))
        self.hub = self.relay.hub = Hub(self.relay, self.fail)
        row = {
            "uptime": lambda: 12.3456,
            "broker": MemoryBroker(),
            "hub": self.hub,
            "relay": self.relay,
            "endpoints": [self.server.endpoint],
        }
        self.row = row
        self.client = Client(Application([(r"/status", Status, row)]))

    def status(self) -> dict[str, Any]:
        """Return what it says."""
        answer = self.client.ask("GET", "/status")
        self.assertEqual((answer.status, answer.fields["content-type"]), (200, "application/json"))
        said: dict[str, Any] = json.loads(answer.body)
        return said

    def test_idle_daemon_tells_zeros(self) -> None:
        """Every name is there from the start."""
        status = self.status()
        self.assertEqual(set(status.pop("broker")), {"name", "connected", "detail"})
        numbers = dict.fromkeys("sessions_active connections_active transp_websocket transp_xhr".split(), 0)
        rates = dict.fromkeys("connections_ps packets_sent_ps packets_recv_ps".split(), 0.0)
        self.assertEqual(
            status,
            {
                "uptime": 12.346,
                "relay": dict.fromkeys(RELAYED.split(), 0),
                "hub": {"channels": 0, "subscriptions": 0, "publications": 0, "deliveries": 0},
                "endpoints": {"/echo": {**numbers, **rates, "losses": {"connections": 0, "messages": 0, "skipped": 0}}},
            },
        )

    def test_numbers_follow_what_happens(self) -> None:
        """Connections, publications and losses."""
        socket = WebSocket(self.server)
        session = self.server.connections[0].session
        self.hub.subscribe("news", session, BARE)
        self.hub.delivered({"news": [Publication("1"), Publication("2")]})
        status = self.status()
        self.assertEqual(status["hub"], {"channels": 1, "subscriptions": 1, "publications": 2, "deliveries": 2})
        self.assertEqual(status["endpoints"]["/echo"]["transp_websocket"], 1)
        socket.client.block()
        self.hub.delivered({"news": [Publication("3")]})
        socket.client.lose()
        numbers = self.status()["endpoints"]["/echo"]
        self.assertEqual(
            (numbers["transp_websocket"], numbers["losses"]), (0, {"connections": 1, "messages": 1, "skipped": 0})
        )
        self.flushLoggedErrors()

    def test_relay_tells_what_it_found(self) -> None:
        """How many histories are followed, what was read, and what was repaired."""
        self.hub.hold("news")
        self.relay.publish("news", Publication("1"))
        self.relay.delivered({"news": [Publication("plain")]})
        relay = self.status()["relay"]
        self.assertEqual((relay["lines"], relay["plain"], relay["gaps"]), (1, 1, 0))
        self.assertGreater(relay["reads"], 0)

    def test_answer_is_never_cached(self) -> None:
        """It is old after a second."""
        self.assertEqual(self.client.ask("HEAD", "/status").fields["cache-control"], "no-store")
        self.assertEqual(self.client.ask("POST", "/status").status, 405)

    def test_clients_are_told_where_they_may_connect(self) -> None:
        """How many they are, and what was refused to them."""
        self.assertNotIn("clients", self.status())
        room = Room()
        room.enter("42").say({"id": 2, "dance": {}})
        self.client = Client(Application([(r"/status", Status, {**self.row, "hall": room.hall})]))
        found = self.status()["clients"]
        self.assertEqual((found["clients"], found["users"], found["refused"]), (1, 1, {"104": 1}))
