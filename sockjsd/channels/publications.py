# -*- test-case-name: tests.channels.test_publications -*-
"""What travels on a channel: publications, and who joined and left.

These are values and nothing else: a broker makes them, the relay puts them in order,
the hub hands them on.  A position says where in a channel's history a publication
stands; it has three parts, because a number alone cannot tell two histories apart:

* ``offset`` counts the publications of a channel from 1;
* ``epoch`` changes when a history begins anew, as after Redis lost everything;
* ``tag`` is random for each entry, and tells two entries apart that got the same
  offset in the same epoch, as happens when Redis comes back older than it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """Who published, joined or left.

    :ivar user: the user's id, ``""`` for an anonymous one.
    :ivar client: the id of the connection.
    :ivar conn_info: JSON text that belongs to the connection, ``""`` for none.
    :ivar chan_info: JSON text that belongs to the subscription, ``""`` for none.
    """

    user: str
    client: str
    conn_info: str = ""
    chan_info: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a channel's history.

    :ivar offset: the number of the last publication before this place; 0 is the beginning.
    :ivar epoch: which history; ``""`` when it is not known, or there is none.
    :ivar tag: 8 hexadecimal digits that only the entry at *offset* has; ``""`` when they are not known.
    """

    offset: int = 0
    epoch: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """One message on a channel.

    :ivar data: JSON text in well-formed Unicode; what came by a plain ``PUBLISH`` is as it came.
    :ivar offset: its number in the channel's history, from 1; 0 when the channel has none,
        or it was a plain ``PUBLISH``.
    :ivar epoch: the history's epoch, ``""`` where *offset* is 0.
    :ivar tag: see :class:`Position`.
    :ivar info: the client that published it; ``None`` when it was the site.
    :ivar tags: what the publisher said about it, for whoever filters.
    """

    data: str
    offset: int = 0
    epoch: str = ""
    tag: str = ""
    info: ClientInfo | None = None
    tags: Mapping[str, str] | None = None

    @property
    def position(self) -> Position:
        """Where it stands in the history: the place right after it."""
        return Position(self.offset, self.epoch, self.tag)


@dataclass(frozen=True, slots=True)
class Joined:
    """A client subscribed to the channel."""

    info: ClientInfo


@dataclass(frozen=True, slots=True)
class Left:
    """A client left the channel."""

    info: ClientInfo


#: What one channel carries.
Item = Publication | Joined | Left

#: What one read from the broker brought: for each channel its items, oldest first.
Run = dict[str, list[Item]]
