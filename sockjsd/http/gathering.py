# -*- test-case-name: tests.http.test_gathering -*-
"""One message to many connections leaves in one call, and what one turn of the reactor answers leaves together.

While a run of publications is handed on, connections do not write: what they send is
gathered here, and goes out at the end of the run.  All that get the very same bytes share one
``send_many``, which gives the GIL away once and not once for each socket.

In a daemon the same is done for each turn of the reactor: its answers go out when everything
that came has been read.  Where the peer sleeps on another core, as a proxy does, a send has to wake
it, which costs two or three times what the send does; of several in a row only the first one does.
While turns bring one answer each, it does not wait.

The order of a connection is kept: whatever it sends meanwhile, for whatever reason, stands
behind what it sent before, and all of it goes out joined.  What the kernel does not take is
left to the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from types import TracebackType
from typing import Any, Protocol

from sockjsd.fanout import COMPILED, SendMany, send_many

#: Bytes that one connection may gather; what goes beyond is written at once, so that whoever
#: sends learns whether the client reads.
MOST = 64 * 1024

#: Pieces of data that one connection may gather, for the same reason.
MOST_PIECES = 64


class Sender(Protocol):
    """A connection that gathers; hashed and compared by identity."""

    @property
    def fd(self) -> int:
        """The descriptor to send to, as it is now; negative while nothing can be sent there."""

    def write(self, data: bytes) -> None:
        """Send *data* at once."""

    def took(self, data: bytes, count: int) -> None:
        """Take note that the kernel took the first *count* bytes of *data*; none where it is negative."""


def soon_of(reactor: Any) -> Callable[[Callable[[], None]], object]:
    """Return what calls something after the present turn of *reactor*, in the best way that it has."""
    return getattr(reactor, "soon", None) or partial(reactor.callLater, 0)


class Gathering:
    """What was sent since the first ``with`` began; it goes out at the end of the outermost.

    After ``each_turn`` what is sent outside of any ``with`` waits for the end of the reactor's turn.

    Belongs to the reactor's thread.  An exception passes through, after all went out.

    :param send_many: sends one message to many; ``None`` writes to each connection by itself, which
        is better than a loop in Python behind a list of descriptors.
    """

    __slots__ = ("_crowded", "_depth", "_send_many", "_soon", "_turning", "_waiting")

    def __init__(self, send_many: SendMany | None = send_many if COMPILED else None) -> None:
        self._send_many = send_many
        self._depth = 0
        # The pieces of each connection, in order.
        self._waiting: dict[Sender, tuple[bytes, ...]] = {}
        # Calls something after the present turn of the reactor; None: nobody knows of turns.
        self._soon: Callable[[Callable[[], None]], object] | None = None
        # Whether that was asked for in this turn.
        self._turning = False
        # Whether the turn before had more than one answer.
        self._crowded = False

    def each_turn(self, soon: Callable[[Callable[[], None]], object]) -> None:
        """Gather outside of any ``with`` too, until *soon* calls what it is given: after this turn of the reactor."""
        self._soon = soon

    def __enter__(self) -> Gathering:
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            # What somebody sends while this goes out is gathered again: it must not overtake.
            while self._depth == 1 and self._waiting:
                waiting, self._waiting = self._waiting, {}
                self._send_all(waiting)
        finally:
            self._depth -= 1

    def take(self, sender: Sender, data: bytes) -> bool:
        """Keep *data* for later, and return whether that was done; else it is *sender*'s to write, at once."""
        if not self._depth and not self._turning:
            if self._soon is None:
                return False
            self._turning = True
            self._soon(self._end_turn)
            if not self._crowded:
                return False
        pieces = self._waiting.get(sender, ())
        if pieces and (len(pieces) == MOST_PIECES or sum(map(len, pieces)) + len(data) > MOST):
            sender.write(self.pop(sender))
            return False
        self._waiting[sender] = (*pieces, data)
        return True

    def give(self, senders: Collection[Sender], fds: Collection[int], data: bytes) -> None:
        """Send *data* to all *senders*, at once, unless something waits that would be overtaken.

        :param fds: their descriptors.
        """
        if self._waiting:
            for sender in senders:
                if not self.take(sender, data):
                    sender.write(data)
        elif self._send_many is None:
            for sender in senders:
                sender.write(data)
        else:
            self._send_to(senders, fds, data, self._send_many)

    def pop(self, sender: Sender) -> bytes:
        """Return what *sender* has gathered, which is its own to send or to drop from now on."""
        return b"".join(self._waiting.pop(sender, ())) if self._waiting else b""

    def _end_turn(self) -> None:
        self._turning = False
        # Where the turn before was not, the first answer has left already.
        self._crowded = len(self._waiting) > (1 if self._crowded else 0)
        with self:
            pass

    def _send_all(self, waiting: dict[Sender, tuple[bytes, ...]]) -> None:
        # The hash of a bytes object is kept in it, and comparing an object with itself is free: for
        # one batch this groups by identity.
        groups: dict[tuple[bytes, ...], list[Sender]] = {}
        for sender, pieces in waiting.items():
            groups.setdefault(pieces, []).append(sender)
        for pieces, senders in groups.items():
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if self._send_many is None:
                for sender in senders:
                    sender.write(data)
            else:
                self._send_to(senders, [sender.fd for sender in senders], data, self._send_many)

    def _send_to(self, senders: Collection[Sender], fds: Collection[int], data: bytes, send_many: SendMany) -> None:
        size = len(data)
        counts = send_many(fds, data)
        if counts.count(size) == len(counts):  # nearly always
            return
        for sender, count in zip(senders, counts, strict=True):
            if count != size:
                sender.took(data, count)
