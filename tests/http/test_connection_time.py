# -*- test-case-name: tests.http.test_connection_time -*-
"""One connection: what a client has to do in time, and clients that read slowly."""

from __future__ import annotations

from sockjsd.http.flow import SLICE
from tests.http.memory import Client, request
from tests.http.served import UPGRADE, ConnectionTestCase


class TimeTests(ConnectionTestCase):
    """What a client has to do in time."""

    def test_fresh_connection_is_closed_silently(self) -> None:
        """Browsers open some in advance."""
        self.client.advance(9)
        self.assertFalse(self.client.closed)
        self.client.advance(2)
        self.assertTrue(self.client.closed)
        self.assertEqual(self.client.received(), b"")

    def test_slow_head_is_refused(self) -> None:
        """However steadily it drips."""
        for byte in b"GET / HTTP/1":
            self.client.send(bytes([byte]))
            self.client.advance(1)
        self.assert_refused(408, "head")

    def test_stuck_body_is_refused(self) -> None:
        """But not one that makes progress."""
        self.client.send(request("POST", "/echo", content_length="10"))
        for _ in range(5):
            self.client.send(b"x")
            self.client.advance(25)
        self.assertEqual(self.client.received(), b"")
        self.client.advance(6)
        self.assert_refused(408, "body")

    def test_idle_connection_is_closed_silently(self) -> None:
        """After the time for another request."""
        self.client.ask(target="/echo")
        self.client.advance(74)
        self.assertFalse(self.client.closed)
        self.client.advance(2)
        self.assertTrue(self.client.closed)
        self.assertEqual(self.client.received(), b"")

    def test_each_answer_starts_time_anew(self) -> None:
        """Also one that was given at once."""
        for _ in range(4):
            self.client.advance(8 if _ == 0 else 60)
            self.assertEqual(self.client.ask(target="/echo").status, 200)

    def test_next_head_has_its_own_time(self) -> None:
        """Not what is left of the time between requests."""
        self.client.ask(target="/echo")
        self.client.advance(74)
        self.client.send(b"GET")
        self.client.advance(9)
        self.assertFalse(self.client.closed)
        self.client.advance(2)
        self.assert_refused(408)

    def test_handler_has_all_the_time(self) -> None:
        """Long polling takes as long as it takes."""
        self.client.send(request(target="/held"))
        self.client.advance(1000)
        self.server.answer()
        self.assert_bodies(b"held")

    def test_closed_connection_waits_for_nothing(self) -> None:
        """The wheel is empty."""
        self.client.send(request(target="/echo") + b"GET")
        self.client.block()
        self.client.lose()
        self.client.unblock()
        self.assertEqual(len(self.client.wheel), 0)


class SlowReaderTests(ConnectionTestCase):
    """Clients that take their time to read an answer."""

    def test_slow_reader_gets_all(self) -> None:
        """As long as something moves, however long it takes; also on a connection that then ends."""
        for connection in ("close", "keep-alive"):
            with self.subTest(connection=connection):
                self.client = Client(self.server)
                self.client.send(request(target="/held", connection=connection))
                self.client.block()
                self.server.answer(b"x" * (SLICE * 10))
                for _ in range(11):
                    self.client.advance(25)
                    self.client.read()
                self.client.unblock()
                self.assert_bodies(b"x" * (SLICE * 10))
                self.assertFalse(self.client.aborted)
                self.assertEqual(self.client.closed, connection == "close")

    def test_reader_that_reads_nothing_is_cut(self) -> None:
        """It holds our memory."""
        self.client.send(request(target="/held"))
        self.client.block()
        self.server.answer(b"x" * SLICE)
        self.client.advance(29)
        self.assertFalse(self.client.aborted)
        self.client.advance(2)
        self.assertTrue(self.client.aborted)

    def test_pipelining_does_not_help_who_reads_nothing(self) -> None:
        """Sending is no progress in reading."""
        self.client.send(request(target="/held"))
        self.client.block()
        self.server.answer(b"x" * SLICE)
        for _ in range(4):
            self.client.advance(9)
            self.client.send(request(target="/echo"))
        self.assertTrue(self.client.aborted)

    def test_time_for_request_begins_when_answer_was_read(self) -> None:
        """Not while it is still on its way."""
        self.client.send(request(target="/held"))
        self.client.block()
        self.server.answer(b"x" * SLICE)
        self.client.advance(20)
        self.client.unblock()
        self.client.advance(74)
        self.assertFalse(self.client.closed)
        self.client.advance(2)
        self.assertTrue(self.client.closed)

    def test_handler_sees_whether_socket_takes_data(self) -> None:
        """And is told when it does again, once."""
        drained: list[bool] = []
        self.client.send(request(target="/held"))
        exchange = self.server.held[0]
        exchange.on_drained = lambda: drained.append(exchange.writable)
        exchange.start(200)
        self.assertTrue(exchange.writable)
        self.client.block()
        self.assertFalse(exchange.writable)
        self.client.unblock()
        self.assertEqual(drained, [True])

    def test_nobody_is_told_between_requests(self) -> None:
        """Nobody waits."""
        self.client.ask(target="/echo")
        self.client.block()
        self.client.unblock()
        self.assertEqual(self.client.ask(target="/echo").status, 200)

    def test_closing_twice_is_closing_once(self) -> None:
        """While it waits for the reader, and afterwards."""
        self.client.send(request(target="/switch", **UPGRADE))
        self.client.block()
        socket = self.server.tunnel.socket
        socket.close()
        socket.close()
        self.assertFalse(self.client.closed)
        self.client.unblock()
        socket.close()
        self.assertTrue(self.client.closed)
