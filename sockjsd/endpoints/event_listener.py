# -*- test-case-name: tests.endpoints.test_event_listener -*-
"""The application behind an EventSource stream: finds its place in the history, then lets pass what comes.

A stream is either *finding its place* or *live*:

1. It subscribes; what arrives from now on is held back.
2. When the broker has confirmed that, it reads what it has missed (or only where the
   history ends, when it is new).
3. It gets its opening, what it missed or a ``reset``, and is live: the hub delivers to
   its session directly.

The answer to the request does not begin before it is live, so when a page's ``open``
event fires, nothing that is published from then on is missed.  While Redis is away the
answer begins without that promise; a page that is new then gets a ``reset`` later.

A history that begins anew while a stream is live sends it back to step 2, with a ``reset``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Protocol

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.brokers.values import History
from sockjsd.channels.catching_up import CaughtUp, catch_up, latest, reading_from
from sockjsd.channels.event_ids import UNKNOWN
from sockjsd.channels.hub import Hub
from sockjsd.channels.publications import Position, Publication
from sockjsd.channels.selections import EventBatch, Selections, events_since, opening, placed
from sockjsd.config.channels import Channels
from sockjsd.errors import BrokerUnavailable
from sockjsd.registry import APPLICATION_FAILED
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.wheel import Wheel

#: Seconds between two attempts to find a stream's place, while Redis is away or this node is behind.
AGAIN = 1.0
#: Attempts after which a stream that is ahead of this node is told that something is missing: Redis came back
#: older than it was, or nobody will ever say what comes next.
ATTEMPTS = 5

#: Milliseconds after which a browser connects again: a time of its own for each, so that they do not all come at once.
RETRY = (1000, 3000)

#: Told to a client (in the log: to its listener) that more arrived than it may hold while it finds its place.
TOO_MUCH = (3010, "Too much arrived while the history was read")


class Histories(Protocol):
    """What a stream asks of the channels' histories."""

    def subscribed(self, channel: str) -> Deferred[None]:
        """Fire when everything that is published from now on arrives; fails with ``BrokerUnavailable``."""

    def history(self, channel: str, since: Position | None, limit: int, *, reverse: bool = False) -> Deferred[History]:
        """Read at most *limit* publications after *since*, or with *reverse* the newest ones.

        With 0 only the place where it ends is read.  Fails with ``BrokerUnavailable``.
        """


@dataclass(frozen=True, slots=True)
class Sources:
    """What all streams of a node share.

    :param hub: knows who listens to what.
    :param histories: what channels remember.
    :param selections: one for each list of channels.
    :param wheel: keeps the time.
    :param random: spreads the clients' next attempts.
    :param recovery_limit: publications that a stream gets at most when it comes back.
    :param output_limit: bytes that a stream may hold while it finds its place.
    """

    hub: Hub
    histories: Histories
    selections: Selections
    wheel: Wheel
    random: Random
    recovery_limit: int = 300
    output_limit: int = 1024 * 1024


def limits_of(options: Channels) -> tuple[int, int]:
    """Return the last two parameters of :class:`Sources`."""
    return options.recovery_limit, options.output_limit


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request asks for.

    :param channels: all names, each once, in the order of the alphabet.
    :param kept: those that have a history to recover from.
    :param cached: those of which only the latest publication counts: it comes first, unless the client has seen it.
    :param since: where the stream stood when it was cut, by channel; a channel that is not in it is new.
    """

    channels: tuple[str, ...]
    kept: tuple[str, ...]
    cached: frozenset[str]
    since: dict[str, Position]


class Listener(SockJSConnection):
    """One stream.

    :param sources: shared by all.
    :param wish: what it asks for.
    :param retry: milliseconds, told to the browser.
    :ivar deliver: takes what the hub has; its session's own once it is live.
    """

    _log = Logger()

    deliver: Callable[[EventBatch], None]

    def __init__(self, sources: Sources, wish: Wish) -> None:
        self._sources = sources
        self._wish = wish
        self._selection = sources.selections.join(wish.channels, wish.kept)
        # Where it stands; positions of new channels are missing.
        self._since = dict(wish.since)
        # Channels of which something may have been missed, whatever the history says.
        self._lost: set[str] = set()
        # What the last attempt read; empty while one is under way.
        self._histories: dict[str, History] = {}
        self._held: list[EventBatch] = []
        self._held_size = 0
        # Which attempt to find its place counts; those before do not.
        self._attempt = 0
        # Attempts that found it ahead of this node.
        self._ahead = 0
        self._begun = False
        self.due = -1
        self.deliver = self._hold

    # From the session.

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Listen, and find its place."""
        for channel in self._wish.channels:
            self._sources.hub.subscribe(channel, self, self._selection, self)
        self._read()

    def messageReceived(self, message: object) -> None:
        """Nothing can come: the request is complete."""

    def connectionLost(self) -> None:
        """Listen no more."""
        self._attempt += 1
        self.deliver = _ignore
        self._held.clear()
        self._sources.wheel.cancel(self)
        self._sources.hub.unsubscribe_all(self)
        self._sources.selections.leave(self._selection)

    # From the relay, by way of the hub.

    def on_reset(self, channel: str) -> None:
        """Find its place anew: what comes on *channel* does not join up with what was delivered."""
        if channel not in self._wish.kept:
            return
        if self._live:
            self._since = dict(self._selection.positions)
        self._since[channel] = UNKNOWN
        self._selection.forget(channel)
        self._lost.add(channel)
        self.deliver = self._hold
        self._read()

    @property
    def _live(self) -> bool:
        return self.deliver != self._hold

    # From the wheel.

    def timed_out(self) -> None:
        """Try again."""
        self._read()

    # Finding its place.

    def _hold(self, batch: EventBatch) -> None:
        """Keep *batch* until its place is known."""
        self._held.append(batch)
        self._held_size += batch.size(binary=True)
        if self._held_size > self._sources.output_limit:
            self.close(*TOO_MUCH)
        elif self._histories:
            self._join()

    def _read(self) -> None:
        self._sources.wheel.cancel(self)
        self._attempt += 1
        self._histories = {}
        reads = [self._read_one(channel) for channel in self._wish.channels]
        everything = gatherResults(reads, consumeErrors=True)
        attempt = self._attempt
        everything.addCallbacks(self._found, self._not_found, callbackArgs=(attempt,), errbackArgs=(attempt,))
        everything.addErrback(self._failed)

    def _read_one(self, channel: str) -> Deferred[History | None]:
        subscribed = self._sources.histories.subscribed(channel)
        if channel not in self._wish.kept:
            return subscribed.addCallback(lambda _: None)
        return subscribed.addCallback(lambda _: self._read_history(channel))

    def _read_history(self, channel: str) -> Deferred[History]:
        history = self._sources.histories.history
        since = self._since.get(channel)
        if channel in self._wish.cached:
            return history(channel, None, 1, reverse=True)
        if since is None or not since.epoch or channel in self._lost:
            return history(channel, None, 0)
        # One more than it may miss, because the last one that it has seen comes along.
        return history(channel, reading_from(since), self._sources.recovery_limit + 1)

    def _found(self, histories: list[History | None], attempt: int) -> None:
        if attempt == self._attempt:
            pairs = zip(self._wish.channels, histories, strict=True)
            self._histories = {channel: history for channel, history in pairs if history is not None}
            for channel, history in self._histories.items():
                self._selection.found(channel, history.position)
            self._join()

    def _not_found(self, failure: Failure, attempt: int) -> None:
        """Redis is away: let the client know that we are there, and try again."""
        error = failure.value
        assert isinstance(error, FirstError), "one of several reads has failed"
        error.subFailure.trap(BrokerUnavailable)
        if attempt == self._attempt:
            self._begin()
            self._lost.update(channel for channel in self._wish.kept if channel not in self._since)
            self._sources.wheel.set(self, AGAIN)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("A stream of {channels} failed", failure=failure, channels=self._wish.channels)
        self.close(*APPLICATION_FAILED)

    def _join(self) -> None:
        """Go live, if all channels have their place now."""
        found: dict[str, CaughtUp] = {}
        for channel, history in self._histories.items():
            caught = self._caught_up(channel, history)
            if caught is None:
                if self.due < 0:
                    self._ahead += 1
                    self._sources.wheel.set(self, AGAIN)
                return
            found[channel] = caught
        self._go_live(found)

    def _caught_up(self, channel: str, history: History) -> CaughtUp | None:
        """Return what *channel* has missed, or ``None`` if that cannot be told yet."""
        since = self._since.get(channel)
        mark = self._selection.positions[channel]
        if channel in self._wish.cached:
            return latest(since, mark, history.publications, self._held_of(channel))
        if channel in self._lost:
            return CaughtUp([], reset=True)
        if since is None:
            return CaughtUp([])
        caught = catch_up(since, mark, history.position, history.publications, self._held_of(channel))
        if caught is None and self._ahead >= ATTEMPTS:
            return CaughtUp([], reset=True)
        return caught

    def _held_of(self, channel: str) -> list[Publication]:
        return [item for batch in self._held if batch.channel == channel for item in batch.items if item.offset]

    def _go_live(self, found: dict[str, CaughtUp]) -> None:
        now = self._selection.positions
        standing = {channel: self._since.get(channel, position) for channel, position in now.items()}
        self._begin(standing)
        batches = self._missed_events(standing, found) + self._held_plain()
        self._settle()
        for batch in batches:
            self.session.deliver(batch)

    def _missed_events(self, standing: dict[str, Position], found: dict[str, CaughtUp]) -> list[Batch]:
        now = self._selection.positions
        missed = {channel: caught.publications for channel, caught in found.items() if caught.publications}
        resets = {channel: now[channel] for channel, caught in found.items() if caught.reset}
        if resets:
            return [Batch(events_since(standing, missed, resets))]
        return [self._selection.missed(standing, missed)] if missed else []

    def _held_plain(self) -> list[Batch]:
        """Return the events that have no position, so that they were missed by nobody and are in no history."""
        kept = self._wish.kept
        pairs = [(batch.channel, *pair) for batch in self._held for pair in zip(batch.items, batch.texts, strict=True)]
        texts = [text for channel, item, text in pairs if not item.offset or channel not in kept]
        return [Batch(texts)] if texts else []

    def _settle(self) -> None:
        """Have nothing to find any more."""
        self._sources.wheel.cancel(self)
        self._since = {}
        self._lost.clear()
        self._histories = {}
        self._held.clear()
        self._held_size = 0
        self._ahead = 0
        self.deliver = self.session.deliver

    def _begin(self, standing: dict[str, Position] | None = None) -> None:
        """Send the opening, or only where the stream stands if it is open already."""
        if not self._begun:
            retry = self._sources.random.randrange(*RETRY)
            self.session.deliver(Batch([opening(retry, standing)]))
        elif standing:
            self.session.deliver(Batch([placed(standing)]))
        self._begun = True


def _ignore(batch: object) -> None:
    """What a stream does with events after its end."""
