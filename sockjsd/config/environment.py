# -*- test-case-name: tests.config.test_environment -*-
"""Options from environment variables, which win over the file.

``SOCKJSD_<SECTION>_<OPTION>`` is the option's value, ``SOCKJSD_<SECTION>_<OPTION>_FILE``
names a file that has it, as Docker and systemd hand out secrets.  For an endpoint the
section is ``ENDPOINT_<NAME>``, the name in upper case with ``_`` for ``-``.  A variable
that begins like a section's but names no option is a slip, and refused; other variables
that begin with ``SOCKJSD_`` are somebody else's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sockjsd.config.declare import options_of
from sockjsd.config.ini import Block, Value
from sockjsd.config.kinds import bounded
from sockjsd.config.options import SECTIONS
from sockjsd.errors import ConfigurationError

PREFIX = "SOCKJSD_"

_FILE = "_FILE"


@dataclass(frozen=True, slots=True)
class _Target:
    """What a variable sets."""

    heading: str
    option: str


def variable(heading: str, option: str) -> str:
    """The name of the variable for an option; *heading* is a section's heading such as ``endpoint chat``."""
    return f"{_section_prefix(heading)}{option.upper()}"


def overlay(blocks: Iterable[Block], environ: Mapping[str, str]) -> list[Block]:
    """*blocks* with the values of *environ* laid over them.

    :raises ConfigurationError: a variable that names no option, is given in both forms, or whose file is unreadable.
    """
    blocks = list(blocks)
    targets = _targets(blocks)
    given: dict[_Target, Value] = {}
    for name in sorted(environ):
        if not name.startswith(_SECTION_PREFIXES):
            continue
        target = targets.get(name) or targets.get(name.removesuffix(_FILE))
        if target is None:
            raise ConfigurationError(_unknown(name, targets), name)
        if target in given:
            raise ConfigurationError(f"given together with {given[target].file}; allowed: one of the two", name)
        given[target] = _value(name, environ[name], is_file=name not in targets)
    return [_laid_over(block, given) for block in blocks]


_SECTION_PREFIXES = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)


def _section_prefix(heading: str) -> str:
    return f"{PREFIX}{heading.upper().replace('-', '_').replace(' ', '_')}_"


def _targets(blocks: Iterable[Block]) -> dict[str, _Target]:
    """Variable → what it sets; built from the sections that exist, so an endpoint's name is never guessed."""
    targets: dict[str, _Target] = {}
    for block in blocks:
        for option in options_of(SECTIONS[block.heading.split()[0]]):
            name = variable(block.heading, option.name)
            if name in targets:
                raise block.wrong(
                    f"[{block.heading}] and [{targets[name].heading}] have the same environment variables, "
                    f"such as {name}; allowed: names that differ in more than case, - and _"
                )
            targets[name] = _Target(block.heading, option.name)
    return targets


def _unknown(name: str, targets: Mapping[str, _Target]) -> str:
    endpoint = name.startswith(_section_prefix("endpoint"))
    # The same option of another endpoint looks alike, but is hardly what was meant.
    cutoff = 0.9 if endpoint else 0.8
    if close := difflib.get_close_matches(name.removesuffix(_FILE), targets, n=1, cutoff=cutoff):
        return f"names no option; did you mean {close[0]}?"
    if endpoint:
        return "names no endpoint of the file and its option; an endpoint needs a section [endpoint NAME] in the file"
    section = name.removeprefix(PREFIX).partition("_")[0].lower()
    known = ", ".join(variable(section, option.name) for option in options_of(SECTIONS[section]))
    return f"names no option; allowed: {known}"


def _value(name: str, text: str, *, is_file: bool) -> Value:
    # A relative path in a variable starts where the process does: the folder "" is completed when it is read.
    return Value(_content(name, text) if is_file else text.strip(), name, None, "")


def _content(name: str, path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().removesuffix("\n")
    except UnicodeDecodeError:
        reason = "not UTF-8"
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "not a path"
    raise ConfigurationError(
        f"the file {bounded(path)} cannot be read: {reason}; allowed: the path of a readable file", name
    )


def _laid_over(block: Block, given: Mapping[_Target, Value]) -> Block:
    mine = {target.option: value for target, value in given.items() if target.heading == block.heading}
    return replace(block, values={**block.values, **mine}) if mine else block
