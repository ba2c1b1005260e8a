# -*- test-case-name: tests.http.test_proxies -*-
"""Whom a request comes from, where a proxy may stand between."""

from __future__ import annotations

from dataclasses import dataclass, field
from unittest import TestCase

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import ITransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory

from sockjsd.http.factory import HTTPFactory
from sockjsd.http.fields import DateField
from sockjsd.http.headers import Headers
from sockjsd.http.limits import Limits
from sockjsd.http.proxies import Proxies, Sender, neighbour_of
from sockjsd.wheel import Wheel
from tests.http.fakes import Server
from tests.http.memory import Client, request

#: The proxies of all tests: one machine, a network of each kind, and those on Unix sockets.
TRUSTED = ("127.0.0.1", "10.0.0.0/8", "fd00::/8", "unix")

UNIX = "unix"
STRANGER = "192.0.2.7"
PROXY = "10.0.0.1"


@dataclass(frozen=True, slots=True)
class Case:
    """A request, and what is to be made of it.

    :param neighbour: who connected; ``unix`` on a Unix socket.
    :param fields: what the request says; a list for a field that is repeated.
    :param client: the address that is believed, ``""`` for a Unix socket's.
    :param secure: whether the client is believed to speak TLS, with a connection to us that does not.
    :param left: of the fields, what a handler still sees.
    :param announced: whom the PROXY protocol names; ``""`` without it.
    """

    neighbour: str
    fields: dict[str, str | list[str]]
    client: str
    secure: bool = False
    left: dict[str, str] = field(default_factory=dict)
    announced: str = ""


def forwarded(value: str | list[str], client: str, left: str = "", neighbour: str = PROXY, announced: str = "") -> Case:
    """A case of ``X-Forwarded-For`` alone; *left* is what a handler sees of it."""
    seen = {"X-Forwarded-For": left} if left else {}
    return Case(neighbour, {"X-Forwarded-For": value}, client, left=seen, announced=announced)


def proto(value: str | list[str], secure: bool, left: str = "", neighbour: str = PROXY) -> Case:
    """A case of ``X-Forwarded-Proto`` alone."""
    seen = {"X-Forwarded-Proto": left} if left else {}
    return Case(neighbour, {"X-Forwarded-Proto": value}, neighbour, secure, seen)


CLAIMS: dict[str, str | list[str]] = {
    "X-Forwarded-For": "198.51.100.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Anything-At-All": "1",
    "X-Forwarded": "for=198.51.100.1",
    "Forwarded": "for=198.51.100.1;proto=https",
    "X-Real-IP": "198.51.100.1",
    "X-Client-IP": "198.51.100.1",
    "X-Cluster-Client-IP": "198.51.100.1",
    "X-SSL": "1",
    "X_Forwarded_For": "198.51.100.1",
    "X_FORWARDED-PROTO": "https",
    "x_real_ip": "198.51.100.1",
}
#: What looks similar and is everybody's to say.
HARMLESS: dict[str, str] = {"X-Requested-With": "a", "X-Forward": "b", "From": "c", "Via": "d", "Host": "e"}

CASES = [
    # From anybody else nothing counts, and nothing of it is left.
    Case(STRANGER, CLAIMS | HARMLESS, STRANGER, left=HARMLESS),
    Case("11.0.0.1", CLAIMS, "11.0.0.1"),
    Case("::1", CLAIMS, "::1"),
    Case("127.0.0.2", CLAIMS, "127.0.0.2"),
    # The usual case, with each kind of proxy.
    forwarded(STRANGER, STRANGER, STRANGER),
    forwarded(STRANGER, STRANGER, STRANGER, neighbour="127.0.0.1"),
    forwarded(STRANGER, STRANGER, STRANGER, neighbour="fd12::1"),
    forwarded(STRANGER, STRANGER, STRANGER, neighbour="fd12::1%eth0"),
    forwarded(STRANGER, STRANGER, STRANGER, neighbour="::ffff:10.0.0.1"),
    forwarded(STRANGER, STRANGER, STRANGER, neighbour=UNIX),
    forwarded("2001:db8::7", "2001:db8::7", "2001:db8::7"),
    # What stands left of the client is its own invention.
    forwarded(f"1.2.3.4, {STRANGER}", STRANGER, STRANGER),
    forwarded(f"10.0.0.9, 1.2.3.4, {STRANGER}", STRANGER, STRANGER),
    forwarded(f"nonsense, {STRANGER}", STRANGER, STRANGER),
    forwarded(["1.2.3.4", STRANGER], STRANGER, STRANGER),
    # Several proxies, in one field or in several.
    forwarded(f"1.2.3.4, {STRANGER}, 10.0.0.2", STRANGER, f"{STRANGER}, 10.0.0.2"),
    forwarded([f"1.2.3.4, {STRANGER}", "10.0.0.2,fd00::1"], STRANGER, f"{STRANGER}, 10.0.0.2, fd00::1"),
    forwarded(f"{STRANGER} ,\t::ffff:10.0.0.2", STRANGER, f"{STRANGER}, 10.0.0.2"),
    # Only proxies: the farthest is the client, a health check or somebody inside.
    forwarded("10.0.0.3, 10.0.0.2", "10.0.0.3", "10.0.0.3, 10.0.0.2"),
    # With a port, as some write it, and in other spellings.
    forwarded(f"{STRANGER}:4711", STRANGER, STRANGER),
    forwarded("[2001:db8::7]:4711", "2001:db8::7", "2001:db8::7"),
    forwarded("[2001:DB8:0::7]", "2001:db8::7", "2001:db8::7"),
    forwarded("::ffff:192.0.2.7", STRANGER, STRANGER),
    # What is no address ends the list there: whoever said it is the last that is known.
    *(
        forwarded(bad, PROXY)
        for bad in (
            "",
            " ",
            ",",
            "unknown",
            "_hidden",
            "localhost",
            "unix",
            "1.2.3",
            "1.2.3.256",
            "01.2.3.4",
            "1.2.3.4 5.6.7.8",
            "1.2.3.4;5.6.7.8",
            "1.2.3.4/8",
            "[1.2.3.4",
            "1.2.3.4:",
            "1.2.3.4:x",
            "[::1%eth0]",
            "fe80::1%<script>",
            ":::",
            "2001:db8::7]:80",
            "١.2.3.4",
            "é",
            "0x7f.1",
            "9" * 8000,
            f"{STRANGER},",
            f"{STRANGER}, unknown",
        )
    ),
    forwarded(f"{STRANGER}, unknown, 10.0.0.2", "10.0.0.2", "10.0.0.2"),
    # The PROXY protocol tells who connected to the neighbour; what is further away may stand in the field.
    forwarded("1.2.3.4", STRANGER, announced=STRANGER),
    forwarded("1.2.3.4", "1.2.3.4", "1.2.3.4", announced="10.0.0.2"),
    forwarded("1.2.3.4, 10.0.0.3", "1.2.3.4", "1.2.3.4, 10.0.0.3", announced="10.0.0.2"),
    forwarded("1.2.3.4", STRANGER, neighbour="198.51.100.9", announced=STRANGER),
    forwarded("1.2.3.4", "10.0.0.2", neighbour="198.51.100.9", announced="10.0.0.2"),
    forwarded("1.2.3.4", STRANGER, neighbour=UNIX, announced=STRANGER),
    # TLS.
    proto("https", True, "https"),
    proto("HTTPS", True, "https"),
    proto("wss", True, "https"),
    proto("http", False, "http"),
    proto("ws", False, "http"),
    *(proto(bad, False) for bad in ("", "ftp", "https, http", "https,https", "https;", "on", "1")),
    proto(["https", "https"], False),
    proto("https", False, neighbour=STRANGER),
    Case(PROXY, {"X-Forwarded-Proto": "https"}, STRANGER, True, {"X-Forwarded-Proto": "https"}, announced=STRANGER),
    # What is not read here is the proxy's business, and the view's.
    Case(PROXY, {"X-Forwarded-Host": "a", "X-Real-IP": "b"}, PROXY, left={"X-Forwarded-Host": "a", "X-Real-Ip": "b"}),
    Case(PROXY, HARMLESS, PROXY, left=HARMLESS),
]


def address(text: str) -> object:
    """The address that a transport would show."""
    if text in (UNIX, ""):
        return UNIXAddress(None)
    return (IPv6Address if ":" in text else IPv4Address)("TCP", text, 50000)


def headers(fields: dict[str, str | list[str]]) -> Headers:
    """The fields of a request."""
    rows = [(name, [values] if isinstance(values, str) else values) for name, values in fields.items()]
    return Headers.of((name, value) for name, values in rows for value in values)


def told(proxies: Proxies, fields: Headers, neighbour: object, *, secure: bool = False) -> Sender:
    """Where a request comes from whose connection tells nothing but its neighbour."""
    return proxies.sender(fields, proxies.end(neighbour, Sender(neighbour, secure)))


class RuleTests(TestCase):
    """Each row of the table."""

    def test_table_holds(self) -> None:
        """Address, protocol, and what a handler still sees."""
        proxies = Proxies(TRUSTED)
        for case in CASES:
            with self.subTest(case=case):
                fields, neighbour = headers(case.fields), address(case.neighbour)
                announced = address(case.announced) if case.announced else neighbour
                sender = proxies.sender(fields, proxies.end(neighbour, Sender(announced, False)))
                expected = "" if case.client == UNIX else case.client
                self.assertEqual(getattr(sender.address, "host", ""), expected)
                self.assertEqual(sender.secure, case.secure)
                self.assertEqual(dict(fields), {name.lower(): value for name, value in case.left.items()})
                self.assertTrue(all(fields.each(name) == [fields[name]] for name in fields))

    def test_nobody_is_trusted_when_nothing_is_said(self) -> None:
        """Neither the machine itself nor a Unix socket."""
        for neighbour in (PROXY, "127.0.0.1", "::1", UNIX, STRANGER):
            fields, where = headers(CLAIMS), address(neighbour)
            self.assertEqual(told(Proxies(), fields, where), Sender(where, False))
            self.assertEqual(dict(fields), {})

    def test_tls_to_us_counts_when_the_proxy_says_nothing(self) -> None:
        """What it says counts more: it may speak TLS with us and not with the client."""
        proxies, where = Proxies(TRUSTED), address(PROXY)
        for said, secure in (({}, True), ({"X-Forwarded-Proto": "http"}, False), ({"X-Forwarded-Proto": "?"}, True)):
            self.assertEqual(told(proxies, headers(said), where, secure=True).secure, secure)
        stranger = address(STRANGER)
        self.assertTrue(told(proxies, headers({"X-Forwarded-Proto": "http"}), stranger, secure=True).secure)

    def test_address_that_a_field_told_is_of_its_kind(self) -> None:
        """WSGI servers ask for host and port; no field tells the port."""
        proxies, where = Proxies(TRUSTED), address(UNIX)
        for text, kind in (("192.0.2.7", IPv4Address), ("2001:db8::7", IPv6Address)):
            sender = told(proxies, headers({"X-Forwarded-For": text}), where)
            self.assertEqual(sender.address, kind("TCP", text, 0))

    def test_other_kinds_of_address_are_nobody(self) -> None:
        """Whatever a transport may be."""
        for strange in (None, "10.0.0.1", IPv4Address("TCP", "somewhere", 1)):
            fields = headers(CLAIMS)
            self.assertIs(told(Proxies(TRUSTED), fields, strange).address, strange)
            self.assertEqual(dict(fields), {})


class NeighbourTests(TestCase):
    """Who is at the other end of a connection itself."""

    def test_it_is_the_peer_below_all_layers(self) -> None:
        """The PROXY protocol shows another peer, TLS the same."""
        lowest = StringTransport(peerAddress=IPv4Address("TCP", PROXY, 1))
        self.assertEqual(neighbour_of(lowest), IPv4Address("TCP", PROXY, 1))
        middle, upper = Announcing(), Announcing()
        middle.makeConnection(lowest)
        upper.makeConnection(middle)
        self.assertEqual(upper.getPeer(), IPv4Address("TCP", STRANGER, 2))
        self.assertEqual(neighbour_of(upper), IPv4Address("TCP", PROXY, 1))


class Announcing(ProtocolWrapper):
    """Shows another peer than the connection has."""

    def __init__(self) -> None:
        super().__init__(WrappingFactory(None), Protocol())

    def getPeer(self) -> IPv4Address:
        """Who is announced."""
        return IPv4Address("TCP", STRANGER, 2)

    def makeConnection(self, transport: ITransport) -> None:
        """Lie over *transport*."""
        self.transport = transport


class ConnectionTests(TestCase):
    """What a handler gets to know."""

    def sent(self, peer: str, trusted: tuple[str, ...] = TRUSTED, **fields: str) -> Server:
        """Send a request to a server with proxies; it holds the exchange."""
        server, plain = Server(), Client()
        factory = HTTPFactory(Limits(), Wheel(plain.clock), DateField(plain.clock), Proxies(trusted))
        factory.application = server
        Client(factory=factory, peer=address(peer)).send(request(target="/held", **fields))
        return server

    def test_handler_sees_the_client_behind_a_trusted_proxy(self) -> None:
        """As if it had connected itself."""
        server = self.sent(PROXY, x_forwarded_for=f"1.2.3.4, {STRANGER}", x_forwarded_proto="https")
        exchange = server.held.pop()
        self.assertEqual((exchange.request.remote_ip, exchange.request.protocol), (STRANGER, "https"))
        self.assertEqual(exchange.peer, IPv4Address("TCP", STRANGER, 0))
        self.assertEqual(exchange.request.full_url(), "https://example.com/held")

    def test_repeated_request_comes_from_whom_it_came_from_before(self) -> None:
        """Its fields were cleaned once already; one that names another client is another request."""
        server, factory = Server(), HTTPFactory(Limits(), Wheel(Clock()), DateField(Clock()), Proxies(TRUSTED))
        factory.application = server
        client = Client(factory=factory, peer=address(PROXY))
        for sender, more in (("203.0.113.5", ""), ("203.0.113.5", ""), ("203.0.113.5", "?a"), ("203.0.113.6", "?a")):
            fields = {"x_forwarded_for": f"1.2.3.4, {sender}", "x_forwarded_proto": "https"}
            client.send(request(target="/held" + more, **fields))
            exchange = server.held.pop()
            self.assertEqual((exchange.request.remote_ip, exchange.request.protocol), (sender, "https"))
            self.assertEqual(exchange.head.uri, "/held" + more)
            exchange.respond(200)

    def test_handler_sees_nothing_of_what_others_say(self) -> None:
        """Neither as an address nor as a field."""
        for trusted in (TRUSTED, ()):
            server = self.sent(STRANGER, trusted, x_forwarded_for="1.2.3.4", x_forwarded_proto="https", x_real_ip="1")
            exchange = server.held.pop()
            self.assertEqual((exchange.request.remote_ip, exchange.request.protocol), (STRANGER, "http"))
            self.assertEqual(dict(exchange.request.headers), {"Host": "example.com"})

    def test_server_trusts_nobody_by_itself(self) -> None:
        """Who makes one without proxies has none."""
        server = Server()
        Client(server, peer=address("127.0.0.1")).send(request(target="/held", x_forwarded_for="1.2.3.4"))
        self.assertEqual(server.held.pop().request.remote_ip, "127.0.0.1")
