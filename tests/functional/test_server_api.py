# -*- test-case-name: tests.functional.test_server_api -*-
"""Centrifugo's own Python client for its server API, ``cent``, unchanged, against two daemons on one Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, ClassVar

import cent
from twisted.trial.unittest import SynchronousTestCase

from tests.functional import need
from tests.functional.daemon import Daemon
from tests.functional.protocol_client import ProtocolClient
from tests.functional.redis_server import RedisServer
from tests.functional.shared import Shared

KEY = "key for tests"
#: Seconds in which anything here has to happen.
LIMIT = 15.0
SECTIONS: dict[str, dict[str, object]] = {
    "channels": {"enabled": "yes", "insecure": "yes", "api_key": KEY, "token_hmac_secret": "s" * 32},
    "namespace": {"allow_subscribe": "anyone"},
    "namespace kept": {
        "history_size": 10,
        "history_ttl": 60,
        "recovery": "stream",
        "presence": "yes",
        "allow_subscribe": "anyone",
    },
}


class Pair:
    """Two daemons on one Redis; they run from the start, and know each other."""

    def __init__(self) -> None:
        need("redis-server")
        self.redis = RedisServer().start()
        sections = {**SECTIONS, "broker": {"url": self.redis.url}}
        self.daemons = [Daemon(sections), Daemon(sections)]
        try:
            for daemon in self.daemons:
                daemon.start()
            until(lambda: all(len(api(each).info(cent.InfoRequest()).nodes) == 2 for each in self.daemons), "two nodes")
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """End everything."""
        for daemon in self.daemons:
            daemon.close()
        self.redis.close()


PAIR = Shared(Pair)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds.

    :raises AssertionError: it does not in time.
    """
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited longer than {LIMIT} s for {what}")
        time.sleep(0.02)


def api(daemon: Daemon, key: str = KEY) -> cent.Client:
    """Return a client of one daemon's API."""
    return cent.Client(f"{daemon.url}/api", key, timeout=LIMIT)


class ServerAPITests(SynchronousTestCase):
    """Commands go to the first daemon; the browsers are on the second."""

    numbers: ClassVar[int] = 0

    def setUp(self) -> None:
        pair = PAIR.get()
        self.near, self.far = pair.daemons
        self.api = api(self.near)
        self.addCleanup(self.api._session.close)
        ServerAPITests.numbers += 1
        #: Names that no other test uses.
        self.user = f"user{self.numbers}"
        self.channel = f"kept:{self.numbers}"

    def browser(self, daemon: Daemon | None = None, user: str | None = None) -> ProtocolClient:
        """Return a connected client of *user* on *daemon*, the second one where none is named."""
        client = ProtocolClient((daemon or self.far).port, user or self.user, "s" * 32)
        self.addCleanup(client.close)
        return client

    def publish(self, data: Any = 1, channel: str | None = None, **fields: Any) -> cent.PublishResult:
        """Publish on this test's channel."""
        return self.api.publish(cent.PublishRequest(channel=channel or self.channel, data=data, **fields))

    def history(self, **fields: Any) -> cent.HistoryResult:
        """Read this test's channel."""
        return self.api.history(cent.HistoryRequest(channel=self.channel, **fields))

    # Publications.

    def test_publish_reaches_both_daemons(self) -> None:
        """With a position, data and tags."""
        browsers = [self.browser(self.near), self.browser(self.far)]
        for browser in browsers:
            browser.subscribe(self.channel)
        published = self.publish({"x": 1.5, "é": None}, tags={"kind": "k"})
        self.assertEqual(published.offset, 1)
        for browser in browsers:
            push = browser.push("pub", self.channel)
            self.assertEqual((push["data"], push["offset"], push["tags"]), ({"x": 1.5, "é": None}, 1, {"kind": "k"}))

    def test_repetition_is_published_once(self) -> None:
        """Also when it comes to the other daemon."""
        request = cent.PublishRequest(channel=self.channel, data=1, idempotency_key="k")
        first = self.api.publish(request)
        other = api(self.far)
        self.addCleanup(other._session.close)
        self.assertEqual(other.publish(request), first)
        self.assertEqual(len(self.history(limit=-1).publications), 1)

    def test_old_version_is_left_out(self) -> None:
        """``version`` is newer than the library, and goes with what it sends nevertheless."""
        for version in (3, 2, 4):
            self.publish(version, version=version, version_epoch="a")
        self.assertEqual([each.data for each in self.history(limit=-1).publications], [3, 4])

    def test_broadcast_answers_for_each_channel(self) -> None:
        """A wrong one among them has an error."""
        channels = [self.channel, "other:x", f"news{self.numbers}"]
        answer = self.api.broadcast(cent.BroadcastRequest(channels=channels, data={"a": 1}))
        first, second, third = answer.responses
        assert first.result is not None and second.error is not None and third.result is not None
        self.assertEqual((first.result.offset, second.error.code, third.result.offset), (1, 102, 0))

    def test_batch_answers_in_order(self) -> None:
        """In turn, or at the same time."""
        for parallel in (False, True):
            requests = [
                cent.PublishRequest(channel=self.channel, data=1),
                cent.BroadcastRequest(channels=[self.channel], data=2),
                cent.HistoryRequest(channel=self.channel, limit=1, reverse=True),
                cent.PresenceStatsRequest(channel=self.channel),
                cent.InfoRequest(),
            ]
            replies = self.api.batch(cent.BatchRequest(requests=requests, parallel=parallel)).replies
            kinds = [cent.PublishResult, cent.BroadcastResult, cent.HistoryResult, cent.PresenceStatsResult]
            self.assertEqual([type(reply) for reply in replies], [*kinds, cent.InfoResult])

    def test_history_is_read_in_pieces(self) -> None:
        """Forwards from a place, and backwards."""
        for number in range(1, 6):
            self.publish(number)
        top = self.history()
        self.assertEqual((top.offset, top.publications), (5, []))
        since = cent.StreamPosition(offset=2, epoch=top.epoch)
        self.assertEqual([each.data for each in self.history(limit=2, since=since).publications], [3, 4])
        self.assertEqual([each.data for each in self.history(limit=2, reverse=True).publications], [5, 4])
        other = cent.StreamPosition(offset=2, epoch="other")
        error = self.assertRaises(cent.CentApiResponseError, self.history, limit=1, since=other)
        self.assertEqual(error.code, 112)

    def test_history_can_be_removed(self) -> None:
        """Its numbers go on."""
        self.publish()
        self.api.history_remove(cent.HistoryRemoveRequest(channel=self.channel))
        self.assertEqual(self.history(limit=-1).publications, [])
        self.assertEqual(self.publish().offset, 2)

    # Who is there.

    def test_presence_tells_clients_of_both_daemons(self) -> None:
        """By their ids, with their users."""
        near, far = self.browser(self.near), self.browser(self.far)
        for browser in (near, far):
            browser.subscribe(self.channel)
        request = cent.PresenceRequest(channel=self.channel)
        until(lambda: len(self.api.presence(request).presence) == 2, "two leases")
        found = self.api.presence(request).presence
        self.assertEqual({info.client: info.user for info in found.values()}, {near.id: self.user, far.id: self.user})
        stats = self.api.presence_stats(cent.PresenceStatsRequest(channel=self.channel))
        self.assertEqual((stats.num_clients, stats.num_users), (2, 1))

    def test_channels_are_counted_over_both_daemons(self) -> None:
        """Connections, not nodes; a pattern chooses among them."""
        for daemon in (self.near, self.far, self.far):
            self.browser(daemon).subscribe(self.channel)
        self.browser().subscribe(f"news{self.numbers}")
        found = self.api.channels(cent.ChannelsRequest(pattern="kept:*")).channels
        self.assertEqual({self.channel: found[self.channel].num_clients}, {self.channel: 3})
        self.assertIn(f"news{self.numbers}", self.api.channels(cent.ChannelsRequest()).channels)
        self.assertNotIn(f"news{self.numbers}", found)

    def test_info_tells_of_both_daemons(self) -> None:
        """The one that is asked knows its own numbers at once, the other's within seconds."""
        self.browser(self.near)

        def clients() -> list[int]:
            return [node.num_clients for node in self.api.info(cent.InfoRequest()).nodes]

        before = clients()
        browser = self.browser(self.far)
        until(lambda: clients()[1] == before[1] + 1, "the other daemon's word")
        first, second = self.api.info(cent.InfoRequest()).nodes
        self.assertNotEqual((first.uid, first.name), (second.uid, second.name))
        self.assertTrue(first.version and second.version)
        browser.close()

    # Connections.

    def test_user_is_subscribed_on_the_other_daemon(self) -> None:
        """With data; then it hears what is published."""
        browser = self.browser()
        self.api.subscribe(cent.SubscribeRequest(user=self.user, channel=self.channel, data={"a": 1}))
        told = browser.push("subscribe", self.channel)
        self.assertEqual(told["data"], {"a": 1})
        self.publish("hello")
        self.assertEqual(browser.push("pub", self.channel)["data"], "hello")

    def test_user_is_subscribed_with_what_it_missed(self) -> None:
        """From a place of the history on."""
        browser = self.browser()
        epoch, *_ = [self.publish(number).epoch for number in (1, 2, 3)]
        since = cent.StreamPosition(offset=1, epoch=epoch)
        override = cent.ChannelOptionsOverride(presence=cent.BoolValue(value=False))
        self.api.subscribe(
            cent.SubscribeRequest(user=self.user, channel=self.channel, recover_since=since, override=override)
        )
        browser.push("subscribe", self.channel)
        self.assertEqual([browser.push("pub", self.channel)["data"] for _ in range(2)], [2, 3])
        self.assertEqual(self.api.presence(cent.PresenceRequest(channel=self.channel)).presence, {})

    def test_one_connection_of_a_user_is_unsubscribed(self) -> None:
        """The other one goes on."""
        one, other = self.browser(), self.browser(self.near)
        for browser in (one, other):
            browser.subscribe(self.channel)
        self.api.unsubscribe(cent.UnsubscribeRequest(user=self.user, channel=self.channel, client=one.id))
        self.assertEqual(one.push("unsubscribe", self.channel)["code"], 2000)
        self.publish("on")
        self.assertEqual(other.push("pub", self.channel)["data"], "on")

    def test_user_is_disconnected_everywhere(self) -> None:
        """But for a connection that is spared."""
        near, far, spared = self.browser(self.near), self.browser(self.far), self.browser(self.far)
        disconnect = cent.Disconnect(code=4500, reason="elsewhere")
        self.api.disconnect(cent.DisconnectRequest(user=self.user, whitelist=[spared.id], disconnect=disconnect))
        self.assertEqual([near.closed(), far.closed()], [(4500, "elsewhere")] * 2)
        self.api.disconnect(cent.DisconnectRequest(user=self.user))
        self.assertEqual(spared.closed(), (3503, "force disconnect"))

    def test_connection_is_refreshed(self) -> None:
        """It learns its new time, and that it is over."""
        browser = self.browser()
        self.api.refresh(cent.RefreshRequest(user=self.user, expire_at=int(time.time()) + 100))
        refreshed = browser.push("refresh")
        self.assertTrue(refreshed["expires"] and 90 < refreshed["ttl"] <= 100)
        self.api.refresh(cent.RefreshRequest(user=self.user, expired=True))
        self.assertEqual(browser.closed(), (3005, "connection expired"))

    # Errors.

    def test_errors_are_those_of_centrifugo(self) -> None:
        """The library knows them."""
        cases = (
            (lambda: self.publish(channel="other:x"), 102),
            (lambda: self.publish(channel="a b"), 107),
            (lambda: self.publish(b64data="AAAA"), 107),
            (lambda: self.api.presence(cent.PresenceRequest(channel="news")), 108),
            (lambda: self.api.history_remove(cent.HistoryRemoveRequest(channel="news")), 108),
            (lambda: self.api.channels(cent.ChannelsRequest(pattern="[")), 107),
        )
        for call, code in cases:
            self.assertEqual(self.assertRaises(cent.CentApiResponseError, call).code, code)

    def test_wrong_key_is_unauthorized(self) -> None:
        """And is in no log."""
        wrong = api(self.near, "wrong key")
        self.addCleanup(wrong._session.close)
        self.assertRaises(cent.CentUnauthorizedError, wrong.info, cent.InfoRequest())
        for secret in ("wrong key", KEY):
            self.assertNotIn(secret, self.near.log())

    def test_asynchronous_client_works_too(self) -> None:
        """The same API over another HTTP library."""

        async def publish() -> cent.PublishResult:
            client = cent.AsyncClient(f"{self.far.url}/api", KEY)
            try:
                return await client.publish(cent.PublishRequest(channel=self.channel, data=1))
            finally:
                await client.close()

        self.assertEqual(asyncio.run(publish()).offset, 1)
