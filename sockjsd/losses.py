# -*- test-case-name: tests.test_losses -*-
"""Says what was not delivered: nothing is lost silently.

A line for each connection would be a flood when a thousand of them are cut at once, so
the first loss is told at once and further ones as a sum, every ``INTERVAL`` seconds.
"""

from __future__ import annotations

from collections import Counter

from twisted.logger import Logger

from sockjsd.wheel import Wheel

#: Seconds between two lines.
INTERVAL = 10.0

#: Reasons that one line tells apart: a client may close with a reason of its own, and each time with another.
REASONS = 10

#: Stands in for further ones.
_OTHER = (0, "other reasons")


class Losses:
    """Counts and tells the losses of one endpoint.

    :ivar connections: connections that ended with something undelivered, since the start.
    :ivar messages: what was not delivered to them, since the start.
    :ivar skipped: what was dropped for slow clients that stayed, since the start.
    :param where: the endpoint's prefix, for the log.
    :param wheel: keeps the time.
    """

    _log = Logger()

    def __init__(self, where: str, wheel: Wheel) -> None:
        self.connections = 0
        self.messages = 0
        self.skipped = 0
        self.due = -1
        self._where = where
        self._wheel = wheel
        # What has not been told yet: its messages, and how many connections ended for which reason.
        self._untold = 0
        self._reasons: Counter[tuple[int, str]] = Counter()
        self._untold_skips = 0

    def add(self, messages: int, code: int, reason: str) -> None:
        """Take note that a connection ended with *code* before *messages* were delivered."""
        self.connections += 1
        self.messages += messages
        self._untold += messages
        known = (code, reason) in self._reasons or len(self._reasons) < REASONS
        self._reasons[(code, reason) if known else _OTHER] += 1
        if self.due < 0:
            self._tell()

    def skip(self, messages: int) -> None:
        """Take note that *messages* were dropped for a slow client, who stays: its channel's policy says so."""
        self.skipped += messages
        self._untold_skips += messages
        if self.due < 0:
            self._tell()

    def timed_out(self) -> None:
        """Tell what came since the last line."""
        if self._reasons or self._untold_skips:
            self._tell()

    def _tell(self) -> None:
        if self._untold_skips:
            self._log.warn(
                "{where}: {messages} messages were dropped for slow clients, as their channels' output_policy says",
                where=self._where,
                messages=self._untold_skips,
            )
            self._untold_skips = 0
        if self._reasons:
            self._tell_reasons()
        self._wheel.set(self, INTERVAL)

    def _tell_reasons(self) -> None:
        self._log.warn(
            "{where}: {connections} connections ended before {messages} messages were delivered ({reasons})",
            where=self._where,
            connections=self._reasons.total(),
            messages=self._untold,
            reasons=", ".join(f"{count} × {code} {reason!r}" for (code, reason), count in self._reasons.items()),
        )
        self._untold = 0
        self._reasons.clear()
