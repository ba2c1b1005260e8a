# -*- test-case-name: tests.django.test_outages -*-
"""What became of publications in this process: numbers, and one log line where an outage begins and ends.

A log line per lost publication would bury the reason under its consequences.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PublishCounts:
    """Publications of this process since it started.

    :param sent: went out.
    :param lost: did not, and only the log, the signal and this number say so.
    :param raised: did not, and the caller was told by an exception (``immediate=True``).
    """

    sent: int = 0
    lost: int = 0
    raised: int = 0


class OutageLog:
    """Counts what went out and what did not; may be called from any thread.

    :param logger: gets one error when an outage begins and one info when it is over.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self.reset()

    def reset(self) -> None:
        """Begin at zero: a forked child, whose lock may have been held by a thread that it does not have."""
        self._lock = threading.Lock()
        self._sent = self._lost = self._raised = 0
        self._lost_in_outage = 0

    @property
    def counts(self) -> PublishCounts:
        """The numbers of this moment."""
        with self._lock:
            return PublishCounts(self._sent, self._lost, self._raised)

    def sent(self) -> None:
        """Count one that went out, which ends an outage."""
        with self._lock:
            self._sent += 1
            lost, self._lost_in_outage = self._lost_in_outage, 0
        if lost:
            self._logger.info("Publications go out again; lost in between: %d", lost)

    def lost(self, error: Exception) -> None:
        """Count one that did not go out and of which the caller hears nothing."""
        with self._lock:
            self._lost += 1
            self._lost_in_outage += 1
            begins = self._lost_in_outage == 1
        if begins:
            self._logger.error("Publications are being lost from now on: %s", error)

    def raised(self) -> None:
        """Count one that did not go out and whose caller gets the exception."""
        with self._lock:
            self._raised += 1
