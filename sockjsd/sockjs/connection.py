# -*- test-case-name: tests.sockjs.test_connection -*-
"""The class that an application subclasses: one instance for each client.

The names are those of sockjs-cyclone, so that its users change an import line.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http.cookies import CookieError, Morsel, SimpleCookie
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import parse_qs

from sockjsd.sockjs.batch import Batch, Message
from sockjsd.sockjs.lanes import LineUp

if TYPE_CHECKING:
    from sockjsd.sockjs.interfaces import Conversation


class ConnectionInfo(NamedTuple):
    """What is known of the request that opened a connection.

    :param ip: the client's address.
    :param headers: the headers that sockjs-node hands out too (never cookies).
    :param path: the path of the request's URL.
    :param transport: ``websocket``, ``xhr``, …
    :param query: what stands behind ``?`` in the URL.
    :param cookie: the ``Cookie`` header; empty at an endpoint that is open to the pages of all origins, because
        there it would be any page that speaks with the user's cookies.
    """

    ip: str
    headers: Mapping[str, str] = MappingProxyType({})
    path: str = ""
    transport: str = ""
    query: str = ""
    cookie: str = ""

    def __repr__(self) -> str:
        """Return what may be seen in a log: tokens come in queries, and cookies are secrets."""
        return f"ConnectionInfo(ip={self.ip!r}, path={self.path!r}, transport={self.transport!r})"

    @property
    def arguments(self) -> dict[str, list[str]]:
        """The query's arguments: names to lists of values."""
        return parse_qs(self.query, keep_blank_values=True)

    def get_header(self, name: str) -> str | None:
        """Return the header called *name*, in whatever case; ``None`` where it is missing, or not handed out."""
        return next((value for key, value in self.headers.items() if key.lower() == name.lower()), None)

    def get_argument(self, name: str) -> str | None:
        """Return the first value of the argument called *name*."""
        return next(iter(self.arguments.get(name, ())), None)

    def get_cookie(self, name: str) -> Morsel[str] | None:
        """Return the cookie called *name*; its text is the ``value`` of what comes back."""
        try:
            return SimpleCookie(self.cookie).get(name)
        except CookieError:  # the peer's fault; a header that is none has no cookies
            return None


def _raise(error: Exception) -> NoReturn:
    raise error


class SockJSConnection:
    """One client.  Override the three callbacks; they run in the reactor's thread and must not block.

    A callback is never called from within another one of the same connection: after a
    ``close`` in ``messageReceived``, ``connectionLost`` comes when that has returned.
    """

    #: Set before ``connectionMade``; an application has no reason to touch it.
    session: Conversation

    def connectionMade(self, info: ConnectionInfo) -> None:
        """The client is there."""

    # Any, because most applications have only endpoints where nothing but strings can come, and say so.
    def messageReceived(self, message: Any) -> None:
        """The client sent *message*: a ``str``, or ``bytes`` where it sent binary over the raw WebSocket."""

    def connectionLost(self) -> None:
        """The end: called exactly once for each ``connectionMade``."""

    def sendMessage(self, message: Message) -> None:
        """Send *message*; after the end it is ignored.

        :raises TypeError: *message* is no string, nor ``bytes`` for a client of the raw WebSocket.
        """
        self.session.send(message)

    def broadcast(self, connections: Iterable[SockJSConnection], message: Message) -> None:
        """Send *message* to all *connections*, as often as each is among them; it is encoded once.

        :raises TypeError: *message* is no string, nor ``bytes`` where all of them use the raw WebSocket.
        """
        batch = Batch([message])
        sessions = [connection.session for connection in connections]
        with self.session.together:
            # Who is there twice gets it twice: not in one call, as the socket has to take all of the first one before.
            if len(set(sessions)) == len(sessions):
                line_up = LineUp(sessions)
                line_up.hand_out(batch, _raise)
                sessions = line_up.others
            for session in sessions:
                session.deliver(batch)

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
