# -*- test-case-name: tests.http.test_environ -*-
"""What a site is told of a request: the environ of PEP 3333."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.logger import Logger

from sockjsd.http.exchange import Exchange
from sockjsd.http.filebody import FileWrapper
from sockjsd.http.headers import Headers

Address = IPv4Address | IPv6Address

#: Fields of a request that do not reach the site as ``HTTP_…``: ``Proxy`` would become ``HTTP_PROXY``, which
#: programs take for their own configuration; the others have names of their own, or are about how the body came.
_NOT_THEIRS = frozenset({"proxy", "content-length", "content-type", "transfer-encoding"})

#: What stands in for a Unix socket's peer and host, which have no address.
_NO_ADDRESS = IPv4Address("TCP", "127.0.0.1", 80)

_PORT = re.compile(r":[0-9]*$")


class ErrorStream:
    """``wsgi.errors``: each text that is written to it is a line of the daemon's log."""

    _log = Logger()

    def write(self, text: str) -> int:
        """Log *text*; return its length."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        self._log.error("{text}", text=text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Log *lines* as one text."""
        self.write("".join(lines))

    def flush(self) -> None:
        """Nothing waits."""


#: What is the same for all requests.
_SAME: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": ErrorStream(),
    "wsgi.file_wrapper": FileWrapper,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}


def make_environ(exchange: Exchange, host: Address, content: BinaryIO) -> dict[str, Any]:
    """Return what the site is told; from any thread.

    :param host: our own address, which only the reactor's thread may ask for.
    :param content: the body, at its beginning.
    """
    head, peer = exchange.head, address(exchange.peer)
    headers = head.headers
    environ = _SAME.copy()
    environ["REQUEST_METHOD"] = head.method
    environ["PATH_INFO"] = _unquoted(head.path)
    environ["QUERY_STRING"] = head.query
    environ["CONTENT_TYPE"] = headers.get("content-type", "")
    environ["CONTENT_LENGTH"] = _length(content)
    environ["REMOTE_ADDR"] = peer.host
    environ["REMOTE_PORT"] = str(peer.port)
    environ["SERVER_NAME"] = _without_port(head.host) or host.host
    environ["SERVER_PORT"] = str(host.port)
    environ["SERVER_PROTOCOL"] = head.version
    environ["wsgi.url_scheme"] = "https" if exchange.secure else "http"
    environ["wsgi.input"] = content
    for name, value in headers.items():
        key = _name(name)
        if key is not None:
            environ[key] = value
    if headers.repetitions:
        _correct(environ, headers)
    return environ


def address(found: object) -> Address:
    """Return *found*, or what stands in for it."""
    return found if isinstance(found, IPv4Address | IPv6Address) else _NO_ADDRESS


def _correct(environ: dict[str, Any], headers: Headers) -> None:
    """Join what was repeated and is not to be joined by commas."""
    if "cookie" in headers:  # one that came in pieces (RFC 6265 section 5.4)
        environ["HTTP_COOKIE"] = "; ".join(headers.each("cookie"))
    if "content-type" in headers:
        environ["CONTENT_TYPE"] = headers.each("content-type")[-1]


@lru_cache(maxsize=512)  # clients choose the names: there may be any number, but most send the same twenty
def _name(name: str) -> str | None:
    """Return a field's name in the environ; ``None`` where the site is not told.

    ``X_Forwarded_For`` and ``X-Forwarded-For`` would get the same name.
    """
    if "_" in name or name in _NOT_THEIRS:
        return None
    return "HTTP_" + name.upper().replace("-", "_")


@lru_cache(maxsize=64)
def _without_port(host: str) -> str:
    return _PORT.sub("", host)


def _unquoted(path: str) -> str:
    """Return the bytes of *path* in Latin-1, as PEP 3333 has them."""
    return unquote_to_bytes(path.encode("latin-1")).decode("latin-1") if "%" in path else path


def _length(content: BinaryIO) -> str:
    """Return the length of the body that came, chunked or not."""
    if type(content) is BytesIO:
        return str(len(content.getbuffer()))
    size = content.seek(0, 2)
    content.seek(0)
    return str(size)
