# -*- test-case-name: tests.clients.test_subscribing -*-
"""Subscriptions: how they begin without a hole, and how they end."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import History
from sockjsd.channels.forms import PUSHES, PUSHES_WITH_JOINS
from sockjsd.channels.publications import ClientInfo, Joined, Position, Publication
from sockjsd.clients import subscribing
from sockjsd.clients.subscribing import Catcher, make_subscription
from sockjsd.clients.tokens import Grant
from sockjsd.config import Namespace
from sockjsd.errors import BrokerUnavailable
from tests.clients.room import Room, Wire

KEPT: dict[str, Any] = {"history_size": 10, "history_ttl": 60.0}


class StubbornRelay:
    """A relay that answers when a test says so, and says of places what a test says.

    :ivar asked: what was asked of the history: channel, since, limit, reverse.
    """

    def __init__(self) -> None:
        self.readiness: Deferred[Position | None] = Deferred()
        self.reading: Deferred[History] = Deferred()
        self.place: Position | None = None
        self.asked: list[tuple[str, Position | None, int, bool]] = []

    def ready(self, channel: str) -> Deferred[Position | None]:
        """Wait."""
        return self.readiness

    def position(self, channel: str) -> Position | None:
        """Return what the test says."""
        return self.place

    def history(
        self, channel: str, since: Position | None = None, limit: int = -1, *, reverse: bool = False
    ) -> Deferred[History]:
        """Wait."""
        self.asked.append((channel, since, limit, reverse))
        return self.reading


def publication(offset: int, epoch: str = "e") -> Publication:
    """Return a publication whose data is its offset."""
    return Publication(str(offset), offset, epoch)


class OptionTests(SynchronousTestCase):
    """What namespace and grant make of a subscription."""

    #: Options of the namespace, of the grant; presence, joins, positioned, recovery.
    TABLE: tuple[tuple[dict[str, Any], dict[str, bool], tuple[bool, bool, bool, str]], ...] = (
        ({}, {}, (False, False, False, "off")),
        ({"presence": True, "join_leave": True}, {}, (True, True, False, "off")),
        (
            {"presence": True, "join_leave": True},
            {"presence": False, "join_leave": False},
            (False, False, False, "off"),
        ),
        ({"join_leave": True}, {"force_push_join_leave": False}, (False, False, False, "off")),
        ({}, {"presence": True, "join_leave": True}, (True, True, False, "off")),
        (KEPT, {}, (False, False, False, "off")),
        ({**KEPT, "positioning": True}, {}, (False, False, True, "off")),
        ({**KEPT, "recovery": "stream"}, {}, (False, False, True, "stream")),
        ({**KEPT, "recovery": "cache"}, {}, (False, False, True, "cache")),
        (KEPT, {"force_recovery": True}, (False, False, True, "stream")),
        ({**KEPT, "recovery": "cache"}, {"force_recovery": True}, (False, False, True, "cache")),
        (
            {**KEPT, "recovery": "stream"},
            {"force_recovery": False, "force_positioning": False},
            (False, False, False, "off"),
        ),
        (KEPT, {"force_positioning": True}, (False, False, True, "off")),
        ({}, {"force_positioning": True, "force_recovery": True}, (False, False, False, "off")),
    )

    def test_grant_wins_when_it_differs_from_the_namespace(self) -> None:
        """But a channel without history has no positions."""
        for options, override, expected in self.TABLE:
            with self.subTest(options=options, override=override):
                made = make_subscription("a", Namespace(**options), Grant(override=override), server_side=False)
                self.assertEqual((made.presence, made.join_leave, made.positioned, made.recovery), expected)
                self.assertIs(made.form, PUSHES_WITH_JOINS if made.join_leave else PUSHES)


class CatcherTests(SynchronousTestCase):
    """What listens instead of a client."""

    def test_catcher_keeps_what_comes(self) -> None:
        """Until it is settled."""
        catcher = Catcher()
        catcher.deliver([publication(1)])
        catcher.deliver([publication(2)])
        self.assertEqual(catcher.items, [publication(1), publication(2)])
        catcher.begin_anew()
        self.assertEqual((catcher.items, catcher.broken), ([], False))

    def test_catcher_is_broken_when_too_much_comes(self) -> None:
        """It keeps what it has, and no more."""
        self.patch(subscribing, "CAUGHT_LIMIT", 2)
        catcher = Catcher()
        catcher.deliver([publication(1), publication(2)])
        self.assertFalse(catcher.broken)
        catcher.deliver([publication(3)])
        self.assertEqual((len(catcher.items), catcher.broken), (2, True))

    def test_catcher_is_broken_when_a_history_ends(self) -> None:
        """What it has does not join up with what follows."""
        catcher = Catcher()
        catcher.deliver([publication(1)])
        catcher.on_reset("a")
        self.assertEqual((catcher.items, catcher.broken), ([], True))


class HoleTests(SynchronousTestCase):
    """A client that comes back while publications are on their way."""

    def setUp(self) -> None:
        self.room = Room(Namespace(allow_subscribe="anyone", recovery="stream", **KEPT))
        self.relay = StubbornRelay()
        self.room.hall.relay = self.relay
        self.wire = self.room.enter("42")
        self.wire.heard()

    def deliver(self, *offsets: int, epoch: str = "e") -> None:
        """Let the node deliver publications to whoever listens."""
        self.relay.place = Position(offsets[-1], epoch)
        self.room.hub.delivered({"a": [publication(offset, epoch) for offset in offsets]})

    def come_back(self, offset: int = 5) -> None:
        """Subscribe, and begin to recover."""
        self.assertIsNone(self.wire.ask("subscribe", channel="a", recover=True, epoch="e", offset=offset))
        self.relay.place = Position(6, "e")
        self.relay.readiness.callback(self.relay.place)

    def read(self, *offsets: int, top: int = 0) -> None:
        """Let the history be read."""
        self.relay.reading.callback(
            History([publication(offset) for offset in offsets], Position(top or offsets[-1], "e"))
        )

    def data(self) -> tuple[list[int], list[int]]:
        """Return what came with the reply, and what was pushed after it."""
        reply, *pushes = self.wire.heard()
        self.assertTrue(reply["subscribe"]["recovered"], reply)
        recovered = [each["offset"] for each in reply["subscribe"].get("publications", [])]
        self.assertEqual(reply["subscribe"]["offset"], recovered[-1] if recovered else 5)
        return recovered, [each["push"]["pub"]["offset"] for each in pushes]

    def test_client_gets_everything_once_when_it_comes_back(self) -> None:
        """What was missed, what came during the read, what comes after it."""
        self.come_back()
        self.deliver(7)
        self.assertEqual(self.wire.heard(), [])
        self.read(6, 7)
        self.deliver(8)
        self.assertEqual(self.data(), ([6, 7], [8]))
        self.assertEqual(self.relay.asked, [("a", Position(5, "e"), 300, False)])

    def test_client_gets_what_was_caught_when_the_read_was_earlier(self) -> None:
        """The read says how it was a moment ago."""
        self.come_back()
        self.deliver(7)
        self.deliver(8)
        self.read(6)
        self.assertEqual(self.data(), ([6, 7, 8], []))

    def test_client_gets_the_rest_later_when_the_read_was_ahead(self) -> None:
        """What this node has not delivered yet comes once, live."""
        self.come_back()
        self.read(6, 7, 8)
        self.deliver(7, 8)
        self.assertEqual(self.data(), ([6], [7, 8]))

    def test_client_waits_when_it_is_ahead_of_this_node(self) -> None:
        """It came from a node that had delivered more: what it has must not come again."""
        self.come_back(8)
        self.relay.reading.callback(History([], Position(8, "e")))
        self.assertEqual(self.wire.heard(), [])
        self.deliver(7)
        self.assertEqual(self.wire.heard(), [])
        self.deliver(8)
        self.deliver(9)
        reply, push = self.wire.heard()
        self.assertEqual((reply["subscribe"]["recovered"], reply["subscribe"]["offset"]), (True, 8))
        self.assertEqual(push["push"]["pub"]["offset"], 9)

    def test_client_is_told_when_not_all_can_be_read(self) -> None:
        """It begins at the present place, and reloads."""
        self.come_back()
        self.deliver(9)
        self.read(8, 9)
        (reply,) = self.wire.heard()
        self.assertNotIn("recovered", reply["subscribe"])
        self.assertEqual((reply["subscribe"]["was_recovering"], reply["subscribe"]["offset"]), (True, 9))

    def test_client_is_told_when_the_history_ends_meanwhile(self) -> None:
        """A new epoch began while the old one was read."""
        self.come_back()
        self.room.hub.reset("a")
        self.deliver(1, epoch="f")
        self.read(6)
        (reply,) = self.wire.heard()
        self.assertNotIn("recovered", reply["subscribe"])
        self.assertEqual((reply["subscribe"]["epoch"], reply["subscribe"]["offset"]), ("f", 1))
        self.deliver(2, epoch="f")
        self.assertEqual(self.wire.pushes()[0]["pub"]["offset"], 2)

    def test_client_is_refused_when_the_history_cannot_be_read(self) -> None:
        """It may try again; nothing is left of it."""
        self.come_back()
        self.relay.reading.errback(BrokerUnavailable("away"))
        (reply,) = self.wire.heard()
        self.assertEqual(reply["error"], {"code": 100, "message": "internal server error", "temporary": True})
        self.assertEqual((len(self.wire.client.subscriptions), self.room.hub.counts.subscriptions), (0, 0))

    def test_client_is_refused_when_it_takes_too_long(self) -> None:
        """Before the SDK gives up by itself."""
        self.assertIsNone(self.wire.ask("subscribe", channel="a"))
        self.room.pass_seconds(4)
        self.assertEqual(self.wire.heard()[0]["error"]["code"], 100)
        self.assertEqual(self.room.hub.counts.subscriptions, 0)

    def test_client_is_refused_when_it_unsubscribes_meanwhile(self) -> None:
        """And may subscribe again at once, without the two being mixed up."""
        self.assertIsNone(self.wire.ask("subscribe", channel="a"))
        self.assertEqual(self.wire.ask("unsubscribe", channel="a"), {})
        first, self.relay.readiness = self.relay.readiness, Deferred()
        self.assertIsNone(self.wire.ask("subscribe", channel="a"))
        self.relay.readiness.callback(Position(6, "e"))
        self.assertEqual(self.wire.heard()[0]["subscribe"]["offset"], 6)
        first.callback(Position(6, "e"))
        self.assertEqual(self.wire.heard()[0]["error"]["code"], 107)
        self.deliver(7)
        self.assertEqual(len(self.wire.pushes()), 1)

    def test_nothing_happens_when_the_client_is_lost_meanwhile(self) -> None:
        """Neither a reply nor a subscription."""
        self.come_back()
        self.wire.client.lost()
        self.read(6)
        self.assertEqual((self.wire.heard(), self.room.hub.counts.subscriptions), ([], 0))

    def test_only_the_latest_is_read_when_only_that_counts(self) -> None:
        """Cache mode."""
        self.room = Room(Namespace(allow_subscribe="anyone", recovery="cache", **KEPT))
        self.room.hall.relay = self.relay
        self.wire = self.room.enter("42")
        self.wire.heard()
        self.come_back()
        self.read(6)
        self.assertEqual(self.data(), ([6], []))
        self.assertEqual(self.relay.asked, [("a", None, 1, True)])


class LifeTests(SynchronousTestCase):
    """Subscriptions on a whole node."""

    def setUp(self) -> None:
        self.room = Room(
            Namespace(allow_subscribe="anyone", recovery="stream", **KEPT), Namespace("plain", allow_subscribe="anyone")
        )

    def subscribed(self, channel: str = "a", **request: Any) -> Wire:
        """Return a client that listens to *channel*."""
        wire = self.room.enter("42")
        self.reply = wire.ask("subscribe", channel=channel, **request)
        wire.heard()
        return wire

    def test_channel_without_history_has_no_position(self) -> None:
        """Recovering it is not an error, and recovers nothing."""
        self.subscribed("plain:a")
        self.assertEqual(self.reply, {})
        self.subscribed("plain:a", recover=True, epoch="e", offset=3)
        self.assertEqual(self.reply, {"was_recovering": True})

    def test_client_is_told_when_it_missed_more_than_one_read_gives(self) -> None:
        """``recovery_limit``."""
        self.room = Room(Namespace(allow_subscribe="anyone", recovery="stream", **KEPT), recovery_limit=2)
        self.subscribed()
        epoch = self.reply["epoch"]
        for number in range(3):
            self.room.publish("a", str(number))
        self.subscribed(recover=True, epoch=epoch, offset=0)
        self.assertNotIn("recovered", self.reply)
        self.subscribed(recover=True, epoch=epoch, offset=1)
        self.assertEqual([each["offset"] for each in self.reply["publications"]], [2, 3])

    def test_client_is_refused_when_it_wants_all_or_nothing(self) -> None:
        """SDKs with a state of their own load that again, and come with another place."""
        wire = self.subscribed()
        epoch = self.reply["epoch"]
        self.room.publish("a", "1")
        wire.ask("unsubscribe", channel="a")
        for request in ({"epoch": "other", "offset": 0}, {"epoch": epoch, "offset": 5}):
            refused = wire.ask("subscribe", channel="a", recover=True, flag=3, **request)
            self.assertEqual(refused, (112, "unrecoverable position"))
        self.assertEqual(self.room.hub.counts.subscriptions, 0)
        found = wire.ask("subscribe", channel="a", recover=True, flag=3, epoch=epoch, offset=0)
        self.assertEqual((found["recovered"], found["offset"]), (True, 1))

    def test_client_is_told_when_its_history_is_lost(self) -> None:
        """It subscribes again, and learns that it cannot recover."""
        wire = self.subscribed()
        epoch = self.reply["epoch"]
        self.room.hub.reset("a")
        push = {"channel": "a", "unsubscribe": {"code": 2500, "reason": "insufficient state"}}
        self.assertEqual(wire.pushes(), [push])
        self.assertFalse(wire.client.subscriptions.listens("a"))
        self.assertEqual(
            wire.ask("subscribe", channel="a", recover=True, epoch=epoch + "x", offset=0).get("recovered"), None
        )

    def test_client_is_told_at_once_when_its_history_is_lost_before_it_hears(self) -> None:
        """Between its reply and its first push."""
        wire = self.room.enter("42")
        wire.heard()
        deliver = wire.deliver

        def reset_first(batch: Any) -> None:
            deliver(batch)
            wire.deliver = deliver  # type: ignore[method-assign]
            self.room.hub.reset("a")

        wire.deliver = reset_first  # type: ignore[method-assign]
        reply, push = wire.say({"id": 2, "subscribe": {"channel": "a"}})
        self.assertIn("epoch", reply["subscribe"])
        self.assertEqual(push["push"]["unsubscribe"]["code"], 2500)

    def test_client_hears_in_order_when_its_reply_sets_something_off(self) -> None:
        """What is published in answer to the reply comes after it."""
        wire = self.room.enter("42")
        wire.heard()
        deliver = wire.deliver

        def publish_first(batch: Any) -> None:
            wire.deliver = deliver  # type: ignore[method-assign]
            self.room.publish("a", "1")
            deliver(batch)

        wire.deliver = publish_first  # type: ignore[method-assign]
        reply, push = wire.say({"id": 2, "subscribe": {"channel": "a"}})
        self.assertEqual((reply["subscribe"]["offset"], push["push"]["pub"]["offset"]), (0, 1))

    def test_nothing_is_left_when_the_reply_cannot_be_sent(self) -> None:
        """The client is lost in that moment, before it hears."""
        wire = self.room.enter("42")
        wire.deliver = lambda batch: wire.client.lost()  # type: ignore[method-assign]
        wire.client.received('{"id":2,"subscribe":{"channel":"a"}}')
        self.assertEqual((self.room.hub.counts.subscriptions, len(self.room.hall)), (0, 0))

    def test_only_pushes_are_made_of_what_was_caught(self) -> None:
        """Joins are nothing to a client that did not ask for them."""
        wire = self.room.enter("42")
        wire.heard()
        deliver = wire.deliver

        def join_first(batch: Any) -> None:
            wire.deliver = deliver  # type: ignore[method-assign]
            self.room.broker.announce("a", Joined(ClientInfo("43", "id-9")))
            deliver(batch)

        wire.deliver = join_first  # type: ignore[method-assign]
        self.assertEqual(
            [list(each) for each in wire.say({"id": 2, "subscribe": {"channel": "a"}})], [["id", "subscribe"]]
        )

    def test_replies_come_before_pushes_when_commands_come_together(self) -> None:
        """A batch that subscribes and publishes."""
        self.room = Room(Namespace(allow_subscribe="anyone", allow_publish="subscriber"))
        wire = self.room.enter("42")
        wire.heard()
        subscribe, publish = {"subscribe": {"channel": "a"}}, {"publish": {"channel": "a", "data": 1}}
        found = wire.say({"id": 2, **subscribe}, {"id": 3, **publish}, {"id": 4, "ping": {}})
        self.assertEqual([each.get("id", "push") for each in found], [2, "push", 3, 4])

    def test_subscriptions_can_be_listed(self) -> None:
        """And counted."""
        wire = self.subscribed()
        wire.ask("subscribe", channel="plain:a")
        subscriptions = wire.client.subscriptions
        self.assertEqual([each.channel for each in subscriptions], ["a", "plain:a"])
        self.assertEqual((len(subscriptions), "a" in subscriptions, "b" in subscriptions), (2, True, False))
        self.assertIsNone(subscriptions.end("b"))
