# -*- test-case-name: tests.test_parts -*-
"""Parts of a node, made of its configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import Any

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.brokers.values import Letter, Once
from sockjsd.channels.publications import Publication
from sockjsd.config import Config
from sockjsd.config import Server as ServerOptions
from sockjsd.config.addresses import MEMORY
from sockjsd.errors import PublishError
from sockjsd.http.limits import Limits
from sockjsd.relay import Relay


class LocalPublisher:
    """Publishes into the memory broker of this very process, from any thread.

    :param reactor: where the broker lives.
    :param relay: gets the publications.
    """

    def __init__(self, reactor: Any, relay: Relay) -> None:
        self._reactor = reactor
        self._relay = relay

    def publish(self, channel: str, publication: Publication, once: Once | None = None, *, keep: bool = True) -> int:
        """Hand the publication over; one node hears it: this one."""
        self._reactor.callFromThread(partial(self._relay.publish, channel, publication, once, keep=keep))
        return 1

    def publish_many(self, letters: Sequence[Letter]) -> list[int | PublishError]:
        """Hand all of them over at once."""
        self._reactor.callFromThread(self._publish_all, tuple(letters))
        return [1] * len(letters)

    def _publish_all(self, letters: Sequence[Letter]) -> None:
        for letter in letters:
            self._relay.publish(letter.channel, letter.publication, letter.once, keep=letter.keep)


def extend_path(folder: str | None) -> None:
    """Put *folder* in front of Python's search path, once; an endpoint's class may be there without any site."""
    if folder is not None and folder not in sys.path:
        sys.path.insert(0, folder)


def make_limits(options: ServerOptions) -> Limits:
    """Return what the section ``[server]`` grants each connection."""
    return Limits(
        options.head_limit,
        options.head_fields,
        options.head_timeout,
        options.body_timeout,
        options.keep_alive_timeout,
        options.pipeline_limit,
        options.send_timeout,
    )


def make_broker(config: Config, reactor: Any) -> Broker:
    """Return the broker that the configuration names."""
    if config.broker.url == MEMORY:
        return MemoryBroker(seconds=reactor.seconds)
    from sockjsd.brokers.redis import RedisBroker  # txredisapi is needed by those who use it

    return RedisBroker(config.broker, reactor, Random())
