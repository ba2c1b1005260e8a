# -*- test-case-name: tests.test_relay -*-
"""What the relay and the channels that it follows know of each other.

There are two kinds of them: a :class:`~sockjsd.lines.Line` has a history and keeps what is delivered
complete, a :class:`~sockjsd.numbered.NumberedLine` has none and counts what did not come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from sockjsd.channels.publications import Item, Position
from sockjsd.channels.timeline import TimelineCounts


class Followed(Protocol):
    """What the relay needs of each channel that it follows."""

    over: bool

    @property
    def sound(self) -> bool:
        """Whether items pass."""

    @property
    def position(self) -> Position:
        """The last publication that was delivered."""

    def begin(self, rest: Position | None) -> None:
        """Ask the broker for what comes."""

    def confirm(self) -> None:
        """Take note that everything that is published arrives, and compare."""

    def lose(self) -> None:
        """Take note that the broker is away."""

    def end(self) -> bool:
        """Take note that nobody wants the channel any more; return whether the broker knows of it."""

    def take(self, items: list[Item]) -> list[Item]:
        """Return what of *items* is to be delivered now."""

    def check(self) -> None:
        """Compare with what the broker knows."""

    def subscribed(self) -> Deferred[None]:
        """Fires when everything that is published from now on arrives."""

    def grow_older(self) -> bool:
        """Take note that a second has passed; return whether what was read is kept any longer."""


class Outlet(Protocol):
    """What a line needs of the relay."""

    seen: TimelineCounts

    def serially(self, call: Callable[[], None]) -> None:
        """Call *call* now, or after what is being delivered has been delivered to everybody."""

    def hand_on(self, channel: str, items: list[Item]) -> None:
        """Deliver *items* to the subscribers of *channel*."""

    def tell_reset(self, channel: str) -> None:
        """Tell the subscribers of *channel* that what follows does not join up."""

    def asking(self) -> None:
        """A question to the broker has begun."""

    def answered(self, line: Followed) -> None:
        """It has ended; the line may be unsound still."""

    def count_missed(self, channel: str, missed: int) -> None:
        """So many publications on *channel* did not come; less than none came after all."""

    @property
    def busy(self) -> bool:
        """Whether something is being delivered."""
