# -*- test-case-name: tests.test_stats -*-
"""What one endpoint has done and does, in numbers.

Counting happens on the hottest paths, so it is an addition to an integer; sums and
averages are computed when somebody asks.  The names in ``dump`` are those of
sockjs-tornado and sockjs-cyclone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

from twisted.internet.interfaces import IReactorTime

#: Seconds that the averages look back, as in sockjs-tornado.
WINDOW = 10.0


class Tally:
    """What the connections of one transport count.

    A *connection* is a request or socket that can carry frames now: a client that polls has one while it polls.

    :ivar active: connections that are there.
    :ivar opened: connections, since the start.
    :ivar sent: messages given to connections, since the start.
    """

    __slots__ = ("active", "opened", "sent")

    def __init__(self) -> None:
        self.active = 0
        self.opened = 0
        self.sent = 0

    def connected(self) -> None:
        """Take note of a connection; the caller's duty is to call ``disconnected`` once."""
        self.active += 1
        self.opened += 1

    def disconnected(self) -> None:
        """Take note that a connection has ended."""
        self.active -= 1


class _Sample(NamedTuple):
    """The sums at one moment."""

    at: float
    opened: int
    sent: int
    received: int


class StatsCollector:
    """The numbers of one endpoint.

    :ivar tallies: one for each transport.
    :ivar received: messages that clients sent, since the start.
    :param clock: tells the time for the averages.
    :param transports: names of transports.
    :param sessions: how many sessions live now.
    """

    __slots__ = ("_clock", "_samples", "_sessions", "received", "tallies")

    def __init__(self, clock: IReactorTime, transports: Iterable[str], sessions: Callable[[], int]) -> None:
        self.tallies = {name: Tally() for name in transports}
        self.received = 0
        self._clock = clock
        self._sessions = sessions
        # Empty until time is kept: the clock may not tell it before.
        self._samples: deque[_Sample] = deque()

    def sample(self) -> None:
        """Remember the sums of this moment; to be called at the start, and once a second."""
        samples = self._samples
        samples.append(self._sums())
        # One that is as old as the window has to stay: it is what the present is compared with.
        while len(samples) > 1 and samples[1].at <= samples[-1].at - WINDOW:
            samples.popleft()

    def dump(self) -> dict[str, int | float]:
        """Return the numbers of this moment; those that end in ``_ps`` are averages per second over ``WINDOW``."""
        opened, sent, received = self._rates()
        active = {f"transp_{name}": tally.active for name, tally in self.tallies.items()}
        return {
            "sessions_active": self._sessions(),
            "connections_active": sum(active.values()),
            "connections_ps": opened,
            "packets_sent_ps": sent,
            "packets_recv_ps": received,
            **active,
        }

    def _rates(self) -> tuple[float, float, float]:
        if not self._samples:
            return 0.0, 0.0, 0.0
        now, then = self._sums(), self._samples[0]
        seconds = max(now.at - then.at, 1.0)  # what came in the first moment has no rate yet
        opened, sent, received = now.opened - then.opened, now.sent - then.sent, now.received - then.received
        return opened / seconds, sent / seconds, received / seconds

    def _sums(self) -> _Sample:
        tallies = self.tallies.values()
        opened, sent = sum(tally.opened for tally in tallies), sum(tally.sent for tally in tallies)
        return _Sample(self._clock.seconds(), opened, sent, self.received)
