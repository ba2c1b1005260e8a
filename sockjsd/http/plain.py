# -*- test-case-name: tests.http.test_plain -*-
"""Usual requests, read without llhttp.

llhttp calls back for each field and for each step of a request, which takes longer than its parsing.  A request that
came whole, and whose head holds nothing but letters, digits and usual signs, can be taken apart by one regular
expression.  What is read here means what llhttp would have made of it: nothing passes that two parsers could read in
two ways, whatever is unusual is left to llhttp, and tests compare the two.
"""

from __future__ import annotations

import re

from sockjsd.http import rules
from sockjsd.http.headers import Headers
from sockjsd.http.limits import Limits

#: A path and a query of signs that no parser reads in a way of its own.  Ranges are found faster than ``\w``.
_TARGET = r"/[A-Za-z0-9_/.~%?=&+,;:@!$'()*-]*+"

#: A request line, which is read by itself where the fields are those of the request before.
LINE = re.compile(rf"([A-Z]+) ({_TARGET}) HTTP/1\.1".encode())

#: A head: letters, digits and hyphens in names, printable ASCII in values, and one space before these.  Nothing is
#: tried twice.
_FIELD = r"[A-Za-z0-9_-]++: [!-~][ -~]*+(?<! )\r\n"
_HEAD = re.compile(rf"(GET|POST) ({_TARGET}) HTTP/1\.1\r\n((?:{_FIELD})++)\r\n")

#: A length that certainly is none of the odd ones.
_LENGTH = re.compile("[0-9]{1,9}")

_MOST_NAMES = 500
_LONGEST_NAME = 64


class _Names(dict[str, str]):
    """Names of fields as they come -> in lower case.

    Browsers and proxies send a few dozen of them, and none so long.
    """

    def __missing__(self, name: str) -> str:
        lower = name.lower()
        if len(name) <= _LONGEST_NAME:
            if len(self) >= _MOST_NAMES:  # somebody makes them up, which must not leave everybody else without
                self.clear()
            self[name] = lower
        return lower


NAMES = _Names()


def read(data: bytes, limits: Limits) -> tuple[rules.Head, int] | None:
    """Return the head of the one request that *data* is, and where it ends; ``None`` where llhttp has to read it.

    :raises HTTPError: the head breaks one of the ``rules``.
    """
    match = _HEAD.match(data.decode("latin-1"))
    if match is None or (end := match.end()) > limits.head_limit:
        return None
    method, target, fields = match.groups()
    # Name, value, name, value, ..., and nothing; more where a value looks like a field.
    parts = fields.replace("\r\n", ": ").split(": ")
    count = len(parts) // 2
    if count != fields.count("\r\n") or count > limits.head_fields:
        return None
    headers = Headers(zip(map(NAMES.__getitem__, parts[:-1:2]), parts[1::2], strict=True))
    if len(headers) != count:  # one came twice
        return None
    if "content-length" in headers and ("upgrade" in headers or not _LENGTH.fullmatch(headers["content-length"])):
        return None
    if "transfer-encoding" in headers:
        return None
    head = rules.check(method, target, "1.1", headers)
    return (head, end) if len(data) - end == head.length and head.keep_alive else None
