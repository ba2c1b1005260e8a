# -*- test-case-name: tests.config.test_declare -*-
"""How an option is declared: once, as a field of its section's dataclass.

`option` puts everything that is known of an option on the field; `options_of` reads it
back.  Parser, checks, error texts, the sample file and the documentation all start
from there, so none of them can disagree with another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from sockjsd.config.kinds import Kind, Refused
from sockjsd.errors import ConfigurationError

T = TypeVar("T")

_KEY = "sockjsd.option"


@dataclass(frozen=True, slots=True)
class _About:
    """What `option` notes on a field."""

    kind: Kind[Any]
    help: str
    when: str
    elsewhere: str
    unset: str


@dataclass(frozen=True, slots=True)
class Option:
    """One option as declared.

    :param name: its name in the file, and the attribute of its section's dataclass.
    :param default: its value where nobody gives one.
    :param help: what it is, one sentence or two.
    :param when: when to change it.
    :param elsewhere: its names in comparable servers, empty where there are none.
    :param unset: what the default comes to, where ``default`` only stands for "nobody gave one".
    """

    name: str
    kind: Kind[Any]
    default: Any
    help: str
    when: str
    elsewhere: str
    unset: str

    @property
    def default_text(self) -> str:
        """The default as it would be written in a file."""
        return self.kind.write(self.default)

    def refusal(self, text: str, refused: Refused) -> str:
        """The sentence of an error: option, what it got, what is allowed."""
        return f"{self.name}: {self.kind.refusal(text, refused)}"


def option(kind: Kind[T], default: T, *, help: str, when: str, elsewhere: str = "", unset: str = "") -> T:
    """Declare an option; see `Option` for the words.  Returns what a dataclass takes as its field."""
    about = _About(kind, help, when, elsewhere, unset)
    return field(default=default, repr=not kind.secret, metadata={_KEY: about})


def options_of(section: type) -> tuple[Option, ...]:
    """The options of a section's dataclass, in the order of their declaration."""
    return tuple(
        Option(each.name, about.kind, each.default, about.help, about.when, about.elsewhere, about.unset)
        for each in fields(section)
        if (about := each.metadata.get(_KEY)) is not None
    )


def check_options(section: object) -> None:
    """Check the values of a section however it was built, a test or other code included.

    :raises ConfigurationError: for the first value that is not allowed; without file and line.
    """
    for each in options_of(type(section)):
        value = getattr(section, each.name)
        try:
            each.kind.check(value)
        except Refused as refused:
            raise ConfigurationError(each.refusal(each.kind.write(value), refused)) from None
