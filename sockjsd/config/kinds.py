# -*- test-case-name: tests.config.test_kinds -*-
"""The kinds of value that an option can have: how each is read, checked, written and described.

A `Kind` is what all options of one type share.  It reads the text of a file or of an
environment variable, checks a value however it came to be, writes a value as the text
that reads back as the same value, and says in one phrase what is allowed.  What a
*name* of an option means is no business of this module, and neither is where a text
came from: a kind refuses with `Refused`, and whoever knows file and line makes the
`sockjsd.errors.ConfigurationError`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

#: Characters of a wrong value that an error repeats.
SHOWN = 60

KIB = 1024
MIB = KIB * KIB

#: A count above what any machine does: a larger number is a slip.
MANY = 10_000_000

#: One year: more is a slip of the unit (sockjs-node counts in milliseconds), and far below what a clock can take.
LONGEST_SECONDS = 365 * 86400.0

#: One millisecond: less than that is not kept by the clocks that will measure it.
SHORTEST_SECONDS = 0.001
#: The same for what computers do among themselves.
SHORTEST_MOMENT = 0.0001

_SECOND_UNITS = {"us": 0.000001, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}
_SIZE_UNITS = {"gib": KIB**3, "mib": KIB**2, "kib": KIB, "b": 1}
_SIZE_NAMES = {"gib": "GiB", "mib": "MiB", "kib": "KiB"}

_SECONDS = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?(us|ms|s|min|h)?")
_SIZE = re.compile(r"([0-9]{1,15}) ?(GiB|MiB|KiB|B)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"[0-9]{1,12}")
_OCTAL = re.compile(r"(?:0o)?([0-7]{1,4})")
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,100}")

_FLAGS = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}


class Refused(ValueError):
    """A text or a value that a kind does not take.

    :param detail: what is wrong with this one, where more can be said than the kind's ``allowed``.
    """

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


def bounded(text: str) -> str:
    """*text* as an error shows it: escaped, and cut where it is long."""
    return repr(text) if len(text) <= SHOWN else repr(text[:SHOWN]) + "…"


def accept(value: object) -> None:
    """The check of a kind whose reading leaves nothing to check."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What the options of one type share.

    :param name: the type in one or two words, for the documentation.
    :param allowed: what is allowed, as the end of the sentence "allowed: …".
    :param read: text and the folder that relative paths start from, to a value; raises `Refused`.
    :param write: a value to the text that reads back as it.
    :param check: raises `Refused` for a value that is not allowed.
    :param show: a refused text as an error may show it.
    :param secret: whether the value must not appear in a ``repr``.
    """

    name: str
    allowed: str
    read: Callable[[str, str], T]
    write: Callable[[T], str]
    check: Callable[[T], None] = accept
    show: Callable[[str], str] = bounded
    secret: bool = False

    def value(self, text: str, folder: str) -> T:
        """Read and check *text*.

        :raises Refused: it is not allowed.
        """
        value = self.read(text, folder)
        self.check(value)
        return value

    def refusal(self, text: str, refused: Refused) -> str:
        """The second half of an error's sentence: what it got, and what is allowed."""
        detail = f"{refused.detail}; " if refused.detail else ""
        return f"got {self.show(text)}; {detail}allowed: {self.allowed}"


def matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """The match of the whole *text*; raises `Refused` where there is none."""
    match = pattern.fullmatch(text)
    if match is None:
        raise Refused
    return match


def _plain(text: str, folder: str) -> str:
    return text


# ------------------------------------------------------------------ numbers


def _read_seconds(text: str, folder: str) -> float:
    number, unit = matched(_SECONDS, text).groups()
    return round(float(number) * _SECOND_UNITS[unit or "s"], 6)  # 200 millionths are not quite 0.0002 in binary


def _write_seconds(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _check_positive_seconds(value: float) -> None:
    if not SHORTEST_SECONDS <= value <= LONGEST_SECONDS:
        raise Refused


def _check_seconds_or_zero(value: float) -> None:
    if value != 0:
        _check_positive_seconds(value)


_SECONDS_PHRASE = "of at most a year such as 30, 0.5 (seconds), 200ms, 5min or 1h"

#: A time in seconds that cannot be nothing.
seconds: Kind[float] = Kind(
    "seconds", f"a time above 0 and {_SECONDS_PHRASE}", _read_seconds, _write_seconds, _check_positive_seconds
)

#: A time in seconds where 0 means "at once".
seconds_or_zero: Kind[float] = Kind(
    "seconds", f"0, or a time {_SECONDS_PHRASE}", _read_seconds, _write_seconds, _check_seconds_or_zero
)


def _check_moment(value: float) -> None:
    if not SHORTEST_MOMENT <= value <= 1:
        raise Refused


#: A very short time in seconds.
moment: Kind[float] = Kind(
    "seconds",
    "a time from 100us to 1s such as 200us, 5ms or 0.001 (seconds)",
    _read_seconds,
    _write_seconds,
    _check_moment,
)


def _read_size(text: str, folder: str) -> int:
    number, unit = matched(_SIZE, text).groups()
    return int(number) * _SIZE_UNITS[(unit or "b").lower()]


def _write_size(value: int) -> str:
    for unit, name in _SIZE_NAMES.items():
        if value and value % _SIZE_UNITS[unit] == 0:
            return f"{value // _SIZE_UNITS[unit]}{name}"
    return str(value)


def _check_size(value: int) -> None:
    if value < 1:
        raise Refused


#: A number of bytes, at least one.
size: Kind[int] = Kind(
    "size", "bytes, 1 or more, such as 65536, 64KiB, 1MiB or 1GiB", _read_size, _write_size, _check_size
)


def _read_whole(text: str, folder: str) -> int:
    return int(matched(_WHOLE, text)[0])


def whole(low: int, high: int) -> Kind[int]:
    """A whole number from *low* to *high*, both included."""

    def check(value: int) -> None:
        if not low <= value <= high:
            raise Refused

    return Kind("whole number", f"a whole number from {low} to {high}", _read_whole, str, check)


def _read_octal(text: str, folder: str) -> int:
    return int(matched(_OCTAL, text)[1], 8)


def _check_mode(value: int) -> None:
    if not 0 <= value <= 0o777:
        raise Refused


#: File permission bits.
octal: Kind[int] = Kind(
    "octal",
    "octal permission bits from 000 to 777, such as 022",
    _read_octal,
    lambda value: f"{value:03o}",
    _check_mode,
)

# ------------------------------------------------------------------ words


def _read_flag(text: str, folder: str) -> bool:
    if text.lower() not in _FLAGS:
        raise Refused
    return _FLAGS[text.lower()]


#: Yes or no.
flag: Kind[bool] = Kind(
    "flag", "yes or no (or true, false, on, off, 1, 0)", _read_flag, lambda value: "yes" if value else "no"
)


def choice(*words: str) -> Kind[str]:
    """One of *words*."""

    def check(value: str) -> None:
        if value not in words:
            raise Refused

    return Kind("choice", " or ".join(words), _plain, str, check)


def pattern(name: str, allowed: str, expression: re.Pattern[str], *, empty: bool = False) -> Kind[str]:
    """A text that *expression* matches whole; *empty* says whether no text at all will do too."""

    def check(value: str) -> None:
        if value or not empty:
            matched(expression, value)

    return Kind(name, allowed, _plain, str, check)


#: The dotted name of a Python module, or nothing.
module: Kind[str] = pattern(
    "module", "the dotted name of a Python module, such as shop.settings, or nothing", _DOTTED, empty=True
)

#: A short name that can stand inside other names.
word: Kind[str] = pattern("word", "1 to 100 letters, digits, -, _, . and :", _WORD)


def _check_secret(value: str) -> None:
    if any(character in value for character in "\r\n\0"):
        raise Refused


def _hide(text: str) -> str:
    return "a value that is not shown"


#: A password: never shown, neither in an error nor in a ``repr``.
secret: Kind[str] = Kind("secret", "one line of text", _plain, str, _check_secret, _hide, True)


def is_dotted_class(name: str) -> bool:
    """Whether *name* can be the dotted path ``package.module.Class``."""
    return "." in name and _DOTTED.fullmatch(name) is not None


# ------------------------------------------------------------------ several


def _no_repeats(values: tuple[str, ...]) -> None:
    for position, value in enumerate(values):
        if value in values[:position]:
            raise Refused(f"{bounded(value)} stands there twice")


def _each(check_one: Callable[[str], None]) -> Callable[[tuple[str, ...]], None]:
    def check(values: tuple[str, ...]) -> None:
        _no_repeats(values)
        for value in values:
            check_one(value)

    return check


def words(allowed: str, check_one: Callable[[str], None]) -> Kind[tuple[str, ...]]:
    """Words between white space, none of them twice, of which *check_one* refuses what is not allowed."""
    return Kind("words", allowed, lambda text, folder: tuple(text.split()), " ".join, _each(check_one))


def lines(allowed: str, check_one: Callable[[str], None]) -> Kind[tuple[str, ...]]:
    """One or more lines, none of them twice, of which *check_one* refuses what is not allowed."""

    def check(values: tuple[str, ...]) -> None:
        if not values:
            raise Refused
        _each(check_one)(values)

    return Kind("lines", allowed, _read_lines, "\n".join, check)


def _read_lines(text: str, folder: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


# ------------------------------------------------------------------ files


def _read_path(text: str, folder: str) -> str | None:
    return os.path.abspath(os.path.join(folder, text)) if text else None


def _check_path(value: str | None) -> None:
    if value is not None and any(character in value for character in "\r\n\0"):
        raise Refused


#: A file or folder, made absolute when it is read; a daemon changes its folder when it starts.
path: Kind[str | None] = Kind(
    "path",
    "a path, from the folder of the configuration file where it is relative, or nothing",
    _read_path,
    lambda value: value or "",
    _check_path,
)
