# -*- test-case-name: tests.brokers.test_memory -*-
"""The broker for one process: what is published here is heard here, and nowhere else.

Rules:

* ``publish`` delivers before it returns, so a publication is not lost by a stop.
* A publication made while another is being delivered waits behind it: every
  subscriber sees the same order, whoever publishes in answer to what.
* History and presence are as with Redis, and end with the process.
* It belongs to the reactor's thread; whoever publishes from another one has to
  come over first (``reactor.callFromThread``).

It is the default, for development and for sites with a single daemon.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from random import Random

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed

from sockjsd.brokers._memory_archive import MemoryArchive
from sockjsd.brokers._memory_attendance import MemoryAttendance
from sockjsd.brokers.interface import BrokerStatus, ControlListener, Listener, discard
from sockjsd.brokers.values import META_TTL, History, Keeping, Once, Presence, Published
from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Position, Publication, Run
from sockjsd.channels.wire import decode, encode, well_formed
from sockjsd.errors import StateError

_ALWAYS = Once()


class MemoryBroker(Service):
    """A :class:`sockjsd.brokers.interface.Broker` without a network.

    :param on_run: see the interface.
    :param seconds: the clock; never goes back.
    :param random: makes the node's id, epochs and tags.

    :ivar on_run: see the interface; so are the others.
    """

    def __init__(
        self,
        on_run: Listener = discard,
        seconds: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        chance = random or Random()
        self.on_run: Listener = on_run
        self.on_control: ControlListener = discard
        self.on_lost: Callable[[], None] = discard
        self.on_back: Callable[[], None] = discard
        self.node = f"{chance.getrandbits(64):016x}"
        self.malformed = 0
        self._wanted: set[str] = set()
        # What was published while a run was being delivered: the next run.
        self._waiting: Run = {}
        self._delivering = False
        self._archive = MemoryArchive(seconds, chance)
        self._attendance = MemoryAttendance(seconds)

    @property
    def status(self) -> BrokerStatus:
        """Always connected: there is nothing to lose."""
        return BrokerStatus("memory", True, "in this process only")

    def service(self) -> Service:
        """This object; it has nothing to start."""
        return self

    # Items.

    def subscribe(self, channel: str) -> None:
        """Deliver what is published on *channel* from now on."""
        self._wanted.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """Deliver nothing more of *channel*; harmless when it was not subscribed."""
        self._wanted.discard(channel)

    def subscribed(self, channel: str) -> Deferred[None]:
        """A wish is kept at once."""
        if channel not in self._wanted:
            return fail(StateError(f"nobody wants channel {channel!r}"))
        return succeed(None)

    def publish(
        self, channel: str, publication: Publication, keeping: Keeping | None = None, once: Once | None = None
    ) -> Deferred[Published]:
        """Deliver *publication*; the Deferred has fired already, with 1 node, or 0 where nobody listens."""
        placed, position = self._archive.add(channel, self._mend(publication), keeping, once or _ALWAYS)
        if placed is None:
            return succeed(Published(0, position, duplicate=True))
        return succeed(Published(self._put(channel, placed), position))

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """Deliver *change*."""
        self._put(channel, change)
        return succeed(None)

    # What channels remember.

    def history(
        self,
        channel: str,
        since: Position | None = None,
        limit: int = -1,
        *,
        reverse: bool = False,
        meta_ttl: float = META_TTL,
    ) -> Deferred[History]:
        """See the interface."""
        return succeed(self._archive.history(channel, since, limit, reverse, meta_ttl))

    def renew(self, channel: str, epoch: str, *, meta_ttl: float = META_TTL) -> Deferred[Position]:
        """See the interface."""
        return succeed(self._archive.renew(channel, epoch, meta_ttl))

    def remove_history(self, channel: str) -> Deferred[None]:
        """See the interface."""
        self._archive.remove(channel)
        return succeed(None)

    def add_presence(self, channel: str, client: str, info: ClientInfo, ttl: float) -> Deferred[None]:
        """See the interface."""
        self._attendance.add(channel, client, info, ttl)
        return succeed(None)

    def remove_presence(self, channel: str, client: str) -> Deferred[None]:
        """See the interface."""
        self._attendance.remove(channel, client)
        return succeed(None)

    def presence(self, channel: str) -> Deferred[Presence]:
        """See the interface."""
        return succeed(self._attendance.read(channel))

    def presence_stats(self, channel: str) -> Deferred[tuple[int, int]]:
        """See the interface."""
        return succeed(self._attendance.count(channel))

    # The only node.

    def send(self, payload: bytes, node: str = "") -> Deferred[int]:
        """Hand *payload* to this node, unless it is for another one."""
        if node not in ("", self.node):
            return succeed(0)
        self.on_control(payload)
        return succeed(1)

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """The channels that are wanted here."""
        return succeed({channel: 1 for channel in sorted(self._wanted) if fnmatchcase(channel, pattern or "*")})

    def _mend(self, publication: Publication) -> Publication:
        """The publication as it would come through Redis: well-formed throughout."""
        if publication.info is None and publication.tags is None:
            data = well_formed(publication.data)
            if data is publication.data:
                return publication
            self.malformed += 1
            return Publication(data)
        self.malformed += well_formed(publication.data) is not publication.data
        through = decode(encode(publication))
        return through if isinstance(through, Publication) else publication

    def _put(self, channel: str, item: Item) -> int:
        if channel not in self._wanted:
            return 0
        self._waiting.setdefault(channel, []).append(item)
        if not self._delivering:
            self._deliver()
        return 1

    def _deliver(self) -> None:
        self._delivering = True
        try:
            while self._waiting:
                run, self._waiting = self._waiting, {}
                self.on_run(run)
        finally:
            self._delivering = False
