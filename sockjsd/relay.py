# -*- test-case-name: tests.test_relay -*-
"""The relay: between the broker and the hub, so that what subscribers get has no holes.

Channels without history pass as they are; what is missed of those that are numbered is
counted (``numbered.py``).  Each channel with history that somebody here listens to has a *line*
(``lines.py``): what comes out of order, after a loss of the connection or of Redis, is put in order
and completed from the history before anybody sees it, while clients stay connected.  What
history no longer has is told: the hub resets the channel.

When does the relay look?

* when something comes that is not the next publication;
* after the broker was lost and is back, at every line: nothing passes before that; and at channels that
  were left (``resting.py``);
* at each line every ``CHECK_TURNS`` seconds, for what was lost without anybody noticing.

Deliveries are serial: what a delivery sets off (a publication in answer to one, a client that
joins) happens after everybody has got what is being delivered, so that all see the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from random import Random
from typing import Protocol, cast

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.interface import Broker
from sockjsd.brokers.values import META_TTL, History, KeepingRules, Once, Published, keeping_for
from sockjsd.channels.hub import Hub
from sockjsd.channels.publications import Item, Joined, Left, Position, Publication, Run
from sockjsd.channels.timeline import TimelineCounts
from sockjsd.following import Followed
from sockjsd.lines import Ask, Line
from sockjsd.numbered import NumberedLine
from sockjsd.resting import Resting

#: Seconds between two comparisons of a line with its history, as Centrifugo has it; spread over the lines.
CHECK_TURNS = 40
#: Reads that may be under way before comparisons wait: Redis answers others meanwhile.
READS_AT_ONCE = 32

#: The value of the option ``recovery`` for which only the latest publication counts.
CACHE = "cache"


class Rules(KeepingRules, Protocol):
    """What the relay reads of a namespace."""

    @property
    def recovery(self) -> str:
        """``off``, ``stream`` or ``cache``."""


class Relay:
    """Joins one broker to the hub of this node.

    :ivar hub: set it before anybody subscribes.
    :ivar seen: what the lines have seen.
    :param broker: its ``on_run`` has to be :meth:`delivered`, ``on_back`` :meth:`back`, ``on_lost`` :meth:`lost`.
    :param rules_of: what holds for a channel; ``None`` where it belongs to no namespace, so that it has no history.
    :param random: spreads the comparisons.
    :param deliver: takes each run: the hub's ``delivered``, or what calls it.
    :param meta_ttl: seconds for which a channel's position is remembered.
    """

    _log = Logger()

    def __init__(
        self,
        broker: Broker,
        rules_of: Callable[[str], Rules | None],
        random: Random,
        deliver: Callable[[Run], None],
        *,
        meta_ttl: float = META_TTL,
    ) -> None:
        self.hub: Hub
        self.seen = TimelineCounts()
        self._broker = broker
        self._rules_of = rules_of
        self._random = random
        self._deliver = deliver
        self._meta_ttl = meta_ttl
        self._lines: dict[str, Followed] = {}
        # Where channels that were left stood.
        self._resting = Resting(broker, self.seen, meta_ttl=meta_ttl)
        # Lines by the turn at which they are compared.
        self._turns: list[dict[str, Followed]] = [{} for _ in range(CHECK_TURNS)]
        self._turn = 0
        # Lines that keep what they have read for a while.
        self._shelved: set[Followed] = set()
        # Lines that wait to be compared, and those that a read left unsound.
        self._checks: dict[Followed, None] = {}
        self._unsound: set[Followed] = set()
        self._reads_now = 0
        self._reads = 0
        self._answers = 0
        # What waits until everybody has got what is being delivered.
        self._calls: deque[Callable[[], None]] = deque()
        self._delivering = False
        # Who waits for the same read that no line makes.
        self._shared: dict[tuple[str, Position | None, int, bool], list[Deferred[History]]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """The numbers of this moment: ``lines`` that there are now; since the start ``reads`` of the history,
        ``answers`` to who wanted to know of one, and those of :class:`~sockjsd.channels.timeline.TimelineCounts`.
        """
        return {"lines": len(self._lines), "reads": self._reads, "answers": self._answers, **asdict(self.seen)}

    # From the hub.

    def subscribe(self, channel: str) -> None:
        """Want what is published on *channel*."""
        rules = self._rules_of(channel)
        if rules is None or not (rules.history_size or rules.numbered):
            self._broker.subscribe(channel)
            return
        line = self._lines[channel] = self._make_line(channel, rules)
        self._random.choice(self._turns)[channel] = line
        self._unsound.add(line)  # looked after once a second if the broker is away now
        line.begin(self._resting.take(channel))

    def _make_line(self, channel: str, rules: Rules) -> Followed:
        size, meta_ttl = rules.history_size, self._meta_ttl
        if not size:
            return NumberedLine(channel, self._broker, self, meta_ttl=meta_ttl)
        return Line(channel, self._broker, self, size=size, meta_ttl=meta_ttl, lenient=rules.recovery == CACHE)

    def _line(self, channel: str) -> Line | None:
        """Return the line of *channel* if it has a history and somebody here wants it."""
        line = self._lines.get(channel)
        return line if isinstance(line, Line) else None

    def unsubscribe(self, channel: str) -> None:
        """Want no more of it."""
        line = self._lines.pop(channel, None)
        if line is None:
            self._broker.unsubscribe(channel)
            return
        if line.end():
            self._broker.unsubscribe(channel)
        for turn in self._turns:
            turn.pop(channel, None)
        self._shelved.discard(line)
        self._unsound.discard(line)
        self._resting.put(channel, line.position)

    # From the broker.

    def delivered(self, run: Run) -> None:
        """Hand *run* on, but what has to wait until something before it was read."""
        self.serially(partial(self._hand_on_run, run))

    def _hand_on_run(self, run: Run) -> None:
        lines = self._lines
        if not lines:
            self._deliver(run)
            return
        ready: Run = {}
        unsound = []
        for channel, items in run.items():
            line = lines.get(channel)
            passed = items if line is None else line.take(items)
            if passed:
                ready[channel] = passed
            if line is not None and not line.sound:
                unsound.append(line)
        if ready:
            self._deliver(ready)
        for line in unsound:
            line.check()

    def lost(self) -> None:
        """Take note that the broker is away: nothing of a channel with history passes until it was compared."""
        self._checks.clear()
        self._resting.lost()
        for line in self._lines.values():
            line.lose()

    def back(self) -> None:
        """Take note that everything that is published arrives again, and compare all lines."""
        for line in self._lines.values():
            line.lose()
        self._checks = dict.fromkeys(self._lines.values())
        self._check_some()
        self._resting.back()

    # From the clock.

    def tick(self) -> None:
        """Do what is due; to be called once a second."""
        self._turn = (self._turn + 1) % CHECK_TURNS
        for line in tuple(self._shelved):
            if not line.grow_older():
                self._shelved.discard(line)
        if self._broker.status.connected:
            unsound, self._unsound = self._unsound, set()
            self._checks.update(dict.fromkeys([*unsound, *self._turns[self._turn].values()]))
            self._check_some()

    def _check_some(self) -> None:
        """Compare lines that wait for it, not too many at once."""
        while self._checks and self._reads_now < READS_AT_ONCE:
            line = next(iter(self._checks))
            del self._checks[line]
            line.confirm()

    # From clients and the site.

    def subscribed(self, channel: str) -> Deferred[None]:
        """Fires when everything that is published on *channel* from now on arrives.

        The channel has to be wanted by the hub.  Fails with ``BrokerUnavailable`` while the broker is away.
        """
        line = self._lines.get(channel)
        return self._broker.subscribed(channel) if line is None else line.subscribed()

    def ready(self, channel: str) -> Deferred[Position | None]:
        """The same; fires with how far the hub's subscribers have got everything, ``None`` without history."""
        line = self._line(channel)
        if line is None:
            return cast("Deferred[Position | None]", self._broker.subscribed(channel))
        position: Deferred[Position | None] = line.history(Ask(None, 0)).addCallback(lambda history: history.position)
        return position

    def position(self, channel: str) -> Position | None:
        """Return how far the hub's subscribers have got everything, ``None`` where that is not known."""
        line = self._line(channel)
        return line.position if line is not None and line.sound else None

    def history(
        self, channel: str, since: Position | None = None, limit: int = -1, *, reverse: bool = False
    ) -> Deferred[History]:
        """Read the history of *channel*; the parameters are those of the broker.

        Where the hub wants the channel, and all after *since*, the latest one (``None``, 1, reverse) or only the
        position (limit 0) is asked for, the answer's position is exactly how far the hub's subscribers have
        got everything.  Others get what the broker says.  Who asks for the same at the same time shares a read.
        """
        self._answers += 1
        line = self._line(channel)
        latest = since is None and limit == 1 and reverse
        if line is not None and (latest or limit == 0 or (since is not None and not reverse)):
            return line.history(Ask(since, limit, latest))
        return self._share((channel, since, limit, reverse))

    def publish(
        self, channel: str, publication: Publication, once: Once | None = None, *, keep: bool = True
    ) -> Deferred[Published]:
        """Publish, and keep it where the channel has a history, unless *keep* is false.

        That the channel belongs to a namespace is for others to check: without one it has no history.
        """
        keeping = keeping_for(self._rules_of(channel), self._meta_ttl) if keep else None
        return self._broker.publish(channel, publication, keeping, once)

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """Tell all who listen to *channel* that a client came or went."""
        return self._broker.announce(channel, change)

    def _share(self, key: tuple[str, Position | None, int, bool]) -> Deferred[History]:
        answer: Deferred[History] = Deferred()
        waiting = self._shared.get(key)
        if waiting is not None:
            waiting.append(answer)
            return answer
        self._reads += 1
        channel, since, limit, reverse = key
        reply = self._broker.history(channel, since, limit, reverse=reverse, meta_ttl=self._meta_ttl)
        self._shared[key] = [answer]  # not before: what raises would be waited for by all who ask the same
        reply.addBoth(self._hand_out, key)
        return answer

    def _hand_out(self, result: History | Failure, key: tuple[str, Position | None, int, bool]) -> None:
        for answer in self._shared.pop(key):
            if isinstance(result, Failure):
                answer.errback(result)
            else:
                answer.callback(result)

    # From the lines.

    def serially(self, call: Callable[[], None]) -> None:
        """Call *call* now, or after what is being delivered has been delivered to everybody."""
        self._calls.append(call)
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._calls:
                self._call(self._calls.popleft())
        finally:
            self._delivering = False

    def _call(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception:  # a bug in one channel must not stop the others
            self._log.failure("Handing publications on failed")

    @property
    def busy(self) -> bool:
        """Whether something is being delivered."""
        return self._delivering

    def hand_on(self, channel: str, items: list[Item]) -> None:
        """Deliver *items* to the subscribers of *channel*."""
        self._deliver({channel: items})

    def tell_reset(self, channel: str) -> None:
        """Tell the subscribers of *channel* that what follows does not join up."""
        self.hub.reset(channel)

    def count_missed(self, channel: str, missed: int) -> None:
        """Take note that so many publications on *channel* did not come, for its subscribers of this moment."""
        self.seen.missed += missed
        self.seen.missed_deliveries += missed * self.hub.subscribers(channel)

    def asking(self) -> None:
        """Take note of a read."""
        self._reads += 1
        self._reads_now += 1

    def answered(self, line: Followed) -> None:
        """Take note of its end, and look after the line if it needs another one."""
        self._reads_now -= 1
        if not line.over:
            self._shelved.add(line)
            if not line.sound:
                self._unsound.add(line)
        self._check_some()
