# -*- test-case-name: tests.endpoints.test_lasting -*-
"""A request that carries a session's messages until one of the two ends it."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Endpoint as Options
from sockjsd.endpoints.lasting import Lasting, Style
from sockjsd.http.application import Application
from sockjsd.http.fields import block
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.handler import EndpointHandler
from tests.http.memory import Client, request
from tests.transports.server import header_and_chunks

STYLE = Style(Envelope(suffix=b"\n"), b"beat\n", lambda code, reason: f"bye {code} {reason}\n".encode())


class Talk(SockJSConnection):
    """Says what it is told to, and notes its end."""

    lost = 0

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Nothing yet: that is the point."""

    def connectionLost(self) -> None:
        """Note it."""
        self.lost += 1


class Begin(EndpointHandler):
    """A URL that begins such an answer."""

    METHODS = ("GET",)

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        super().take(options)
        self.talk: Talk = options["talk"]

    def handle(self, *arguments: str) -> None:
        """Carry a session."""
        session = self.endpoint.sessions.create(self.info("eventsource"), None, binary=True, connection=self.talk)
        tally = self.endpoint.stats.tallies["eventsource"]
        Lasting(self.exchange, session, block({"Content-Type": "text/x"}), STYLE, tally).carry()


class LastingTests(SynchronousTestCase):
    """One client and its answer."""

    def setUp(self) -> None:
        """Ask for it."""
        self.client = Client()
        self.talk = Talk()
        options = Options("lasting", application="echo", transports=("eventsource",), output_limit=200_000)
        self.endpoint = Endpoint(options, Talk, self.client.wheel, self.client.clock, Origins(["*"]))
        self.client.factory.application = Application(
            [("/lasting", Begin, {"endpoint": self.endpoint, "talk": self.talk})]
        )
        self.client.send(request("GET", "/lasting"))

    @property
    def tally(self) -> tuple[int, int, int]:
        """What was counted: connections now, connections, messages."""
        tally = self.endpoint.stats.tallies["eventsource"]
        return tally.active, tally.opened, tally.sent

    def chunks(self) -> list[bytes]:
        """Return the chunks of an answer that has begun."""
        head, chunks = header_and_chunks(self.client.received())
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"), head)
        self.assertIn(b"Content-Type: text/x", head)
        return chunks

    def test_answer_begins_with_the_first_message(self) -> None:
        """Before that the client only knows that it waits."""
        self.assertEqual(b"", self.client.received())
        self.talk.sendMessage("a")
        self.assertEqual([b'a["a"]\n'], self.chunks())
        self.talk.sendMessage("b")
        self.assertEqual(b'7\r\na["b"]\n\r\n', self.client.received())
        self.assertEqual((1, 1, 2), self.tally)

    def test_answer_begins_with_a_heartbeat(self) -> None:
        """A silent client, and the proxies on the way, know that somebody is there."""
        self.client.advance(26)
        self.assertEqual([b"beat\n"], self.chunks())

    def test_application_closes(self) -> None:
        """The last words, and the answer is complete; the connection goes on."""
        self.talk.sendMessage("a")
        self.talk.close(3000, "enough")
        self.assertEqual([b'a["a"]\n', b"bye 3000 enough\n", b""], self.chunks())
        self.assertFalse(self.client.closed)
        self.assertEqual((1, (0, 1, 1), 0), (self.talk.lost, self.tally, len(self.endpoint.sessions)))

    def test_daemon_stops_before_there_was_a_message(self) -> None:
        """It says goodbye all the same."""
        self.endpoint.sessions.close_all()
        self.assertEqual([b"bye 1001 Server is going away\n", b""], self.chunks())

    def test_client_leaves(self) -> None:
        """The application hears it once, and nothing stays."""
        for sent in (False, True):
            with self.subTest(sent=sent):
                self.setUp()
                if sent:
                    self.talk.sendMessage("a")
                self.client.lose()
                self.talk.sendMessage("b")
                self.assertEqual((1, 0), (self.talk.lost, len(self.endpoint.sessions)))
                self.assertEqual(0, self.tally[0])

    def test_client_that_does_not_read_is_waited_for(self) -> None:
        """Then it gets all that waited as one batch."""
        self.talk.sendMessage("a")
        self.chunks()
        self.client.block()
        self.talk.sendMessage("b")
        self.talk.sendMessage("c")
        self.assertEqual(b"", self.client.received())
        self.client.unblock()
        self.assertEqual(b'b\r\na["b","c"]\n\r\n', self.client.received())

    def test_client_that_reads_too_slowly_is_closed(self) -> None:
        """What waits is bounded, and what was dropped is counted."""
        self.talk.sendMessage("a")
        self.client.block()
        for _ in range(5):
            self.talk.sendMessage("x" * 50_000)
        self.assertEqual(1, self.talk.lost)
        self.assertEqual((1, 4), (self.endpoint.sessions.losses.connections, self.endpoint.sessions.losses.messages))
        self.client.lose()

    def test_http_1_0_ends_with_the_connection(self) -> None:
        """There are no chunks then."""
        client = Client(factory=self.client.factory)
        client.send(request("GET", "/lasting", version="1.0"))
        self.talk.sendMessage("a")
        self.talk.close(3000, "enough")
        self.assertEqual(b'a["a"]\nbye 3000 enough\n', client.received().partition(b"\r\n\r\n")[2])
        self.assertTrue(client.closed)
