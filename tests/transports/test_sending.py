# -*- test-case-name: tests.transports.test_sending -*-
"""``xhr_send`` and ``jsonp_send``: from a request's body to the application."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.sockjs.origins import Origins
from tests.http.memory import PEER, Answer, request
from tests.transports.server import Server

FORM = "application/x-www-form-urlencoded"
NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"

#: What is wrong, the body, and the answer (section "XhrPolling", ``test_invalid_json``).
BAD_PAYLOADS = [
    ("nothing", b"", 500, b"Payload expected."),
    ("half an array", b'["x', 500, b"Broken JSON encoding."),
    ("a lone bracket", b"[", 500, b"Broken JSON encoding."),
    ("bytes that are not UTF-8", b'["\xff"]', 500, b"Broken JSON encoding."),
    ("a byte order mark", b'\xef\xbb\xbf["x"]', 500, b"Broken JSON encoding."),
    ("many brackets", b"[" * 100_000, 500, b"Broken JSON encoding."),
    ("a string", b'"x"', 500, b"Payload expected: an array of strings."),
    ("an object", b'{"a":"b"}', 500, b"Payload expected: an array of strings."),
    ("a number", b"1", 500, b"Payload expected: an array of strings."),
    ("an array of numbers", b"[1]", 500, b"Payload expected: each message is a string."),
    ("an array of arrays", b'[["a"]]', 500, b"Payload expected: each message is a string."),
    ("null among strings", b'["a",null]', 500, b"Payload expected: each message is a string."),
    ("four messages", b'["a","b","c","d"]', 413, b"Too many messages in one array: at most 3."),
]


class XhrSendTests(SynchronousTestCase):
    """Section "XhrPolling", the sending half; it serves the streaming transports too."""

    def setUp(self) -> None:
        self.server = Server(messages_limit=3)
        self.server.ask("POST", "/0/s/xhr")
        self.server.events.clear()

    def send(self, body: bytes, **fields: str) -> Answer:
        """Send *body* to the session that is open."""
        return self.server.ask("POST", "/0/s/xhr_send", body, **fields)

    def test_messages_reach_application_in_order(self) -> None:
        """Each string of the array is one message."""
        answer = self.send(b'["a","","c"]')
        self.assertEqual((204, b""), (answer.status, answer.body))
        self.assertEqual(["got a", "got ", "got c"], self.server.events)

    def test_empty_array_holds_no_message(self) -> None:
        """Section "XhrPolling", ``test_sending_empty_frame``."""
        self.assertEqual(204, self.send(b"[]").status)
        self.assertEqual([], self.server.events)

    def test_answer_has_type_and_is_not_cached(self) -> None:
        """``test_transport``: plain text, no caching, CORS with credentials."""
        answer = self.send(b'["a"]', origin="http://page.example")
        self.assertEqual("text/plain; charset=UTF-8", answer.fields["content-type"])
        self.assertEqual(NOT_CACHED, answer.fields["cache-control"])
        self.assertEqual("http://page.example", answer.fields["access-control-allow-origin"])
        self.assertEqual("true", answer.fields["access-control-allow-credentials"])
        self.assertNotIn("content-length", answer.fields)

    def test_bad_payload_is_refused_and_session_lives(self) -> None:
        """What is wrong is said in the words of the SockJS text; the next request is as good as before."""
        for name, body, status, reason in BAD_PAYLOADS:
            with self.subTest(name):
                answer = self.send(body)
                self.assertEqual((status, reason), (answer.status, answer.body))
        self.assertEqual([], self.server.events)
        self.assertEqual(204, self.send(b'["x"]').status)

    def test_content_type_does_not_matter(self) -> None:
        """``test_content_types``: browsers send all kinds of them."""
        for content_type in (
            "text/plain",
            "T",
            "application/json",
            "application/xml",
            "",
            FORM,
            "text/plain;charset=x",
        ):
            with self.subTest(content_type):
                self.assertEqual(204, self.send(b'["a"]', content_type=content_type).status)
        self.assertEqual(["got a"] * 7, self.server.events)

    def test_unknown_session_is_not_found(self) -> None:
        """Sending opens no session."""
        self.assertEqual(404, self.server.ask("POST", "/0/other/xhr_send", b'["a"]').status)
        self.assertEqual(1, self.server.count)

    def test_surrogates_come_back_escaped(self) -> None:
        """Section "JSON Unicode Encoding": what no UTF-8 can carry is still echoed."""
        self.send(b'["\\ud800 and \\udc00"]')
        self.assertEqual(b'a["\\ud800 and \\udc00"]\n', self.server.ask("POST", "/0/s/xhr").body)

    def test_messages_after_end_are_ignored(self) -> None:
        """The application closed: the client may not know it yet."""
        self.send(b'["close"]')
        self.server.events.clear()
        self.assertEqual(204, self.send(b'["a"]').status)
        self.assertEqual([], self.server.events)

    def test_messages_behind_the_one_that_closes_are_ignored(self) -> None:
        """Nothing is received after the end."""
        self.send(b'["close","b"]')
        self.assertEqual(["got close", "lost 4000 as ordered"], self.server.events)

    def test_application_that_raises_ends_its_session_only(self) -> None:
        """The request was answered; the client learns the rest by its close frame."""
        self.assertEqual(204, self.send(b'["raise","b"]').status)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual(["got raise", "lost 1011 Internal error"], self.server.events)
        self.assertEqual(b'c[1011,"Internal error"]\n', self.server.ask("POST", "/0/s/xhr").body)

    def test_other_methods_are_refused(self) -> None:
        """405 with what is allowed, and no body."""
        for method in ("GET", "PUT", "HEAD", "DELETE"):
            with self.subTest(method):
                answer = self.server.ask(method, "/0/s/xhr_send")
                self.assertEqual((405, b""), (answer.status, answer.body))
                self.assertIn("POST", answer.fields["allow"])

    def test_foreign_page_cannot_send(self) -> None:
        """A page that may not connect cannot write into a session either, be its id known."""
        server = Server(origins=Origins([]))
        server.ask("POST", "/0/s/xhr")
        server.events.clear()
        self.assertEqual(403, server.ask("POST", "/0/s/xhr_send", b'["a"]', origin="http://evil.example").status)
        self.assertEqual(403, server.ask("POST", "/0/s/jsonp_send", b'["a"]', origin="http://evil.example").status)
        self.assertEqual([], server.events)

    def test_body_beyond_limit_is_refused(self) -> None:
        """413, and nothing reaches the application."""
        server = Server(send_limit=100)
        server.ask("POST", "/0/s/xhr")
        server.events.clear()
        self.assertEqual(204, server.ask("POST", "/0/s/xhr_send", json.dumps(["x" * 96]).encode()).status)
        self.assertEqual(413, server.ask("POST", "/0/s/xhr_send", json.dumps(["x" * 97]).encode()).status)
        self.assertEqual(["got " + "x" * 96], server.events)

    def test_message_is_answered_before_echo_is_sent(self) -> None:
        """On one connection, pipelined: the 204 first, then the poll with the echo."""
        client = self.server.client()
        client.send(request("POST", "/echo/0/s/xhr_send", b'["a"]') + request("POST", "/echo/0/s/xhr"))
        self.assertEqual([204, 200], [answer.status for answer in client.answers()])

    def test_address_of_opener_is_demanded_where_configured(self) -> None:
        """With ``verify_address`` a session does not exist for others."""
        server = Server(verify_address=True)
        server.ask("POST", "/0/s/xhr")
        stranger = server.client(peer=type(PEER)("TCP", "198.51.100.9", 4711))
        self.assertEqual(404, stranger.ask("POST", "/echo/0/s/xhr_send", b'["a"]').status)
        self.assertEqual(204, server.ask("POST", "/0/s/xhr_send", b'["a"]').status)


class JsonpSendTests(SynchronousTestCase):
    """Section "JsonpPolling", the sending half."""

    def setUp(self) -> None:
        self.server = Server()
        self.server.ask("GET", "/0/s/jsonp?c=f")
        self.server.events.clear()

    def send(self, body: bytes, content_type: str | None = FORM) -> Answer:
        """Send *body* to the session that is open."""
        return self.server.ask("POST", "/0/s/jsonp_send", body, content_type=content_type)

    def assert_received(self, *texts: str) -> None:
        """Check which messages the application got since the last time."""
        self.assertEqual([f"got {text}" for text in texts], self.server.events)
        self.server.events.clear()

    def test_form_is_decoded(self) -> None:
        """The array stands in the field ``d``."""
        answer = self.send(b"d=%5B%22x%22%5D")
        self.assertEqual((200, b"ok"), (answer.status, answer.body))
        self.assertEqual("text/plain; charset=UTF-8", answer.fields["content-type"])
        self.assertEqual(NOT_CACHED, answer.fields["cache-control"])
        self.assertNotIn("access-control-allow-origin", answer.fields)
        self.assert_received("x")

    def test_form_carries_every_character(self) -> None:
        """Percent-encoded as browsers do it, in both ways of writing a space."""
        text = 'ü ✓ 𝄞 +&=%;\n"\\'
        payload = json.dumps([text], ensure_ascii=False)
        for body in (urlencode({"d": payload}), "d=" + quote(payload)):
            with self.subTest(body):
                self.assertEqual(200, self.send(body.encode()).status)
                self.assert_received(text)

    def test_form_may_leave_characters_as_they_are(self) -> None:
        """A program that does not percent-encode UTF-8 is understood."""
        self.send('d=["ü"]'.encode())
        self.assert_received("ü")

    def test_form_with_charset_is_a_form(self) -> None:
        """The media type may have parameters, in any case."""
        self.send(b"d=%5B%22x%22%5D", "Application/X-WWW-Form-Urlencoded; charset=UTF-8")
        self.assert_received("x")

    def test_other_types_are_taken_as_they_are(self) -> None:
        """``test_content_types``: the body is the array."""
        for content_type in ("text/plain", "application/json", None):
            with self.subTest(content_type):
                self.assertEqual(b"ok", self.send(b'["%20"]', content_type).body)
                self.assert_received("%20")

    def test_form_without_payload_is_refused(self) -> None:
        """``test_invalid_json``; and more fields than any browser sends."""
        for body in (b"", b"d", b"d=", b"d=&d=x", b"x=1", b"&".join([b"a=1"] * 17)):
            with self.subTest(body):
                answer = self.send(body)
                self.assertEqual((500, b"Payload expected."), (answer.status, answer.body))

    def test_form_with_broken_payload_is_refused(self) -> None:
        """What is in the field is no JSON, or no UTF-8."""
        for body in (b"d=%5B%22x", b"d=%5B%22%FF%22%5D", b'd=["\xff"]'):
            with self.subTest(body):
                answer = self.send(body)
                self.assertEqual((500, b"Broken JSON encoding."), (answer.status, answer.body))
        self.assert_received()
