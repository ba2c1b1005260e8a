# -*- test-case-name: tests.functional.test_accepting -*-
"""Ports and connections of the daemon's reactor: real sockets, one turn after the other."""

from __future__ import annotations

import gc
import os
import resource
import socket
import struct
import time
from collections.abc import Callable
from select import select
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Server
from twisted.python import log
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface import directlyProvides, implementer

from sockjsd.accepting import Connection, Port
from sockjsd.reactor import Reactor

#: Turns in a row that brought nothing, after which nothing is under way any more, and how many seconds each may take:
#: on the loopback interface all is there at once, unless the kernel has other work.
IDLE = 2
PATIENCE = 0.02
#: Seconds after which what has to come counts as never coming.
LIMIT = 10.0


class Guest(Protocol):
    """Notes what happens to it.

    :ivar then: called with what came.
    :ivar afterwards: called at the end.
    """

    transport: Connection

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.then: Callable[[bytes], Any] = lambda data: None
        self.afterwards: Callable[[], Any] = lambda: None

    def connectionMade(self) -> None:
        """Note it."""
        self.lines.append("made")

    def dataReceived(self, data: bytes) -> None:
        """Note it."""
        self.lines.append(data.decode())
        self.then(data)

    def connectionLost(self, reason: Any = None) -> None:
        """Note it."""
        self.lines.append(f"lost: {reason.type.__name__}")
        self.afterwards()


class Able(Guest):
    """Can go on when the other end has said all that it had to say."""

    def readConnectionLost(self) -> None:
        """Note it, and answer."""
        self.lines.append("all said")
        self.transport.write(b"answer")
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Nothing was half closed here."""


@implementer(IHalfCloseableProtocol)
class Patient(Able):
    """Goes on then, and its class says so."""


@implementer(IPushProducer)
class Broken:
    """A producer that cannot be stopped."""

    def pauseProducing(self) -> None:
        """Nothing is produced."""

    def resumeProducing(self) -> None:
        """Nothing is produced."""

    def stopProducing(self) -> None:
        """Fail."""
        raise ZeroDivisionError


class House(Factory[Any]):
    """Makes protocols, and keeps them.

    :ivar kind: of the next one.
    """

    noisy = False

    def __init__(self) -> None:
        self.kind: Callable[[list[str]], Guest | None] = Guest
        self.lines: list[str] = []
        self.guests: list[Guest] = []
        self.addresses: list[object] = []

    def buildProtocol(self, addr: object) -> Guest | None:
        """Return the next one."""
        self.addresses.append(addr)
        guest = self.kind(self.lines)
        if guest is not None:
            self.guests.append(guest)
        return guest


class AcceptingCase(SynchronousTestCase):
    """A reactor with one port, whose turns the test makes."""

    INTERFACE = "127.0.0.1"

    def setUp(self) -> None:
        """Listen."""
        self.reactor = Reactor()
        self.house = House()
        self.lines = self.house.lines
        self.port = self.listen()
        self.clients: list[socket.socket] = []
        self.addCleanup(self.close)

    def listen(self) -> Any:
        """Return an open port."""
        return self.reactor.listenTCP(0, self.house, interface=self.INTERFACE)

    def close(self) -> None:
        """Close everything."""
        for client in self.clients:
            client.close()
        self.port.stopListening()
        self.turn()
        self.assertEqual(self.reactor.removeAll(), [])

    def turn(self, count: int = 0) -> list[str]:
        """Let the reactor turn until the guests have noted so much and nothing more comes; return what that was."""
        self.lines.clear()
        end = time.monotonic() + LIMIT
        idle = 0
        while idle < IDLE or (len(self.lines) < count and time.monotonic() < end):
            before = len(self.lines)
            self.reactor.runUntilCurrent()
            self.reactor.doPoll(PATIENCE)
            idle = idle + 1 if len(self.lines) == before else 0
        return list(self.lines)

    def assert_noted(self, *lines: str, anyhow: bool = False) -> None:
        """The guests note these next, and nothing else; in any order, if *anyhow*."""
        noted = self.turn(len(lines))
        self.assertEqual(sorted(noted) if anyhow else noted, list(lines))

    def hear(self, client: socket.socket) -> bytes:
        """Return what *client* reads next, while the reactor turns.

        :raises ConnectionResetError: it was cut.
        """
        end = time.monotonic() + LIMIT
        client.settimeout(0)
        while time.monotonic() < end:
            try:
                return client.recv(1_000_000)
            except BlockingIOError:
                self.turn()
        raise AssertionError("nothing comes")

    def connect(self) -> socket.socket:
        """Return a client that was accepted."""
        accepted = len(self.house.addresses)
        client = self.knock()
        end = time.monotonic() + LIMIT
        while len(self.house.addresses) == accepted and time.monotonic() < end:
            self.turn()
        return client

    def knock(self) -> socket.socket:
        """Return a client that waits to be accepted."""
        host = self.port.getHost()
        client = socket.create_connection((host.host, host.port), timeout=LIMIT)
        self.clients.append(client)
        return client

    @property
    def guest(self) -> Guest:
        """The last one."""
        return self.house.guests[-1]

    def flush(self, kind: type[Exception]) -> int:
        """Return how many errors of *kind* were logged."""
        return len(self.flushLoggedErrors(kind))


def cut(client: socket.socket) -> None:
    """Close as who crashes does: with a reset."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class LifeTests(AcceptingCase):
    """From the first byte to the last."""

    def test_what_comes_is_handed_on(self) -> None:
        """In order, to each its own."""
        one, two = self.connect(), self.connect()
        one.sendall(b"one")
        two.sendall(b"two")
        self.assert_noted("one", "two", anyhow=True)
        self.assert_noted()

    def test_what_is_written_arrives(self) -> None:
        """More than the kernel takes at once, too."""
        client = self.connect()
        text = os.urandom(3_000_000)
        self.guest.transport.write(text)
        self.guest.transport.loseConnection()
        client.settimeout(0)
        got = b""
        while len(got) < len(text):
            self.turn()
            try:
                got += client.recv(1_000_000)
            except BlockingIOError:
                continue
        self.assertEqual(got, text)
        self.assertEqual((self.hear(client), self.turn()), (b"", []))
        self.assertFalse(self.guest.transport.connected)

    def test_end_is_told_after_the_last_bytes(self) -> None:
        """Once."""
        client = self.connect()
        client.sendall(b"bye")
        client.close()
        self.assert_noted("bye", f"lost: {ConnectionDone.__name__}")
        self.assert_noted()

    def test_reset_is_told(self) -> None:
        """As a loss."""
        cut(self.connect())
        self.assert_noted(f"lost: {ConnectionLost.__name__}")

    def test_other_end_hears_of_the_end(self) -> None:
        """In order where it is one, and of a reset where it was cut."""
        client = self.connect()
        self.guest.transport.loseConnection()
        self.assert_noted(f"lost: {ConnectionDone.__name__}")
        self.assertEqual(self.hear(client), b"")
        client = self.connect()
        self.guest.transport.abortConnection()
        self.assert_noted(f"lost: {ConnectionAborted.__name__}")
        with self.assertRaises(ConnectionResetError):
            self.hear(client)

    def test_other_end_hears_of_the_end_whoever_else_holds_the_socket(self) -> None:
        """A process that a view has forked does."""
        client = self.connect()
        held = os.dup(self.guest.transport.fileno())
        self.addCleanup(os.close, held)
        client.shutdown(socket.SHUT_WR)
        self.assert_noted(f"lost: {ConnectionDone.__name__}")
        self.assertEqual(self.hear(client), b"")

    def test_who_does_not_read_hears_of_nothing(self) -> None:
        """Until it does."""
        client = self.connect()
        self.guest.transport.pauseProducing()
        client.sendall(b"one")
        self.assert_noted()
        self.guest.transport.resumeProducing()
        self.assert_noted("one")

    def test_protocol_may_go_on_after_half_an_end(self) -> None:
        """If it says so, or its class does."""

        def saying_so(lines: list[str]) -> Guest:
            directlyProvides(guest := Able(lines), IHalfCloseableProtocol)
            return guest

        for kind in (Patient, saying_so):
            self.house.kind = kind
            client = self.connect()
            client.shutdown(socket.SHUT_WR)
            self.assert_noted("all said", f"lost: {ConnectionDone.__name__}")
            self.assertEqual(self.hear(client), b"answer")

    def test_small_data_leaves_at_once(self) -> None:
        """By itself, and until somebody does not want that any more."""
        self.connect()
        transport = self.guest.transport
        transport.setTcpNoDelay(True)
        self.assertTrue(transport.getTcpNoDelay())
        transport.setTcpNoDelay(False)
        self.assertFalse(transport.getTcpNoDelay())
        transport.setTcpNoDelay(True)
        self.assertTrue(transport.getTcpNoDelay())

    def test_descriptor_can_be_used_again(self) -> None:
        """By the next connection, which hears nothing of the one before."""
        first = self.connect()
        fd = self.guest.transport.fileno()
        cut(first)
        self.turn(1)
        second = self.knock()
        second.sendall(b"two")
        self.assert_noted("made", "two")
        self.assertEqual(self.guest.transport.fileno(), fd)


class FailureTests(AcceptingCase):
    """What an exception does, and does not."""

    def test_it_ends_one_connection_and_no_other(self) -> None:
        """It is logged for whoever raised."""
        systems: list[str] = []
        observer: Any = lambda event: systems.append(event["system"]) if event["isError"] else None  # noqa: E731
        log.addObserver(observer)
        self.addCleanup(log.removeObserver, observer)
        one, two = self.connect(), self.connect()
        self.house.guests[0].then = lambda data: 1 / 0
        one.sendall(b"one")
        two.sendall(b"two")
        self.assert_noted(f"lost: {ZeroDivisionError.__name__}", "one", "two", anyhow=True)
        self.assertEqual((self.flush(ZeroDivisionError), systems), (1, ["Guest,0,127.0.0.1"]))

    def test_what_the_end_raises_costs_the_others_nothing(self) -> None:
        """It is logged, and the socket is closed."""
        for _ in range(2):
            self.connect()
            self.guest.afterwards = lambda: 1 / 0
        for client in self.clients:
            client.shutdown(socket.SHUT_WR)
        self.assert_noted(*[f"lost: {ConnectionDone.__name__}"] * 2)
        self.assertEqual(
            (self.flush(ZeroDivisionError), [self.hear(client) for client in self.clients]), (2, [b""] * 2)
        )

    def test_producer_that_raises_at_the_end_does_so_once(self) -> None:
        """It is logged; the protocol is told, and the socket closed."""
        client = self.connect()
        self.guest.transport.registerProducer(Broken(), True)
        client.shutdown(socket.SHUT_WR)
        self.assert_noted(f"lost: {ConnectionDone.__name__}")
        self.assertEqual((self.flush(ZeroDivisionError), self.hear(client)), (1, b""))

    def test_who_is_not_wanted_is_turned_away(self) -> None:
        """The next one may be."""
        self.house.kind = lambda lines: None
        self.assertEqual(self.hear(self.connect()), b"")
        self.house.kind = Guest
        self.knock()
        self.assert_noted("made")

    def test_factory_that_raises_costs_the_others_nothing(self) -> None:
        """Not even those who wait in the same turn."""
        kinds = [lambda lines: 1 / 0, Guest]
        self.house.kind = lambda lines: kinds.pop(0)(lines)  # type: ignore[operator]  # a lambda or a class
        first = self.knock()
        self.knock()
        self.assertEqual((self.turn(1), self.flush(ZeroDivisionError), self.hear(first)), (["made"], 1, b""))

    def test_nobody_is_accepted_without_a_descriptor(self) -> None:
        """Who waits is turned away; with the next descriptor it goes on."""
        client = self.knock()
        self.assertTrue(select([self.port], [], [], LIMIT)[0])
        gc.collect()  # reactors of tests before this one would be closed in the middle of it
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # No gap is left below those that are open, among them the one that Twisted has in reserve.
        highest = max(map(int, os.listdir("/proc/self/fd")))
        filling = [os.dup(0)]
        while filling[-1] <= highest:
            filling.append(os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (filling[-1] + 1, hard))
        try:
            lines = self.turn()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for fd in filling:
                os.close(fd)
        self.assertEqual((lines, self.hear(client)), ([], b""))
        self.knock()
        self.assert_noted("made")


class AcceptTests(AcceptingCase):
    """Who is accepted, and when."""

    def test_all_who_wait_are_accepted(self) -> None:
        """In one turn, up to a limit that rises while more come."""
        self.port.numberAccepts = 2
        for _ in range(5):
            self.knock()
        counts = []
        for _ in range(3):
            self.reactor.doPoll(PATIENCE)
            counts.append(len(self.house.guests))
        self.assertEqual(counts, [2, 5, 5])
        self.assertEqual(self.port.numberAccepts, 3)

    def test_addresses_are_told(self) -> None:
        """Of both ends, as Twisted tells them."""
        client = self.connect()
        transport = self.guest.transport
        self.assertEqual((transport.getPeer(),), tuple(self.house.addresses))
        self.assertEqual((transport.getPeer().host, transport.getPeer().port), client.getsockname()[:2])
        self.assertEqual((transport.getHost().host, transport.getHost().port), client.getpeername()[:2])

    def test_nothing_of_twisteds_connection_is_missing(self) -> None:
        """What its constructor leaves behind, ours does too, but for the names."""
        self.connect()
        ours = self.guest.transport
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        theirs = Server(near, Guest([]), ours.client, self.port, 0, self.reactor)
        self.reactor.removeReader(theirs)
        names = {"hostname", "logstr", "repstr"}
        self.assertEqual(set(vars(theirs)) - names, set(vars(ours)) - {"_peer", "_no_delay"})
        same = set(vars(theirs)) - names - {"socket", "fileno", "protocol"}
        self.assertEqual({name: vars(theirs)[name] for name in same}, {name: vars(ours)[name] for name in same})

    def test_it_can_be_told_from_others(self) -> None:
        """Also after its end."""
        client = self.connect()
        transport = self.guest.transport
        self.assertRegex(repr(transport), r"\A<Guest,0,\S+ on <.*Port.* of .*House.* on [0-9]+>>\Z")
        client.close()
        self.turn(1)
        self.assertRegex(repr(transport), r"\A<Connection,0,")

    def test_port_can_be_handed_over(self) -> None:
        """As systemd does; it stays open when we stop."""
        listening = socket.create_server((self.INTERFACE, 0), family=self.port.addressFamily)
        self.addCleanup(listening.close)
        listening.setblocking(False)
        port = self.reactor.adoptStreamPort(listening.fileno(), self.port.addressFamily, self.house)
        self.assertIsInstance(port, Port)
        client = socket.create_connection(listening.getsockname()[:2], timeout=LIMIT)
        self.addCleanup(client.close)
        client.sendall(b"one")
        self.assert_noted("made", "one")
        self.guest.transport.abortConnection()
        port.stopListening()
        self.turn()
        socket.create_connection(listening.getsockname()[:2], timeout=LIMIT).close()

    def test_small_data_leaves_at_once_where_a_port_was_handed_over(self) -> None:
        """On a connection that was there before, too; whatever the socket hands down."""
        for handed_down in (False, True):
            listening = socket.create_server((self.INTERFACE, 0), family=self.port.addressFamily)
            self.addCleanup(listening.close)
            listening.setblocking(False)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, handed_down)
            self.clients.append(socket.create_connection(listening.getsockname()[:2], timeout=LIMIT))
            port = self.reactor.adoptStreamPort(listening.fileno(), self.port.addressFamily, self.house)
            self.clients.append(socket.create_connection(listening.getsockname()[:2], timeout=LIMIT))
            self.assert_noted("made", "made")
            for guest in self.house.guests[-2:]:
                self.assertEqual(guest.transport.getTcpNoDelay(), handed_down)
                guest.transport.setTcpNoDelay(True)
                self.assertTrue(guest.transport.getTcpNoDelay())
                guest.transport.abortConnection()
            port.stopListening()
            self.turn()


class IPv6Tests(AcceptTests, LifeTests):
    """The same over IPv6."""

    INTERFACE = "::1"

    def setUp(self) -> None:
        """Listen, where that can be."""
        try:
            socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        except OSError as error:
            raise SkipTest(f"no IPv6 here: {error}") from error
        super().setUp()


class UnixTests(AcceptingCase):
    """What is no TCP."""

    def test_unix_socket_is_twisteds(self) -> None:
        """It can be handed over too."""
        file = self.mktemp()
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.bind(file)
        listening.listen()
        listening.setblocking(False)
        port = self.reactor.adoptStreamPort(listening.fileno(), socket.AF_UNIX, self.house)
        client = socket.socket(socket.AF_UNIX)
        self.clients.append(client)
        client.connect(file)
        client.sendall(b"one")
        self.assert_noted("made", "one")
        client.close()
        self.assert_noted(f"lost: {ConnectionDone.__name__}")
        port.stopListening()
        self.turn()
