# -*- test-case-name: tests.test_wheel -*-
"""One coarse timer for a hundred thousand time-outs.

The reactor's own ``callLater`` keeps an object and a heap entry for each call.  Here a
time-out is one integer on the item that waits, and setting it again is two set
operations: cheap enough to do it for each poll of each client.  The price is
precision: a time-out fires less than two turns of ``RESOLUTION`` seconds late, never early.

When the process has stood still (a suspended machine, a processor that others had), what peers
sent in time waits to be read, and the reactor runs timers first.  So the time-outs of a stall fire
after the reactor has read: who has spoken is not taken for silent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

#: Seconds between two turns of the wheel: a twentieth of the shortest delay that is
#: usual (the 5 s of ``disconnect_delay``), and still nothing for an idle process.
RESOLUTION = 0.25

#: Turns in a second.
_SECOND = round(1 / RESOLUTION)

#: Turns that come together after a stall, and no longer because there is much to do.
_STALL = _SECOND
#: How often the reactor reads before the time-outs of a stall fire: a port accepts one connection after a quiet time,
#: 20 more in each turn, and 100 at most, so that is a backlog of 4,096, and one turn more to read what they say.
_READS = 50
#: Seconds that it may take for that; where each turn is a stall, heartbeats must not wait for ever.
_READING = 1.0


class Timed(Protocol):
    """Something that can wait on the wheel."""

    #: At which turn it is due; -1 while it does not wait.  Written by the wheel only.
    due: int

    def timed_out(self) -> None:
        """Called once when the time has come."""


class Wheel:
    """Calls ``item.timed_out()`` after a number of seconds; turns between ``start`` and ``stop``.

    :param clock: the reactor, or a ``Clock`` in tests.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._turn = 0
        # The last turn whose time-outs have fired.
        self._done = 0
        # Fires those of a stall.
        self._late: IDelayedCall | None = None
        self._slots: dict[int, set[Timed]] = {}
        self._each_second: list[Callable[[], object]] = []
        self._clock = clock
        self._loop = LoopingCall.withCount(self._advance)
        self._loop.clock = clock
        self._running: Deferred[LoopingCall] | None = None

    def start(self) -> None:
        """Begin to turn."""
        if not self._loop.running:
            self._running = self._loop.start(RESOLUTION, now=False)
            for call in self._each_second:
                self._call(call)

    def stop(self) -> None:
        """Stop turning; what waits stays where it is."""
        if self._loop.running:
            self._loop.stop()
        if self._late is not None and self._late.active():
            self._late.cancel()

    def each_second(self, call: Callable[[], object]) -> None:
        """Call *call* as soon as the wheel turns, and each second; once after a stall, however long it was.

        It counts as nobody who waits; what it raises is logged.
        """
        self._each_second.append(call)
        if self._loop.running:
            self._call(call)

    def set(self, item: Timed, seconds: float) -> None:
        """Let *item* time out after *seconds*, instead of when it was due before."""
        # One turn more, because the present one has begun at an unknown time.
        due = self._turn + ceil(seconds / RESOLUTION) + 1
        if due == item.due:  # busy clients set theirs again in the same turn
            return
        if item.due >= 0:
            self.cancel(item)
        item.due = due
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = set()
        slot.add(item)

    def cancel(self, item: Timed) -> None:
        """Let *item* wait no longer, if it does."""
        if item.due >= 0:
            slot = self._slots[item.due]
            slot.discard(item)
            if not slot:  # time-outs of a month would leave millions
                del self._slots[item.due]
            item.due = -1

    def __len__(self) -> int:
        """How many items wait."""
        return sum(map(len, self._slots.values()))

    def _advance(self, turns: int) -> None:
        # After a stall many turns come at once.  What is set from here on counts from now, or a
        # peer that was asked a moment ago would be late already.
        self._turn += turns
        if self._late is not None and self._late.active():
            return  # what waits for the reactor to read takes these turns along
        if turns <= _STALL:
            self._catch_up()
        else:
            self._read_first(_READS, self._clock.seconds() + _READING)

    def _read_first(self, times: int, until: float) -> None:
        """Catch up after the reactor has read so many times, or when it is time to."""
        if times and self._clock.seconds() < until:
            self._late = self._clock.callLater(0, self._read_first, times - 1, until)
        else:
            self._catch_up()

    def _catch_up(self) -> None:
        """Fire the time-outs of all turns up to the present one."""
        turns, self._done = self._turn - self._done, self._turn
        for turn in self._passed(turns):
            slot = self._slots.get(turn)
            # An item of this slot may cancel another one of it: take them out one by one.
            while slot:
                self._fire(slot.pop())
            self._slots.pop(turn, None)
        if self._turn // _SECOND > (self._turn - turns) // _SECOND:
            for call in self._each_second:
                self._call(call)

    def _passed(self, turns: int) -> Iterable[int]:
        """Return the last so many turns, or those of them for which something waits, in order."""
        if turns <= len(self._slots):
            return range(self._turn - turns + 1, self._turn + 1)
        # A clock that was set from 1970 to today brings billions.
        return sorted(turn for turn in self._slots if turn <= self._turn)

    def _call(self, call: Callable[[], object]) -> None:
        try:
            call()
        except Exception:  # it must not stop the wheel either, which nobody would start again
            self._log.failure("What is done each second failed")

    def _fire(self, item: Timed) -> None:
        item.due = -1
        try:
            item.timed_out()
        except Exception:  # one broken item must not stop everybody's heartbeat
            self._log.failure("A time-out of {item} failed", item=type(item).__name__)
