"""What is refused, by llhttp and by us, and what is unusual and all right: one table each."""

from __future__ import annotations

from dataclasses import dataclass

GET = "GET / HTTP/1.1\r\nHost: a\r\n"
POST = "POST / HTTP/1.1\r\nHost: a\r\n"
CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
WEBSOCKET = "Upgrade: websocket\r\nConnection: Upgrade\r\n"

#: Refusals in llhttp's words are 400.
LLHTTP = "Not an HTTP request: "


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
    Refusal("very long length", POST + "Content-Length: " + "0" * 5000 + "3\r\n\r\nabc", "Not a valid Content-Length"),
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
