# -*- test-case-name: tests.clients.test_presence -*-
"""Who is on a channel, for everybody who asks and for those who listen.

*Presence* is leases in the broker, one for each connection and channel.  The node renews those of
its own clients now and then; when it is killed they run out.

*Joins and leaves* are told by user: a user joins with the first connection and leaves with the last, on
whatever node those are; each anonymous connection counts for itself.  Who loses the connection may
come back: for ``leave_delay`` seconds such a client stays present, and nobody is told.

All of it is done beside what clients wait for.  What the broker does not take while it is down
is counted; leases are renewed at the next turn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.interface import Attendance
from sockjsd.channels.publications import ClientInfo, Joined, Left
from sockjsd.clients.alarms import Alarm
from sockjsd.config import Channels
from sockjsd.errors import BrokerUnavailable
from sockjsd.wheel import Wheel

K = TypeVar("K")


class Attending(Protocol):
    """What presence has to know of a subscription."""

    @property
    def channel(self) -> str:
        """Where."""

    @property
    def presence(self) -> bool:
        """Whether others may ask for it."""

    @property
    def join_leave(self) -> bool:
        """Whether others are told of it."""


class Announcer(Protocol):
    """What tells who came and went: the relay."""

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """Tell all who listen to *channel*."""


@dataclass(slots=True, eq=False)
class _Stay:
    """One client on one channel."""

    channel: str
    info: ClientInfo
    presence: bool
    join_leave: bool
    # At which second of the interval its lease is renewed.
    turn: int
    # Set while it may come back.
    leaving: Alarm | None = None


class Presence:
    """The clients of this node on channels with presence, joins or leaves.

    :ivar failures: what the broker did not take, since the start.
    :param broker: keeps the leases.
    :param relay: tells joins and leaves.
    :param options: the section ``[channels]``.
    """

    _log = Logger()

    def __init__(self, broker: Attendance, relay: Announcer, wheel: Wheel, options: Channels) -> None:
        self.failures = 0
        self._broker = broker
        self._relay = relay
        self._wheel = wheel
        self._options = options
        self._stays: dict[tuple[str, str], _Stay] = {}
        # The same by user, where there is one: several connections may be one user's.
        self._by_user: dict[tuple[str, str], dict[_Stay, None]] = {}
        # Renewals are spread over the seconds of the interval; a second without any has no entry.
        self._turns: dict[int, dict[_Stay, None]] = {}
        self._turn = 0
        self._all_turns = max(1, int(options.presence_interval))

    def __len__(self) -> int:
        """How many pairs of client and channel there are."""
        return len(self._stays)

    # For clients.

    def read(self, channel: str) -> Deferred[dict[str, ClientInfo]]:
        """Return who is on *channel* anywhere, by the id of the connection."""
        return self._broker.presence(channel)

    def stats(self, channel: str) -> Deferred[tuple[int, int]]:
        """Return how many connections and users are on *channel* anywhere."""
        return self._broker.presence_stats(channel)

    def arrived(self, subscription: Attending, info: ClientInfo) -> None:
        """Take note that a client listens."""
        channel = subscription.channel
        stay = _Stay(channel, info, subscription.presence, subscription.join_leave, self._turn)
        returned = self._returned(channel, info.user)
        others = self._others(stay)
        self._add(stay)
        for before in returned:
            self._remove(before)
            self._quietly(self._end_lease(before))
        self._renew(stay, self._options.presence_ttl)
        if stay.join_leave and not others:
            self._quietly(self._unless_elsewhere(stay, lambda: self._relay.announce(channel, Joined(info))))

    def left(self, subscription: Attending, info: ClientInfo, *, for_good: bool) -> None:
        """Take note that a client listens no more.

        :param for_good: it said so; else it was lost, and may come back.
        """
        stay = self._stays.get((subscription.channel, info.client))
        if stay is None:
            return
        if for_good or not self._options.leave_delay:
            self._leave(stay)
        else:
            stay.leaving = Alarm(self._wheel, lambda: self._leave(stay))
            stay.leaving.set(self._options.leave_delay)

    # From the clock.

    def tick(self) -> None:
        """Renew the leases whose turn it is; to be called once a second."""
        self._turn = (self._turn + 1) % self._all_turns
        for stay in list(self._turns.get(self._turn, ())):
            self._renew(stay, self._options.presence_ttl)

    def stop(self) -> None:
        """Renew nothing more; who does not come back, to another node, is forgotten as soon as if it were lost.

        Nobody tells that such a client has left: here nobody knows, and elsewhere nobody knew it.
        """
        for stay in list(self._stays.values()):
            self._remove(stay)
            if self._options.leave_delay:
                self._renew(stay, self._options.leave_delay)
            else:
                self._quietly(self._end_lease(stay))

    # Private.

    def _returned(self, channel: str, user: str) -> list[_Stay]:
        """Return the connections of *user* that are waited for."""
        return [stay for stay in self._by_user.get((channel, user), ()) if stay.leaving is not None]

    def _others(self, stay: _Stay) -> bool:
        """Whether the user is here with another connection."""
        return any(other is not stay for other in self._by_user.get((stay.channel, stay.info.user), ()))

    def _add(self, stay: _Stay) -> None:
        self._stays[stay.channel, stay.info.client] = stay
        if stay.info.user:
            self._by_user.setdefault((stay.channel, stay.info.user), {})[stay] = None
        self._turns.setdefault(stay.turn, {})[stay] = None

    def _remove(self, stay: _Stay) -> None:
        if stay.leaving is not None:
            stay.leaving.cancel()
        self._stays.pop((stay.channel, stay.info.client), None)
        _take_out(self._turns, stay.turn, stay)
        _take_out(self._by_user, (stay.channel, stay.info.user), stay)

    def _leave(self, stay: _Stay) -> None:
        self._remove(stay)
        ended = self._end_lease(stay)
        if stay.join_leave and not self._others(stay):
            change = Left(stay.info)
            ended = ended.addCallback(
                lambda _: self._unless_elsewhere(stay, lambda: self._relay.announce(stay.channel, change))
            )
        self._quietly(ended)

    def _unless_elsewhere(self, stay: _Stay, tell: Callable[[], Deferred[None]]) -> Deferred[None]:
        """Call *tell* unless the user is on the channel with another connection, on whatever node."""
        user = stay.info.user
        if not user or not stay.presence:
            return tell()

        def decide(clients: dict[str, ClientInfo]) -> Deferred[None] | None:
            elsewhere = any(info.user == user and client != stay.info.client for client, info in clients.items())
            return None if elsewhere else tell()

        return self._broker.presence(stay.channel).addCallback(decide)

    def _end_lease(self, stay: _Stay) -> Deferred[Any]:
        if not stay.presence:
            return succeed(None)
        return self._broker.remove_presence(stay.channel, stay.info.client)

    def _renew(self, stay: _Stay, ttl: float) -> None:
        if stay.presence:
            self._quietly(self._broker.add_presence(stay.channel, stay.info.client, stay.info, ttl))

    def _quietly(self, done: Deferred[Any]) -> None:
        done.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self.failures += 1
        if not failure.check(BrokerUnavailable):  # that the broker is down is said elsewhere
            self._log.failure("Presence failed", failure=failure)


def _take_out(table: dict[K, dict[_Stay, None]], key: K, stay: _Stay) -> None:
    """Take *stay* out of *table*, and with the last one its row."""
    row = table.get(key)
    if row is not None:
        row.pop(stay, None)
        if not row:
            del table[key]
