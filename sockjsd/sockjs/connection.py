# -*- test-case-name: tests.sockjs.test_connection -*-
"""The class that an application subclasses: one instance for each client.

The names are those of sockjs-cyclone, so that its users change an import line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sockjsd.sockjs.batch import Batch

if TYPE_CHECKING:
    from sockjsd.sockjs.interfaces import Conversation


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """What is known of the request that opened a connection.

    :param ip: the client's address.
    :param headers: the headers that sockjs-node hands out too (never cookies).
    :param path: the path of the request's URL.
    :param transport: ``websocket``, ``xhr``, …
    """

    ip: str
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    transport: str = ""


class SockJSConnection:
    """One client.  Override the three callbacks; they run in the reactor's thread and must not block.

    A callback is never called from within another one of the same connection: after a
    ``close`` in ``messageReceived``, ``connectionLost`` comes when that has returned.
    """

    #: Set before ``connectionMade``; an application has no reason to touch it.
    session: Conversation

    def connectionMade(self, info: ConnectionInfo) -> None:
        """The client is there."""

    def messageReceived(self, message: str) -> None:
        """The client sent *message*."""

    def connectionLost(self) -> None:
        """The end: called exactly once for each ``connectionMade``."""

    def sendMessage(self, message: str) -> None:
        """Send *message*; after the end it is ignored.

        :raises TypeError: *message* is no string.
        """
        self.session.send(message)

    def broadcast(self, connections: Iterable[SockJSConnection], message: str) -> None:
        """Send *message* to all *connections*; it is encoded once.

        :raises TypeError: *message* is no string.
        """
        batch = Batch([message])
        with self.session.together:
            for connection in list(connections):
                connection.session.deliver(batch)

    def close(self, code: int = 3000, message: str = "Go away!") -> None:
        """End the connection; the client sees what was sent before, then *code* and *message*.

        :raises TypeError: *code* is no number, or *message* no string.
        """
        self.session.close(code, message)

    @property
    def is_closed(self) -> bool:
        """Whether the connection has ended."""
        return self.session.close_code != 0

    @property
    def closeCode(self) -> int:
        """Why the connection ended, for ``connectionLost``; 0 before."""
        return self.session.close_code

    @property
    def closeReason(self) -> str:
        """The words to ``closeCode``."""
        return self.session.close_reason
