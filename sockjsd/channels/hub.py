# -*- test-case-name: tests.channels.test_hub -*-
"""The hub: which subscribers of this node listen to which channel.

Two duties, and no other:

* Tell the broker (the *feed*) which channels are wanted.  Interest is counted: the
  feed is asked once when the first subscriber or holder of a channel comes, and
  once more after the last one went.
* Hand each run of items on.  Subscribers of a channel differ in the *form* in which
  they want it: bare data, pushes of the client protocol, the items themselves.  A
  channel's part of a run is put into each form **once**, and every subscriber of that
  form gets that same object, so that each wire format is encoded once for all of them.

Order is deterministic: channels in the order of the run, forms and their subscribers in
the order in which they came.  Who leaves during a delivery gets nothing more, who comes
during one gets the next; one subscriber that raises costs no other its batch.

What is in a batch, and how it reaches a browser, is left to others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sockjsd.channels.publications import Item, Publication
from sockjsd.errors import StateError
from sockjsd.sockjs.batch import Batch, Expendable
from sockjsd.sockjs.lanes import LineUp

BatchT = TypeVar("BatchT")
BatchT_contra = TypeVar("BatchT_contra", contravariant=True)

#: Makes what subscribers get of a channel's name and its items, at least one; ``None``: there is nothing for them.
#: Compared by identity, so it has to be one object for all who want the same.
Form = Callable[[str, list[Item]], BatchT | None]


class ChannelFeed(Protocol):
    """What the hub asks of a broker; neither call waits or raises."""

    def subscribe(self, channel: str) -> None:
        """Send the items of *channel* from now on."""

    def unsubscribe(self, channel: str) -> None:
        """Send no more of them."""


class Subscriber(Protocol[BatchT_contra]):
    """Whoever gets batches; hashed and compared by identity."""

    def deliver(self, batch: BatchT_contra) -> None:
        """Take one batch; it is shared with other subscribers, so leave it unchanged."""


class Owner(Protocol):
    """Who answers for a subscription: the subscriber itself, or whoever stands behind it."""

    def on_reset(self, channel: str) -> None:
        """Take note that what follows on *channel* does not join up with what was delivered before."""


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


#: Subscribers of one form from which on it pays to remember how they are sorted, 16 bytes and more for each.
CROWD = 16


class _Group:
    """The subscribers of one channel who want it in the same form.

    :ivar owners: a dict is a set that keeps its order; to each subscriber its owner.
    """

    __slots__ = ("_line_up", "owners")

    def __init__(self) -> None:
        self.owners: dict[Subscriber[Any], Owner | None] = {}
        self._line_up: LineUp[Subscriber[Any]] | None = None

    def add(self, subscriber: Subscriber[Any], owner: Owner | None) -> None:
        self.owners[subscriber] = owner
        self._line_up = None

    def remove(self, subscriber: Subscriber[Any]) -> None:
        del self.owners[subscriber]
        self._line_up = None

    def line_up(self) -> LineUp[Subscriber[Any]]:
        """Return all of them, sorted."""
        line_up = self._line_up
        if line_up is None or not line_up.current:
            line_up = LineUp(self.owners)
            self._line_up = line_up if len(self.owners) >= CROWD else None
        return line_up


@dataclass(slots=True)
class _Interest:
    """Why a channel is wanted: its subscribers by form, and holders; and whether slow clients may miss some of it."""

    expendable: Expendable | None = None
    groups: dict[Form[Any], _Group] = field(default_factory=dict)
    holds: int = 0

    def add(self, form: Form[Any], subscriber: Subscriber[Any], owner: Owner | None) -> None:
        group = self.groups.get(form)
        if group is None:
            group = self.groups[form] = _Group()
        group.add(subscriber, owner)

    def remove(self, form: Form[Any], subscriber: Subscriber[Any]) -> None:
        group = self.groups[form]
        group.remove(subscriber)
        if not group.owners:
            del self.groups[form]


class Hub:
    """Joins one feed to the subscribers of this node.

    :param feed: the broker, or the relay; it has to call :meth:`delivered` with what arrives.
    :param on_error: called with what a form, a subscriber or an owner raised; must not raise itself.
    :param expendable: tells of a channel whether its publications may be dropped for slow clients.
    """

    def __init__(
        self,
        feed: ChannelFeed,
        on_error: Callable[[Exception], None],
        expendable: Callable[[str], Expendable | None] = lambda channel: None,
    ) -> None:
        self._feed = feed
        self._on_error = on_error
        self._expendable = expendable
        self._interests: dict[str, _Interest] = {}
        # The same pairs seen from the other side, so that a leaving subscriber costs only its own channels.
        self._forms_of: dict[Subscriber[Any], dict[str, Form[Any]]] = {}
        self._subscriptions = 0
        self._publications = 0
        self._deliveries = 0

    @property
    def counts(self) -> HubCounts:
        """The numbers of this moment."""
        return HubCounts(len(self._interests), self._subscriptions, self._publications, self._deliveries)

    def wants(self, channel: str) -> bool:
        """Whether somebody here listens to *channel* or holds it."""
        return channel in self._interests

    def subscribers(self, channel: str) -> int:
        """How many subscribers *channel* has here."""
        interest = self._interests.get(channel)
        return 0 if interest is None else sum(len(group.owners) for group in interest.groups.values())

    def listeners(self) -> dict[str, int]:
        """Return how many subscribers each channel has here; channels that are only held have none."""
        return {channel: self.subscribers(channel) for channel in self._interests}

    def subscribe(
        self, channel: str, subscriber: Subscriber[BatchT], form: Form[BatchT], owner: Owner | None = None
    ) -> None:
        """Deliver *channel* to *subscriber* from now on, in *form*; once, however often it asks: the last form counts.

        :param owner: is told when the channel's history begins anew.
        """
        interest = self._want(channel)
        forms = self._forms_of.setdefault(subscriber, {})
        before = forms.get(channel)
        if before is None:
            self._subscriptions += 1
        elif before is not form:
            interest.remove(before, subscriber)
        forms[channel] = form
        interest.add(form, subscriber, owner)

    def unsubscribe(self, channel: str, subscriber: Subscriber[Any]) -> None:
        """Deliver nothing more of *channel* to *subscriber*; harmless when it was not subscribed."""
        forms = self._forms_of.get(subscriber)
        form = None if forms is None else forms.pop(channel, None)
        if form is None:
            return
        if not forms:
            del self._forms_of[subscriber]
        self._leave(channel, form, subscriber)

    def unsubscribe_all(self, subscriber: Subscriber[Any]) -> None:
        """Deliver nothing more to *subscriber*; harmless when it was not subscribed."""
        for channel, form in self._forms_of.pop(subscriber, {}).items():
            self._leave(channel, form, subscriber)

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

    def delivered(self, run: Mapping[str, list[Item]]) -> None:
        """Hand a run on: the feed's duty is to call this, with each channel's items oldest first."""
        for channel, items in run.items():
            publications = sum(type(item) is Publication for item in items)
            self._publications += publications
            interest = self._interests.get(channel)
            if interest is None or not items:
                continue
            # Who came or went is told even to slow clients.
            expendable = interest.expendable if publications == len(items) else None
            # As they are now, because subscribers may come and go in answer to what they got.
            now = [(form, group, group.line_up()) for form, group in interest.groups.items()]
            for number, (form, group, line_up) in enumerate(now):
                # Before the first form nobody had anything to answer yet.
                if number and group.line_up() is not line_up:
                    line_up = LineUp([each for each in line_up.members if each in group.owners])
                batch = self._made(form, channel, items, expendable)
                if batch is not None:
                    self._deliveries += publications * self._fan_out(batch, group, line_up)

    def reset(self, channel: str) -> None:
        """Tell the owners of all subscriptions of *channel* that a history has ended."""
        interest = self._interests.get(channel)
        if interest is None:
            return
        for subscriber, owner in [pair for group in interest.groups.values() for pair in group.owners.items()]:
            if owner is not None and channel in self._forms_of.get(subscriber, ()):
                try:
                    owner.on_reset(channel)
                except Exception as error:  # ends in the code of the site: anything may come
                    self._on_error(error)

    def _made(self, form: Form[Any], channel: str, items: list[Item], expendable: Expendable | None) -> Any:
        """Return what *form* makes of *items*."""
        try:
            batch = form(channel, items)
        except Exception as error:  # one form that fails costs the others nothing
            self._on_error(error)
            return None
        if expendable is not None and isinstance(batch, Batch):
            batch.expendable = expendable
        return batch

    def _fan_out(self, batch: Any, group: _Group, line_up: LineUp[Subscriber[Any]]) -> int:
        """Return how many of *line_up* took *batch*; those who left *group* meanwhile do not get it."""
        taken, others = 0, line_up.members
        if isinstance(batch, Batch):
            taken, others = line_up.hand_out(batch, self._on_error), line_up.others
        for subscriber in others:
            if subscriber not in group.owners:
                continue
            try:
                subscriber.deliver(batch)
            except Exception as error:  # ends in the code of the site: anything may come
                self._on_error(error)
            else:
                taken += 1
        return taken

    def _want(self, channel: str) -> _Interest:
        interest = self._interests.get(channel)
        if interest is None:
            interest = self._interests[channel] = _Interest(self._expendable(channel))
            self._feed.subscribe(channel)
        return interest

    def _leave(self, channel: str, form: Form[Any], subscriber: Subscriber[Any]) -> None:
        interest = self._interests[channel]
        interest.remove(form, subscriber)
        self._subscriptions -= 1
        self._forget_if_unwanted(channel, interest)

    def _forget_if_unwanted(self, channel: str, interest: _Interest) -> None:
        if not interest.groups and not interest.holds:
            del self._interests[channel]
            self._feed.unsubscribe(channel)
