# -*- test-case-name: tests.sockjs.test_lanes -*-
"""One batch to many receivers, without a way through each session.

On its way to one client a batch passes a session, which knows what waits, a receiver, which
wraps it, and a connection, which knows whether the socket takes it.  For a thousand clients
that is most of what a fan-out costs beside the kernel.  Yet nearly always the answer of all three is
the same, and known before: nothing waits, the bytes are those of everybody else, the socket takes them.

So a session that has a receiver of which this is so shows its *line*, the way straight to the
socket.  Lines that get the same bytes belong to the same *lane*.  Handing out sorts lines into
lanes and sends to each lane at once; whoever shows no line, or has a line that is busy, gets the
batch from its session, which may queue it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol, TypeVar

from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import Envelope


class Line(Protocol):
    """The way to one socket."""

    #: The socket's descriptor; negative while anything has to wait before it, and when it is gone.
    fd: int
    #: Where it belongs; ``None`` while nobody has said that bytes may be sent past its receiver.
    lane: Lane | None


class Tally(Protocol):
    """Counts what was sent."""

    sent: int


#: Sends data to lines, each of which could take some a moment ago.
SendToMany = Callable[[Collection[Any], bytes], None]


class Lane:
    """What the lines share that get the same bytes.

    :param envelope: of their receivers; one of those that are shared.
    :param tally: counts the messages.
    :param send: sends.
    :ivar lines: those that take part in what is being handed out; whoever adds one sees to ``carry``.
    """

    __slots__ = ("_envelope", "_send", "_tally", "lines")

    def __init__(self, envelope: Envelope, tally: Tally, send: SendToMany) -> None:
        self._envelope = envelope
        self._tally = tally
        self._send = send
        self.lines: list[Line] = []

    def carry(self, batch: Batch) -> int:
        """Send *batch* to those who take part, and return how many they were.

        :raises TypeError: it holds what the envelope cannot carry; nobody got anything.
        """
        lines, self.lines = self.lines, []
        data = batch.encoded(self._envelope)
        self._tally.sent += len(batch.texts) * len(lines)
        self._send(lines, data)
        return len(lines)


class Member(Protocol):
    """Whoever gets batches; a session also shows a line while it has one."""

    def deliver(self, batch: Batch) -> None:
        """Take *batch*."""


MemberT = TypeVar("MemberT", bound=Member)


def hand_out(
    batch: Batch, members: Iterable[MemberT], failed: Callable[[Exception], None]
) -> tuple[int, list[MemberT]]:
    """Send *batch* to all *members* that have a line, and return how many these were, and the others.

    No code of the application runs meanwhile.

    :param members: none of them twice: its socket may take a part of the first, and then all of the second.
    :param failed: called with what a lane raised; what it raises itself ends the handing out.
    """
    lanes: list[Lane] = []
    others: list[MemberT] = []
    taken = 0
    try:
        for member in members:
            line: Line | None = getattr(member, "line", None)
            if line is None or line.fd < 0 or (lane := line.lane) is None:
                others.append(member)
            else:
                if not lane.lines:
                    lanes.append(lane)
                lane.lines.append(line)
        for lane in lanes:
            try:
                taken += lane.carry(batch)
            except TypeError as error:
                failed(error)
    finally:
        for lane in lanes:
            if lane.lines:  # it did not get its turn; a lane that is not empty would never be carried again
                lane.lines = []
    return taken, others
