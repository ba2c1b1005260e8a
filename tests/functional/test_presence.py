# -*- test-case-name: tests.functional.test_presence -*-
"""Users that move between two daemons on one Redis: nobody is told that they left, and they miss nothing."""

from __future__ import annotations

import time
from unittest import TestCase

from tests.functional import need
from tests.functional.daemon import Daemon
from tests.functional.protocol_client import ProtocolClient
from tests.functional.redis_server import RedisServer
from tests.functional.sockjs_client import wait_until

SECRET = "a secret of thirty-two characters"
#: Seconds in which a user may come back.
LEAVE_DELAY = 2.0


class MovingTests(TestCase):
    """A watcher on the first daemon, and a user who moves."""

    def setUp(self) -> None:
        need("redis-server")
        redis = RedisServer().start()
        self.addCleanup(redis.close)
        sections: dict[str, dict[str, object]] = {
            "broker": {"url": redis.url},
            "channels": {
                "enabled": "yes",
                "token_hmac_secret": SECRET,
                "leave_delay": LEAVE_DELAY,
                "presence_ttl": "4",
                "presence_interval": "1",
            },
            "namespace": {
                "allow_subscribe": "user",
                "allow_publish": "user",
                "allow_presence": "subscriber",
                "presence": "yes",
                "join_leave": "yes",
                "history_size": "100",
                "history_ttl": "60",
                "recovery": "stream",
            },
        }
        self.daemons = [Daemon(sections), Daemon(sections)]
        for daemon in self.daemons:
            self.addCleanup(daemon.close)
            daemon.start()
        self.watcher = self.enter(0, "watcher")
        self.epoch: str = self.watcher.subscribe("room")["epoch"]
        self.assertEqual(self.told("join"), "watcher")

    def enter(self, number: int, user: str) -> ProtocolClient:
        """Return a client of one of the daemons."""
        client = ProtocolClient(self.daemons[number].port, user, SECRET)
        self.addCleanup(client.close)
        return client

    def told(self, kind: str) -> str:
        """Wait until the watcher is told that somebody came or went, and return who; others are left out."""
        user: str = self.watcher.push(kind, "room")["info"]["user"]
        return user

    def present(self) -> list[str]:
        """Return the users on the channel."""
        clients = self.watcher.ask("presence", channel="room")["presence"]
        return sorted(each["user"] for each in clients.values())

    def test_nobody_is_told_when_a_user_moves_within_the_delay(self) -> None:
        """Neither of a leave nor of a join; the next one who is told of is another user."""
        user = self.enter(1, "42")
        user.subscribe("room")
        self.assertEqual(self.told("join"), "42")
        user.close()
        again = self.enter(0, "42")
        again.subscribe("room")
        time.sleep(LEAVE_DELAY + 1)
        self.enter(1, "43").subscribe("room")
        self.assertEqual(self.told("join"), "43")
        again.ask("unsubscribe", channel="room")
        self.assertEqual(self.told("leave"), "42")
        self.assertEqual(self.present(), ["43", "watcher"])

    def test_others_are_told_when_a_user_does_not_come_back(self) -> None:
        """After the delay, in which the user counts as present."""
        user = self.enter(1, "42")
        user.subscribe("room")
        wait_until(lambda: self.present() == ["42", "watcher"], "both")
        closed = time.monotonic()
        user.close()
        self.assertEqual(self.told("leave"), "42")
        self.assertGreater(time.monotonic() - closed, LEAVE_DELAY - 0.1)
        self.assertEqual(self.present(), ["watcher"])

    def test_user_is_gone_when_the_daemon_is_killed(self) -> None:
        """Within the lease; a user who comes back to the other daemon is there all the time."""
        for name in ("42", "43"):
            self.enter(1, name).subscribe("room")
        wait_until(lambda: self.present() == ["42", "43", "watcher"], "all")
        self.daemons[1].kill()
        killed = time.monotonic()
        self.enter(0, "42").subscribe("room")
        while "43" in (present := self.present()):
            self.assertIn("42", present)
            self.assertLess(time.monotonic() - killed, 6)
            time.sleep(0.1)
        self.assertEqual(self.present(), ["42", "watcher"])

    def test_user_misses_nothing_when_it_moves(self) -> None:
        """What was published meanwhile comes first, everything else once, in order."""
        user = self.enter(1, "42")
        user.subscribe("room")
        for number in range(5):
            self.watcher.ask("publish", channel="room", data=number)
        seen = [user.push("pub", "room") for _ in range(3)]
        user.close()
        for number in range(5, 8):
            self.watcher.ask("publish", channel="room", data=number)
        again = self.enter(0, "42")
        found = again.subscribe("room", recover=True, epoch=self.epoch, offset=seen[-1]["offset"])
        self.assertTrue(found["recovered"])
        self.watcher.ask("publish", channel="room", data=8)
        live = again.push("pub", "room")
        data = [each["data"] for each in [*seen, *found["publications"], live]]
        self.assertEqual(data, list(range(9)))
