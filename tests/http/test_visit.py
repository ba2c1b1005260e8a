# -*- test-case-name: tests.http.test_visit -*-
"""How each kind of answer leaves its thread, and what is given back when it is over."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.streaming import Stream
from tests.http.memory import Client, request
from tests.http.site import Gate, Response, Server, StartResponse, Streaming

#: Bytes of a complete answer that stay in memory.
SPOOL = 1000


class VisitTestCase(SynchronousTestCase):
    """A site with room for one request at a time, and a client of it."""

    def setUp(self) -> None:
        self.patch(Stream, "GATE", Gate)
        self.options: dict[str, Any] = {"threads": 1, "queue": 0, "response_spool": SPOOL, "streams": 1}
        self.serve()

    def serve(self, **options: Any) -> None:
        """Start over with other *options*."""
        self.server = Server(**self.options | options)
        self.house = self.server.site._house
        self.wsgi = self.server.wsgi
        self.client = self.server.client

    def slow(self) -> Client:
        """Return a client that has sent a request and reads nothing of the answer; 64 KiB of it fill the buffer."""
        client = self.server.connect()
        client.block()
        client.read()
        client.send(request())
        return client

    def assert_welcome(self) -> None:
        """Somebody else is let in."""
        self.assertTrue(self.house.running.has())

    def assert_over(self) -> None:
        """Everything was given back."""
        self.successResultOf(self.server.site.drained())
        house = self.house
        self.assertEqual((house.running.used, house.streams.used, house.spooled.used), (0, 0, 0))


class WholeTests(VisitTestCase):
    """Complete bodies."""

    def test_small_answer_waits_in_memory(self) -> None:
        """It crosses to the reactor once, and is over for the site."""
        self.wsgi.response = Response([b"x" * (SPOOL - 1), b"y"])
        client = self.slow()
        self.assertEqual((self.server.reactor.crossings, self.house.spooled.used), (1, 0))
        self.assert_over()
        client.unblock()
        self.assertEqual(client.answers()[0].body, b"x" * (SPOOL - 1) + b"y")

    def test_large_answer_waits_on_disk(self) -> None:
        """The response is closed before; the place is somebody else's."""
        self.wsgi.response = response = Response([b"x" * 500_000, b"y"])
        client = self.slow()
        self.assertEqual((response.closed, self.house.spooled.used), (1, 500_001))
        self.assert_welcome()
        self.assertNoResult(self.server.site.drained())
        client.unblock()
        (answer,) = client.answers()
        self.assertEqual((answer.body, answer.fields["content-length"]), (b"x" * 500_000 + b"y", "500001"))
        self.assertEqual(response.closed, 1)
        self.assert_over()

    def test_client_that_leaves_frees_the_disk(self) -> None:
        """At once."""
        self.wsgi.response = Response([b"x" * 500_000])
        client = self.slow()
        self.assertEqual(self.house.spooled.used, 500_000)
        client.lose()
        self.assert_over()

    def test_answer_that_finds_no_room_waits_in_memory(self) -> None:
        """Neither in the budget, nor on the disk."""
        for options, folder in (({"spool_limit": 1}, None), ({}, "/nowhere")):
            with self.subTest(folder=folder):
                self.patch(tempfile, "tempdir", folder)
                self.serve(**options)
                self.wsgi.response = Response([b"x" * 5000])
                self.assertEqual(self.client.ask().body, b"x" * 5000)
                self.assert_over()

    def test_large_answer_to_head_is_not_kept(self) -> None:
        """Its length is told."""
        self.wsgi.response = Response([b"x" * 5000])
        answer = self.client.ask("HEAD")
        self.assertEqual((answer.fields["content-length"], answer.body), ("5000", b""))
        self.assert_over()

    def test_large_answer_after_write_is_sent(self) -> None:
        """What was written first, first."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])(b"one")
            return [b"x" * 5000]

        self.server.site.start(application)
        self.assertEqual(self.client.ask().body, b"one" + b"x" * 5000)
        self.assert_over()

    def test_text_is_the_sites_failure(self) -> None:
        """A body is bytes."""
        for response in (["text"], Streaming(["text"])):  # type: ignore[list-item]
            self.wsgi.response = response  # type: ignore[assignment]
            self.assertEqual(self.client.ask().status, 500)
            self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)
        self.assert_over()


class FileTests(VisitTestCase):
    """Files, through ``wsgi.file_wrapper``."""

    def setUp(self) -> None:
        super().setUp()
        self.path = self.mktemp()
        self.closed = 0
        self.length: str | None = None

    def serve_file(self, size: int, **options: Any) -> None:
        """Serve a file of *size* bytes."""
        with open(self.path, "wb") as file:
            file.write(b"f" * size)
        self.serve(**options)
        self.server.site.start(self.application)

    def application(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer with the file, as Django does."""
        start_response("200 OK", [("Content-Length", self.length)] if self.length is not None else [])
        return self.wrapped(environ, open(self.path, "rb"))  # closed by whom the test is about

    def wrapped(self, environ: dict[str, Any], file: Any) -> Iterable[bytes]:
        """Wrap *file*, and count how often it is closed."""
        close = file.close

        def count() -> None:
            self.closed += 1
            close()

        file.close = count
        wrapper: Iterable[bytes] = environ["wsgi.file_wrapper"](file, 100)
        return wrapper

    def test_small_file_is_read_at_once(self) -> None:
        """Like a complete answer."""
        self.serve_file(SPOOL)
        answer = self.client.ask()
        self.assertEqual((answer.body, self.closed, self.server.reactor.crossings), (b"f" * SPOOL, 1, 1))
        self.assert_over()

    def test_large_file_is_left_to_the_reactor(self) -> None:
        """It is closed when it was sent; its place is somebody else's before."""
        self.serve_file(1_000_000)
        client = self.slow()
        self.assertEqual(self.closed, 0)
        self.assert_welcome()
        client.unblock()
        self.assertEqual((client.answers()[0].body, self.closed), (b"f" * 1_000_000, 1))
        self.assert_over()

    def test_file_is_closed_when_client_leaves(self) -> None:
        """Once."""
        self.serve_file(1_000_000)
        self.slow().lose()
        self.assertEqual(self.closed, 1)
        self.assert_over()

    def test_part_of_a_file_is_sent(self) -> None:
        """As long as the site declares."""
        self.length = "5000"
        self.serve_file(1_000_000)
        self.assertEqual(self.client.ask().body, b"f" * 5000)
        self.assert_over()

    def test_file_shorter_than_declared_is_not_taken_for_complete(self) -> None:
        """It is cut; read at once it has its own length, like every complete answer."""
        self.length = "6000"
        self.serve_file(5000)
        self.client.send(request())
        self.assertIn(b"Content-Length: 6000\r\n", self.client.received())
        self.assertTrue(self.client.closed)
        self.assert_over()
        self.serve_file(5000, response_spool=100_000)
        self.assertEqual(self.client.ask().fields["content-length"], "5000")
        self.assertEqual(self.closed, 2)

    def test_file_is_not_read_for_head(self) -> None:
        """Its length is told, declared or not."""
        for length in ("5000", None):
            self.length = length
            self.serve_file(5000)
            answer = self.client.ask("HEAD")
            self.assertEqual((answer.fields["content-length"], answer.body), ("5000", b""))
            self.assert_over()
        self.assertEqual(self.closed, 2)

    def test_what_is_no_file_is_read_in_threads(self) -> None:
        """Block by block."""

        class Bytes(BytesIO):
            """Lets its ``close`` be replaced."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            return self.wrapped(environ, Bytes(b"b" * 5000))

        self.server.site.start(application)
        self.assertEqual((self.client.ask().body, self.closed), (b"b" * 5000, 1))
        self.assert_over()

    def test_failure_of_closing_is_logged(self) -> None:
        """The client has got all of the file before."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            start_response("200 OK", [])
            wrapper = self.wrapped(environ, open(self.path, "rb"))  # noqa: SIM115
            closing: Any = wrapper
            close = closing.close

            def fail() -> None:
                close()
                raise ZeroDivisionError

            closing.close = fail
            return wrapper

        self.serve_file(1_000_000)
        self.server.site.start(application)
        self.assertEqual(len(self.client.ask().body), 1_000_000)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_over()

    def test_file_without_head_is_the_sites_failure(self) -> None:
        """500."""

        def application(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
            return self.wrapped(environ, open(self.path, "rb"))

        self.serve_file(5000)
        self.server.site.start(application)
        self.assertEqual(self.client.ask().status, 500)
        self.assertEqual((len(self.flushLoggedErrors(RuntimeError)), self.closed), (1, 1))
        self.assert_over()


class StreamTests(VisitTestCase):
    """Bodies that are made part by part."""

    def test_stream_leaves_its_place_to_others(self) -> None:
        """While its client does not read; all of it arrives when it does."""
        self.wsgi.response = response = Streaming([b"s" * 50_000] * 10)
        client = self.slow()
        self.assert_welcome()
        self.assertEqual((self.house.streams.used, response.closed), (1, 0))
        client.unblock()
        self.assertEqual((client.answers()[0].body, response.closed), (b"s" * 500_000, 1))
        self.assert_over()

    def test_client_that_leaves_closes_it(self) -> None:
        """Once, and no more is made."""
        made = []

        def parts() -> Iterator[bytes]:
            try:
                while True:
                    made.append(1)
                    yield b"s" * 50_000
            finally:
                made.append(0)

        self.wsgi.response = parts()
        self.slow().lose()
        self.assertEqual((made[-1], len(made) < 5), (0, True))
        self.assert_over()

    def test_stream_that_may_not_leave_holds_its_thread(self) -> None:
        """Its place too."""
        held: list[int] = []

        class Held(Gate):
            def blocked(gate) -> None:  # two selves
                held.append(self.house.running.used)
                client.read()

        self.patch(Stream, "GATE", Held)
        self.serve(streams=0)
        self.wsgi.response = Streaming([b"s" * 50_000] * 10)
        client = self.client
        client.block()
        client.read()
        client.send(request())
        client.unblock()
        self.assertEqual((client.answers()[0].body, held), (b"s" * 500_000, [1] * 5))
        self.assert_over()

    def test_nothing_is_made_for_head(self) -> None:
        """Nor for a status without a body; it is closed."""
        for method, status in (("HEAD", "200 OK"), ("GET", "304 Not Modified")):

            class Unmade(Streaming):
                def __iter__(self) -> Iterator[bytes]:
                    raise AssertionError("nobody wants this")

            self.wsgi.response, self.wsgi.status = response, _ = Unmade(), status
            self.assertEqual((self.client.ask(method).body, response.closed), (b"", 1))
        self.assert_over()

    def test_failure_of_closing_cuts_the_answer(self) -> None:
        """It is logged."""

        class Stuck(Streaming):
            def close(self) -> None:
                raise ZeroDivisionError

        self.wsgi.response = Stuck([b"x"])
        self.client.send(request())
        self.client.received()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_over()
