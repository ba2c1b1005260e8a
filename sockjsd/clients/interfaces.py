# -*- test-case-name: tests.clients.test_client -*-
"""What clients know of their neighbours: the transport that carries them, the relay, the application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred

from sockjsd.brokers.values import History, Once, Published
from sockjsd.channels.publications import Joined, Left, Position, Publication
from sockjsd.sockjs.batch import Batch


class Transport(Protocol):
    """What carries one client: a SockJS session, a WebSocket, a stream.  Hashed by identity."""

    def deliver(self, batch: Batch) -> None:
        """Send *batch*, now or as soon as there is room; after the end it is ignored."""

    def close(self, code: int, reason: str) -> None:
        """End it, and tell the client why; a second call changes nothing."""


class Relay(Protocol):
    """What stands between the broker and the hub; all of it fails with ``BrokerUnavailable``."""

    def ready(self, channel: str) -> Deferred[Position | None]:
        """Fires when what is published on *channel* from now on arrives at the hub.

        The channel has to be subscribed at the hub.  Fires with the place up to which everything has been
        delivered to the hub's subscribers; with ``None`` in a channel without history.
        """

    def position(self, channel: str) -> Position | None:
        """Return the place up to which everything has been delivered, now; ``None`` where that is not known."""

    def history(
        self, channel: str, since: Position | None = None, limit: int = -1, *, reverse: bool = False
    ) -> Deferred[History]:
        """Read the history; reads at the same time of the same part are shared."""

    def publish(self, channel: str, publication: Publication, once: Once | None = None) -> Deferred[Published]:
        """Publish, and keep it if the channel has a history."""

    def announce(self, channel: str, change: Joined | Left) -> Deferred[None]:
        """Tell all who listen that somebody came or went."""


#: Answers an rpc: the user's id, the connection's id, the data (JSON text, "" for none) → JSON text.
#: May raise or fail with ``CommandRefused`` or ``ClientDismissed``.
Procedure = Callable[[str, str, str], "str | Deferred[str]"]
#: Takes a message that nothing answers, with the same arguments.
Receiver = Callable[[str, str, str], object]
