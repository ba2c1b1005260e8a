# -*- test-case-name: tests.sockjs.test_batch -*-
"""Messages on their way out, encoded once for however many receive them."""

from __future__ import annotations

from collections.abc import Iterable

from sockjsd.sockjs import frames
from sockjsd.sockjs.envelopes import Envelope

#: Bytes that a batch takes beside its messages.  They count, or half a million empty messages would
#: wait for one client within the usual ``output_limit`` of 1 MiB, and take more than a hundred.
OVERHEAD = 200


class Batch:
    """One or more messages that leave together.

    A batch is shared: a thousand sessions hold the same object, in a queue or on its way
    to a socket.  Nothing of it changes but its caches.  A text that is no string raises
    ``TypeError`` when the batch is first measured or encoded.

    :param texts: the messages, at least one, in order.
    """

    __slots__ = ("_encoded", "_prefixed", "_quoted", "texts")

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        # The JSON strings joined by commas; empty until somebody needs them.
        self._quoted = b""
        # The same messages behind a prefix, for each that was asked for.
        self._prefixed: dict[str, Batch] | None = None
        # What goes over the wire, for each envelope that was asked for; None until one is.
        self._encoded: dict[Envelope, bytes] | None = None

    @property
    def quoted(self) -> bytes:
        """The messages as JSON strings joined by commas."""
        if not self._quoted:
            self._quoted = b",".join(map(frames.quote, self.texts))
        return self._quoted

    @property
    def size(self) -> int:
        """How many bytes this batch counts for while it waits for a receiver."""
        return len(self.quoted) + OVERHEAD

    def encoded(self, envelope: Envelope) -> bytes:
        """Return the bytes for receivers with this *envelope*; computed once."""
        if self._encoded is None:
            self._encoded = {}
        data = self._encoded.get(envelope)
        if data is None:
            data = self._encoded[envelope] = envelope.messages(self.texts, frames.array(self.quoted))
        return data

    def prefixed(self, prefix: str) -> Batch:
        """Return a batch of the same messages with *prefix* before each; computed once.

        :raises TypeError: a message is no string.
        """
        if self._prefixed is None:
            self._prefixed = {}
        batch = self._prefixed.get(prefix)
        if batch is None:
            batch = self._prefixed[prefix] = Batch([prefix + text for text in self.texts])
        return batch

    @classmethod
    def joined(cls, batches: Iterable[Batch]) -> Batch:
        """Return one batch with the messages of all *batches*, in order."""
        batches = list(batches)
        if len(batches) == 1:
            return batches[0]
        whole = cls([text for batch in batches for text in batch.texts])
        whole._quoted = b",".join(batch.quoted for batch in batches)
        return whole
