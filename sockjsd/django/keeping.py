# -*- test-case-name: tests.django.test_keeping -*-
"""Which channels keep a history, as the configuration says: the same as in the daemon."""

from __future__ import annotations

from sockjsd import config
from sockjsd.brokers.values import Keeping
from sockjsd.channels.namespaces import Namespaces


class Keepings:
    """Finds out how long a publication is kept.

    :param configuration: whose namespaces count.
    """

    def __init__(self, configuration: config.Config) -> None:
        self._namespaces = Namespaces(configuration.namespaces)
        self._meta_ttl = configuration.channels.meta_ttl

    def find(self, channel: str) -> Keeping | None:
        """Return how *channel* keeps its publications; ``None`` where it keeps none, or belongs to no namespace."""
        rules = self._namespaces.find(channel)
        if rules is None or not rules.has_history:
            return None
        return Keeping(rules.history_size, rules.history_ttl, self._meta_ttl)
