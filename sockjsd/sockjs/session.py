# -*- test-case-name: tests.sockjs.test_session -*-
"""One SockJS client's life, from its first request until it is forgotten.

A session knows no socket and no clock.  It talks to three neighbours through the narrow
``interfaces``: a *receiver* carries frames to the client, a *handler* is the application, a
*keeper* wakes it up and forgets it.  Its states and every allowed change between them stand in
``states``; an unlisted pair raises and changes nothing.

Receivers come and go.  A receiver that is *done* (a poll was answered, a stream reached
its limit) leaves the session as it is; one that was *interrupted* (the socket was lost)
ends it, because nobody can say what arrived (section "Handling close").

What was sent before ``close`` reaches the client before the close frame does, if it takes
two polls.  What waits is dropped only with a client that is lost or too slow.

The application hears one thing at a time: what happens inside one of its own callbacks,
and would call it again, waits until that callback has returned.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch, Message, spare
from sockjsd.sockjs.interfaces import Handler, Keeper, Receiver
from sockjsd.sockjs.lanes import Line
from sockjsd.sockjs.states import TRANSITIONS, Event, State, next_state

#: Close codes of SockJS, by section "Handling close" and by what sockjs-node sends.
STILL_OPEN = (2010, "Another connection still open")
INTERRUPTED = (1002, "Connection interrupted")
#: The application never sees these two on the wire: the client is gone.
TIMED_OUT = (1006, "No receiver came back in time")
#: More bytes waited for a receiver than ``output_limit`` allows; the code is Centrifugo's.
TOO_SLOW = (3008, "Connection too slow")

# Looked up for each message: a global is several times cheaper than a member of an enum on Python 3.11.
_CLOSING = State.CLOSING
_NEW = State.NEW
_OPEN = State.OPEN
_ATTACHED = Event.ATTACHED
_ENDED = Event.ENDED
_FORGOTTEN = Event.FORGOTTEN


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """What an endpoint decides for its sessions.

    :param heartbeat: seconds between two heartbeats to an attached receiver.
    :param disconnect_delay: seconds without a receiver after which the session ends.
    :param output_limit: bytes that may wait for a receiver; a batch counts with what it takes beside its messages.
    """

    heartbeat: float = 25.0
    disconnect_delay: float = 5.0
    output_limit: int = 1024 * 1024


class _Nobody:
    """The application of a session that is forgotten.

    Each would hold the other, and only the garbage collector would see that nobody else holds them.
    """

    def opened(self, session: Session) -> None:
        pass

    def received(self, session: Session, text: Message) -> None:
        pass

    def closed(self, session: Session) -> None:
        pass


_NOBODY = _Nobody()


class Session:
    """One client's life.

    :param handler: the application.
    :param keeper: wakes this session up, and forgets it.
    :param options: the endpoint's numbers.
    :param resumable: whether another receiver may take over (all HTTP transports); a
        WebSocket's session ends with its socket.
    :param binary: whether its receivers carry bytes too: the raw WebSocket does.
    """

    __slots__ = (
        "__weakref__",
        "_binary",
        "_handler",
        "_keeper",
        "_options",
        "_pending",
        "_queue",
        "_receiver",
        "_resumable",
        "_state",
        "_talking",
        "_unheard",
        "close_code",
        "close_reason",
        "dropped",
        "due",
        "key",
        "line",
        "opener",
    )

    def __init__(
        self,
        handler: Handler,
        keeper: Keeper,
        options: SessionOptions,
        resumable: bool = True,
        binary: bool = False,
    ) -> None:
        self._handler = handler
        self._keeper = keeper
        self._options = options
        self._resumable = resumable
        self._binary = binary
        self._state = _NEW
        self._receiver: Receiver | None = None
        # Batches that wait for a receiver, and their size in bytes; mostly there are none, in thousands of sessions.
        self._queue: list[Batch] | None = None
        self._pending = 0
        # Whether the application is in one of its callbacks, and the messages that came meanwhile.
        self._talking = False
        self._unheard: Sequence[Message] = ()
        # Why it ended; 0 while it has not.
        self.close_code = 0
        self.close_reason = ""
        # Messages that waited for the client when it was lost, away for too long, or too slow.
        self.dropped = 0
        #: The way straight to the receiver's socket, while that is all there is to it; see ``lanes``.
        self.line: Line | None = None
        #: What the keeper knows it by, and from where it was opened; nothing here asks for them.
        self.key: str | None = None
        self.opener = ""
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
        if self._state is _NEW:
            self._open(receiver)
        elif self._receiver is not None:
            receiver.close(*STILL_OPEN)
        elif self._state is _OPEN:
            self._receiver = receiver
            self._keeper.wake(self, self._options.heartbeat)
            self._flush()
        else:
            self._take_leave(receiver)

    def release(self, receiver: Receiver) -> None:
        """Take note that *receiver* is done; the client is expected to send another one."""
        if self._receiver is receiver:
            self._receiver = None
            if self.line is not None:
                self._leave_line()
            self._keeper.wake(self, self._options.disconnect_delay)

    def interrupted(self, receiver: Receiver, code: int = INTERRUPTED[0], reason: str = INTERRUPTED[1]) -> None:
        """Take note that the socket of *receiver* was lost, or closed by the client with *code*."""
        if self._receiver is receiver:
            self._receiver = None
            if self.line is not None:
                self._leave_line()
            if self._queue:
                self._discard()
            self.close(code, reason)

    def drained(self, receiver: Receiver) -> None:
        """Take note that *receiver* is writable again."""
        if self._receiver is receiver:
            self._flush()

    def receive(self, texts: Sequence[Message]) -> None:
        """Hand what the client sent to the application, in order; after the end it is ignored."""
        if self._state is not _OPEN:
            return
        if self._talking:
            self._unheard = [*self._unheard, *texts]
        else:
            self._talk(texts)

    # From the application.

    @property
    def together(self) -> AbstractContextManager[object]:
        """What is sent to this and other sessions inside it leaves at its end: for one message to many."""
        return self._keeper.together

    def send(self, text: Message) -> None:
        """Send one message; after the end it is ignored.

        :raises TypeError: *text* is no string, nor bytes for a client that can get them.
        """
        self.deliver(Batch([text]))

    def deliver(self, batch: Batch) -> None:
        """Send *batch*, now if a receiver can take it, else as soon as one can.

        When more than ``output_limit`` waits, what is expendable is dropped; where that is not enough, the session
        ends with ``TOO_SLOW``.
        """
        if self._state is not _OPEN:
            return
        receiver = self._receiver
        if receiver is not None and not self._queue and receiver.writable:
            receiver.deliver(batch)
            return
        self._pending += batch.size(binary=self._binary)  # first, because it raises for what cannot be sent
        if self._queue is None:
            self._queue = []
        self._queue.append(batch)
        if self._pending > self._options.output_limit:
            self._make_room(self._queue)

    def close(self, code: int = 3000, reason: str = "Go away!") -> None:
        """End the session; the client is told *code* and *reason*.  A second call changes nothing.

        :raises TypeError: *code* is no number, or *reason* no string; nothing has changed then.
        """
        frames.close(code, reason)  # what no client could be told has to fail here, not half-way
        if self._state is _OPEN:
            self._end(code, reason)
        elif self._state is _NEW:
            self.close_code, self.close_reason = code, reason
            self._forget()

    # From the keeper.

    def timed_out(self) -> None:
        """Do what the state asks for when its time has come."""
        if self._state is _CLOSING:
            self._forget()
        elif self._receiver is None:
            self._resumable = False  # no close frame for a client that did not come back
            self._discard()
            self.close(*TIMED_OUT)
        else:
            self._keeper.wake(self, self._options.heartbeat)
            self._receiver.heartbeat()

    # Private: each step of a life once.

    def _open(self, receiver: Receiver) -> None:
        self._change(_ATTACHED)
        self._receiver = receiver
        self._talking = True  # whatever comes of the open frame, the application hears of the client first
        try:
            receiver.open()
            if self._receiver is not None:  # else it is done, and the client is expected again
                self._keeper.wake(self, self._options.heartbeat)
                self.line = receiver.line
            self._handler.opened(self)
        finally:
            self._talking = False
            if self._unheard or self._state is not _OPEN:
                self._talk(())

    def _talk(self, texts: Sequence[Message]) -> None:
        """Tell the application *texts* and what comes meanwhile, then the end if that has come too."""
        self._talking = True
        try:
            while True:
                for text in texts:
                    if self._state is not _OPEN:
                        break
                    self._handler.received(self, text)
                if not self._unheard:
                    break
                # An answer made the client's next request run.
                texts, self._unheard = self._unheard, ()
        finally:
            self._unheard = ()
            self._talking = False
        if self._state is _CLOSING:
            self._conclude()

    def _end(self, code: int, reason: str) -> None:
        """Tell the client, and the application as soon as it listens."""
        self._change(_ENDED)
        if self.line is not None:
            self._leave_line()
        self.close_code, self.close_reason = code, reason
        if self._receiver is not None:
            self._take_leave(self._receiver)
        if not self._talking:
            self._conclude()

    def _leave_line(self) -> None:
        """Let everything that is sent from now on come through this session."""
        line, self.line = self.line, None
        if line is not None and line.lane is not None:
            line.lane.changes += 1

    def _take_leave(self, receiver: Receiver) -> None:
        """Give *receiver* what still waits and then, unless that was all it could carry, the close frame."""
        self._receiver = receiver
        if self._queue:
            receiver.deliver(self._taken())
        if self._receiver is receiver:
            self._receiver = None
            receiver.close(self.close_code, self.close_reason)

    def _conclude(self) -> None:
        """Tell the application the end, and be forgotten in due time."""
        self._handler.closed(self)
        if self._resumable:
            self._keeper.wake(self, self._options.disconnect_delay)
        else:
            self._forget()

    def _forget(self) -> None:
        self._change(_FORGOTTEN)
        self._handler = _NOBODY
        if self._queue:
            self._discard()
        self._keeper.forget(self)

    def _flush(self) -> None:
        receiver = self._receiver
        if receiver is not None and self._queue and receiver.writable:
            receiver.deliver(self._taken())

    def _taken(self) -> Batch:
        """Return all that waits as one batch; nothing waits any more."""
        assert self._queue is not None, "something waits"
        waiting = Batch.joined(self._queue)
        self._queue = None
        self._pending = 0
        return waiting

    def _make_room(self, queue: list[Batch]) -> None:
        """Drop what may be dropped of *queue*, which has grown too big, or else the client."""
        limit = self._options.output_limit
        # A quarter more than has to go: looking through the queue for each publication would cost the others.
        kept, dropped = spare(queue, self._pending - limit + limit // 4, binary=self._binary)
        if dropped:
            self._queue = kept
            self._pending = sum(batch.size(binary=self._binary) for batch in kept)
            self._keeper.skipped(sum(batch.count for batch in dropped))
        if self._pending > limit:
            self._discard()
            self.close(*TOO_SLOW)

    def _discard(self) -> None:
        """Drop what waits, and count it."""
        if self._queue:
            self.dropped += sum(batch.count for batch in self._queue)
        self._queue = None
        self._pending = 0

    def _change(self, event: Event) -> None:
        """Make the one change of state that *event* allows."""
        # One look into the table; what is not there is refused in the words of next_state.
        self._state = TRANSITIONS.get((self._state, event)) or next_state(self._state, event)
