# -*- test-case-name: tests.django.test_breaker -*-
"""A circuit breaker: when Redis is down, one caller at a time finds that out, not every view.

After a failure nobody is let through for *delay* seconds.  Then exactly one caller
is, the probe; the others go on failing fast until the probe has reported.  The
clock is passed in, nothing here waits, and it may be called from any thread.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable


class BreakerState(enum.Enum):
    """Who is let through."""

    CLOSED = "closed"  #: everybody: the last report was a success
    OPEN = "open"  #: nobody until the delay is over, then the next caller becomes the probe
    PROBING = "probing"  #: nobody: the probe has been let through and has not reported yet


class Breaker:
    """One breaker; whoever :meth:`admit` lets through owes one :meth:`succeeded` or :meth:`failed`.

    Reports may come late, from callers who were let through before it opened.  A late
    success closes it (Redis has just answered somebody), a late failure starts the delay anew.

    :param delay: seconds after a failure during which nobody is let through.
    :param clock: returns seconds that never go back, such as ``time.monotonic``.
    """

    def __init__(self, delay: float, clock: Callable[[], float]) -> None:
        self._delay = delay
        self._clock = clock
        self._lock = threading.Lock()
        self._state = BreakerState.CLOSED
        self._reopens_at = 0.0

    @property
    def state(self) -> BreakerState:
        """The present state; another thread may change it at once."""
        return self._state

    def admit(self) -> bool:
        """Say whether the caller may go on to the network."""
        with self._lock:
            if self._state is BreakerState.OPEN and self._clock() >= self._reopens_at:
                self._state = BreakerState.PROBING
                return True
            return self._state is BreakerState.CLOSED

    def succeeded(self) -> None:
        """Report that the network answered."""
        with self._lock:
            self._state = BreakerState.CLOSED

    def failed(self) -> None:
        """Report that the network did not answer."""
        with self._lock:
            self._reopens_at = self._clock() + self._delay
            self._state = BreakerState.OPEN
