# -*- test-case-name: tests.http.test_reader -*-
"""Bytes in, requests out; what is refused stands in the table of ``heads``."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.http.limits import Limits
from sockjsd.http.reader import Reader
from sockjsd.http.rules import Head
from tests.http.heads import ACCEPTED, BY_LLHTTP, BY_US, CHUNKED, GET, POST, ROOT, WEBSOCKET, Refusal
from tests.http.reading import ReaderTestCase, Requests, read

#: First lines, some of which are no first line of a request that we serve.
OTHER_LINES = (
    *("GET /a HTTP/1.1", "GET / HTTP/1.1", "GET /?a=b?c HTTP/1.1", "GET /%00 HTTP/1.1", "GET /%zz HTTP/1.1"),
    *(
        "HEAD / HTTP/1.1",
        "POST / HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "get / HTTP/1.1",
        "G / HTTP/1.1",
        "DESCRIBE / HTTP/1.1",
    ),
    *(
        "GET / HTTP/1.0",
        "GET / HTTP/2.0",
        "GET / HTTP/1.10",
        "GET / http/1.1",
        "GET / RTSP/1.0",
        "GET /",
        "GET",
        " ",
        "",
    ),
    *(
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        " GET / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET\t/ HTTP/1.1",
        "GET / a HTTP/1.1",
    ),
    *("GET http://a/b HTTP/1.1", "GET http://b/ HTTP/1.1", "GET a HTTP/1.1", "GET * HTTP/1.1", "GET //a HTTP/1.1"),
    *("\rGET / HTTP/1.1", "\nGET / HTTP/1.1", "GET / HTTP/1.1\r", "GET / HTTP/1.1\r\nA: b", "GET / HTTP/1.1\n", "\r\n"),
    *("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1", "GET /b HTTP/1.1\r\nHost: b"),
)


class RefusalTests(TestCase):
    """Requests that two parsers could read differently, and what else is none."""

    def test_llhttp_refuses(self) -> None:
        """Whole and byte by byte, each row of its table."""
        self.assert_all_refused(BY_LLHTTP)

    def test_we_refuse(self) -> None:
        """Whole and byte by byte, each row of ours."""
        self.assert_all_refused(BY_US)

    def assert_all_refused(self, table: tuple[Refusal, ...]) -> None:
        """Each row raises what it says, and the connection ends."""
        for row in table:
            for bytewise in (False, True):
                with self.subTest(row.name, bytewise=bytewise):
                    with self.assertRaises(HTTPError) as caught:
                        read(row.text, bytewise=bytewise)
                    self.assertEqual(caught.exception.status, row.status)
                    self.assertTrue(caught.exception.close)
                    self.assertEqual(caught.exception.reason[: len(row.reason)], row.reason)

    def test_reason_holds_nothing_from_peer(self) -> None:
        """It goes into an answer."""
        for text in (
            "evil\r\n",
            "GET evil HTTP/1.1\r\n",
            GET + "evil\r\n",
            GET + "A: evil\x00\r\n",
            GET + "Host: evil",
        ):
            with self.subTest(text), self.assertRaises(HTTPError) as caught:
                read(text + "\r\n\r\n")
            self.assertNotIn("evil", caught.exception.reason)


class AcceptedTests(TestCase):
    """Requests that are all right."""

    def test_requests_are_read(self) -> None:
        """Whole and byte by byte, each row of the table."""
        for row in ACCEPTED:
            for bytewise in (False, True):
                with self.subTest(row.name, bytewise=bytewise):
                    self.assertEqual(read(row.text, bytewise=bytewise).found, list(row.requests))

    def test_value_is_taken_without_white_space_around(self) -> None:
        """llhttp leaves what stands behind it."""
        (head,) = read(GET + "A: \t b c \t\r\n\r\n").heads
        self.assertEqual(head.headers["a"], "b c")

    def test_repeated_fields_are_kept(self) -> None:
        """In order."""
        (head,) = read(GET + "A: b\r\nX: y\r\na: c\r\n\r\n").heads
        self.assertEqual(head.headers.each("a"), ["b", "c"])

    def test_trailers_are_no_fields(self) -> None:
        """They come after the rules were applied."""
        (head,) = read(CHUNKED + "0\r\nHost: b\r\n\r\n").heads
        self.assertEqual(head.headers.each("host"), ["a"])


class RepetitionTests(ReaderTestCase):
    """Who sends the same again and again, as polls do."""

    def test_repeated_request_is_read_once(self) -> None:
        """Its head is the same object, its body comes each time."""
        for text, body in ((GET + "\r\n", b""), (POST + "Content-Length: 3\r\n\r\nabc", b"abc")):
            sink = Requests()
            reader = Reader(Limits(), sink)
            for _ in range(3):
                self.assertEqual(reader.feed(text.encode()), b"")
            self.assertEqual([found[2] for found in sink.found], [body] * 3)
            self.assertTrue(all(head is sink.heads[0] for head in sink.heads))

    def test_other_request_is_read(self) -> None:
        """One that differs in a byte, and the one before again."""
        sink = Requests()
        reader = Reader(Limits(), sink)
        for host in "aab":
            reader.feed(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        self.assertEqual([head.host for head in sink.heads], ["a", "a", "b"])

    def test_every_repetition_means_what_llhttp_says(self) -> None:
        """Each row of the table, accepted and refused."""
        for row in (*ACCEPTED, *BY_LLHTTP, *BY_US):
            with self.subTest(row.name):
                self.assert_as_llhttp(row.text, row.text, row.text)

    def test_fields_are_read_once(self) -> None:
        """They are the same object while only targets and bodies change, and nobody changes the heads before."""
        sink = Requests()
        reader = Reader(Limits(), sink)
        texts = [f"POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n" for target in ("/a", "/bc?d", "/a")]
        for number, text in enumerate(texts):
            reader.feed(f"{text}{number:03}".encode())
        self.assertEqual(sink.found, [("POST", "/a", b"000"), ("POST", "/bc?d", b"001"), ("POST", "/a", b"002")])
        self.assertEqual([(head.path, head.query) for head in sink.heads], [("/a", ""), ("/bc", "d"), ("/a", "")])
        self.assertTrue(all(head.headers is sink.heads[0].headers for head in sink.heads))

    def test_every_other_first_line_means_what_llhttp_says(self) -> None:
        """With the fields of a request that was read: each sign in a target, and lines that are none."""
        signs = [f"GET /a{chr(code)}b HTTP/1.1" for code in range(256)]
        for line in (*signs, *OTHER_LINES):
            for fields in ("Host: a\r\n", "Host: a\r\nContent-Length: 3\r\n"):
                end = f"\r\n{fields}\r\n" + ("abc" if "Length" in fields else "")
                with self.subTest(line, fields=fields):
                    self.assert_as_llhttp(f"GET / HTTP/1.1{end}", line + end, f"GET /c HTTP/1.1{end}")

    def test_first_line_is_not_taken_for_a_field(self) -> None:
        """Where an empty line stood before a request: its fields begin behind its own line."""
        for before in ("\r\n", "\r\r\n", "\r\n\r\n", "\n", "\r"):
            with self.subTest(before):
                text = before + GET + "\r\n"
                self.assert_as_llhttp(text, text, text)
                self.assert_as_llhttp(text, "GET /a HTTP/1.1" + text, "GET /b HTTP/1.1" + text)
                self.assert_as_llhttp(text, "GET /a HTTP/1.1\r\n" + GET + "\r\n")

    def test_limit_holds_for_every_request(self) -> None:
        """A target that makes a head too long is refused as in a first request."""
        limits = Limits(head_limit=60)
        for length in (30, 31):
            with self.subTest(length):
                texts = [f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n" for target in ("/", "/" * length, "/")]
                self.assert_as_llhttp(*texts, limits=limits)

    def test_beginning_of_a_body_is_no_repetition(self) -> None:
        """Neither where the same bytes are a request once, and then its body; nor with parts of others around."""
        announcing = POST + "Content-Length: {:04}\r\n\r\n"
        for text in (
            # The second head is as long as the body that it announces.
            GET + "\r\n" + announcing.format(len(announcing.format(0))),
            GET + "\r\n" + GET,
            POST + "Content-Length: 3\r\n\r\nabc\r\n",
            POST + "Content-Length: 5\r\n\r\n\r\nabc\r\n",
            POST + "Content-Length: 2\r\n\r\n\r\n\r\n",
            GET + "Connection: close\r\n\r\n",
            GET + "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
            GET + WEBSOCKET + "\r\n",
            "\r\n",
            "",
        ):
            with self.subTest(text):
                self.assert_as_llhttp(*[text] * 5)

    def test_request_after_an_upgrade_that_was_refused(self) -> None:
        """Nothing of the requests before is taken for its own."""
        upgrade = GET + WEBSOCKET + "\r\n"
        for texts in (
            (POST + "\r\n", upgrade, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"),
            (upgrade, POST + "\r\n", upgrade),
        ):
            for again in (1, 2):
                with self.subTest(texts, again=again):
                    self.assert_as_llhttp(*[text for text in texts for _ in range(again)])


class UpgradeTests(TestCase):
    """What stands behind a request for an upgrade."""

    def test_rest_is_returned(self) -> None:
        """It belongs to whoever gets the socket, and is not read."""
        sink = Requests()
        reader = Reader(Limits(), sink)
        rest = reader.feed((GET + WEBSOCKET + "\r\n" + GET + "\r\n").encode())
        self.assertEqual((rest, sink.found, sink.upgrades), ((GET + "\r\n").encode(), list(ROOT), [True]))

    def test_rest_is_read_when_it_comes_again(self) -> None:
        """The upgrade was refused."""
        sink = Requests()
        reader = Reader(Limits(), sink)
        rest = reader.feed((GET + WEBSOCKET + "\r\n" + GET + "\r\n").encode())
        self.assertEqual(reader.feed(rest), b"")
        self.assertEqual((sink.found, sink.upgrades), (list(ROOT * 2), [True, False]))

    def test_only_get_is_an_upgrade_to_websocket(self) -> None:
        """Another method is an ordinary request."""
        self.assertEqual(read(POST + WEBSOCKET + "\r\n").upgrades, [False])


class LimitTests(TestCase):
    """Heads, and what stands around bodies, are bounded."""

    LIMITS = Limits(head_limit=100, head_fields=3)

    def assert_too_long(self, *pieces: str) -> None:
        """These pieces are refused with 431, and not before the last."""
        reader = Reader(self.LIMITS, Requests())
        for piece in pieces[:-1]:
            reader.feed(piece.encode())
        with self.assertRaises(HTTPError) as caught:
            reader.feed(pieces[-1].encode())
        self.assertEqual(caught.exception.status, 431)

    def test_bytes_of_head_are_counted(self) -> None:
        """Those that were fed, because an incomplete field is not reported."""
        self.assert_too_long("G" + GET[1:] + "A: " + "b" * 100)
        self.assert_too_long(GET, "A: ", "b" * 30, "b" * 50)
        self.assert_too_long("GET /", "a" * 96)

    def test_complete_head_is_measured(self) -> None:
        """Also where all of it came at once."""
        fitting = GET + "A: " + "b" * (100 - len(GET) - 7) + "\r\n\r\n"
        self.assertEqual(len(fitting), 100)
        for bytewise in (False, True):
            self.assertEqual(read(fitting, self.LIMITS, bytewise=bytewise).found, list(ROOT))
        self.assert_too_long(fitting.replace("b", "bb", 1))

    def test_each_head_is_measured_alone(self) -> None:
        """However many came in one piece, and the last one in two."""
        data = (GET + "\r\n") * 50
        sink = Requests()
        reader = Reader(self.LIMITS, sink)
        for piece in (data[:-5], data[-5:], data):
            reader.feed(piece.encode())
        self.assertEqual(len(sink.found), 100)

    def test_fields_are_counted(self) -> None:
        """With the trailers."""
        self.assertEqual(read(GET + "A: b\r\nC: d\r\n\r\n", self.LIMITS).found, list(ROOT))
        self.assert_too_long(GET + "A: b\r\nC: d\r\nE: f\r\n\r\n")
        self.assert_too_long(CHUNKED + "0\r\nA: b\r\nC: d\r\n\r\n")

    def test_framing_of_body_is_bounded(self) -> None:
        """A chunk's extension, an incomplete trailer, and many of them."""
        self.assert_too_long(CHUNKED, "1;" + "a" * 50, "a" * 50)
        self.assert_too_long(CHUNKED + "0\r\nA: ", "b" * 50, "b" * 60)
        self.assert_too_long(CHUNKED + "1\r\nx\r\n0\r\n", "A: b" + "b" * 50, "b" * 60)

    def test_body_itself_is_not(self) -> None:
        """Nor the sum of its chunks' framing."""
        chunks = "1;extension\r\nx\r\n" * 100 + "0\r\n\r\n"
        self.assertEqual(read(CHUNKED + chunks, self.LIMITS).found, [("POST", "/", b"x" * 100)])
        self.assertEqual(read(CHUNKED + chunks, self.LIMITS, bytewise=True).found, [("POST", "/", b"x" * 100)])
        (found,) = read(POST + "Content-Length: 1000\r\n\r\n" + "x" * 1000, self.LIMITS).found
        self.assertEqual(found[2], b"x" * 1000)


class SinkTests(TestCase):
    """What the sink raises."""

    def test_refusal_of_sink_is_raised(self) -> None:
        """As it is."""
        error = HTTPError(413, "Too much")

        class Refusing(Requests):
            def body_received(self, data: bytes) -> None:
                raise error

        with self.assertRaises(HTTPError) as caught:
            Reader(Limits(), Refusing()).feed((POST + "Content-Length: 1\r\n\r\nx").encode())
        self.assertIs(caught.exception, error)

    def test_bug_of_sink_is_raised(self) -> None:
        """Not turned into the client's fault."""

        class Broken(Requests):
            def head_received(self, head: Head) -> None:
                raise ZeroDivisionError

        self.assertRaises(ZeroDivisionError, Reader(Limits(), Broken()).feed, (GET + "\r\n").encode())

    def test_nothing_is_fed(self) -> None:
        """Nothing is found."""
        self.assertEqual(read("").found, [])
