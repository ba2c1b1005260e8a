# -*- test-case-name: tests.clients.test_obeying -*-
"""How clients carry out what the site orders."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import Position
from sockjsd.clients.obeying import obey
from sockjsd.clients.orders import Disconnect, Order, Refresh, Subscribe, Unsubscribe, Whom
from sockjsd.errors import BrokerUnavailable, UnknownNamespace
from tests.clients.room import START, Room


class ObeyingCase(SynchronousTestCase):
    """A node with two connections of user 4 and one of user 5."""

    options: dict[str, Any] = {}

    def setUp(self) -> None:
        self.room = Room(**self.options)
        self.first, self.second, self.other = (self.room.enter(user) for user in ("4", "4", "5"))
        for wire in (self.first, self.second, self.other):
            wire.heard()

    def obey(self, order: Order) -> None:
        """Carry one order out."""
        obey(self.room.hall, order)

    def pushes(self) -> list[list[Any]]:
        """Return what each of the three was pushed."""
        return [wire.pushes() for wire in (self.first, self.second, self.other)]


class SubscribeTests(ObeyingCase):
    """``subscribe``."""

    def test_all_connections_of_the_user_are_subscribed(self) -> None:
        """They are told, and hear what is published; nobody else is."""
        self.obey(Subscribe(Whom("4"), "news", data='{"a":1}'))
        told = {"channel": "news", "subscribe": {"data": {"a": 1}}}
        self.assertEqual(self.pushes(), [[told], [told], []])
        self.room.publish("news", "7")
        heard = {"channel": "news", "pub": {"data": 7}}
        self.assertEqual(self.pushes(), [[heard], [heard], []])

    def test_one_connection_can_be_meant(self) -> None:
        """By its client id or its session."""
        self.obey(Subscribe(Whom("4", client=self.first.client.id), "news"))
        self.obey(Subscribe(Whom("4", session=self.second.client.session), "sport"))
        self.obey(Subscribe(Whom("5", client=self.first.client.id), "none"))
        channels = [[push["channel"] for push in pushes] for pushes in self.pushes()]
        self.assertEqual(channels, [["news"], ["sport"], []])

    def test_client_learns_where_it_begins(self) -> None:
        """In a channel with history: so it can come back to that place."""
        self.room.publish("kept:a", "1")
        self.obey(Subscribe(Whom("5"), "kept:a"))
        (told,) = self.other.pushes()
        self.assertEqual(told["subscribe"]["offset"], 1)
        self.assertTrue(told["subscribe"]["epoch"])
        self.assertTrue(told["subscribe"]["recoverable"] and told["subscribe"]["positioned"])

    def test_client_gets_what_came_since(self) -> None:
        """Behind the word that it is subscribed, and in front of what comes later."""
        for number in range(1, 4):
            self.room.publish("kept:a", str(number))
        epoch = self.successResultOf(self.room.broker.history("kept:a", None, 0)).position.epoch
        self.obey(Subscribe(Whom("5"), "kept:a", since=Position(1, epoch)))
        self.room.publish("kept:a", "4")
        told, *heard = self.other.pushes()
        self.assertEqual((told["subscribe"]["offset"], told["subscribe"]["recovered"]), (3, True))
        self.assertNotIn("publications", told["subscribe"])
        self.assertEqual([(push["pub"]["offset"], push["pub"]["data"]) for push in heard], [(2, 2), (3, 3), (4, 4)])

    def test_options_can_be_overridden(self) -> None:
        """For this subscription."""
        self.obey(Subscribe(Whom("5"), "kept:a", info='{"x":1}', override={"presence": True, "force_recovery": False}))
        (told,) = self.other.pushes()
        self.assertNotIn("recoverable", told["subscribe"])
        self.room.pass_seconds(1)
        present = self.successResultOf(self.room.broker.presence("kept:a"))
        self.assertEqual(present[self.other.client.id].chan_info, '{"x":1}')

    def test_client_that_listens_already_is_left_alone(self) -> None:
        """Whoever made the subscription."""
        self.other.ask("subscribe", channel="news")
        self.obey(Subscribe(Whom("5"), "news"))
        self.obey(Subscribe(Whom("5"), "kept:a"))
        self.obey(Subscribe(Whom("5"), "kept:a"))
        self.assertEqual([push["channel"] for push in self.other.pushes()], ["kept:a"])

    def test_channel_of_no_namespace_is_refused(self) -> None:
        """This node has another configuration; only then is anything to be raised."""
        self.assertRaises(UnknownNamespace, self.obey, Subscribe(Whom("5"), "other:a"))
        self.obey(Subscribe(Whom("6"), "other:a"))

    def test_subscription_that_fails_is_taken_back(self) -> None:
        """It is logged, and can be ordered again."""
        ready, self.room.hall.relay.ready = self.room.hall.relay.ready, self._unready  # type: ignore[method-assign]
        self.obey(Subscribe(Whom("5"), "news"))
        self.assertEqual((self.other.pushes(), self.other.closed), ([], None))
        self.room.hall.relay.ready = ready  # type: ignore[method-assign]
        self.obey(Subscribe(Whom("5"), "news"))
        self.assertEqual(len(self.other.pushes()), 1)

    def _unready(self, channel: str) -> Deferred[Any]:
        never: Deferred[Any] = Deferred()
        never.errback(BrokerUnavailable("gone"))
        return never


class LimitTests(ObeyingCase):
    """A client with as many channels as it may have."""

    options = {"channel_limit": 1}

    def test_channels_of_a_client_are_bounded(self) -> None:
        """By whoever they were made."""
        self.obey(Subscribe(Whom("5"), "news"))
        self.obey(Subscribe(Whom("5"), "sport"))
        self.assertEqual([push["channel"] for push in self.other.pushes()], ["news"])


class UnsubscribeTests(ObeyingCase):
    """``unsubscribe``."""

    def setUp(self) -> None:
        super().setUp()
        for wire in (self.first, self.other):
            for channel in ("news", "kept:a"):
                wire.ask("subscribe", channel=channel)
        self.obey(Subscribe(Whom("4", client=self.second.client.id), "news"))
        self.pushes()

    def test_user_is_taken_off_a_channel(self) -> None:
        """With a code that lets no SDK subscribe again; also where the server had subscribed it."""
        self.obey(Unsubscribe(Whom("4"), "news"))
        told = {"channel": "news", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}
        self.assertEqual(self.pushes(), [[told], [told], []])
        self.room.publish("news", "1")
        self.assertEqual([len(pushes) for pushes in self.pushes()], [0, 0, 1])

    def test_no_channel_means_all(self) -> None:
        """With any code."""
        self.obey(Unsubscribe(Whom("4"), "", 2500, "again"))
        first, second, other = self.pushes()
        self.assertEqual({push["channel"] for push in first}, {"news", "kept:a"})
        self.assertEqual([push["unsubscribe"]["code"] for push in first + second], [2500] * 3)
        self.assertEqual(other, [])

    def test_channel_without_subscription_does_no_harm(self) -> None:
        """Nobody hears anything."""
        self.obey(Unsubscribe(Whom("4"), "sport"))
        self.assertEqual(self.pushes(), [[], [], []])


class DisconnectTests(ObeyingCase):
    """``disconnect``."""

    def closed(self) -> list[int | None]:
        """Return the code with which each of the three was closed."""
        return [wire.closed and wire.closed[0] for wire in (self.first, self.second, self.other)]

    def test_user_is_disconnected(self) -> None:
        """All its connections; they are no longer in the hall."""
        self.obey(Disconnect(Whom("4")))
        self.assertEqual(self.closed(), [3503, 3503, None])
        self.assertEqual(len(self.room.hall), 1)

    def test_some_connections_can_be_spared(self) -> None:
        """By their client ids."""
        self.obey(Disconnect(Whom("4"), 4000, "elsewhere", (self.second.client.id,)))
        self.assertEqual((self.closed(), self.first.closed), ([4000, None, None], (4000, "elsewhere")))

    def test_anonymous_users_are_those_without_a_name(self) -> None:
        """They can be meant too."""
        anonymous = self.room.enter()
        self.obey(Disconnect(Whom("")))
        self.assertEqual((self.closed(), anonymous.closed), ([None, None, None], (3503, "force disconnect")))


class RefreshTests(ObeyingCase):
    """``refresh``."""

    def test_expired_connections_are_closed(self) -> None:
        """With the code that lets SDKs come back with a new token; a time that is over is the same."""
        self.obey(Refresh(Whom("4"), expired=True))
        self.obey(Refresh(Whom("5"), expire_at=START))
        self.assertEqual(
            [wire.closed for wire in (self.first, self.second, self.other)], [(3005, "connection expired")] * 3
        )

    def test_time_can_be_changed(self) -> None:
        """The client is told, and closed some time after it."""
        self.obey(Refresh(Whom("5"), expire_at=START + 60))
        self.assertEqual(self.pushes(), [[], [], [{"refresh": {"expires": True, "ttl": 60}}]])
        delay = self.room.options.expired_delay
        self.answer_pings(59 + delay)
        self.assertIsNone(self.other.closed)
        self.answer_pings(2)
        self.assertEqual(self.other.closed, (3005, "connection expired"))

    def test_time_can_be_taken_away(self) -> None:
        """The connection lasts for ever."""
        self.obey(Refresh(Whom("5"), expire_at=START + 60))
        self.obey(Refresh(Whom("5")))
        self.assertEqual(self.other.pushes()[1:], [{"refresh": {}}])
        self.answer_pings(200)
        self.assertIsNone(self.other.closed)

    def answer_pings(self, seconds: float) -> None:
        """Let time pass for a client that answers pings."""
        for _ in range(round(seconds)):
            self.room.pass_seconds(1)
            self.other.say({})
