# -*- test-case-name: tests.clients.test_rates -*-
"""How many commands one client may send: a bucket that fills at a steady rate."""

from __future__ import annotations


class Bucket:
    """Holds up to *burst* commands and gets *rate* more each second; it begins full.

    Being refused costs something too: who goes on asking sinks below nothing, and at ``-burst`` is beyond patience.

    :param now: seconds; a clock that was put back, as the reactor's may be, takes nothing away.
    """

    __slots__ = ("_burst", "_left", "_rate", "_seen")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._seen = now

    def take(self, now: float) -> bool:
        """Take one command out; return whether there was one."""
        self._left = min(self._burst, self._left + max(0.0, now - self._seen) * self._rate)
        self._seen = now
        self._left -= 1
        return self._left >= 0

    @property
    def overdrawn(self) -> bool:
        """Whether as many commands were refused as a burst has."""
        return self._left <= -self._burst
