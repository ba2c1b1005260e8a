# -*- test-case-name: tests.http.test_wsgi -*-
"""What a site says, and what becomes of its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import StateError
from sockjsd.http.wsgi import AnswerHead, WSGIRequest
from tests.http.memory import request
from tests.http.site import Gate, Response, Server, StartResponse, Streaming


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

    def test_write_takes_bytes_only(self) -> None:
        """Anything else is the site's failure, in its own thread; the reactor never sees it."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])("text")  # type: ignore[arg-type]  # that is the mistake
            return []

        self.assertEqual(Server(application).client.ask().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_write_after_the_end_does_not_hold_its_thread(self) -> None:
        """It is a mistake of the site, and logged."""
        writes: list[Any] = []

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            writes.append(start_response("200 OK", []))
            return [b"all"]

        self.assertEqual(Server(application).client.ask().body, b"all")
        writes[0](b"more")
        self.assertEqual(len(self.flushLoggedErrors(StateError)), 1)

    def test_head_cannot_be_replaced_behind_written_part(self) -> None:
        """It is out: the site hears its own failure again, and the answer is cut."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])(b"one")
            try:
                raise ZeroDivisionError("secret")
            except ZeroDivisionError as error:
                start_response("500 Oh", [], (type(error), error, error.__traceback__))
            return []

        client = Server(application).client
        client.send(request())
        self.assertTrue(client.received().endswith(b"one\r\n"))
        self.assertTrue(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_head_is_said_once(self) -> None:
        """Saying it again without a failure is one (PEP 3333)."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            start_response("404 Not Found", [])
            return []

        self.assertEqual(Server(application).client.ask().status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

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

    def test_long_fields_are_read_like_short_ones(self) -> None:
        """Only short ones are kept for the next answer."""
        for value in ("v" * 10, "v" * 1000):
            for _ in range(2):
                self.assertEqual(AnswerHead.read("200 OK", [("A", value)]).fields, f"A: {value}\r\n".encode())

    def test_mistakes_are_found_each_time(self) -> None:
        """However often they are made."""
        for _ in range(2):
            for name, value in (("A", "b\r\nc"), ("A", "b" * 100 + "\n"), ("A b", "c")):
                self.assertRaises(StateError, AnswerHead.read, "200 OK", [(name, value)])
            self.assertRaises(ValueError, AnswerHead.read, "0200", [("Content-Length", "x")])
            self.assertRaises(TypeError, AnswerHead.read, "200 OK", [("A", b"b")])
