# -*- test-case-name: tests.http.test_rules -*-
"""What a request's head must be, so that no proxy in front reads it differently.

llhttp refuses much before these rules see it (``tests/http/heads.py`` holds what), and what
``plain`` reads has nothing of that; here stands the rest: RFC 9112 sections 3.2 (request target),
6.1 (Transfer-Encoding) and 7.2 (Host), each read strictly.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from sockjsd.errors import HTTPError
from sockjsd.http.headers import Headers

#: A name or an address, and a port.  RFC 3986 would allow more in a name; a comma could come from
#: a proxy that joined two fields, and the rest are in no name that exists.
_HOST = re.compile(r"(([A-Za-z0-9\-._~%]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?)?")
#: llhttp reads ``RTSP/1.0`` and ``ICE/1.0`` as ``HTTP/1.0``, and does not say so; these methods are only theirs.
_NOT_HTTP = frozenset(
    "SOURCE ANNOUNCE DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY RECORD REDIRECT SETUP SET_PARAMETER TEARDOWN".split()
)
#: Characters of a Content-Length: what fits into 64 bits, which is where llhttp stops too.  Leading zeros
#: could be thousands, and Python refuses to read a number that long.
_LENGTH = 20
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(slots=True)
class Head:
    """A request's head that passed every rule.

    :param method: upper case as it came.
    :param uri: path and query, always starting with ``/``.
    :param path: what stands before the first ``?``.
    :param query: what stands behind it.
    :param version: ``HTTP/1.0`` or ``HTTP/1.1``.
    :param headers: the fields.
    :param host: the ``Host`` field, or ``""`` (HTTP/1.0 may lack it: HAProxy's checks do).
    :param length: the declared bytes of the body; ``None`` when it is chunked.
    :param keep_alive: whether the client wants the connection to last (RFC 9112 section 9.3).
    """

    method: str
    uri: str
    path: str
    query: str
    version: str
    headers: Headers
    host: str
    length: int | None
    keep_alive: bool = True

    @property
    def has_body(self) -> bool:
        """Whether bytes of a body follow."""
        return self.length is None or self.length > 0

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` (RFC 9110 section 10.1.1; not in HTTP/1.0)."""
        return "expect" in self.headers and self.version == "HTTP/1.1" and self.has_body


#: Stands in for the head of what could not be read as a request.
UNREADABLE = Head("GET", "/", "/", "", "HTTP/1.1", Headers(), "", 0)

#: As the parser has it -> as a head has it.
_VERSIONS = {"1.0": "HTTP/1.0", "1.1": "HTTP/1.1"}


def check(method: str, target: str, version: str, headers: Headers) -> Head:
    """Return the head, or refuse it.

    :param version: ``1.0`` or ``1.1`` as the parser read it.
    :raises HTTPError: 400 or 417; the connection ends, because what follows cannot be trusted.
    """
    if version not in _VERSIONS or method in _NOT_HTTP:
        raise HTTPError(400, "Only HTTP/1.0 and HTTP/1.1 are spoken here")
    if method == "CONNECT":
        raise HTTPError(400, "CONNECT is for proxies")
    # What is usual is seen here; what is not has a function below.
    host = headers.get("host", "")
    if not host or not _is_host(host):
        host = _host(version, headers)
    if "expect" in headers and headers["expect"].lower() != "100-continue":
        raise HTTPError(417, "Only 100-continue can be expected")
    length: int | None = 0
    if "content-length" in headers or "transfer-encoding" in headers:
        length = _length(version, headers)
    uri = target if target.startswith("/") and "#" not in target else _odd_uri(target, host)
    path, _, query = uri.partition("?")
    # llhttp heeds the latter too, and refuses what comes after a close.
    lasts = _lasts(version, headers.get("connection", ""), headers.get("proxy-connection", ""))
    return Head(method, uri, path, query, _VERSIONS[version], headers, host, length, lasts)


def moved(head: Head, uri: str) -> Head:
    """Return *head* with another target.

    :param uri: a path with a query or without, which may stand in a request target as it is.
    """
    path, _, query = uri.partition("?")
    return Head(head.method, uri, path, query, head.version, head.headers, head.host, head.length, head.keep_alive)


def _host(version: str, headers: Headers) -> str:
    if "host" not in headers:
        if version == "1.1":
            raise HTTPError(400, "No Host")
        return ""
    host = headers.get("host", "")
    if "," in host and len(headers.each("host")) > 1:
        raise HTTPError(400, "More than one Host")
    if not _is_host(host):
        raise HTTPError(400, "Not a valid Host")
    return host


@lru_cache(maxsize=128)  # a server has few names
def _is_host(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def _length(version: str, headers: Headers) -> int | None:
    if "transfer-encoding" not in headers:
        # llhttp lets only one Content-Length of digits pass, and none beside Transfer-Encoding.
        length = headers["content-length"]
        if len(length) > _LENGTH:
            raise HTTPError(400, "Not a valid Content-Length")
        return int(length)
    if version == "1.0":
        raise HTTPError(400, "No Transfer-Encoding in HTTP/1.0")
    if [value.lower() for value in headers.each("transfer-encoding")] != ["chunked"]:
        raise HTTPError(400, "Only chunked is understood as Transfer-Encoding")
    return None


@lru_cache(maxsize=32)  # browsers and proxies send next to no others
def _lasts(version: str, *options: str) -> bool:
    """Return whether a connection lasts, whose ``Connection`` fields are *options*."""
    tokens = {token.strip(" \t").lower() for field in options for token in field.split(",")}
    return "close" not in tokens and (version == "1.1" or "keep-alive" in tokens)


def _odd_uri(target: str, host: str) -> str:
    if "#" in target:
        raise HTTPError(400, "A fragment in the request target")
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise HTTPError(400, "The request target is not a path")
    if absolute[1].lower() != host.lower():
        raise HTTPError(400, "The request target names another host than Host")
    return absolute[2] if absolute[2].startswith("/") else "/" + absolute[2]
