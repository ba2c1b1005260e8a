# -*- test-case-name: tests.sockjs.test_session -*-
"""One SockJS client's life, from its first request until it is forgotten.

A session knows no socket and no clock.  It talks to three neighbours through narrow
interfaces: a *receiver* carries frames to the client, a *handler* is the application, a
*keeper* wakes it up and forgets it.  Its states and every allowed change between them stand in
``TRANSITIONS``; an unlisted pair raises and changes nothing.

Receivers come and go.  A receiver that is *done* (a poll was answered, a stream reached
its limit) leaves the session as it is; one that was *interrupted* (the socket was lost)
ends it, because nobody can say what arrived (section "Handling close").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from sockjsd.errors import StateError
from sockjsd.sockjs.batch import Batch

#: Close codes of SockJS, by section "Handling close" and by what sockjs-node sends.
STILL_OPEN = (2010, "Another connection still open")
INTERRUPTED = (1002, "Connection interrupted")
#: The application never sees these two on the wire: the client is gone.
TIMED_OUT = (1006, "No receiver came back in time")
#: More bytes waited for a receiver than ``output_limit`` allows; the code is Centrifugo's.
TOO_SLOW = (3008, "Connection too slow")


class State(Enum):
    """Where a session stands."""

    #: Created by a first request; the client has seen nothing, the application knows nothing.
    NEW = "new"
    #: The open frame is out, messages flow both ways.
    OPEN = "open"
    #: The application was told the end; whoever asks gets the close frame until the delay is over.
    CLOSING = "closing"
    #: Forgotten; the id is free again.
    CLOSED = "closed"


class Event(Enum):
    """What changes a session's state."""

    #: A first receiver came.
    ATTACHED = "attached"
    #: The application closed, a receiver was interrupted, or nobody came back in time.
    ENDED = "ended"
    #: The close frame was on offer for long enough, or there is nobody left to offer it to.
    FORGOTTEN = "forgotten"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NEW, Event.ATTACHED): State.OPEN,
    (State.OPEN, Event.ENDED): State.CLOSING,
    (State.CLOSING, Event.FORGOTTEN): State.CLOSED,
}


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What an endpoint decides for its sessions.

    :param heartbeat: seconds between two heartbeats to an attached receiver.
    :param disconnect_delay: seconds without a receiver after which the session ends.
    :param output_limit: bytes that may wait for a receiver.
    """

    heartbeat: float = 25.0
    disconnect_delay: float = 5.0
    output_limit: int = 1024 * 1024


class Receiver(Protocol):
    """What a session knows of the request or socket that can carry frames now.

    Each method may make the receiver call ``Session.release`` before it returns.
    """

    @property
    def writable(self) -> bool:
        """Whether a batch can be taken now; when it turns true again, call ``Session.drained``."""

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

    def received(self, session: Session, text: str) -> None:
        """A message came."""

    def closed(self, session: Session) -> None:
        """The end, called once, last; ``session.close_code`` and ``close_reason`` say why."""


class Keeper(Protocol):
    """Keeps sessions: wakes them up, and forgets them in the end."""

    def wake(self, session: Session, seconds: float) -> None:
        """Call ``session.timed_out()`` after *seconds*, instead of when it was asked for before."""

    def forget(self, session: Session) -> None:
        """Drop the session's timer and its id: it will never do anything again."""


class Session:
    """One client's life.

    :param handler: the application.
    :param keeper: wakes this session up, and forgets it.
    :param options: the endpoint's numbers.
    :param resumable: whether another receiver may take over (all HTTP transports); a
        WebSocket's session ends with its socket.
    """

    __slots__ = (
        "__weakref__",
        "_handler",
        "_keeper",
        "_options",
        "_pending",
        "_queue",
        "_receiver",
        "_resumable",
        "_state",
        "close_code",
        "close_reason",
        "due",
    )

    def __init__(self, handler: Handler, keeper: Keeper, options: SessionOptions, *, resumable: bool = True) -> None:
        self._handler = handler
        self._keeper = keeper
        self._options = options
        self._resumable = resumable
        self._state = State.NEW
        self._receiver: Receiver | None = None
        # Batches that wait for a receiver, and their size in bytes.
        self._queue: list[Batch] = []
        self._pending = 0
        # Why it ended; 0 while it has not.
        self.close_code = 0
        self.close_reason = ""
        # The timer wheel's note: at which tick this session is due, -1 for never.
        self.due = -1

    @property
    def state(self) -> State:
        """Where the session stands."""
        return self._state

    @property
    def attached(self) -> bool:
        """Whether a receiver can carry frames now."""
        return self._receiver is not None

    # From the transports.

    def attach(self, receiver: Receiver) -> None:
        """Offer *receiver*: it is opened, kept, fed what waits, or told the end."""
        if self._state is State.NEW:
            self._open(receiver)
        elif self._state is not State.OPEN:
            receiver.close(self.close_code, self.close_reason)
        elif self._receiver is not None:
            receiver.close(*STILL_OPEN)
        else:
            self._receiver = receiver
            self._rearm()
            self._flush()

    def release(self, receiver: Receiver) -> None:
        """Take note that *receiver* is done; the client is expected to send another one."""
        if self._receiver is receiver:
            self._receiver = None
            self._rearm()

    def interrupted(self, receiver: Receiver, code: int = INTERRUPTED[0], reason: str = INTERRUPTED[1]) -> None:
        """Take note that the socket of *receiver* was lost, or closed by the client with *code*."""
        if self._receiver is receiver:
            self._receiver = None
            self._end(code, reason)

    def drained(self, receiver: Receiver) -> None:
        """Take note that *receiver* is writable again."""
        if self._receiver is receiver:
            self._flush()

    def receive(self, texts: list[str]) -> None:
        """Hand what the client sent to the application, in order; after the end it is ignored."""
        for text in texts:
            if self._state is not State.OPEN:
                return
            self._handler.received(self, text)

    # From the application.

    def send(self, text: str) -> None:
        """Send one message; after the end it is ignored."""
        self.deliver(Batch([text]))

    def deliver(self, batch: Batch) -> None:
        """Send *batch*, now if a receiver can take it, else as soon as one can.

        What waits beyond ``output_limit`` ends the session with ``TOO_SLOW``.
        """
        if self._state is not State.OPEN:
            return
        receiver = self._receiver
        if receiver is not None and not self._queue and receiver.writable:
            receiver.deliver(batch)
            return
        self._queue.append(batch)
        self._pending += batch.size
        if self._pending > self._options.output_limit:
            self.close(*TOO_SLOW)

    def close(self, code: int = 3000, reason: str = "Go away!") -> None:
        """End the session; the client is told *code* and *reason*.  A second call changes nothing."""
        if self._state is State.OPEN:
            self._end(code, reason)

    # From the keeper.

    def timed_out(self) -> None:
        """Do what the state asks for when its time has come."""
        if self._state is State.CLOSING:
            self._forget()
        elif self._receiver is None:
            self._end(*TIMED_OUT)
            if self._state is State.CLOSING:
                self._forget()
        else:
            self._keeper.wake(self, self._options.heartbeat)
            self._receiver.heartbeat()

    # Private: each step of a life once.

    def _open(self, receiver: Receiver) -> None:
        self._change(Event.ATTACHED)
        self._receiver = receiver
        self._rearm()
        receiver.open()
        self._handler.opened(self)

    def _end(self, code: int, reason: str) -> None:
        """Tell the client, then the application, and be forgotten in due time."""
        self._change(Event.ENDED)
        self.close_code, self.close_reason = code, reason
        self._queue.clear()
        self._pending = 0
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.close(code, reason)
        self._handler.closed(self)
        if self._resumable:
            self._keeper.wake(self, self._options.disconnect_delay)
        else:
            self._forget()

    def _forget(self) -> None:
        self._change(Event.FORGOTTEN)
        self._keeper.forget(self)

    def _flush(self) -> None:
        receiver = self._receiver
        if receiver is not None and self._queue and receiver.writable:
            waiting = Batch.joined(self._queue)
            self._queue.clear()
            self._pending = 0
            receiver.deliver(waiting)

    def _rearm(self) -> None:
        options = self._options
        self._keeper.wake(self, options.disconnect_delay if self._receiver is None else options.heartbeat)

    def _change(self, event: Event) -> None:
        """Make the one change of state that *event* allows.

        :raises StateError: the table does not list the pair.
        """
        try:
            self._state = TRANSITIONS[self._state, event]
        except KeyError:
            raise StateError(f"a session that is {self._state.value} cannot be {event.value}") from None
