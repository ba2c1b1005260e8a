# -*- test-case-name: tests.functional.test_channel_losses -*-
"""A real daemon whose connection to Redis is cut again and again: what is lost is repaired, or counted."""

from __future__ import annotations

import contextlib
import json

from twisted.trial.unittest import SkipTest, SynchronousTestCase
from websockets.sync.client import ClientConnection, connect

from tests.functional.daemon import Daemon
from tests.functional.event_source import KEY, call, publish
from tests.functional.redis_server import RedisServer, redis_is_installed
from tests.functional.sockjs_client import ask, wait_until

CLIENTS = 3
PUBLICATIONS = 200
#: Publications between two cuts.
EACH = 20

SECTIONS: dict[str, dict[str, object]] = {
    "server": {"status": "yes"},
    "channels": {"api_key": KEY},
    "namespace kept": {"history_size": 1000, "history_ttl": 600, "recovery": "stream"},
    "namespace numbered": {"numbered": "yes"},
    "namespace price": {"output_policy": "latest-only"},
    "endpoint kept": {"application": "relay", "channels": "kept:a"},
    "endpoint numbered": {"application": "relay", "channels": "numbered:a"},
    "endpoint price": {"application": "relay", "channels": "price:a", "output_limit": 20_000},
}


class Listener:
    """A raw WebSocket that keeps what it hears.

    :ivar heard: from JSON.
    """

    def __init__(self, port: int, endpoint: str) -> None:
        self.heard: list[object] = []
        self.socket: ClientConnection = connect(f"ws://127.0.0.1:{port}/{endpoint}/websocket")

    def listen(self, seconds: float = 0.05) -> int:
        """Keep what comes until nothing comes for so long; return how many there are."""
        with contextlib.suppress(TimeoutError):
            while True:
                self.heard.append(json.loads(self.socket.recv(timeout=seconds)))
        return len(self.heard)


class ChannelLossesTests(SynchronousTestCase):
    """One daemon and one Redis."""

    def setUp(self) -> None:
        """Start both."""
        if not redis_is_installed():
            raise SkipTest("there is no redis-server")
        self.redis = RedisServer(appendonly=True, more=("--appendfsync", "always"))
        self.addCleanup(self.redis.close)
        self.redis.start()
        self.daemon = Daemon({**SECTIONS, "broker": {"url": self.redis.url, "ping_interval": 1}})
        self.addCleanup(self.daemon.close)
        self.daemon.start()
        wait_until(lambda: self.status()["broker"]["connected"], "the daemon to be connected")

    def status(self) -> dict[str, dict[str, int]]:
        """Return what the daemon tells of itself."""
        body: dict[str, dict[str, int]] = json.loads(ask(self.daemon.port, "GET", "/status").body)
        return body

    def listeners(self, endpoint: str, count: int = CLIENTS) -> list[Listener]:
        """Return clients that are closed after the test."""
        listeners = [Listener(self.daemon.port, endpoint) for _ in range(count)]
        for listener in listeners:
            self.addCleanup(listener.socket.close)
        return listeners

    def cut(self) -> None:
        """Cut the connection on which the daemon listens; it comes back by itself."""
        self.redis.ask("CLIENT", "KILL", "TYPE", "pubsub")

    def publish_with_cuts(self, channel: str) -> None:
        """Publish numbers, each until it is acknowledged, with a cut in the middle of each part."""
        for number in range(PUBLICATIONS):
            if number % EACH == EACH // 2:
                self.cut()
            publish(self.daemon.port, channel, number)

    def test_nothing_is_missing_where_there_is_history(self) -> None:
        """Clients stay connected, and get everything once and in order."""
        listeners = self.listeners("kept")
        self.publish_with_cuts("kept:a")
        for listener in listeners:
            wait_until(lambda listener=listener: listener.listen() >= PUBLICATIONS, "the last publication")  # type: ignore[misc]
            self.assertEqual(listener.heard, list(range(PUBLICATIONS)))
        relay = self.status()["relay"]
        self.assertGreater(relay["repaired"], 0)
        self.assertEqual((relay["resets"], relay["lost"]), (0, 0))

    def test_nothing_is_missing_when_redis_was_killed(self) -> None:
        """It kept everything that it acknowledged; clients notice nothing."""
        listeners = self.listeners("kept")
        for number in range(60):
            if number % 20 == 10:
                self.redis.kill()
                self.redis.start()
            publish(self.daemon.port, "kept:a", number)
        for listener in listeners:
            wait_until(lambda listener=listener: listener.listen() >= 60, "the last publication")  # type: ignore[misc]
            self.assertEqual(listener.heard, list(range(60)))

    def test_published_is_delivered_and_missed_where_there_is_none(self) -> None:
        """What the daemon counts as missed is what its clients have not got."""
        listeners = self.listeners("numbered")
        self.publish_with_cuts("numbered:a")

        def accounted() -> int:
            heard = sum(listener.listen() for listener in listeners)
            return heard + self.status()["relay"]["missed_deliveries"]

        wait_until(lambda: accounted() == PUBLICATIONS * CLIENTS, "both sides to agree")
        relay = self.status()["relay"]
        self.assertGreater(relay["missed"], 0)
        for listener in listeners:
            self.assertEqual(len(listener.heard) + relay["missed"], PUBLICATIONS)
            self.assertEqual(listener.heard, sorted(set(listener.heard)))  # type: ignore[type-var]

    def test_stalled_client_misses_what_its_policy_says(self) -> None:
        """It stays, and hears the latest when it reads again; what it missed is counted, and others miss nothing."""
        stalled, reading = self.listeners("price", 2)
        count, data = 1500, "x" * 10_000  # more than the kernel and a client's library take in between
        for number in range(count):
            call(self.daemon.port, "publish", channel="price:a", data=[number, data])
            self.assertEqual(json.loads(reading.socket.recv(timeout=10))[0], number)
        skipped = self.status()["endpoints"]["/price"]["losses"]["skipped"]  # type: ignore[index]
        self.assertGreater(skipped, 0)
        wait_until(lambda: stalled.listen(0.5) + skipped == count, "everything to be accounted for")
        self.assertEqual(stalled.heard[-1], [count - 1, data])
        call(self.daemon.port, "publish", channel="price:a", data="still there")
        wait_until(lambda: stalled.listen() and stalled.heard[-1] == "still there", "the next publication")
