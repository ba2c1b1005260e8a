# -*- test-case-name: tests.http.test_connection_bodies -*-
"""One connection: bodies, and requests that are none or too large."""

from __future__ import annotations

import tempfile

from sockjsd.http import body as body_module
from sockjsd.http.limits import LINGER, Limits
from tests.http.fakes import FullDisk
from tests.http.memory import Client, request
from tests.http.served import CHUNKED, ConnectionTestCase


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
        file = self.server.held[0].file
        assert file is not None
        self.assertEqual(file.read(), b"0123456789")
        self.server.answer()
        self.assertTrue(file.closed)

    def test_file_is_closed_when_client_leaves(self) -> None:
        """While the request waits, and while its body comes; open files are warnings, and fail this test."""
        self.client.send(request("POST", "/spooled", b"0123456789") * 2)
        file = self.server.held[0].file
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
        self.assertIsNone(self.server.held[0].file)
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

    def test_disk_that_is_full_at_the_end_is_our_fault(self) -> None:
        """The same, and the file is not left open."""
        file = FullDisk()
        self.patch(body_module, "open_spool", lambda budget: file)
        self.client.send(request("POST", "/spooled", b"0123456789"))
        self.assert_refused(500)
        self.assertTrue(file.closed)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)
