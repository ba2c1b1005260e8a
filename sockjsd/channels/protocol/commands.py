# -*- test-case-name: tests.channels.protocol.test_commands -*-
"""What clients send: JSON objects, one a line, several in one message.

``{"id":1,"connect":{"token":"…"}}``; the name of the second member is the method, ``id`` comes
back in the reply.  Only ``send`` may do without an id, because nothing answers it, and ``{}``,
which answers a ping.  ``data`` is cut out as it was written; members that are not known
are left out, because newer SDKs have more of them.  ``definitions/client.proto`` of
centrifugal/protocol has all names and types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sockjsd.channels.jsontext import Part, members
from sockjsd.channels.publications import Position
from sockjsd.errors import MalformedCommand

T = TypeVar("T")

#: Ids and limits of the protocol have 32 bits, offsets 64; JavaScript's numbers hold 53 of them.
_LARGEST = 2**64 - 1

#: A bit of ``flag`` in ``subscribe``: answer with an error when not everything that was missed can be had.
_REJECT_UNRECOVERED = 2


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Listen to a channel.

    :ivar token: for this channel; ``""`` for none.
    :ivar data: JSON text for the server, ``""`` for none.
    :ivar recover: whether what came after *since* is wanted.
    :ivar flag: bits that say what the SDK can do; see *all_or_nothing*.
    :ivar tf: a filter by tags, JSON text; ``""`` for none.
    :ivar type: 0 for a stream of publications; other kinds of channels have other numbers.
    """

    channel: str = ""
    token: str = ""
    data: str = ""
    recover: bool = False
    since: Position = field(default_factory=Position)
    positioned: bool = False
    recoverable: bool = False
    join_leave: bool = False
    flag: int = 0
    tf: str = ""
    type: int = 0

    @property
    def all_or_nothing(self) -> bool:
        """Whether the client would rather not subscribe than miss something: it loads its state first, then."""
        return bool(self.flag & _REJECT_UNRECOVERED)


@dataclass(frozen=True, slots=True)
class Connect:
    """Begin: always the first command.

    :ivar token: who the client is; ``""`` for none.
    :ivar data: JSON text for the server, ``""`` for none.
    :ivar subs: where the client stands in channels that the server subscribed it to.
    :ivar name: of the client's program, for statistics.
    """

    token: str = ""
    data: str = ""
    subs: Mapping[str, Subscribe] = field(default_factory=dict)
    name: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Refresh:
    """A new token for the connection."""

    token: str = ""


@dataclass(frozen=True, slots=True)
class SubRefresh:
    """A new token for one subscription."""

    channel: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Listen no more."""

    channel: str = ""


@dataclass(frozen=True, slots=True)
class Publish:
    """Tell everybody who listens to the channel.

    :ivar data: JSON text.
    """

    channel: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Presence:
    """Who listens?"""

    channel: str = ""


@dataclass(frozen=True, slots=True)
class PresenceStats:
    """How many listen?"""

    channel: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What was published?

    :ivar limit: publications; 0 asks for the position only, less than 0 for as many as one may have.
    :ivar since: only what came after it, or before it if *reverse*; ``None``: from the beginning, or the end.
    """

    channel: str = ""
    limit: int = 0
    since: Position | None = None
    reverse: bool = False


@dataclass(frozen=True, slots=True)
class Rpc:
    """A question to the application."""

    method: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """A message to the application, which nothing answers."""

    data: str = ""


@dataclass(frozen=True, slots=True)
class Ping:
    """Is the server there?"""


@dataclass(frozen=True, slots=True)
class Pong:
    """The answer to a ping of ours: an empty object."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A method that is not known here."""


Request = (
    Connect
    | Refresh
    | Subscribe
    | SubRefresh
    | Unsubscribe
    | Publish
    | Presence
    | PresenceStats
    | History
    | Rpc
    | Send
    | Ping
    | Pong
    | Unknown
)

#: The member's name → what it becomes.
METHODS: Mapping[str, type[Any]] = {
    "connect": Connect,
    "refresh": Refresh,
    "subscribe": Subscribe,
    "sub_refresh": SubRefresh,
    "unsubscribe": Unsubscribe,
    "publish": Publish,
    "presence": Presence,
    "presence_stats": PresenceStats,
    "history": History,
    "rpc": Rpc,
    "send": Send,
    "ping": Ping,
}
_NAMES = {kind: name for name, kind in METHODS.items()}


@dataclass(frozen=True, slots=True)
class Command:
    """One request.

    :ivar id: comes back in the reply; 0 where none is expected.
    """

    id: int
    request: Request

    @property
    def method(self) -> str:
        """The name of the member that held the request."""
        return _NAMES.get(type(self.request), "")


def decode(text: str) -> list[Command]:
    """Return the commands in one message, at least one.

    :raises MalformedCommand: one of them cannot be read; what came before it has not been carried out either.
    """
    commands = [_command(line) for line in text.split("\n") if line and not line.isspace()]
    if not commands:
        raise MalformedCommand("a message without a command")
    return commands


def _command(line: str) -> Command:
    found = _members(line)
    if not found:
        return Command(0, Pong())
    number = _whole("id", found.pop("id")) if "id" in found else 0
    for name, part in found.items():
        kind = METHODS.get(name)
        if kind is not None:
            return Command(_answerable(number, kind), _request(kind, part.text))
    return Command(_answerable(number, Unknown), Unknown())


def _answerable(number: int, kind: type[Any]) -> int:
    if number == 0 and kind is not Send:
        raise MalformedCommand("a command without an id")
    return number


def _request(kind: type[T], text: str) -> T:
    """Return *text* as a request of *kind*."""
    found = _members(text)
    values = {name: _READERS[name](name, part) for name, part in found.items() if name in kind.__dataclass_fields__}  # type: ignore[attr-defined]
    if kind is Subscribe:
        values["since"] = _position(found)
    return kind(**values)


def _members(text: str) -> dict[str, Part]:
    """Return the members of the object *text*; those that are null count as left out."""
    try:
        found = members(text)
    except ValueError as error:
        raise MalformedCommand(f"a command that cannot be read: {error}") from None
    return {name: part for name, part in found.items() if part.value is not None}


# How the value of each member is read; raises MalformedCommand.


def _text(name: str, part: Part) -> str:
    if not isinstance(part.value, str):
        raise MalformedCommand(f"{name} has to be a string")
    return part.value


def _flag(name: str, part: Part) -> bool:
    if not isinstance(part.value, bool):
        raise MalformedCommand(f"{name} has to be true or false")
    return part.value


def _whole(name: str, part: Part) -> int:
    # A bool is an int for Python.
    if type(part.value) is not int or abs(part.value) > _LARGEST:
        raise MalformedCommand(f"{name} has to be a whole number")
    return part.value


def _json(name: str, part: Part) -> str:
    return part.text


def _position(found: Mapping[str, Part]) -> Position:
    offset = _whole("offset", found["offset"]) if "offset" in found else 0
    if offset < 0:
        raise MalformedCommand("offset has to be 0 or more")
    return Position(offset, _text("epoch", found["epoch"]) if "epoch" in found else "")


def _since(name: str, part: Part) -> Position:
    return _position(_members(part.text))


def _subs(name: str, part: Part) -> dict[str, Subscribe]:
    subs = {channel: _request(Subscribe, sub.text) for channel, sub in _members(part.text).items()}
    return {channel: replace(sub, channel=channel) for channel, sub in subs.items()}


_READERS: Mapping[str, Callable[[str, Part], Any]] = {
    "channel": _text,
    "token": _text,
    "name": _text,
    "version": _text,
    "method": _text,
    "data": _json,
    "recover": _flag,
    "positioned": _flag,
    "recoverable": _flag,
    "join_leave": _flag,
    "reverse": _flag,
    "limit": _whole,
    "flag": _whole,
    "tf": _json,
    "type": _whole,
    "since": _since,
    "subs": _subs,
}
