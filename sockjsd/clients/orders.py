# -*- test-case-name: tests.clients.test_orders -*-
"""What the site may order about its users' connections, on whichever node they are.

An order is a value.  Each node carries it out for the connections that it has, so it says whom it is about
and not where they are.  ``encode`` and ``decode`` are its form between nodes::

    {"order": "subscribe", "whom": {"user": "42", "client": "", "session": ""}, "channel": "news", …}

Nodes of two versions may talk to each other during a deploy: a member that a node does not know is left out,
one that it misses has its default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sockjsd.channels.publications import Position
from sockjsd.errors import StateError

#: What an order to go says unless it says something else: do not come back (client protocol, disconnect codes).
FORCED = (3503, "force disconnect")
#: What a connection is told whose time was declared over.
EXPIRED = (3005, "connection expired")
#: What a client is told that was unsubscribed by the server (client protocol, unsubscribe codes).
UNSUBSCRIBED = (2000, "server unsubscribe")


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom an order is about: the connections of one user, all of them or one.

    :ivar user: ``""`` for those who did not say who they are.
    :ivar client: only the connection with this id; ``""`` for any.
    :ivar session: only the connection with this session id; ``""`` for any.
    """

    user: str
    client: str = ""
    session: str = ""

    def includes(self, user: str, client: str, session: str) -> bool:
        """Whether a connection with these three is meant."""
        return (user, self.client or client, self.session or session) == (self.user, client, session)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe them to *channel* from the server's side; harmless where they are.

    :ivar info: JSON text for presence, ``""`` for none.
    :ivar data: JSON text that the client gets with it, ``""`` for none.
    :ivar since: send what was published after this place too.
    :ivar override: options of the channel that are different for this subscription: ``presence``, ``join_leave``,
        ``force_push_join_leave``, ``force_positioning``, ``force_recovery``.
    """

    whom: Whom
    channel: str
    info: str = ""
    data: str = ""
    since: Position | None = None
    override: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Take them off *channel*; ``""`` is all channels."""

    whom: Whom
    channel: str = ""
    code: int = UNSUBSCRIBED[0]
    reason: str = UNSUBSCRIBED[1]


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close their connections.

    :ivar spared: ids of connections that stay.
    """

    whom: Whom
    code: int = FORCED[0]
    reason: str = FORCED[1]
    spared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refresh:
    """Change when their connections expire.

    :ivar expired: they are expired now.
    :ivar expire_at: the new time, in seconds since the epoch; 0 means never.
    """

    whom: Whom
    expired: bool = False
    expire_at: int = 0


Order = Subscribe | Unsubscribe | Disconnect | Refresh

_KINDS: dict[str, type[Order]] = {
    "subscribe": Subscribe,
    "unsubscribe": Unsubscribe,
    "disconnect": Disconnect,
    "refresh": Refresh,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(order: Order) -> dict[str, Any]:
    """Return *order* as members of a JSON object."""
    return {"order": _NAMES[type(order)], **asdict(order)}


def decode(members: Mapping[str, Any]) -> Order:
    """Return the order that *members* say.

    :raises StateError: they say none: another node is broken, or of a version that knows more.
    """
    name = members.get("order")
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise StateError(f"{name!r:.60} is no order; known: {', '.join(_KINDS)}")
    known = {each.name for each in fields(kind)}
    try:
        return kind(**{name: _value(name, value) for name, value in members.items() if name in known})
    except TypeError as error:  # something is missing, or of another type
        raise StateError(f"an order to {name} that cannot be read: {error}") from None


def _value(name: str, value: Any) -> Any:
    """Return what JSON could not say as it is."""
    if name == "whom":
        return Whom(**_known(Whom, value))
    if name == "since" and value is not None:
        return Position(**_known(Position, value))
    return tuple(value) if name == "spared" else value


def _known(kind: type, members: Any) -> dict[str, Any]:
    if not isinstance(members, dict):
        raise StateError(f"a {kind.__name__.lower()} is an object")
    return {each.name: members[each.name] for each in fields(kind) if each.name in members}
