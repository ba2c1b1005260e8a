# -*- test-case-name: tests.endpoints.api.test_fields -*-
"""The fields of one command, each asked for by the type that it has to have.

A field that is ``null`` counts as one that is not there; one that nobody asks for is left out of account, because a
newer client library may send more than this server knows.  What is to be passed on as JSON keeps its text.
"""

from __future__ import annotations

from collections.abc import Mapping

from sockjsd.channels.jsontext import Part, items, members
from sockjsd.channels.names import check_channel
from sockjsd.channels.publications import Position
from sockjsd.clients.orders import Whom
from sockjsd.errors import APIError, ChannelNameError

#: Characters in a user's or client's id, in a key or in an epoch: more than any that is made by a program.
LONGEST_WORD = 1024
#: Words in a list, and members of ``tags``.
MOST_WORDS = 10_000
#: The largest offset and number: what JavaScript and Lua count exactly.
LARGEST = 2**53 - 1

_MISSING = Part(None, "null")


def bad_request(problem: str) -> APIError:
    """Return the error that says what is wrong with a command."""
    return APIError(107, f"bad request: {problem}")


class Fields:
    """The fields of one command.

    :param text: the command, a JSON object.
    :raises APIError: it is none.
    """

    def __init__(self, text: str) -> None:
        try:
            self._parts = members(text)
        except ValueError as error:
            raise bad_request(str(error)) from None

    def names(self) -> list[str]:
        """Return the names of all fields that are there."""
        return [name for name, part in self._parts.items() if part.value is not None]

    def json(self, name: str) -> str:
        """Return the JSON text of *name*; ``""`` when it is not there."""
        part = self._parts.get(name, _MISSING)
        return "" if part.value is None else part.text

    def data(self, name: str) -> str:
        """Return the JSON text of *name*, which may be ``null``.

        :raises APIError: it is not there.
        """
        if name not in self._parts:
            raise bad_request(f"{name} is missing")
        return self._parts[name].text

    def refuse_binary(self, *names: str) -> None:
        """Refuse the fields for binary data: what is published here is JSON.

        :raises APIError: one of them is there.
        """
        for name in names:
            if self.text(name):
                raise bad_request(f"{name} is not supported: send JSON in {name.removeprefix('b64')}")

    def text(self, name: str, default: str = "", limit: int = LONGEST_WORD) -> str:
        """Return the string *name*."""
        value = self._value(name)
        return default if value is None else _word(value, name, limit)

    def required(self, name: str) -> str:
        """Return the string *name*, which has to be there, but may be empty."""
        if self._value(name) is None:
            raise bad_request(f"{name} is missing")
        return self.text(name)

    def whole(self, name: str, default: int = 0, least: int = 0) -> int:
        """Return the whole number *name*."""
        value = self._value(name)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
            raise bad_request(f"{name} has to be a whole number from {least} to {LARGEST}")
        return value

    def flag(self, name: str) -> bool:
        """Return whether *name* is true."""
        value = self._value(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise bad_request(f"{name} has to be true or false")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """Return the strings in the array *name*."""
        value = self._value(name)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > MOST_WORDS:
            raise bad_request(f"{name} has to be an array of at most {MOST_WORDS} strings")
        return tuple(_word(each, name, LONGEST_WORD) for each in value)

    def mapping(self, name: str) -> Mapping[str, str] | None:
        """Return the object *name* of strings; ``None`` when it is not there, or empty."""
        fields = self.inner(name)
        return {key: fields.text(key) for key in fields.names()} if fields is not None and fields.names() else None

    def inner(self, name: str) -> Fields | None:
        """Return the fields of the object *name*; ``None`` when it is not there."""
        text = self.json(name)
        if not text:
            return None
        if not text.startswith("{"):
            raise bad_request(f"{name} has to be an object")
        return Fields(text)

    def list(self, name: str, limit: int) -> list[str]:
        """Return the JSON texts of the objects in the array *name*."""
        if not isinstance(self._value(name), list):
            raise bad_request(f"{name} has to be an array")
        parts = items(self.json(name))
        if len(parts) > limit:
            raise APIError(106, f"limit exceeded: {name} has {len(parts)} items; allowed: at most {limit}")
        return [part.text for part in parts]

    def _value(self, name: str) -> object:
        return self._parts.get(name, _MISSING).value

    # What several commands have.

    def channel(self) -> str:
        """Return the field ``channel``: a name that a channel can have."""
        return channel_name(self.required("channel"))

    def whom(self) -> Whom:
        """Return whom ``user``, ``client`` and ``session`` mean."""
        return Whom(self.required("user"), self.text("client"), self.text("session"))

    def position(self, name: str) -> Position | None:
        """Return the place in a history that *name* is; ``None`` when it is not there."""
        fields = self.inner(name)
        return None if fields is None else Position(fields.whole("offset"), fields.text("epoch"))


def channel_name(name: str) -> str:
    """Return *name*.

    :raises APIError: no channel can be called that.
    """
    try:
        return check_channel(name)
    except ChannelNameError as error:
        raise bad_request(str(error)) from None


def _word(value: object, name: str, limit: int) -> str:
    if not isinstance(value, str):
        raise bad_request(f"{name} has to be text")
    if len(value) > limit:
        raise bad_request(f"{name} has {len(value)} characters; allowed: at most {limit}")
    return value
