# -*- test-case-name: tests.test_lines -*-
"""One channel with history at one node: keeps what is delivered complete, and answers who comes back.

A line begins in three steps, so that nothing falls between them:

1. it reads where the history ends,
2. it asks the broker for what comes from now on,
3. when that is confirmed it reads once more: what was published between 1 and 2 is delivered now.

From then on its :class:`~sockjsd.channels.timeline.Timeline` says what fits; where something
does not, the history is read.  There is at most one read at a time, and it
serves all who wait for the same channel.

**The promise to who joins:** when :meth:`Line.history` answers, its position is exactly how far
the subscribers of this node have got everything.  Who subscribes to the hub before the
callback returns gets all that follows, nothing twice, and misses nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial

from twisted.internet.defer import Deferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.values import History
from sockjsd.channels.publications import Item, Position
from sockjsd.channels.recovery import Shelf
from sockjsd.channels.timeline import Timeline, Verdict, judge
from sockjsd.errors import BrokerUnavailable
from sockjsd.following import Outlet

#: Seconds for which a read of the history serves those who come after it: clients that lost a node come
#: back within several seconds.  It is right for as long as the line is sound; it only takes memory.
SHELF_TURNS = 5
#: Reads one after the other that still left something missing, before the next one has to wait for a second.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Ask:
    """What somebody wants of the history: all after *since*, at most *limit*; or the latest; or only where it ends."""

    since: Position | None
    limit: int
    latest: bool = False


class _Ear(Enum):
    """Whether the node hears what is published."""

    #: The broker was not asked yet, or did not answer yet.
    BEGINNING = "beginning"
    #: The broker confirmed that it sends everything.
    OPEN = "open"
    #: The broker is away.
    CLOSED = "closed"


class Line:
    """One channel with history, from its first subscriber to its last.

    :ivar timeline: what was delivered.
    :ivar over: whether nobody wants it any more.
    :param channel: its name.
    :param broker: has the history.
    :param outlet: the relay.
    :param size: how many publications the history keeps.
    :param meta_ttl: seconds for which its position is remembered.
    :param lenient: see :class:`~sockjsd.channels.timeline.Timeline`.
    """

    _log = Logger()

    def __init__(
        self, channel: str, broker: Broker, outlet: Outlet, *, size: int, meta_ttl: float, lenient: bool = False
    ) -> None:
        self.timeline = Timeline(outlet.seen, lenient=lenient)
        self.over = False
        self._channel = channel
        self._broker = broker
        self._outlet = outlet
        self._size = size
        self._meta_ttl = meta_ttl
        # Whether the broker was asked for what comes.
        self._asked = False
        self._ear = _Ear.BEGINNING
        self._wait_asked: list[Deferred[None]] = []
        # Who waits for the next read.
        self._waiting: list[tuple[Ask, Deferred[History]]] = []
        self._reading = False
        # Whether the broker confirmed something meanwhile: what is being read may be older than that.
        self._outdated = False
        self._attempts = 0
        # What was read a moment ago, and how many seconds it is kept.
        self._shelf: Shelf | None = None
        self._shelf_turns = 0
        # Items that came live since a read began; None while nobody will ask for it.
        self._since_reading: list[Item] | None = None

    @property
    def sound(self) -> bool:
        """Whether items pass; if not, the history has to be read."""
        return self.timeline.sound

    @property
    def position(self) -> Position:
        """The last publication that was delivered."""
        return self.timeline.position

    # Beginning and ending.

    def begin(self, rest: Position | None = None) -> None:
        """Take the three steps.

        :param rest: what was delivered last when this node had the channel before, to find a Redis that
            came back older in the meantime.
        """
        since = None if rest is None else Position(max(rest.offset - 1, 0), rest.epoch)
        start = self._broker.history(self._channel, since, 0 if rest is None else 1, meta_ttl=self._meta_ttl)
        start.addCallback(self._find_start, rest)
        start.addCallbacks(self.timeline.restart, self._say_unavailable)
        start.addBoth(lambda _: self._ask_broker())

    def _find_start(self, history: History, rest: Position | None) -> Position | Deferred[Position]:
        top = history.position
        if rest is None or judge(rest, history.publications, top) is not Verdict.ROLLED_BACK:
            return top
        self._outlet.seen.rollbacks += 1
        return self._broker.renew(self._channel, rest.epoch, meta_ttl=self._meta_ttl)

    def _ask_broker(self) -> None:
        if self.over:
            return
        self._asked = True
        self._broker.subscribe(self._channel)
        waiting, self._wait_asked = self._wait_asked, []
        for waiter in waiting:
            self._broker.subscribed(self._channel).chainDeferred(waiter)
        self._broker.subscribed(self._channel).addCallbacks(lambda _: self.confirm(), self._say_unconfirmed)

    def confirm(self) -> None:
        """Take note that the broker sends what comes; what was missed until now is read."""
        if self._asked and not self.over:
            self._ear, self._outdated = _Ear.OPEN, self._reading
            self.check()

    def lose(self) -> None:
        """Take note that the broker does not send what comes: hold what may come first when it is back."""
        self._ear = _Ear.CLOSED
        self._shelf = None
        self.timeline.suspend()

    def end(self) -> bool:
        """Take note that nobody wants the channel any more; return whether the broker knows of it."""
        self.over = True
        self._fail_waiting(f"{self._channel!r} was left before its history was read")
        for waiter in self._wait_asked:
            waiter.errback(BrokerUnavailable(f"{self._channel!r} was left before it was subscribed"))
        return self._asked

    # From the relay.

    def take(self, items: list[Item]) -> list[Item]:
        """Return what of *items* is to be delivered now.

        The caller's duty is to deliver that, and then to call :meth:`check` where the timeline is not sound.
        """
        ready = self.timeline.take(items)
        if self._shelf is not None:
            self._shelf.extend(ready)
        if self._since_reading is not None:
            self._since_reading += ready
        return ready

    def check(self) -> None:
        """Compare what was delivered with the history."""
        self._read()

    def subscribed(self) -> Deferred[None]:
        """Fires when everything that is published from now on arrives; fails while the broker is away."""
        if self._asked:
            return self._broker.subscribed(self._channel)
        waiter: Deferred[None] = Deferred()
        self._wait_asked.append(waiter)
        return waiter

    def grow_older(self) -> bool:
        """Take note that a second has passed; return whether what was read is kept any longer."""
        self._shelf_turns -= 1
        if self._shelf_turns <= 0:
            self._shelf = None
        return self._shelf is not None

    # Answers.

    def history(self, ask: Ask) -> Deferred[History]:
        """Return what *ask* wants; see the promise above.  Fails with ``BrokerUnavailable``."""
        if self._ear is _Ear.CLOSED:
            return fail(BrokerUnavailable(f"{self._channel!r} is not subscribed"))
        known = None if self._outlet.busy else self._recall(ask)
        if known is not None:
            return succeed(known)
        answer: Deferred[History] = Deferred()
        self._waiting.append((ask, answer))
        if not self._reading:  # else it is served after that, with all the others
            self._outlet.serially(partial(self._serve, 0))
        return answer

    def _recall(self, ask: Ask, *, just_read: bool = False) -> History | None:
        """Return what *ask* wants if memory has it.

        :param just_read: whether what memory has was read for it, so that there is no more than that.
        """
        if not (self.timeline.sound and self._ear is _Ear.OPEN):
            return None
        position, shelf = self.timeline.position, self._shelf
        if ask.latest:
            return None if shelf is None else History([shelf.latest] if shelf.latest else [], position)
        if ask.since is None or not ask.limit:
            return History([], position)
        if ask.since.epoch not in ("", position.epoch):
            return None if shelf is None else History([], position)
        if shelf is None or not (just_read or shelf.floor <= ask.since.offset <= position.offset):
            return None
        found = shelf.after(ask.since.offset)
        return History(found[: ask.limit] if ask.limit > 0 else found, position)

    def _serve(self, just_read: int) -> None:
        """Answer who waits, from memory where it can be, and read for the others.

        :param just_read: for how many of them, the first ones, the history was read just now.
        """
        waiting, self._waiting = self._waiting, []
        for index, (ask, answer) in enumerate(waiting):
            known = self._recall(ask, just_read=index < just_read)
            if known is None:
                self._waiting.append((ask, answer))
            else:
                answer.callback(known)
        if self._waiting:
            self._read()

    def _fail_waiting(self, problem: str) -> None:
        waiting, self._waiting = self._waiting, []
        for _, answer in waiting:
            answer.errback(BrokerUnavailable(problem))

    # Reading.

    def _read(self) -> None:
        if self._reading or self.over or self._ear is not _Ear.OPEN:
            return
        self._reading, self._outdated = True, False
        self._outlet.asking()
        anchor = self.timeline.position
        asks, self._waiting = self._waiting, []
        self._since_reading = [] if asks else None
        floor = self._floor(anchor, asks)
        limit = -1 if anchor.epoch or asks else 0  # where nothing was delivered yet, nothing can be missing
        reply = self._broker.history(
            self._channel, Position(floor, anchor.epoch) if floor else None, limit, meta_ttl=self._meta_ttl
        )
        reply.addBoth(lambda result: self._outlet.serially(partial(self._has_read, result, anchor, floor, asks)))

    def _floor(self, anchor: Position, asks: list[tuple[Ask, Deferred[History]]]) -> int:
        """Return after which offset to read: the last entry that was delivered has to be seen, to be compared."""
        wanted = [ask.since.offset for ask, _ in asks if ask.since is not None]
        return max(0, min([anchor.offset - 1, *wanted]))

    def _has_read(
        self, result: History | Failure, anchor: Position, floor: int, asks: list[tuple[Ask, Deferred[History]]]
    ) -> None:
        self._reading = False
        live, self._since_reading = self._since_reading, None
        self._waiting[:0] = asks
        if self.over:
            self._fail_waiting(f"{self._channel!r} was left before its history was read")
        elif isinstance(result, Failure):
            self._say_unavailable(result)
            self._fail_waiting(result.getErrorMessage())
        elif self._ear is _Ear.OPEN:
            self._use(result, anchor, floor, live, len(asks))
        else:  # lost meanwhile: what was read is too old to tell anything
            self._fail_waiting(f"{self._channel!r} is not subscribed any more")
        if self._outdated:
            self._read()
        self._outlet.answered(self)

    def _use(self, history: History, anchor: Position, floor: int, live: list[Item] | None, asks: int) -> None:
        before = self.timeline.position
        verdict, items = self.timeline.answer(anchor, history.publications, history.position)
        if verdict is Verdict.ROLLED_BACK:
            self._renew(anchor.epoch)
            return
        if live is not None:
            self._shelf = Shelf(floor, history.publications, history.position, self._size)
            self._shelf_turns = SHELF_TURNS
            self._shelf.extend(live)
            self._shelf.extend(items)
        elif self.timeline.position != before:
            self._shelf = None  # it lacks what was read just now
        self._settle(verdict is not Verdict.JOINS_UP, items, asks)

    def _renew(self, epoch: str) -> None:
        self._outlet.seen.rollbacks += 1
        self._reading = True
        self._outlet.asking()
        self._shelf = None
        reply = self._broker.renew(self._channel, epoch, meta_ttl=self._meta_ttl)
        reply.addBoth(lambda result: self._outlet.serially(partial(self._has_renewed, result)))

    def _has_renewed(self, result: Position | Failure) -> None:
        self._reading = False
        if isinstance(result, Failure):
            self._say_unavailable(result)
            self._fail_waiting(result.getErrorMessage())
        elif self._ear is _Ear.OPEN and not self.over:
            self._settle(True, self.timeline.restart(result), 0)
        else:
            self._fail_waiting(f"{self._channel!r} is not subscribed any more")
        self._outlet.answered(self)

    def _settle(self, reset: bool, items: list[Item], asks: int) -> None:
        """Deliver *items*, and go on: answer, or read again where something is missing again."""
        if reset:
            self._outlet.seen.resets += 1
            self._outlet.tell_reset(self._channel)
        if items:
            self._outlet.hand_on(self._channel, items)
        self._attempts = 0 if self.timeline.sound else self._attempts + 1
        if self.timeline.sound:
            self._serve(asks)
        elif self._attempts <= ATTEMPTS:
            self._read()

    def _say_unavailable(self, failure: Failure) -> None:
        """Take note that the broker did not answer; what else went wrong is a bug of ours."""
        if failure.check(BrokerUnavailable) is None:
            self._log.failure("Reading the history of {channel} failed", failure=failure, channel=self._channel)

    def _say_unconfirmed(self, failure: Failure) -> None:
        self._ear = _Ear.CLOSED
        self._say_unavailable(failure)
        self._fail_waiting(failure.getErrorMessage())
