# -*- test-case-name: tests.test_parts -*-
"""Parts of a node, made of its configuration."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial

from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.memory import MemoryBroker
from sockjsd.brokers.values import Letter, Once
from sockjsd.channels.publications import Publication
from sockjsd.config import Broker, Config, Server
from sockjsd.http.limits import Limits
from sockjsd.parts import LocalPublisher, extend_path, make_broker, make_limits


class PartsTests(SynchronousTestCase):
    """How parts are made from the configuration."""

    def test_limits_are_the_options_of_the_same_names(self) -> None:
        """No option is mixed up with another."""
        names = [field.name for field in fields(Limits)]
        options = Server(**{name: number for number, name in enumerate(names, 1)})
        self.assertEqual(make_limits(options), Limits(*range(1, len(names) + 1)))

    def test_broker_is_memory_by_default(self) -> None:
        """Nothing has to be installed to begin."""
        self.assertIsInstance(make_broker(Config(), Clock()), MemoryBroker)

    def test_broker_is_redis_when_named(self) -> None:
        """A redis:// address makes the Redis broker, which is not connected yet."""
        broker = make_broker(Config(broker=Broker(url="redis://127.0.0.1:1/0")), MemoryReactorClock())
        self.assertEqual((broker.status.name, broker.status.connected), ("redis", False))

    def test_local_publisher_goes_through_the_reactor(self) -> None:
        """A view's publication reaches the relay in the reactor's thread, and only then, with all that was said."""
        heard: list[tuple[object, ...]] = []
        calls: list[Callable[[], object]] = []

        class RecordingRelay:
            def publish(self, channel: str, publication: Publication, once: Once | None, *, keep: bool) -> None:
                heard.append((channel, publication, once, keep))

        class Reactor:
            def callFromThread(self, call: Callable[..., object], *arguments: object) -> None:
                calls.append(partial(call, *arguments))

        said = ("news", Publication("1"), Once("k"))
        self.assertEqual(LocalPublisher(Reactor(), RecordingRelay()).publish(*said, keep=False), 1)
        self.assertEqual(heard, [])
        calls.pop()()
        self.assertEqual(heard, [(*said, False)])
        letters = [Letter(*said, False), Letter("other", Publication("2"))]
        self.assertEqual(LocalPublisher(Reactor(), RecordingRelay()).publish_many(letters), [1, 1])
        self.assertEqual(len(heard), 1)
        (call,) = calls
        call()
        self.assertEqual(heard[1:], [(*said, False), ("other", Publication("2"), None, True)])

    def test_path_is_extended_once(self) -> None:
        """In front; nothing does nothing."""
        self.patch(sys, "path", ["there"])
        for folder in (None, "here", "here"):
            extend_path(folder)
        self.assertEqual(["here", "there"], sys.path)
