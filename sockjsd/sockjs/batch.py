# -*- test-case-name: tests.sockjs.test_batch -*-
"""Messages on their way out, encoded once for however many receive them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sockjsd.sockjs import frames

if TYPE_CHECKING:
    from sockjsd.sockjs.envelopes import Envelope

#: What applications send and get: bytes go over the raw WebSocket only.
Message: TypeAlias = str | bytes

#: Bytes that a batch takes beside its messages.  They count, or half a million empty messages would
#: wait for one client within the usual ``output_limit`` of 1 MiB, and take more than a hundred.
OVERHEAD = 200
#: Bytes of a WebSocket frame's head, at most: what a message takes beside its payload where there is no JSON.
_HEAD = 10


@dataclass(frozen=True, slots=True)
class Expendable:
    """That a batch may be dropped for a client that reads too slowly, instead of the client.

    :ivar channel: what it was published on.
    :ivar latest_only: whether all but the channel's latest batch may go; else the oldest go first.
    """

    channel: str
    latest_only: bool


class Batch:
    """One or more messages that leave together.

    A batch is shared: a thousand sessions hold the same object, in a queue or on its way
    to a socket.  Nothing of it changes but its caches.  A message that is neither text nor
    bytes, or is bytes for receivers that get JSON, raises ``TypeError`` when the batch is
    first measured or encoded for them.

    :param texts: the messages, at least one, in order.
    :param count: what they count for where one message tells of several; 0: each for one.
    :ivar expendable: whether it may be dropped for a slow client; set before it is shared.
    """

    __slots__ = ("_bare", "_count", "_data", "_encoded", "_envelope", "_prefixed", "_quoted", "expendable", "texts")

    def __init__(self, texts: Sequence[Message], count: int = 0) -> None:
        self.texts = texts
        self._count = count
        self.expendable: Expendable | None = None
        # The JSON strings joined by commas; empty until somebody needs them.
        self._quoted = b""
        # The messages without JSON; None until somebody needs them.
        self._bare: list[bytes] | None = None
        # The same messages behind a prefix, for each that was asked for.
        self._prefixed: dict[str, Batch] | None = None
        # The envelope that was asked for last, and what goes over the wire for it.
        self._envelope: Envelope | None = None
        self._data = b""
        # The same for each envelope that was asked for; None while that is but one.
        self._encoded: dict[Envelope, bytes] | None = None

    @property
    def count(self) -> int:
        """How many messages count as lost when it is not delivered."""
        return self._count or len(self.texts)

    @property
    def quoted(self) -> bytes:
        """The messages as JSON strings joined by commas."""
        if not self._quoted:
            # It raises for bytes, which JSON has nothing for.
            quoted = [frames.quote(text) for text in self.texts]  # type: ignore[arg-type]
            self._quoted = quoted[0] if len(quoted) == 1 else b",".join(quoted)
        return self._quoted

    @property
    def bare(self) -> list[bytes]:
        """The messages as they are, texts in UTF-8."""
        if self._bare is None:
            self._bare = [text if isinstance(text, bytes) else frames.plain(text) for text in self.texts]
        return self._bare

    def size(self, *, binary: bool = False) -> int:
        """Return how many bytes this batch counts for while it waits for a receiver.

        :param binary: whether that receiver takes bytes, and so no JSON.
        """
        if binary:
            return sum(map(len, self.bare)) + _HEAD * len(self.texts) + OVERHEAD
        return len(self.quoted) + OVERHEAD

    def encoded(self, envelope: Envelope) -> bytes:
        """Return the bytes for receivers with this *envelope*; computed once, unless it belongs to one of them."""
        if envelope is self._envelope:  # receivers of one kind mostly come in a row: no hash, no dict
            return self._data
        data = self._found(envelope) if self._envelope is not None else None
        if data is None:
            data = envelope.messages(self)
        if envelope.shared:
            self._envelope, self._data = envelope, data
            if self._encoded is not None:
                self._encoded[envelope] = data
        return data

    def _found(self, envelope: Envelope) -> bytes | None:
        """Return what was made for an equal envelope, if something was."""
        if self._encoded is None:
            assert self._envelope is not None, "the first one needs no dict"
            self._encoded = {self._envelope: self._data}
        return self._encoded.get(envelope)

    def prefixed(self, prefix: str) -> Batch:
        """Return a batch of the same messages with *prefix* before each; computed once.

        :raises TypeError: a message is no string.
        """
        if self._prefixed is None:
            self._prefixed = {}
        batch = self._prefixed.get(prefix)
        if batch is None:
            # It raises for bytes: nobody knows how to write the prefix of those.
            batch = self._prefixed[prefix] = Batch([prefix + text for text in self.texts])  # type: ignore[operator]
        return batch

    @classmethod
    def joined(cls, batches: Iterable[Batch]) -> Batch:
        """Return one batch with the messages of all *batches*, in order."""
        batches = list(batches)
        if len(batches) == 1:
            return batches[0]
        whole = cls([text for batch in batches for text in batch.texts])
        if all(batch._quoted for batch in batches):  # else they wait for the raw WebSocket, which needs no JSON
            whole._quoted = b",".join(batch._quoted for batch in batches)
        return whole


def spare(queue: Sequence[Batch], excess: int, *, binary: bool) -> tuple[list[Batch], list[Batch]]:
    """Return what of a slow client's *queue* is kept, and what is dropped to make it *excess* bytes smaller.

    Outdated batches of channels of which only the latest counts go in any case, of the other expendable
    ones as many as have to, the oldest first.  What is not expendable stays, whatever its size.
    """
    outdated = _outdated(queue)
    kept, dropped = [], []
    for batch in queue:
        terms = batch.expendable
        if terms is not None and (id(batch) in outdated if terms.latest_only else excess > 0):
            dropped.append(batch)
            excess -= batch.size(binary=binary)
        else:
            kept.append(batch)
    return kept, dropped


def _outdated(queue: Sequence[Batch]) -> set[int]:
    """Return the identities of those that are followed by another one of their channel, where that is what counts."""
    followed: set[str] = set()
    outdated = set()
    for batch in reversed(queue):
        if batch.expendable is not None and batch.expendable.latest_only:
            if batch.expendable.channel in followed:
                outdated.add(id(batch))
            followed.add(batch.expendable.channel)
    return outdated
