# -*- test-case-name: tests.http.test_wsgi -*-
"""What a site gets to know of a request, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import StateError
from sockjsd.http.wsgi import AnswerHead, WSGIRequest
from tests.http.memory import Client, request
from tests.http.site import Gate, Response, Server, StartResponse, Streaming


class EnvironTests(SynchronousTestCase):
    """The environ (PEP 3333)."""

    def setUp(self) -> None:
        self.server = Server()

    def environ(self, *arguments: Any, client: Client | None = None, **fields: str | None) -> dict[str, Any]:
        """Return what the site gets of a request (see ``memory.request``)."""
        (client or self.server.client).ask(*arguments, **fields)
        return self.server.wsgi.environs[-1]

    def test_path_is_unquoted_and_query_is_not(self) -> None:
        """In bytes that stand in Latin-1."""
        for target, path, query in (
            ("/", "/", ""),
            ("/a/b?c=%20&d?e", "/a/b", "c=%20&d?e"),
            ("/%C3%A9%2Fx/", "/Ã©/x/", ""),
            ("//a", "//a", ""),
            ("/?", "/", ""),
            ("http://example.com/a?b", "/a", "b"),
        ):
            with self.subTest(target=target):
                environ = self.environ("GET", target)
                self.assertEqual((environ["PATH_INFO"], environ["QUERY_STRING"]), (path, query))
                self.assertEqual(environ["SCRIPT_NAME"], "")

    def test_request_line_is_told(self) -> None:
        """Any method is the site's business."""
        environ = self.environ("PROPFIND", "/", version="1.0")
        self.assertEqual((environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]), ("PROPFIND", "HTTP/1.0"))

    def test_length_is_that_of_the_body(self) -> None:
        """However it came; the site reads no further."""
        chunked = request("POST", "/", transfer_encoding="chunked") + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        for data, length, body in (
            (request(), "0", b""),
            (request("POST", "/", b"abc"), "3", b"abc"),
            (chunked, "3", b"abc"),
            (request("POST", "/", b"x" * 100_000), "100000", b"x" * 100_000),
        ):
            with self.subTest(length=length):
                self.server.client.send(data)
                self.assertEqual(self.server.wsgi.environs[-1]["CONTENT_LENGTH"], length)
                self.assertEqual(self.server.wsgi.bodies[-1], body)

    def test_fields_are_told(self) -> None:
        """Repeated ones joined; pieces of a cookie so that they stay a cookie."""
        self.server.client.send(
            b"POST / HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nCookie: a=b\r\nCookie: c=d\r\n"
            b"x-one: 2\r\nContent-Type: text/x\r\nContent-Length: 0\r\n\r\n"
        )
        environ = self.server.wsgi.environs[-1]
        self.assertEqual(environ["HTTP_X_ONE"], "1,2")
        self.assertEqual(environ["HTTP_COOKIE"], "a=b; c=d")
        self.assertEqual(environ["CONTENT_TYPE"], "text/x")
        self.assertEqual(environ["HTTP_HOST"], "example.com")

    def test_fields_that_could_pass_for_others_are_not(self) -> None:
        """Nor those about how the body came."""
        self.server.client.send(
            b"POST / HTTP/1.1\r\nHost: example.com\r\nX_Forwarded_Proto: https\r\nPROXY: evil\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        environ = self.server.wsgi.environs[-1]
        self.assertEqual([name for name in environ if name.startswith("HTTP_")], ["HTTP_HOST"])

    def test_server_name_is_host_without_port(self) -> None:
        """Also where it is an IPv6 address; an old client that names none gets our address."""
        for host, name in (
            ("example.com", "example.com"),
            ("example.com:8000", "example.com"),
            ("example.com:", "example.com"),
            ("[::1]", "[::1]"),
            ("[::1]:8000", "[::1]"),
        ):
            self.assertEqual(self.environ(host=host)["SERVER_NAME"], name)
        self.assertEqual(self.environ(host=None, version="1.0")["SERVER_NAME"], "192.0.2.1")

    def test_addresses_are_told(self) -> None:
        """Those of the connection; on a Unix socket something that programs can read."""
        for peer, host, expected in (
            (
                IPv4Address("TCP", "192.0.2.7", 50000),
                IPv4Address("TCP", "192.0.2.1", 80),
                ("192.0.2.7", "50000", "80"),
            ),
            (IPv6Address("TCP", "::7", 50000), IPv6Address("TCP", "::1", 8000), ("::7", "50000", "8000")),
            (UNIXAddress(""), UNIXAddress("/run/s"), ("127.0.0.1", "80", "80")),
        ):
            with self.subTest(peer=peer):
                environ = self.environ(client=self.server.connect(peer=peer, host=host))
                self.assertEqual(tuple(environ[n] for n in ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_PORT")), expected)

    def test_scheme_is_that_of_the_connection(self) -> None:
        """Whatever fields say: which proxy may be believed is Django's setting."""
        self.assertEqual(self.environ(x_forwarded_proto="https")["wsgi.url_scheme"], "http")
        self.assertEqual(self.environ(client=self.server.connect(secure=True))["wsgi.url_scheme"], "https")


class AnswerTests(SynchronousTestCase):
    """What the client gets."""

    def setUp(self) -> None:
        self.server = Server()
        self.wsgi = self.server.wsgi
        self.client = self.server.client

    def test_complete_answer_crosses_once(self) -> None:
        """Head and body together, with their length."""
        answer = self.client.ask()
        self.assertEqual((answer.status, answer.body, self.server.reactor.crossings), (200, b"hello", 1))
        self.assertEqual((answer.fields["content-type"], answer.fields["content-length"]), ("text/plain", "5"))

    def test_status_and_fields_are_the_sites(self) -> None:
        """But not those that are ours."""
        self.wsgi.status = "299 Odd"
        self.wsgi.headers = [
            ("Set-Cookie", "a"),
            ("Set-Cookie", "b"),
            ("Date", "yesterday"),
            ("Connection", "close"),
            ("Transfer-Encoding", "chunked"),
            ("Keep-Alive", "x"),
            ("Content-Length", "12345"),
        ]
        self.client.send(request())
        data = self.client.received()
        self.assertTrue(
            data.startswith(b"HTTP/1.1 299 Odd\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nSet-Cookie: a\r\n")
        )
        self.assertTrue(data.endswith(b"Set-Cookie: b\r\nContent-Length: 5\r\n\r\nhello"))

    def test_streamed_answer_is_passed_on(self) -> None:
        """As it comes; with its length where the site knows it, else in chunks."""
        for headers, field in (([("Content-Length", "6")], "content-length"), ([], "transfer-encoding")):
            with self.subTest(headers=headers):
                self.wsgi.headers = headers
                self.wsgi.response = Streaming([b"one", b"", b"two"])
                answer = self.client.ask()
                self.assertEqual((answer.body, self.wsgi.response.closed), (b"onetwo", 1))
                self.assertIn(field, answer.fields)

    def test_first_part_is_sent_before_second_is_made(self) -> None:
        """It may take its time."""
        seen: list[bytes] = []

        def parts() -> Iterator[bytes]:
            yield b"one"
            seen.append(self.client.transport.value())
            yield b"two"

        self.wsgi.response = parts()
        self.client.send(request())
        self.assertTrue(seen[0].endswith(b"3\r\none\r\n"))

    def test_streamed_answer_may_be_empty(self) -> None:
        """The head is sent all the same."""
        self.wsgi.response = Streaming()
        self.assertEqual(self.client.ask().fields["content-length"], "0")

    def test_head_is_answered_without_body(self) -> None:
        """With the length of what GET would get, whether the site made it, declares it, or streams it."""
        for response, headers, length in (
            (Response([b"hello"]), [], "5"),
            (Response(), [("Content-Length", "7")], "7"),
            (Response(), [], "0"),
            (Streaming([b"hello"]), [("Content-Length", "5")], "5"),
        ):
            with self.subTest(response=response, headers=headers):
                self.wsgi.response, self.wsgi.headers = response, headers
                answer = self.client.ask("HEAD")
                self.assertEqual((answer.status, answer.fields["content-length"], answer.body), (200, length, b""))
        self.assertFalse(self.client.closed)

    def test_answer_without_body_has_no_length(self) -> None:
        """304 and 204, streamed or not."""
        for status in ("304 Not Modified", "204 No Content"):
            for response in (Response(), Streaming(), Streaming([b"x"])):
                with self.subTest(status=status, response=response):
                    self.wsgi.status, self.wsgi.response = status, response
                    self.wsgi.headers = [("Content-Length", "7")]
                    self.assertNotIn("content-length", self.client.ask().fields)
        self.assertFalse(self.client.closed)

    def test_write_sends(self) -> None:
        """PEP 3333 still has that function."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("200 OK", [])
            write(b"one")
            return [b"two"]

        self.assertEqual(Server(application).client.ask().body, b"onetwo")

    def test_mistake_in_head_is_the_sites_failure(self) -> None:
        """500, logged; it would raise in the reactor, and nobody would answer."""
        for status, headers in (
            ("200 OK\r\nX: y", []),
            ("OK", []),
            ("", []),
            ("99 Odd", []),
            ("100 ", []),
            ("103 Early Hints", []),
            ("200 OK", [("X", "a\r\nb")]),
            ("200 OK", [("X", "☃")]),
            ("200 OK", [("Content-Length", "-1")]),
        ):
            with self.subTest(status=status, headers=headers):
                self.wsgi.status, self.wsgi.headers = status, headers
                answer = self.client.ask()
                self.assertEqual((answer.status, answer.body), (500, b"Internal server error\n"))
                self.assertEqual(len(self.flushLoggedErrors(StateError, ValueError)), 1)

    def test_status_needs_no_phrase(self) -> None:
        """A view may set it to nothing."""
        self.wsgi.status = "200 "
        self.assertEqual((self.client.ask().reason, self.flushLoggedErrors()), ("OK", []))

    def test_failure_amid_answer_cuts_it(self) -> None:
        """The head is out, and the rest must not look complete."""

        def parts() -> Iterator[bytes]:
            yield b"one"
            raise ZeroDivisionError

        self.wsgi.response = parts()
        self.client.send(request())
        self.assertTrue(self.client.received().endswith(b"3\r\none\r\n"))
        self.assertTrue(self.client.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_imperative_site_waits_for_reader(self) -> None:
        """``write`` cannot be left and called again: its thread is held."""
        client = self.client
        waits: list[int] = []

        class ReadingGate(Gate):
            def blocked(self) -> None:
                waits.append(client.transport.unread)
                client.read()

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("200 OK", [])
            for _ in range(10):
                write(b"x" * 50_000)
            return []

        self.patch(WSGIRequest, "GATE", ReadingGate)
        self.server.site.start(application)
        client.block()
        client.read()
        client.send(request())
        client.unblock()
        self.assertEqual(len(client.answers()[0].body), 500_000)
        self.assertEqual(len(waits), 5)
        self.assertLess(max(waits), 200_000)

    def test_client_that_leaves_lets_imperative_site_go_on(self) -> None:
        """What it writes goes nowhere."""
        client = self.client

        class LosingGate(Gate):
            def blocked(self) -> None:
                client.lose()

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            write = start_response("200 OK", [])
            for _ in range(10):
                write(b"x" * 50_000)
            return []

        self.patch(WSGIRequest, "GATE", LosingGate)
        self.server.site.start(application)
        client.block()
        client.read()
        client.send(request())
        self.successResultOf(self.server.site.drained())

    def test_head_cannot_be_replaced_behind_a_part(self) -> None:
        """Also where that was not sent yet."""
        seen: list[Exception] = []

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterator[bytes]:
            start_response("200 OK", [])
            yield b"one"
            try:
                raise ZeroDivisionError("secret")
            except ZeroDivisionError as error:
                try:
                    start_response("500 Oh", [], (type(error), error, error.__traceback__))
                except ZeroDivisionError as again:
                    seen.append(again)

        self.assertEqual(Server(application).client.ask().status, 200)
        self.assertEqual(len(seen), 1)


class HeadTests(SynchronousTestCase):
    """What a site says before the body."""

    def test_head_is_read(self) -> None:
        """Fields as lines, the length apart."""
        head = AnswerHead.read("404 Not Here", [("A", "b"), ("content-length", "3"), ("C", "d")])
        self.assertEqual(head, AnswerHead(404, "Not Here", b"A: b\r\nC: d\r\n", 3))

    def test_length_may_be_missing(self) -> None:
        """It is found out."""
        self.assertIsNone(AnswerHead.read("200 OK", []).length)
