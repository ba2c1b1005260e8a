# -*- test-case-name: tests.test_administration -*-
"""The server API and the cluster, joined as the daemon joins them."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.administration import Administration, Residents, node_name
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.forms import BARE
from sockjsd.channels.hub import Hub
from sockjsd.clients.cluster import Counts
from sockjsd.clients.orders import Disconnect, Whom
from sockjsd.config import Channels, Config
from sockjsd.http.application import Application
from tests.clients.room import Room
from tests.http.memory import Client


class Ear:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.heard: list[object] = []

    def deliver(self, batch: object) -> None:
        """Keep it."""
        self.heard.append(batch)


class AdministrationTests(SynchronousTestCase):
    """One node with the memory broker."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = MemoryBroker()
        self.hub = Hub(self.broker, self.fail)
        self.broker.on_run = self.hub.delivered
        config = Config(channels=Channels(api_key="key"))
        self.administration = Administration(config, self.broker, self.hub, self.clock)
        self.client = Client(Application(self.administration.rows))
        self.administration.cluster.start()

    def tearDown(self) -> None:
        self.administration.cluster.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def call(self, method: str, **fields: object) -> Any:
        """Return the result of a command."""
        answer = self.client.ask("POST", f"/api/{method}", json.dumps(fields).encode(), x_api_key="key")
        return json.loads(answer.body)["result"]

    def test_publication_reaches_who_listens(self) -> None:
        """From HTTP through broker and hub."""
        ear = Ear()
        self.hub.subscribe("news", ear, BARE)
        self.call("publish", channel="news", data={"x": 1})
        self.assertEqual(len(ear.heard), 1)

    def test_listeners_are_counted(self) -> None:
        """A channel that is only held has none."""
        self.hub.hold("held")
        for _ in range(3):
            self.hub.subscribe("news", Ear(), BARE)
        self.assertEqual(self.call("channels"), {"channels": {"news": {"num_clients": 3}}})

    def test_node_tells_about_itself(self) -> None:
        """By the name that people know, with what is here."""
        self.hub.subscribe("news", Ear(), BARE)
        self.clock.advance(2.5)
        (node,) = self.call("info")["nodes"]
        self.assertEqual((node["uid"], node["name"]), (self.broker.node, node_name()))
        self.assertEqual((node["num_subs"], node["num_channels"], node["uptime"]), (1, 1, 2))

    def test_control_messages_reach_the_cluster(self) -> None:
        """One that cannot be read is counted there."""
        self.broker.send(b"nonsense")
        self.assertEqual(self.administration.cluster.refused, 1)

    def test_api_is_not_there_without_a_key(self) -> None:
        """The cluster is: other nodes may have one."""
        self.assertEqual(Administration(Config(), self.broker, self.hub, self.clock).rows, [])


class ResidentsTests(SynchronousTestCase):
    """What this node has."""

    def test_clients_are_counted(self) -> None:
        """With their users; nobody is there where nobody may connect."""
        room = Room()
        wires = [room.enter(user) for user in ("4", "4", "")]
        wires[0].ask("subscribe", channel="news")
        residents = Residents(room.hub, room.hall)
        self.assertEqual(residents.counts(), Counts(3, 2, 1, 1))
        self.assertEqual(residents.listeners(), {"news": 1})
        self.assertEqual(Residents(room.hub, None).counts(), Counts(0, 0, 1, 1))

    def test_order_reaches_clients(self) -> None:
        """Where there are any."""
        room = Room()
        wire = room.enter("4")
        Residents(room.hub, None).obey(Disconnect(Whom("4")))
        self.assertIsNone(wire.closed)
        Residents(room.hub, room.hall).obey(Disconnect(Whom("4")))
        self.assertEqual(wire.closed, (3503, "force disconnect"))

    def test_commands_reach_the_session(self) -> None:
        """The client answers on its own way."""
        room = Room()
        wire = room.enter("4")
        residents = Residents(room.hub, room.hall)
        self.assertTrue(residents.emulate(wire.client.session, '{"id":7,"subscribe":{"channel":"news"}}'))
        self.assertEqual([each["id"] for each in wire.heard()], [7])
        self.assertFalse(residents.emulate(wire.client.id, '{"id":8,"subscribe":{"channel":"b"}}'))

    def test_nobody_takes_commands_for_unknown_sessions(self) -> None:
        """Whatever they say."""
        self.assertFalse(Residents(Hub(MemoryBroker(), self.fail), None).emulate("a", "{}"))
