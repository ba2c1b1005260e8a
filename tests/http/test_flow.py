# -*- test-case-name: tests.http.test_flow -*-
"""The way out of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from errno import EBADF, EOPNOTSUPP
from typing import Any
from unittest import TestCase

from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from sockjsd import fanout
from sockjsd.http.flow import SLICE, Flow, plain_socket
from sockjsd.http.gathering import Gathering
from sockjsd.sockjs.envelopes import WEBSOCKET
from sockjsd.sockjs.lanes import Lane
from sockjsd.stats import Tally


class Transport:
    """Is full after each large write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.flow: Flow

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        if len(data) > 64 * 1024:
            self.flow.pauseProducing()


class TCPTransport(Transport):
    """Has Twisted's method for TCP_NODELAY, as Unix sockets do too."""

    def __init__(self, *, error: OSError | None = None) -> None:
        super().__init__()
        self.no_delay = False
        self._error = error

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """Take the flow."""

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Set the option, where there is one."""
        if self._error is not None:
            raise self._error
        self.no_delay = enabled


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

    def test_small_data_does_not_wait_for_acknowledgement(self) -> None:
        """TCP would hold a second frame back until the client acknowledged the first; a Unix socket would not."""
        for error in (None, OSError(EOPNOTSUPP, "Operation not supported")):
            transport = TCPTransport(error=error)
            Flow(transport, self, Gathering()).start()
            self.assertEqual(transport.no_delay, error is None)

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


class Socket(socket.socket):
    """A socket whose buffer has room for so many bytes; knows no descriptor but its number.

    :ivar room: bytes that it still takes.
    :ivar error: that it has to tell; it is told once.
    """

    def __init__(self) -> None:  # without a socket of the kernel behind it
        self.room = 100
        self.error: OSError | None = None
        self.sent = b""

    def send(self, data: Any, flags: int = 0) -> int:
        error, self.error = self.error, None
        if error is not None:
            raise error
        if not self.room:
            raise BlockingIOError
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    def fileno(self) -> int:
        return 7


class SocketTransport:
    """A transport over a socket: a buffer, and at most one producer."""

    def __init__(self) -> None:
        self.socket = Socket()
        self.buffer = b""
        self.producer: Flow | None = None

    def getHandle(self) -> Socket:
        return self.socket

    def write(self, data: bytes) -> None:
        self.buffer += data

    def registerProducer(self, producer: Flow, streaming: bool) -> None:
        assert self.producer is None and not streaming
        self.producer = producer
        producer.resumeProducing()

    def unregisterProducer(self) -> None:
        self.producer = None

    def turn(self, room: int) -> None:
        """What the reactor does when the socket takes *room* bytes more."""
        self.socket.room += room
        taken = self.socket.send(self.buffer)
        self.buffer = self.buffer[taken:]
        if not self.buffer and self.producer is not None:
            self.producer.resumeProducing()


class DirectTests(SynchronousTestCase):
    """Over a plain socket."""

    def setUp(self) -> None:
        self.patch(fanout, "COMPILED", False)  # the compiled function would ask the kernel
        self.told: list[bool] = []
        self.transport = SocketTransport()
        self.socket = self.transport.socket
        self.gathering = Gathering(self.send_many)
        self.flow = Flow(self.transport, self, self.gathering)
        self.flow.start()

    def moved(self, writable: bool) -> None:
        """Take note, as the watcher."""
        self.told.append(writable)

    def send_many(self, fds: Iterable[int], data: bytes, /) -> list[int]:
        """Send to our socket, whichever descriptors are asked for."""
        return [-EBADF if fd < 0 else self.socket.send(data) for fd in fds]

    def test_data_is_written_at_once(self) -> None:
        """The transport sees nothing of it, and has nobody to ask for more."""
        self.flow.send(b"one")
        self.flow.send(b"two")
        self.assertEqual((self.socket.sent, self.transport.buffer, self.told), (b"onetwo", b"", []))
        self.assertIsNone(self.transport.producer)

    def test_rest_goes_to_the_transport(self) -> None:
        """Everything else waits behind it, and then goes straight to the socket again."""
        self.flow.send(b"a" * 101)
        self.assertEqual((self.transport.buffer, self.told), (b"a", [False]))
        self.flow.send(b"b")
        self.transport.turn(2)
        self.assertEqual((self.socket.sent, self.told), (b"a" * 101 + b"b", [False, True]))
        self.socket.room = 1
        self.flow.send(b"c")
        self.assertEqual((self.socket.sent[-1:], self.transport.producer), (b"c", None))

    def test_lane_is_told_what_becomes_of_the_line(self) -> None:
        """Whoever remembers descriptors has to learn of each change; at the end there is no lane to tell."""
        lane = self.flow.lane = Lane(WEBSOCKET, Tally(), self.flow.send_to_many)
        self.flow.send(b"one")
        self.assertEqual((self.flow.fd, lane.changes), (7, 0))
        self.flow.send(b"a" * 100)
        self.assertEqual((self.flow.fd, lane.changes), (-1, 1))
        self.transport.turn(100)
        self.assertEqual((self.flow.fd, lane.changes), (7, 2))
        self.flow.drop()
        self.assertEqual((self.flow.fd, lane.changes, self.flow.lane), (-1, 3, None))

    def test_full_socket_takes_nothing(self) -> None:
        """The transport gets all of it."""
        self.socket.room = 0
        self.flow.send(b"one")
        self.assertEqual((self.transport.buffer, self.told), (b"one", [False]))

    def test_error_is_left_to_the_transport(self) -> None:
        """It will meet it with what it is to write, and end the connection as always."""
        for error in (BrokenPipeError(), ConnectionResetError(), OSError(EBADF, "closed")):
            self.setUp()
            self.socket.error = error
            self.flow.send(b"one")
            self.assertEqual((self.transport.buffer, self.told), (b"one", [False]))

    def test_large_data_waits_in_slices(self) -> None:
        """Each that left is told, with or without more behind it: so much for a client that reads slowly."""
        data = bytes(range(256)) * (SLICE // 64)
        self.flow.send(data)
        self.flow.send(b"end")
        self.assertEqual(len(self.transport.buffer), SLICE)
        for progress in range(1, 4):
            self.transport.turn(SLICE)
            self.assertEqual(self.told, [False] * (1 + progress))
        self.transport.turn(2 * SLICE)
        self.assertEqual((self.told[-1], self.socket.sent), (True, data + b"end"))

    def test_lost_connection_takes_nothing_more(self) -> None:
        """Neither the socket nor the transport; the descriptor is nobody's any more."""
        self.assertEqual(self.flow.fd, 7)
        self.flow.stopProducing()
        self.flow.send(b"one")
        self.assertEqual((self.socket.sent, self.transport.buffer, self.flow.fd), (b"", b"", -1))

    def test_cut_connection_keeps_nothing(self) -> None:
        """What the transport does later changes nothing."""
        self.flow.send(b"a" * 2 * SLICE)
        self.flow.drop()
        self.flow.send(b"b" * 2 * SLICE)
        self.told.clear()
        self.flow.resumeProducing()
        self.assertEqual((self.told, self.flow._backlog), ([], []))

    def test_ended_connection_lets_go_of_the_transport(self) -> None:
        """A transport with a producer would not close; what is sent later is dropped."""
        self.flow.send(b"one")
        self.flow.end()
        self.flow.send(b"two")
        self.assertEqual((self.socket.sent, self.transport.buffer, self.transport.producer), (b"one", b"", None))

    def test_gathered_data_leaves_at_the_end(self) -> None:
        """Whatever was sent, in order."""
        with self.gathering:
            self.flow.send(b"one")
            self.flow.send(b"two")
            self.assertEqual(self.socket.sent, b"")
        self.assertEqual(self.socket.sent, b"onetwo")

    def test_gathered_data_waits_behind_what_waits(self) -> None:
        """The transport's buffer is still full when the run ends."""
        with self.gathering:
            self.flow.send(b"one")
            self.socket.room = 1
        with self.gathering:
            self.flow.send(b"two")
            self.assertEqual(self.flow.fd, -1)
        self.transport.turn(100)
        self.assertEqual((self.socket.sent, self.told), (b"onetwo", [False, True]))

    def test_result_of_a_closed_descriptor_is_data_that_waits(self) -> None:
        """It does not overtake what the transport still has, and is forgotten after the end."""
        self.socket.room = 0
        self.flow.send(b"one")
        self.flow.took(b"two", -EBADF)
        self.assertEqual(self.transport.buffer, b"onetwo")
        self.flow.drop()
        self.flow.took(b"three", -EBADF)
        self.assertEqual(self.transport.buffer, b"onetwo")

    def test_gathered_data_leaves_before_the_end(self) -> None:
        """A close flushes it; a cut drops it."""
        with self.gathering:
            self.flow.send(b"one")
            self.flow.flush()
            self.assertEqual(self.socket.sent, b"one")
            self.flow.send(b"two")
            self.flow.drop()
        self.assertEqual(self.socket.sent, b"one")


class PlainSocketTests(TestCase):
    """Which transports have a socket that may be written to."""

    def test_socket_is_used_when_the_handle_is_one(self) -> None:
        """Also behind a wrapper that passes the question on."""
        transport = SocketTransport()
        self.assertIs(plain_socket(transport), transport.socket)

    def test_no_socket_is_used_when_the_handle_is_another_thing(self) -> None:
        """OpenSSL's object would not encrypt what is written past it; a transport in memory has no handle."""

        class Encrypted:
            def getHandle(self) -> object:
                return object()

        self.assertIsNone(plain_socket(Encrypted()))
        self.assertIsNone(plain_socket(object()))
