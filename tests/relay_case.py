"""A relay between a far broker and a hub, and readers that keep what they get."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.interface import History
from sockjsd.channels.forms import ITEMS
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Item, Position, Publication
from sockjsd.config import Namespace
from sockjsd.relay import Relay
from tests.far_broker import FarBroker

NAMESPACES = {
    "": Namespace(history_size=100, history_ttl=60.0, recovery="stream"),
    "short": Namespace("short", history_size=3, history_ttl=60.0, recovery="stream"),
    "cache": Namespace("cache", history_size=1, history_ttl=60.0, recovery="cache"),
    "live": Namespace("live"),
}


class Reader:
    """A subscriber that keeps the data it got, and ``!`` for each reset.

    :ivar reaction: is called after each delivery.
    """

    def __init__(self) -> None:
        self.got: list[str] = []
        self.reaction: Callable[[], object] | None = None

    def deliver(self, items: list[Item]) -> None:
        """Keep the data; of who joined or left the user."""
        self.got += [item.data if isinstance(item, Publication) else item.info.user for item in items]
        if self.reaction is not None:
            self.reaction()

    def on_reset(self, channel: str) -> None:
        """Keep it."""
        self.got.append("!")


class RelayCase(SynchronousTestCase):
    """A relay; what readers raise fails the test."""

    def setUp(self) -> None:
        """Join the parts."""
        self.broker = FarBroker()
        self.errors: list[Exception] = []
        self.relay = Relay(self.broker, Namespaces(NAMESPACES).find, Random(1), lambda run: self.hub.delivered(run))
        self.hub = self.relay.hub = Hub(self.relay, self.errors.append)
        self.broker.on_run = self.relay.delivered
        self.broker.on_lost, self.broker.on_back = self.relay.lost, self.relay.back
        self.addCleanup(lambda: self.assertEqual(self.errors, []))

    def reader(self, channel: str = "news") -> Reader:
        """Return a new subscriber."""
        reader = Reader()
        self.hub.subscribe(channel, reader, ITEMS, reader)
        return reader

    def reader_of_what_is_gone(self) -> Reader:
        """Return a subscriber who has got what a Redis that came back older does not know.

        The node knows that already, and what it asks Redis to do about it is not answered yet.
        """
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        self.broker.lose()
        self.broker.slow = True
        self.broker.return_(older=older)
        self.broker.answer()
        return reader

    def publish(self, *texts: str, channel: str = "news") -> None:
        """Publish by way of the relay, one after the other."""
        for text in texts:
            self.relay.publish(channel, Publication(text))

    def lose(self, *texts: str, channel: str = "news") -> None:
        """Publish what gets lost on the way."""
        self.broker.deaf = True
        self.publish(*texts, channel=channel)
        self.broker.deaf = False

    def position(self, channel: str = "news") -> Position:
        """Return how far the readers are."""
        position = self.relay.position(channel)
        assert position is not None, "the line is unsound"
        return position

    def join(self, since: Position | None, limit: int = 100, channel: str = "news") -> Reader:
        """Return a reader that begins with what it missed, as a client does that comes back."""
        reader = Reader()
        self.hub.hold(channel)
        answer = self.relay.history(channel, since, limit if since else 0)
        answer.addCallback(self._joined, reader, channel)
        return reader

    def _joined(self, history: History, reader: Reader, channel: str) -> None:
        reader.deliver(list(history.publications))
        self.assertEqual(history.position, self.position(channel))
        self.hub.subscribe(channel, reader, ITEMS, reader)
        self.hub.release(channel)

    def texts(self, answer: Deferred[History]) -> list[str]:
        """Return the data of what was answered."""
        return [each.data for each in self.successResultOf(answer).publications]
