# -*- test-case-name: tests.test_example_chat -*-
"""What a browser may say in the chat, and nothing else: each message is read, bounded and cleaned here.

Messages are JSON objects whose ``type`` is in ``READERS``.  Nothing is escaped: texts stay texts, and the page puts
them into its document as texts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: Characters of a whole message; more than the longest text escaped character by character.
MESSAGE_LIMIT = 8192
#: Characters of a text, a name and a room.
TEXT_LIMIT, NAME_LIMIT, ROOM_LIMIT = 500, 24, 24

#: What a window gives to prove, when it comes back, that a name was its own: 128 random bits.
_KEY = re.compile(r"[0-9a-f]{32}")
#: Unicode's categories of what no text needs: controls, halves of surrogate pairs.
_UNWANTED = ("Cc", "Cs")


class Refused(Exception):
    """The browser said what it may not; the text is for the visitor."""


@dataclass(frozen=True, slots=True)
class Join:
    """To enter a room.

    :param room: in lower case.
    :param key: the window's own, of ``_KEY``.
    """

    room: str
    name: str
    key: str

    @property
    def who(self) -> str:
        """The name as it is compared: two that look alike are one."""
        return unicodedata.normalize("NFKC", self.name).casefold()


@dataclass(frozen=True, slots=True)
class Say:
    """To tell everybody in the room."""

    text: str


def read(message: str) -> Join | Say:
    """Return what *message* means.

    :raises Refused: nothing that may be said.
    """
    try:
        # Nesting ends json.loads with RecursionError, a number of 5000 digits with ValueError.
        found = json.loads(message) if len(message) <= MESSAGE_LIMIT else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or found.get("type") not in list(READERS):
        raise Refused("That was not understood.")
    return READERS[found["type"]](found)


def _text(found: dict[str, Any], field: str, limit: int) -> str:
    """Return a field's text without white space around it."""
    text = found.get(field)
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"Fill in the {field}.")
    if len(text.strip()) > limit:
        raise Refused(f"The {field} is longer than {limit} characters.")
    return text.strip()


def _join(found: dict[str, Any]) -> Join:
    name = " ".join(_text(found, "name", NAME_LIMIT).split())
    if not name.isprintable():
        raise Refused("The name has characters that cannot be seen.")
    room = unicodedata.normalize("NFKC", _text(found, "room", ROOM_LIMIT)).lower()
    if not re.fullmatch(r"[\w-]+", room):
        raise Refused("A room's name has only letters, digits, - and _.")
    key = found.get("key")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Refused("That was not understood.")
    return Join(room, name, key)


def _say(found: dict[str, Any]) -> Say:
    text = _text(found, "text", TEXT_LIMIT)
    text = "".join(" " if unicodedata.category(character) in _UNWANTED else character for character in text)
    if not text.strip():
        raise Refused("Fill in the text.")
    return Say(text)


READERS: dict[str, Callable[[dict[str, Any]], Join | Say]] = {"join": _join, "say": _say}
