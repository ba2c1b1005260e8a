# -*- test-case-name: tests.clients.test_commanding -*-
"""What commands do, and to whom they are refused."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.protocol.commands import METHODS, Connect
from sockjsd.clients.commanding import HANDLERS
from sockjsd.config import Namespace
from tests.clients.room import KEPT, OPEN, START, Room, make_token

DENIED = (103, "permission denied")


def closed_by(room: Room, method: str, **request: Any) -> int:
    """Return the code with which a user's connection is closed after a command."""
    wire = room.enter("42")
    wire.ask(method, **request)
    assert wire.closed is not None
    return wire.closed[0]


class TableTests(SynchronousTestCase):
    """The table of commands."""

    def test_each_command_has_a_row(self) -> None:
        """But connect, which comes before all others."""
        self.assertEqual({*METHODS.values()} - {*HANDLERS}, {Connect})

    def test_ping_is_answered(self) -> None:
        """With nothing."""
        self.assertEqual(Room().enter().ask("ping"), {})


class SubscribeTests(SynchronousTestCase):
    """Who may listen to what."""

    def setUp(self) -> None:
        self.room = Room(
            OPEN,
            KEPT,
            Namespace("users", allow_subscribe="user"),
            Namespace("private", allow_subscribe="token"),
            Namespace("closed", allow_subscribe="nobody"),
        )

    def test_client_hears_when_it_has_subscribed(self) -> None:
        """And no more when it has unsubscribed, which may be said twice."""
        wire = self.room.enter()
        self.assertEqual(wire.ask("subscribe", channel="news"), {})
        self.room.publish("news", '{"a":1.0}')
        self.assertEqual(wire.texts[-1], '{"push":{"channel":"news","pub":{"data":{"a":1.0}}}}')
        self.assertEqual(wire.ask("unsubscribe", channel="news"), {})
        self.assertEqual(wire.ask("unsubscribe", channel="news"), {})
        self.room.publish("news", "2")
        self.assertEqual(wire.pushes(), [])

    def test_channel_is_refused_when_it_can_be_none(self) -> None:
        """A namespace that is not configured, a name that is none, the same channel twice."""
        wire = self.room.enter("42")
        wire.ask("subscribe", channel="news")
        for channel, refusal in (
            ("none:a", (102, "unknown channel")),
            ("a b", (107, "bad request")),
            ("x" * 256, (107, "bad request")),
            ("news", (105, "already subscribed")),
        ):
            self.assertEqual(wire.ask("subscribe", channel=channel), refusal)

    def test_channel_is_refused_when_it_is_wanted_as_it_is_not(self) -> None:
        """Filtered by tags, or as a map: everything would be too much, and nothing too little."""
        wire = self.room.enter("42")
        self.assertEqual(wire.ask("subscribe", channel="news", tf={"key": "a"}), (108, "not available"))
        self.assertEqual(wire.ask("subscribe", channel="news", type=1), (108, "not available"))
        self.assertEqual(wire.ask("subscribe", channel="news", delta="fossil", flag=1), {})

    def test_client_is_closed_when_it_names_no_channel(self) -> None:
        """In whatever command."""
        for method in ("subscribe", "unsubscribe", "sub_refresh", "publish", "history", "presence", "presence_stats"):
            self.assertEqual(closed_by(self.room, method), 3501)

    def test_channel_is_refused_when_there_are_too_many(self) -> None:
        """Each connection counts its own."""
        room = Room(channel_limit=2)
        wire = room.enter()
        for channel in "ab":
            wire.ask("subscribe", channel=channel)
        self.assertEqual(wire.ask("subscribe", channel="c"), (106, "limit exceeded"))
        wire.ask("unsubscribe", channel="a")
        self.assertEqual(wire.ask("subscribe", channel="c"), {})

    def test_channel_is_refused_when_it_is_not_for_this_client(self) -> None:
        """By its namespace, or by the users in its name."""
        anonymous, user = self.room.enter(), self.room.enter("42")
        for wire, channel in (
            (anonymous, "users:a"),
            (user, "private:a"),
            (user, "closed:a"),
            (user, "inbox#43"),
            (anonymous, "inbox#"),
        ):
            self.assertEqual(wire.ask("subscribe", channel=channel), DENIED)
        for channel in ("users:a", "inbox#42", "private:dialog#41,42"):
            self.assertEqual(user.ask("subscribe", channel=channel), {})

    def test_channel_is_allowed_when_a_token_says_so(self) -> None:
        """For this user, and for this connection where it names one."""
        token = make_token(sub="42", channel="private:a", client="id-1", exp=START + 60, info=1)
        wire = self.room.enter("42")
        self.assertEqual(wire.ask("subscribe", channel="private:a", token=token), {"expires": True, "ttl": 60})
        self.assertEqual(self.room.enter("42").ask("subscribe", channel="closed:a",
                         token=make_token(sub="42", channel="closed:a")), DENIED)  # fmt: skip

    def test_client_is_closed_when_its_subscription_token_is_wrong(self) -> None:
        """Another channel's, another user's, another connection's, a broken one."""
        for claims in (
            {"sub": "42", "channel": "private:b"},
            {"sub": "43", "channel": "private:a"},
            {"channel": "private:a"},
            {"sub": "42", "channel": "private:a", "client": "id-999"},
            {"sub": "42"},
        ):
            self.assertEqual(closed_by(self.room, "subscribe", channel="private:a", token=make_token(**claims)), 3500)
        self.assertEqual(closed_by(self.room, "subscribe", channel="private:a", token="hunter2"), 3500)

    def test_subscription_is_refused_when_its_token_has_expired(self) -> None:
        """The SDK asks for another one."""
        token = make_token(sub="42", channel="private:a", exp=START - 1)
        self.assertEqual(
            self.room.enter("42").ask("subscribe", channel="private:a", token=token), (109, "token expired")
        )

    def test_everything_is_allowed_when_the_daemon_is_insecure(self) -> None:
        """But not what does not exist."""
        room = Room(Namespace(), Namespace("kept", history_size=1, history_ttl=1.0), insecure=True)
        wire = room.enter()
        self.assertEqual(wire.ask("subscribe", channel="inbox#42"), {})
        self.assertEqual(wire.ask("publish", channel="kept:a", data=1), {})
        self.assertEqual(wire.ask("history", channel="kept:a", limit=1)["offset"], 1)
        self.assertEqual(wire.ask("presence", channel="kept:a"), (108, "not available"))
        self.assertEqual(wire.ask("subscribe", channel="none:a"), (102, "unknown channel"))


class SubRefreshTests(SynchronousTestCase):
    """New tokens for subscriptions."""

    def setUp(self) -> None:
        self.room = Room(Namespace(allow_subscribe="token"))
        self.wire = self.room.enter("42")
        self.wire.ask("subscribe", channel="a", token=self.token(START + 5))

    def token(self, expiry: int, channel: str = "a") -> str:
        """Return a token for a channel."""
        return make_token(sub="42", channel=channel, exp=expiry, info=expiry)

    def later(self, seconds: int) -> None:
        """Let time pass; the client answers pings."""
        for _ in range(seconds):
            self.room.pass_seconds(1)
            self.wire.client.received("{}")

    def test_subscription_lives_longer_when_it_is_refreshed(self) -> None:
        """And others see what the new token says."""
        refreshed = self.wire.ask("sub_refresh", channel="a", token=self.token(START + 90))
        self.assertEqual(refreshed, {"expires": True, "ttl": 90})
        self.assertEqual(self.wire.client.subscriptions.info("a").chan_info, str(START + 90))
        self.later(60)
        self.assertTrue(self.wire.client.subscriptions.listens("a"))

    def test_subscription_never_expires_when_the_new_token_says_so(self) -> None:
        """It has no ``exp``."""
        self.assertEqual(self.wire.ask("sub_refresh", channel="a", token=make_token(sub="42", channel="a")), {})
        self.later(60)
        self.assertTrue(self.wire.client.subscriptions.listens("a"))

    def test_subscription_ends_when_nobody_refreshes_it(self) -> None:
        """After a while; the client is told to subscribe again."""
        self.later(29)
        self.assertTrue(self.wire.client.subscriptions.listens("a"))
        self.wire.heard()
        self.later(3)
        push = {"channel": "a", "unsubscribe": {"code": 2501, "reason": "subscription expired"}}
        self.assertEqual(self.wire.pushes(), [push])
        self.assertIsNone(self.wire.closed)

    def test_refresh_is_refused_when_there_is_no_subscription(self) -> None:
        """A token alone does not subscribe."""
        self.assertEqual(self.wire.ask("sub_refresh", channel="b", token=self.token(START + 90, "b")), DENIED)

    def test_client_is_closed_when_it_shows_no_token(self) -> None:
        """Or one for another channel."""
        self.wire.ask("sub_refresh", channel="a", token=self.token(START + 90, "b"))
        self.assertEqual(self.wire.closed, (3500, "invalid token"))
        wire = self.room.enter("42")
        wire.ask("subscribe", channel="a", token=self.token(START + 5))
        wire.ask("sub_refresh", channel="a")
        self.assertEqual(wire.closed, (3501, "bad request"))


class PublishTests(SynchronousTestCase):
    """Who may publish."""

    def setUp(self) -> None:
        self.room = Room(
            Namespace(allow_subscribe="anyone", allow_publish="subscriber"),
            Namespace("users", allow_subscribe="anyone", allow_publish="user"),
            Namespace("closed", allow_subscribe="anyone"),
        )

    def test_publication_says_who_it_is_from(self) -> None:
        """User, connection, and what is known of both."""
        wire = self.room.enter("42", info={"name": "Ann"})
        wire.ask("subscribe", channel="news")
        self.assertEqual(wire.ask("publish", channel="news", data={"a": [1.5, "é"]}), {})
        info = {"user": "42", "client": "id-1", "conn_info": {"name": "Ann"}}
        pushes = [text for text in wire.texts if "push" in text]
        self.assertEqual(len(pushes), 1)
        self.assertIn('"data":{"a": [1.5, "\\u00e9"]}', pushes[0])
        wire.heard()
        self.room.publish("news", "1")
        self.assertEqual(wire.pushes(), [{"channel": "news", "pub": {"data": 1}}])
        self.assertEqual(self.info_of(pushes[0]), info)

    def info_of(self, text: str) -> Any:
        """Return who published what is pushed."""

        return json.loads(text)["push"]["pub"]["info"]

    def test_publication_is_refused_when_the_client_may_not(self) -> None:
        """Each namespace has its rule."""
        anonymous, user = self.room.enter(), self.room.enter("42")
        user.ask("subscribe", channel="closed:a")
        for wire, channel in ((user, "news"), (anonymous, "users:a"), (user, "closed:a")):
            self.assertEqual(wire.ask("publish", channel=channel, data=1), DENIED)
        self.assertEqual(user.ask("publish", channel="users:a", data=1), {})
        self.assertEqual(user.ask("publish", channel="none:a", data=1), (102, "unknown channel"))

    def test_replies_come_before_what_is_published_after_them(self) -> None:
        """They are held back for the others of the same message, but for no push."""
        wire = self.room.enter("42")
        wire.ask("subscribe", channel="news")
        wire.heard()
        found = wire.say({"id": 7, "ping": {}}, {"id": 8, "publish": {"channel": "news", "data": 1}})
        self.assertEqual([each.get("id") for each in found], [7, None, 8])

    def test_client_is_closed_when_it_publishes_nothing(self) -> None:
        """``null`` is nothing to SDKs."""
        self.assertEqual(closed_by(self.room, "publish", channel="users:a"), 3501)
        self.assertEqual(closed_by(self.room, "publish", channel="users:a", data=None), 3501)


class HistoryTests(SynchronousTestCase):
    """Reading what was published."""

    def setUp(self) -> None:
        self.room = Room(OPEN, KEPT, history_limit=3)
        self.wire = self.room.enter("42")
        self.epoch = self.wire.ask("subscribe", channel="kept:a")["epoch"]
        for number in range(1, 6):
            self.room.publish("kept:a", str(number))

    def offsets(self, **request: Any) -> list[int]:
        """Return the offsets that a request brings."""
        found = self.wire.ask("history", channel="kept:a", **request)
        self.assertEqual((found["offset"], found["epoch"]), (5, self.epoch))
        return [each["offset"] for each in found.get("publications", [])]

    def test_history_is_read_in_parts(self) -> None:
        """From both ends, and from a place; never more than the limit."""
        since = {"offset": 2, "epoch": self.epoch}
        self.assertEqual(self.offsets(), [])
        self.assertEqual(self.offsets(limit=2), [1, 2])
        self.assertEqual(self.offsets(limit=-1), [1, 2, 3])
        self.assertEqual(self.offsets(limit=99), [1, 2, 3])
        self.assertEqual(self.offsets(limit=2, reverse=True), [5, 4])
        self.assertEqual(self.offsets(limit=2, since=since), [3, 4])
        self.assertEqual(self.offsets(limit=2, since={"offset": 4}), [5])
        self.assertEqual(self.offsets(limit=9, since={"offset": 3, "epoch": self.epoch}, reverse=True), [2, 1])

    def test_history_is_refused_when_it_is_another_one(self) -> None:
        """The place means nothing in this one."""
        refused = self.wire.ask("history", channel="kept:a", limit=1, since={"offset": 2, "epoch": "other"})
        self.assertEqual(refused, (112, "unrecoverable position"))

    def test_history_is_refused_when_there_is_none(self) -> None:
        """Or the client may not read it."""
        self.assertEqual(self.wire.ask("history", channel="news", limit=1), (108, "not available"))
        self.assertEqual(self.room.enter("43").ask("history", channel="kept:a", limit=1), DENIED)


class PresenceTests(SynchronousTestCase):
    """Asking who listens."""

    def test_presence_tells_who_listens(self) -> None:
        """Connections, and how many users they are."""
        room = Room(Namespace(allow_subscribe="anyone", presence=True, allow_presence="subscriber"))
        wires = [room.enter("42"), room.enter("42"), room.enter()]
        for wire in wires:
            wire.ask("subscribe", channel="news")
        found = wires[0].ask("presence", channel="news")["presence"]
        self.assertEqual(
            {client: each["user"] for client, each in found.items()}, {"id-1": "42", "id-3": "42", "id-5": ""}
        )
        self.assertEqual(wires[0].ask("presence_stats", channel="news"), {"num_clients": 3, "num_users": 2})

    def test_presence_is_refused_when_it_is_not_kept(self) -> None:
        """Or the client may not know."""
        room = Room(OPEN, KEPT, Namespace("secret", allow_subscribe="anyone", presence=True))
        wire = room.enter("42")
        wire.ask("subscribe", channel="secret:a")
        for method in ("presence", "presence_stats"):
            self.assertEqual(wire.ask(method, channel="kept:a"), (108, "not available"))
            self.assertEqual(wire.ask(method, channel="secret:a"), DENIED)


class ApplicationTests(SynchronousTestCase):
    """Questions and messages to the application."""

    def setUp(self) -> None:
        self.room = Room()
        self.wire = self.room.enter("42")

    def test_procedure_answers_when_it_is_there(self) -> None:
        """At once or later; it knows who asks."""
        asked: list[tuple[str, str, str]] = []
        later: Deferred[str] = Deferred()

        def now(user: str, client: str, data: str) -> Deferred[str]:
            asked.append((user, client, data))
            return succeed('{"sum":3}')

        self.room.hall.procedures.update({"sum": now, "": lambda user, client, data: later})
        self.assertEqual(self.wire.ask("rpc", method="sum", data=[1, 2]), {"data": {"sum": 3}})
        self.assertEqual(asked, [("42", "id-1", "[1, 2]")])
        self.assertIsNone(self.wire.ask("rpc", method="whatever"))
        later.callback("")
        self.assertEqual(self.wire.heard(), [{"id": 3, "rpc": {}}])

    def test_procedure_is_refused_when_there_is_none(self) -> None:
        """The method is not known."""
        self.assertEqual(self.wire.ask("rpc", method="sum"), (104, "method not found"))

    def test_message_is_handed_on_when_somebody_takes_it(self) -> None:
        """Nothing answers it."""
        taken: list[tuple[str, str, str]] = []
        self.room.hall.on_message = lambda *message: taken.append(message)
        self.wire.heard()
        self.assertEqual(self.wire.say({"send": {"data": {"a": 1}}}), [])
        self.assertEqual(taken, [("42", "id-1", '{"a": 1}')])

    def test_client_is_closed_when_nobody_takes_its_message(self) -> None:
        """Silence would be a silent loss."""
        self.wire.say({"send": {"data": 1}})
        self.assertEqual(self.wire.closed, (3508, "not available"))
