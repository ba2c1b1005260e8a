# -*- test-case-name: tests.config.test_ini -*-
"""INI files: sections, ``option = value`` lines, and the line where each stands.

The rules are few, so that a value is what one sees: ``=`` is the only delimiter, ``%``,
``#`` and ``;`` inside a value mean themselves, a comment is a whole line that starts
with ``#`` or ``;``, and further lines of a value are indented.  Nothing is known here
of which sections and options there are.

Python's `configparser` reads; it does not keep line numbers, and its errors repeat
whole lines, in which a password can stand.  So the lines are counted while it reads,
and its errors become ours.
"""

from __future__ import annotations

import configparser
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from sockjsd.config.kinds import bounded
from sockjsd.errors import ConfigurationError

_HEADING = re.compile(r"\s*\[(.+)\]\s*(.*)")
_OPTION_NAME = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Value:
    """A text that was given for an option.

    :param file: the file, or the environment variable, where it stands.
    :param line: its line, from 1; ``None`` for an environment variable.
    :param folder: where relative paths start.
    """

    text: str
    file: str
    line: int | None
    folder: str


@dataclass(frozen=True, slots=True)
class Block:
    """A section as it was given: the heading between the brackets, its place, its values by option."""

    heading: str
    file: str | None
    line: int | None
    values: dict[str, Value]

    def wrong(self, problem: str) -> ConfigurationError:
        """The error for something about this section as a whole."""
        return ConfigurationError(problem, self.file, self.line)


class _CountingParser(configparser.RawConfigParser):
    """A parser that notes the line of each option, in the order of the file."""

    def __init__(self) -> None:
        # "" can be no heading, so no section's values leak into the others, as those of [DEFAULT] would.
        super().__init__(delimiters=("=",), comment_prefixes=("#", ";"), strict=True, default_section="")
        self.option_lines: list[int] = []
        self._line = 0

    def read_text(self, text: str) -> None:
        self.read_file(self._counted(text))

    def _counted(self, text: str) -> Iterator[str]:
        for self._line, line in enumerate(io.StringIO(text, newline=None), start=1):
            yield line

    def optionxform(self, optionstr: str) -> str:
        """Called once for each ``option = value`` line while it is read; names keep their case."""
        self.option_lines.append(self._line)
        return optionstr


def read_ini(path: str) -> list[Block]:
    """Read the file at *path*.

    :raises ConfigurationError: it is missing, unreadable, not UTF-8 or no INI file, or says something twice.
    """
    text = _read_text(path)
    parser = _CountingParser()
    try:
        parser.read_text(text)
    except configparser.Error as error:
        raise _converted(error, path) from None
    return _blocks(parser, text, path)


def _read_text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ConfigurationError(
            f"cannot be read: {error.strerror}; allowed: the path of a readable file", path
        ) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"byte 0x{data[error.start]:02x} is not UTF-8; allowed: a text file saved as UTF-8", path, line
        ) from None


def _blocks(parser: _CountingParser, text: str, path: str) -> list[Block]:
    # `items` would call optionxform again: the list is complete now.
    lines = iter(tuple(parser.option_lines))
    headings = _heading_lines(text, path)
    folder = os.path.dirname(os.path.abspath(path))
    return [
        Block(
            heading,
            path,
            headings.get(heading),
            {name: Value(value, path, next(lines), folder) for name, value in parser.items(heading)},
        )
        for heading in parser.sections()
    ]


def _heading_lines(text: str, path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, line in enumerate(io.StringIO(text, newline=None), start=1):
        if match := _HEADING.fullmatch(line.rstrip()):
            # The parser would drop what follows the bracket without a word.
            if match[2] and not line[:1].isspace():
                problem = f"more text after the heading [{match[1]}]; allowed: a heading on a line of its own"
                raise ConfigurationError(problem, path, number)
            found.setdefault(match[1], number)
    return found


def shown_name(name: str) -> str:
    """An option's name as an error shows it: of ``url: redis://…?db`` only ``url``, as a secret may follow."""
    word = _OPTION_NAME.match(name)
    return bounded(word[0] if word else "") + ("" if word and word[0] == name else " with more text before its =")


def _converted(error: configparser.Error, path: str) -> ConfigurationError:
    """Our error for the parser's: never with the text of a line, in which a password can stand."""
    match error:
        case configparser.DuplicateOptionError(section=section, option=option, lineno=line):
            problem = f"[{section}] {shown_name(option)} stands there twice; allowed: once in a section"
        case configparser.DuplicateSectionError(section=section, lineno=line):
            problem = f"the section [{section}] stands there twice; allowed: each section once"
        case configparser.MissingSectionHeaderError(lineno=line):
            problem = "a line before the first section; allowed there: a heading such as [server], and comments"
        case configparser.ParsingError(errors=[(line, _), *_]):
            problem = "a line that is neither a heading nor an option; allowed: [section], option = value, # comment"
        case _:
            line, problem = None, "not an INI file; allowed: [section], option = value, # comment"
    return ConfigurationError(problem, path, line)
