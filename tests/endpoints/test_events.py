# -*- test-case-name: tests.endpoints.test_events -*-
"""``/events``: from the request to the first event, and what is refused before it."""

from __future__ import annotations

import gc
import weakref
from random import Random

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels import event_ids
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Position
from sockjsd.config.channels import Channels
from sockjsd.config.namespace import Namespace
from sockjsd.endpoints.event_listener import Sources
from sockjsd.endpoints.events import events_row
from sockjsd.endpoints.public_channels import PublicChannels
from sockjsd.http.application import Application
from sockjsd.http.gathering import Gathering
from sockjsd.sockjs.origins import Origins
from tests.endpoints.streams import Stage
from tests.http.memory import Answer, Client, request
from tests.transports.server import header_and_chunks

NAMESPACES = {
    "": Namespace(allow_subscribe="anyone"),
    "kept": Namespace("kept", history_size=10, history_ttl=60.0, recovery="stream", allow_subscribe="anyone"),
    "price": Namespace("price", history_size=1, history_ttl=60.0, recovery="cache", allow_subscribe="anyone"),
    "mine": Namespace("mine", allow_subscribe="user"),
    "deal": Namespace("deal", allow_subscribe="token"),
    "none": Namespace("none", allow_subscribe="nobody"),
}


class EventsTestCase(SynchronousTestCase):
    """A node with its URL."""

    def setUp(self) -> None:
        """Build it; one page of another origin is allowed."""
        self.stage = Stage()
        first = Client()
        self.factory, self.clock = first.factory, first.clock
        sources = Sources(self.stage.hub, self.stage.archive, self.stage.selections, first.wheel, Random(1))
        origins = Origins(["https://friend.example"])
        options = Channels(events=True, session_limit=2)
        self.endpoint, row = events_row(
            options, sources, PublicChannels(Namespaces(NAMESPACES).of, 3), self.clock, origins, Gathering(None)
        )
        self.factory.application = Application([row])

    def begin(self, query: str, **fields: str) -> Client:
        """Open a stream."""
        client = Client(factory=self.factory)
        client.send(request("GET", f"/events?{query}", **fields))
        return client

    def refused(self, query: str, **fields: str) -> Answer:
        """Ask for one that does not begin."""
        client = self.begin(query, **fields)
        (answer,) = client.answers()
        self.assertEqual(0, len(self.endpoint.sessions))
        return answer

    def events(self, client: Client) -> list[str]:
        """Return the events of a stream that has begun, without ids."""
        _, chunks = header_and_chunks(client.received())
        text = b"".join(chunks).decode()
        lines = [line for line in text.split("\n") if not line.startswith(("id:", "retry:"))]
        return [event.strip("\n").replace("\n", "|") for event in "\n".join(lines).split("\n\n") if event.strip()]


class StreamTests(EventsTestCase):
    """Streams that begin."""

    def test_first_bytes(self) -> None:
        """What a proxy must not keep, and a browser has to know first."""
        head, chunks = header_and_chunks(self.begin("channel=kept:a").received())
        for field in (b"HTTP/1.1 200 OK", b"Content-Type: text/event-stream", b"X-Accel-Buffering: no", b"no-store"):
            self.assertIn(field, head)
        event_id = event_ids.encode({"kept:a": Position(0, "one")})
        self.assertRegex(b"".join(chunks).decode(), rf"\Aretry: [12]\d\d\d\nid: {event_id}\n\n\Z")

    def test_publication_is_an_event_called_after_its_channel(self) -> None:
        """Each in order; the channels may stand in any."""
        client = self.begin("channel=kept:b&channel=a&channel=kept:b")
        self.stage.publish("kept:b", "1", "2")
        self.stage.publish_plain("a", "3")
        self.assertEqual(["event: kept:b|data: 1", "event: kept:b|data: 2", "event: a|data: 3"], self.events(client))

    def test_name_may_be_escaped(self) -> None:
        """As ``encodeURIComponent`` does it."""
        self.begin("channel=a%2Bb%26c")
        self.assertEqual({"a+b&c"}, self.stage.archive.wanted)

    def test_last_event_id_recovers(self) -> None:
        """From the header, or from the argument; the header is newer."""
        self.stage.publish("kept:a", "1", "2", "3")
        first, second = (event_ids.encode({"kept:a": Position(n, "one", f"{n:08x}")}) for n in (1, 2))
        cases = (
            (f"channel=kept:a&last_event_id={first}", {}, ["2", "3"]),
            ("channel=kept:a", {"last_event_id": second}, ["3"]),
            (f"channel=kept:a&last_event_id={first}", {"last_event_id": second}, ["3"]),
            (f"channel=kept:a&last_event_id={first}", {"last_event_id": ""}, ["2", "3"]),
            ("channel=kept:a&last_event_id=", {}, []),
        )
        for query, fields, expected in cases:
            with self.subTest(query, **fields):
                client = self.begin(query, **fields)
                self.assertEqual([f"event: kept:a|data: {data}" for data in expected], self.events(client))
                client.lose()

    def test_id_of_somebody_else_resets(self) -> None:
        """Nobody knows what was missed."""
        client = self.begin("channel=kept:a&channel=b", last_event_id="42")
        self.assertEqual(['event: reset|data: {"channel":"kept:a"}'], self.events(client))

    def test_cached_channel_begins_with_the_latest(self) -> None:
        """Its namespace says so."""
        self.stage.publish("price:x", "1", "2")
        self.assertEqual(["event: price:x|data: 2"], self.events(self.begin("channel=price:x")))

    def test_heartbeat_is_a_comment(self) -> None:
        """It dispatches nothing in the browser."""
        client = self.begin("channel=a")
        client.received()
        client.advance(26)
        self.assertEqual(b"3\r\n:\n\n\r\n", client.received())

    def test_daemon_that_stops_says_when_to_come_back(self) -> None:
        """Each browser at a time of its own; the answer is complete."""
        client = self.begin("channel=a")
        client.received()
        self.endpoint.sessions.close_all()
        self.assertRegex(client.received().decode(), r"\A[0-9a-f]+\r\nretry: [1-4]\d\d\d\n\n\r\n0\r\n\r\n\Z")

    def test_daemon_that_is_stopping_sends_browsers_away_to_come_back(self) -> None:
        """What is refused an EventSource does not ask again."""
        self.endpoint.sessions.close_all()
        client = self.begin("channel=a")
        head, chunks = header_and_chunks(client.received())
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK\r\n"), head)
        self.assertIn(b"Content-Type: text/event-stream\r\n", head)
        self.assertRegex(chunks[0].decode(), r"\Aretry: [1-4]\d\d\d\n\n\Z")
        self.assertEqual(([b""], 0), (chunks[1:], len(self.endpoint.sessions)))

    def test_other_ends_say_nothing(self) -> None:
        """The browser comes back after its usual time."""
        client = self.begin("channel=a")
        client.received()
        for session in list(self.endpoint.sessions._anonymous):
            session.close(3000, "enough")
        self.assertEqual(b"0\r\n\r\n", client.received())

    def test_client_that_leaves_is_forgotten(self) -> None:
        """Nobody listens any more."""
        client = self.begin("channel=a")
        client.lose()
        self.assertEqual((set(), 0), (self.stage.archive.wanted, len(self.endpoint.sessions)))

    def test_stream_that_ended_leaves_no_garbage(self) -> None:
        """Nothing of it waits for the garbage collector, whoever ended it."""
        gc.disable()
        self.addCleanup(gc.enable)
        for ends in (Client.lose, lambda client: self.endpoint.sessions.close_all()):
            client = self.begin("channel=kept:a&channel=b")
            (session,) = self.endpoint.sessions._anonymous
            left = weakref.ref(session)
            del session
            ends(client)
            client.lose()
            del client
            self.assertIsNone(left())

    def test_same_bytes_for_all(self) -> None:
        """Whoever listens to the same channels shares each event."""
        clients = [self.begin("channel=kept:a&channel=b"), self.begin("channel=b&channel=kept:a")]
        for client in clients:
            client.received()
        self.stage.publish("kept:a", "1")
        first, second = (client.received() for client in clients)
        self.assertEqual(first, second)
        self.assertIn(b"data: 1\n", first)


class RefusalTests(EventsTestCase):
    """What is wrong is said before the stream begins, because a browser does not try such a URL again."""

    CASES = {
        "": (400, "Say which channels"),
        "channel=": (400, "cannot be a channel's name"),
        "channel=a%20b": (400, "cannot be a channel's name"),
        "channel=a&channel=b&channel=c&channel=d": (400, "4 channels; allowed: 3"),
        "channel=elsewhere:a": (400, "no namespace; allowed: "),
        "channel=reset": (400, "is an event of every stream"),
        "channel=error": (400, "is an event of every stream"),
        "channel=mine:a": (403, "'mine:a' is not for everybody"),
        "channel=deal:a": (403, "is not for everybody"),
        "channel=none:a": (403, "is not for everybody"),
        "channel=inbox#42".replace("#", "%23"): (403, "'inbox#42' is not for everybody"),
        "channel=a&channel=none:a": (403, "'none:a' is not for everybody"),
    }

    def test_refusals(self) -> None:
        """With a status and a sentence."""
        for query, (status, words) in self.CASES.items():
            with self.subTest(query):
                answer = self.refused(query)
                self.assertEqual(status, answer.status)
                self.assertIn(words, answer.body.decode())

    def test_page_of_another_origin_is_refused(self) -> None:
        """Unless it is allowed; then it may read the answer."""
        self.assertEqual(403, self.refused("channel=a", origin="https://foe.example").status)
        head, _ = header_and_chunks(self.begin("channel=a", origin="https://friend.example").received())
        self.assertIn(b"Access-Control-Allow-Origin: https://friend.example", head)

    def test_other_methods_are_refused(self) -> None:
        """405 with what is allowed; a preflight is answered."""
        client = Client(factory=self.factory)
        answer = client.ask("POST", "/events?channel=a")
        self.assertEqual((405, "GET"), (answer.status, answer.fields["allow"]))
        answer = client.ask("OPTIONS", "/events?channel=a", origin="https://friend.example")
        self.assertEqual((204, "OPTIONS, GET"), (answer.status, answer.fields["access-control-allow-methods"]))

    def test_too_many_streams_are_refused(self) -> None:
        """503, as for sessions; one that leaves makes room."""
        clients = [self.begin("channel=a") for _ in range(2)]
        (answer,) = self.begin("channel=a").answers()
        self.assertEqual(503, answer.status)
        clients[0].lose()
        self.assertIn(b"200 OK", self.begin("channel=a").received())
