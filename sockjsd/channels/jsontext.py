# -*- test-case-name: tests.channels.test_jsontext -*-
"""JSON of which some parts are only passed on, character for character.

A publication is delivered as it was written: ``1.0`` must not become ``1``, nor ``1e5``
``100000.0``, so what is to be published is cut out of the request instead of written anew.

It reads as RFC 8259 wants it: neither ``NaN`` nor ``Infinity``, nothing behind the end.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import NamedTuple, NoReturn


class Part(NamedTuple):
    """One value inside a JSON text.

    :ivar value: as Python has it.
    :ivar text: as it was written, on one line.
    """

    value: object
    text: str


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_decoder = JSONDecoder(parse_constant=_no_constant)
_skip = re.compile(r"[ \t\n\r]*").match
#: Only between tokens do these stand as they are: inside strings JSON wants them escaped.
_one_line = str.maketrans("\r\n", "  ")


def members(text: str) -> dict[str, Part]:
    """Return the members of the JSON object *text*; of a name that stands there twice the last one.

    :raises ValueError: *text* is not one JSON object; the message says what is wrong, without any of *text*.
    """
    found = {}
    at = _opened(text, "{", "an object")
    while text[at : at + 1] != "}":
        name, at = _next(text, at)
        if not isinstance(name.value, str):
            raise ValueError("a member's name has to be a string")
        at = _past(text, at, ":")
        found[name.value], at = _next(text, at)
        at = _separated(text, at, "}")
    _check_end(text, at)
    return found


def items(text: str) -> list[Part]:
    """Return the items of the JSON array *text*.

    :raises ValueError: as :func:`members`.
    """
    found = []
    at = _opened(text, "[", "an array")
    while text[at : at + 1] != "]":
        item, at = _next(text, at)
        found.append(item)
        at = _separated(text, at, "]")
    _check_end(text, at)
    return found


def _next(text: str, at: int) -> tuple[Part, int]:
    """Return the value that begins at *at*, and where what follows it begins."""
    try:
        value, end = _decoder.raw_decode(text, at)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return Part(value, text[at:end].translate(_one_line)), _after(text, end)


def _after(text: str, at: int) -> int:
    match = _skip(text, at)
    assert match is not None, "nothing at all is white space enough"
    return match.end()


def _opened(text: str, bracket: str, what: str) -> int:
    at = _after(text, 0)
    if text[at : at + 1] != bracket:
        raise ValueError(f"it is not {what}")
    return _after(text, at + 1)


def _past(text: str, at: int, mark: str) -> int:
    if text[at : at + 1] != mark:
        raise ValueError(f"{mark!r} is missing")
    return _after(text, at + 1)


def _separated(text: str, at: int, closing: str) -> int:
    """Return where the next member begins, or the closing bracket is."""
    if text[at : at + 1] == closing:
        return at
    at = _past(text, at, ",")
    if text[at : at + 1] == closing:
        raise ValueError("nothing follows the last comma")
    return at


def _check_end(text: str, at: int) -> None:
    if _after(text, at + 1) != len(text):
        raise ValueError("something follows the end")
