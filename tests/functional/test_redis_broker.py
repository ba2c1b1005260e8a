# -*- test-case-name: tests.functional.test_redis_broker -*-
"""The Redis broker against a real Redis: what arrives, and what happens when Redis goes."""

from __future__ import annotations

import os
import signal
from typing import Any

import redis
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from sockjsd.channels.publications import Publication
from sockjsd.errors import BrokerUnavailable
from tests.functional.redis_case import RedisCase, Steps, reactor

#: Seconds in which a broker has to be connected again after Redis answers.
BACK_LIMIT = 3.0


class Pipe(Protocol):
    """One end of a connection through the proxy: what it gets goes out at the other end."""

    def __init__(self, other: Pipe | None = None) -> None:
        self.other = other
        self.early: list[bytes] = []

    def join(self, other: Pipe) -> None:
        """The other end is there: send what came too early."""
        self.other = other
        other.other = self
        for data in self.early:
            other.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        """Pass it on."""
        if self.other is None:
            self.early.append(data)
        else:
            self.other.transport.write(data)

    def connectionLost(self, reason: object = None) -> None:
        """Close the other end too."""
        if self.other is not None:
            self.other.transport.loseConnection()


class Proxy(Factory):
    """Accepts and closes the first *refusals* connections, and passes those after them to *port*."""

    noisy = False

    def __init__(self, port: int, refusals: int) -> None:
        self.port = port
        self.refusals = refusals
        self.opened_at = 0.0

    def buildProtocol(self, addr: object) -> Protocol:
        """One connection more."""
        if self.refusals:
            self.refusals -= 1
            return Closing()
        self.opened_at = self.opened_at or reactor.seconds()
        front = Pipe()
        target = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
        connectProtocol(target, Pipe()).addCallbacks(front.join, lambda failure: front.transport.abortConnection())
        return front


class Closing(Protocol):
    """Closes at once, as a proxy without a server does."""

    def connectionMade(self) -> None:
        """Close."""
        self.transport.loseConnection()


class Silent(Protocol):
    """Accepts and never says a word."""


class BrokerCase(RedisCase):
    """A real Redis, publishers and proxies."""

    def publish(self, *publications: tuple[str, bytes]) -> Deferred[None]:
        """Publish as a Django process does: redis-py in another thread."""

        def work() -> None:
            with redis.Redis(port=self.server.port, password=self.password) as client:
                for channel, payload in publications:
                    client.publish("test." + channel, payload)

        return deferToThread(work)

    def listen(self, factory: Factory) -> Deferred[int]:
        """Serve *factory* on a free port until the test ends; fires with the port."""

        def listening(port: Any) -> int:
            self.addCleanup(port.stopListening)
            return int(port.getHost().port)

        return TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(factory).addCallback(listening)


class DeliveryTests(BrokerCase):
    """What arrives from a real Redis."""

    @inlineCallbacks
    def test_publications_arrive_in_order(self) -> Steps:
        """A thousand from redis-py, those that look like numbers and those that are no text among them."""
        broker = self.start()
        broker.subscribe("news")
        broker.subscribe("sport")
        yield self.until(lambda: broker.status.connected)
        odd = [b"007", b"1_000", b"1.50", b"1e5", "é😀".encode(), b"\xff", b"", b"a\r\nb"]
        payloads = [*odd, *(b"%d" % number for number in range(1000))]
        yield self.publish(*(("news", payload) for payload in payloads), ("other", b"1"), ("sport", b"goal"))
        yield self.until(lambda: self.texts("sport"))
        self.assertEqual(self.texts("news"), [payload.decode(errors="replace") for payload in payloads])
        self.assertEqual((self.texts("other"), broker.malformed), ([], 1))

    @inlineCallbacks
    def test_publish_reaches_every_node(self) -> Steps:
        """One broker publishes, two get it, and the publisher is told so."""
        brokers = [self.start(), self.start(f"redis+unix://{self.server.unix_path}")]
        for broker in brokers:
            broker.subscribe("news")
        yield self.until(lambda: all(broker.status.connected for broker in brokers))
        published = yield brokers[1].publish("news", Publication("1_000"))
        self.assertEqual(published.receivers, 2)
        yield self.until(lambda: len(self.texts("news")) == 2)
        self.assertEqual(self.texts("news"), ["1_000", "1_000"])

    @inlineCallbacks
    def test_last_wish_counts_when_wishes_change_quickly(self) -> Steps:
        """Whoever comes and goes without waiting ends where it wanted to be, for thousands of channels."""
        broker = self.start()
        for number in range(2500):
            broker.subscribe(f"c{number}")
        yield self.until(lambda: broker.status.connected)
        for number in range(2500):
            broker.unsubscribe(f"c{number}")
            if number % 2:
                broker.subscribe(f"c{number}")
        broker.subscribe("end")
        yield broker.publish("c0", Publication("0"))
        while not self.texts("end"):
            yield broker.publish("end", Publication("1"))
        counts = []
        for number in range(10):
            published = yield broker.publish(f"c{number}", Publication("1"))
            counts.append(published.receivers)
        self.assertEqual(counts, [0, 1] * 5)


class OutageTests(BrokerCase):
    """What happens when Redis goes, without a password."""

    @inlineCallbacks
    def test_broker_is_back_soon_after_redis_is(self) -> Steps:
        """Killed and started again on its port: every channel is subscribed again within the limit."""
        broker = self.start()
        for number in range(1200):
            broker.subscribe(f"c{number}")
        yield self.until(lambda: broker.status.connected)
        self.server.kill()
        yield self.until(lambda: not broker.status.connected)
        yield self.assertFailure(broker.publish("c0", Publication("lost")), BrokerUnavailable)
        broker.subscribe("late")
        broker.unsubscribe("c1")
        yield deferToThread(self.server.start)
        yield self.until(lambda: broker.status.connected, BACK_LIMIT)
        yield self.publish(("c0", b"1"), ("c1", b"2"), ("c1199", b"3"), ("late", b"4"))
        yield self.until(lambda: self.texts("late"))
        self.assertEqual([self.texts(name) for name in ("c0", "c1", "c1199", "late")], [["1"], [], ["3"], ["4"]])

    @inlineCallbacks
    def test_broker_is_back_soon_behind_a_proxy_that_closes(self) -> Steps:
        """Ten connections that are accepted and closed are ten attempts, not the end, and over in time."""
        proxy = Proxy(self.server.port, refusals=10)
        port = yield self.listen(proxy)
        broker = self.start(f"redis://127.0.0.1:{port}")
        broker.subscribe("news")
        yield self.until(lambda: proxy.opened_at)
        yield self.until(lambda: broker.status.connected, BACK_LIMIT)
        yield self.publish(("news", b"1"))
        yield self.until(lambda: self.texts("news"))
        self.assertEqual(self.flushLoggedErrors(), [])

    @inlineCallbacks
    def test_broker_times_out_on_a_silent_server(self) -> Steps:
        """A server that says nothing is given up after the time-out, and a stop does not wait for it."""
        port = yield self.listen(Factory.forProtocol(Silent))
        broker = self.start(f"redis://127.0.0.1:{port}")
        yield self.until(lambda: "no answer" in broker.status.detail)
        self.assertFalse(broker.status.connected)
        yield self.assertFailure(broker.publish("news", Publication("1")), BrokerUnavailable)

    @inlineCallbacks
    def test_broker_notices_a_redis_that_hangs(self) -> Steps:
        """A process that was stopped keeps its sockets open: only the PING shows it."""
        broker = self.start()
        broker.subscribe("news")
        yield self.until(lambda: broker.status.connected)
        os.kill(self.server.pid, signal.SIGSTOP)
        yield self.until(lambda: not broker.status.connected)
        self.assertIn("no answer", broker.status.detail)
        os.kill(self.server.pid, signal.SIGCONT)
        yield self.until(lambda: broker.status.connected, BACK_LIMIT)

    @inlineCallbacks
    def test_stop_leaves_nothing_behind(self) -> Steps:
        """After a stop the connections are closed; trial itself finds sockets and timers that are not."""
        broker = self.start()
        yield self.until(lambda: broker.status.connected)
        yield broker.stopService()
        self.assertFalse(broker.status.connected)
        yield self.assertFailure(broker.publish("news", Publication("1")), BrokerUnavailable)


class PasswordTests(OutageTests):
    """The same with a password, and what only a password can do."""

    password = "s3cret"

    @inlineCallbacks
    def test_broker_keeps_trying_with_a_wrong_password(self) -> Steps:
        """The password may be corrected on the other side; until then the status says what is wrong, not what it is."""
        with redis.Redis(port=self.server.port, password=self.password) as client:
            yield deferToThread(client.config_set, "requirepass", "other")
            broker = self.start()
            yield self.until(lambda: "WRONGPASS" in broker.status.detail)
            self.assertNotIn("s3cret", broker.status.detail)
            yield deferToThread(client.config_set, "requirepass", "s3cret")
        yield self.until(lambda: broker.status.connected, BACK_LIMIT)

    @inlineCallbacks
    def test_broker_keeps_trying_without_a_password(self) -> Steps:
        """A missing password shows in the answer to PING."""
        self.password = ""
        broker = self.start()
        yield self.until(lambda: "NOAUTH" in broker.status.detail)
        self.assertFalse(broker.status.connected)
