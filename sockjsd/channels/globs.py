# -*- test-case-name: tests.channels.test_globs -*-
"""Patterns of channel names, as Centrifugo's ``channels`` takes them.

``*`` and ``**`` stand for anything, ``?`` for one character, ``[ab]``, ``[a-z]`` and ``[!a-z]`` for one of some,
``{news,sport}`` for one of several patterns, and ``\\`` takes the meaning from what follows it.

Whatever a pattern says, matching a name takes time in proportion to both: what stands between two stars is
looked for from left to right and never again.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sockjsd.channels.names import LONGEST
from sockjsd.errors import ChannelNameError

#: Patterns that one with braces may stand for.
ALTERNATIVES = 100

#: A group of a character class, an escaped character, a run of stars, or any other character.
_TOKEN = re.compile(r"\[(!?)([^\]\\]+)\]|\\(.)|(\*+)|(.)", re.DOTALL)
_RANGE = re.compile(r"(.)-(.)|(.)", re.DOTALL)


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """Return what says of a name whether *pattern* matches all of it.

    :raises ChannelNameError: *pattern* is too long, stands for too much, or has a bracket without its partner.
    """
    if len(pattern) > LONGEST:
        raise ChannelNameError(f"the pattern has {len(pattern)} characters; allowed: at most {LONGEST}")
    matchers = [re.compile(_expression(each), re.DOTALL).fullmatch for each in _alternatives(pattern)]
    return lambda name: any(matcher(name) for matcher in matchers)


def _alternatives(pattern: str) -> list[str]:
    """Return the patterns without braces that *pattern* stands for."""
    done: list[str] = []
    waiting = [pattern]
    while waiting:
        if len(done) + len(waiting) > ALTERNATIVES:
            raise ChannelNameError(f"the pattern stands for too many; allowed: at most {ALTERNATIVES}")
        each = waiting.pop()
        braces = _outer_braces(each)
        if braces is None:
            done.append(each)
        else:
            begin, commas, end = braces
            choices = [each[a + 1 : b] for a, b in zip([begin, *commas], [*commas, end], strict=True)]
            waiting += [each[:begin] + choice + each[end + 1 :] for choice in choices]
    return done


def _outer_braces(pattern: str) -> tuple[int, list[int], int] | None:
    """Return where the first pair of braces begins, its own commas are, and it ends."""
    begin, depth, at = -1, 0, 0
    commas: list[int] = []
    while at < len(pattern):
        mark = pattern[at]
        if mark == "{":
            depth += 1
            begin = at if depth == 1 else begin
        elif mark == "}" and depth:
            depth -= 1
            if not depth:
                return begin, commas, at
        elif mark == "," and depth == 1:
            commas.append(at)
        at += 2 if mark == "\\" else 1
    if depth:
        raise ChannelNameError("the pattern has a { without its }")
    return None


def _expression(pattern: str) -> str:
    """Return the regular expression of a pattern without braces; each star takes the shortest way, and keeps to it."""
    pieces, open_group = [], False
    for token in _TOKEN.finditer(pattern):
        negated, members, escaped, stars, other = token.groups()
        if stars:
            pieces.append(")(?>.*?" if open_group else "(?>.*?")
            open_group = True
        elif members:
            pieces.append(_one_of(bool(negated), members))
        elif other == "[" or (other == "\\" and not escaped):
            raise ChannelNameError("the pattern has a [ without its ], or ends with a backslash")
        else:
            pieces.append("." if other == "?" else re.escape(escaped or other))
    text = "".join(pieces)
    return _with_free_end(text) if open_group else text


def _with_free_end(text: str) -> str:
    """Let the last star take whatever it must: what follows it has to stand at the end."""
    begin, _, last = text.rpartition("(?>.*?")
    return f"{begin}(?:.*{last})"


def _one_of(negated: bool, members: str) -> str:
    pieces = []
    for match in _RANGE.finditer(members):
        first, last, single = match.groups()
        if single:
            pieces.append(re.escape(single))
        elif first > last:
            raise ChannelNameError("the pattern has a range that runs backwards")
        else:
            pieces.append(f"{re.escape(first)}-{re.escape(last)}")
    return f"[{'^' if negated else ''}{''.join(pieces)}]"
