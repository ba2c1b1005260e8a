# -*- test-case-name: tests.http.test_connection_upgrades -*-
"""One connection: sockets that are given away."""

from __future__ import annotations

from itertools import product

from tests.http.fakes import SWITCH, Server, Tunnel
from tests.http.memory import Client, request
from tests.http.served import CHUNKED, UPGRADE, ConnectionTestCase


class UpgradeTests(ConnectionTestCase):
    """Sockets that are given away."""

    def test_socket_is_given_away(self) -> None:
        """With everything that happens to it."""
        self.client.send(request(target="/switch", **UPGRADE))
        tunnel = self.server.tunnel
        self.client.send(b"one")
        tunnel.socket.send(b"two")
        self.assertEqual(self.client.received(), SWITCH + b"two")
        self.client.block()
        self.assertFalse(tunnel.socket.writable)
        self.client.unblock()
        self.client.lose()
        self.assertEqual(tunnel.events, ["connected", b"one", "drained", "lost"])

    def test_data_sent_with_handshake_is_handed_on(self) -> None:
        """However its fields are spelled."""
        for fields in (
            UPGRADE,
            {"upgrade": "WebSocket", "connection": "Upgrade"},
            {"upgrade": "websocket", "connection": "upgrade ,x", "content_length": "0"},
        ):
            with self.subTest(fields=fields):
                tunnel = Tunnel()
                Client(Server(tunnel)).send(request(target="/switch", **fields) + b"\x81\x80frame")
                self.assertEqual(tunnel.events, ["connected", b"\x81\x80frame"])

    def test_handshake_is_read_byte_by_byte(self) -> None:
        """And what follows it."""
        self.client.send_bytewise(request(target="/switch", **UPGRADE) + b"ab")
        self.assertEqual(self.server.tunnel.events, ["connected", b"a", b"b"])

    def test_refused_upgrade_goes_on_with_next_request(self) -> None:
        """It was an ordinary request."""
        for send in (Client.send, Client.send_bytewise):
            send(self.client, request(target="/switch?refuse", **UPGRADE) + request(target="/echo"))
            self.assertEqual([answer.status for answer in self.client.answers()], [403, 200])

    def test_all_that_follows_is_handed_on(self) -> None:
        """However much came with the handshake, and while it had to wait for its turn."""
        frames = bytes(range(256)) * 100
        self.client.send(request(target="/held") + request(target="/switch", **UPGRADE) + frames)
        self.client.send(b"more")
        self.assertTrue(self.client.paused)
        self.server.answer()
        self.client.received()
        self.assertEqual(self.server.tunnel.events, ["connected", frames, b"more"])

    def test_all_that_follows_refused_upgrade_is_read(self) -> None:
        """However much came with it."""
        self.client.send(request(target="/switch?refuse", **UPGRADE) + request(target="/echo") * 200)
        self.assertEqual([answer.status for answer in self.client.answers()], [403] + [200] * 200)

    def test_upgrade_elsewhere_is_ignored(self) -> None:
        """On another route, to another protocol, with another method: the next request is one (RFC 9110 7.8)."""
        for method, target, upgrade in (
            ("GET", "/echo", "websocket"),
            ("GET", "/echo", "h2c"),
            ("POST", "/echo", "websocket"),
            ("GET", "/echo", "h2c, websocket"),
        ):
            for send in (Client.send, Client.send_bytewise):
                with self.subTest(method=method, upgrade=upgrade):
                    fields = {"upgrade": upgrade, "connection": "upgrade"}
                    send(self.client, request(method, target, **fields) + request(target="/echo/2"))
                    self.assert_bodies(f"{method} {target} ".encode(), b"GET /echo/2 ")

    def test_upgrade_with_body_is_refused(self) -> None:
        """The parser takes that body for the next request."""
        smuggled = request(target="/held")
        for fields in ({"content_length": str(len(smuggled))}, CHUNKED):
            for target, upgrade in product(("/switch", "/echo"), ("websocket", "h2c")):
                with self.subTest(fields=fields, target=target, upgrade=upgrade):
                    self.client = Client(self.server)
                    self.client.send(
                        request("POST", target, upgrade=upgrade, connection="upgrade", **fields) + smuggled
                    )
                    self.assert_refused(400, "upgrade")
                    self.assertEqual(self.server.held, [])

    def test_upgrade_waits_for_its_turn(self) -> None:
        """And so does what was sent with it, which is no request."""
        self.client.send(request(target="/held") + request(target="/switch", **UPGRADE) + b"one")
        self.assertEqual(self.server.tunnel.events, [])
        self.server.answer()
        self.assertEqual(self.server.tunnel.events, ["connected", b"one"])
        self.assertTrue(self.client.received().endswith(b"held" + SWITCH))

    def test_waiting_upgrade_holds_little(self) -> None:
        """What follows it is not read on and on."""
        self.client.send(request(target="/held") + request(target="/switch", **UPGRADE))
        self.client.send(b"one")
        self.assertTrue(self.client.paused)
        self.client.send(b"two")
        self.server.answer()
        self.client.received()
        self.assertEqual(self.server.tunnel.events, ["connected", b"one", b"two"])

    def test_refused_upgrade_that_ends_connection_holds_nothing(self) -> None:
        """What the client goes on sending is dropped."""
        self.client.send(request(target="/switch?refuse", upgrade="websocket", connection="upgrade, close") + b"x")
        self.client.send(b"x" * 1000)
        self.assertEqual([answer.status for answer in self.client.answers()], [403])

    def test_given_socket_has_no_time_outs_of_ours(self) -> None:
        """Its owner keeps the time, also while the client does not read."""
        self.client.send(request(target="/switch", **UPGRADE))
        self.client.block()
        self.client.advance(1000)
        self.assertFalse(self.client.closed)

    def test_owner_closes_and_cuts(self) -> None:
        """In order, or at once; it hears the end either way."""
        for way in ("close", "abort"):
            tunnel = Tunnel()
            client = Client(Server(tunnel))
            client.send(request(target="/switch", **UPGRADE))
            getattr(tunnel.socket, way)()
            client.received()
            self.assertEqual((tunnel.events, client.aborted), (["connected", "lost"], way == "abort"))

    def test_owner_that_closes_at_once_is_given_nothing(self) -> None:
        """What came with the handshake is not for it any more."""
        for blocked in (False, True):
            tunnel = Tunnel(closes=True)
            client = Client(Server(tunnel))
            if blocked:
                client.block()
            client.send(request(target="/switch", **UPGRADE) + b"late")
            self.assertNotIn(b"late", tunnel.events)

    def test_owner_that_does_not_read_is_cut(self) -> None:
        """When it is to be closed, and something is still to be sent."""
        self.client.send(request(target="/switch", **UPGRADE))
        self.client.block()
        self.server.tunnel.socket.close()
        self.client.advance(31)
        self.assertTrue(self.client.aborted)

    def test_broken_owner_loses_socket(self) -> None:
        """Its error is logged once."""
        client = Client(Server(Tunnel(error=ZeroDivisionError())))
        client.send(request(target="/switch", **UPGRADE))
        client.received()
        self.assertTrue(client.aborted)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
