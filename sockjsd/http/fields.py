# -*- test-case-name: tests.http.test_fields -*-
"""Response heads as bytes: a block of header fields is built once and reused."""

from __future__ import annotations

import re
from email.utils import formatdate
from http import HTTPStatus

from twisted.internet.interfaces import IReactorTime

from sockjsd.errors import StateError

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: Latin-1 without control characters, but tab (RFC 9110 section 5.5).
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

#: Statuses whose answers have neither a body nor a length (RFC 9110 section 8.6).
BODILESS = frozenset({204, 304})


def field(name: str, value: str) -> bytes:
    """Return one header field as a line.

    :raises StateError: a character that would break out of the field.
    """
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None:
        raise StateError(f"not a header field: {name!r}: {value!r}")
    return f"{name}: {value}\r\n".encode("latin-1")


def block(fields: dict[str, str]) -> bytes:
    """Return *fields* as lines."""
    return b"".join(field(name, value) for name, value in fields.items())


def status_line(status: int, phrase: str = "") -> bytes:
    """Return the first line of an answer with *status*; *phrase* stands in for the registered one.

    :raises StateError: a status that is none, or a character that would break out of the line.
    """
    if not phrase and status in STATUS_LINES:
        return STATUS_LINES[status]
    if not 200 <= status <= 999 or _VALUE.fullmatch(phrase) is None:
        raise StateError(f"not a status: {status!r} {phrase!r}")
    return f"HTTP/1.1 {status} {phrase or 'Unknown'}\r\n".encode("latin-1")


class DateField:
    """A field that holds a date, made once a second.

    :param clock: tells the seconds since the epoch.
    :param name: ``Date`` (RFC 9110 section 6.6.1), or ``Expires``.
    :param ahead: seconds added to the present time.
    """

    def __init__(self, clock: IReactorTime, name: str = "Date", ahead: int = 0) -> None:
        self._clock = clock
        self._name = name
        self._ahead = ahead
        self._second = -1
        self._field = b""

    def now(self) -> bytes:
        """Return the field for this second."""
        second = int(self._clock.seconds())
        if second != self._second:
            self._second = second
            self._field = field(self._name, formatdate(second + self._ahead, usegmt=True))
        return self._field
