# -*- test-case-name: tests.http.test_flow -*-
"""The way out of a connection."""

from __future__ import annotations

from unittest import TestCase

from twisted.internet.interfaces import IPushProducer
from zope.interface.verify import verifyObject

from sockjsd.http.flow import SLICE, Flow
from sockjsd.http.gathering import Gathering


class Transport:
    """Is full after each large write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.flow: Flow

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        if len(data) > 64 * 1024:
            self.flow.pauseProducing()


class FlowTests(TestCase):
    """What is sent at once, what waits, and what is told."""

    def setUp(self) -> None:
        self.told: list[bool] = []
        self.transport = Transport()
        self.flow = self.transport.flow = Flow(self.transport, self, Gathering())

    def moved(self, writable: bool) -> None:
        """Take note, as the watcher."""
        self.told.append(writable)

    def test_flow_is_a_producer(self) -> None:
        """Twisted's transports accept no less."""
        verifyObject(IPushProducer, self.flow)

    def test_small_data_is_passed_on(self) -> None:
        """As it is, also while the transport is full: it has a buffer."""
        data = b"one"
        self.flow.send(data)
        self.assertIs(self.transport.writes[0], data)
        self.flow.pauseProducing()
        self.flow.send(b"two")
        self.assertEqual((self.transport.writes, self.told), ([b"one", b"two"], [False]))

    def test_large_data_goes_out_in_slices(self) -> None:
        """Each is told when it has left; the last one makes the flow writable."""
        data = bytes(range(256)) * (SLICE // 64)
        self.flow.send(data + b"end")
        self.assertEqual(len(self.transport.writes), 1)
        for _ in range(4):
            self.assertNotIn(True, self.told)
            self.told.clear()
            self.flow.resumeProducing()
            self.assertTrue(self.told)
        self.assertTrue(self.told[-1])
        self.assertEqual(b"".join(self.transport.writes), data + b"end")
        self.assertLessEqual(max(map(len, self.transport.writes)), SLICE)

    def test_order_is_kept(self) -> None:
        """What comes later waits behind what waits, and is no progress."""
        self.flow.send(b"a" * 2 * SLICE)
        self.told.clear()
        self.flow.send(b"b")
        self.assertEqual(self.told, [])
        self.flow.resumeProducing()
        self.flow.resumeProducing()
        self.assertEqual(b"".join(self.transport.writes), b"a" * 2 * SLICE + b"b")

    def test_transport_that_is_never_full_gets_all(self) -> None:
        """At once."""
        self.transport.flow = Flow(self.transport, self, Gathering())
        self.flow.send(b"a" * 3 * SLICE)
        self.assertEqual(sum(map(len, self.transport.writes)), 3 * SLICE)

    def test_lost_connection_keeps_nothing(self) -> None:
        """And nothing is told: there is another way to learn of it."""
        self.flow.send(b"a" * 3 * SLICE)
        self.told.clear()
        self.flow.stopProducing()
        self.assertEqual((self.told, len(self.flow._backlog), len(self.transport.writes)), ([], 0, 1))
