# -*- test-case-name: tests.brokers.test_redis_inbox -*-
"""What arrived in one read: items of channels, and what other nodes say."""

from __future__ import annotations

from sockjsd.channels.publications import Run
from sockjsd.channels.wire import decode, texts_of


class Inbox:
    """Collects the messages of one read.

    :param prefix: what stands before a channel's name in Redis.
    :param control_names: where nodes talk.

    :ivar control_names: see the parameter.
    :ivar malformed: messages that were not UTF-8, since the start.
    """

    def __init__(self, prefix: str, control_names: tuple[bytes, ...]) -> None:
        self.control_names = control_names
        self.malformed = 0
        self._prefix_length = len(prefix.encode())
        self._run: Run = {}
        self._control: list[bytes] = []

    def channel(self, name: bytes) -> str:
        """The channel that Redis calls *name*."""
        return name[self._prefix_length :].decode(errors="surrogatepass")

    def put(self, name: bytes, payload: bytes) -> None:
        """Add one message behind those that are here."""
        if name in self.control_names:
            self._control.append(payload)
            return
        items = self._run.setdefault(self.channel(name), [])
        for text in texts_of(payload):
            items.append(decode(self._as_text(text)))

    def _as_text(self, payload: bytes) -> str:
        try:
            return payload.decode()
        except UnicodeDecodeError:
            self.malformed += 1
            return payload.decode(errors="replace")

    def take(self) -> tuple[Run, list[bytes]]:
        """All items and all control messages since the last call, oldest first."""
        taken = self._run, self._control
        self._run, self._control = {}, []
        return taken
