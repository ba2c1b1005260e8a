# -*- test-case-name: tests.test_applications -*-
"""The applications that come with sockjsd, on sessions among fakes."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.applications import make_application
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Publication
from sockjsd.config import Endpoint
from sockjsd.config.namespace import Namespace
from sockjsd.endpoints.public_channels import PublicChannels
from sockjsd.errors import StartError
from sockjsd.registry import Registry
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.session import Session, SessionOptions
from sockjsd.wheel import Wheel
from tests.sockjs.fakes import RecordingReceiver

#: What anyone may hear, and what needs a token.
NAMESPACES = {"": Namespace(allow_subscribe="anyone"), "deal": Namespace("deal", allow_subscribe="token")}


class Custom(SockJSConnection):
    """A site's own application."""


#: Something with a dotted path that is no class.
INSTANCE = Custom()


class FakeFeed:
    """A broker that notes which channels are wanted."""

    def __init__(self) -> None:
        self.channels: list[str] = []

    def subscribe(self, channel: str) -> None:
        """Note it."""
        self.channels.append(channel)

    def unsubscribe(self, channel: str) -> None:
        """Strike it off."""
        self.channels.remove(channel)


class ApplicationTestCase(SynchronousTestCase):
    """An endpoint whose clients are receivers that note what they get."""

    def setUp(self) -> None:
        """Build a hub on a feed of ours."""
        self.feed = FakeFeed()
        self.errors: list[Exception] = []
        self.hub = Hub(self.feed, self.errors.append)
        self.wheel = Wheel(Clock())

    def publish(self, **channels: list[str]) -> None:
        """Let a run of these texts arrive."""
        self.hub.delivered({channel: [Publication(text) for text in texts] for channel, texts in channels.items()})

    def make(self, application: str, *channels: str) -> Callable[[], SockJSConnection]:
        """Return what the configuration's word means."""
        return make_application(Endpoint("test", application=application, channels=channels), self.hub)

    def registry(self, application: str, *channels: str, output_limit: int = 1000) -> Registry:
        """Return the sessions of an endpoint with this application."""
        options = SessionOptions(output_limit=output_limit)
        return Registry(self.make(application, *channels), self.wheel, options, 10)

    def client(self, registry: Registry, capacity: int | None = None) -> tuple[Session, RecordingReceiver]:
        """Return a new client."""
        session = registry.create(ConnectionInfo("192.0.2.1"), f"id-{len(registry)}")
        receiver = RecordingReceiver(session, capacity=capacity)
        session.attach(receiver)
        return session, receiver


class SmallApplicationTests(ApplicationTestCase):
    """Those of the public protocol suite."""

    def test_echo_sends_each_message_back(self) -> None:
        """In order, whatever it is."""
        session, receiver = self.client(self.registry("echo"))
        session.receive(["a", "\ud800"])
        self.assertEqual(receiver.lines, ["r: o", 'r: a["a"]', 'r: a["\\ud800"]'])

    def test_close_goes_away_at_once(self) -> None:
        """After the open frame."""
        _, receiver = self.client(self.registry("close"))
        self.assertEqual(receiver.lines, ["r: o", 'r: c[3000,"Go away!"]'])

    def test_broadcast_reaches_everybody_of_the_endpoint(self) -> None:
        """The sender too, and nobody who has left."""
        registry, other = self.registry("broadcast"), self.registry("broadcast")
        clients = [self.client(registry) for _ in range(3)] + [self.client(other)]
        clients[1][0].close()
        clients[0][0].receive(["a"])
        self.assertEqual(
            [receiver.lines[1:] for _, receiver in clients],
            [['r: a["a"]'], ['r: c[3000,"Go away!"]'], ['r: a["a"]'], []],
        )

    def test_broadcast_of_bytes_is_refused(self) -> None:
        """Quietly, with the code for it: most clients could not get them."""
        registry = self.registry("broadcast")
        (one, receiver), (_, other) = self.client(registry), self.client(registry)
        one.receive([b"a"])
        self.assertEqual(receiver.lines[1:], ['r: c[1003,"Only text is understood"]'])
        self.assertEqual(other.lines[1:], [])

    def test_broadcast_survives_who_is_too_slow(self) -> None:
        """One client's end in the middle of a broadcast costs nobody the message."""
        registry = self.registry("broadcast", output_limit=10)
        slow, fast = self.client(registry, capacity=1), self.client(registry)
        fast[0].receive(["a" * 20])
        fast[0].receive(["b"])
        self.assertEqual(slow[0].close_code, 3008)
        self.assertEqual(fast[1].lines[1:], [f'r: a["{"a" * 20}"]', 'r: a["b"]'])


class RelayTests(ApplicationTestCase):
    """`relay`: what is published on the endpoint's channels."""

    def test_relay_sends_what_is_published(self) -> None:
        """A channel's run is one frame; a client that polls gets it later."""
        registry = self.registry("relay", "news", "sport")
        _, stream = self.client(registry)
        session, poll = self.client(registry, capacity=1)
        self.publish(news=['"a"', '"b"'], sport=["1"], other=["2"])
        session.attach(poll)
        self.assertEqual(stream.lines, ["r: o", 'r: a["\\"a\\"","\\"b\\""]', 'r: a["1"]'])
        self.assertEqual(poll.lines, ["r: o", 'r: a["\\"a\\"","\\"b\\"","1"]'])
        self.assertEqual(self.errors, [])

    def test_relay_holds_its_channels_before_anybody_comes(self) -> None:
        """So that a new client misses nothing, and the last one's end does not cost the subscription."""
        registry = self.registry("relay", "news", "sport")
        self.assertEqual(self.feed.channels, ["news", "sport"])
        session, _ = self.client(registry)
        session.close()
        self.assertEqual(self.feed.channels, ["news", "sport"])

    def test_relay_closes_who_sends(self) -> None:
        """A message that nobody takes is not lost in silence."""
        session, receiver = self.client(self.registry("relay", "news"))
        session.receive(["a"])
        self.assertEqual(receiver.lines, ["r: o", 'r: c[3003,"This endpoint only sends"]'])

    def test_relay_closes_who_missed_something(self) -> None:
        """A browser without a library has no other way to be told that history began anew."""
        registry = self.registry("relay", "news", "sport")
        _, receiver = self.client(registry)
        self.hub.reset("news")
        self.assertEqual(receiver.lines, ["r: o", 'r: c[3010,"Insufficient state"]'])
        self.assertEqual((self.errors, self.hub.counts.subscriptions), ([], 0))

    def visit(self, query: str, *channels: str, url_channels: bool = True) -> tuple[list[str], set[str]]:
        """Return what a client with this query gets of three channels, and the channels that are wanted then."""
        options = Endpoint("test", channels=channels, url_channels=url_channels)
        public = PublicChannels(Namespaces(NAMESPACES).of, 2)
        registry = Registry(make_application(options, self.hub, public), self.wheel, SessionOptions(), 10)
        session = registry.create(ConnectionInfo("192.0.2.1", query=query), "id")
        receiver = RecordingReceiver(session)
        session.attach(receiver)
        self.publish(news=["1"], sport=["2"], other=["3"])
        wanted = set(self.feed.channels)
        session.close()
        return receiver.lines[1:], wanted - set(channels)

    def test_relay_sends_what_its_client_names(self) -> None:
        """Beside what is configured, and only there."""
        end = 'r: c[3000,"Go away!"]'
        self.assertEqual((['r: a["2"]', end], {"sport"}), self.visit("channel=sport&t=1"))
        both = ['r: a["1"]', 'r: a["2"]', end]
        self.assertEqual((both, {"sport"}), self.visit("channel=sport", "news"))
        self.assertEqual((both, {"news", "sport"}), self.visit("channel=sport&channel=news"))
        self.assertEqual((['r: a["1"]', end], set()), self.visit("t=1", "news"))
        self.assertEqual((['r: a["1"]', end], set()), self.visit("channel=sport", "news", url_channels=False))

    def test_relay_closes_who_names_what_it_may_not_hear(self) -> None:
        """With the status of HTTP for that in the code, and a sentence."""
        refused = {
            "": 'r: c[4400,"Say which channels: ?channel=NAME&channel=NAME"]',
            "channel=a&channel=b&channel=c": 'r: c[4400,"3 channels; allowed: 2"]',
            "channel=deal:a": "r: c[4403,\"'deal:a' is not for everybody\"]",
        }
        for query, line in refused.items():
            with self.subTest(query):
                self.assertEqual(([line], set()), self.visit(query))

    def test_subscriptions_are_gone_after_every_kind_of_end(self) -> None:
        """Closed, lost, listen-only, too slow, or nobody came back."""
        ends: dict[int, Callable[[Session, RecordingReceiver], None]] = {
            3000: lambda session, receiver: session.close(),
            1002: lambda session, receiver: session.interrupted(receiver),
            3003: lambda session, receiver: session.receive(["a"]),
            1006: lambda session, receiver: session.timed_out(),
            3008: lambda session, receiver: self.publish(news=["x" * 2000], sport=["y"]),
        }
        for code, end in ends.items():
            with self.subTest(code=code):
                # A socket is lost while a request waits; the others end between two polls.
                session, receiver = self.client(self.registry("relay", "news", "sport"), None if code < 1006 else 1)
                self.assertEqual(self.hub.counts.subscriptions, 2)
                end(session, receiver)
                self.assertEqual(session.close_code, code)
                self.assertEqual(self.hub.counts.subscriptions, 0)
                self.assertEqual(self.errors, [])

    def test_session_that_ends_gets_nothing_more_of_the_run(self) -> None:
        """What follows in the same run is for the others."""
        registry = self.registry("relay", "news", "sport", output_limit=10)
        slow, _ = self.client(registry, capacity=1)
        _, fast = self.client(registry)
        self.publish(news=["x" * 20], sport=["y"])
        self.assertEqual(slow.close_code, 3008)
        self.assertEqual(fast.lines, ["r: o", f'r: a["{"x" * 20}"]', 'r: a["y"]'])


class MakeApplicationTests(ApplicationTestCase):
    """The option `application`."""

    def test_dotted_path_is_imported(self) -> None:
        """A class of the site."""
        self.assertIsInstance(self.make("tests.test_applications.Custom")(), Custom)

    def test_each_client_has_an_application_of_its_own(self) -> None:
        """Nothing is shared by accident."""
        for make in (self.make("relay", "news"), self.make("echo"), self.make("close"), self.make("broadcast")):
            self.assertIsNot(make(), make())

    def test_path_that_cannot_be_imported_is_refused(self) -> None:
        """One line that names endpoint and path; the error itself is behind it."""
        for path in ("no.such.module", "tests.test_applications.Missing"):
            error = self.assertRaises(StartError, self.make, path)
            self.assertIn(f"endpoint test: application {path} cannot be imported", str(error))
            self.assertIsNotNone(error.__cause__)

    def test_path_to_something_else_is_refused(self) -> None:
        """Only a subclass of `SockJSConnection` will do."""
        for path in ("tests.test_applications.FakeFeed", "tests.test_applications.INSTANCE", "os.path"):
            error = self.assertRaises(StartError, self.make, path)
            self.assertIn(f"{path} is not a subclass of SockJSConnection", str(error))
