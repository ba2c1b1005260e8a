# -*- test-case-name: tests.functional.test_bad_http -*-
"""Ways to hide a second request in the first one's body, for two parsers that disagree about its length: a table.

A proxy in front that reads them one way, and a daemon that reads them another, would let a client speak in
another client's name.  ``{hidden}`` stands for the hidden request, ``{length}`` for its bytes, ``{size}`` for the same
in hexadecimal, ``{total}`` for its bytes and those of an empty chunk before it.
"""

from __future__ import annotations

from dataclasses import dataclass

_FIRST = "POST /hello/ HTTP/1.1\r\nHost: localhost\r\n"
_ZERO = "0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Trick:
    """One way.

    :param data: the bytes, Latin-1 as text.
    :param directly: the statuses of all answers of the daemon; where the last one is no 400, the connection goes on.
    """

    name: str
    data: str
    directly: tuple[int, ...] = (400,)

    def sent(self, hidden: str) -> bytes:
        """Return what is sent, with the request *hidden* in it."""
        length = len(hidden)
        values = {"length": f"{length}", "size": f"{length:x}", "total": f"{length + len(_ZERO)}", "hidden": hidden}
        text = self.data
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text.encode("latin-1")


def _coding(name: str, field: str, directly: tuple[int, ...] = (400,)) -> Trick:
    """Return the way of *field*, which one takes for chunked and the other does not, beside a length."""
    return Trick(name, _FIRST + field + "\r\nContent-Length: {total}\r\n\r\n" + _ZERO + "{hidden}", directly)


def _length(name: str, field: str, directly: tuple[int, ...] = (400,)) -> Trick:
    """Return the way of *field*, which one takes for a length and the other does not."""
    return Trick(name, _FIRST + field + "\r\n\r\n{hidden}", directly)


def _chunk(name: str, framing: str, directly: tuple[int, ...] = (400,)) -> Trick:
    """Return the way of *framing*, which ends the body for one and not for the other."""
    return Trick(name, _FIRST + "Transfer-Encoding: chunked\r\n\r\n" + framing, directly)


_CHUNKED = "Transfer-Encoding: chunked"
#: The daemon has read one request, with the hidden one as its body.
_ONE = (200,)

TRICKS = (
    # Two lengths, of which one parser takes the one and another the other.
    _coding("CL.TE", _CHUNKED),
    Trick("TE.CL", _FIRST + _CHUNKED + "\r\nContent-Length: 4\r\n\r\n{size}\r\n{hidden}\r\n0\r\n\r\n"),
    Trick("CL 0 and TE", _FIRST + "Content-Length: 0\r\n" + _CHUNKED + "\r\n\r\n{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _coding("tab before chunked", "Transfer-Encoding:\tchunked"),
    _coding("vertical tab before chunked", "Transfer-Encoding: \x0bchunked"),
    _coding("form feed before chunked", "Transfer-Encoding: \x0cchunked"),
    _coding("vertical tab after chunked", "Transfer-Encoding: chunked\x0b"),
    _coding("form feed after chunked", "Transfer-Encoding: chunked\x0c"),
    _coding("NUL after chunked", "Transfer-Encoding: chunked\x00"),
    _coding("no-break space before chunked", "Transfer-Encoding: \xa0chunked"),
    _coding("space before colon", "Transfer-Encoding : chunked"),
    _coding("tab before colon", "Transfer-Encoding\t: chunked"),
    _coding("space before name", " Transfer-Encoding: chunked"),
    _coding("folded", "Transfer-Encoding:\r\n chunked"),
    _coding("behind a bare LF", "X: y\nTransfer-Encoding: chunked"),
    _coding("behind a bare CR", "X: y\rTransfer-Encoding: chunked"),
    _coding("behind a doubled CR", "X: y\r\rTransfer-Encoding: chunked"),
    _coding("bare LF in the name", "Transfer-Encoding\n: chunked"),
    _coding("xchunked", "Transfer-Encoding: xchunked"),
    _coding("quoted", 'Transfer-Encoding: "chunked"'),
    _coding("parameter", "Transfer-Encoding: chunked;q=0.5"),
    _coding("chunked, identity", "Transfer-Encoding: chunked, identity"),
    _coding("identity, chunked", "Transfer-Encoding: identity, chunked"),
    _coding("empty, chunked", "Transfer-Encoding: , chunked"),
    _coding("chunked, then cow", _CHUNKED + "\r\nTransfer-Encoding: cow"),
    _coding("cow, then chunked", "Transfer-Encoding: cow\r\n" + _CHUNKED),
    _coding("chunked twice", _CHUNKED + "\r\n" + _CHUNKED),
    _coding("identity", "Transfer-Encoding: identity"),
    _coding("named as hop by hop", "Connection: Transfer-Encoding\r\n" + _CHUNKED),
    _coding("underscore", "Transfer_Encoding: chunked", _ONE),
    _coding("another name", "X-Transfer-Encoding: chunked", _ONE),
    Trick(
        "chunks in HTTP/1.0",
        "POST /hello/ HTTP/1.0\r\nConnection: keep-alive\r\n" + _CHUNKED + "\r\n\r\n{size}\r\n{hidden}\r\n0\r\n\r\n",
    ),
    Trick(
        "both in HTTP/1.0",
        "POST /hello/ HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: {total}\r\n"
        + _CHUNKED
        + "\r\n\r\n0\r\n\r\n{hidden}",
    ),
    # Lengths that are read as more than one.
    _length("0, then all", "Content-Length: 0\r\nContent-Length: {length}"),
    _length("all, then 0", "Content-Length: {length}\r\nContent-Length: 0"),
    _length("list of lengths", "Content-Length: 0, {length}"),
    _length("list of one length", "Content-Length: {length}, {length}"),
    _length("plus", "Content-Length: +{length}"),
    _length("minus", "Content-Length: -{length}"),
    _length("hexadecimal", "Content-Length: 0x{size}"),
    _length("underscore in the number", "Content-Length: 0_{length}"),
    _length("letters behind it", "Content-Length: {length}abc"),
    _length("dot behind it", "Content-Length: {length}.0"),
    _length("vertical tab before it", "Content-Length: \x0b{length}"),
    _length("form feed behind it", "Content-Length: {length}\x0c"),
    _length("space before the colon", "Content-Length : {length}"),
    _length("folded length", "Content-Length:\r\n {length}"),
    _length("length behind a bare LF", "X: y\nContent-Length: {length}"),
    _length("length behind a bare CR", "X: y\rContent-Length: {length}"),
    _length("length behind a NUL", "X: y\x00\r\nContent-Length: {length}"),
    _length("beyond 64 bits", "Content-Length: 1844674407370955161{length}"),
    _length("length named as hop by hop", "Connection: Content-Length\r\nContent-Length: {length}", _ONE),
    _length("underscore beside it", "Content_Length: 0\r\nContent-Length: {length}", _ONE),
    _length("zeros before it", "Content-Length: 000{length}", _ONE),
    _length("expectation", "Expect: 100-continue\r\nContent-Length: {length}", _ONE),
    _length("override", "X-HTTP-Method-Override: GET\r\nContent-Length: {length}", _ONE),
    Trick("body of a GET", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{hidden}", _ONE),
    Trick(
        "body of a GET of HTTP/1.0",
        "GET /hello/ HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: {length}\r\n\r\n{hidden}",
        _ONE,
    ),
    # Chunks whose end one parser sees elsewhere.
    _chunk("chunk", "{size}\r\n{hidden}\r\n0\r\n\r\n", _ONE),
    _chunk("chunk with zeros", "000{size}\r\n{hidden}\r\n0\r\n\r\n", _ONE),
    _chunk("chunk with extension", "{size};0\r\n{hidden}\r\n0\r\n\r\n", _ONE),
    _chunk("bare LF in an extension", "5;\nxxxxx\r\n{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("bare CR in an extension", "5;\rxxxxx\r\n{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("bare LF after the size", "{size}\n{hidden}\r\n0\r\n\r\n"),
    _chunk("bare LF after the chunk", "1\r\nx\n{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("two bytes after the chunk", "1\r\nxyz{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("0x", "0x{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("plus before the size", "+{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("minus before the size", "-{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("underscore in the size", "0_{size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("space before the size", " {size}\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("tab after the size", "{size}\t\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("vertical tab after the size", "{size}\x0b\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("size beyond 64 bits", "100000000000000{size}0\r\n{hidden}\r\n0\r\n\r\n"),
    _chunk("hidden in the trailers", "0\r\n{hidden}"),
    # Upgrades: a parser that believes in them reads no body.
    *(
        Trick(
            f"upgrade of a {method} to {protocol} at {path}",
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Content-Length: {length}\r\n\r\n{hidden}",
        )
        for method in ("GET", "POST")
        for path in ("/hello/", "/echo/websocket")
        for protocol in ("websocket", "h2c")
    ),
    Trick(
        "upgrade with chunks",
        "GET /echo/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Transfer-Encoding: chunked\r\n\r\n{size}\r\n{hidden}\r\n0\r\n\r\n",
    ),
    # Heads whose end one parser sees elsewhere.
    Trick("head that ends with bare CRs", "GET /hello/ HTTP/1.1\rHost: localhost\r\r{hidden}"),
    Trick("doubled CR", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\nX: y\r\r\n\r\n{hidden}"),
    Trick("hidden behind HTTP/0.9", "GET /hello/\r\n{hidden}"),
    Trick("hidden behind another host", "GET http://a/hello/ HTTP/1.1\r\nHost: localhost\r\n\r\n{hidden}"),
    Trick("hidden behind two hosts", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\nHost: a\r\n\r\n{hidden}"),
    Trick("hidden behind a space in the target", "GET /hello/ x HTTP/1.1\r\nHost: localhost\r\n\r\n{hidden}"),
)

#: Where the hidden request is behind the first one, in no body.  The daemon refuses the first and reads no further;
#: HAProxy reads both, and passes the second on as any other that it has seen.
BEHIND = (
    _chunk("length in the trailers", "0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
    Trick("head that ends with bare LFs", "GET /hello/ HTTP/1.1\nHost: localhost\n\n{hidden}"),
    Trick("head that ends with a bare LF", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\n\n{hidden}"),
    Trick("hidden in a field", "GET /hello/ HTTP/1.1\r\nHost: localhost\r\nX: y\n\n{hidden}"),
    Trick("hidden behind another version", "GET /hello/ HTTP/1.2\r\nHost: localhost\r\n\r\n{hidden}"),
    Trick("hidden behind CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n{hidden}"),
)
