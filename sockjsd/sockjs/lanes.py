# -*- test-case-name: tests.sockjs.test_lanes -*-
"""One batch to many receivers, without a way through each session.

On its way to one client a batch passes a session, which knows what waits, a receiver, which
wraps it, and a connection, which knows whether the socket takes it.  For a thousand clients
that is most of what a fan-out costs beside the kernel.  Yet nearly always the answer of all three is
the same, and known before: nothing waits, the bytes are those of everybody else, the socket takes them.

So a session that has a receiver of which this is so shows its *line*, the way straight to the
socket.  Lines that get the same bytes belong to the same *lane*.  A *line-up* sorts members into
lanes and sends to each lane at once; whoever shows no line, or has a line that is busy, gets the
batch from its session, which may queue it.

Sorting takes longer than what is left to do then.  So a lane counts what changes about its lines,
and as long as that stands still, and the members are the same, a line-up may be used again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Generic, Protocol, TypeVar

from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import Envelope


class Line(Protocol):
    """The way to one socket.  Whoever changes one of the two tells the lane, see :attr:`Lane.changes`."""

    #: The socket's descriptor; negative while anything has to wait before it, and when it is gone.
    fd: int
    #: Where it belongs; ``None`` while nobody has said that bytes may be sent past its receiver.
    lane: Lane | None


class Tally(Protocol):
    """Counts what was sent."""

    sent: int


#: Sends data to lines, each of which could take some a moment ago; the second argument are their descriptors.
SendToMany = Callable[[Collection[Any], Collection[int], bytes], None]


class Lane:
    """What the lines share that get the same bytes.

    :param envelope: of their receivers; one of those that are shared.
    :param tally: counts the messages.
    :param send: sends.
    :ivar changes: counts how often a line of it became busy, free or nobody's; what was known of its lines
        before is worth nothing after.
    """

    __slots__ = ("_envelope", "_send", "_tally", "changes")

    def __init__(self, envelope: Envelope, tally: Tally, send: SendToMany) -> None:
        self._envelope = envelope
        self._tally = tally
        self._send = send
        self.changes = 0

    def carry(self, batch: Batch, lines: Collection[Line], fds: Collection[int]) -> None:
        """Send *batch* to *lines*.

        :param fds: their descriptors, as they are now.
        :raises TypeError: it holds what the envelope cannot carry; nobody got anything.
        """
        data = batch.encoded(self._envelope)
        self._tally.sent += len(batch.texts) * len(lines)
        self._send(lines, fds, data)


class Member(Protocol):
    """Whoever gets batches; a session also shows a line while it has one."""

    def deliver(self, batch: Batch) -> None:
        """Take *batch*."""


MemberT = TypeVar("MemberT", bound=Member)


class _Part:
    """The lines of one lane that could take something when they were looked at."""

    __slots__ = ("_changes", "_fds", "_lane", "_lines")

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._changes = lane.changes
        self._lines: list[Line] = []
        self._fds: list[int] = []

    def add(self, line: Line) -> None:
        self._lines.append(line)
        self._fds.append(line.fd)

    @property
    def current(self) -> bool:
        return self._changes == self._lane.changes

    def carry(self, batch: Batch) -> int:
        """Send *batch*, and return to how many lines."""
        if self._lines:
            # Another part may have found out meanwhile that a client is gone.
            fds = self._fds if self.current else [line.fd for line in self._lines]
            self._lane.carry(batch, self._lines, fds)
        return len(self._lines)


class LineUp(Generic[MemberT]):
    """Members, sorted by how they get a batch.

    :param members: none of them twice: its socket may take a part of the first, and then all of the second.
    :ivar members: all of them, in their order.
    :ivar others: those that get it from their session.
    """

    __slots__ = ("_parts", "members", "others")

    def __init__(self, members: Iterable[MemberT]) -> None:
        self.members = [*members]
        self.others: list[MemberT] = []
        self._parts: dict[Lane, _Part] = {}
        for member in self.members:
            line: Line | None = getattr(member, "line", None)
            if line is None or (lane := line.lane) is None:
                self.others.append(member)
                continue
            part = self._parts.get(lane)
            if part is None:
                part = self._parts[lane] = _Part(lane)
            if line.fd < 0:  # a part without it still notices when it is free again
                self.others.append(member)
            else:
                part.add(line)

    @property
    def current(self) -> bool:
        """Whether nothing has changed since about those who had a line."""
        return all(part.current for part in self._parts.values())

    def hand_out(self, batch: Batch, failed: Callable[[Exception], None]) -> int:
        """Send *batch* to all that have a line, and return how many these were.

        No code of the application runs meanwhile.

        :param failed: called with what a lane raised; what it raises itself ends the handing out.
        """
        taken = 0
        for part in self._parts.values():
            try:
                taken += part.carry(batch)
            except TypeError as error:
                failed(error)
        return taken
