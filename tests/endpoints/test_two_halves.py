# -*- test-case-name: tests.endpoints.test_two_halves -*-
"""The client protocol over requests that last: the first commands in, everything else out."""

from __future__ import annotations

from urllib.parse import quote

from twisted.trial.unittest import SynchronousTestCase

from tests.endpoints.protocol_server import SHUTDOWN, ProtocolServer
from tests.http.memory import Client
from tests.transports.server import header_and_chunks

STREAM = "/connection/http_stream"
SSE = "/connection/sse"
CONNECT = '{"id":1,"connect":{}}'
ANSWER = b'{"id":1,"connect":{"client":"c"}}'


def with_connect(path: str, text: str = CONNECT) -> str:
    """Return the URL with the first commands."""
    return f"{path}?cf_connect={quote(text)}"


class HalfTestCase(SynchronousTestCase):
    """One server."""

    def setUp(self) -> None:
        """Build it."""
        self.server = ProtocolServer(output_limit=100_000)

    def chunks(self, client: Client) -> list[bytes]:
        """Return the chunks of an answer that has begun."""
        head, chunks = header_and_chunks(client.received())
        self.assertTrue(head.startswith(b"HTTP/1.1 200 OK"), head)
        self.head = head
        return chunks


class HTTPStreamTests(HalfTestCase):
    """``/http_stream``: lines."""

    def begin(self, body: bytes = CONNECT.encode(), **fields: str) -> Client:
        """Begin one."""
        return self.server.begin("POST", STREAM, body, **fields)

    def test_first_commands_are_answered(self) -> None:
        """Each reply is a line."""
        client = self.begin()
        self.assertEqual([ANSWER + b"\n"], self.chunks(client))
        self.assertEqual(([CONNECT], ["http_stream"]), (self.server.heard, self.server.transports))
        for field in (b"Content-Type: application/json", b"X-Accel-Buffering: no", b"no-store"):
            self.assertIn(field, self.head)

    def test_head_does_not_wait_for_an_answer(self) -> None:
        """An SDK takes it for the open connection."""
        self.assertEqual([], self.chunks(self.begin(b'{"id":1,"rpc":{}}')))

    def test_commands_come_together(self) -> None:
        """As one text, as a WebSocket would bring them."""
        self.begin(b'{"id":1,"rpc":{}}\n{"id":2,"rpc":{}}\n')
        self.assertEqual(['{"id":1,"rpc":{}}\n{"id":2,"rpc":{}}\n'], self.server.heard)

    def test_pushes_are_lines(self) -> None:
        """A message with several is sent as it is."""
        client = self.begin()
        client.received()
        self.server.client.sendMessage('{"push":1}\n{"push":2}')
        self.server.client.sendMessage("{}")
        _, chunks = header_and_chunks(b"\r\n\r\n" + client.received())
        self.assertEqual([b'{"push":1}\n{"push":2}\n', b"{}\n"], chunks)

    def test_end_is_a_push(self) -> None:
        """With the code and the words; then the answer is complete."""
        client = self.begin()
        client.received()
        self.server.client.close(3503, 'force "disconnect"')
        _, chunks = header_and_chunks(b"\r\n\r\n" + client.received())
        self.assertEqual([b'{"push":{"disconnect":{"code":3503,"reason":"force \\"disconnect\\""}}}\n', b""], chunks)
        self.assertEqual(0, self.server.sessions)

    def test_daemon_that_stops_says_so_in_the_protocol(self) -> None:
        """1001 means nothing to an SDK."""
        client = self.begin()
        client.received()
        for endpoint in self.server.endpoints:
            endpoint.sessions.close_all()
        self.assertIn(f'{{"push":{{"disconnect":{SHUTDOWN}}}}}\n'.encode(), client.received())

    def test_application_that_fails_says_so_in_the_protocol(self) -> None:
        """It is our fault: the client comes back."""
        client = self.begin(b'{"id":1,"raise":{}}')
        self.assertIn(b'{"code":3004,"reason":"internal server error"}', client.received())
        self.assertEqual(1, len(self.flushLoggedErrors(LookupError)))

    def test_nothing_is_sent_beside_the_protocol(self) -> None:
        """It has pings of its own."""
        client = self.begin()
        client.received()
        client.advance(60)
        self.assertEqual(b"", client.received())

    def test_client_that_leaves_is_lost(self) -> None:
        """At once."""
        self.begin().lose()
        self.assertEqual([CONNECT, "lost 1002"], self.server.heard)
        self.assertEqual(0, self.server.sessions)

    def test_refusals(self) -> None:
        """With a sentence; no session begins."""
        cases = (
            ("POST", b"", {}, 400, b"The first commands are missing"),
            ("POST", b" \n", {}, 400, b"The first commands are missing"),
            ("POST", b"\xff", {}, 400, b"Commands are UTF-8"),
            ("POST", b"{}", {"content_type": "application/octet-stream"}, 415, b"Only JSON"),
            ("GET", b"", {}, 405, b""),
            ("POST", b"{}", {"origin": "https://foe.example"}, 403, b"origin"),
            ("POST", b"x" * (64 * 1024 + 1), {}, 413, b""),
        )
        for method, body, fields, status, words in cases:
            with self.subTest(status=status, body=body[:10]):
                answer = self.server.ask(method, STREAM, body, **fields)
                self.assertEqual(status, answer.status)
                self.assertIn(words, answer.body)
        self.assertEqual((0, []), (self.server.sessions, self.server.transports))

    def test_allowed_origin_may_read(self) -> None:
        """A preflight is answered for what an SDK sends."""
        origin = "https://friend.example"
        wanted = {"access_control_request_method": "POST", "access_control_request_headers": "content-type"}
        answer = self.server.ask("OPTIONS", STREAM, origin=origin, **wanted)
        self.assertEqual((204, "content-type"), (answer.status, answer.fields["access-control-allow-headers"]))
        self.chunks(self.begin(origin=origin))
        self.assertIn(b"Access-Control-Allow-Origin: https://friend.example", self.head)

    def test_sessions_are_limited(self) -> None:
        """503 for one more."""
        self.server = ProtocolServer(session_limit=1)
        self.begin()
        self.assertEqual(503, self.server.ask("POST", STREAM, CONNECT.encode()).status)


class SSETests(HalfTestCase):
    """``/sse``: events."""

    def test_commands_in_url(self) -> None:
        """An EventSource cannot send a body."""
        client = self.server.begin("GET", with_connect(SSE, '{"id":1,"connect":{"data":"ä€"}}'))
        self.assertEqual([b"data: " + ANSWER + b"\n\n"], self.chunks(client))
        self.assertIn(b"Content-Type: text/event-stream", self.head)
        self.assertEqual((['{"id":1,"connect":{"data":"ä€"}}'], ["sse"]), (self.server.heard, self.server.transports))

    def test_commands_in_body(self) -> None:
        """Others can."""
        client = self.server.begin("POST", SSE, CONNECT.encode())
        self.assertEqual([b"data: " + ANSWER + b"\n\n"], self.chunks(client))

    def test_lines_of_a_message_are_one_event(self) -> None:
        """The browser joins them as they were."""
        client = self.server.begin("GET", with_connect(SSE))
        client.received()
        self.server.client.sendMessage('{"push":1}\n{"push":2}')
        self.assertIn(b'data: {"push":1}\ndata: {"push":2}\n\n', client.received())

    def test_end_is_a_push(self) -> None:
        """In an event."""
        client = self.server.begin("GET", with_connect(SSE))
        client.received()
        self.server.client.close(3000, "x")
        self.assertIn(b'data: {"push":{"disconnect":{"code":3000,"reason":"x"}}}\n\n', client.received())

    def test_missing_commands_are_refused(self) -> None:
        """And those that are no text."""
        for target in (SSE, f"{SSE}?cf_connect=", f"{SSE}?cf_connect=%ff"):
            with self.subTest(target):
                self.assertEqual(400, self.server.ask("GET", target).status)


class EncodingTests(HalfTestCase):
    """One message for many clients."""

    def test_client_that_does_not_read_gets_all_at_once(self) -> None:
        """Each message still a line."""
        client = self.server.begin("POST", STREAM, CONNECT.encode())
        client.received()
        client.block()
        for number in range(3):
            self.server.client.sendMessage(f'{{"push":{number}}}')
        client.unblock()
        self.assertIn(b'{"push":0}\n{"push":1}\n{"push":2}\n', client.received())
