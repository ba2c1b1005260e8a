# -*- test-case-name: tests.brokers.test_memory_attendance -*-
"""Who is on which channel, in the memory of one process: leases that end by themselves."""

from __future__ import annotations

from collections.abc import Callable

from sockjsd.brokers._expiring import Expiring
from sockjsd.brokers.values import Presence
from sockjsd.channels.publications import ClientInfo


class MemoryAttendance:
    """The leases of one process.

    :param seconds: the clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        # A channel is forgotten when its last lease is over.
        self._channels: Expiring[str, Expiring[str, ClientInfo]] = Expiring(seconds)

    def add(self, channel: str, client: str, info: ClientInfo, ttl: float) -> None:
        """Begin or renew a lease of *ttl* seconds."""
        leases = self._channels.get(channel)
        if leases is None:
            leases = Expiring(self._seconds)
        leases.put(client, info, ttl)
        self._channels.extend(channel, leases, ttl)

    def remove(self, channel: str, client: str) -> None:
        """End a lease; harmless where there is none."""
        leases = self._channels.get(channel)
        if leases is not None:
            leases.pop(client)

    def read(self, channel: str) -> Presence:
        """Who is there."""
        leases = self._channels.get(channel)
        return dict(leases.items()) if leases is not None else {}

    def count(self, channel: str) -> tuple[int, int]:
        """How many connections, and how many users."""
        present = self.read(channel)
        return len(present), len({info.user for info in present.values()})
