"""Nodes in memory: what carries their messages, and what they have."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, fail, succeed

from sockjsd.clients.cluster import Counts
from sockjsd.clients.orders import Order
from sockjsd.errors import BrokerUnavailable


class Cable:
    """Joins nodes: what one sends, each gets at once, the sender too; unless it is cut.

    :ivar sent: every message, with the node that it was for.
    """

    def __init__(self) -> None:
        self.listeners: dict[str, Callable[[bytes], None]] = {}
        self.sent: list[tuple[str, bytes]] = []
        self.is_cut = False

    def plug(self, node: str) -> Plug:
        """Return a node's end."""
        return Plug(self, node)

    def send(self, payload: bytes, node: str) -> Deferred[int]:
        """Carry one message."""
        if self.is_cut:
            return fail(BrokerUnavailable("the cable is cut"))
        self.sent.append((node, payload))
        hearing = [listener for name, listener in list(self.listeners.items()) if node in ("", name)]
        for listener in hearing:
            listener(payload)
        return succeed(len(hearing))


class Plug:
    """The end of a cable at one node."""

    def __init__(self, cable: Cable, node: str) -> None:
        self._cable = cable
        self.node = node

    def send(self, payload: bytes, node: str = "") -> Deferred[int]:
        """Send *payload* to one node or to all."""
        return self._cable.send(payload, node)


class Household:
    """What a node has, in lists.

    :ivar obeyed: the orders that were carried out.
    :ivar emulated: what came for sessions.
    """

    def __init__(self, counts: Counts | None = None, listeners: Mapping[str, int] | None = None) -> None:
        self._counts = counts or Counts()
        self._listeners = listeners or {}
        self.sessions: set[str] = set()
        self.obeyed: list[Order] = []
        self.emulated: list[tuple[str, str]] = []

    def obey(self, order: Order) -> None:
        """Take note."""
        self.obeyed.append(order)

    def emulate(self, session: str, data: str) -> bool:
        """Take note, where the session is here."""
        if session in self.sessions:
            self.emulated.append((session, data))
        return session in self.sessions

    def counts(self) -> Counts:
        """As it was told."""
        return self._counts

    def listeners(self) -> Mapping[str, int]:
        """As it was told."""
        return self._listeners
