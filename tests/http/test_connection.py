# -*- test-case-name: tests.http.test_connection -*-
"""One connection: the order of answers, time-outs, limits, and every way it can end."""

from __future__ import annotations

import tempfile
from itertools import product

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.flow import SLICE
from sockjsd.http.limits import LINGER, Limits
from tests.http.fakes import SWITCH, Server, Tunnel
from tests.http.memory import Client, request

UPGRADE = {"upgrade": "websocket", "connection": "keep-alive, Upgrade"}
CHUNKED = {"transfer_encoding": "chunked"}


class ConnectionTestCase(SynchronousTestCase):
    """A server and a client of it."""

    limits = Limits()

    def setUp(self) -> None:
        self.server = Server()
        self.client = Client(self.server, self.limits)

    def assert_bodies(self, *expected: bytes) -> None:
        """Exactly these bodies came since the last look, in this order."""
        self.assertEqual([answer.body for answer in self.client.answers()], list(expected))

    def assert_refused(self, status: int, reason: str = "") -> None:
        """One answer came, with this status, and the connection goes."""
        (answer,) = self.client.answers()
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.fields["connection"], "close")
        self.assertIn(reason.encode(), answer.body)
        self.assertTrue(self.client.closed or self.client.half_closed)


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


class BodyTests(ConnectionTestCase):
    """Bodies of requests."""

    def test_chunked_body_is_read(self) -> None:
        """Whole and byte by byte; trailers are dropped, and the next request is read."""
        data = request("POST", "/echo", **CHUNKED) + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
        for send in (Client.send, Client.send_bytewise):
            send(self.client, data + request(target="/echo"))
            self.assert_bodies(b"POST /echo abcde", b"GET /echo ")

    def test_trailers_are_no_fields(self) -> None:
        """Nobody downstream has checked them."""
        self.client.send(request("POST", "/held", **CHUNKED) + b"0\r\nX-Trailer: 1\r\n\r\n")
        self.assertNotIn("X-Trailer", self.server.held[0].request.headers)

    def test_declared_length_is_refused_before_body(self) -> None:
        """413 comes before a byte of the body does."""
        self.client.send(request("POST", "/small", content_length="11"))
        self.assert_refused(413, "10 bytes")

    def test_growing_body_is_refused(self) -> None:
        """A chunked one, as soon as it is too large."""
        self.client.send(request("POST", "/small", **CHUNKED) + b"a\r\n0123456789\r\n")
        self.assert_bodies()
        self.client.send(b"1\r\nx\r\n")
        self.assert_refused(413, "10 bytes")

    def test_endless_framing_of_body_is_refused(self) -> None:
        """Chunk extensions and trailers are no body, and have no length of their own."""
        for framing in (b"1;", b"0\r\nX: ", b"1\r\nx\r\n0\r\nX: "):
            with self.subTest(framing=framing):
                self.client = Client(self.server)
                self.client.send(request("POST", "/echo", **CHUNKED) + framing)
                for _ in range(20):
                    self.client.send(b"x" * 1000)
                self.assert_refused(431, "framing")

    def test_many_small_chunks_are_welcome(self) -> None:
        """Their framing is larger than a head may be."""
        self.client.send(request("POST", "/echo", **CHUNKED) + b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n")
        self.assert_bodies(b"POST /echo " + b"x" * 10_000)

    def test_large_body_is_spooled(self) -> None:
        """The handler gets a file at its beginning, which is closed with the answer."""
        self.client.send(request("POST", "/spooled", b"0123456789"))
        file = self.server.held[0].request.file
        assert file is not None
        self.assertEqual(file.read(), b"0123456789")
        self.server.answer()
        self.assertTrue(file.closed)

    def test_file_is_closed_when_client_leaves(self) -> None:
        """While the request waits, and while its body comes; open files are warnings, and fail this test."""
        self.client.send(request("POST", "/spooled", b"0123456789") * 2)
        file = self.server.held[0].request.file
        assert file is not None
        self.client.lose()
        self.assertTrue(file.closed)
        other = Client(self.server)
        other.send(request("POST", "/spooled", b"0123456789")[:-1])
        other.lose()

    def test_file_is_closed_on_error(self) -> None:
        """A body that grows too large, one that breaks, and one that comes too late."""
        for rest in (b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n", b"zzz", None):
            self.client = Client(self.server)
            self.client.send(request("POST", "/spooled", **CHUNKED) + b"5\r\n01234\r\n")
            if rest is None:
                self.client.advance(31)
            else:
                self.client.send(rest)
            self.assertIn(self.client.answers()[0].status, (400, 408, 413))

    def test_files_are_closed_when_answer_is_last(self) -> None:
        """Requests behind it are forgotten with their bodies."""
        self.client.send(request("POST", "/held", connection="close"))
        self.server.answer()
        self.client = Client(self.server)
        self.client.send(request(target="/held") + request("POST", "/spooled", b"0123456789"))
        self.server.held[0].abort()
        self.assertTrue(self.client.closed or self.client.half_closed)

    def test_bodyless_request_to_spooling_route_has_no_file(self) -> None:
        """There is nothing to keep."""
        self.client.send(request("POST", "/spooled"))
        self.assertIsNone(self.server.held[0].request.file)
        self.assertEqual(self.server.held[0].request.body, b"")


class ContinueTests(ConnectionTestCase):
    """``Expect: 100-continue`` (RFC 9110 section 10.1.1)."""

    HEAD = request("POST", "/echo", content_length="3", expect="100-continue")
    GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_client_is_told_once_to_go_on(self) -> None:
        """Before its body, not for each piece of it."""
        self.client.send(self.HEAD)
        self.assertEqual(self.client.received(), self.GO_ON)
        self.client.send_bytewise(b"abc")
        self.assert_bodies(b"POST /echo abc")

    def test_client_is_told_when_it_is_its_turn(self) -> None:
        """It would take it for the answer to an earlier request."""
        self.client.send(request(target="/held") + self.HEAD)
        self.assertEqual(self.client.received(), b"")
        self.server.answer()
        self.assertTrue(self.client.received().endswith(b"held" + self.GO_ON))

    def test_client_is_not_told_otherwise(self) -> None:
        """An old client, one without a body, one whose body is there already, and one that is refused."""
        for data in (
            request("POST", "/echo", content_length="3", expect="100-continue", version="1.0"),
            request("POST", "/echo", expect="100-continue"),
            self.HEAD + b"abc",
            request("POST", "/small", content_length="11", expect="100-continue"),
        ):
            with self.subTest(data=data):
                client = Client(self.server)
                client.send(data)
                self.assertNotIn(b"100 Continue", client.received())

    def test_other_expectations_are_refused(self) -> None:
        """417."""
        self.client.send(request("POST", "/echo", b"abc", expect="a miracle"))
        self.assert_refused(417)


class RefusalTests(ConnectionTestCase):
    """Requests that are none, or too large."""

    limits = Limits(head_limit=200, head_fields=5)

    def test_long_head_is_refused(self) -> None:
        """As soon as it is too long, byte by byte as at once, in a field, a target or many fields."""
        for data in (
            b"GET /" + b"x" * 200,
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200,
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"x" * 200,
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 40,
        ):
            for send in (Client.send, Client.send_bytewise):
                with self.subTest(data=data[:40], send=send):
                    self.client = Client(self.server, self.limits)
                    send(self.client, data)
                    self.assert_refused(431)

    def test_head_is_bounded_exactly(self) -> None:
        """The same number of bytes, however they come."""
        fitting = request(target="/echo", x="y" * (200 - len(request(target="/echo", x=""))))
        for send in (Client.send, Client.send_bytewise):
            client = Client(self.server, self.limits)
            send(client, fitting)
            self.assertEqual(client.answers()[0].status, 200)
            send(client, fitting.replace(b"y", b"yy", 1))
            self.assertEqual(client.answers()[0].status, 431)

    def test_many_fields_are_refused(self) -> None:
        """Each costs memory, however short."""
        self.client.send(request(target="/echo", a="", b="", c="", d=""))
        self.assert_bodies(b"GET /echo ")
        self.client.send(request(target="/echo", a="", b="", c="", d="", e=""))
        self.assert_refused(431, "5 fields")

    def test_error_is_answered_after_earlier_requests(self) -> None:
        """In its turn, like an answer."""
        self.client.send(request(target="/held") + b"nonsense\r\n\r\n")
        self.assertEqual(self.client.received(), b"")
        self.assertFalse(self.client.closed)
        self.server.answer()
        ok, refused = self.client.answers()
        self.assertEqual((ok.status, refused.status), (200, 400))

    def test_nothing_is_read_after_error(self) -> None:
        """What follows may be the body of a request that was read wrongly."""
        self.client.send(b"nonsense\r\n\r\n" + request(target="/held"))
        self.client.send(request(target="/held"))
        self.assert_refused(400)
        self.assertEqual(self.server.held, [])

    def test_refused_client_may_go_on_sending(self) -> None:
        """It is read, and dropped, so that the kernel does not destroy the answer; but not for ever."""
        self.client.send(request("POST", "/small", content_length="1000"))
        self.assertTrue(self.client.half_closed)
        self.client.send(b"x" * 500)
        self.assertFalse(self.client.closed)
        self.client.advance(LINGER + 1)
        self.assertTrue(self.client.aborted)

    def test_refused_client_that_closes_is_not_cut(self) -> None:
        """The usual end."""
        self.client.send(b"nonsense\r\n\r\n")
        self.client.lose()
        self.client.advance(LINGER + 1)
        self.assertFalse(self.client.aborted)

    def test_connection_under_tls_is_closed_whole(self) -> None:
        """Half of it cannot be: closing the TCP connection's half would cut what TLS still holds."""
        client = Client(self.server, secure=True)
        client.send(b"nonsense\r\n\r\n")
        self.assertFalse(client.half_closed)
        self.assertTrue(client.closed)

    def test_full_disk_is_our_fault(self) -> None:
        """500, and logged."""
        self.patch(tempfile, "tempdir", "/nowhere")
        self.client.send(request("POST", "/spooled", b"0123456789"))
        self.assert_refused(500)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)


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


class DrainTests(ConnectionTestCase):
    """Connections of a daemon that stops."""

    def drain(self) -> None:
        """Let the daemon stop."""
        self.client.factory.drain()
        self.client.received()

    def test_idle_connection_closes(self) -> None:
        """Fresh, or between two requests."""
        self.client.ask(target="/echo")
        fresh = Client(factory=self.client.factory)
        self.drain()
        fresh.received()
        self.assertTrue(self.client.closed and fresh.closed)

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
