"""Fakes of a session's neighbours, and plays: columns of "this happens" and "this is sent".

Everything that a session does to a neighbour becomes one line, such as ``p: a["x"]`` (the
receiver called p carried this frame) or ``app: closed 3000 Go away!``.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest import TestCase

from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.sockjs.lanes import Line
from sockjsd.sockjs.session import Session, SessionOptions

PLAIN = Envelope()


class RecordingReceiver:
    """Notes each frame; releases itself after ``capacity`` of them, as a poll does after one.

    :param session: that it is offered to.
    :param capacity: frames that it can carry; ``None`` for any number.
    :param lines: where to write.
    """

    def __init__(self, session: Session, name: str = "r", capacity: int | None = None, lines: list[str] | None = None):
        self.session = session
        self.name = name
        self.capacity = capacity
        self.lines: list[str] = [] if lines is None else lines
        self.writable = True
        self.line: Line | None = None
        self.closed = False
        #: Called after each frame, once the receiver has let go: what a client does in answer.
        self.then: Callable[[], object] = lambda: None

    def open(self) -> None:
        """Carry the open frame."""
        self._carry(frames.OPEN)

    def heartbeat(self) -> None:
        """Carry a heartbeat."""
        self._carry(frames.HEARTBEAT)

    def deliver(self, batch: Batch) -> None:
        """Carry *batch*."""
        self._carry(batch.encoded(PLAIN))

    def close(self, code: int, reason: str) -> None:
        """Carry the close frame."""
        self.closed = True
        self._carry(frames.close(code, reason))

    def _carry(self, frame: bytes) -> None:
        self.lines.append(f"{self.name}: {frame.decode()}")
        if self.capacity is not None:
            self.capacity -= 1
            if not self.capacity:
                self.session.release(self)
        self.then()


class RecordingHandler:
    """An application that notes what it hears and then does what a test tells it to."""

    def __init__(self, lines: list[str] | None = None) -> None:
        self.lines: list[str] = [] if lines is None else lines
        #: What the application does in each callback.
        self.on_opened: Callable[[Session], object] = lambda session: None
        self.on_received: Callable[[Session, str], object] = lambda session, text: None
        self.on_closed: Callable[[Session], object] = lambda session: None

    def opened(self, session: Session) -> None:
        """Note that the client is there."""
        self.lines.append("app: opened")
        self.on_opened(session)

    def received(self, session: Session, text: str) -> None:
        """Note a message."""
        self.lines.append(f"app: received {text}")
        self.on_received(session, text)

    def closed(self, session: Session) -> None:
        """Note the end."""
        self.lines.append(f"app: closed {session.close_code} {session.close_reason}")
        self.on_closed(session)


class FakeKeeper:
    """Keeps the time of one session: a test says when it has come."""

    together: AbstractContextManager[object] = nullcontext()

    def __init__(self, lines: list[str] | None = None) -> None:
        self.lines: list[str] = [] if lines is None else lines
        #: Seconds that were asked for last; ``None`` when nothing is to come.
        self.seconds: float | None = None

    def wake(self, session: Session, seconds: float) -> None:
        """Remember the time."""
        self.seconds = seconds

    def skipped(self, messages: int) -> None:
        """Note how many."""
        self.lines.append(f"skipped {messages}")

    def forget(self, session: Session) -> None:
        """Note the end."""
        self.seconds = None
        self.lines.append("forgotten")


class Life:
    """A session among fakes, and the receivers that were offered to it, by name."""

    def __init__(self, options: SessionOptions | None = None, *, resumable: bool = True) -> None:
        self.lines: list[str] = []
        self.handler = RecordingHandler(self.lines)
        self.keeper = FakeKeeper(self.lines)
        self.session = Session(self.handler, self.keeper, options or SessionOptions(), resumable=resumable)
        self.receivers: dict[str, RecordingReceiver] = {}

    def offer(
        self, name: str, capacity: int | None, *, writable: bool = True, then: Callable[[], object] | None = None
    ) -> None:
        """Attach a new receiver called *name*."""
        receiver = self.receivers[name] = RecordingReceiver(self.session, name, capacity, self.lines)
        receiver.writable = writable
        receiver.then = then or receiver.then
        self.session.attach(receiver)


#: What happens in a play.
Event = Callable[[Life], object]


def poll(name: str) -> Event:
    """The client's request *name* waits for one frame."""
    return lambda life: life.offer(name, 1)


def stream(name: str, capacity: int | None = None, *, writable: bool = True) -> Event:
    """The client's request or socket *name* takes frames, up to *capacity* of them."""
    return lambda life: life.offer(name, capacity, writable=writable)


def says(*texts: str) -> Event:
    """The client sends an array of messages."""
    return lambda life: life.session.receive(list(texts))


def sends(*texts: str) -> Event:
    """The application sends messages, one after the other."""

    def happen(life: Life) -> None:
        for text in texts:
            life.session.send(text)

    return happen


def closes(code: int = 3000, reason: str = "Go away!") -> Event:
    """The application closes."""
    return lambda life: life.session.close(code, reason)


def stalls(name: str) -> Event:
    """The buffer of receiver *name* is full."""
    return lambda life: setattr(life.receivers[name], "writable", False)


def drains(name: str) -> Event:
    """The buffer of receiver *name* is empty again."""

    def happen(life: Life) -> None:
        life.receivers[name].writable = True
        life.session.drained(life.receivers[name])

    return happen


def loses(name: str) -> Event:
    """The socket of receiver *name* is lost."""
    return lambda life: life.session.interrupted(life.receivers[name])


def time_comes(seconds: float) -> Event:
    """The keeper's time-out, which must have been asked for after *seconds*, has come."""

    def happen(life: Life) -> None:
        if life.keeper.seconds != seconds:
            raise AssertionError(f"asked to be woken after {life.keeper.seconds} s")
        life.keeper.seconds = None
        life.session.timed_out()

    return happen


def play(test: TestCase, life: Life, *scenes: tuple[Event, list[str]]) -> None:
    """Let each scene's event happen, and compare what followed with the scene's lines."""
    happened = []
    for event, _ in scenes:
        life.lines.clear()
        event(life)
        happened.append(list(life.lines))
    test.assertEqual(happened, [lines for _, lines in scenes])
