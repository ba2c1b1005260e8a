"""A broker whose answers take their time, whose connection may be lost, and whose memory may be an older one."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from twisted.internet.defer import Deferred, fail

from sockjsd.brokers.interface import BrokerStatus, History
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.brokers.values import META_TTL
from sockjsd.channels.publications import Position
from sockjsd.errors import BrokerUnavailable


class FarBroker(MemoryBroker):
    """A memory broker that a relay sees as it would see Redis.

    :ivar reads: what was asked of the history: ``(channel, offset or None, limit)``.
    :ivar wishes: ``+channel`` and ``-channel``, in order.
    :ivar slow: whether answers wait for :meth:`answer`.
    :ivar deaf: whether what is published gets lost on the way to the relay.
    :ivar away: whether it is lost altogether; see :meth:`lose` and :meth:`return_`.
    """

    def __init__(self) -> None:
        self.now = 0.0
        super().__init__(seconds=lambda: self.now, random=Random(7))
        self.reads: list[tuple[str, int | None, int]] = []
        self.renewals: list[str] = []
        self.wishes: list[str] = []
        self.slow = self.deaf = self.away = False
        self._seed = 7
        self._open: list[Callable[[], None]] = []

    @property
    def status(self) -> BrokerStatus:
        """Whether it is there."""
        return BrokerStatus("far", not self.away, "far away")

    # What the test does.

    def lose(self) -> None:
        """Be away: nothing arrives, nothing is answered."""
        self.away = self.deaf = True
        self.on_lost()

    def return_(self, *, older: object = None) -> None:
        """Be back, as a Redis that knows what this one knew when *older* was taken."""
        self.away = self.deaf = False
        if older is not None:
            self._seed += 1
            self._archive = deepcopy(older)  # type: ignore[assignment]
            self._archive._random = Random(self._seed)  # another process: other tags
        self.on_back()

    def snapshot(self) -> object:
        """Return what it knows now."""
        return deepcopy(self._archive)

    def answer(self, count: int = 1) -> None:
        """Let the oldest *count* questions be answered: with what was true when they were asked."""
        for _ in range(count):
            self._open.pop(0)()

    @property
    def open_questions(self) -> int:
        """How many wait."""
        return len(self._open)

    # What the relay sees.

    def subscribe(self, channel: str) -> None:
        """Note the wish."""
        self.wishes.append("+" + channel)
        super().subscribe(channel)

    def unsubscribe(self, channel: str) -> None:
        """Note the wish."""
        self.wishes.append("-" + channel)
        super().unsubscribe(channel)

    def subscribed(self, channel: str) -> Deferred[None]:
        """Confirm, in its own time."""
        return self._reply(super().subscribed(channel))

    def history(
        self,
        channel: str,
        since: Position | None = None,
        limit: int = -1,
        *,
        reverse: bool = False,
        meta_ttl: float = META_TTL,
    ) -> Deferred[History]:
        """Note the question, and answer in its own time."""
        self.reads.append((channel, since and since.offset, limit))
        return self._reply(super().history(channel, since, limit, reverse=reverse, meta_ttl=meta_ttl))

    def renew(self, channel: str, epoch: str, *, meta_ttl: float = META_TTL) -> Deferred[Position]:
        """Note the question, and answer in its own time."""
        self.renewals.append(epoch)
        if self.away:
            return fail(BrokerUnavailable("far away"))
        return self._reply(super().renew(channel, epoch, meta_ttl=meta_ttl))

    def _put(self, channel: str, item: Any) -> int:
        """Lose what is on the way while deaf."""
        return 0 if self.deaf else super()._put(channel, item)

    def _reply(self, result: Deferred[Any]) -> Deferred[Any]:
        if self.away:
            result.addErrback(lambda failure: None)
            return fail(BrokerUnavailable("far away"))
        if not self.slow:
            return result
        waiting: Deferred[Any] = Deferred()
        values: list[Any] = []
        result.addBoth(values.append)
        self._open.append(lambda: self._finish(waiting, values[0]))
        return waiting

    def _finish(self, waiting: Deferred[Any], value: object) -> None:
        if self.away:
            waiting.errback(BrokerUnavailable("far away"))
        else:
            waiting.callback(value)
