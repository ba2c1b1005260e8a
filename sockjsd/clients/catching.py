# -*- test-case-name: tests.clients.test_catching -*-
"""What a client gets that subscribes while publications are on their way: decided at one moment.

Three things are known then: what was read from the history, what was caught since the channel is
listened to, and up to which place this node has delivered it.  The client gets what it
missed up to that place, and everything behind it together with all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sockjsd.brokers.values import History
from sockjsd.channels.publications import Item, Position, Publication


@dataclass(frozen=True, slots=True)
class Settlement:
    """Where a subscription begins.

    :ivar position: what comes from the hub goes on from here.
    :ivar recovered: whether the client misses nothing up to there, once it has *publications*.
    """

    position: Position
    publications: tuple[Publication, ...] = ()
    recovered: bool = False


def delivered_up_to(top: Position, caught: Iterable[Item]) -> Position:
    """Return the place after *top* and all of *caught*."""
    for item in caught:
        if isinstance(item, Publication) and item.offset and (item.epoch != top.epoch or item.offset > top.offset):
            top = item.position
    return top


def settle_stream(since: Position, history: History, caught: Iterable[Item], position: Position) -> Settlement:
    """Return all that came after *since*, up to *position*, or nothing when not all of it is known.

    :param history: read from *since* on.
    :param position: up to where this node has delivered.
    """
    if not since.epoch == history.position.epoch == position.epoch:
        return Settlement(position)
    known = {item.offset: item for item in _numbered([*history.publications, *caught], position.epoch)}
    missed = [
        known.get(offset) for offset in range(since.offset + 1, min(position.offset, since.offset + len(known)) + 1)
    ]
    complete = [publication for publication in missed if publication is not None]
    if since.offset + len(complete) != position.offset:
        return Settlement(position)
    return Settlement(position, tuple(complete), recovered=True)


def settle_cache(since: Position, history: History, caught: Iterable[Item], position: Position) -> Settlement:
    """Return the latest publication up to *position*, if the client has not seen it.

    :param history: read from its end, one publication.
    """
    if (since.offset, since.epoch) == (position.offset, position.epoch):
        return Settlement(position, recovered=True)
    known = [
        item for item in _numbered([*history.publications, *caught], position.epoch) if item.offset <= position.offset
    ]
    latest = max(known, key=lambda item: item.offset, default=None)
    return Settlement(position, () if latest is None else (latest,), recovered=latest is not None)


def _numbered(items: Iterable[Item], epoch: str) -> list[Publication]:
    return [item for item in items if isinstance(item, Publication) and item.offset and item.epoch == epoch]
