# -*- test-case-name: tests.django.test_publishing -*-
"""Which broker this process publishes to, and one publication at once.

Inside the daemon the service installs its own publisher.  Everywhere else
the configuration says which Redis it is: the file named by the Django setting ``SOCKJSD_CONFIG``, else
by the environment variable of that name, else the defaults and the environment.  It is read once.

redis-py is imported when a Redis URL is used, and not before.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from typing import Protocol

from django.conf import ENVIRONMENT_VARIABLE, settings

from sockjsd import config
from sockjsd.brokers.values import Letter, Once
from sockjsd.channels.names import check_channel
from sockjsd.channels.publications import Publication
from sockjsd.config.addresses import MEMORY
from sockjsd.django.keeping import Keepings
from sockjsd.errors import ConfigurationError, NobodyListens, PublishError

_NOBODY_LISTENS = (
    "nobody would hear this: the memory broker lives inside the daemon, and this is another process. "
    "Give both the same Redis: url = redis://… under [broker], or SOCKJSD_BROKER_URL in the environment"
)


class Publisher(Protocol):
    """Where publications go: the seam between Django and a broker."""

    def publish(self, channel: str, publication: Publication, once: Once | None = None, *, keep: bool = True) -> int:
        """Send JSON text to a checked channel and return how many subscribers heard; none hears a repetition.

        It is kept where the channel has a history, unless *keep* is false.  It may be called from any thread,
        blocks for a bounded time, and raises :class:`~sockjsd.errors.PublishError` when it did not go out.
        """

    def publish_many(self, letters: Sequence[Letter]) -> list[int | PublishError]:
        """Do the same with many, in their order; return for each how many heard, or why it did not go out."""


#: What makes one publisher unlike another: the broker, the namespaces, and how long positions are remembered.
_Identity = tuple[config.Broker, tuple[config.Namespace, ...], float]

_installed: Publisher | None = None
_publishers: dict[_Identity, Publisher] = {}


def install(publisher: Publisher) -> None:
    """Make *publisher* the one of this process, whatever the configuration says: the daemon does."""
    global _installed
    _installed = publisher


def uninstall() -> None:
    """Take back :func:`install`; does nothing when nothing is installed."""
    global _installed
    _installed = None


def forget() -> None:
    """Forget the configuration that was read, and every connection: a test's, or after a change of the file."""
    _load.cache_clear()
    _publishers.clear()


def find_publisher() -> Publisher:
    """Return what this process publishes with.

    :raises NobodyListens: it is the memory broker, and this is not the daemon.
    :raises ConfigurationError: the configuration cannot be used.
    """
    return _installed if _installed is not None else _publisher_for(find_config())


def find_config() -> config.Config:
    """Return the configuration of this process.

    :raises ConfigurationError: it cannot be used.
    """
    return _load(_config_path())


def send_now(configuration: config.Config, channel: str, payload: str) -> int:
    """Publish JSON text at once, as *configuration* says, and return how many subscribers heard.

    :raises ChannelNameError: *channel* cannot be a channel's name.
    :raises PublishError: it did not go out; :class:`~sockjsd.errors.NobodyListens` for the memory broker.
    :raises ConfigurationError: redis-py is missing.
    """
    check_channel(channel)
    return _publisher_for(configuration).publish(channel, Publication(payload))


def django_is_configured() -> bool:
    """Say whether settings may be read; a command line may publish without any."""
    return settings.configured or bool(os.environ.get(ENVIRONMENT_VARIABLE))


def _publisher_for(configuration: config.Config) -> Publisher:
    if configuration.broker.url == MEMORY:
        raise NobodyListens(_NOBODY_LISTENS)
    identity = _identity_of(configuration)
    # Two threads may both make one at first, of which one stays: it has no connection yet.
    return _publishers.get(identity) or _publishers.setdefault(identity, _make_redis_publisher(configuration))


def _identity_of(configuration: config.Config) -> _Identity:
    return configuration.broker, tuple(configuration.namespaces.values()), configuration.channels.meta_ttl


def _make_redis_publisher(configuration: config.Config) -> Publisher:
    try:
        from sockjsd.django.redis_publisher import RedisPublisher
    except ModuleNotFoundError as error:
        raise ConfigurationError("the url of [broker] needs redis-py: pip install redis") from error
    return RedisPublisher(configuration.broker, Keepings(configuration).find)


def _config_path() -> str | None:
    configured = getattr(settings, "SOCKJSD_CONFIG", None) if django_is_configured() else None
    path = configured or os.environ.get("SOCKJSD_CONFIG")
    return str(path) if path else None


@functools.cache
def _load(path: str | None) -> config.Config:
    return config.load(path)


def _forget_after_fork() -> None:
    # A child of the daemon has no reactor that would take a publication from it.
    uninstall()
    _publishers.clear()


os.register_at_fork(after_in_child=_forget_after_fork)
