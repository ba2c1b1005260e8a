"""Channels with a history in memory, streams that listen to them, and time by hand.

::

    stage = Stage()
    stage.publish("news", '"1"')      # kept, and delivered to whoever listens
    stage.behind = True               # what is published is kept, and arrives with stage.arrive()
    stage.away = True                 # Redis is gone: confirmations and reads fail
    stage.slow = True                 # they wait for stage.answer()
    stage.pass_time(1.0)
    stream = stage.stream("news", since=…)
    stream.texts()                    # -> the events since the last call
"""

from __future__ import annotations

import re
from random import Random

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from sockjsd.brokers.values import History
from sockjsd.channels import event_ids
from sockjsd.channels.hub import Hub
from sockjsd.channels.publications import Item, Position, Publication
from sockjsd.channels.selections import Selections
from sockjsd.endpoints.event_listener import Listener, Sources, Wish
from sockjsd.errors import BrokerUnavailable
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import ConnectionInfo
from sockjsd.wheel import RESOLUTION, Wheel


class Archive:
    """The histories of all channels, and the feed of the hub: what a broker is to a stream.

    :ivar away: whether Redis is gone.
    :ivar slow: whether answers wait for :meth:`answer`.
    :ivar reads: what was asked for: channel, offset to read after (``None`` for nothing), limit.
    """

    def __init__(self) -> None:
        self.entries: dict[str, list[Publication]] = {}
        self.tops: dict[str, Position] = {}
        self.wanted: set[str] = set()
        self.away = False
        self.slow = False
        self.reads: list[tuple[str, int | None, int]] = []
        self._waiting: list[tuple[Deferred[object], object]] = []

    def subscribe(self, channel: str) -> None:
        """Remember the wish."""
        self.wanted.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """Forget it."""
        self.wanted.discard(channel)

    def subscribed(self, channel: str) -> Deferred[None]:
        """Confirm it."""
        assert channel in self.wanted, "who asks has subscribed before"
        return fail(BrokerUnavailable("gone")) if self.away else succeed(None)

    def history(self, channel: str, since: Position | None, limit: int, *, reverse: bool = False) -> Deferred[History]:
        """Read now, and answer now or later."""
        self.reads.append((channel, None if since is None else since.offset, limit))
        if self.away:
            return fail(BrokerUnavailable("gone"))
        entries = self.entries.get(channel, [])
        found = [entry for entry in entries if since is None or entry.offset > since.offset]
        history = History((found[::-1] if reverse else found)[:limit], self.top(channel))
        if not self.slow:
            return succeed(history)
        answer: Deferred[History] = Deferred()
        self._waiting.append((answer, history))  # type: ignore[arg-type]  # each with its own
        return answer

    def answer(self) -> None:
        """Give the answers that wait, in order."""
        waiting, self._waiting = self._waiting, []
        for deferred, result in waiting:
            deferred.callback(result)

    def top(self, channel: str) -> Position:
        """Return where the history of *channel* ends."""
        return self.tops.get(channel, Position(0, "one"))

    def keep(self, channel: str, data: str) -> Publication:
        """Give *data* its position."""
        top = self.top(channel)
        offset = top.offset + 1
        entry = Publication(data, offset, top.epoch, f"{offset:08x}")
        self.entries.setdefault(channel, []).append(entry)
        self.tops[channel] = entry.position
        return entry

    def begin_anew(self, channel: str, epoch: str) -> None:
        """Lose the history of *channel*."""
        self.entries[channel] = []
        self.tops[channel] = Position(0, epoch)


class Receiver:
    """A session to its application, without a socket: notes what is sent."""

    def __init__(self) -> None:
        self.close_code = 0
        self.close_reason = ""
        self.sent: list[str] = []

    def deliver(self, batch: Batch) -> None:
        """Note the texts."""
        self.sent += [str(text) for text in batch.texts]

    def close(self, code: int, reason: str) -> None:
        """Note the end."""
        self.close_code, self.close_reason = code, reason


_ID = re.compile(r"^id: (.*)$", re.MULTILINE)


class Stream:
    """One listener and what it sends."""

    def __init__(self, listener: Listener, channels: tuple[str, ...]) -> None:
        self.session = Receiver()
        self.listener = listener
        self.last_id = ""
        self._channels = channels
        listener.session = self.session  # type: ignore[assignment]  # as much of one as a listener needs
        listener.connectionMade(ConnectionInfo("192.0.2.7"))

    def texts(self) -> list[str]:
        """Return what was sent since the last call, without ids, and remember the last one, as a browser does."""
        sent, self.session.sent = self.session.sent, []
        for text in sent:
            for found in _ID.findall(text):
                self.last_id = found
        return [_ID.sub("", text).replace("\n", "|").replace("||", "|").strip("|") for text in sent]

    @property
    def positions(self) -> dict[str, Position]:
        """What the last id says."""
        self.texts()
        found = event_ids.decode(self.last_id, self._channels)
        assert found is not None, "our own ids can be read"
        return found

    def cut(self) -> None:
        """Lose the connection."""
        self.listener.connectionLost()


class Stage:
    """One node."""

    def __init__(self, recovery_limit: int = 300, output_limit: int = 10_000) -> None:
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.archive = Archive()
        self.errors: list[Exception] = []
        self.hub = Hub(self.archive, self.errors.append)
        self.selections = Selections()
        #: Whether what is published arrives later than it can be read.
        self.behind = False
        self._under_way: list[tuple[str, Publication]] = []
        self.sources = Sources(
            self.hub, self.archive, self.selections, self.wheel, Random(1), recovery_limit, output_limit
        )

    def stream(
        self,
        *channels: str,
        since: dict[str, Position] | None = None,
        plain: tuple[str, ...] = (),
        cached: tuple[str, ...] = (),
    ) -> Stream:
        """Begin a stream; *plain* ones of its channels have no history, of *cached* ones only the latest counts."""
        kept = tuple(channel for channel in channels if channel not in plain)
        wish = Wish(channels, kept, frozenset(cached), since or {})
        return Stream(Listener(self.sources, wish), channels)

    def publish(self, channel: str, *data: str) -> None:
        """Publish on a channel with a history, one run for each."""
        for text in data:
            self._under_way.append((channel, self.archive.keep(channel, text)))
        if not self.behind:
            self.arrive()

    def publish_plain(self, channel: str, data: str) -> None:
        """Publish without a position."""
        self.hub.delivered({channel: [Publication(data)]})

    def arrive(self) -> None:
        """Let what was published arrive."""
        under_way, self._under_way = self._under_way, []
        for channel, publication in under_way:
            items: list[Item] = [publication]
            self.hub.delivered({channel: items})

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self.clock.pump([RESOLUTION] * round(seconds / RESOLUTION + 2))
