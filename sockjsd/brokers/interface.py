# -*- test-case-name: tests.brokers.test_interface -*-
"""What the daemon knows of a broker: wishes go in, runs of items come out.

A broker carries publications between processes (Redis) or inside this one
(memory), and keeps what channels remember: history and presence.  The hub tells it which
channels somebody here listens to, and it calls ``on_run`` with what arrived.  The unit is
the *run*: all items that one read from the broker brought, per channel and in order.

Nothing here may block, and nothing raises because a broker is down: a wish is
remembered until it can be kept, and everything else fails its Deferred with
:class:`sockjsd.errors.BrokerUnavailable`.

It is one interface in four parts, so that each user can name the part that it needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred

from sockjsd.brokers.values import META_TTL, History, Keeping, Once, Presence, Published
from sockjsd.channels.publications import ClientInfo, Joined, Left, Position, Publication, Run

__all__ = [
    "Archive",
    "Attendance",
    "Broker",
    "BrokerStatus",
    "Carrier",
    "Control",
    "ControlListener",
    "History",
    "Keeping",
    "Listener",
    "Once",
    "Presence",
    "Published",
    "Run",
    "discard",
]

#: Takes one run; must not raise.
Listener = Callable[[Run], None]

#: Takes one control message; must not raise.
ControlListener = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class BrokerStatus:
    """What ``/ready`` and the status page say about the broker.

    :ivar name: ``"memory"`` or ``"redis"``.
    :ivar connected: whether publications arrive now: every channel that is wanted
        has been confirmed.
    :ivar detail: one short sentence for people; never a password or a user name.
    """

    name: str
    connected: bool
    detail: str


class Carrier(Protocol):
    """Carries items from whoever publishes to whoever subscribed.

    :ivar on_run: called with each run, in the reactor's thread; set it before the
        service starts.
    """

    on_run: Listener

    def subscribe(self, channel: str) -> None:
        """Want the items of *channel* from now on; remembered while disconnected."""

    def unsubscribe(self, channel: str) -> None:
        """Want no more items of *channel*; one that was under way may still arrive."""

    def subscribed(self, channel: str) -> Deferred[None]:
        """Fires when everything published on *channel* from now on arrives: its wish is confirmed.

        It fails where the connection is away or goes away before; the wish is remembered nevertheless.

        :raises StateError: (in the Deferred) nobody wants *channel*.
        """

    def publish(
        self, channel: str, publication: Publication, keeping: Keeping | None = None, once: Once | None = None
    ) -> Deferred[Published]:
        """Send *publication* to all who listen to *channel*, on every node, and keep it where *keeping* says so.

        Its position is given here; one that it has already is ignored.
        """

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """Tell all who listen to *channel* that a client came or went."""


class Archive(Protocol):
    """What channels remember of their publications."""

    def history(
        self,
        channel: str,
        since: Position | None = None,
        limit: int = -1,
        *,
        reverse: bool = False,
        meta_ttl: float = META_TTL,
    ) -> Deferred[History]:
        """Read the history of *channel*; a channel that has none begins an epoch with this.

        :param since: only what comes after its offset, before it with *reverse*; its epoch is for the caller
            to compare with that of the answer.
        :param limit: the most publications to read; 0 for the position only, -1 for all.
        :param reverse: the newest first.
        :param meta_ttl: seconds for which the epoch is remembered from now.
        """

    def renew(self, channel: str, epoch: str, *, meta_ttl: float = META_TTL) -> Deferred[Position]:
        """Begin a new epoch and forget the history, but only if the epoch still is *epoch*; fires with what holds now.

        So any number of nodes that find the same fault begin one new epoch together.
        """

    def remove_history(self, channel: str) -> Deferred[None]:
        """Forget the publications of *channel*; epoch and offset go on."""


class Attendance(Protocol):
    """Who is on a channel: leases, so that a node that dies is forgotten."""

    def add_presence(self, channel: str, client: str, info: ClientInfo, ttl: float) -> Deferred[None]:
        """Let *client* count as present for *ttl* seconds from now, however long it would have otherwise."""

    def remove_presence(self, channel: str, client: str) -> Deferred[None]:
        """End the lease of *client* now, if it has one."""

    def presence(self, channel: str) -> Deferred[Presence]:
        """Who is on *channel*, by the id of the connection."""

    def presence_stats(self, channel: str) -> Deferred[tuple[int, int]]:
        """How many connections, and how many different users, are on *channel*."""


class Control(Protocol):
    """What nodes say to each other, and what is known of all of them.

    :ivar node: the id of this node, unlike that of any other.
    :ivar on_control: called with each message of another node or of this one, in the reactor's thread.
    """

    on_control: ControlListener

    @property
    def node(self) -> str:
        """The id of this node."""

    def send(self, payload: bytes, node: str = "") -> Deferred[int]:
        """Send *payload* to the node with this id, to all (and this one) without; fires with how many got it."""

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """The channels that somebody listens to and how many nodes do.

        :param pattern: with ``*``, ``?`` and ``[…]`` as in a shell; nothing for all.
        """


class Broker(Carrier, Archive, Attendance, Control, Protocol):
    """All of it, and how it is.

    :ivar on_lost: called when the connection is gone: until *on_back* what is published may be missed, and what
        arrives first may come from another Redis.
    :ivar on_back: called when every channel that is wanted is confirmed again after a loss, maybe by another
        Redis: what was published meanwhile was missed, and what was delivered may be gone.
    """

    on_lost: Callable[[], None]
    on_back: Callable[[], None]

    @property
    def malformed(self) -> int:
        """How many publications were not valid Unicode and got U+FFFD for each broken piece, since the start."""

    @property
    def status(self) -> BrokerStatus:
        """How the broker is now."""

    def service(self) -> Service:
        """The service that connects when it starts, and is quiet when it has stopped."""


def discard(arrived: object = None) -> None:
    """The listener of a broker that nobody has attached anything to yet."""
