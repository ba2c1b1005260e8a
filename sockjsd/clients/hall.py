# -*- test-case-name: tests.clients.test_hall -*-
"""The clients of this node, by id and by user, and what all of them share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.protocol.replies import Lifetime
from sockjsd.clients.interfaces import Procedure, Receiver, Relay
from sockjsd.clients.presence import Presence
from sockjsd.clients.tokens import Tokens
from sockjsd.config import Channels, Namespace
from sockjsd.wheel import Wheel

if TYPE_CHECKING:
    from sockjsd.clients.client import Client


def random_id() -> str:
    """Return what nobody can guess: 122 random bits."""
    return str(uuid4())


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What clients need of the node.

    :ivar options: the section ``[channels]``.
    :ivar node: the id of this node.
    :ivar now: seconds since the epoch, for tokens.
    :ivar make_id: makes ids of connections and sessions.
    """

    options: Channels
    namespaces: Namespaces[Namespace]
    hub: Hub
    relay: Relay
    presence: Presence
    tokens: Tokens
    clock: IReactorTime
    wheel: Wheel
    node: str
    now: Callable[[], float]
    make_id: Callable[[], str] = random_id


class Hall:
    """Where clients come in: knows who is here.

    :param around: what clients need.
    :ivar procedures: by the rpc's method; ``""`` answers those that nobody else does.
    :ivar on_message: takes what clients ``send``; ``None``: nobody does.
    :ivar refused: commands that were not carried out, by the code of the error, since the start.
    :ivar disconnected: connections that the server ended, by the code that they were told, since the start.
    """

    def __init__(self, around: Surroundings) -> None:
        self.options = around.options
        self.namespaces = around.namespaces
        self.hub = around.hub
        self.relay = around.relay
        self.presence = around.presence
        self.tokens = around.tokens
        self.clock = around.clock
        self.wheel = around.wheel
        self.node = around.node
        self.now = around.now
        self.make_id = around.make_id
        self.procedures: dict[str, Procedure] = {}
        self.on_message: Receiver | None = None
        self.refused: Counter[int] = Counter()
        self.disconnected: Counter[int] = Counter()
        self._by_id: dict[str, Client] = {}
        self._by_session: dict[str, Client] = {}
        self._by_user: dict[str, dict[str, Client]] = {}

    def __len__(self) -> int:
        """How many clients are connected."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[Client]:
        """All clients that are connected."""
        return iter(list(self._by_id.values()))

    @property
    def users(self) -> int:
        """How many different users are connected; all anonymous ones count as one."""
        return len(self._by_user)

    @property
    def counts(self) -> dict[str, object]:
        """The numbers for the status page."""
        return {
            "clients": len(self),
            "users": self.users,
            "present": len(self.presence),
            "presence_failures": self.presence.failures,
            "refused": dict(self.refused),
            "disconnected": dict(self.disconnected),
        }

    def enter(self, client: Client) -> None:
        """Take note that *client* has said who it is."""
        self._by_id[client.id] = client
        self._by_session[client.session] = client
        self._by_user.setdefault(client.user, {})[client.id] = client

    def leave(self, client: Client) -> None:
        """Take note that *client* is gone; harmless when it never entered."""
        if self._by_id.pop(client.id, None) is None:
            return
        del self._by_session[client.session]
        of_user = self._by_user[client.user]
        del of_user[client.id]
        if not of_user:
            del self._by_user[client.user]

    def find(self, client_id: str) -> Client | None:
        """Return the client with this id."""
        return self._by_id.get(client_id)

    def find_session(self, session: str) -> Client | None:
        """Return the client with this session, which only that client knows."""
        return self._by_session.get(session)

    def of_user(self, user: str) -> list[Client]:
        """Return the connections of *user*."""
        return list(self._by_user.get(user, {}).values())

    def lifetime(self, expire_at: int) -> Lifetime:
        """Return how long it is until *expire_at*, at least a second; 0 is never."""
        return Lifetime(max(1, ceil(expire_at - self.now())) if expire_at else 0)
