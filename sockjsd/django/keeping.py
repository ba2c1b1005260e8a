# -*- test-case-name: tests.django.test_keeping -*-
"""Which channels keep a history, as the configuration says: the same as in the daemon."""

from __future__ import annotations

from sockjsd import config
from sockjsd.brokers.values import Keeping, keeping_for
from sockjsd.channels.namespaces import Namespaces


class Keepings:
    """Finds out how long a publication is kept.

    :param configuration: whose namespaces count.
    """

    def __init__(self, configuration: config.Config) -> None:
        self._namespaces = Namespaces(configuration.namespaces)
        self._meta_ttl = configuration.channels.meta_ttl

    def find(self, channel: str) -> Keeping | None:
        """Return how *channel* keeps its publications; ``None`` where it does not, or belongs to no namespace."""
        return keeping_for(self._namespaces.find(channel), self._meta_ttl)
