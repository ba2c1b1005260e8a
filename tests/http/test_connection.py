# -*- test-case-name: tests.http.test_connection -*-
"""One connection: the order of answers, what it says of its end, and every way it can end."""

from __future__ import annotations

from itertools import product

from twisted.internet.address import UNIXAddress

from sockjsd.http.limits import FIRST_GRACE, Limits
from sockjsd.wheel import RESOLUTION
from tests.http.memory import Client, request
from tests.http.served import CHUNKED, UPGRADE, ConnectionTestCase


class OrderTests(ConnectionTestCase):
    """Answers come in the order of the requests."""

    def test_fast_answer_waits_for_slow_one(self) -> None:
        """The second request is answered at once, and sent after the first."""
        self.client.send(request(target="/held") + request(target="/echo"))
        self.assert_bodies()
        self.server.answer(b"slow")
        self.assert_bodies(b"slow", b"GET /echo ")

    def test_later_request_is_not_begun_before_its_turn(self) -> None:
        """A handler runs when everything before it is answered: it may depend on that."""
        self.client.send(request(target="/held/1") + request(target="/held/2"))
        self.assertEqual([exchange.request.path for exchange in self.server.held], ["/held/1"])
        self.server.answer()
        self.assertEqual([exchange.request.path for exchange in self.server.held], ["/held/2"])

    def test_thousand_requests_in_one_read_are_answered(self) -> None:
        """Not recursively: Python would give up."""
        self.client.send(b"".join(request(target=f"/echo/{number}") for number in range(1000)))
        self.assert_bodies(*(f"GET /echo/{number} ".encode() for number in range(1000)))

    def test_thousand_requests_behind_slow_one_are_answered(self) -> None:
        """Nor when they had to wait."""
        self.client.send(request(target="/held") + request(target="/echo") * 1000)
        self.server.answer()
        self.assertEqual(len(self.client.answers()), 1001)

    def test_requests_are_read_byte_by_byte(self) -> None:
        """Wherever TCP cuts them."""
        self.client.send_bytewise(request("POST", "/echo", b"abc") + request(target="/echo"))
        self.assert_bodies(b"POST /echo abc", b"GET /echo ")

    def test_full_reads_of_requests_are_no_long_head(self) -> None:
        """What counts towards a head's limit is that head, not what was read before it in the same piece."""
        data = request(target="/echo") * 1000
        self.client.send(data[:-10])
        self.client.send(data[-10:])
        self.assertEqual({answer.status for answer in self.client.answers()}, {200})
        self.assertFalse(self.client.closed)


class PipelineTests(ConnectionTestCase):
    """Reading does not run away from answering."""

    limits = Limits(pipeline_limit=2)

    def test_reading_stops_beyond_limit(self) -> None:
        """What came in one read with the last one is kept, no more is read."""
        self.client.send(request(target="/held"))
        self.client.send(request(target="/echo"))
        self.assertFalse(self.client.paused)
        self.client.send(request(target="/echo") * 2)
        self.assertTrue(self.client.paused)

    def test_reading_goes_on_when_answers_are_given(self) -> None:
        """And what was not read meanwhile is."""
        self.client.send(request(target="/held") * 4)
        self.client.send(request(target="/held"))
        self.server.answer(b"1")
        self.assertTrue(self.client.paused)
        self.server.answer(b"2")
        self.assertFalse(self.client.paused)
        self.assert_bodies(b"1", b"2")
        for number in (b"3", b"4", b"5"):
            self.server.answer(number)
        self.assert_bodies(b"3", b"4", b"5")

    def test_paused_connection_closes_in_order(self) -> None:
        """It reads again, so that it hears the client close."""
        self.client.send(request(target="/held", connection="close") + request(target="/echo") * 3)
        self.server.answer()
        self.assert_bodies(b"held")
        self.assertTrue(self.client.closed or self.client.half_closed)
        self.assertFalse(self.client.paused)


class PersistenceTests(ConnectionTestCase):
    """When a connection stays (RFC 9112 section 9.3)."""

    def test_connection_stays_as_version_and_field_say(self) -> None:
        """And the answer says what becomes of it, where the version's default is another."""
        for version, field, stays, said in (
            ("1.1", None, True, None),
            ("1.1", "keep-alive", True, None),
            ("1.1", "close", False, "close"),
            ("1.1", "foo, Close", False, "close"),
            ("1.0", None, False, "close"),
            ("1.0", "Keep-Alive", True, "keep-alive"),
            ("1.0", "keep-alive, close", False, "close"),
        ):
            with self.subTest(version=version, field=field):
                client = Client(self.server)
                answer = client.ask(target="/echo", version=version, connection=field)
                self.assertEqual(answer.fields.get("connection"), said)
                self.assertEqual(client.closed, not stays)

    def test_proxy_connection_is_heeded(self) -> None:
        """It is no field of HTTP, but llhttp obeys it: what followed would be refused."""
        self.assertEqual(self.client.ask(target="/echo", proxy_connection="close").fields["connection"], "close")
        self.assertTrue(self.client.closed)

    def test_kept_connection_serves_old_clients_again(self) -> None:
        """As ab and old proxies do."""
        for _ in range(3):
            self.assertEqual(
                self.client.ask(target="/echo", version="1.0", connection="keep-alive").body, b"GET /echo "
            )

    def test_request_behind_last_one_is_dropped(self) -> None:
        """The client said that there would be none."""
        self.client.send(request(target="/echo", connection="close") + request(target="/echo"))
        self.assert_bodies(b"GET /echo ")
        self.assertTrue(self.client.closed or self.client.half_closed)

    def test_head_has_length_and_no_body(self) -> None:
        """HEAD is answered like GET, and the connection goes on."""
        answer = self.client.ask("HEAD", "/echo")
        self.assertEqual((answer.fields["content-length"], answer.body), ("11", b""))
        self.assertEqual(self.client.ask(target="/echo").body, b"GET /echo ")

    def test_answers_without_body_have_no_length(self) -> None:
        """204 and 304 end with their head."""
        for status, way in product((204, 304), ("respond", "start")):
            with self.subTest(status=status, way=way):
                self.client.send(request(target="/held"))
                exchange = self.server.held.pop()
                if way == "respond":
                    exchange.respond(status, b"", b"never sent")
                else:
                    exchange.start(status, length=10)
                    exchange.write(b"never sent")
                    exchange.end()
                (answer,) = self.client.answers()
                self.assertEqual((answer.status, answer.body), (status, b""))
                self.assertNotIn("content-length", answer.fields)
                self.assertNotIn("transfer-encoding", answer.fields)

    def test_answer_of_unknown_length_is_chunked(self) -> None:
        """In HTTP/1.1."""
        self.client.send(request(target="/held"))
        exchange = self.server.held.pop()
        exchange.start(200)
        for piece in (b"one", b"", b"two"):
            exchange.write(piece)
        exchange.end()
        self.assertTrue(self.client.transport.value().endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"))
        self.assert_bodies(b"onetwo")
        self.assertFalse(self.client.closed)

    def test_answer_of_unknown_length_ends_old_connection(self) -> None:
        """HTTP/1.0 has no chunks."""
        self.client.send(request(target="/held", version="1.0", connection="keep-alive"))
        exchange = self.server.held.pop()
        exchange.start(200)
        exchange.write(b"all")
        exchange.end()
        self.assert_bodies(b"all")
        self.assertTrue(self.client.closed)


class LeavingTests(ConnectionTestCase):
    """Clients that leave."""

    def test_handler_is_told_once(self) -> None:
        """And what it sends afterwards goes nowhere."""
        for begun in (False, True):
            with self.subTest(begun=begun):
                self.client = Client(self.server)
                gone: list[str] = []
                self.client.send(request(target="/held") * 2)
                exchange = self.server.held.pop()
                exchange.on_gone = lambda gone=gone: gone.append("gone")  # type: ignore[misc]  # mypy wants no default
                if begun:
                    exchange.start(200)
                self.client.received()
                self.client.lose()
                self.assertEqual(gone, ["gone"])
                self.assertTrue(exchange.gone)
                exchange.write(b"more")
                exchange.end()
                exchange.abort()
                self.assertEqual((gone, self.client.received(), self.server.held), (["gone"], b"", []))

    def test_handler_that_has_answered_is_not_told(self) -> None:
        """Its work is done."""
        gone: list[str] = []
        self.client.send(request(target="/held"))
        self.server.held[0].on_gone = lambda: gone.append("gone")
        self.server.answer()
        self.client.lose()
        self.assertEqual(gone, [])

    def test_broken_farewell_does_not_keep_connection(self) -> None:
        """The factory hears of the end all the same."""

        def broken() -> None:
            raise ZeroDivisionError

        self.client.send(request(target="/held"))
        self.server.held[0].on_gone = broken
        drained = self.client.factory.drain()
        self.assertRaises(ZeroDivisionError, self.client.lose)
        self.successResultOf(drained)

    def test_client_that_leaves_amid_anything_leaves_nothing(self) -> None:
        """After each byte of two requests: no timer, no connection, no open file."""
        data = request("POST", "/spooled", b"0123456789") + request("POST", "/echo", **CHUNKED) + b"1\r\nx\r\n"
        for length in range(len(data)):
            client = Client(self.server)
            client.send(data[:length])
            client.lose()
            self.assertEqual((len(client.wheel), client.factory.connections), (0, set()))

    def test_aborted_answer_is_cut(self) -> None:
        """No client can take a part for the whole, whichever way the end is told."""
        for version, length, cut in (("1.1", None, False), ("1.1", 10, False), ("1.0", 10, False), ("1.0", None, True)):
            with self.subTest(version=version, length=length):
                client = Client(self.server)
                client.send(request(target="/held", version=version) + request(target="/echo"))
                exchange = self.server.held.pop()
                exchange.start(200, length=length)
                exchange.write(b"part")
                exchange.abort()
                data = client.received()
                self.assertTrue(data.endswith(b"part\r\n" if version == "1.1" and length is None else b"part"))
                self.assertEqual(client.aborted, cut)
                self.assertTrue(client.closed or client.half_closed)


class DrainTests(ConnectionTestCase):
    """Connections of a daemon that stops."""

    def drain(self) -> None:
        """Let the daemon stop."""
        self.client.factory.drain()
        self.client.received()

    def test_idle_connection_closes(self) -> None:
        """Between two requests."""
        self.client.ask(target="/echo")
        self.drain()
        self.assertTrue(self.client.closed)

    def test_fresh_connection_closes_after_a_moment(self) -> None:
        """If no request comes."""
        self.drain()
        self.assertFalse(self.client.closed)
        self.client.advance(FIRST_GRACE + RESOLUTION)
        self.assertTrue(self.client.closed)

    def test_first_request_that_is_on_its_way_is_answered(self) -> None:
        """Whoever has connected cannot know that it was the last moment; a head in two pieces is one request too."""
        coming = Client(factory=self.client.factory)
        data = request(target="/echo")
        coming.send(data[:10])
        self.drain()
        coming.send(data[10:])
        self.client.send(data)
        for client in (self.client, coming):
            (answer,) = client.answers()
            self.assertEqual((answer.status, answer.fields["connection"]), (200, "close"))
            self.assertTrue(client.closed)

    def test_busy_connection_answers_and_closes(self) -> None:
        """All that it was asked; with the last answer the client learns that there is no more."""
        self.client.send(request(target="/held") + request(target="/echo"))
        self.drain()
        self.assertFalse(self.client.closed)
        self.server.answer()
        first, last = self.client.answers()
        self.assertEqual([first.fields.get("connection"), last.fields.get("connection")], [None, "close"])
        self.assertTrue(self.client.closed)

    def test_answer_that_has_begun_is_completed(self) -> None:
        """Its head is out, so the client learns by the close."""
        self.client.send(request(target="/held"))
        exchange = self.server.held[0]
        exchange.start(200)
        exchange.write(b"one")
        self.client.factory.draining = True
        exchange.write(b"two")
        exchange.end()
        self.assert_bodies(b"onetwo")
        self.assertTrue(self.client.closed)

    def test_request_that_is_coming_is_answered(self) -> None:
        """Its head was complete."""
        self.client.send(request("POST", "/echo", b"abc")[:-1])
        self.drain()
        self.client.send(b"c")
        self.assert_bodies(b"POST /echo abc")
        self.assertTrue(self.client.closed)

    def test_given_socket_stays(self) -> None:
        """Its owner is told otherwise."""
        self.client.send(request(target="/switch", **UPGRADE))
        self.drain()
        self.assertFalse(self.client.closed)


class AddressTests(ConnectionTestCase):
    """What a handler gets to know of the connection."""

    def test_handler_sees_addresses_and_tls(self) -> None:
        """As the transport tells them."""
        self.client.send(request(target="/held"))
        exchange = self.server.held.pop()
        self.assertEqual((exchange.request.remote_ip, exchange.request.protocol), ("192.0.2.7", "http"))
        Client(self.server, secure=True).send(request(target="/held"))
        self.assertEqual(self.server.held.pop().request.protocol, "https")

    def test_unix_socket_has_no_address(self) -> None:
        """It is the empty text."""
        Client(self.server, peer=UNIXAddress(""), host=UNIXAddress("/run/s")).send(request(target="/held"))
        self.assertEqual(self.server.held.pop().request.remote_ip, "")
