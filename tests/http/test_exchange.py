# -*- test-case-name: tests.http.test_exchange -*-
"""One request and its answer: what is sent, in which order it may be, and what the end does."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

from twisted.internet.address import IPv4Address
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import HTTPError, StateError
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.fields import block
from sockjsd.http.headers import Headers
from sockjsd.http.proxies import Sender
from sockjsd.http.rules import check
from tests.http.fakes import DATE, SWITCH, Tunnel, Wire

#: What can be done to an exchange.
ACTIONS: dict[str, Callable[[Exchange], None]] = {
    "respond": lambda exchange: exchange.respond(200, b"", b"all"),
    "refuse": lambda exchange: exchange.refuse(HTTPError(400, "no")),
    "start": lambda exchange: exchange.start(200),
    "write": lambda exchange: exchange.write(b"part"),
    "end": lambda exchange: exchange.end(),
    "upgrade": lambda exchange: exchange.upgrade(SWITCH, Tunnel()),
    "abort": lambda exchange: exchange.abort(),
}
#: Which of them are right after which; "" is the beginning.  After abort() the client counts as gone.
RIGHT = {
    "": {"respond", "refuse", "start", "upgrade", "abort"},
    "start": {"write", "end", "abort"},
    "write": {"write", "end", "abort"},
    "respond": {"abort"},
    "refuse": {"abort"},
    "end": {"abort"},
    "upgrade": {"abort"},
}
#: How to get there.
WAYS = {"": (), "write": ("start", "write"), "end": ("start", "end")}


class ExchangeTestCase(SynchronousTestCase):
    """An exchange whose request is complete, on a wire that remembers."""

    def setUp(self) -> None:
        self.wire = Wire()

    def exchange(self, method: str = "GET", version: str = "1.1", *fields: tuple[str, str]) -> Exchange:
        """Return an exchange that waits for its answer."""
        exchange = Exchange(check(method, "/a?b", version, Headers.of([("Host", "example.com"), *fields])), self.wire)
        exchange.phase = Phase.RECEIVED
        return exchange

    def assert_sent(self, *lines: bytes, body: bytes = b"") -> None:
        """Exactly this was sent: the head's lines, with the date as the second, and the body."""
        head = lines[0] + b"\r\n" + DATE + b"".join(line + b"\r\n" for line in lines[1:]) + b"\r\n"
        self.assertEqual(self.wire.sent, head + body)


class AnswerTests(ExchangeTestCase):
    """What is sent."""

    def test_complete_answer_is_one_write(self) -> None:
        """With its length, and the fields that it is given."""
        exchange = self.exchange()
        exchange.respond(200, block({"X": "y"}), b"body")
        self.assert_sent(b"HTTP/1.1 200 OK", b"X: y", b"Content-Length: 4", body=b"body")
        self.assertEqual((self.wire.done_with, exchange.phase), ([exchange], Phase.DONE))

    def test_empty_answer_has_a_length(self) -> None:
        """Else the client would wait for the end of the connection."""
        self.exchange().respond(404)
        self.assert_sent(b"HTTP/1.1 404 Not Found", b"Content-Length: 0")

    def test_phrase_is_sent(self) -> None:
        """Whichever way the answer is given."""
        self.exchange().respond(200, phrase="Fine")
        self.assertTrue(self.wire.sent.startswith(b"HTTP/1.1 200 Fine\r\n"))
        self.wire.sent = b""
        self.exchange().start(200, phrase="Fine")
        self.assertTrue(self.wire.sent.startswith(b"HTTP/1.1 200 Fine\r\n"))

    def test_refusal_is_plain_text(self) -> None:
        """And ends the connection where what follows cannot be trusted."""
        for close, lines in ((False, ()), (True, (b"Connection: close",))):
            with self.subTest(close=close):
                self.wire.sent = b""
                exchange = self.exchange()
                exchange.refuse(HTTPError(400, "No ☃", close=close))
                self.assert_sent(
                    b"HTTP/1.1 400 Bad Request",
                    b"Content-Type: text/plain; charset=UTF-8",
                    b"Content-Length: 5",
                    *lines,
                    body=b"No ?\n",
                )
                self.assertEqual(exchange.keep_alive, not close)

    def test_refusal_before_body_ends_connection(self) -> None:
        """The rest of the body would be read as a request."""
        exchange = self.exchange()
        exchange.phase = Phase.RECEIVING
        exchange.respond(413)
        self.assertFalse(exchange.keep_alive)
        self.assertIn(b"Connection: close\r\n", self.wire.sent)

    def test_last_answer_says_so(self) -> None:
        """While the daemon stops."""
        self.wire.draining = True
        exchange = self.exchange()
        exchange.respond(200)
        self.assertFalse(exchange.keep_alive)
        self.assertIn(b"Connection: close\r\n", self.wire.sent)

    def test_handler_may_want_the_connection_to_end(self) -> None:
        """Before the answer it is said, in the middle of one it is done."""
        exchange = self.exchange()
        exchange.close_after()
        exchange.respond(200)
        self.assertIn(b"Connection: close\r\n", self.wire.sent)
        late = self.exchange()
        late.start(200)
        self.assertTrue(late.keep_alive)
        late.close_after()
        late.end()
        self.assertFalse(late.keep_alive)

    def test_body_goes_out_in_chunks(self) -> None:
        """One for each write, and none that would be the end."""
        exchange = self.exchange()
        exchange.start(200, block({"X": "y"}))
        self.assert_sent(b"HTTP/1.1 200 OK", b"X: y", b"Transfer-Encoding: chunked")
        self.wire.sent = b""
        exchange.write(b"")
        exchange.write(b"x" * 26)
        self.assertEqual(self.wire.sent, b"1a\r\n" + b"x" * 26 + b"\r\n")
        exchange.end()
        self.assertTrue(self.wire.sent.endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(self.wire.done_with, [exchange])

    def test_old_client_gets_no_chunks(self) -> None:
        """The end of the connection is that of the answer."""
        exchange = self.exchange("GET", "1.0", ("Connection", "keep-alive"))
        exchange.start(200)
        exchange.write(b"body")
        exchange.end()
        self.assert_sent(b"HTTP/1.1 200 OK", b"Connection: close", body=b"body")
        self.assertFalse(exchange.keep_alive)

    def test_old_client_is_told_that_connection_stays(self) -> None:
        """It asked for that, and needs a yes."""
        self.exchange("GET", "1.0", ("Connection", "keep-alive")).respond(200)
        self.assert_sent(b"HTTP/1.1 200 OK", b"Content-Length: 0", b"Connection: keep-alive")

    def test_declared_length_is_kept(self) -> None:
        """What is beyond it is dropped: it would be read as the next answer."""
        exchange = self.exchange()
        exchange.start(200, length=6)
        for piece in (b"four", b"four", b"more"):
            exchange.write(piece)
        exchange.end()
        self.assert_sent(b"HTTP/1.1 200 OK", b"Content-Length: 6", body=b"fourfo")
        self.assertTrue(exchange.keep_alive)

    def test_answer_shorter_than_declared_is_cut(self) -> None:
        """The client would take the next answer for the rest."""
        exchange = self.exchange()
        exchange.start(200, length=6)
        exchange.write(b"four")
        exchange.end()
        self.assertFalse(exchange.keep_alive)
        self.assertEqual(self.wire.done_with, [exchange])

    def test_head_is_answered_with_head(self) -> None:
        """The one that GET would get."""
        self.exchange("HEAD").respond(200, b"", b"body")
        self.assert_sent(b"HTTP/1.1 200 OK", b"Content-Length: 4")
        for length, line in ((7, b"Content-Length: 7"), (None, b"Transfer-Encoding: chunked")):
            with self.subTest(length=length):
                self.wire.sent = b""
                exchange = self.exchange("HEAD")
                exchange.start(200, length=length)
                exchange.write(b"body")
                exchange.end()
                self.assert_sent(b"HTTP/1.1 200 OK", line)
                self.assertTrue(exchange.keep_alive)

    def test_answers_without_body(self) -> None:
        """Have no length either (RFC 9110 section 8.6), and end in HTTP/1.0 as in 1.1."""
        for status, phrase in ((204, b"No Content"), (304, b"Not Modified")):
            for length in (None, 5):
                with self.subTest(status=status, length=length):
                    self.wire.sent = b""
                    exchange = self.exchange("GET", "1.1")
                    exchange.start(status, length=length)
                    exchange.write(b"body")
                    exchange.end()
                    self.assert_sent(b"HTTP/1.1 %d %b" % (status, phrase))
                    self.assertTrue(exchange.keep_alive)
            self.wire.sent = b""
            self.exchange().respond(status, b"", b"body")
            self.assert_sent(b"HTTP/1.1 %d %b" % (status, phrase))

    def test_bad_status_begins_nothing(self) -> None:
        """So that another answer can still be given."""
        exchange = self.exchange()
        self.assertRaises(StateError, exchange.start, 200, phrase="\r\n")
        self.assertRaises(StateError, exchange.respond, 200, phrase="\r\n")
        exchange.respond(500)
        self.assertTrue(self.wire.sent.startswith(b"HTTP/1.1 500 "))

    def test_upgrade_gives_socket_away(self) -> None:
        """After the head that the caller made."""
        exchange, tunnel = self.exchange(), Tunnel()
        exchange.upgrade(SWITCH, tunnel)
        self.assertEqual((self.wire.sent, self.wire.upgraded_to, self.wire.done_with), (SWITCH, [tunnel], []))

    def test_client_is_told_once_to_go_on(self) -> None:
        """It asked once."""
        exchange = self.exchange("POST", "1.1", ("Expect", "100-continue"), ("Content-Length", "1"))
        self.assertEqual([exchange.expects_continue(), exchange.expects_continue()], [True, False])

    def test_socket_takes_data_or_not(self) -> None:
        """As the wire says."""
        exchange = self.exchange()
        self.assertTrue(exchange.writable)
        self.wire.writable = False
        self.assertFalse(exchange.writable)


class OrderTests(ExchangeTestCase):
    """What may be done after what."""

    def at(self, state: str) -> Exchange:
        """Return an exchange to which the actions that lead to *state* were done."""
        exchange = self.exchange()
        for action in WAYS.get(state, (state,)):
            ACTIONS[action](exchange)
        return exchange

    def test_right_order_is_accepted(self) -> None:
        """Each pair that the table allows."""
        for state, right in RIGHT.items():
            for action in right:
                with self.subTest(state=state, action=action):
                    ACTIONS[action](self.at(state))

    def test_wrong_order_is_a_bug(self) -> None:
        """Each pair that it does not; nothing is sent, and nothing changes."""
        for state, right in RIGHT.items():
            for action in set(ACTIONS) - right:
                with self.subTest(state=state, action=action):
                    exchange = self.at(state)
                    phase, sent, done = exchange.phase, self.wire.sent, len(self.wire.done_with)
                    self.assertRaises(StateError, ACTIONS[action], exchange)
                    self.assertEqual((exchange.phase, self.wire.sent, len(self.wire.done_with)), (phase, sent, done))

    def test_nothing_happens_after_client_left(self) -> None:
        """Nor after the answer was cut: no handler has to look before each step."""
        for state in ("", "start", "write"):
            for leave in (Exchange.lost, Exchange.abort):
                for action in ACTIONS:
                    with self.subTest(state=state, leave=leave.__name__, action=action):
                        exchange = self.at(state)
                        leave(exchange)
                        sent, done = self.wire.sent, len(self.wire.done_with)
                        ACTIONS[action](exchange)
                        self.assertEqual((self.wire.sent, len(self.wire.done_with)), (sent, done))
                        self.assertEqual(self.wire.upgraded_to, [])


class EndTests(ExchangeTestCase):
    """What the end does."""

    def test_handler_is_told_once_that_client_left(self) -> None:
        """And sees it."""
        gone: list[bool] = []
        exchange = self.exchange()
        exchange.on_gone = lambda: gone.append(exchange.gone)
        exchange.lost()
        exchange.lost()
        self.assertEqual(gone, [True])

    def test_handler_that_has_answered_is_not_told(self) -> None:
        """There is nothing that it waits for."""
        for action in ("respond", "upgrade"):
            exchange = self.exchange()
            exchange.on_gone = exchange.on_drained = lambda: self.fail("told")
            ACTIONS[action](exchange)
            exchange.lost()
            exchange.on_drained()
            self.assertFalse(exchange.gone)

    def test_callbacks_do_nothing_by_default(self) -> None:
        """No handler has to set them."""
        exchange = self.exchange()
        exchange.on_drained()
        exchange.on_gone()

    def test_abort_ends_connection(self) -> None:
        """Whoever waits is told; an answer that only the end completes is cut hard."""
        for version, length, cut in (("1.1", None, False), ("1.0", None, True), ("1.0", 9, False), ("1.1", 9, False)):
            with self.subTest(version=version, length=length):
                self.wire = Wire()
                gone: list[str] = []
                exchange = self.exchange("GET", version)
                exchange.on_gone = lambda gone=gone: gone.append("gone")  # type: ignore[misc]  # binds the loop's
                exchange.start(200, length=length)
                exchange.abort()
                self.assertEqual((gone, self.wire.aborted, exchange.keep_alive), (["gone"], cut, False))
                self.assertEqual(self.wire.done_with, [exchange])

    def test_abort_before_answer_needs_no_cut(self) -> None:
        """Nothing was sent that could be taken for an answer."""
        exchange = self.exchange()
        exchange.abort()
        self.assertEqual((self.wire.sent, self.wire.aborted, exchange.keep_alive), (b"", False, False))

    def test_file_is_closed_in_every_ending(self) -> None:
        """Answered, refused, ended, upgraded, cut, left."""
        for end in ("respond", "refuse", "end", "upgrade", "abort", "lost"):
            with self.subTest(end=end):
                exchange = self.exchange()
                file = exchange.file = BytesIO()
                if end == "end":
                    exchange.start(200)
                ACTIONS.get(end, Exchange.lost)(exchange)
                self.assertTrue(file.closed)

    def test_file_that_was_taken_stays_open(self) -> None:
        """It has another owner."""
        exchange = self.exchange()
        file = exchange.file = BytesIO()
        exchange.file = None
        exchange.respond(200)
        self.assertFalse(file.closed)


class RequestTests(ExchangeTestCase):
    """The request that comes with an exchange."""

    def test_request_is_that_of_the_head(self) -> None:
        """And of the connection."""
        head = check("PUT", "/a?b", "1.1", Headers.of([("Host", "example.com"), ("X", "y")]))
        exchange = Exchange(head, self.wire, Sender(IPv4Address("TCP", "192.0.2.7", 1), True))
        request = exchange.request
        self.assertEqual((request.method, request.uri, request.version), ("PUT", "/a?b", "HTTP/1.1"))
        self.assertEqual((request.host, request.remote_ip, request.protocol), ("example.com", "192.0.2.7", "https"))
        self.assertEqual((request.headers["X"], request.connection), ("y", exchange))

    def test_peer_may_have_no_address(self) -> None:
        """As on a Unix socket."""
        request = self.exchange().request
        self.assertEqual((request.remote_ip, request.protocol), ("", "http"))
