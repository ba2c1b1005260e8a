# -*- test-case-name: tests.brokers.test_redis -*-
"""Tests for sockjsd.brokers.redis."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_scripts import script
from sockjsd.brokers.interface import Broker, BrokerStatus
from sockjsd.brokers.redis import RedisBroker
from sockjsd.brokers.values import Keeping, Once, Published
from sockjsd.channels.publications import ClientInfo, Joined, Left, Position, Publication, Run
from sockjsd.errors import BrokerUnavailable, ConfigurationError
from tests.brokers.fakes import FakeRedis, FakeTransport, FixedRandom, bulk, confirm, message, words

PONG = b"+PONG\r\n"
WHO = b"$14\r\nrun_id:01234ab\r\n"


@dataclass(frozen=True)
class Settings:
    """The broker's part of a configuration."""

    url: str = "redis+unix:///run/redis.sock"
    password: str = ""
    prefix: str = "p"
    connect_timeout: float = 0.5
    command_timeout: float = 1.0
    ping_interval: float = 5.0


class BrokerCase(SynchronousTestCase):
    """A broker on a memory reactor; its first connection listens, its second publishes."""

    settings = Settings()

    def setUp(self) -> None:
        """Build the broker, and keep its runs and its log."""
        self.reactor = MemoryReactorClock()
        self.redis = FakeRedis(self.reactor)
        self.runs: list[Run] = []
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.broker = RedisBroker(self.settings, self.reactor, FixedRandom(), self.runs.append)

    def connect(self) -> tuple[FakeTransport, FakeTransport]:
        """Accept both connections, answer what is asked first, and confirm that this node may listen to others."""
        reader, writer = self.redis.accept(), self.redis.accept()
        for transport in (reader, writer):
            self.greet(transport)
        wanted = reader.asked
        self.assertEqual([command[:3] for command in wanted], [[b"SUBSCRIBE", b"p:control", self.node_name]])
        self.first_wishes = wanted[0][3:]
        reader.answer(confirm(b"subscribe", *wanted[0][1:3]))
        return reader, writer

    def greet(self, transport: FakeTransport) -> None:
        """Answer PING, and say which Redis this is."""
        self.assertEqual(transport.commands(), words("PING"))
        transport.answer(PONG)
        asked = transport.commands()
        self.assertEqual(asked[0], [b"INFO", b"server"])
        transport.asked = asked[1:]
        transport.answer(WHO)

    @property
    def node_name(self) -> bytes:
        """Where this node listens."""
        return b"p:node:" + self.broker.node.encode()

    def start(self) -> tuple[FakeTransport, FakeTransport]:
        """Start, and connect."""
        self.broker.startService()
        return self.connect()

    def lose(self, *transports: FakeTransport) -> None:
        """Redis goes, and its connections with it."""
        for transport in transports:
            transport.end(ConnectionDone())

    def log(self) -> list[str]:
        """The lines that the broker wrote."""
        mine = [event for event in self.events if "sockjsd" in event["log_namespace"]]
        return [formatEvent(event) for event in mine]


class SubscriptionTests(BrokerCase):
    """Which channels Redis is asked for."""

    def test_wishes_are_kept_until_redis_is_there(self) -> None:
        """Connected means that each channel that is wanted was confirmed."""
        self.broker.subscribe("a")
        self.broker.subscribe("b")
        self.broker.subscribe("c")
        self.broker.unsubscribe("b")
        reader, _ = self.start()
        self.assertEqual(self.first_wishes, [b"p.a", b"p.c"])
        reader.answer(confirm(b"subscribe", b"p.a"))
        self.assertFalse(self.broker.status.connected)
        reader.answer(confirm(b"subscribe", b"p.c"))
        self.assertEqual(self.broker.status, BrokerStatus("redis", True, "connected"))

    def test_channel_is_subscribed_at_once_when_connected(self) -> None:
        """Each wish is one command, and the broker stays connected meanwhile."""
        reader, _ = self.start()
        self.broker.subscribe("a")
        self.broker.subscribe("a")
        self.broker.unsubscribe("a")
        self.broker.unsubscribe("a")
        self.assertEqual(reader.commands(), words("SUBSCRIBE p.a", "UNSUBSCRIBE p.a"))
        self.assertTrue(self.broker.status.connected)

    def test_wish_during_the_first_confirmations_is_sent_behind_them(self) -> None:
        """Who comes or goes while the subscriptions are under way is not forgotten."""
        self.broker.subscribe("a")
        reader, _ = self.start()
        self.broker.subscribe("b")
        self.broker.unsubscribe("a")
        self.assertEqual(self.first_wishes, [b"p.a"])
        self.assertEqual(reader.commands(), words("SUBSCRIBE p.b", "UNSUBSCRIBE p.a"))

    def test_right_channels_are_subscribed_after_a_loss(self) -> None:
        """Wishes that were under way, and wishes made meanwhile, end in one set."""
        reader, writer = self.start()
        for channel in ("a", "b", "c"):
            self.broker.subscribe(channel)
        self.broker.unsubscribe("a")
        self.lose(reader, writer)
        self.broker.subscribe("d")
        self.broker.unsubscribe("b")
        self.reactor.advance(0.1)
        self.connect()
        self.assertEqual(self.first_wishes, [b"p.c", b"p.d"])

    def test_connection_is_made_again_when_a_wish_is_refused(self) -> None:
        """A channel that was not granted, or not given back, is not taken for one."""
        for wish in ("subscribe", "unsubscribe"):
            self.setUp()
            self.broker.subscribe("a")
            reader, _ = self.start()
            reader.answer(confirm(b"subscribe", b"p.a"))
            getattr(self.broker, wish)("b" if wish == "subscribe" else "a")
            reader.answer(b"-NOPERM no\r\n")
            self.reactor.advance(0)
            self.assertEqual(self.broker.status, BrokerStatus("redis", False, "Redis answers NOPERM"))


class DeliveryTests(BrokerCase):
    """What arrives."""

    def test_listener_gets_one_run_for_each_read(self) -> None:
        """The hub sees names without the prefix and texts byte for byte; answers are no runs."""
        self.broker.subscribe("news")
        reader, _ = self.start()
        reader.answer(confirm(b"subscribe", b"p.news"), message(b"p.news", b"007"), message(b"p.news", b"1_000"))
        reader.answer(bulk(b"pong", b""))
        reader.answer(message(b"p.news", b"1.50"))
        self.assertEqual(
            self.runs, [{"news": [Publication("007"), Publication("1_000")]}, {"news": [Publication("1.50")]}]
        )

    def test_broken_text_is_counted_in_both_directions(self) -> None:
        """What cannot be shown arrives as U+FFFD, whether it came or went."""
        self.broker.subscribe("news")
        reader, writer = self.start()
        reader.answer(confirm(b"subscribe", b"p.news"), message(b"p.news", b"\xff"))
        self.broker.publish("news", Publication("\ud800"))
        self.assertEqual(self.runs, [{"news": [Publication("\ufffd")]}])
        self.assertEqual(writer.commands(), [[b"PUBLISH", b"p.news", "\ufffd".encode()]])
        self.assertEqual(self.broker.malformed, 2)


class PublishTests(BrokerCase):
    """What is sent."""

    def test_publish_tells_how_many_got_it(self) -> None:
        """Redis's own count comes back, over the second connection."""
        _, writer = self.start()
        replies = [self.broker.publish("news", Publication(text)) for text in ("007", "é")]
        self.assertEqual(writer.commands(), words("PUBLISH p.news 007", "PUBLISH p.news é"))
        writer.answer(b":2\r\n:0\r\n")
        published = [self.successResultOf(reply) for reply in replies]
        self.assertEqual(published, [Published(2, Position()), Published(0, Position())])

    def test_publish_fails_at_once_when_redis_is_away(self) -> None:
        """Nothing is raised and nothing waits."""
        failure = self.failureResultOf(self.broker.publish("news", Publication("1")), BrokerUnavailable)
        self.assertEqual(str(failure.value), "Redis is not connected: not started")

    def test_publish_fails_when_no_answer_comes(self) -> None:
        """A silent Redis, a lost connection and an error are all the same to the publisher."""
        _, writer = self.start()
        reply = self.broker.publish("news", Publication("1"))
        self.reactor.pump([1, 0.1])
        self.failureResultOf(reply, BrokerUnavailable)
        self.assertTrue(writer.lost)

        self.setUp()
        _, writer = self.start()
        reply = self.broker.publish("news", Publication("1"))
        writer.answer(b"-OOM s3cret\r\n")
        failure = self.failureResultOf(reply, BrokerUnavailable)
        self.assertEqual(str(failure.value), "Redis did not do it: Redis answers OOM")
        self.assertFalse(writer.lost)

    def test_publish_never_raises_when_called_from_a_failure(self) -> None:
        """Who publishes or subscribes again in answer to a failure gets the next failure."""
        reader, writer = self.start()
        again: list[object] = []
        reply = self.broker.publish("news", Publication("1"))
        reply.addErrback(
            lambda failure: again.append(self.broker.publish("news", Publication("2")).addErrback(again.append))
        )
        self.lose(writer, reader)
        self.broker.subscribe("a")
        self.broker.unsubscribe("a")
        self.assertEqual(len(again), 2)

    def test_bug_of_ours_is_not_called_an_outage(self) -> None:
        """Only errors of Redis become BrokerUnavailable."""
        self.start()
        reply = self.broker.publish("news", Publication("1")).addCallback(lambda count: 1 // 0)
        reply.cancel()
        self.assertNotIsInstance(self.failureResultOf(reply).value, BrokerUnavailable)


class KeepingTests(BrokerCase):
    """Which command a publication is."""

    def test_plain_publication_is_a_plain_publish(self) -> None:
        """Also one with a client and tags, and what clients do; a position that it brings is not sent."""
        _, writer = self.start()
        ann = ClientInfo("1", "c")
        self.broker.publish("a", Publication("1", 7, "Ab3d", "00000001"), None, Once(version=3))
        self.broker.publish("a", Publication("1", info=ann))
        replies = [self.broker.announce("a", Joined(ann)), self.broker.announce("a", Left(ann))]
        self.assertEqual(
            writer.commands(),
            [
                [b"PUBLISH", b"p.a", b"1"],
                [b"PUBLISH", b"p.a", b'p0:::23:{"i":{"u":"1","c":"c"}}1'],
                [b"PUBLISH", b"p.a", b'j{"u":"1","c":"c"}'],
                [b"PUBLISH", b"p.a", b'l{"u":"1","c":"c"}'],
            ],
        )
        writer.answer(b":1\r\n" * 4)
        self.assertEqual([self.successResultOf(reply) for reply in replies], [None, None])

    def test_history_and_idempotency_keys_need_the_script(self) -> None:
        """Each alone, in one call, and the answer is read."""
        _, writer = self.start()
        kept = self.broker.publish("a", Publication("1"), Keeping(1, 1.0))
        once = self.broker.publish("a", Publication("1"), None, Once("k"))
        self.reactor.advance(0)
        self.assertEqual([command[:2] for command in writer.commands()], [[b"EVAL", script("publish_many").text]])
        writer.answer(b"*2\r\n*5\r\n:2\r\n:7\r\n$4\r\nAb3d\r\n$8\r\n00000001\r\n:0\r\n")
        writer.answer(b"*5\r\n:0\r\n:0\r\n$0\r\n\r\n$0\r\n\r\n:1\r\n")
        self.assertEqual(self.successResultOf(kept), Published(2, Position(7, "Ab3d", "00000001")))
        self.assertEqual(self.successResultOf(once), Published(0, Position(), duplicate=True))

    def test_what_waits_is_written_before_the_connection_is_closed(self) -> None:
        """A publication of the daemon's last turn is not lost."""
        _, writer = self.start()
        self.broker.publish("a", Publication("1"), Keeping(1, 1.0))
        self.broker.stopService()
        self.assertEqual([command[0] for command in writer.commands()], [b"EVAL"])


class ConfirmationTests(BrokerCase):
    """When everything that is published arrives."""

    def test_subscribed_fires_when_the_wish_is_confirmed(self) -> None:
        """At once where it was before."""
        reader, _ = self.start()
        self.broker.subscribe("a")
        waiting = self.broker.subscribed("a")
        self.assertNoResult(waiting)
        reader.answer(confirm(b"subscribe", b"p.a"))
        self.successResultOf(waiting)
        self.successResultOf(self.broker.subscribed("a"))


class ControlTests(BrokerCase):
    """What nodes say to each other."""

    def test_control_messages_are_handed_over_after_the_run(self) -> None:
        """In order; a read that brought only those is no run."""
        told: list[object] = []
        self.broker.on_control = told.append
        self.broker.on_run = told.append
        self.broker.subscribe("a")
        reader, _ = self.start()
        reader.answer(confirm(b"subscribe", b"p.a"))
        reader.answer(message(b"p:control", b"1"), message(b"p.a", b"2"), message(self.node_name, b"3"))
        reader.answer(message(b"p:control", b"4"))
        self.assertEqual(told, [{"a": [Publication("2")]}, b"1", b"3", b"4"])

    def test_message_goes_to_all_or_to_one(self) -> None:
        """And the number of nodes that got it comes back."""
        _, writer = self.start()
        replies = [self.broker.send(b"1"), self.broker.send(b"2", "abc")]
        self.assertEqual(writer.commands(), words("PUBLISH p:control 1", "PUBLISH p:node:abc 2"))
        writer.answer(b":3\r\n:0\r\n")
        self.assertEqual([self.successResultOf(reply) for reply in replies], [3, 0])

    def test_channels_are_asked_for_below_the_prefix(self) -> None:
        """First the names, then how many listen; who left meanwhile is left out, and what is no channel."""
        _, writer = self.start()
        reply = self.broker.channels("n*")
        self.assertEqual(writer.commands(), words("PUBSUB CHANNELS p.n*"))
        writer.answer(bulk(b"p.news", b"p.n\xff", b"p.none"))
        self.assertEqual(writer.commands(), words("PUBSUB NUMSUB p.news p.none"))
        writer.answer(b"*4\r\n$6\r\np.news\r\n:2\r\n$6\r\np.none\r\n:0\r\n")
        self.assertEqual(self.successResultOf(reply), {"news": 2})

    def test_prefix_is_no_pattern(self) -> None:
        """A prefix with signs of patterns finds only its own channels."""
        self.settings = Settings(prefix="a[b]*")
        self.setUp()
        self.broker.startService()
        _, writer = self.redis.accept(), self.redis.accept()
        self.greet(writer)
        self.broker.channels()
        self.assertEqual(writer.commands(), [[b"PUBSUB", b"CHANNELS", rb"a\[b\]\*.*"]])


class OutageTests(BrokerCase):
    """What an operator sees."""

    settings = Settings(url="redis+unix:///run/redis.sock", password="s3cret")

    def greet(self, transport: FakeTransport) -> None:
        """Answer AUTH first."""
        self.assertEqual(transport.commands(), words("AUTH s3cret"))
        transport.answer(b"+OK\r\n")
        super().greet(transport)

    def test_outage_has_one_line_and_its_end_one(self) -> None:
        """However many attempts it takes, and whatever each says."""
        reader, writer = self.start()
        self.assertEqual(self.log(), [])
        self.lose(reader, writer)
        for _ in range(5):
            self.reactor.advance(2)
            for _ in range(self.redis.attempts):
                self.redis.refuse()
        self.reactor.advance(2)
        reader, writer = self.redis.accept(), self.redis.accept()
        for transport in (reader, writer):
            transport.answer(b"-WRONGPASS s3cret\r\n")
        self.reactor.advance(0)
        self.assertEqual(self.broker.status, BrokerStatus("redis", False, "Redis answers WRONGPASS"))
        self.reactor.advance(2)
        self.connect()
        self.assertEqual(self.log(), ["Redis lost: Connection was closed cleanly.", "Redis back after 14.0 s"])
        self.assertNotIn("s3cret", repr(self.events))

    def test_outage_lasts_until_both_connections_are_back(self) -> None:
        """One of two is not enough, neither at the start nor later."""
        self.broker.startService()
        self.redis.refuse()
        self.greet(self.redis.accept())
        self.assertEqual(self.log(), ["Redis lost: Connection was refused by other side."])
        self.assertFalse(self.broker.status.connected)
        self.reactor.advance(0.1)
        reader = self.redis.accept()
        self.greet(reader)
        reader.answer(confirm(b"subscribe", b"p:control", self.node_name))
        self.assertEqual(self.log()[1:], ["Redis back after 0.1 s"])
        self.assertTrue(self.broker.status.connected)

    def test_loss_and_return_are_told_once_each(self) -> None:
        """The return when all that is wanted is confirmed on both connections; a first connection is none."""
        told: list[str] = []
        self.broker.on_lost = lambda: told.append("lost")
        self.broker.on_back = lambda: told.append("back")
        self.broker.subscribe("a")
        reader, writer = self.start()
        reader.answer(confirm(b"subscribe", b"p.a"))
        self.assertEqual(told, [])
        self.lose(reader, writer)
        self.reactor.advance(0.1)
        reader, _ = self.connect()
        self.assertEqual(told, ["lost"])
        reader.answer(confirm(b"subscribe", b"p.a"))
        self.assertEqual(told, ["lost", "back"])

    def test_both_connections_end_at_the_same_redis(self) -> None:
        """After a failover the one that is still at the old Redis is made to go."""
        reader, writer = self.start()
        self.lose(writer)
        self.reactor.advance(0.1)
        writer = self.redis.accept()
        writer.answer(b"+OK\r\n")
        writer.answer(PONG)
        writer.answer(WHO.replace(b"01234ab", b"fffffff"))
        self.reactor.advance(0)
        self.assertTrue(reader.lost)
        self.assertFalse(writer.lost or self.broker.status.connected)

    def test_stop_is_no_outage(self) -> None:
        """After a stop nothing is logged, nothing is left to happen and nothing connects."""
        self.start()
        self.broker.subscribe("a")
        stopped = self.broker.stopService()
        self.assertNoResult(stopped)
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.reactor.pump([10, 10])
        self.assertEqual((self.log(), self.reactor.getDelayedCalls(), self.redis.attempts), ([], [], 0))
        self.assertFalse(self.broker.status.connected)

    def test_stop_during_an_outage_ends_it(self) -> None:
        """No attempt comes after a stop."""
        reader, writer = self.start()
        self.lose(reader, writer)
        stopped = self.broker.stopService()
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.reactor.pump([10, 10])
        self.assertEqual((self.reactor.getDelayedCalls(), self.redis.attempts), ([], 0))


class SentinelTests(BrokerCase):
    """A broker whose Redis is where a Sentinel says."""

    settings = Settings(url="sentinel://127.0.0.1:1/m")

    def accept(self, port: int) -> FakeTransport:
        """Take the oldest attempt, which goes to *port*."""
        self.reactor.advance(0.1)
        _, tried, factory = self.reactor.tcpClients.pop(0)[:3]
        self.assertEqual(tried, port)
        protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", port))
        transport = FakeTransport(self.reactor, protocol)
        protocol.makeConnection(transport)
        return transport

    def say(self, port: bytes) -> None:
        """The Sentinel answers that the master is at *port*."""
        transport = self.accept(1)
        self.assertEqual(transport.commands(), words("SENTINEL get-master-addr-by-name m"))
        transport.answer(bulk(b"127.0.0.1", port))
        self.reactor.advance(0)

    def connect_both(self) -> list[FakeTransport]:
        """Let both connections find a master that is one."""
        self.say(b"7")
        self.say(b"7")
        both = [self.accept(7), self.accept(7)]
        for transport in both:
            self.greet(transport)
            self.assertEqual(transport.asked[0], [b"ROLE"])
            transport.answer(b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        both[0].answer(confirm(b"subscribe", b"p:control", self.node_name))
        return both

    def test_broker_moves_when_the_sentinel_says_so(self) -> None:
        """Both connections are ended, and made again where the master is now."""
        self.broker.startService()
        both = self.connect_both()
        self.assertTrue(self.broker.status.connected)
        self.reactor.advance(5)
        self.say(b"8")
        self.assertEqual([transport.lost for transport in both], [True, True])
        self.assertEqual(self.broker.status.detail, "the master is another Redis now")
        self.assertEqual(self.log(), ["Redis lost: the master is another Redis now"])
        self.reactor.advance(0.1)
        self.say(b"8")
        self.say(b"8")
        self.accept(8)
        self.accept(8)

    def test_stop_leaves_nothing_to_happen(self) -> None:
        """No question is repeated after it."""
        self.broker.startService()
        self.connect_both()
        stopped = self.broker.stopService()
        self.reactor.pump([0, 0])
        self.successResultOf(stopped)
        self.reactor.advance(10)
        self.assertEqual((self.reactor.getDelayedCalls(), self.reactor.tcpClients), ([], []))


class ConstructionTests(BrokerCase):
    """Before the start."""

    def test_construction_starts_nothing(self) -> None:
        """No connection, no timer, and a status that says so."""
        self.assertEqual((self.reactor.getDelayedCalls(), self.redis.attempts), ([], 0))
        self.assertEqual(self.broker.status, BrokerStatus("redis", False, "not started"))

    def test_construction_refuses_a_wrong_address(self) -> None:
        """Nothing starts with an address that is none."""
        self.assertRaises(ConfigurationError, RedisBroker, Settings(url="redis://"), self.reactor, FixedRandom())

    def test_broker_is_its_own_service(self) -> None:
        """It fits the interface, and runs between start and stop."""
        broker: Broker = self.broker
        service = broker.service()
        self.start()
        self.assertTrue(service.running)
        service.stopService()
        self.assertFalse(service.running)
