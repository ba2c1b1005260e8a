# -*- test-case-name: tests.functional.test_redis_secure -*-
"""A real Redis that speaks TLS, and one whose user may do only what is needed: for the daemon and for Django."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet.defer import gatherResults, inlineCallbacks
from twisted.internet.threads import deferToThread

from sockjsd.brokers.values import Once
from sockjsd.channels.publications import ClientInfo, Publication
from sockjsd.config import Broker, Config, Namespace
from sockjsd.django import publishing
from sockjsd.errors import BrokerUnavailable
from tests.brokers.contract import KEEP
from tests.functional.redis_case import RedisCase, Steps
from tests.functional.redis_server import RedisServer, find_free_port
from tests.functional.wire import make_certificate

#: What a user of Redis has to be allowed for all that the daemon and Django do.
NEEDED = (
    "+auth +select +ping +subscribe +unsubscribe +publish +pubsub +eval +evalsha +del +pexpire +pttl +time "
    "+get +set +hget +hset +hmget +hincrby +hdel +hgetall +hlen +xadd +xtrim +xrange +xrevrange "
    "+zadd +zrem +zrangebyscore"
)


class UserTests(RedisCase):
    """A user with a password, on its own keys and channels."""

    @inlineCallbacks
    def setUp(self) -> Steps:
        """Start Redis and let the user do what is needed; the default user may do nothing."""
        super().setUp()
        rules = f"on >s3cret ~test:* &test.* &test:* {NEEDED}"
        yield deferToThread(self.server.ask, "ACL", "SETUSER", "app", *rules.split())
        yield deferToThread(self.server.ask, "ACL", "SETUSER", "default", "nopass", "-@all", "+ping", "+auth", "+hello")
        self.url = f"redis://app:s3cret@127.0.0.1:{self.server.port}"
        publishing.forget()
        self.addCleanup(publishing.forget)

    @inlineCallbacks
    def test_broker_needs_no_more_than_is_said(self) -> Steps:
        """Everything works with these permissions, also without the one to ask who Redis is."""
        broker = self.start(self.url)
        broker.subscribe("a")
        yield self.until(lambda: broker.status.connected)
        kept = yield broker.publish("a", Publication("1"), KEEP, Once("k", version=1))
        self.assertEqual((kept.receivers, kept.position.offset), (1, 1))
        yield broker.publish("a", Publication("2"))
        yield self.arrived("a", 2)
        for reverse in (False, True):
            history = yield broker.history("a", limit=5, reverse=reverse)
            self.assertEqual(history.publications, self.items("a")[:1])
        yield gatherResults([broker.publish("many", Publication("1"), KEEP, Once("k", version=1)) for _ in range(2)])
        yield broker.remove_history("a")
        yield broker.renew("a", kept.position.epoch)
        yield broker.add_presence("a", "c", ClientInfo("1", "c"), 60)
        self.assertEqual((yield broker.presence("a")), {"c": ClientInfo("1", "c")})
        yield broker.remove_presence("a", "c")
        self.assertEqual((yield broker.presence_stats("a")), (0, 0))
        self.assertEqual((yield broker.send(b"1")), 1)
        self.assertEqual((yield broker.channels()), {"a": 1})

    @inlineCallbacks
    def test_foreign_prefix_is_refused(self) -> Steps:
        """An installation with another prefix shares Redis, and not these permissions."""
        config = Config(broker=Broker(url=self.url, prefix="other"))
        yield self.assertFailure(deferToThread(publishing.send_now, config, "a", "1"), BrokerUnavailable)

    @inlineCallbacks
    def test_django_publishes_as_the_user(self) -> Steps:
        """With and without history."""
        broker = self.start(self.url)
        broker.subscribe("a")
        yield self.until(lambda: broker.status.connected)
        for namespace in (Namespace(), Namespace(history_size=5, history_ttl=60.0)):
            config = Config(broker=Broker(url=self.url, prefix="test"), namespaces={"": namespace})
            self.assertEqual((yield deferToThread(publishing.send_now, config, "a", "1")), 1)
        heard = yield self.arrived("a", 2)
        self.assertEqual([item.offset for item in heard], [0, 1])
        history = yield broker.history("a")
        self.assertEqual(history.publications, heard[1:])


class TLSTests(RedisCase):
    """``rediss://``, with a certificate that only this process trusts."""

    def setUp(self) -> None:
        """Start Redis on a second port, which speaks TLS."""
        super().setUp()
        self.server.kill()
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate = make_certificate(folder)
        self.patch_environment("SSL_CERT_FILE", str(certificate))
        self.tls_port = find_free_port()
        files = ("--tls-cert-file", str(certificate), "--tls-key-file", str(folder / "key.pem"))
        more = ("--tls-port", str(self.tls_port), "--tls-auth-clients", "no", *files)
        self.server = RedisServer(more=tuple(os.path.abspath(word) if "pem" in word else word for word in more))
        self.addCleanup(self.server.close)
        self.server.start()
        publishing.forget()
        self.addCleanup(publishing.forget)

    def patch_environment(self, name: str, value: str) -> None:
        """Set an environment variable until the test ends."""
        before = os.environ.get(name)
        os.environ[name] = os.path.abspath(value)
        self.addCleanup(lambda: os.environ.pop(name) if before is None else os.environ.update({name: before}))

    @inlineCallbacks
    def test_broker_and_django_speak_tls(self) -> Steps:
        """Both to the same address."""
        url = f"rediss://localhost:{self.tls_port}"
        broker = self.start(url)
        broker.subscribe("a")
        yield self.until(lambda: broker.status.connected)
        config = Config(broker=Broker(url=url, prefix="test", connect_timeout=5.0))
        self.assertEqual((yield deferToThread(publishing.send_now, config, "a", "1")), 1)
        yield broker.publish("a", Publication("2"), KEEP)
        yield self.arrived("a", 2)
        self.assertEqual(self.texts("a"), ["1", "2"])

    @inlineCallbacks
    def test_certificate_for_another_name_is_refused(self) -> Steps:
        """An address is not what it was made for."""
        url = f"rediss://127.0.0.1:{self.tls_port}"
        broker = self.start(url)
        yield self.until(lambda: broker.status.detail not in ("connecting", "not started"))
        self.assertFalse(broker.status.connected)
        config = Config(broker=Broker(url=url, prefix="test"))
        yield self.assertFailure(deferToThread(publishing.send_now, config, "a", "1"), BrokerUnavailable)
