# -*- test-case-name: tests.brokers.test_redis,tests.functional.test_redis_broker -*-
"""The broker for many nodes: channels are Redis channels with a prefix before their names.

Two connections, because a subscribed one takes no other commands: one listens, one
asks.  While either is gone the broker is *not connected*: wishes are
remembered and kept afterwards, everything else fails at once, and the log has one line
for the whole outage and one for its end.

Importing this module imports txredisapi, which installs the default reactor:
only ``service.py`` may import it, and not before a reactor has been chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from sockjsd.brokers._redis_calls import RedisCalls, RedisKeys
from sockjsd.brokers._redis_link import RedisPlace
from sockjsd.brokers._redis_memory import RedisMemory
from sockjsd.brokers._redis_outbox import RedisOutbox
from sockjsd.brokers._redis_reader import RedisReader
from sockjsd.brokers._redis_sentinel import SentinelEndpoint, SentinelWatch
from sockjsd.brokers._redis_server import SameServer
from sockjsd.brokers._redis_subscriber import CHANNELS_PER_COMMAND
from sockjsd.brokers._redis_url import make_endpoint, parse_redis_url
from sockjsd.brokers._redis_writer import RedisWriter
from sockjsd.brokers.interface import BrokerStatus, ControlListener, Listener, discard
from sockjsd.brokers.values import Keeping, Once, Published
from sockjsd.channels.publications import Joined, Left, Publication
from sockjsd.channels.wire import well_formed

#: What a pattern of PUBSUB CHANNELS takes for more than a character.
_GLOB_SIGNS = "\\*?[]^-"


class RedisSettings(Protocol):
    """What this broker reads of ``sockjsd.config.Broker``; the times are in seconds."""

    @property
    def url(self) -> str:
        """Where Redis is."""

    @property
    def password(self) -> str | None:
        """For AUTH; empty or ``None`` for the one in the address, if any."""

    @property
    def prefix(self) -> str:
        """What stands before each channel's name, without the dot."""

    @property
    def connect_timeout(self) -> float:
        """For one attempt to connect."""

    @property
    def command_timeout(self) -> float:
        """For the answer to one command."""

    @property
    def ping_interval(self) -> float:
        """Between two questions whether Redis is there."""


class RedisBroker(RedisMemory, Service):
    """A :class:`sockjsd.brokers.interface.Broker` that speaks to one Redis, or to the master that Sentinels name.

    :param config: where and how.
    :param reactor: connects and keeps the time.
    :param random: the source of chance; spreads the attempts to reconnect, makes the node's id, epochs and tags.
    :param on_run: see the interface.
    :raises ConfigurationError: for an address that is none.

    :ivar on_run: see the interface; so are the others.
    """

    _log = Logger()

    def __init__(self, config: RedisSettings, reactor: Any, random: Random, on_run: Listener = discard) -> None:
        self.on_run: Listener = on_run
        self.on_control: ControlListener = discard
        self.on_lost: Callable[[], None] = discard
        self.on_back: Callable[[], None] = discard
        self.node = f"{random.getrandbits(64):016x}"
        self._clock = reactor
        self._keys = RedisKeys(config.prefix)
        self._mended = 0
        # When the outage began, in seconds of the clock; None while there is none.
        self._lost_at: float | None = None
        address = parse_redis_url(config.url, config.password)
        endpoint = make_endpoint(reactor, address, config.connect_timeout, config.command_timeout)
        place = RedisPlace(reactor, endpoint, address, config.command_timeout, config.ping_interval, random)
        sentinel = endpoint if isinstance(endpoint, SentinelEndpoint) else None
        self._server = SameServer(master=sentinel is not None)
        self._watch = SentinelWatch(sentinel, self._move, reactor, config.ping_interval) if sentinel else None
        self._reader = RedisReader(place, self, self._keys, self.node, self._hand_over, self._server.greet)
        writer, scripts = RedisWriter(place, self, self._server.greet), RedisCalls(self._keys, random)
        super().__init__(writer, scripts, RedisOutbox(writer, scripts, reactor))

    @property
    def status(self) -> BrokerStatus:
        """Connected when both connections are ready."""
        problem = self._reader.link.problem or self._writer.link.problem
        return BrokerStatus("redis", not problem, problem or "connected")

    @property
    def malformed(self) -> int:
        """See the interface."""
        return self._mended + self._reader.inbox.malformed

    def startService(self) -> None:
        """Connect, and go on connecting."""
        self.running = 1
        self._reader.link.start()
        self._writer.link.start()
        if self._watch is not None:
            self._watch.start()

    def stopService(self) -> Deferred[Any]:
        """Close both connections; the Deferred fires when they are closed."""
        self.running = 0
        self._lost_at = None
        if self._watch is not None:
            self._watch.stop()
        self._outbox.flush()
        return gatherResults([self._reader.link.stop(), self._writer.link.stop()])

    def service(self) -> Service:
        """This object."""
        return self

    # Items.

    def subscribe(self, channel: str) -> None:
        """See the interface."""
        self._reader.want(channel)

    def unsubscribe(self, channel: str) -> None:
        """See the interface."""
        self._reader.forget(channel)

    def subscribed(self, channel: str) -> Deferred[None]:
        """See the interface."""
        return self._reader.confirmed(channel)

    def publish(
        self, channel: str, publication: Publication, keeping: Keeping | None = None, once: Once | None = None
    ) -> Deferred[Published]:
        """See the interface."""
        self._mended += well_formed(publication.data) is not publication.data
        return self._outbox.send(self._scripts.part(channel, publication, keeping, once))

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """See the interface."""
        return self._outbox.send(self._scripts.part(channel, change)).addCallback(discard)

    # Other nodes.

    def send(self, payload: bytes, node: str = "") -> Deferred[int]:
        """See the interface."""
        name = self._keys.node(node) if node else self._keys.control
        return cast("Deferred[int]", self._writer.ask(b"PUBLISH", name, payload))

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """See the interface."""
        return Deferred.fromCoroutine(self._channels(pattern or "*"))

    async def _channels(self, pattern: str) -> dict[str, int]:
        escaped = "".join("\\" + sign if sign in _GLOB_SIGNS else sign for sign in self._keys.channel_prefix)
        names: Any = await self._writer.ask(b"PUBSUB", b"CHANNELS", (escaped + pattern).encode(errors="replace"))
        names = [name for name in names if name.isascii()]  # anybody may subscribe to what is no channel
        found: dict[str, int] = {}
        for begin in range(0, len(names), CHANNELS_PER_COMMAND):
            part = names[begin : begin + CHANNELS_PER_COMMAND]
            answer: Any = await self._writer.ask(b"PUBSUB", b"NUMSUB", *part)
            counts = zip(answer[::2], answer[1::2], strict=True)
            # Who left between the two questions is left out.
            found.update({self._reader.inbox.channel(name): count for name, count in counts if count})
        return dict(sorted(found.items()))

    def _hand_over(self) -> None:
        run, control = self._reader.inbox.take()
        if run:
            self.on_run(run)
        for payload in control:
            self.on_control(payload)

    # The connections.

    def link_ready(self) -> None:
        """One of two connections is ready; when both are, an outage is over."""
        if self._lost_at is not None and self.status.connected:
            seconds = self._clock.seconds() - self._lost_at
            self._lost_at = None
            self._log.info("Redis back after {seconds:.1f} s", seconds=seconds)
            self.on_back()

    def link_failed(self, problem: str) -> None:
        """A connection or an attempt failed; log the first one of an outage."""
        if self.running and self._lost_at is None:
            self._lost_at = self._clock.seconds()
            self._log.warn("Redis lost: {problem}", problem=problem)
            self.on_lost()

    def _move(self) -> None:
        self._server.leave("the master is another Redis now")
