# -*- test-case-name: tests.test_numbered -*-
"""One numbered channel without history at one node: everything passes, and what was missed is counted.

Beside the numbers of what comes, the channel's last number is asked for: when the
subscription is confirmed, when the broker is back after a loss, and now and then.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.values import History
from sockjsd.channels.numbering import Numbering
from sockjsd.channels.publications import Item, Position
from sockjsd.errors import BrokerUnavailable
from sockjsd.following import Outlet


class NumberedLine:
    """One such channel, from its first subscriber to its last; the relay uses it like a :class:`~sockjsd.lines.Line`.

    :ivar sound: always: nothing waits.
    :ivar position: none that anybody could come back to.
    :ivar over: whether nobody wants it any more.
    :param channel: its name.
    :param broker: knows the last number.
    :param outlet: the relay.
    :param meta_ttl: seconds for which that is remembered.
    """

    _log = Logger()

    sound = True
    position = Position()

    def __init__(self, channel: str, broker: Broker, outlet: Outlet, *, meta_ttl: float) -> None:
        self.over = False
        self._channel = channel
        self._broker = broker
        self._outlet = outlet
        self._meta_ttl = meta_ttl
        self._numbering = Numbering()
        # Whether everything that is published arrives, so that the last number tells something.
        self._hears = False
        self._asking = False

    def begin(self, rest: Position | None = None) -> None:
        """Ask the broker for what comes."""
        self._broker.subscribe(self._channel)
        self._broker.subscribed(self._channel).addCallbacks(lambda _: self.confirm(), self._say_unavailable)

    def confirm(self) -> None:
        """Take note that everything that is published arrives, and ask for the last number."""
        self._hears = True
        self.check()

    def lose(self) -> None:
        """Take note that the broker is away."""
        self._hears = False

    def end(self) -> bool:
        """Take note that nobody wants the channel any more; the broker knows of it."""
        self.over = True
        return True

    def take(self, items: list[Item]) -> list[Item]:
        """Return *items*: all of them pass."""
        self._count(self._numbering.take(items))
        return items

    def check(self) -> None:
        """Ask for the last number."""
        if self._asking or self.over or not self._hears:
            return
        self._asking = True
        self._outlet.asking()
        reply = self._broker.history(self._channel, None, 0, meta_ttl=self._meta_ttl)
        reply.addBoth(self._answered)

    def subscribed(self) -> Deferred[None]:
        """Fires when everything that is published from now on arrives; fails while the broker is away."""
        return self._broker.subscribed(self._channel)

    def grow_older(self) -> bool:
        """There is nothing that would be kept for a while."""
        return False

    def _answered(self, result: History | Failure) -> None:
        self._asking = False
        if isinstance(result, Failure):
            self._say_unavailable(result)
        elif self._hears and not self.over:
            self._count(self._numbering.reach(result.position))
        self._outlet.answered(self)

    def _count(self, missed: int) -> None:
        if missed:
            self._outlet.count_missed(self._channel, missed)

    def _say_unavailable(self, failure: Failure) -> None:
        """Take note that the broker did not answer; what else went wrong is a bug of ours."""
        if failure.check(BrokerUnavailable) is None:
            self._log.failure("Counting {channel} failed", failure=failure, channel=self._channel)
