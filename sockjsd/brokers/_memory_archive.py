# -*- test-case-name: tests.brokers.test_memory_archive -*-
"""What the memory broker remembers of publications: histories, epochs, idempotency keys, versions.

It does what the scripts for Redis do, step by step, so that a site that grows from one
to the other sees no difference.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random
from sys import maxsize

from sockjsd.brokers._expiring import Expiring
from sockjsd.brokers.values import History, Keeping, Once
from sockjsd.channels.publications import Position, Publication


def make_digits(random: Random) -> str:
    """8 random hexadecimal digits: a tag, or an epoch, which only has to differ from those before it."""
    return f"{random.getrandbits(32):08x}"


def _without_position(publication: Publication) -> Publication:
    return replace(publication, offset=0, epoch="", tag="") if publication.offset else publication


@dataclass(slots=True)
class _Meta:
    """What a channel remembers beside its publications."""

    position: Position
    version: int = 0
    version_epoch: str = ""

    def is_ahead_of(self, once: Once) -> bool:
        """Whether the version of *once* is stale."""
        same = once.version_epoch in ("", self.version_epoch)
        return bool(once.version) and same and self.version >= once.version


class MemoryArchive:
    """The histories of one process.

    :param seconds: the clock.
    :param random: makes epochs and tags.
    """

    def __init__(self, seconds: Callable[[], float], random: Random) -> None:
        self._random = random
        self._streams: Expiring[str, deque[Publication]] = Expiring(seconds)
        self._metas: Expiring[str, _Meta] = Expiring(seconds)
        self._results: Expiring[tuple[str, str], Position] = Expiring(seconds)

    def add(
        self, channel: str, publication: Publication, keeping: Keeping | None, once: Once
    ) -> tuple[Publication | None, Position]:
        """Give *publication* its position and keep it.

        Returns it, or ``None`` where it is a repetition or stale, and the position for whoever published it.
        """
        known = self._results.get((channel, once.key)) if once.key else None
        if known is not None:
            return None, known
        if keeping is None:
            placed: Publication | None = _without_position(publication)
            position = Position()
        else:
            placed, position = self._keep(channel, publication, keeping, once)
        if once.key and placed is not None:
            self._results.put((channel, once.key), position, once.ttl)
        return placed, position

    def history(self, channel: str, since: Position | None, limit: int, reverse: bool, meta_ttl: float) -> History:
        """Read; see the interface."""
        meta = self._meta(channel, meta_ttl)
        wanted = self._select(channel, since, reverse)
        publications = list(wanted if limit < 0 else islice(wanted, min(limit, maxsize)))
        return History(publications, meta.position)

    def renew(self, channel: str, epoch: str, meta_ttl: float) -> Position:
        """Begin a new epoch where it still is *epoch*; see the interface."""
        meta = self._meta(channel, meta_ttl)
        if meta.position.epoch == epoch:
            self._streams.pop(channel)
            meta.position = Position(0, make_digits(self._random))
        return meta.position

    def remove(self, channel: str) -> None:
        """Forget the publications; see the interface."""
        self._streams.pop(channel)

    def _keep(
        self, channel: str, publication: Publication, keeping: Keeping, once: Once
    ) -> tuple[Publication | None, Position]:
        meta = self._meta(channel, keeping.meta_ttl)
        if meta.is_ahead_of(once):
            return None, meta.position
        if once.version:
            meta.version, meta.version_epoch = once.version, once.version_epoch
        meta.position = Position(meta.position.offset + 1, meta.position.epoch, make_digits(self._random))
        place = meta.position
        placed = replace(publication, offset=place.offset, epoch=place.epoch, tag=place.tag)
        if keeping.size:
            self._append(channel, placed, keeping)
        return placed, place

    def _append(self, channel: str, placed: Publication, keeping: Keeping) -> None:
        stream = self._streams.get(channel)
        if stream is None or stream.maxlen != keeping.size:
            stream = deque(stream or (), keeping.size)
        stream.append(placed)
        self._streams.put(channel, stream, keeping.ttl)

    def _meta(self, channel: str, ttl: float) -> _Meta:
        """What the channel remembers, from now for *ttl* seconds more; a new epoch where it remembers nothing."""
        meta = self._metas.get(channel)
        if meta is None:
            self._streams.pop(channel)
            meta = _Meta(Position(0, make_digits(self._random)))
        self._metas.put(channel, meta, ttl)
        return meta

    def _select(self, channel: str, since: Position | None, reverse: bool) -> Iterator[Publication]:
        stream = self._streams.get(channel) or deque[Publication]()
        if reverse:
            return (entry for entry in reversed(stream) if since is None or entry.offset < since.offset)
        if since is None or not stream:
            return iter(stream)
        # Offsets have no holes: what comes after the one is found without looking at those before it.
        return islice(stream, min(max(0, since.offset + 1 - stream[0].offset), len(stream)), None)
