# -*- test-case-name: tests.http.test_crossing -*-
"""The way from threads to the reactor: many calls share one wake-up.

Waking the reactor is a system call and a change of threads, several times what handing
over a call costs.  Here at most one wake-up is under way, and what may wait a little
does not even ask for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

Call = Callable[[], object]


class Crossing:
    """Calls that threads leave to the reactor; made in the order in which they came.

    :param reactor: makes them.
    """

    _log = Logger()

    def __init__(self, reactor: IReactorFromThreads) -> None:
        self._reactor = reactor
        # Its methods are atomic: whoever adds one and then sees a wake-up under way is served by that one.
        self._calls: deque[Call] = deque()
        self._waking = False

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return len(self._calls)

    def call(self, call: Call) -> None:
        """Let the reactor make *call* soon; from any thread."""
        self._calls.append(call)
        self.wake()

    def leave(self, call: Call) -> None:
        """Let the reactor make *call* when it collects; from any thread, which sees to that."""
        self._calls.append(call)

    def wake(self) -> None:
        """Let the reactor collect soon; from any thread."""
        if not self._waking:
            self._waking = True
            self._reactor.callFromThread(self.collect)

    def collect(self) -> None:
        """Make the calls that wait, in the reactor's thread; what one of them raises is logged."""
        self._waking = False  # first: what comes from here on may be too late for this time
        calls = self._calls
        for _ in range(len(calls)):
            if not calls:  # a call has collected the rest
                return
            try:
                calls.popleft()()
            except Exception:  # one answer's failure must not be the others'
                self._log.failure("What a thread left to the reactor failed")
