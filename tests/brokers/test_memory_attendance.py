# -*- test-case-name: tests.brokers.test_memory_attendance -*-
"""Tests for sockjsd.brokers._memory_attendance, beside the contract of all brokers in tests.brokers.test_memory."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._memory_attendance import MemoryAttendance
from sockjsd.channels.publications import ClientInfo

ANN, BOB = ClientInfo("1", "a"), ClientInfo("2", "b")


class AttendanceTests(SynchronousTestCase):
    """Leases on a clock that is moved by hand."""

    def setUp(self) -> None:
        """Nobody is there."""
        self.clock = Clock()
        self.attendance = MemoryAttendance(self.clock.seconds)

    def test_lease_is_read_until_it_ends(self) -> None:
        """Renewed or removed by its client, forgotten by itself."""
        self.attendance.add("news", "a", ANN, 10)
        self.attendance.add("news", "b", BOB, 10)
        self.clock.advance(9)
        self.attendance.add("news", "a", ANN, 10)
        self.assertEqual(self.attendance.read("news"), {"a": ANN, "b": BOB})
        self.clock.advance(1)
        self.assertEqual((self.attendance.read("news"), self.attendance.count("news")), ({"a": ANN}, (1, 1)))
        self.attendance.remove("news", "a")
        self.assertEqual(self.attendance.count("news"), (0, 0))

    def test_users_are_counted_once(self) -> None:
        """However many connections they have."""
        for client in "xyz":
            self.attendance.add("news", client, ClientInfo("1", client), 10)
        self.attendance.add("news", "b", BOB, 10)
        self.assertEqual(self.attendance.count("news"), (4, 2))

    def test_unknown_channel_is_empty(self) -> None:
        """To ask, or to leave, creates nothing."""
        self.attendance.remove("news", "a")
        self.assertEqual((self.attendance.read("news"), self.attendance.count("news")), ({}, (0, 0)))
        self.assertEqual(len(self.attendance._channels), 0)

    def test_channel_is_forgotten_after_its_last_lease(self) -> None:
        """When another one is used."""
        for number in range(100):
            self.attendance.add(f"c{number}", "a", ANN, 10)
        self.clock.advance(10)
        self.attendance.add("news", "a", ANN, 10)
        self.assertEqual(len(self.attendance._channels), 1)

    def test_channel_lasts_as_long_as_its_longest_lease(self) -> None:
        """A short lease that comes later does not end it."""
        self.attendance.add("news", "a", ANN, 60)
        self.attendance.add("news", "b", BOB, 5)
        self.clock.advance(30)
        self.assertEqual(self.attendance.read("news"), {"a": ANN})
