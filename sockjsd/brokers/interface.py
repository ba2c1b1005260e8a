# -*- test-case-name: tests.brokers.test_interface -*-
"""What the daemon knows of a broker: wishes go in, runs of publications come out.

A broker carries publications between processes (Redis) or inside this one
(memory).  The hub tells it which channels somebody here listens to, and it calls
``on_run`` with what arrived.  The unit is the *run*: all publications that one
read from the broker brought, per channel and in order.

Nothing here may block, and nothing raises because a broker is down: a wish is
remembered until it can be kept, and a publication that did not go out fails its
Deferred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred

#: What one read from the broker brought: for each channel its texts, oldest first.
Run = dict[str, list[str]]

#: Takes one run; must not raise.
Listener = Callable[[Run], None]


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


class Broker(Protocol):
    """Carries publications from whoever publishes to whoever subscribed.

    :ivar on_run: called with each run, in the reactor's thread; set it before the
        service starts.
    """

    on_run: Listener

    @property
    def malformed(self) -> int:
        """How many publications were not valid Unicode and got U+FFFD for each broken piece, since the start."""

    @property
    def status(self) -> BrokerStatus:
        """How the broker is now."""

    def subscribe(self, channel: str) -> None:
        """Want the publications of *channel* from now on; remembered while disconnected."""

    def unsubscribe(self, channel: str) -> None:
        """Want no more publications of *channel*; one that was under way may still arrive."""

    def publish(self, channel: str, payload: str) -> Deferred[int]:
        """Send *payload* to all who listen to *channel*, on every node.

        The Deferred fires with the number of nodes that got it, and fails with
        :class:`sockjsd.errors.BrokerUnavailable` when it did not go out in time.
        """

    def service(self) -> Service:
        """The service that connects when it starts, and is quiet when it has stopped."""


def discard(run: Run) -> None:
    """The listener of a broker that nobody has attached a hub to yet."""


def well_formed(text: str) -> str:
    """*text* with each lone surrogate replaced by U+FFFD, the same object if it has none.

    Python strings can hold what no UTF-8 can (``json.loads`` makes such), and
    neither Redis nor a browser accepts it.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
