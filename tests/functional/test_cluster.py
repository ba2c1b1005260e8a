# -*- test-case-name: tests.functional.test_cluster -*-
"""Two daemons on one Redis: what is left of a killed one, commands that come to the other one, and short storms."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.faults.chaos import Chaos, Outcome, Size
from benchmarks.faults.listeners import KINDS
from benchmarks.faults.stage import NAMESPACE, Stage
from benchmarks.faults.stalled import Run as Stalled
from benchmarks.faults.storm import HANDFUL
from benchmarks.faults.storm import Run as StormRun
from tests.functional import need
from tests.functional.protocol_client import ProtocolClient
from tests.functional.redis_server import RedisServer

#: Seconds in which anything here has to happen.
LIMIT = 20.0
CHANNEL = f"{NAMESPACE}:x"


def until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> float:
    """Wait until *condition* holds, and return for how many seconds.

    :raises AssertionError: it does not in time.
    """
    begun = time.monotonic()
    while not condition():
        if time.monotonic() > begun + limit:
            raise AssertionError(f"waited longer than {limit} s for {what}")
        time.sleep(0.02)
    return time.monotonic() - begun


class PairTests(SynchronousTestCase):
    """Two daemons whose leases are short."""

    TTL = 4

    def setUp(self) -> None:
        need("redis-server")
        namespace = {"presence": "yes", "allow_subscribe": "anyone", "join_leave": "yes"}
        leases = {"presence_ttl": self.TTL, "presence_interval": 1, "leave_delay": 1, "insecure": "yes"}
        self.stage = Stage(RedisServer(), 2, namespace, leases).start()
        self.addCleanup(self.stage.close)
        until(lambda: all(len(self.nodes(number)) == 2 for number in (0, 1)), "two nodes")

    def nodes(self, number: int = 1) -> list[dict[str, Any]]:
        """Return the nodes that one daemon knows."""
        nodes: list[dict[str, Any]] = self.stage.call("info", number)["nodes"]
        return nodes

    def browser(self, number: int) -> ProtocolClient:
        """Return a client of one daemon that listens."""
        client = ProtocolClient(self.stage.daemons[number].port)
        self.addCleanup(client.close)
        client.subscribe(CHANNEL)
        return client

    def present(self) -> set[str]:
        """Return who is there, as the second daemon knows."""
        return set(self.stage.call("presence", 1, channel=CHANNEL)["presence"])

    def test_clients_of_a_killed_daemon_disappear(self) -> None:
        """Within their lease; those of the other one stay, and are never gone."""
        doomed, other = self.browser(0), self.browser(1)
        until(lambda: self.present() == {doomed.id, other.id}, "both clients")
        self.stage.daemons[0].kill()
        seen: list[set[str]] = []

        def is_gone() -> bool:
            seen.append(self.present())
            return seen[-1] == {other.id}

        self.assertLessEqual(until(is_gone, "the end of the lease"), self.TTL + 1)
        self.assertTrue(all(other.id in present for present in seen))
        time.sleep(self.TTL)  # longer than a lease: the other one's is renewed
        self.assertEqual(self.present(), {other.id})

    def test_killed_daemon_is_forgotten_and_comes_back(self) -> None:
        """Under another id; surveys do not wait for it."""
        before = {node["uid"] for node in self.nodes()}
        self.stage.daemons[0].kill()
        until(lambda: len(self.nodes()) == 1, "one node")
        self.assertEqual(self.stage.call("channels", 1), {"channels": {}})
        self.stage.daemons[0].start()
        until(lambda: len(self.nodes()) == 2, "two nodes again")
        self.assertEqual(len(before & {node["uid"] for node in self.nodes()}), 1)

    def test_daemon_that_stops_says_goodbye(self) -> None:
        """It is forgotten at once, not after seconds of silence."""
        self.stage.daemons[0].stop()
        self.assertLess(until(lambda: len(self.nodes()) == 1, "one node"), 1.0)

    def test_order_reaches_the_other_daemon(self) -> None:
        """And one that cannot, because Redis is gone, fails."""
        browser = self.browser(0)
        self.stage.redis.kill()
        answer = self.post("disconnect", {"user": "", "whitelist": [browser.id]})
        self.assertEqual(answer["error"]["code"], 100)
        self.stage.redis.start()
        until(lambda: "result" in self.post("disconnect", {"user": ""}), "Redis")
        self.assertEqual(browser.closed(), (3503, "force disconnect"))

    def post(self, method: str, fields: dict[str, object]) -> Any:
        """Return what the second daemon answers, whatever it is."""
        return self.stage._post(method, 1, fields)

    def test_commands_may_come_to_the_other_daemon(self) -> None:
        """A stream on the first, its commands to the second: the first carries them out."""
        first, second = self.stage.daemons
        body = b'{"id":1,"connect":{}}'
        stream = urllib.request.urlopen(f"{first.url}/connection/http_stream", body, timeout=LIMIT)
        self.addCleanup(stream.close)
        welcome = json.loads(stream.readline())["connect"]
        data = '{"id":2,"subscribe":{"channel":"' + CHANNEL + '"}}'
        command = {"session": welcome["session"], "node": welcome["node"], "data": data}
        with urllib.request.urlopen(f"{second.url}/emulation", json.dumps(command).encode(), LIMIT) as answer:
            self.assertEqual(answer.status, 204)
        self.assertEqual(json.loads(stream.readline()).get("id"), 2)
        until(lambda: welcome["client"] in self.present(), "its presence")


class ReturnTests(SynchronousTestCase):
    """A user who is away for almost 5 s, and comes back to another daemon; everything is as it is by default."""

    AWAY = 4.0
    #: Seconds after which whoever was taken for gone has been told of, counted from when it went.
    DELAY = 5.0
    SECRET = "a secret of thirty-two characters"

    def setUp(self) -> None:
        need("redis-server")
        namespace = {"presence": "yes", "join_leave": "yes", "allow_subscribe": "user", "allow_presence": "subscriber"}
        self.stage = Stage(RedisServer(), 2, namespace, {"token_hmac_secret": self.SECRET}).start()
        self.addCleanup(self.stage.close)
        self.watcher = self.enter(1, "watcher")
        self.user = self.enter(0, "42")
        self.assertEqual(self.watcher.push("join", CHANNEL)["info"]["user"], "watcher")
        self.assertEqual(self.watcher.push("join", CHANNEL)["info"]["user"], "42")

    def enter(self, number: int, user: str) -> ProtocolClient:
        """Return a client of one of the daemons that listens."""
        client = ProtocolClient(self.stage.daemons[number].port, user, self.SECRET)
        self.addCleanup(client.close)
        client.subscribe(CHANNEL)
        return client

    def come_back(self) -> None:
        """Let the user do that, and check that nobody is told anything, but of who comes later."""
        gone = time.monotonic()
        while (here := time.monotonic()) < gone + self.AWAY:
            self.assertIn("42", self.present())
            time.sleep(0.2)
        self.enter(1, "42")
        time.sleep(max(0.0, gone + self.DELAY + 2 - here))  # nothing can be waited for
        self.assertIn("42", self.present())
        self.enter(1, "43")
        self.assertEqual(self.next_change(), ("join", "43"))

    def next_change(self) -> tuple[str, str]:
        """Wait until the watcher is told of a change, and return which, and of whom."""
        while True:
            for push in self.watcher.waiting():
                for kind in ("join", "leave"):
                    if kind in push:
                        return kind, push[kind]["info"]["user"]

    def present(self) -> set[str]:
        """Return the users that the watcher finds there."""
        clients = self.watcher.ask("presence", channel=CHANNEL)["presence"]
        return {each["user"] for each in clients.values()}

    def test_nobody_is_told_when_a_connection_is_cut(self) -> None:
        """Its daemon goes on."""
        self.user.close()
        self.come_back()

    def test_nobody_is_told_when_a_daemon_is_killed(self) -> None:
        """Its leases go on for a while."""
        self.stage.daemons[0].kill()
        self.come_back()


class ChaosTests(SynchronousTestCase):
    """What ``make chaos`` does, short and with few clients."""

    SECONDS = 12.0

    def outcome(self, variant: str) -> Outcome:
        """Run one variant, and check what holds for all of them."""
        need("redis-server")
        size = Size(clients=4 * 5 * len(KINDS), channels=5, rate=50.0, seconds=self.SECONDS)
        outcome = Chaos(variant, size).run()
        self.assertEqual(outcome.problems(), [], "\n".join(outcome.lines()))
        self.assertGreater(sum(outcome.acknowledged.values()), 0.7 * size.rate * size.seconds)
        self.assertLessEqual(set(outcome.accounts), set(KINDS))
        self.assertEqual(outcome.total("clients"), size.clients)
        return outcome

    def test_every_client_has_everything_when_redis_and_a_daemon_are_killed(self) -> None:
        """Once and in order, and nobody is told anything else."""
        outcome = self.outcome("killed")
        self.assertEqual(len(outcome.faults), 5)
        self.assertEqual(outcome.total("heard"), 4 * 4 * sum(outcome.acknowledged.values()))

    def test_what_is_missed_without_history_is_counted(self) -> None:
        """As much as the clients did not hear."""
        self.assertEqual(len(self.outcome("plain").faults), 3)

    def test_clients_know_what_they_missed_without_history_when_their_daemon_is_killed(self) -> None:
        """From the numbers: the daemon that could have counted it is gone."""
        outcome = self.outcome("orphaned")
        self.assertGreater(outcome.total("unheard"), 0)

    def test_every_client_is_told_when_redis_lost_everything(self) -> None:
        """And has everything that came after that."""
        self.assertEqual(len(self.outcome("wiped").faults), 1)

    def test_every_client_is_told_when_redis_comes_back_older(self) -> None:
        """As it was 5 s before: what they saw since then does not exist any more."""
        self.assertEqual(len(self.outcome("snapshot").faults), 1)

    def test_every_client_is_told_when_a_replica_that_lags_becomes_the_master(self) -> None:
        """What was acknowledged and heard in the last 5 s before that does not exist any more."""
        self.assertEqual(len(self.outcome("failover").faults), 1)


class DesertedTests(SynchronousTestCase):
    """A client that is alone on its channel, goes away, and comes back to another daemon."""

    def test_client_is_told_although_its_new_daemon_knows_nothing(self) -> None:
        """Redis came back older meanwhile, and what it saw last has become something else."""
        need("redis-server")
        stage = Stage(RedisServer(appendonly=True)).start()
        self.addCleanup(stage.close)
        alone = ProtocolClient(stage.daemons[0].port)
        self.addCleanup(alone.close)
        epoch = alone.subscribe(CHANNEL)["epoch"]
        stage.call("publish", 1, channel=CHANNEL, data="kept")
        stage.redis.copy_data("older")
        stage.call("publish", 1, channel=CHANNEL, data="lost")
        while (seen := alone.push("pub", CHANNEL))["data"] != "lost":
            pass
        alone.close()
        until(lambda: not stage.status(0)["hub"]["subscriptions"], "its leaving")
        stage.redis.kill()
        stage.redis.bring_back("older")
        stage.redis.start()
        until(lambda: stage.status(0)["relay"]["rollbacks"] == 1, "the comparison")
        until(lambda: stage.status(1)["broker"]["connected"], "the other daemon")
        for data in ("other", "another"):
            stage.call("publish", 1, channel=CHANNEL, data=data)
        back = ProtocolClient(stage.daemons[1].port)
        self.addCleanup(back.close)
        found = back.subscribe(CHANNEL, recover=True, epoch=epoch, offset=seen["offset"])
        self.assertFalse(found.get("recovered"), found)


class StormTests(SynchronousTestCase):
    """What ``make storm`` does, with fewer clients."""

    def test_history_is_read_for_all_at_once(self) -> None:
        """A handful of reads, not one for each client."""
        need("redis-server")
        storm = StormRun(400, 50).run()
        self.assertLessEqual(storm.reads, HANDFUL, "\n".join(storm.lines()))
        self.assertGreater(storm.reads, 0)


class StalledTests(SynchronousTestCase):
    """What ``make stalled`` does, with fewer clients."""

    #: Bytes in a publication, and seconds between two: more than the kernel's buffers take, within seconds.
    FAST = (60 * 1024, 0.02)

    def test_client_that_does_not_read_is_treated_as_its_namespace_says(self) -> None:
        """It is disconnected, or loses publications; both are counted, and the others hear all."""
        need("redis-server")
        gone = Stalled("disconnect", 20, 100, *self.FAST).run()
        self.assertEqual((gone.cut, gone.losses["connections"]), (True, 1), gone.lines())
        slow = Stalled("drop-oldest", 20, 100, *self.FAST).run()
        self.assertEqual((slow.cut, slow.losses["connections"]), (False, 0), slow.lines())
        self.assertGreater(slow.losses["skipped"], 0)
