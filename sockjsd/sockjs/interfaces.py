# -*- test-case-name: tests.sockjs.test_session -*-
"""What a session knows of its three neighbours, and what they owe it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from sockjsd.sockjs.batch import Batch, Message

if TYPE_CHECKING:
    from sockjsd.sockjs.lanes import Line
    from sockjsd.sockjs.session import Session


class Receiver(Protocol):
    """What a session knows of the request or socket that can carry frames now.

    Each method may make the receiver call ``Session.release`` before it returns; none may raise.
    """

    @property
    def writable(self) -> bool:
        """Whether a batch can be taken now; when it turns true again, call ``Session.drained``."""

    @property
    def line(self) -> Line | None:
        """The way straight to its socket, where the bytes of a batch are those of other receivers too."""

    def open(self) -> None:
        """Carry the open frame."""

    def heartbeat(self) -> None:
        """Carry a heartbeat, in whatever form the transport has one."""

    def deliver(self, batch: Batch) -> None:
        """Carry *batch*."""

    def close(self, code: int, reason: str) -> None:
        """Carry the close frame and end; the session has let go already."""


class Handler(Protocol):
    """What a session knows of the application; none of these may raise."""

    def opened(self, session: Session) -> None:
        """The client is there: called once, first."""

    def received(self, session: Session, text: Message) -> None:
        """A message came; bytes come over the raw WebSocket only."""

    def closed(self, session: Session) -> None:
        """The end, called once, last; ``session.close_code`` and ``close_reason`` say why."""


class Conversation(Protocol):
    """What a connection class, the application's side, knows of its session."""

    #: Why it ended; 0 while it has not.
    close_code: int
    #: The words to it.
    close_reason: str

    @property
    def together(self) -> AbstractContextManager[object]:
        """What is sent to several clients inside it leaves at its end."""

    def send(self, text: Message) -> None:
        """Send one message; after the end it is ignored."""

    def deliver(self, batch: Batch) -> None:
        """Send *batch*, which many may share; after the end it is ignored."""

    def close(self, code: int, reason: str) -> None:
        """End it; a second call changes nothing."""


class Keeper(Protocol):
    """Keeps sessions: wakes them up, and forgets them in the end."""

    @property
    def together(self) -> AbstractContextManager[object]:
        """What sessions send inside it may leave at its end; it can be entered again, also inside itself."""

    def wake(self, session: Session, seconds: float) -> None:
        """Call ``session.timed_out()`` after *seconds*, instead of when it was asked for before."""

    def skipped(self, messages: int) -> None:
        """Take note that so many messages were dropped for a slow client, who stays."""

    def forget(self, session: Session) -> None:
        """Drop the session's timer and its id: it will never do anything again."""
