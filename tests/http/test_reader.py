# -*- test-case-name: tests.http.test_reader -*-
"""Bytes in, requests out; and the table of what is refused, by llhttp and by us."""

from __future__ import annotations

from dataclasses import dataclass
from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.http.limits import Limits
from sockjsd.http.reader import Reader
from sockjsd.http.rules import Head

GET = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = "Upgrade: websocket\r\nConnection: Upgrade\r\n"

#: Refusals in llhttp's words are 400.
LLHTTP = "Not an HTTP request: "


class Requests:
    """What a reader found: a request is its method, its URI, and its body."""

    def __init__(self) -> None:
        self.heads: list[Head] = []
        self.found: list[tuple[str, str, bytes]] = []
        self.upgrades: list[bool] = []
        self._body = b""

    def head_received(self, head: Head) -> None:
        self.heads.append(head)

    def body_received(self, data: bytes) -> None:
        self._body += data

    def request_received(self, *, upgrade: bool) -> None:
        head = self.heads[-1]
        self.found.append((head.method, head.uri, self._body))
        self.upgrades.append(upgrade)
        self._body = b""


def read(text: str, limits: Limits | None = None, *, bytewise: bool = False) -> Requests:
    """Return what stands in *text* (Latin-1); raises what the reader raises."""
    sink = Requests()
    reader = Reader(limits or Limits(), sink)
    data = text.encode("latin-1")
    for piece in [data[i : i + 1] for i in range(len(data))] if bytewise else [data]:
        reader.feed(piece)
    return sink


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused, whole and byte by byte.

    :param name: of what is wrong.
    :param text: the bytes.
    :param reason: how the answer begins.
    """

    name: str
    text: str
    reason: str
    status: int = 400


#: An upgrade of httptools that refuses less than this fails the tests.
BY_LLHTTP = (
    # Two lengths (RFC 9112 section 6.3): the classic ways to smuggle a request.
    Refusal("CL.TE", POST + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("TE.CL", POST + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("two lengths", POST + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", LLHTTP),
    Refusal("one length twice", POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", LLHTTP),
    Refusal("a list of lengths", POST + "Content-Length: 3, 3\r\n\r\nabc", LLHTTP),
    Refusal("length in trailers", CHUNKED + "0\r\nContent-Length: 3\r\n\r\n", LLHTTP),
    # Lengths that are none.
    Refusal("negative length", POST + "Content-Length: -3\r\n\r\nabc", LLHTTP),
    Refusal("signed length", POST + "Content-Length: +3\r\n\r\nabc", LLHTTP),
    Refusal("hexadecimal length", POST + "Content-Length: 0x3\r\n\r\nabc", LLHTTP),
    Refusal("length with underscore", POST + "Content-Length: 3_0\r\n\r\nabc", LLHTTP),
    Refusal("length with space", POST + "Content-Length: 3 3\r\n\r\nabc", LLHTTP),
    Refusal("empty length", POST + "Content-Length:\r\n\r\n", LLHTTP),
    Refusal("length beyond 64 bits", POST + "Content-Length: 99999999999999999999\r\n\r\n", LLHTTP),
    # Transfer codings.
    Refusal("chunked, identity", POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("chunked, chunked", POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("chunked in two fields", POST + "Transfer-Encoding: chunked\r\n" * 2 + "\r\n0\r\n\r\n", LLHTTP),
    Refusal("tab after chunked", POST + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("vertical tab before chunked", POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", LLHTTP),
    Refusal("empty coding", POST + "Transfer-Encoding:\r\n\r\n", LLHTTP),
    # Lines.
    Refusal("bare LF", "GET / HTTP/1.1\nHost: a\n\n", LLHTTP),
    Refusal("bare LF after a field", GET + "A: b\nC: d\r\n\r\n", LLHTTP),
    Refusal("bare CR in a field", GET + "A: b\rC: d\r\n\r\n", LLHTTP),
    Refusal("bare LF as the end", GET + "\n", LLHTTP),
    Refusal("folded field", GET + "A: b\r\n c\r\n\r\n", LLHTTP),
    Refusal("field folded with tab", GET + "A: b\r\n\tc\r\n\r\n", LLHTTP),
    Refusal("folded first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", LLHTTP),
    # Fields.
    Refusal("space before colon", GET + "A : b\r\n\r\n", LLHTTP),
    Refusal("tab before colon", GET + "A\t: b\r\n\r\n", LLHTTP),
    Refusal("field without colon", GET + "A\r\n\r\n", LLHTTP),
    Refusal("field without name", GET + ": b\r\n\r\n", LLHTTP),
    Refusal("name beyond ASCII", GET + "\xe9: b\r\n\r\n", LLHTTP),
    Refusal("NUL in a name", GET + "A\x00b: c\r\n\r\n", LLHTTP),
    *(
        Refusal(f"{character!r} in a value", GET + f"A: b{character}c\r\n\r\n", LLHTTP)
        for character in map(chr, (*range(9), 11, 12, *range(14, 32), 127))
    ),
    Refusal("vertical tab before a value", GET + "A:\x0bb\r\n\r\n", LLHTTP),
    Refusal("form feed after a value", GET + "A: b\x0c\r\n\r\n", LLHTTP),
    # Chunks.
    Refusal("negative chunk", CHUNKED + "-1\r\na\r\n0\r\n\r\n", LLHTTP),
    Refusal("signed chunk", CHUNKED + "+1\r\na\r\n0\r\n\r\n", LLHTTP),
    Refusal("0x chunk", CHUNKED + "0x1\r\na\r\n0\r\n\r\n", LLHTTP),
    Refusal("chunk beyond 64 bits", CHUNKED + "11111111111111111\r\n", LLHTTP),
    Refusal("space after chunk size", CHUNKED + "1 \r\na\r\n0\r\n\r\n", LLHTTP),
    Refusal("bare LF after chunk size", CHUNKED + "1\na\r\n0\r\n\r\n", LLHTTP),
    Refusal("bare LF after chunk", CHUNKED + "1\r\na\n0\r\n\r\n", LLHTTP),
    Refusal("bare LF after chunk extension", CHUNKED + "1;a\nx\r\n0\r\n\r\n", LLHTTP),
    Refusal("NUL in chunk extension", CHUNKED + "1;a\x00\r\nx\r\n0\r\n\r\n", LLHTTP),
    Refusal("no chunk size", CHUNKED + "\r\n\r\n", LLHTTP),
    Refusal("more than the chunk", CHUNKED + "1\r\nab\r\n0\r\n\r\n", LLHTTP),
    # Request lines.
    Refusal("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("HTTP/3.0", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", LLHTTP),
    Refusal("space after version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", LLHTTP),
    *(
        Refusal(f"{character!r} in target", f"GET /a{character}b HTTP/1.1\r\nHost: a\r\n\r\n", LLHTTP)
        for character in map(chr, (*range(10), 11, 12, *range(14, 32), 127, 0xE9))
    ),
    Refusal("target without slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("query alone", "GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n", "Not a known method"),
    Refusal("method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n", "Not a known method"),
    Refusal("space before method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", "Not a known method"),
    Refusal("tab after method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "Not a known method"),
    Refusal("method of RTSP", "DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n", LLHTTP),
    Refusal("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01", "Not a known method"),
    Refusal("request after the last one", GET + "Connection: close\r\n\r\n" + GET + "\r\n", LLHTTP),
)

#: What llhttp lets through; each with our own words.
BY_US = (
    Refusal("chunked;q=1", POST + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "Only chunked"),
    Refusal("xchunked", POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "Only chunked"),
    Refusal("identity", POST + "Transfer-Encoding: identity\r\n\r\n", "Only chunked"),
    Refusal("identity, chunked", POST + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", "Only chunked"),
    Refusal("gzip, chunked", POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "Only chunked"),
    Refusal("chunks in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "No Transfer"),
    Refusal("two hosts", GET + "Host: a\r\n\r\n", "More than one Host"),
    Refusal("no host", "GET / HTTP/1.1\r\n\r\n", "No Host"),
    *(
        Refusal(f"host {host!r}", f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n", "Not a valid Host")
        for host in (
            "u@a",
            "u:p@a",
            "a,b",
            "a, a",
            "a b",
            "a\tb",
            "a/b",
            "a?b",
            "a#b",
            "a\\b",
            "a:b",
            "a:-1",
            "a:1:2",
            "a:123456",
            "::1",
            "[::1",
            "[a]b",
            "[]",
            ":80",
            "a;b",
            "a'b",
            '"a"',
            "a\xe9",
        )
    ),
    Refusal("another host in target", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "The request target names"),
    Refusal("another port in target", "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", "The request target names"),
    Refusal("user in target", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "The request target names"),
    Refusal("host in target only", "GET http://a/ HTTP/1.0\r\n\r\n", "The request target names"),
    Refusal("fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", "A fragment"),
    Refusal("fragment of a URI", "GET http://a/#b HTTP/1.1\r\nHost: a\r\n\r\n", "A fragment"),
    Refusal("another scheme", "GET ftp://a/b HTTP/1.1\r\nHost: a\r\n\r\n", "The request target is not a path"),
    Refusal("asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "The request target is not a path"),
    Refusal("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT is for proxies"),
    Refusal("CONNECT to a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT is for proxies"),
    Refusal("HTTP/0.9", "GET /\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
    Refusal("HTTP/0.9, said so", "GET / HTTP/0.9\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
    Refusal("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
    Refusal("ICE", "SOURCE / ICE/1.0\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
    Refusal("RTSP", "SETUP / RTSP/1.0\r\n\r\n", "Only HTTP/1.0 and HTTP/1.1"),
    Refusal("body behind upgrade", POST + WEBSOCKET + "Content-Length: 3\r\n\r\nabc", "A request with a body"),
    Refusal("chunks behind upgrade", POST + WEBSOCKET + "Transfer-Encoding: chunked\r\n\r\n", "A request with a body"),
    Refusal(
        "body behind other upgrade", POST + "Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\n", "A r"
    ),
    Refusal("expectation", POST + "Expect: miracles\r\n\r\n", "Only 100-continue", 417),
    Refusal("two expectations", POST + "Expect: 100-continue\r\n" * 2 + "\r\n", "Only 100-continue", 417),
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that is unusual and all right.

    :param requests: what it is read as.
    """

    name: str
    text: str
    requests: tuple[tuple[str, str, bytes], ...]


ROOT = (("GET", "/", b""),)

ACCEPTED = (
    Accepted("plain", GET + "\r\n", ROOT),
    Accepted("two", (GET + "\r\n") * 2, ROOT * 2),
    Accepted("old, without host", "GET / HTTP/1.0\r\n\r\n", ROOT),
    Accepted("empty lines before", "\r\n\r\n" + GET + "\r\n", ROOT),
    Accepted("field without value", GET + "A:\r\n\r\n", ROOT),
    Accepted("value beyond ASCII", GET + "A: b\x80\xff\r\n\r\n", ROOT),
    Accepted("body", POST + "Content-Length: 3\r\n\r\nabc", (("POST", "/", b"abc"),)),
    Accepted("spaces around length", POST + "Content-Length:   3  \r\n\r\nabc", (("POST", "/", b"abc"),)),
    Accepted("length with zeros", POST + "Content-Length: 0003\r\n\r\nabc", (("POST", "/", b"abc"),)),
    Accepted("length without body", GET + "Content-Length: 0\r\n\r\n", ROOT),
    Accepted("body of a GET", GET + "Content-Length: 3\r\n\r\nabc", (("GET", "/", b"abc"),)),
    Accepted("chunks", CHUNKED + "3\r\nabc\r\n0a\r\n0123456789\r\n0\r\n\r\n", (("POST", "/", b"abc0123456789"),)),
    Accepted("Chunked", POST + "Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", (("POST", "/", b""),)),
    Accepted("extensions", CHUNKED + '1;a=b;c="d\\"e"\r\nx\r\n0;f\r\n\r\n', (("POST", "/", b"x"),)),
    Accepted("trailers", CHUNKED + "1\r\nx\r\n0\r\nA: b\r\n\r\n" + GET + "\r\n", (("POST", "/", b"x"), *ROOT)),
    Accepted("URI", "GET http://A/b?c HTTP/1.1\r\nHost: a\r\n\r\n", (("GET", "/b?c", b""),)),
    Accepted("URI without path", "GET https://a?b HTTP/1.1\r\nHost: a\r\n\r\n", (("GET", "/?b", b""),)),
    Accepted("escapes", "GET /%2F%C3%A9?%20 HTTP/1.1\r\nHost: a\r\n\r\n", (("GET", "/%2F%C3%A9?%20", b""),)),
    Accepted("two slashes", "GET //a HTTP/1.1\r\nHost: a\r\n\r\n", (("GET", "//a", b""),)),
    Accepted("method of WebDAV", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", (("PROPFIND", "/", b""),)),
    Accepted("OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: a\r\n\r\n", (("OPTIONS", "/", b""),)),
    Accepted("other upgrade", GET + "Upgrade: h2c\r\nConnection: upgrade\r\n\r\n" + GET + "\r\n", ROOT * 2),
    Accepted("half an upgrade", GET + "Upgrade: websocket\r\n\r\n" + GET + "\r\n", ROOT * 2),
    Accepted("upgrade of a POST", POST + WEBSOCKET + "\r\n" + GET + "\r\n", (("POST", "/", b""), *ROOT)),
    # More than one space between the three parts is read as one, and RTSP/1.0 with a method of HTTP as HTTP/1.0:
    # httptools does not say so.  Neither makes two requests of one.
    Accepted("two spaces", "GET  /  HTTP/1.1\r\nHost: a\r\n\r\n", ROOT),
    Accepted("GET of RTSP", "GET / RTSP/1.0\r\n\r\n", ROOT),
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
        self.assertEqual(head.headers["A"], "b c")

    def test_repeated_fields_are_kept(self) -> None:
        """In order."""
        (head,) = read(GET + "A: b\r\nX: y\r\na: c\r\n\r\n").heads
        self.assertEqual(head.headers.get_list("A"), ["b", "c"])

    def test_trailers_are_no_fields(self) -> None:
        """They come after the rules were applied."""
        (head,) = read(CHUNKED + "0\r\nHost: b\r\n\r\n").heads
        self.assertEqual(head.headers.get_list("Host"), ["a"])


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
