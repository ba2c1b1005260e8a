# -*- test-case-name: tests.http.test_crew -*-
"""How many of the site's threads work at once, and when the reactor collects what they have done.

Views that compute gain nothing from more threads: only one has the GIL, the others make
it change hands at each switch interval, and whoever else wants it, the reactor first of
all, has to wait for all of them.  Views that wait (for a database, for another server) need
one thread each.  So one more thread works when those that do leave the processor idle, or when
a request has waited long enough to be fair; and one less when they leave nothing idle.

While requests wait for a thread, a look at it is taken every ``TICK``; otherwise nothing runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime

from sockjsd.http.crossing import Crossing

Call = Callable[[], object]

#: Seconds between two looks, and so the time that an answer may wait which its thread left to be collected:
#: little for whoever waits behind other requests anyway, and ten times what a short view takes.
TICK = 0.002

#: Seconds without any request begun after which one more thread works, however busy the others are: a short
#: view should not have to wait for a long one.
PATIENCE = 0.01

#: Of the time that the reactor leaves, the part that threads have to use so that no more of them are needed,
#: and the part from which on there may be one less.
BUSY, FULL = 0.92, 0.97

#: Seconds for which that has to last before there is one less: one too many costs little, one too few is missed
#: at once.
CALM = 0.1

#: Answers that wait for the reactor at most, while their thread goes on with the next request.
MOST_LEFT = 8


class Threads(Protocol):
    """A pool, as it is led."""

    most: int
    wanted: int
    taken: int

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""

    def computed(self) -> float:
        """Return the seconds of a processor that its threads have had, in all."""

    def callInThread(self, call: Call) -> None:
        """Let a thread make *call*."""

    def hurry(self) -> None:
        """Let one more thread work, if it may."""


class Crew:
    """Leads a pool; belongs to the reactor's thread but where it says otherwise.

    :param clock: the reactor.
    :param pool: its threads.
    :param crossing: takes to the reactor what they have done.
    :param computed: returns the seconds of a processor that the present thread has had.
    """

    def __init__(
        self, clock: IReactorTime, pool: Threads, crossing: Crossing, computed: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._crossing = crossing
        self._computed = computed
        self._looking = False
        # Of the last look: when, what the reactor had computed, and what the threads had.
        self._then = self._ours = self._theirs = 0.0
        # Calls begun, and when that number was seen first.
        self._taken = 0
        self._since = 0.0
        # Since when the threads have left nothing idle.
        self._full_since = 0.0
        pool.wanted = 1

    def call(self, call: Call) -> None:
        """Let a thread make *call* when it is its turn."""
        self._pool.callInThread(call)
        if not self._looking and self._pool.waiting:
            self._looking = True
            self._since = self._clock.seconds()
            self._note()
            self._look_later()

    def hand_over(self, call: Call) -> None:
        """Let the reactor make *call*, the last one for its request; from a thread."""
        crossing = self._crossing
        crossing.leave(call)  # first: the last look collects after it has seen that nobody waits
        if not self._pool.waiting or crossing.waiting >= MOST_LEFT:
            crossing.wake()

    def _look_later(self) -> None:
        self._clock.callLater(TICK, self._look)

    def _look(self) -> None:
        """Judge, and go on with that while anybody waits."""
        self._looking = bool(self._pool.waiting)
        self._crossing.collect()
        if self._looking:
            self._judge()
            self._note()
            self._look_later()

    def _note(self) -> None:
        self._then, self._ours, self._theirs = self._clock.seconds(), self._computed(), self._pool.computed()
        if self._taken != self._pool.taken:
            self._taken, self._since = self._pool.taken, self._then

    def _judge(self) -> None:
        """Let more threads work, or less."""
        pool = self._pool
        used, begun = self._used(), pool.taken != self._taken
        if used < BUSY or (not begun and self._clock.seconds() - self._since >= PATIENCE):
            self._since = self._clock.seconds()
            pool.wanted = min(pool.most, pool.wanted + 1)
            pool.hurry()
        if used <= FULL:
            self._full_since = self._clock.seconds()
        elif begun and self._clock.seconds() - self._full_since >= CALM:
            self._full_since = self._clock.seconds()
            pool.wanted = max(1, pool.wanted - 1)

    def _used(self) -> float:
        """Return the part of the time since the last look that threads have used, of what the reactor has left."""
        left = self._clock.seconds() - self._then - (self._computed() - self._ours)
        return (self._pool.computed() - self._theirs) / left if left > 0 else 1.0
