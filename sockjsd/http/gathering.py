# -*- test-case-name: tests.http.test_gathering -*-
"""One message to many connections leaves in one call.

While a run of publications is handed on, connections do not write: what they send is
gathered here, and goes out at the end of the run.  All that get the very same bytes share one
``send_many``, which gives the GIL away once and not once for each socket.

The order of a connection is kept: whatever it sends meanwhile, for whatever reason, stands
behind what it sent before, and all of it goes out joined.  What the kernel does not take is
left to the connection.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol

from sockjsd.fanout import COMPILED, SendMany, send_many

#: Bytes that one connection may gather; what goes beyond is written at once, so that whoever
#: sends learns whether the client reads.
MOST = 64 * 1024

#: Pieces of data that one connection may gather, for the same reason.
MOST_PIECES = 64


class Sender(Protocol):
    """A connection that gathers; hashed and compared by identity."""

    def fileno(self) -> int:
        """Return the descriptor to send to, as it is now; negative where there is none any more."""

    def write(self, data: bytes) -> None:
        """Send *data* at once."""

    def took(self, data: bytes, count: int) -> None:
        """Take note that the kernel took the first *count* bytes of *data*; none where it is negative."""


class Gathering:
    """What was sent since the first ``with`` began; it goes out at the end of the outermost.

    Belongs to the reactor's thread.  An exception passes through, after all went out.

    :param send_many: sends one message to many; ``None`` writes to each connection by itself, which
        is better than a loop in Python behind a list of descriptors.
    """

    __slots__ = ("_depth", "_send_many", "_waiting")

    def __init__(self, send_many: SendMany | None = send_many if COMPILED else None) -> None:
        self._send_many = send_many
        self._depth = 0
        # The pieces of each connection, in order.
        self._waiting: dict[Sender, tuple[bytes, ...]] = {}

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
        if not self._depth:
            return False
        pieces = self._waiting.get(sender, ())
        if pieces and (len(pieces) == MOST_PIECES or sum(map(len, pieces)) + len(data) > MOST):
            sender.write(self.pop(sender))
            return False
        self._waiting[sender] = (*pieces, data)
        return True

    def pop(self, sender: Sender) -> bytes:
        """Return what *sender* has gathered, which is its own to send or to drop from now on."""
        return b"".join(self._waiting.pop(sender, ()))

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
                self._send_to(senders, data, self._send_many)

    def _send_to(self, senders: Iterable[Sender], data: bytes, send_many: SendMany) -> None:
        size = len(data)
        # Asked last, and nothing else runs in between: the number of a closed descriptor may be somebody else's.
        counts = send_many([sender.fileno() for sender in senders], data)
        for sender, count in zip(senders, counts, strict=True):
            if count != size:
                sender.took(data, count)
