# -*- test-case-name: tests.config.test_load -*-
"""From a file and the environment to a checked `Config`, or to one message that says what to change.

Defaults, then the file, then the environment: the later wins.  Every error is a
`sockjsd.errors.ConfigurationError` with file and line, or with the variable's name.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from sockjsd.config.channels import Channels, check_memory, check_paths
from sockjsd.config.declare import Option, options_of
from sockjsd.config.endpoint import Endpoint, check_prefixes
from sockjsd.config.environment import overlay
from sockjsd.config.ini import Block, Value, read_ini, shown_name
from sockjsd.config.kinds import Refused, bounded
from sockjsd.config.namespace import Namespace
from sockjsd.config.options import SECTIONS, Broker, Config, Server, Site
from sockjsd.errors import ConfigurationError

T = TypeVar("T")

_ENDPOINT = "endpoint"
#: With a name, and also without.
_NAMESPACE = "namespace"
_NAMED = (_NAMESPACE, _ENDPOINT)

#: What the beginning of a line has to look like to be taken for an option that was indented by mistake.
_LIKE_OPTION = re.compile(r"([a-z_]+)\s*=")

_LIKE_HEADING = re.compile(r"\[[^\]]+\]")

_SINGLE = tuple(section for section in SECTIONS if section != _ENDPOINT)

_ALLOWED_HEADINGS = ", ".join([f"[{section}]" for section in _SINGLE] + [f"[{section} NAME]" for section in _NAMED])


def load(path: str | None, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration of the file at *path*, with *environ* laid over it; ``None`` is an empty file.

    :raises ConfigurationError: the first thing that is wrong.
    """
    blocks = _complete(read_ini(path) if path is not None else [])
    return _config(overlay(blocks, environ), path)


def _complete(blocks: Iterable[Block]) -> list[Block]:
    """All single sections, given or not, then those with names; headings and option names are known ones."""
    named: dict[str, Block] = {section: Block(section, None, None, {}) for section in _SINGLE}
    for block in blocks:
        heading = _heading(block)
        if heading in named and named[heading].file is not None:
            raise block.wrong(f"the section [{heading}] stands there twice; allowed: each section once")
        named[heading] = replace(block, heading=heading)
        _check_names(named[heading])
    return list(named.values())


def _heading(block: Block) -> str:
    words = block.heading.split()
    if len(words) == 1 and words[0] in _SINGLE:
        return words[0]
    if len(words) == 2 and words[0] in _NAMED:
        return " ".join(words)
    guess = _did_you_mean(block.heading, SECTIONS)
    raise block.wrong(f"{bounded(f'[{block.heading}]')} is no section{guess}; allowed: {_ALLOWED_HEADINGS}")


def _check_names(block: Block) -> None:
    known = [option.name for option in _options(block)]
    for name, value in block.values.items():
        if name not in known:
            guess = _did_you_mean(name, known)
            raise ConfigurationError(
                f"[{block.heading}] {shown_name(name)} is no option{guess}; allowed: {', '.join(known)}",
                value.file,
                value.line,
            )


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word.lower().replace("-", "_"), known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _options(block: Block) -> tuple[Option, ...]:
    return options_of(SECTIONS[block.heading.split()[0]])


def _config(blocks: Iterable[Block], path: str | None) -> Config:
    named = {block.heading: block for block in blocks}
    server, broker, site, channels, unnamed = (named.pop(section) for section in _SINGLE)
    namespaces = [unnamed, *(block for block in named.values() if block.heading.startswith(_NAMESPACE))]
    endpoints = [block for block in named.values() if block.heading.startswith(_ENDPOINT)]
    of_channels = _built(Channels, channels)
    return Config(
        Server(**_values(server)),
        Broker(**_values(broker)),
        Site(**_values(site)),
        _endpoints(endpoints, of_channels),
        path,
        of_channels,
        {_name(block): _namespace(block, of_channels) for block in namespaces},
    )


def _name(block: Block) -> str:
    """The NAME in a heading, ``""`` where there is none."""
    return block.heading.partition(" ")[2]


def _built(section: Callable[..., T], block: Block, **more: str) -> T:
    """A section from its block; what is wrong between several options has no line of its own: the section's."""
    values = _values(block)
    try:
        return section(**more, **values)
    except ConfigurationError as error:
        raise block.wrong(error.problem) from None


def _values(block: Block) -> dict[str, Any]:
    return {
        option.name: _value(block, option, block.values[option.name])
        for option in _options(block)
        if option.name in block.values
    }


def _check_indentation(block: Block, option: Option, given: Value) -> None:
    """Refuse a next option or section that was indented by mistake and so became part of this value."""
    known = [other.name for other in _options(block)]
    for line in given.text.splitlines()[1:]:
        match = _LIKE_OPTION.match(line)
        if (match and match[1] in known) or _LIKE_HEADING.fullmatch(line):
            what = match[1] if match else "a heading"
            raise ConfigurationError(
                f"[{block.heading}] {option.name}: a further line of the value looks like {what}; "
                "allowed: options and headings at the beginning of a line, further lines of a value indented",
                given.file,
                given.line,
            )


def _value(block: Block, option: Option, given: Value) -> Any:
    _check_indentation(block, option, given)
    try:
        return option.kind.value(given.text, given.folder)
    except Refused as refused:
        problem = f"[{block.heading}] {option.refusal(given.text, refused)}"
        raise ConfigurationError(problem, given.file, given.line) from None


def _namespace(block: Block, channels: Channels) -> Namespace:
    namespace = _built(Namespace, block, name=_name(block))
    try:
        check_memory(channels, [namespace])
    except ConfigurationError as error:
        raise block.wrong(error.problem) from None
    return namespace


def _endpoints(blocks: Iterable[Block], channels: Channels) -> dict[str, Endpoint]:
    endpoints: dict[str, Endpoint] = {}
    for block in blocks:
        endpoint = _built(Endpoint, block, name=_name(block))
        try:
            check_prefixes([*endpoints.values(), endpoint])
            check_paths(channels, [endpoint])
        except ConfigurationError as error:
            raise block.wrong(error.problem) from None
        endpoints[endpoint.name] = endpoint
    return endpoints
