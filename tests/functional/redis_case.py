"""What functional tests of the Redis broker share: a real Redis, brokers on it, and waiting for what has to come."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from random import Random
from typing import Any

from twisted.internet import reactor as default_reactor
from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.internet.task import deferLater
from twisted.trial.unittest import SkipTest, TestCase

from sockjsd.brokers.redis import RedisBroker
from sockjsd.channels.publications import Item, Run
from tests.functional.redis_server import RedisServer, redis_is_installed

#: mypy takes the module for what it imports, which is a module too.
reactor: Any = default_reactor

#: Seconds after which a condition counts as never met; a loaded machine needs some of them.
PATIENCE = 15.0
#: Seconds between two looks.
POLL_INTERVAL = 0.01

Steps = Generator[Deferred[Any], Any, None]


@dataclass(frozen=True)
class Settings:
    """The broker's part of a configuration."""

    url: str
    password: str = ""
    prefix: str = "test"
    connect_timeout: float = 0.5
    command_timeout: float = 1.0
    ping_interval: float = 0.2


class RedisCase(TestCase):
    """A real Redis, which keeps an append-only file, and brokers that are stopped before it."""

    timeout = 60
    password: str | None = None
    appendonly = False

    def setUp(self) -> None:
        """Start Redis."""
        if not redis_is_installed():
            raise SkipTest("redis-server is not installed")
        self.runs: list[Run] = []
        self.server = RedisServer(password=self.password, appendonly=self.appendonly).start()
        self.addCleanup(self.server.close)

    def start(self, url: str | None = None) -> RedisBroker:
        """Start a broker."""
        settings = Settings(url or f"redis://127.0.0.1:{self.server.port}", self.password or "")
        broker = RedisBroker(settings, reactor, Random(), self.runs.append)
        broker.startService()
        self.addCleanup(broker.stopService)
        return broker

    def items(self, channel: str) -> list[Item]:
        """Everything that arrived on *channel*, in order."""
        return [item for run in self.runs for item in run.get(channel, [])]

    def texts(self, channel: str) -> list[str]:
        """The data of every publication on *channel*, in order."""
        return [item.data for item in self.items(channel)]  # type: ignore[union-attr]  # nobody joins here

    def pass_time(self, seconds: float) -> Deferred[None]:
        """Wait."""
        return deferLater(reactor, seconds)

    @inlineCallbacks
    def arrived(self, channel: str, count: int) -> Any:
        """Wait for *count* items on *channel*; fires with all that arrived on it."""
        yield self.until(lambda: len(self.items(channel)) >= count)
        return self.items(channel)

    @inlineCallbacks
    def until(self, condition: Callable[[], object], limit: float = PATIENCE) -> Steps:
        """Wait until *condition* holds; fail when it does not within *limit* seconds."""
        end = reactor.seconds() + limit
        while not condition():
            self.assertLess(reactor.seconds(), end, "it did not happen in time")
            yield deferLater(reactor, POLL_INTERVAL)
