# -*- test-case-name: tests.test_resting -*-
"""Where channels with history stood when the last one here left them.

A Redis that came back older has to be found out before somebody comes back to such a channel, maybe at another
node: that one does not know what was delivered, and the client's position has no tag.  So after each loss
of the broker what rests is compared too, a few at a time; the first node that sees
that something is gone begins a new epoch, and everybody who comes back with the old one is told.
"""

from __future__ import annotations

from collections import OrderedDict, deque

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.values import History
from sockjsd.channels.publications import Position
from sockjsd.channels.timeline import TimelineCounts, Verdict, judge
from sockjsd.errors import BrokerUnavailable

#: Channels of which the last position is remembered.
MOST = 10_000
#: Comparisons that are under way at a time: those of channels that somebody listens to are more urgent.
AT_ONCE = 8


class Resting:
    """The last positions of channels that nobody here listens to any more.

    :param broker: knows the histories.
    :param seen: counts those that were rolled back.
    :param meta_ttl: seconds for which a channel's position is remembered.
    """

    _log = Logger()

    def __init__(self, broker: Broker, seen: TimelineCounts, *, meta_ttl: float) -> None:
        self._broker = broker
        self._seen = seen
        self._meta_ttl = meta_ttl
        self._positions: OrderedDict[str, Position] = OrderedDict()
        # Channels that wait to be compared, and how many questions are open.
        self._waiting: deque[str] = deque()
        self._open = 0
        self._busy = False

    def put(self, channel: str, position: Position) -> None:
        """Remember the *position* of *channel*, if it is one; the one that was left first is forgotten for it."""
        if position.epoch:
            self._positions[channel] = position
            if len(self._positions) > MOST:
                self._positions.popitem(last=False)

    def take(self, channel: str) -> Position | None:
        """Return where *channel* stood, and forget it: from now on a line follows it."""
        return self._positions.pop(channel, None)

    def channels(self) -> list[str]:
        """Return what is remembered, the one that was left first in front."""
        return list(self._positions)

    def lost(self) -> None:
        """Take note that the broker is away: nothing can be compared."""
        self._waiting.clear()

    def back(self) -> None:
        """Take note that it is back, and compare everything."""
        self._waiting = deque(self._positions)
        self._compare_some()

    def _compare_some(self) -> None:
        if self._busy:  # an answer came at once
            return
        self._busy = True
        while self._waiting and self._open < AT_ONCE:
            channel = self._waiting.popleft()
            position = self._positions.get(channel)
            if position is not None:
                self._compare(channel, position)
        self._busy = False

    def _compare(self, channel: str, position: Position) -> None:
        self._open += 1
        before = Position(max(position.offset - 1, 0), position.epoch)
        reply = self._broker.history(channel, before, 1, meta_ttl=self._meta_ttl)
        reply.addCallback(self._renew, channel, position).addErrback(self._note, channel).addBoth(self._next)

    def _renew(self, history: History, channel: str, position: Position) -> Deferred[None] | None:
        """Begin a new epoch where the history is not the one that was delivered, if nobody listens again."""
        if self._positions.get(channel) is not position:
            return None
        if judge(position, history.publications, history.position) is not Verdict.ROLLED_BACK:
            return None
        renewed = self._broker.renew(channel, position.epoch, meta_ttl=self._meta_ttl)
        return renewed.addCallback(self._forget, channel, position)

    def _forget(self, top: Position, channel: str, position: Position) -> None:
        self._seen.rollbacks += 1
        if self._positions.get(channel) is position:
            del self._positions[channel]

    def _note(self, failure: Failure, channel: str) -> None:
        """An outage ends with another comparison; what else went wrong is a bug of ours."""
        if failure.check(BrokerUnavailable) is None:
            self._log.failure("Comparing {channel} with its history failed", failure=failure, channel=channel)

    def _next(self, result: object) -> None:
        self._open -= 1
        self._compare_some()
