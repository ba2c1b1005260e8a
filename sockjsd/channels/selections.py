# -*- test-case-name: tests.channels.test_selections -*-
"""Which channels an EventSource stream listens to, and the text of its events.

All streams with the same channels share one *selection*.  It is the form in which the
hub gives them what comes, so that an event is written once for all of them, and it knows
how far they are: streams that are up to date stand in the same place, so one id is true
for every one of them.

::

    event: news
    id: AbCd…
    data: {"title":"It works"}

An event is called after its channel, and its data is what was published; ``reset`` is
the event that says that something was missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from sockjsd.channels import event_ids
from sockjsd.channels.event_ids import UNKNOWN
from sockjsd.channels.publications import Item, Position, Publication
from sockjsd.errors import StateError
from sockjsd.sockjs.batch import Batch

#: The event of a stream whose position is no longer in the history.
RESET = "reset"

#: Different places from which streams come back that are remembered until the next publication; few are.
_REMEMBERED = 8

#: Names that would be taken for something else: ``reset`` is ours, and the others are EventSource's own events.
RESERVED = frozenset({RESET, "open", "error"})


def event(name: str, data: str, event_id: str = "") -> str:
    """Return one event: *name* is one word, *data* may have several lines."""
    identified = f"id: {event_id}\n" if event_id else ""
    if "\n" in data or "\r" in data:
        # A line break in the data would end the field; the browser joins the lines with \n.
        data = "\ndata: ".join(data.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return f"event: {name}\n{identified}data: {data}\n\n"


def opening(retry: int, positions: Mapping[str, Position] | None = None) -> str:
    """Return what a stream begins with: when to connect again after a cut, in milliseconds, and where it stands."""
    return f"retry: {retry}\n" + (placed(positions) if positions else "\n")


def placed(positions: Mapping[str, Position]) -> str:
    """Return the id of a stream that stands at *positions*; without data it is no event, and counts all the same."""
    return f"id: {event_ids.encode(positions)}\n\n"


def reset(channel: str, event_id: str) -> str:
    """Return the event that says that something on *channel* was missed: the page has to load its state anew."""
    return event(RESET, json.dumps({"channel": channel}, separators=(",", ":")), event_id)


class EventBatch(Batch):
    """The events of one channel's part of a run.

    :ivar channel: its name.
    :ivar items: what the events were made of, for a stream that has to find its place first.
    """

    __slots__ = ("channel", "items")

    def __init__(self, channel: str, items: list[Publication], texts: list[str]) -> None:
        super().__init__(texts)
        self.channel = channel
        self.items = items


class Selection:
    """One list of channels; the form in which all who listen to just these get them.

    :ivar channels: their names, as the streams ask for them.
    :ivar positions: how far the channels with a history have come, for all who are up to date.
    :param channels: the names.
    :param kept: those of them that have a history.
    """

    def __init__(self, channels: tuple[str, ...], kept: Iterable[str]) -> None:
        self.channels = channels
        self.positions: dict[str, Position] = dict.fromkeys(kept, UNKNOWN)
        # Streams that use it.
        self.users = 0
        # What those get who come back, by where they stood; it leads to where all are now.
        self._missed: dict[object, Batch] = {}

    def __call__(self, channel: str, items: list[Item]) -> EventBatch | None:
        """Return the events of what is new in *items*; ``None`` when nothing is."""
        new = [item for item in items if isinstance(item, Publication) and self._is_new(channel, item)]
        return EventBatch(channel, new, [self._event(channel, item) for item in new]) if new else None

    def found(self, channel: str, position: Position) -> None:
        """Take note that the history of *channel* reaches to *position*, if nothing was known of it."""
        if self.positions[channel] is UNKNOWN:
            self._move(channel, position)

    def forget(self, channel: str) -> None:
        """Take note that the history of *channel* begins anew."""
        if channel in self.positions:
            self._move(channel, UNKNOWN)

    def missed(self, since: Mapping[str, Position], missed: Mapping[str, list[Publication]]) -> Batch:
        """Return the events that lead from *since* to where all are; made once for all who come from there.

        After a cut a thousand streams come back at once, and most of them stood in the same place.
        """
        key = tuple(since.items())
        batch = self._missed.get(key)
        if batch is None:
            if len(self._missed) == _REMEMBERED:
                self._missed.clear()
            batch = self._missed[key] = Batch(events_since(since, missed, {}))
        return batch

    @property
    def event_id(self) -> str:
        """The id of whoever has got everything up to now; ``""`` without any history."""
        return event_ids.encode(self.positions) if self.positions else ""

    def _move(self, channel: str, position: Position) -> None:
        self.positions[channel] = position
        if self._missed:
            self._missed.clear()

    def _is_new(self, channel: str, publication: Publication) -> bool:
        position = self.positions.get(channel)
        return (
            position is None
            or not publication.offset
            or publication.epoch != position.epoch
            or publication.offset > position.offset
        )

    def _event(self, channel: str, publication: Publication) -> str:
        if not publication.offset or channel not in self.positions:
            return event(channel, publication.data)
        self._move(channel, publication.position)
        return event(channel, publication.data, self.event_id)


class Selections:
    """The selections of one node: there is one for each list of channels that somebody listens to."""

    def __init__(self) -> None:
        self._by_channels: dict[tuple[str, ...], Selection] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_channels)

    def join(self, channels: tuple[str, ...], kept: Iterable[str]) -> Selection:
        """Return the selection of *channels*; each call wants one :meth:`leave`.

        The caller's duty is to subscribe to the channels in the same turn: a selection knows
        how far they are only while somebody listens.
        """
        selection = self._by_channels.get(channels)
        if selection is None:
            selection = self._by_channels[channels] = Selection(channels, kept)
        selection.users += 1
        return selection

    def leave(self, selection: Selection) -> None:
        """Take back one :meth:`join`.

        :raises StateError: nobody has joined it.
        """
        if not selection.users:
            raise StateError("a selection was left more often than joined")
        selection.users -= 1
        if not selection.users:
            del self._by_channels[selection.channels]


def events_since(
    positions: Mapping[str, Position], missed: Mapping[str, list[Publication]], resets: Mapping[str, Position]
) -> list[str]:
    """Return the events of a stream that has found its place.

    :param positions: where it stood, for all of its channels that have a history.
    :param missed: what was published on them since then, in order.
    :param resets: the channels of which more was missed than the history holds, and where they are now.
    """
    standing = dict(positions)
    texts = []
    for channel, position in resets.items():
        standing[channel] = position
        texts.append(reset(channel, event_ids.encode(standing)))
    for channel, publications in missed.items():
        for publication in publications:
            standing[channel] = publication.position
            texts.append(event(channel, publication.data, event_ids.encode(standing)))
    return texts
