# -*- test-case-name: tests.clients.test_connecting -*-
"""How clients say who they are."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.clients.client import Phase
from tests.clients.room import KEPT, OPEN, START, Room, SlowRelay, Wire, make_token


class IdentityTests(SynchronousTestCase):
    """Who is let in, as whom."""

    def test_client_is_its_tokens_user_when_it_shows_one(self) -> None:
        """With what others may see, and what only the server sees."""
        wire = Room().enter("42", info={"name": "Ann"}, meta=[1])
        client = wire.client
        self.assertEqual((client.user, client.info, client.meta, client.expire_at), ("42", '{"name":"Ann"}', "[1]", 0))

    def test_client_is_anonymous_when_it_shows_no_token(self) -> None:
        """Where that is allowed, or everything is."""
        for options in ({"anonymous": True}, {"anonymous": False, "insecure": True}):
            self.assertEqual(Room(**options).enter().client.user, "")

    def test_client_is_closed_when_it_has_to_show_a_token(self) -> None:
        """For good: no attempt would be better."""
        wire = Room(anonymous=False).wire()
        wire.connect()
        self.assertEqual(wire.closed, (3500, "invalid token"))

    def test_client_is_closed_when_its_token_is_not_accepted(self) -> None:
        """Anonymous clients being welcome does not make it one."""
        room = Room()
        for token in ("hunter2", make_token(sub="42") + "x", make_token(sub="42", channel="news")):
            wire = room.wire()
            wire.ask("connect", token=token)
            self.assertEqual(wire.closed, (3500, "invalid token"))
        self.assertEqual(len(room.hall), 0)

    def test_client_learns_when_its_connection_expires(self) -> None:
        """In whole seconds, at least one."""
        room = Room()
        self.assertEqual(room.wire().connect(sub="42", exp=START + 60)["ttl"], 60)
        self.assertTrue(room.wire().connect(sub="42", exp=START + 60)["expires"])
        room.clock.advance(0.5)
        self.assertEqual(room.wire().connect(sub="42", exp=START + 1)["ttl"], 1)
        self.assertNotIn("ttl", room.wire().connect(sub="42", exp=START + 60, expire_at=0))


class ServerSideTests(SynchronousTestCase):
    """Channels that the token brings."""

    def setUp(self) -> None:
        self.room = Room()

    def test_client_hears_when_its_token_names_channels(self) -> None:
        """Also those that it could not subscribe to by itself; the answer comes before the first push."""
        self.room = Room(OPEN, KEPT)
        wire = self.room.wire()
        subs = wire.connect(sub="42", channels=["news", "kept:a"], subs={"b": {"data": {"x": 1}}})["subs"]
        self.assertEqual(subs["news"], {})
        self.assertEqual(subs["b"], {"data": {"x": 1}})
        self.assertEqual((subs["kept:a"]["offset"], subs["kept:a"]["recoverable"]), (0, True))
        for channel in ("news", "kept:a", "b"):
            self.room.publish(channel, "1")
        self.assertEqual([each["channel"] for each in wire.pushes()], ["news", "kept:a", "b"])

    def test_client_gets_what_it_missed_when_it_says_where_it_stood(self) -> None:
        """In the answer to its connect."""
        epoch = self.room.wire().connect(sub="42", channels=["kept:a"])["subs"]["kept:a"]["epoch"]
        self.room.publish("kept:a", "1")
        subs = {"kept:a": {"recover": True, "epoch": epoch, "offset": 0}, "kept:other": {"recover": True}}
        token = make_token(sub="42", channels=["kept:a"])
        found = self.room.wire().ask("connect", token=token, subs=subs)["subs"]
        self.assertEqual(list(found), ["kept:a"])  # only what the token names
        self.assertEqual(found["kept:a"]["publications"], [{"data": 1, "offset": 1}])
        self.assertTrue(found["kept:a"]["recovered"])

    def test_client_begins_at_the_end_when_it_says_nothing(self) -> None:
        """What was published before is not news."""
        self.room.publish("kept:a", "1")
        found = self.room.wire().connect(sub="42", channels=["kept:a"])["subs"]["kept:a"]
        self.assertEqual((found["offset"], "publications" in found), (1, False))

    def test_client_is_refused_when_a_channel_can_be_none(self) -> None:
        """An unknown namespace, a name that is none; nothing is left of those before it."""
        for channel, code in (("none:a", 102), ("a b", 107)):
            wire = self.room.wire()
            self.assertEqual(wire.connect(sub="42", channels=["news", channel])[0], code)
            self.assertEqual((len(wire.client.subscriptions), self.room.hub.counts.subscriptions), (0, 0))

    def test_client_is_closed_when_its_token_names_too_many(self) -> None:
        """The site has to change something."""
        wire = Room(channel_limit=2).wire()
        wire.connect(sub="42", channels=["a", "b", "c"])
        self.assertEqual(wire.closed, (3505, "channel limit"))

    def test_client_is_not_there_when_its_connection_ended_with_the_answer(self) -> None:
        """A transport may find out while it sends that nobody reads; nothing brings such a client back."""
        wire = self.room.wire()
        relay = self.room.hall.relay = SlowRelay(self.room.relay)
        wire.connect(sub="42", channels=["news"])
        deliver = wire.deliver
        wire.deliver = lambda batch: (deliver(batch), wire.client.lost())  # type: ignore[method-assign, assignment]
        relay.waiting[0].callback(None)
        self.assertIn("news", wire.heard()[0]["connect"]["subs"])
        self.assertIs(wire.client.phase, Phase.CLOSED)
        self.assertEqual((len(self.room.hall), len(self.room.wheel), self.room.hub.counts.subscriptions), (0, 0, 0))

    def test_connection_ends_when_its_history_is_lost(self) -> None:
        """SDKs recover server-side subscriptions by connecting anew."""
        wire = self.room.enter("42", channels=["kept:a"])
        self.room.hub.reset("kept:a")
        self.assertEqual(wire.closed, (3010, "insufficient state"))


class RefreshTests(SynchronousTestCase):
    """New tokens for connections."""

    def setUp(self) -> None:
        self.room = Room()
        self.wire = self.room.enter("42", exp=START + 5)

    def later(self, wire: Wire, seconds: int) -> None:
        """Let time pass for a client that answers pings."""
        for _ in range(seconds):
            self.room.pass_seconds(1)
            wire.say({})

    def test_connection_lives_longer_when_it_is_refreshed(self) -> None:
        """And others see what the new token says."""
        refreshed = self.wire.ask("refresh", token=make_token(sub="42", exp=START + 90, info=7))
        self.assertEqual((refreshed["client"], refreshed["expires"], refreshed["ttl"]), ("id-1", True, 90))
        self.assertEqual(self.wire.client.info, "7")
        self.later(self.wire, 60)
        self.assertIsNone(self.wire.closed)

    def test_connection_never_expires_when_the_new_token_says_so(self) -> None:
        """``expire_at`` 0."""
        refreshed = self.wire.ask("refresh", token=make_token(sub="42"))
        self.assertNotIn("ttl", refreshed)
        self.later(self.wire, 100)
        self.assertIsNone(self.wire.closed)

    def test_refresh_is_refused_when_its_token_has_expired(self) -> None:
        """The SDK asks for another one."""
        self.assertEqual(self.wire.ask("refresh", token=make_token(sub="42", exp=START - 1)), (109, "token expired"))
        self.assertIsNone(self.wire.closed)

    def test_client_is_closed_when_its_new_token_is_wrong(self) -> None:
        """Another user's, a broken one, none."""
        tokens: list[tuple[dict[str, Any], int]] = [
            ({"token": make_token(sub="43")}, 3500),
            ({"token": "hunter2"}, 3500),
            ({"token": ""}, 3501),
            ({}, 3501),
        ]
        for request, code in tokens:
            wire = self.room.enter("42")
            wire.ask("refresh", **request)
            self.assertEqual(wire.closed and wire.closed[0], code)
