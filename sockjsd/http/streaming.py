# -*- test-case-name: tests.http.test_streaming -*-
"""An answer that a site makes part by part: made in threads, sent by the reactor.

While the client has room, parts are made ahead of it, little by little.  When it has
none, the thread is handed back, and the answer goes on in any thread as soon as the
client has read: so clients that do not read hold no threads, however many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from threading import Event, Lock
from typing import Protocol

from twisted.python.failure import Failure

#: Bytes that may be made before the reactor has sent them.
WINDOW = 64 * 1024

#: Seconds that a thread waits for the client before it is handed back: enough for a client that
#: reads as fast as it can, and so little that a hundred slow ones do not fill ten threads.
LINGER = 0.01


class State(Enum):
    """Who has the next thing to do."""

    #: A thread makes parts.
    MAKING = "making"
    #: The client has to read; no thread is held.
    WAITING = "waiting"
    #: The client has read, and a thread will go on when there is one.
    CALLED = "called"


class Outlet(Protocol):
    """Where the parts go; called in the reactor's thread."""

    @property
    def writable(self) -> bool:
        """Whether the client has room."""

    def write(self, data: bytes) -> None:
        """Send a part, with the head before the first one."""

    def end(self) -> None:
        """The answer is complete."""

    def fail(self, failure: Failure) -> None:
        """The answer cannot be completed."""


class Baggage(Protocol):
    """What the site keeps for a thread and has to go along to the next one; called in threads."""

    def run(self, call: Callable[[], bool]) -> bool:
        """Return what *call* does, with all of it in the present thread."""

    def pack(self) -> None:
        """Take all of it out of the thread, because another one will go on; not for the first time, perhaps."""

    def drop(self) -> None:
        """It is not needed any more."""


class Threads(Protocol):
    """Where parts are made."""

    def in_turn(self, call: Callable[[], object]) -> None:
        """Let the reactor call something; from any thread."""

    def go_on(self, call: Callable[[], object]) -> None:
        """Let a thread call something when it is its turn; from the reactor's."""

    def close_soon(self, call: Callable[[], object]) -> None:
        """Let a thread call something soon, however busy the others are; from the reactor's."""

    def may_leave(self) -> bool:
        """Return whether one more stream may wait outside of a thread; it is counted then."""


class Stream:
    """One answer that is made part by part.

    :param parts: what the site returned.
    :param close: to be called when it is over, once, in a thread.
    :param outlet: where the parts go.
    :param threads: where they are made.
    :param baggage: goes along.
    """

    #: Makes what a thread waits at while the client has no room.
    GATE: Callable[[], Event] = Event

    def __init__(
        self,
        parts: Iterable[bytes],
        close: Callable[[], object],
        outlet: Outlet,
        threads: Threads,
        baggage: Baggage,
    ) -> None:
        self._iterator = iter(parts)
        self._close = close
        self._outlet = outlet
        self._threads = threads
        self._baggage = baggage
        self._room = self.GATE()
        self._room.set()
        # Guards all below, but what only the thread that has the stream uses.
        self._lock = Lock()
        self._state = State.MAKING
        self._made: list[bytes] = []
        self._waiting = 0
        self._sending = False
        self._gone = False
        self._left = False

    # In a thread.

    def work(self) -> None:
        """Make parts until the client has to read first, or it is over."""
        failure = None
        try:
            if not self._make_all():
                return
        except BaseException:  # runs the site's code
            failure = Failure()
        try:
            self._let_go()
        except BaseException:  # so does this
            failure = failure or Failure()
        self._threads.in_turn(lambda: self._end(failure))

    def _make_all(self) -> bool:
        """Return whether it is over; if not, nobody has the stream any more."""
        while not self._baggage.run(self._make):
            self._baggage.pack()
            with self._lock:
                if not self._room.is_set():
                    self._state = State.WAITING
                    return False
        return True

    def _make(self) -> bool:
        """Make parts while there is room; return whether it is over."""
        while self._has_room() and not self._gone:
            try:
                part = next(self._iterator)
            except StopIteration:
                return True
            self._put(bytes(memoryview(part)))  # a str is the site's failure: it must not be the reactor's
        return self._gone

    def _has_room(self) -> bool:
        """Wait a little for the client, or as long as it takes where the thread may not be handed back."""
        if self._room.wait(LINGER):
            return True
        self._left = self._left or self._threads.may_leave()
        return not self._left and self._room.wait()

    def _put(self, part: bytes) -> None:
        if not part:
            return
        with self._lock:
            if self._gone:
                return
            self._made.append(part)
            self._waiting += len(part)
            if self._waiting >= WINDOW:
                self._room.clear()
            sending, self._sending = self._sending, True
        if not sending:
            self._threads.in_turn(self._send)

    def _let_go(self) -> None:
        try:
            self._baggage.run(self._closed)
        finally:
            self._baggage.drop()

    def _closed(self) -> bool:
        self._close()
        return True

    def _called(self) -> None:
        """Go on, unless another thread was faster."""
        with self._lock:
            if self._state is not State.CALLED:
                return
            self._state = State.MAKING
        self.work()

    # In the reactor's thread.

    def drained(self) -> None:
        """The client has room."""
        self._offer_room()

    def gone(self) -> None:
        """The client has left: make no more, and close; also from the thread that makes parts."""
        with self._lock:
            self._gone = True
            self._made.clear()
            self._room.set()
            nobody = self._state is not State.MAKING
            if nobody:
                self._state = State.CALLED
        if nobody:
            self._threads.close_soon(self._called)

    def _send(self) -> None:
        data = self._take()
        if data:
            self._outlet.write(data)
        self._offer_room()

    def _take(self) -> bytes:
        with self._lock:
            made, self._made = self._made, []
            self._waiting = 0
            self._sending = False
        return made[0] if len(made) == 1 else b"".join(made)

    def _offer_room(self) -> None:
        """Let the thread go on, or one come back, if the client has room."""
        with self._lock:
            if self._gone:
                return
            if not self._outlet.writable:
                self._room.clear()
                return
            self._room.set()
            called = self._state is State.WAITING
            if called:
                self._state = State.CALLED
        if called:
            self._threads.go_on(self._called)

    def _end(self, failure: Failure | None) -> None:
        data = self._take()
        if failure is not None:
            self._outlet.fail(failure)
            return
        if data:
            self._outlet.write(data)
        self._outlet.end()
