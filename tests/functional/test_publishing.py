# -*- test-case-name: tests.functional.test_publishing -*-
"""``sockjsd.django.publishing`` against a real Redis, and against what only looks like one."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from unittest import skipUnless

from redis import Redis
from redis.client import PubSub
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.wire import texts_of
from sockjsd.config import Broker, Config
from sockjsd.django import publishing
from sockjsd.errors import BrokerUnavailable
from tests.django.fakes import run_child
from tests.functional.redis_server import RedisServer, find_free_port, redis_is_installed

#: Seconds: the most that a publication may cost when Redis is dead, on a loaded machine.
UPPER_BOUND = 3.0
#: Seconds after which a test gives up waiting for what has to come.
PATIENCE = 10.0

#: Prints what the child heard and what the parent heard afterwards.
_PUBLISH_AND_FORK = """
import os, threading
from sockjsd.channels.publications import Publication
from sockjsd.django.publishing import find_publisher
publisher = find_publisher()
publisher.publish("news", Publication("0"))
for thread in threading.enumerate():
    if thread is not threading.current_thread():
        thread.join()
child = os.fork()
if not child:
    try:
        os._exit(publisher.publish("news", Publication("1")))
    finally:
        os._exit(99)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), publisher.publish("news", Publication("2")))
"""

#: Publishes what the test below wants to find.
_PUBLISH_WITH_HISTORY = """
import asyncio
from sockjsd.django import apublish, publish
publish("chat:1", 1, immediate=True)
for _ in range(3):
    publish("chat:1", 2, immediate=True, idempotency_key="k")
asyncio.run(apublish("chat:1", 3, immediate=True, tags={"a": "b"}, version=5))
publish("chat:1", "stale", immediate=True, version=5)
publish("chat:1", 4, immediate=True, keep=False)
publish("news", 5, immediate=True)
publish("chat:1", 6, immediate=True)
"""


#: The same with many at once.
_PUBLISH_MANY = """
import asyncio
from redis import Redis
from sockjsd.django import apublish_many, publish_many
from sockjsd.django.publishing import find_config
from sockjsd.errors import NotAllPublished
def many(*said):
    return [{"channel": channel, "data": data, **more} for channel, data, more in said]
publish_many(many(*[("chat:1", number, {}) for number in range(250)]), immediate=True)
publish_many(many(*[("news", number, {}) for number in range(50)]), immediate=True)
once = ("chat:1", "once", {"idempotency_key": "k", "version": 5})
asyncio.run(apublish_many(many(once, ("news", 1, {}), once, ("chat:1", "stale", {"version": 4})), immediate=True))
redis = Redis.from_url(find_config().broker.url)
redis.script_flush()
publish_many(many(("chat:1", "last", {"keep": False}), ("news", 2, {}), ("chat:1", "again", {})), immediate=True)
redis.set("sockjsd:meta:chat:2", "nonsense")
try:
    publish_many(many(("chat:2", "refused", {}), ("news", 3, {})), immediate=True)
except NotAllPublished as error:
    print(str(error).partition(":")[0])
redis.close()
"""


class Subscriber:
    """Somebody who listens to channels with plain redis-py."""

    def __init__(self, test: SynchronousTestCase, server: RedisServer, *channels: str) -> None:
        client = Redis.from_url(server.url)
        self._pubsub: PubSub = client.pubsub(ignore_subscribe_messages=False)
        test.addCleanup(client.close)
        test.addCleanup(self._pubsub.close)
        self._pubsub.subscribe(*channels)
        for _ in channels:
            self._next()

    def receive(self, count: int) -> list[tuple[str, str]]:
        """Wait for *count* publications and return them as (channel, text); several may come in one message."""
        received: list[tuple[str, str]] = []
        while len(received) < count:
            message = self._next()
            channel = message["channel"].decode()
            received += [(channel, text.decode()) for text in texts_of(message["data"])]
        return received

    def _next(self) -> dict[str, bytes]:
        message = self._pubsub.get_message(timeout=PATIENCE)
        if message is None:
            raise AssertionError("nothing was received")
        return message


class PublishingTests(SynchronousTestCase):
    """A process without connections; each test says where its Redis is."""

    def setUp(self) -> None:
        publishing.forget()
        self.addCleanup(publishing.forget)

    def assert_fails_in_time(self, broker: Broker) -> BrokerUnavailable:
        """Publishing on *broker* fails within the bound, the second time at once; return the first error."""
        began = time.monotonic()
        error: BrokerUnavailable = self.assertRaises(
            BrokerUnavailable, publishing.send_now, Config(broker=broker), "news", "1"
        )
        second = self.assertRaises(BrokerUnavailable, publishing.send_now, Config(broker=broker), "news", "2")
        self.assertLess(time.monotonic() - began, UPPER_BOUND)
        self.assertIn("not asked again yet", str(second))
        return error


@skipUnless(redis_is_installed(), "there is no redis-server")
class RedisTests(PublishingTests):
    """A Redis that runs."""

    def start(self, password: str | None = None) -> RedisServer:
        """Start a Redis for this test."""
        server = RedisServer(password=password)
        self.addCleanup(server.close)
        return server.start()

    def test_publication_reaches_subscriber_as_it_is(self) -> None:
        """Below the prefix, as UTF-8, and the number of those who heard comes back."""
        server = self.start()
        subscriber = Subscriber(self, server, "site.news", "site.other")
        broker = Broker(url=server.url, prefix="site")
        self.assertEqual(publishing.send_now(Config(broker=broker), "news", '{"title":"é\\ud800"}'), 1)
        self.assertEqual(publishing.send_now(Config(broker=broker), "nobody", "1"), 0)
        publishing.send_now(Config(broker=broker), "other", "007")
        self.assertEqual(subscriber.receive(2), [("site.news", '{"title":"é\\ud800"}'), ("site.other", "007")])

    def test_publication_goes_over_unix_socket(self) -> None:
        """``redis+unix://`` with a database; publications know no databases."""
        server = self.start()
        subscriber = Subscriber(self, server, "sockjsd.news")
        broker = Broker(url=f"redis+unix://{server.unix_path}?db=3")
        self.assertEqual(publishing.send_now(Config(broker=broker), "news", "1"), 1)
        self.assertEqual(subscriber.receive(1), [("sockjsd.news", "1")])

    def test_first_publication_after_restart_is_not_lost(self) -> None:
        """All idle connections are dead then, which is noticed before anything is written."""
        server = self.start()
        broker = Broker(url=server.url)
        self.publish_from_threads(broker, 4)
        for end in (server.kill, server.stop):
            end()
            server.start()
            subscriber = Subscriber(self, server, "sockjsd.news")
            self.assertEqual(publishing.send_now(Config(broker=broker), "news", "1"), 1)
            self.assertEqual(subscriber.receive(1), [("sockjsd.news", "1")])

    def test_publications_of_many_threads_all_arrive(self) -> None:
        """Connections are not mixed up between threads."""
        server = self.start()
        subscriber = Subscriber(self, server, "sockjsd.news")
        self.publish_from_threads(Broker(url=server.url), 8)
        self.assertEqual(sorted(int(text) for _, text in subscriber.receive(8 * 20)), list(range(8 * 20)))

    def publish_from_threads(self, broker: Broker, count: int) -> None:
        """Publish 20 numbers from each of *count* threads that begin together."""
        together = threading.Barrier(count)
        failed: list[BaseException] = []

        def publish(first: int) -> None:
            try:
                together.wait(PATIENCE)
                for number in range(first, first + 20):
                    publishing.send_now(Config(broker=broker), "news", str(number))
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=publish, args=(20 * index,)) for index in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(failed, [])

    def test_forked_child_publishes_on_connection_of_its_own(self) -> None:
        """Parent and child go on side by side."""
        server = self.start()
        subscriber = Subscriber(self, server, "sockjsd.news")
        self.assertEqual(run_child(_PUBLISH_AND_FORK, SOCKJSD_BROKER_URL=server.url), "1 1")
        self.assertEqual([text for _, text in subscriber.receive(3)], ["0", "1", "2"])

    def test_history_is_kept_as_the_configuration_file_says(self) -> None:
        """From a view and from a coroutine; what is repeated counts once, and what shall not be kept is not."""
        server = self.start()
        file = Path(self.mktemp())
        file.write_text(f"[broker]\nurl = {server.url}\n[namespace chat]\nhistory_size = 3\nhistory_ttl = 1min\n")
        heard = Subscriber(self, server, "sockjsd.chat:1", "sockjsd.news")
        code = _PUBLISH_WITH_HISTORY
        self.assertEqual(run_child(code, SOCKJSD_CONFIG=str(file)), "")
        texts = [text for _, text in heard.receive(6)]
        epoch, tags = texts[0].split(":")[1], [text.split(":")[2] for text in texts if text.startswith("p")]
        first, second, third, fourth = (f"p{n}:{epoch}:{tag}:" for n, tag in enumerate(tags, 1))
        expected = [f"{first}0:1", f"{second}0:2", f'{third}15:{{"t":{{"a":"b"}}}}3', "4", "5", f"{fourth}0:6"]
        self.assertEqual(texts, expected)
        entries = server.ask("XRANGE", "sockjsd:stream:chat:1", "-", "+")
        self.assertEqual([fields[b"d"] for _, fields in entries], [b"0:2", b'15:{"t":{"a":"b"}}3', b"0:6"])

    def test_many_are_published_in_order_each_as_it_says(self) -> None:
        """From a view and from a coroutine, with and without history, also when Redis has forgotten the scripts."""
        server = self.start()
        file = Path(self.mktemp())
        file.write_text(f"[broker]\nurl = {server.url}\n[namespace chat]\nhistory_size = 200\nhistory_ttl = 1min\n")
        heard = Subscriber(self, server, "sockjsd.chat:1", "sockjsd.news")
        self.assertEqual(run_child(_PUBLISH_MANY, SOCKJSD_CONFIG=str(file)), "1 of 2 publications did not go out")
        received = heard.receive(306)
        texts = [text.rpartition(":")[2] for channel, text in received if channel == "sockjsd.chat:1"]
        self.assertEqual(texts, [*map(str, range(250)), '"once"', '"last"', '"again"'])
        self.assertEqual(
            [text for channel, text in received if channel == "sockjsd.news"], [*map(str, range(50)), "1", "2", "3"]
        )
        entries = server.ask("XRANGE", "sockjsd:stream:chat:1", "-", "+")
        self.assertEqual(len(entries), 200)
        self.assertEqual(entries[-1][1][b"d"], b'0:"again"')

    def test_password_is_used_from_url_and_option(self) -> None:
        """The option wins over the URL."""
        server = self.start(password="hush-hush")
        bare = f"redis://127.0.0.1:{server.port}"
        for broker in (
            Broker(url=server.url),
            Broker(url=bare, password="hush-hush"),
            Broker(url=f"redis://:wrong@127.0.0.1:{server.port}", password="hush-hush"),
        ):
            self.assertEqual(publishing.send_now(Config(broker=broker), "news", "1"), 0)

    def test_wrong_password_fails_and_is_not_shown(self) -> None:
        """Neither in the message nor in the traceback."""
        server = self.start(password="hush-hush")
        error = self.assert_fails_in_time(Broker(url=f"redis://:misspelt@127.0.0.1:{server.port}"))
        self.assertIn("AuthenticationError", str(error))
        shown = "".join(traceback.format_exception(error))
        self.assertNotIn("misspelt", shown)
        self.assertNotIn("hush", shown)

    def test_publishing_goes_on_when_redis_is_back(self) -> None:
        """The first caller after the breaker's delay finds out."""
        server = self.start()
        broker = Broker(url=server.url, breaker_delay=0.01)
        publishing.send_now(Config(broker=broker), "news", "1")
        server.kill()
        self.assertRaises(BrokerUnavailable, publishing.send_now, Config(broker=broker), "news", "2")
        server.start()
        time.sleep(0.02)
        self.assertEqual(publishing.send_now(Config(broker=broker), "news", "3"), 0)


class DeadRedisTests(PublishingTests):
    """What a dead Redis costs: at most one time-out, then nothing until the delay is over."""

    def test_dead_port_fails(self) -> None:
        """Nobody listens there."""
        port = find_free_port()
        self.assertIn(f"127.0.0.1:{port}", str(self.assert_fails_in_time(Broker(url=f"redis://127.0.0.1:{port}/0"))))

    def test_socket_that_accepts_and_stays_silent_fails(self) -> None:
        """With and without a handshake that waits for an answer."""
        for url in ("redis://127.0.0.1:{}", "redis://:word@127.0.0.1:{}/2", "rediss://127.0.0.1:{}"):
            with self.subTest(url=url), socket.create_server(("127.0.0.1", 0)) as silent:
                self.assert_fails_in_time(Broker(url=url.format(silent.getsockname()[1])))

    def test_missing_unix_socket_fails(self) -> None:
        """A path on which nobody listens."""
        self.assert_fails_in_time(Broker(url=f"redis+unix://{os.path.abspath(self.mktemp())}"))

    def test_name_that_does_not_resolve_fails(self) -> None:
        """``.invalid`` never resolves, however long the resolver takes to find out."""
        self.assert_fails_in_time(Broker(url="redis://redis.invalid"))

    def test_resolver_that_hangs_fails(self) -> None:
        """A name server that is away costs the time-out, not the resolver's half a minute."""
        released = threading.Event()
        self.addCleanup(released.set)
        self.patch(socket, "getaddrinfo", _hang_until(released))
        error = self.assert_fails_in_time(Broker(url="redis://some-name"))
        self.assertIn("no connection within 1 s", str(error))


def _hang_until(released: threading.Event) -> Callable[..., list[object]]:
    def getaddrinfo(*args: object, **keywords: object) -> list[object]:
        released.wait(6 * PATIENCE)
        raise socket.gaierror("no such name")

    return getaddrinfo
