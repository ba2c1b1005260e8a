# -*- test-case-name: tests.clients.test_presence -*-
"""Presence, joins and leaves: on one node, and on two that share a broker."""

from __future__ import annotations

import tracemalloc
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import ClientInfo
from sockjsd.clients.presence import Presence
from sockjsd.config import Namespace
from sockjsd.errors import BrokerUnavailable
from tests.clients.room import Room, Wire


class PresenceTestCase(SynchronousTestCase):
    """A channel on which everything is told."""

    OPTIONS: dict[str, Any] = {"presence": True, "join_leave": True}

    def setUp(self) -> None:
        self.room = Room(Namespace(allow_subscribe="anyone", **self.OPTIONS))
        self.watcher = self.enter("watcher")

    def enter(self, user: str = "", channel: str = "a") -> Wire:
        """Return a client that listens."""
        wire = self.room.enter(user)
        wire.ask("subscribe", channel=channel)
        wire.heard()
        return wire

    def told(self) -> list[tuple[str, str]]:
        """Return what the watcher was told since the last time: join or leave, and who."""
        found = []
        for push in self.watcher.pushes():
            kind = "join" if "join" in push else "leave"
            info = push[kind]["info"]
            found.append((kind, info["user"] or info["client"]))
        return found

    def present(self) -> set[str]:
        """Return the ids of the connections that count as present."""
        clients: dict[str, ClientInfo] = self.successResultOf(self.room.broker.presence("a"))
        return set(clients)

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass; all clients answer pings."""
        for _ in range(int(seconds)):
            self.room.pass_seconds(1)
            for client in self.room.hall:
                client.received("{}")


class LeaseTests(PresenceTestCase):
    """Who is present."""

    def test_client_is_present_while_it_listens(self) -> None:
        """However long that is."""
        wire = self.enter("42")
        self.assertEqual(self.present(), {self.watcher.client.id, wire.client.id})
        self.pass_seconds(200)
        self.assertEqual(self.present(), {self.watcher.client.id, wire.client.id})
        wire.ask("unsubscribe", channel="a")
        self.assertEqual(self.present(), {self.watcher.client.id})

    def test_client_is_forgotten_when_its_node_is_killed(self) -> None:
        """After its lease, not before."""
        self.enter("42")
        self.room.wheel.stop()
        self.room.clock.advance(59)
        self.assertEqual(len(self.present()), 2)
        self.room.clock.advance(2)
        self.assertEqual(self.present(), set())

    def test_clients_are_forgotten_soon_when_their_node_stops(self) -> None:
        """They may come back elsewhere meanwhile."""
        self.enter("42")
        self.room.presence.stop()
        self.assertEqual((len(self.room.presence), len(self.present())), (0, 2))
        self.watcher.client.lost()  # later than that changes nothing
        self.room.clock.advance(6)
        self.assertEqual(self.present(), set())

    def test_memory_does_not_depend_on_the_interval(self) -> None:
        """Seconds in which nothing is renewed take none, however many they are."""
        day = 86400.0
        options = Room(presence_interval=day, presence_ttl=3 * day).options
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        presence = Presence(self.room.broker, self.room.relay, self.room.wheel, options)
        for number in range(100):
            presence.tick()
            presence.arrived(self.room.hall.find("id-1").subscriptions.find("a"), ClientInfo("u", str(number)))  # type: ignore[union-attr, arg-type]
        presence.stop()
        self.assertLess(tracemalloc.get_traced_memory()[0], 500_000)

    def test_client_counts_nowhere_when_the_channel_has_no_presence(self) -> None:
        """Joins and leaves alone keep nothing in the broker."""
        self.room = Room(Namespace(allow_subscribe="anyone", join_leave=True))
        self.watcher = self.enter("watcher")
        wire = self.enter("42")
        self.assertEqual((self.present(), self.told()), (set(), [("join", "42")]))
        wire.client.lost()
        self.pass_seconds(6)
        self.assertEqual(self.told(), [("leave", "42")])


class TellingTests(PresenceTestCase):
    """Who comes and goes."""

    def test_others_are_told_when_somebody_comes_and_goes(self) -> None:
        """At once, if the client says that it goes."""
        wire = self.enter("42")
        self.assertEqual(self.told(), [("join", "42")])
        wire.ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [("leave", "42")])

    def test_others_are_told_later_when_somebody_is_lost(self) -> None:
        """After the delay, in which the client counts as present."""
        wire = self.enter("42")
        wire.client.lost()
        self.told()
        self.pass_seconds(4)
        self.assertEqual((self.told(), wire.client.id in self.present()), ([], True))
        self.pass_seconds(2)
        self.assertEqual((self.told(), wire.client.id in self.present()), ([("leave", "42")], False))

    def test_others_are_not_told_when_somebody_reconnects(self) -> None:
        """Neither that the user left nor that it came; only the new connection is present."""
        wire = self.enter("42")
        self.told()
        wire.client.lost()
        self.pass_seconds(3)
        again = self.enter("42")
        self.pass_seconds(10)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.present(), {self.watcher.client.id, again.client.id})

    def test_others_are_told_at_once_when_there_is_no_delay(self) -> None:
        """``leave_delay`` 0."""
        self.room = Room(Namespace(allow_subscribe="anyone", **self.OPTIONS), leave_delay=0.0)
        self.watcher = self.enter("watcher")
        self.enter("42").client.lost()
        self.assertEqual(self.told(), [("join", "42"), ("leave", "42")])
        self.room.presence.stop()
        self.assertEqual(self.present(), set())

    def test_user_leaves_with_the_last_connection(self) -> None:
        """A second tab is no news."""
        one, two = self.enter("42"), self.enter("42")
        self.assertEqual(self.told(), [("join", "42")])
        one.ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [])
        two.ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [("leave", "42")])

    def test_anonymous_clients_count_one_by_one(self) -> None:
        """Nobody knows whether two of them are the same."""
        one, two = self.enter(), self.enter()
        self.assertEqual(self.told(), [("join", one.client.id), ("join", two.client.id)])
        one.client.lost()
        self.pass_seconds(6)
        self.assertEqual(self.told(), [("leave", one.client.id)])

    def test_channels_do_not_mix(self) -> None:
        """The same user on another channel is another matter."""
        self.enter("42", "b")
        self.assertEqual(self.told(), [])
        self.enter("42").ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [("join", "42"), ("leave", "42")])


class TwoNodeTests(PresenceTestCase):
    """A user that comes back to another node."""

    def setUp(self) -> None:
        super().setUp()
        self.first = self.room.hall
        self.room.presence = Presence(self.room.broker, self.room.relay, self.room.wheel, self.room.options)
        self.room.wheel.each_second(self.room.presence.tick)
        self.second = self.room.make_hall()

    def enter_at(self, hall: Any, user: str) -> Wire:
        """Return a client on one of the nodes."""
        self.room.hall = hall
        return self.enter(user)

    def test_others_are_not_told_when_somebody_reconnects_elsewhere(self) -> None:
        """The broker knows who is present."""
        wire = self.enter_at(self.first, "42")
        self.told()
        wire.client.lost()
        self.pass_seconds(2)
        again = self.enter_at(self.second, "42")
        for _ in range(10):
            self.room.pass_seconds(1)
        self.assertEqual(self.told(), [])
        self.assertEqual(self.present(), {self.watcher.client.id, again.client.id})

    def test_others_are_told_once_when_the_last_connection_goes(self) -> None:
        """Wherever it was."""
        one, two = self.enter_at(self.first, "42"), self.enter_at(self.second, "42")
        one.ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [("join", "42")])
        two.ask("unsubscribe", channel="a")
        self.assertEqual(self.told(), [("leave", "42")])


class BrokenBroker:
    """A broker that is away, or wrong."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def add_presence(self, channel: str, client: str, info: ClientInfo, ttl: float) -> Deferred[None]:
        """Fail."""
        return fail(self._error)

    def remove_presence(self, channel: str, client: str) -> Deferred[None]:
        """Fail."""
        return fail(self._error)

    def presence(self, channel: str) -> Deferred[dict[str, ClientInfo]]:
        """Fail."""
        return fail(self._error)

    def presence_stats(self, channel: str) -> Deferred[tuple[int, int]]:
        """Fail."""
        return fail(self._error)


class FailureTests(SynchronousTestCase):
    """A broker that takes nothing."""

    def come_and_go(self, error: Exception) -> int:
        """Return how many failures were counted when a client came and went."""
        room = Room(Namespace(allow_subscribe="anyone", presence=True, join_leave=True))
        room.presence = Presence(BrokenBroker(error), room.relay, room.wheel, room.options)
        room.hall = room.make_hall()
        wire = room.enter("42")
        self.assertEqual(wire.ask("subscribe", channel="a"), {})
        self.assertEqual(wire.ask("unsubscribe", channel="a"), {})
        return room.presence.failures

    def test_failures_are_counted_when_the_broker_is_away(self) -> None:
        """Clients notice nothing; that the broker is down is said elsewhere."""
        self.assertEqual(self.come_and_go(BrokerUnavailable("away")), 3)

    def test_failures_are_logged_when_nobody_expected_them(self) -> None:
        """A bug is not an outage."""
        self.assertEqual(self.come_and_go(ZeroDivisionError()), 3)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 3)
