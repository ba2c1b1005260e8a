# -*- test-case-name: tests.clients.test_alarms -*-
"""A time-out on the timer wheel that calls a function: for objects with several."""

from __future__ import annotations

from collections.abc import Callable

from sockjsd.wheel import Wheel


class Alarm:
    """Calls *call* when its time has come; set again, the earlier time does not count.

    :param wheel: keeps the time.
    """

    __slots__ = ("_call", "_wheel", "due")

    def __init__(self, wheel: Wheel, call: Callable[[], object]) -> None:
        self._wheel = wheel
        self._call = call
        self.due = -1

    def set(self, seconds: float) -> None:
        """Call in *seconds*, at the next turn of the wheel if that is over."""
        self._wheel.set(self, max(seconds, 0.0))

    def cancel(self) -> None:
        """Call no more."""
        self._wheel.cancel(self)

    def timed_out(self) -> None:
        """For the wheel."""
        self._call()
