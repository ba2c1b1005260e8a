# -*- test-case-name: tests.brokers.test_redis_url -*-
"""Tests for sockjsd.brokers._redis_url."""

from __future__ import annotations

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_sentinel import SentinelEndpoint
from sockjsd.brokers._redis_url import RedisAddress, make_endpoint, parse_redis_url
from sockjsd.config.sentinels import Sentinels
from sockjsd.errors import ConfigurationError

GOOD = {
    "redis://cache": RedisAddress(host="cache", port=6379),
    "redis://cache:7000/3": RedisAddress(host="cache", port=7000, database=3),
    "redis://cache/2?db=4": RedisAddress(host="cache", port=6379, database=4),
    "redis://[::1]:7000/": RedisAddress(host="::1", port=7000),
    "redis://:s%40me@cache": RedisAddress(host="cache", port=6379, password="s@me"),
    "rediss://app:pw@cache": RedisAddress(host="cache", port=6379, tls=True, username="app", password="pw"),
    "sentinel://:pw@s1,s2:7/mymaster/3": RedisAddress(
        sentinels=Sentinels((("s1", 26379), ("s2", 7)), "mymaster", 3, password="pw"), database=3, password="pw"
    ),
    "sentinels://s1/m": RedisAddress(sentinels=Sentinels((("s1", 26379),), "m", tls=True), tls=True),
    "redis+unix:///run/redis.sock": RedisAddress(path="/run/redis.sock"),
    "redis+unix:///run/a%20b.sock?db=5": RedisAddress(path="/run/a b.sock", database=5),
    "redis+unix://:pw@/run/redis.sock": RedisAddress(path="/run/redis.sock", password="pw"),
}
BAD = (
    "http://s3cret@cache",
    "redis://",
    "redis://cache:s3cret",
    "redis://cache:70000",
    "redis://cache/s3cret",
    "redis://cache/-1",
    "redis+unix://s3cret",
    "redis://[s3cret",
    "sentinel://:s3cret@s1",
    "sentinel://s1/m?s3cret",
    "s3cret",
)


class ParseTests(SynchronousTestCase):
    """Reading the address of Redis."""

    def test_address_is_read_in_each_form(self) -> None:
        """All forms, with every part that can be left out."""
        self.assertEqual({url: parse_redis_url(url) for url in GOOD}, GOOD)

    def test_address_is_refused_without_quoting_it(self) -> None:
        """What is wrong is said, and no password that stood in the wrong place."""
        for url in BAD:
            error = self.assertRaises(ConfigurationError, parse_redis_url, url)
            self.assertNotIn("s3cret", str(error))
            self.assertIsNone(error.__cause__)

    def test_password_of_its_own_counts_more(self) -> None:
        """The option wins over the address, an empty option does not."""
        self.assertEqual(parse_redis_url("redis://:old@cache", "new").password, "new")
        self.assertEqual(parse_redis_url("redis://:old@cache", "").password, "old")

    def test_repr_holds_no_secret(self) -> None:
        """An address in a log or a traceback does not give away who we are."""
        self.assertNotIn("pw", repr(parse_redis_url("redis://pwner:pw@cache")))


class EndpointTests(SynchronousTestCase):
    """From an address to an endpoint."""

    def test_endpoint_fits_the_address(self) -> None:
        """A host is connected by name, a path through a Unix socket, Sentinels are asked."""
        reactor = MemoryReactorClock()
        self.assertIsInstance(make_endpoint(reactor, RedisAddress(host="::1", port=1), 1.0, 2.0), HostnameEndpoint)
        self.assertIsInstance(make_endpoint(reactor, RedisAddress(path="/run/r"), 1.0, 2.0), UNIXClientEndpoint)
        behind_sentinels = parse_redis_url("sentinel://s1/m")
        self.assertIsInstance(make_endpoint(reactor, behind_sentinels, 1.0, 2.0), SentinelEndpoint)

    def test_endpoint_speaks_tls_only_when_asked(self) -> None:
        """With rediss the first bytes are the greeting of TLS; without it there are none of ours."""
        for tls, greeting in ((True, b"\x16\x03"), (False, b"")):
            reactor = MemoryReactorClock()
            endpoint = make_endpoint(reactor, RedisAddress(host="127.0.0.1", port=7000, tls=tls), 1.0, 2.0)
            endpoint.connect(Factory.forProtocol(Protocol))
            reactor.advance(1)
            host, port, factory = reactor.tcpClients[0][:3]
            transport = StringTransport()
            factory.buildProtocol(None).makeConnection(transport)
            self.assertEqual((host, port, transport.value()[:2]), ("127.0.0.1", 7000, greeting))
