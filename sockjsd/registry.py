# -*- test-case-name: tests.test_registry -*-
"""The live sessions of one endpoint: their ids, their number, their timers, their end.

Ring 1: between the pure sessions of ``sockjs`` and whatever carries them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from twisted.logger import Logger

from sockjsd.errors import HTTPError
from sockjsd.losses import Losses
from sockjsd.sockjs.batch import Message
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.interfaces import Conversation
from sockjsd.sockjs.session import Session, SessionOptions
from sockjsd.wheel import Wheel

#: Told to each client when the daemon stops (RFC 6455 section 7.4.1: "going away").
GOING_AWAY = (1001, "Server is going away")
#: Told to a client whose connection class raised (RFC 6455 section 7.4.1).
APPLICATION_FAILED = (1011, "Internal error")


class Guard:
    """Stands between a session and user code: what user code raises is logged, and ends the session.

    :param connection: an instance of the endpoint's connection class.
    :param info: what ``connectionMade`` gets.
    """

    __slots__ = ("_connection", "_info")

    _log = Logger()

    def __init__(self, connection: SockJSConnection, info: ConnectionInfo) -> None:
        self._connection = connection
        self._info: ConnectionInfo | None = info

    def opened(self, session: Conversation) -> None:
        """Call ``connectionMade``."""
        info, self._info = self._info, None
        assert info is not None, "a session is opened once"
        try:
            self._connection.session = session
            self._connection.connectionMade(info)
        except Exception:
            self._failed(session, "connectionMade")

    def received(self, session: Conversation, text: Message) -> None:
        """Call ``messageReceived``."""
        try:
            self._connection.messageReceived(text)
        except Exception:
            self._failed(session, "messageReceived")

    def closed(self, session: Conversation) -> None:
        """Call ``connectionLost``."""
        try:
            self._connection.connectionLost()
        except Exception:
            self._failed(session, "connectionLost")

    def _failed(self, session: Conversation, callback: str) -> None:
        self._log.failure("{callback} of {connection} failed", callback=callback, connection=type(self._connection))
        session.close(*APPLICATION_FAILED)


class Registry:
    """Creates, finds, counts and forgets the sessions of one endpoint; their keeper.

    :param make_connection: the endpoint's application, one call for each client.
    :param wheel: keeps the time.
    :param options: the endpoint's numbers for its sessions.
    :param limit: how many sessions may live at once.
    :param name: of the endpoint, for the log.
    :param together: what the sessions' receivers send inside it may leave at its end.
    :ivar losses: what was not delivered.
    """

    def __init__(
        self,
        make_connection: Callable[[], SockJSConnection],
        wheel: Wheel,
        options: SessionOptions,
        limit: int,
        name: str = "",
        together: AbstractContextManager[object] | None = None,
    ) -> None:
        #: Calls ``timed_out()`` of a session after a number of seconds.
        self.wake: Callable[[Session, float], None] = wheel.set
        self.together = together if together is not None else nullcontext()
        self.losses = Losses(name, wheel)
        self._make_connection = make_connection
        self._wheel = wheel
        self._options = options
        self._limit = limit
        # Sessions that other requests may find, by their ids, which are their keys.
        self._by_id: dict[str, Session] = {}
        # WebSockets' sessions: several may share an id (section "Websocket", test_reuseSessionId).
        self._anonymous: set[Session] = set()
        # Set by close_all, until open.
        self._closed = False

    def __len__(self) -> int:
        """How many sessions live."""
        return len(self._by_id) + len(self._anonymous)

    def find(self, session_id: str, address: str | None = None) -> Session | None:
        """Return the session called *session_id*, or ``None``.

        :param address: when given, only its opener's address may use a session.
        :raises HTTPError: 404, the session belongs to another address: to others it does not exist.
        """
        session = self._by_id.get(session_id)
        if session is not None and address is not None and session.opener != address:
            raise HTTPError(404, "Not found", close=False)
        return session

    def create(
        self,
        info: ConnectionInfo,
        session_id: str | None,
        *,
        binary: bool = False,
        connection: SockJSConnection | None = None,
        waits: bool = True,
    ) -> Session:
        """Return a new session, with an id when other requests shall find it.

        The caller's duty is to attach a receiver within ``disconnect_delay``; a session
        that gets none by then is forgotten.

        :param session_id: one that ``find`` does not know, or ``None``.
        :param binary: whether its receivers carry bytes too.
        :param connection: its application, where the request says more about it than its class does.
        :param waits: whether it waits for a receiver; else the caller attaches one at once, or closes it.
        :raises HTTPError: 503, the endpoint has as many sessions as it may, or the daemon is stopping.
        """
        if self._closed:
            raise HTTPError(503, GOING_AWAY[1])
        if len(self._by_id) + len(self._anonymous) >= self._limit:
            raise HTTPError(503, "Too many sessions", close=False)
        guard = Guard(connection if connection is not None else self._make_connection(), info)
        # No names: a class that is called with some takes twice as long.
        session = Session(guard, self, self._options, session_id is not None, binary)
        if session_id is None:
            self._anonymous.add(session)
        else:
            self._by_id[session_id] = session
            session.key = session_id
            session.opener = info.ip
        if waits:
            self.wake(session, self._options.disconnect_delay)
        return session

    @property
    def closed(self) -> bool:
        """Whether no session may begin, because the daemon stops."""
        return self._closed

    def open(self) -> None:
        """Let sessions begin again, after ``close_all``."""
        self._closed = False

    def close_all(self) -> int:
        """End every session as the daemon stops, and let none begin; return how many there were."""
        self._closed = True
        sessions = [*self._by_id.values(), *self._anonymous]
        for session in sessions:
            session.close(*GOING_AWAY)
        return len(sessions)

    # For the sessions.

    def skipped(self, messages: int) -> None:
        """Count what was dropped for a slow client, who stays."""
        self.losses.skip(messages)

    def forget(self, session: Session) -> None:
        """Release the id and the timer of *session*, and count what it did not deliver."""
        if session.dropped:
            self.losses.add(session.dropped, session.close_code, session.close_reason)
        if session.due >= 0:
            self._wheel.cancel(session)
        key = session.key
        if key is None:
            self._anonymous.discard(session)
        elif self._by_id.get(key) is session:
            del self._by_id[key]
