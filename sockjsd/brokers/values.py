# -*- test-case-name: tests.brokers.test_values -*-
"""What is said to a broker and what it answers, as values.

They import no Twisted, because Django publishes with them from processes that
have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.errors import StateError

#: Seconds for which a channel remembers its epoch and its last offset when nobody says otherwise: 30 days,
#: so that whoever comes back from holidays still learns what was missed (as Centrifugo's ``history_meta_ttl``).
META_TTL = 30 * 24 * 3600.0
#: Seconds for which an idempotency key counts when nobody says otherwise (as Centrifugo's).
ONCE_TTL = 300.0
#: The first version that is too big: Lua counts in floating point, exact below this.
VERSION_LIMIT = 2**53

#: Who is on a channel, by the id of the connection.
Presence = dict[str, ClientInfo]


@dataclass(frozen=True, slots=True)
class Keeping:
    """That a publication is kept in the channel's history, and for how long; or only numbered.

    :ivar size: the most publications that are kept; 0: they get a position, and nothing is kept.
    :ivar ttl: seconds after the channel's last publication when the history is forgotten.
    :ivar meta_ttl: seconds after the last use when epoch and offset are forgotten; not below *ttl*, or
        the history would go with them.
    """

    size: int
    ttl: float
    meta_ttl: float = META_TTL

    def __post_init__(self) -> None:
        if self.size < 0 or (self.size and self.ttl <= 0) or self.meta_ttl <= 0:
            raise StateError(f"a history has publications for more than 0 s, not {self}")


class KeepingRules(Protocol):
    """What is read of a namespace."""

    @property
    def history_size(self) -> int:
        """Publications that are kept; 0 for no history."""

    @property
    def history_ttl(self) -> float:
        """Seconds for which they are."""

    @property
    def numbered(self) -> bool:
        """Whether publications are numbered even where none is kept."""


def keeping_for(rules: KeepingRules | None, meta_ttl: float) -> Keeping | None:
    """Return how a channel with these *rules* keeps its publications; ``None`` where it neither keeps nor counts."""
    if rules is None or not (rules.history_size or rules.numbered):
        return None
    return Keeping(rules.history_size, rules.history_ttl, meta_ttl)


@dataclass(frozen=True, slots=True)
class Once:
    """When a publication counts as a repetition, which changes nothing.

    :ivar key: a publication with the key of an earlier one is a repetition; ``""`` for none.
    :ivar ttl: seconds for which *key* is remembered.
    :ivar version: where the channel keeps a history, a publication whose version is not above the last one is
        stale, and treated as a repetition; 0 for none.
    :ivar version_epoch: versions are compared only with those of the same epoch; ``""`` compares with any.
    """

    key: str = ""
    ttl: float = ONCE_TTL
    version: int = 0
    version_epoch: str = ""

    def __post_init__(self) -> None:
        if self.ttl <= 0 or not 0 <= self.version < VERSION_LIMIT:
            raise StateError(f"a time is above 0 s and a version is from 0 to {VERSION_LIMIT - 1}, not {self}")


@dataclass(frozen=True, slots=True)
class Letter:
    """One publication of Django's that is on its way: a checked channel, what is sent, when it counts as a repetition.

    :ivar keep: whether it is kept where the channel has a history.
    """

    channel: str
    publication: Publication
    once: Once | None = None
    keep: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publication.

    :ivar receivers: how many nodes got it; 0 for a repetition.
    :ivar position: where it stands; that of the first one for a repetition, the channel's last one for a
        stale version, and empty without history.
    :ivar duplicate: whether it was a repetition or stale, so that nobody got it.
    """

    receivers: int
    position: Position
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """A part of a channel's history.

    :ivar publications: in the order that was asked for.
    :ivar position: of the channel's last publication, whether or not it is still kept.
    """

    publications: list[Publication]
    position: Position
