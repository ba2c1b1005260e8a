# -*- test-case-name: tests.channels.test_hub -*-
"""The hub: which subscribers of this node listen to which channel.

Two duties, and no other:

* Tell the broker (the *feed*) which channels are wanted.  Interest is counted: the
  feed is asked once when the first subscriber or holder of a channel comes, and
  once more after the last one went.
* Hand each run of publications on.  A channel's part of a run becomes **one**
  batch, and every subscriber gets that same object, so that each wire format is
  encoded once for all of them.

Order is deterministic: channels in the order of the run, subscribers in the order
in which they came.  Who leaves during a delivery gets nothing more, who comes
during one gets the next; one subscriber that raises costs no other its batch.

What is in a batch, and how it reaches a browser, is left to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sockjsd.errors import StateError

BatchT = TypeVar("BatchT")
BatchT_contra = TypeVar("BatchT_contra", contravariant=True)


class ChannelFeed(Protocol):
    """What the hub asks of a broker; neither call waits or raises."""

    def subscribe(self, channel: str) -> None:
        """Send the publications of *channel* from now on."""

    def unsubscribe(self, channel: str) -> None:
        """Send no more of them."""


class Subscriber(Protocol[BatchT_contra]):
    """Whoever gets batches; hashed and compared by identity."""

    def deliver(self, batch: BatchT_contra) -> None:
        """Take one batch; it is shared with other subscribers, so leave it unchanged."""


@dataclass(frozen=True, slots=True)
class HubCounts:
    """The hub in numbers.

    :ivar channels: channels that somebody here listens to or holds, now.
    :ivar subscriptions: pairs of subscriber and channel, now.
    :ivar publications: publications that arrived from the feed, since the start.
    :ivar deliveries: publications handed to a subscriber, counted once for each
        subscriber, since the start; those that raised are not in it.
    """

    channels: int
    subscriptions: int
    publications: int
    deliveries: int


@dataclass(slots=True)
class _Interest(Generic[BatchT]):
    """Why a channel is wanted: its subscribers (a dict is a set that keeps its order) and holders."""

    subscribers: dict[Subscriber[BatchT], None] = field(default_factory=dict)
    holds: int = 0


class Hub(Generic[BatchT]):
    """Joins one feed to the subscribers of this node.

    :param feed: the broker; it has to call :meth:`delivered` with what arrives.
    :param make_batch: makes the object that subscribers get from a channel's texts.
    :param on_error: called with what a subscriber raised; must not raise itself.
    """

    def __init__(
        self, feed: ChannelFeed, make_batch: Callable[[list[str]], BatchT], on_error: Callable[[Exception], None]
    ) -> None:
        self._feed = feed
        self._make_batch = make_batch
        self._on_error = on_error
        self._interests: dict[str, _Interest[BatchT]] = {}
        # The same pairs seen from the other side, so that a leaving subscriber costs only its own channels.
        self._channels_of: dict[Subscriber[BatchT], dict[str, None]] = {}
        self._subscriptions = 0
        self._publications = 0
        self._deliveries = 0

    @property
    def counts(self) -> HubCounts:
        """The numbers of this moment."""
        return HubCounts(len(self._interests), self._subscriptions, self._publications, self._deliveries)

    def subscribe(self, channel: str, subscriber: Subscriber[BatchT]) -> None:
        """Deliver *channel* to *subscriber* from now on; once, however often it asks."""
        interest = self._want(channel)
        if subscriber not in interest.subscribers:
            interest.subscribers[subscriber] = None
            self._channels_of.setdefault(subscriber, {})[channel] = None
            self._subscriptions += 1

    def unsubscribe(self, channel: str, subscriber: Subscriber[BatchT]) -> None:
        """Deliver nothing more of *channel* to *subscriber*; harmless when it was not subscribed."""
        channels = self._channels_of.get(subscriber)
        if channels is None or channel not in channels:
            return
        del channels[channel]
        if not channels:
            del self._channels_of[subscriber]
        self._leave(channel, subscriber)

    def unsubscribe_all(self, subscriber: Subscriber[BatchT]) -> None:
        """Deliver nothing more to *subscriber*; harmless when it was not subscribed."""
        for channel in self._channels_of.pop(subscriber, {}):
            self._leave(channel, subscriber)

    def hold(self, channel: str) -> None:
        """Keep *channel* subscribed even while nobody listens; each call wants one :meth:`release`."""
        self._want(channel).holds += 1

    def release(self, channel: str) -> None:
        """Take back one :meth:`hold`.

        :raises StateError: when *channel* is not held.
        """
        interest = self._interests.get(channel)
        if interest is None or not interest.holds:
            raise StateError(f"channel {channel!r} is not held")
        interest.holds -= 1
        self._forget_if_unwanted(channel, interest)

    def delivered(self, run: Mapping[str, list[str]]) -> None:
        """Hand a run on: the feed's duty is to call this, with each channel's texts oldest first."""
        for channel, texts in run.items():
            self._publications += len(texts)
            interest = self._interests.get(channel)
            if interest is not None and interest.subscribers and texts:
                self._fan_out(interest.subscribers, texts)

    def _fan_out(self, subscribers: dict[Subscriber[BatchT], None], texts: list[str]) -> None:
        batch = self._make_batch(texts)
        # A copy, because a subscriber may come or go in answer to what it got.
        for subscriber in tuple(subscribers):
            if subscriber not in subscribers:
                continue
            try:
                subscriber.deliver(batch)
            except Exception as error:  # ends in the code of the site: anything may come
                self._on_error(error)
            else:
                self._deliveries += len(texts)

    def _want(self, channel: str) -> _Interest[BatchT]:
        interest = self._interests.get(channel)
        if interest is None:
            interest = self._interests[channel] = _Interest()
            self._feed.subscribe(channel)
        return interest

    def _leave(self, channel: str, subscriber: Subscriber[BatchT]) -> None:
        interest = self._interests[channel]
        del interest.subscribers[subscriber]
        self._subscriptions -= 1
        self._forget_if_unwanted(channel, interest)

    def _forget_if_unwanted(self, channel: str, interest: _Interest[BatchT]) -> None:
        if not interest.subscribers and not interest.holds:
            del self._interests[channel]
            self._feed.unsubscribe(channel)
