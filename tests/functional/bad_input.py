# -*- test-case-name: tests.functional.test_bad_http,tests.functional.test_bad_websocket -*-
"""What is wrong in requests, and what comes of it: tables of bytes.

What llhttp and our rules refuse in a single head stands in ``tests.http.heads`` and is sent too.  Here
stand limits, times, and all that takes more than a head.  A request is written with ``request``; Latin-1
is bytes as text.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.functional.wire import FIELDS, HEAD, MESSAGES, PIPELINE, SEND, SITE_BODY
from tests.http.heads import BY_LLHTTP, BY_US

#: Stands for the id of a session that nobody has used before.
SESSION = "{session}"
POLL = f"POST /echo/000/{SESSION}/xhr"
#: As ``POLL`` opens its session, this sends into it.
MESSAGE_TO = f"POST /echo/000/{SESSION}/xhr_send"

CHUNKED = "Transfer-Encoding: chunked"
#: The fields of a WebSocket's handshake, in whose places rows put others.
HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
WEBSOCKET = f"/echo/000/{SESSION}/websocket"


def request(line: str, *fields: str, body: str = "", version: str = "1.1", host: str = "Host: localhost") -> bytes:
    """Return a request; *line* is its first line without the version."""
    return "\r\n".join((f"{line} HTTP/{version}", *filter(None, (host,)), *fields, "", body)).encode("latin-1")


def sized(line: str, body: str, *fields: str) -> bytes:
    """Return a request with a body of a declared length."""
    return request(line, f"Content-Length: {len(body.encode('latin-1'))}", *fields, body=body)


def chunked(line: str, body: str, *fields: str) -> bytes:
    """Return a request with the framed *body*."""
    return request(line, CHUNKED, *fields, body=body)


def handshake(path: str = WEBSOCKET, *, line: str = "GET", more: tuple[str, ...] = (), **fields: str | None) -> bytes:
    """Return a request for a WebSocket.

    :param fields: instead of those of ``HANDSHAKE``; ``None`` leaves one out.
    """
    changed = HANDSHAKE | {name.replace("_", "-"): value for name, value in fields.items()}
    return request(f"{line} {path}", *(f"{name}: {value}" for name, value in changed.items() if value), *more)


@dataclass(frozen=True, slots=True)
class Row:
    """What a client sends, and what it gets.

    :param statuses: of all answers, in order.
    :param ends: whether the connection ends; otherwise it goes on to answer the next request.
    :param then: sent after the first answer; in ``DRIPPING`` byte by byte.
    """

    name: str
    data: bytes
    statuses: tuple[int, ...]
    ends: bool = True
    then: bytes = b""

    def __str__(self) -> str:
        return f"{self.name}: {self.data[:500]!r}" + (f", then {self.then[:500]!r}" if self.then else "")


LIVE = request("GET /live")
HELLO = request("GET /hello/")

#: What a head may not be.
HEADS = (
    *(Row(row.name, row.text.encode("latin-1"), (row.status,)) for row in (*BY_LLHTTP[:-1], *BY_US)),
    Row("bad after good", LIVE + request("GET /live", host=""), (200, 400)),
    Row("good after bad", request("GET /live", host="") + LIVE, (400,)),
    Row("good after the last one", request("GET /live", "Connection: close") + LIVE, (200,)),
    Row("good after the last one of a site", request("GET /hello/", "Connection: close") + HELLO, (200,)),
    Row("good after HTTP/1.0", request("GET /live", version="1.0") + LIVE, (200,)),
    Row("NULs", bytes(100), (400,)),
    Row("nothing but a line", b"\r\n" * 10 + b"x\r\n\r\n", (400,)),
    Row("PROXY header where it is none", b"\r\n" + b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + LIVE, (400,)),
    Row("absolute URI, other host", request("GET http://127.0.0.1/live"), (400,)),
    Row("host that the site does not know", request("GET /hello/", host="Host: example.com"), (400,), ends=False),
    Row("empty host, of the site", request("GET /hello/", host="Host:"), (400,), ends=False),
    Row("port that is none, of the site", request("GET /hello/", host="Host: localhost:99999"), (200,), ends=False),
)

#: Sizes and numbers, at the limit and beyond it.
_FITTING = "x" * (HEAD - len(request("GET /live", "X: ")))
LIMITS = (
    Row("head at the limit", request("GET /live", f"X: {_FITTING}"), (200,), ends=False),
    Row("head beyond the limit", request("GET /live", f"X: {_FITTING}x"), (431,)),
    Row("target beyond the limit", request("GET /" + "x" * HEAD), (431,)),
    Row("name beyond the limit", request("GET /live", "X" * HEAD + ": y"), (431,)),
    Row("endless head", b"GET /live HTTP/1.1\r\nX: " + b"x" * 20 * HEAD, (431,)),
    Row("endless target", b"GET /" + b"x" * 20 * HEAD, (431,)),
    Row("fields at the limit", request("GET /live", *["X: y"] * (FIELDS - 1)), (200,), ends=False),
    Row("fields beyond the limit", request("GET /live", *["X: y"] * FIELDS), (431,)),
    Row("trailers", chunked("POST /note/", "1\r\nx\r\n0\r\nX: y\r\n\r\n"), (200,), ends=False),
    Row("many trailers", chunked("POST /note/", "0\r\n" + "X: y\r\n" * FIELDS + "\r\n"), (431,)),
    Row("endless trailer", chunked("POST /note/", "0\r\nX: " + "y" * 20 * HEAD), (431,)),
    Row("endless chunk extension", chunked("POST /note/", "1;" + "x" * 20 * HEAD), (431,)),
    Row("body at the site's limit", sized("POST /hello/", "x" * SITE_BODY), (200,), ends=False),
    Row("body beyond the site's limit", sized("POST /hello/", "x" * (SITE_BODY + 1)), (413,)),
    Row("length beyond any", request("POST /hello/", "Content-Length: 18446744073709551615"), (413,)),
    Row("chunk beyond the site's limit", chunked("POST /hello/", f"{SITE_BODY + 1:x}\r\n" + "x" * 200_000), (413,)),
    Row("chunks beyond the site's limit", chunked("POST /hello/", f"3e8\r\n{'x' * 1000}\r\n" * 101), (413,)),
    Row("body for nobody", sized("GET /live", "x" * 65_537), (413,)),
    Row("body beyond an endpoint's limit", sized(MESSAGE_TO, "x" * (SEND + 1)), (413,)),
    Row("chunks beyond an endpoint's limit", chunked(MESSAGE_TO, f"{SEND + 1:x}\r\n{'x' * (SEND + 1)}\r\n"), (413,)),
    Row("body of a GET", sized("GET /live", "x"), (200,), ends=False),
    Row("many arguments", request(f"GET /echo/0/{SESSION}/jsonp?c=x" + "&" * 1001), (400,), ends=False),
    Row("requests beyond the pipeline", LIVE * 5 * PIPELINE, (200,) * 5 * PIPELINE, ends=False),
    Row("the site's requests beyond the pipeline", HELLO * 5 * PIPELINE, (200,) * 5 * PIPELINE, ends=False),
    Row("bad beyond the pipeline", HELLO * 5 * PIPELINE + b"x y\r\n\r\n", (200,) * 5 * PIPELINE + (400,)),
)

_EXPECT = "Expect: 100-continue"
EXPECTATIONS = (
    Row("body waits", request("POST /hello/", _EXPECT, "Content-Length: 1"), (100, 200), ends=False, then=b"x"),
    Row("chunks wait", chunked("POST /hello/", "", _EXPECT), (100, 200), ends=False, then=b"1\r\nx\r\n0\r\n\r\n"),
    Row("bad chunks wait", chunked("POST /hello/", "", _EXPECT), (100, 400), then=b"+1\r\nx\r\n0\r\n\r\n"),
    Row("body waits and is too large", request("POST /hello/", _EXPECT, "Content-Length: 100001"), (413,)),
    Row("body does not wait", sized("POST /hello/", "x", _EXPECT), (200,), ends=False),
    Row("no body waits", request("POST /hello/", _EXPECT), (200,), ends=False),
    Row(
        "another request instead of the body",
        request("POST /hello/", _EXPECT, "Content-Length: 9"),
        (100, 200, 400),
        then=LIVE,
    ),
)

#: Requests for a WebSocket that do not get one, and upgrades that are tricks.
HANDSHAKES = (
    Row("upgrade off the route", handshake("/live"), (200,), ends=False),
    Row("upgrade of a site's view", handshake("/hello/"), (200,), ends=False),
    Row("upgrade off the route, frame behind", handshake("/live") + b"\x81\x80\0\0\0\0", (200, 400)),
    Row("upgrade off the route, request behind", handshake("/live") + HELLO, (200, 200), ends=False),
    Row("upgrade off the route, many behind", handshake("/live") * 20, (200,) * 20, ends=False),
    Row("upgrade of a POST", handshake(line="POST") + LIVE, (405, 200), ends=False),
    Row("upgrade of HTTP/1.0", handshake().replace(b"HTTP/1.1", b"HTTP/1.0"), (400,)),
    Row("upgrade of an unknown method", handshake(line="FOO"), (400,)),
    Row("body", handshake(more=("Content-Length: 1",)) + b"x", (400,)),
    Row("body that is a request", handshake(more=(f"Content-Length: {len(LIVE)}",)) + LIVE, (400,)),
    Row("chunks", handshake(more=(CHUNKED,)) + b"0\r\n\r\n", (400,)),
    Row("body, off the route", handshake("/live", more=("Content-Length: 1",)) + b"x", (400,)),
    Row("body, of a POST", handshake("/hello/", line="POST", more=("Content-Length: 1",)) + b"x", (400,)),
    Row("body and h2c", handshake("/hello/", Upgrade="h2c", more=("Content-Length: 1",)) + b"x", (400,)),
    Row("h2c", handshake("/hello/", Upgrade="h2c", more=("HTTP2-Settings: AAMAAABk",)) + LIVE, (200, 200), ends=False),
    Row("h2c on the route", handshake(Upgrade="h2c") + LIVE, (400, 200), ends=False),
    Row("TLS/1.0 on the route", handshake(Upgrade="TLS/1.0") + LIVE, (400, 200), ends=False),
    Row("websocket and h2c", handshake(Upgrade="websocket, h2c"), (400,), ends=False),
    Row("websocket twice", handshake(more=("Upgrade: websocket",)), (400,), ends=False),
    Row("websocket with a version", handshake(Upgrade="websocket/13"), (400,), ends=False),
    Row("Kelvin sign", handshake(Upgrade="websoc\xe2\x84\xaaet"), (400,), ends=False),
    Row("no-break space", handshake(Upgrade="websocket\xa0"), (400,), ends=False),
    Row("no Upgrade", handshake(Upgrade=None), (400,), ends=False),
    Row("no Connection", handshake(Connection=None), (400,), ends=False),
    Row("Connection: close", handshake(Connection="close"), (400,)),
    Row("no version", handshake(Sec_WebSocket_Version=None), (426,), ends=False),
    Row("version 8", handshake(Sec_WebSocket_Version="8"), (426,), ends=False),
    Row("versions", handshake(Sec_WebSocket_Version="13, 8"), (426,), ends=False),
    Row("version twice", handshake(more=("Sec-WebSocket-Version: 13",)), (426,), ends=False),
    Row("no key", handshake(Sec_WebSocket_Key=None), (400,), ends=False),
    Row("short key", handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25j"), (400,), ends=False),
    Row("long key", handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZSE="), (400,), ends=False),
    Row("key that is not base64", handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25j*Q=="), (400,), ends=False),
    Row("key twice", handshake(more=("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",)), (400,), ends=False),
    Row("key with white space inside", handshake(Sec_WebSocket_Key="dGhlIHNhbXBs\tZSBub25jZQ=="), (400,), ends=False),
    Row("form feed in the key", handshake(Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==\x0c"), (400,)),
    Row("foreign origin", handshake(more=("Origin: http://evil.example",)), (403,), ends=False),
    Row("two origins", handshake(more=("Origin: http://localhost", "Origin: http://evil.example")), (403,), ends=False),
    Row("null origin", handshake(more=("Origin: null",)), (403,), ends=False),
    Row("cross-site", handshake(more=("Sec-Fetch-Site: cross-site",)), (403,), ends=False),
    Row("session without a name", handshake("/echo/000//websocket"), (404,), ends=False),
    Row("session with a dot", handshake("/echo/000/a.b/websocket"), (404,), ends=False),
    Row("no room", request(f"POST /full/0/{SESSION}/xhr") + handshake("/full/websocket"), (200, 503), ends=False),
)

#: Requests that no endpoint understands.
ENDPOINTS = (
    Row("message for nobody", sized(MESSAGE_TO, '["x"]'), (404,), ends=False),
    Row("no message", request(POLL) + request(MESSAGE_TO), (200, 500), ends=False),
    Row("half a message", request(POLL) + sized(MESSAGE_TO, '["x'), (200, 500), ends=False),
    Row("number", request(POLL) + sized(MESSAGE_TO, "[1]"), (200, 500), ends=False),
    Row("object", request(POLL) + sized(MESSAGE_TO, '{"x": "y"}'), (200, 500), ends=False),
    Row("no array", request(POLL) + sized(MESSAGE_TO, '"x"'), (200, 500), ends=False),
    Row("deep array", request(POLL) + sized(MESSAGE_TO, "[" * SEND), (200, 500), ends=False),
    Row("not UTF-8", request(POLL) + sized(MESSAGE_TO, '["\xff"]'), (200, 500), ends=False),
    Row("NaN", request(POLL) + sized(MESSAGE_TO, "[NaN]"), (200, 500), ends=False),
    Row("huge number", request(POLL) + sized(MESSAGE_TO, "[" + "9" * 900 + "]"), (200, 500), ends=False),
    Row(
        "many messages",
        request(POLL) + sized(MESSAGE_TO, '["x"' + ',"x"' * MESSAGES + "]"),
        (200, 413),
        ends=False,
    ),
    Row(
        "lone surrogate", request(POLL) + sized(MESSAGE_TO, r'["\ud800"]') + request(POLL), (200, 204, 200), ends=False
    ),
    Row("no callback", request(f"GET /echo/0/{SESSION}/jsonp"), (500,), ends=False),
    Row("bad callback", request(f"GET /echo/0/{SESSION}/jsonp?c=<script>"), (500,), ends=False),
    Row("escaped bad callback", request(f"GET /echo/0/{SESSION}/htmlfile?c=x%0d%0ay"), (500,), ends=False),
    Row("wrong method", request(f"GET /echo/0/{SESSION}/xhr"), (405,), ends=False),
    Row("unknown transport", request(f"POST /echo/0/{SESSION}/carrier_pigeon"), (404,), ends=False),
    Row("session without a name", request("POST /echo/000//xhr"), (404,), ends=False),
    Row("session with a dot", request("POST /echo/000/a.b/xhr"), (404,), ends=False),
    Row("foreign origin", request(POLL, "Origin: http://evil.example"), (403,), ends=False),
    Row(
        "foreign referer",
        request(POLL, "Referer: http://evil.example/", "Sec-Fetch-Site: cross-site"),
        (403,),
        ends=False,
    ),
    Row("escape that is none", request("GET /hello/%zz"), (404,), ends=False),
    Row("escaped NUL", request("GET /hello/%00"), (404,), ends=False),
    Row("escaped bytes that are not UTF-8", request("GET /%ff%fe/"), (404,), ends=False),
    Row("way up", request("GET /../../etc/passwd"), (404,), ends=False),
    Row("escaped way up", request("GET /page/..%2f..%2fsettings.py"), (404,), ends=False),
)

_STALLED = sized("POST /hello/", "x" * 2000)[:-1]
#: What is begun and not finished: the daemon waits for a while, says so, and ends the connection.
STALLED = (
    Row("nothing", b"", ()),
    Row("empty lines", b"\r\n" * 5, ()),
    Row("half a first line", LIVE[:7], (408,)),
    Row("half a head", LIVE[:-7], (408,)),
    Row("head without its end", LIVE[:-2], (408,)),
    Row("head without its last byte", LIVE[:-1], (408,)),
    Row("no body", request("POST /hello/", "Content-Length: 1"), (408,)),
    Row("half a body, in a file", _STALLED, (408,)),
    Row("half a body, of an endpoint", sized(MESSAGE_TO, '["x"]')[:-1], (408,)),
    Row("no chunk", chunked("POST /hello/", ""), (408,)),
    Row("half a chunk", chunked("POST /hello/", "3\r\nx"), (408,)),
    Row("chunk without its end", chunked("POST /hello/", "1\r\nx\r"), (408,)),
    Row("no last chunk", chunked("POST /hello/", "1\r\nx\r\n"), (408,)),
    Row("half a last chunk", chunked("POST /hello/", "0\r\n"), (408,)),
    Row("half a trailer", chunked("POST /hello/", "0\r\nX: y"), (408,)),
    Row("body that was asked for", request("POST /hello/", _EXPECT, "Content-Length: 1"), (100, 408)),
    Row("no second request", LIVE, (200,)),
    Row("no second request to a site", HELLO, (200,)),
    Row("empty lines after a request", LIVE + b"\r\n" * 5, (200,)),
    Row("half a second request", HELLO + HELLO[:-1], (200, 408)),
    Row("half a second body", LIVE + sized("POST /hello/", "xyz")[:-1], (200, 408)),
    Row("half a handshake", handshake()[:-2], (408,)),
    Row("half a handshake after a refused one", handshake("/live") + handshake()[:-2], (200, 408)),
)

_LONG_HEAD = request("GET /live", "X: " + "x" * 2000)
#: What comes byte by byte in ``then``, with a pause behind each: a head has its time, however steadily it drips; a
#: body that makes progress has all the time it wants.
DRIPPING = (
    Row("head", b"", (408,), then=_LONG_HEAD),
    Row("target", b"", (408,), then=request("GET /" + "x" * 2000)),
    Row("second head", HELLO, (200, 408), then=_LONG_HEAD),
    Row("handshake", b"", (408,), then=handshake(more=("X: " + "x" * 2000,))),
    Row("empty lines", b"", (), then=b"\r\n" * 1000),
    Row("empty lines after a request", LIVE, (200,), then=b"\r\n" * 1000),
    Row("body", request("POST /hello/", "Connection: close", "Content-Length: 60"), (200,), then=b"x" * 60),
)

HTTP = (*HEADS, *LIMITS, *EXPECTATIONS, *ENDPOINTS)


def _address(version: int, family: int, size: int) -> bytes:
    """Return a header of the PROXY protocol's version 2 that is followed by *size* bytes."""
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes([version, family]) + size.to_bytes(2, "big") + bytes(size)


#: What may not stand before a request where HAProxy is expected.
PROXY_HEADERS = tuple(
    Row(name, data, ())
    for name, data in (
        ("none", b""),
        ("empty line", b"\r\n"),
        ("lower case", b"proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"),
        ("unknown protocol", b"PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"),
        ("no address", b"PROXY TCP4\r\n"),
        ("half an address", b"PROXY TCP4 1.1.1.1\r\n"),
        ("port that is none", b"PROXY TCP4 1.1.1.1 2.2.2.2 x y\r\n"),
        ("endless", b"PROXY TCP4 " + b"1" * 1000),
        ("endless spaces", b"PROXY" + b" " * 1000),
        ("version 1 of version 2", _address(0x11, 0x11, 12)),
        ("version 3", _address(0x31, 0x11, 12)),
        ("unknown command", _address(0x22, 0x11, 12)),
        ("unknown family", _address(0x21, 0x41, 12)),
        ("short address", _address(0x21, 0x11, 4)),
        ("address of version 6 that is short", _address(0x21, 0x21, 12)),
        ("broken signature", b"\r\n\r\n\0\r\nQUIT\r" + _address(0x21, 0x11, 12)[12:]),
    )
)
#: What may.
PROXY_HEADERS_WITHOUT_ADDRESS = (b"PROXY UNKNOWN x x\r\n", _address(0x20, 0x00, 0), _address(0x20, 0x11, 12))
