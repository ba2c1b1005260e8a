# -*- test-case-name: tests.clients.test_alarms -*-
"""Alarms: several for one object."""

from __future__ import annotations

from unittest import TestCase

from twisted.internet.task import Clock

from sockjsd.clients.alarms import Alarm
from sockjsd.wheel import Wheel


class AlarmTests(TestCase):
    """Two alarms on one wheel."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.calls: list[str] = []
        self.one = Alarm(self.wheel, lambda: self.calls.append("one"))
        self.two = Alarm(self.wheel, lambda: self.calls.append("two"))

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)

    def test_alarm_calls_once_when_its_time_has_come(self) -> None:
        """Each its own function."""
        self.one.set(1)
        self.two.set(2)
        self.pass_seconds(1.5)
        self.assertEqual(self.calls, ["one"])
        self.pass_seconds(5)
        self.assertEqual(self.calls, ["one", "two"])

    def test_alarm_waits_anew_when_it_is_set_again(self) -> None:
        """The earlier time does not count."""
        self.one.set(1)
        self.pass_seconds(0.75)
        self.one.set(2)
        self.pass_seconds(1.5)
        self.assertEqual(self.calls, [])
        self.pass_seconds(1)
        self.assertEqual(self.calls, ["one"])

    def test_alarm_calls_at_once_when_its_time_is_over(self) -> None:
        """At the next turns of the wheel, not within ``set``."""
        self.one.set(-5)
        self.assertEqual(self.calls, [])
        self.pass_seconds(0.5)
        self.assertEqual(self.calls, ["one"])

    def test_alarm_is_silent_when_it_is_cancelled(self) -> None:
        """Also when it was never set."""
        self.two.cancel()
        self.one.set(1)
        self.one.cancel()
        self.pass_seconds(3)
        self.assertEqual((self.calls, len(self.wheel)), ([], 0))
