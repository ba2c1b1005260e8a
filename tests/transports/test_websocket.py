# -*- test-case-name: tests.transports.test_websocket -*-
"""WebSocket and raw WebSocket: from the handshake to each of the ways in which one can end."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.exchange import Exchange
from sockjsd.http.limits import LINGER
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import ConnectionInfo
from sockjsd.sockjs.envelopes import RAW_WEBSOCKET, WEBSOCKET
from sockjsd.sockjs.origins import Origins
from sockjsd.stats import Tally
from sockjsd.transports.websocket import WebSocketReceiver
from tests.http.memory import request
from tests.transports.server import HANDSHAKE, PROOF, Server, WebSocket
from tests.websocket.examples import client as masked

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
RAW = "/websocket"


def closing(code: int, reason: str = "") -> bytes:
    """Return the payload of a close frame."""
    return code.to_bytes(2, "big") + reason.encode()


#: The fields of requests that a page could make by mistake.
NOT_A_HANDSHAKE: list[dict[str, Any]] = [{}, {"upgrade": "WebSocket", "connection": "Upgrade"}]
#: A server's ordinary goodbye, after SockJS's own close frame.
GOODBYE = (CLOSE, closing(1000, "Normal closure"))


class HandshakeTests(SynchronousTestCase):
    """Section "WebSocket HTTP errors", and what goes right."""

    def setUp(self) -> None:
        self.server = Server()

    def refused(self, method: str = "GET", path: str = "/0/0/websocket", **fields: Any) -> int:
        """Return the status of a request that is no handshake, after checking that it made no session."""
        answer = self.server.ask(method, path, **fields)
        self.assertEqual((0, []), (self.server.count, self.server.events))
        return answer.status

    def test_handshake_is_answered(self) -> None:
        """``test_headersSanity``: 101 with the proof, without length."""
        for path in ("/0/s/websocket", RAW):
            lines = WebSocket(self.server, path).head.split(b"\r\n")
            with self.subTest(path):
                self.assertEqual(b"HTTP/1.1 101 Switching Protocols", lines[0])
                self.assertIn(f"Sec-WebSocket-Accept: {PROOF}".encode(), lines)
                self.assertIn(b"Upgrade: websocket", lines)
                self.assertIn(b"Connection: Upgrade", lines)
                self.assertFalse([line for line in lines if line.lower().startswith((b"content-length", b"transfer"))])

    def test_ordinary_request_is_refused(self) -> None:
        """``test_httpMethod``."""
        for path in ("/0/0/websocket", RAW):
            answer = self.server.ask("GET", path)
            with self.subTest(path):
                self.assertEqual((400, b'Can "Upgrade" only to "WebSocket".\n'), (answer.status, answer.body))

    def test_rewritten_connection_field_is_refused(self) -> None:
        """``test_invalidConnectionHeader``: some proxies do that."""
        answer = self.server.ask("GET", "/0/0/websocket", upgrade="WebSocket", connection="close")
        self.assertEqual((400, b'"Connection" must be "Upgrade".\n'), (answer.status, answer.body))

    def test_other_methods_are_refused(self) -> None:
        """``test_invalidMethod``: 405 without a body."""
        for fields in NOT_A_HANDSHAKE:
            answer = self.server.ask("POST", "/0/0/websocket", **fields)
            self.assertEqual((405, b"", "GET"), (answer.status, answer.body, answer.fields["allow"]))

    def test_other_version_is_told_ours(self) -> None:
        """426 with the version that is spoken here (RFC 6455 section 4.4)."""
        answer = self.server.ask("GET", "/0/0/websocket", **{**HANDSHAKE, "sec_websocket_version": "8"})
        self.assertEqual((426, "13"), (answer.status, answer.fields["sec-websocket-version"]))

    def test_broken_key_is_refused(self) -> None:
        """And there is no session of it."""
        for key in ("", "x", "a" * 24, None):
            self.assertEqual(400, self.refused(**{**HANDSHAKE, "sec_websocket_key": key}))

    def test_connection_serves_on_after_refusal(self) -> None:
        """What follows a refused upgrade is another request."""
        client = self.server.client()
        refused = request("GET", "/echo/0/0/websocket", **{**HANDSHAKE, "sec_websocket_version": "8"})
        client.send(refused + request("GET", "/echo/info"))
        self.assertEqual([426, 200], [answer.status for answer in client.answers()])

    def test_too_many_sessions_are_refused(self) -> None:
        """503, and the socket is not taken over."""
        server = Server(session_limit=1)
        WebSocket(server)
        answer = server.ask("GET", "/1/t/websocket", **HANDSHAKE)
        self.assertEqual((503, ["made"]), (answer.status, server.events))

    def test_upgrade_that_comes_to_nothing_leaves_no_session(self) -> None:
        """Nobody would ever end it: neither where it fails, nor where the client has left meanwhile."""
        self.patch(Exchange, "upgrade", lambda *anything: None)
        self.server.client().send(request("GET", "/echo/0/0/websocket", **HANDSHAKE))
        self.assertEqual((0, []), (self.server.count, self.server.events))

        def failing(*anything: object) -> None:
            raise RuntimeError("upgrade")

        self.patch(Exchange, "upgrade", failing)
        self.assertEqual(500, self.refused(**HANDSHAKE))
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_foreign_page_is_refused(self) -> None:
        """There is no CORS for WebSockets: the server has to look."""
        self.server = Server(origins=Origins([]))
        for path in ("/0/0/websocket", RAW):
            self.assertEqual(403, self.refused(path=path, **{**HANDSHAKE, "origin": "http://evil.example"}))


class MessageTests(SynchronousTestCase):
    """Section "Websocket": SockJS's framing over a WebSocket."""

    def setUp(self) -> None:
        self.server = Server(messages_limit=3)
        self.socket = WebSocket(self.server)
        self.assertEqual(["o"], self.socket.texts())
        self.server.events.clear()

    def test_array_is_echoed(self) -> None:
        """``test_transport``: each message is one frame."""
        self.socket.send('["a","b"]')
        self.assertEqual(['a["a"]', 'a["b"]'], self.socket.texts())
        self.assertEqual(["got a", "got b"], self.server.events)

    def test_single_string_is_a_message(self) -> None:
        """As sockjs-client sent it once."""
        self.socket.send('"a"')
        self.assertEqual(['a["a"]'], self.socket.texts())

    def test_empty_texts_are_ignored(self) -> None:
        """``test_empty_frame``."""
        for text in ("", "[]"):
            self.socket.send(text)
        self.socket.send('["a"]')
        self.assertEqual((['a["a"]'], ["got a"]), (self.socket.texts(), self.server.events))

    def test_messages_behind_handshake_are_read(self) -> None:
        """A client need not wait for the open frame; and frames may come in pieces."""
        data = masked(TEXT, b'["a"]')
        socket = WebSocket(Server(), behind=data[:3])
        socket.client.send(data[3:])
        self.assertEqual(["o", 'a["a"]'], socket.texts())

    def test_session_id_may_be_shared(self) -> None:
        """``test_reuseSessionId``: by WebSockets, at the same time and later."""
        other = WebSocket(self.server)
        self.assertEqual(["o"], other.texts())
        other.send('["b"]')
        self.socket.send('["a"]')
        self.assertEqual((['a["a"]'], ['a["b"]']), (self.socket.texts(), other.texts()))
        other.client.lose()
        self.assertEqual(["o"], WebSocket(self.server).texts())

    def test_session_is_not_found_by_other_requests(self) -> None:
        """A poll with its id is another session, and a send finds none."""
        self.assertEqual(404, self.server.ask("POST", "/0/s/xhr_send", b'["a"]').status)
        self.assertEqual(b"o\n", self.server.ask("POST", "/0/s/xhr").body)

    def test_every_text_comes_back(self) -> None:
        """In both directions; surrogates as escapes."""
        self.socket.send('["\\u0000 ü 𝄞 \\ud800"]')
        self.assertEqual(['a["\\u0000 ü 𝄞 \\ud800"]'], self.socket.texts())

    def test_pings_are_answered(self) -> None:
        """RFC 6455 section 5.5.2: each, before what came behind it in the same read."""
        self.socket.client.send(masked(PING, b"1") + masked(PING, b"2") + masked(TEXT, b'["a"]') + masked(PING))
        self.assertEqual([(PONG, b"1"), (PONG, b"2"), (TEXT, b'a["a"]'), (PONG, b"")], self.socket.frames())

    def test_ping_inside_a_message_is_answered_at_once(self) -> None:
        """Its end may be far away."""
        data = masked(TEXT, b'["a"]')
        self.socket.client.send(masked(TEXT, b'["', final=False) + masked(PING, b"1") + data[:3])
        self.assertEqual([(PONG, b"1")], self.socket.frames())

    def test_batch_is_sent_as_it_is(self) -> None:
        """What is encoded once for many."""
        self.server.connections[0].session.deliver(Batch(["1", "2"]))
        self.assertEqual(['a["1","2"]'], self.socket.texts())

    def test_application_that_closes_at_once_is_obeyed(self) -> None:
        """``test_close``: open frame, close frame, the WebSocket's own close."""
        socket = WebSocket(Server(closes=True))
        self.assertEqual([(TEXT, b"o"), (TEXT, b'c[3000,"Go away!"]'), GOODBYE], socket.frames())

    def test_messages_of_one_read_behind_the_end_are_ignored(self) -> None:
        """The application closed by the first one."""
        self.socket.client.send(masked(TEXT, b'["close"]') + masked(TEXT, b'["b"]') + masked(PING))
        self.assertEqual([(TEXT, b'c[4000,"as ordered"]'), GOODBYE], self.socket.frames())
        self.assertEqual(["got close", "lost 4000 as ordered"], self.server.events)


class RawTests(SynchronousTestCase):
    """Section "Raw WebSocket url": no framing at all."""

    def setUp(self) -> None:
        self.server = Server()
        self.socket = WebSocket(self.server, RAW)
        self.assertEqual([], self.socket.texts())
        self.assertEqual(["made"], self.server.events)

    def test_text_is_echoed(self) -> None:
        """``test_transport``: whatever it is."""
        for text in ("Hello world!\uffff", "", "[]", '["a"]', "{"):
            with self.subTest(text):
                self.socket.send(text)
                self.assertEqual([text], self.socket.texts())

    def test_batch_is_one_frame_for_each_message(self) -> None:
        """In order; lone surrogates are replaced, because UTF-8 has none."""
        self.server.connections[0].session.deliver(Batch(["1", "\ud800"]))
        self.assertEqual(["1", "\ufffd"], self.socket.texts())

    def test_binary_is_echoed(self) -> None:
        """As binary: bytes for the application, whether they would be UTF-8 or not."""
        for data in (b"\xff\xfe", b"text", b"", bytes(60_000)):
            self.server.events.clear()
            self.socket.send_frame(BINARY, data)
            with self.subTest(data[:5]):
                self.assertEqual([(BINARY, data)], self.socket.frames())
                self.assertEqual([f"got {data!r}"], self.server.events)

    def test_binary_and_texts_keep_their_order(self) -> None:
        """In one read, and in one batch."""
        self.socket.client.send(masked(BINARY, b"1") + masked(TEXT, b"2") + masked(BINARY, b"3"))
        self.assertEqual([(BINARY, b"1"), (TEXT, b"2"), (BINARY, b"3")], self.socket.frames())
        self.server.connections[0].session.deliver(Batch([b"1", "2"]))
        self.assertEqual([(BINARY, b"1"), (TEXT, b"2")], self.socket.frames())

    def test_batch_with_bytes_is_encoded_once(self) -> None:
        """However many raw WebSockets receive it."""
        others = [WebSocket(self.server, RAW) for _ in range(2)]
        batch = Batch([b"\xff", "a"])
        for connection in self.server.connections:
            connection.session.deliver(batch)
        for socket in (self.socket, *others):
            self.assertEqual([(BINARY, b"\xff"), (TEXT, b"a")], socket.frames())
        self.assertIs(batch.encoded(RAW_WEBSOCKET), batch.encoded(RAW_WEBSOCKET))
        self.assertIsNone(batch._encoded)  # nothing was made for another envelope

    def test_message_of_another_type_is_refused(self) -> None:
        """By the call that sends it; nothing is sent."""
        for message in (7, None, bytearray(b"a"), ["a"]):
            with self.assertRaises(TypeError):
                self.server.connections[0].sendMessage(message)  # type: ignore[arg-type]  # what untyped code does
        self.assertEqual([], self.socket.frames())

    def test_application_that_closes_is_obeyed(self) -> None:
        """``test_close``: with its code and reason in the WebSocket's own close frame."""
        self.server.connections[0].close(3000, "Go away! \ud800")
        self.assertEqual([(CLOSE, closing(3000, "Go away! \ufffd"))], self.socket.frames())

    def test_code_that_may_not_be_said_becomes_normal(self) -> None:
        """RFC 6455 section 7.4.1: 1005, 1006 and 1015 are never sent; nor what is no code."""
        for code in (0, 999, 1005, 1006, 1015, 2010, 5000, 70000, -1):
            server = Server()
            socket = WebSocket(server, RAW)
            server.connections[0].close(code, "reason")
            with self.subTest(code):
                self.assertEqual([GOODBYE], socket.frames())

    def test_long_reason_is_cut(self) -> None:
        """123 bytes fit."""
        self.server.connections[0].close(3000, "ü" * 200)
        self.assertEqual([(CLOSE, closing(3000, "ü" * 61))], self.socket.frames())

    def test_heartbeat_is_a_ping(self) -> None:
        """There is no frame for it."""
        self.server.advance(25.5)
        self.assertEqual([(PING, b"")], self.socket.frames())


class EndTests(SynchronousTestCase):
    """The ways in which a WebSocket ends: the application is told once, with the reason."""

    def setUp(self) -> None:
        self.start("/0/s/websocket")

    def start(self, path: str, **options: Any) -> None:
        """Begin with another WebSocket."""
        self.server = Server(**options)
        self.socket = WebSocket(self.server, path)
        self.socket.frames()
        self.server.events.clear()

    def assert_ended(self, code: int, reason: str) -> None:
        """Check that the application was told once, and that nothing is left, now and later."""
        self.assertEqual([f"lost {code} {reason}"], self.server.events)
        self.server.connections[0].sendMessage("too late")
        self.server.connections[0].close()
        if not self.socket.client.closed:
            self.socket.client.lose()
        self.server.advance(60)
        self.assertEqual([f"lost {code} {reason}"], self.server.events)
        self.assertEqual((0, set()), (self.server.count, self.server.factory.connections))

    def test_client_closes(self) -> None:
        """Its code is answered, and the server closes the connection first (RFC 6455 section 7.1.1)."""
        self.socket.send_frame(CLOSE, closing(1001, "bye"))
        self.assertEqual([(CLOSE, closing(1001))], [(code, data[:2]) for code, data in self.socket.frames()])
        self.assertTrue(self.socket.client.half_closed)
        self.assert_ended(1001, "bye")

    def test_client_closes_without_code(self) -> None:
        """1005 means just that."""
        self.socket.send_frame(CLOSE)
        self.assertEqual([(CLOSE, b"")], self.socket.frames())
        self.assert_ended(1005, "")

    def test_client_closes_behind_messages(self) -> None:
        """They are received, and the echo is sent before the goodbye."""
        self.socket.client.send(masked(TEXT, b'["a"]') + masked(CLOSE, closing(1000)))
        self.assertEqual([(TEXT, b'a["a"]'), (CLOSE, closing(1000))], self.socket.frames())
        self.server.events.remove("got a")
        self.assert_ended(1000, "")

    def test_application_closes_and_client_answers(self) -> None:
        """Then the connection ends."""
        self.server.connections[0].close()
        self.assertEqual([(TEXT, b'c[3000,"Go away!"]'), GOODBYE], self.socket.frames())
        self.assertFalse(self.socket.client.closed)
        self.socket.send('["ignored"]')
        self.socket.send_frame(CLOSE, closing(1000))
        self.assertEqual([], self.socket.frames())
        self.assertTrue(self.socket.client.half_closed)
        self.assertFalse(self.socket.client.aborted)
        self.assert_ended(3000, "Go away!")

    def test_application_closes_and_client_is_silent(self) -> None:
        """It is cut after a while, also when it keeps talking."""
        self.server.connections[0].close()
        self.socket.frames()
        for _ in range(9):
            self.server.advance(1)
            self.socket.send_frame(PING, b"still here")
        self.assertFalse(self.socket.client.aborted)
        self.server.advance(LINGER - 8)
        self.socket.frames()
        self.assertTrue(self.socket.client.aborted)
        self.assert_ended(3000, "Go away!")

    def test_client_vanishes(self) -> None:
        """Without a word."""
        self.socket.client.lose()
        self.assert_ended(1006, "Connection lost")

    def test_client_vanishes_after_application_closed(self) -> None:
        """That changes nothing."""
        self.server.connections[0].close()
        self.socket.client.lose()
        self.assert_ended(3000, "Go away!")

    def test_client_answers_no_ping(self) -> None:
        """25 s and 10 s later it counts as lost, and is cut."""
        for path in ("/0/s/websocket", RAW):
            self.start(path)
            self.server.advance(25.5)
            self.assertIn((PING, b""), self.socket.frames())
            with self.subTest(path):
                self.server.advance(9.5)
                self.assertEqual([], self.server.events)
                self.server.advance(1)
                self.socket.frames()
                self.assertTrue(self.socket.client.aborted)
                self.assert_ended(3012, "No pong")

    def test_client_answers_no_ping_although_heartbeats_are_frequent(self) -> None:
        """The next heartbeat is no sign of life from the client."""
        self.start(RAW, heartbeat=2, pong_timeout=5)
        self.server.advance(9)
        self.assert_ended(3012, "No pong")

    def test_binary_is_refused(self) -> None:
        """1003: only text is understood with SockJS's framing; once, however many there are."""
        self.socket.client.send(masked(BINARY, b"\x00") + masked(BINARY, b"\x01"))
        self.assertEqual([(CLOSE, closing(1003, "Only text is understood"))], self.socket.frames())
        self.server.advance(LINGER + 1)
        self.socket.frames()
        self.assertTrue(self.socket.client.aborted)
        self.assert_ended(1003, "Only text is understood")

    def test_broken_json_is_refused(self) -> None:
        """``test_broken_json``: the connection is closed."""
        for text, reason in [
            ('["a', "Broken JSON encoding."),
            ("[" * 10_000, "Broken JSON encoding."),
            ("{}", "Payload expected: an array of strings."),
            ("[1]", "Payload expected: each message is a string."),
            ('["' + '","' * 1000 + '"]', "Too many messages in one array: at most 1000."),
        ]:
            self.start("/0/s/websocket")
            self.socket.send(text)
            with self.subTest(text[:5]):
                self.assertEqual([(CLOSE, closing(1002, reason))], self.socket.frames())
                self.assert_ended(1002, reason)

    def test_broken_json_behind_a_message_is_refused(self) -> None:
        """What came before it counts, what comes behind it does not."""
        self.socket.client.send(masked(TEXT, b'["a"]') + masked(TEXT, b"[") + masked(TEXT, b'["b"]'))
        self.assertEqual([TEXT, CLOSE], [opcode for opcode, _ in self.socket.frames()])
        self.server.events.remove("got a")
        self.assert_ended(1002, "Broken JSON encoding.")

    def test_message_beyond_limit_is_refused(self) -> None:
        """1009, as soon as the head of the frame says so."""
        self.start("/0/s/websocket", message_limit=100)
        self.socket.client.send(masked(TEXT, b"x" * 101)[:10])
        self.assertEqual([(CLOSE, closing(1009, "message too big"))], self.socket.frames())
        self.assertTrue(self.socket.client.half_closed)
        self.assert_ended(1009, "message too big")

    def test_client_that_goes_on_sending_reads_why_it_was_refused(self) -> None:
        """What it sends is read and dropped: closing at once would destroy the close frame; but not for ever."""
        self.socket.client.send(masked(TEXT, b"x" * 100_000)[:1000])
        self.socket.client.send(b"x" * 1000)
        self.assertEqual([(CLOSE, closing(1009, "message too big"))], self.socket.frames())
        self.assertFalse(self.socket.client.closed)
        self.server.advance(LINGER + 1)
        self.assertTrue(self.socket.client.aborted)
        self.assert_ended(1009, "message too big")

    def test_broken_rule_is_refused(self) -> None:
        """What is no WebSocket frame ends the connection."""
        self.socket.client.send(b"\x81\x01a")
        self.assertEqual([(CLOSE, closing(1002, "unmasked frame"))], self.socket.frames())
        self.assert_ended(1002, "unmasked frame")

    def test_application_that_raises_ends_its_session(self) -> None:
        """1011 in SockJS's frame."""
        self.socket.send('["raise"]')
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))
        self.assertEqual([(TEXT, b'c[1011,"Internal error"]'), GOODBYE], self.socket.frames())
        self.server.events.remove("got raise")
        self.assert_ended(1011, "Internal error")

    def test_daemon_stops(self) -> None:
        """Each client is told, and the connection ends with its answer."""
        self.assertEqual(1, self.server.endpoint.sessions.close_all())
        self.assertEqual([(TEXT, b'c[1001,"Server is going away"]'), GOODBYE], self.socket.frames())
        self.socket.send_frame(CLOSE, closing(1000))
        self.socket.frames()
        self.assertTrue(self.socket.client.half_closed)
        self.assert_ended(1001, "Server is going away")


class HeartbeatTests(SynchronousTestCase):
    """Signs of life on an idle WebSocket."""

    def setUp(self) -> None:
        self.server = Server()
        self.socket = WebSocket(self.server)
        self.socket.frames()

    def test_heartbeat_is_frame_and_ping(self) -> None:
        """Each 25 s, as long as the client answers."""
        for _ in range(4):
            self.server.advance(25.5)
            self.assertEqual([(TEXT, b"h"), (PING, b"")], self.socket.frames())
            self.socket.send_frame(PONG)
        self.assertEqual(["made"], self.server.events)

    def test_any_message_is_a_sign_of_life(self) -> None:
        """A client that is busy need not answer in time; part of a frame is a sign too."""
        for data in (masked(TEXT, b'["a"]'), masked(PONG, b"unasked"), masked(PING), masked(TEXT, b'["a"]')[:1]):
            self.setUp()
            self.server.advance(25.5)
            self.socket.client.send(data)
            self.server.advance(12)
            with self.subTest(data):
                self.assertNotIn("lost 3012 No pong", self.server.events)


class BackPressureTests(SynchronousTestCase):
    """A client that does not read."""

    def setUp(self) -> None:
        self.server = Server(output_limit=1000)
        self.socket = WebSocket(self.server)
        self.socket.frames()
        self.socket.client.block()

    def test_messages_wait_and_leave_together(self) -> None:
        """In order, in one frame."""
        for text in ("1", "2", "3"):
            self.server.connections[0].sendMessage(text)
        self.assertEqual([], self.socket.frames())
        self.socket.client.unblock()
        self.assertEqual(['a["1","2","3"]'], self.socket.texts())

    def test_binary_waits_and_leaves_in_order(self) -> None:
        """Where there is no framing; what waits is bounded."""
        socket = WebSocket(self.server, RAW)
        connection = self.server.connections[-1]
        socket.client.block()
        for message in ("1", b"\xff", "3"):
            connection.sendMessage(message)
        self.assertEqual([], socket.frames())
        socket.client.unblock()
        self.assertEqual([(TEXT, b"1"), (BINARY, b"\xff"), (TEXT, b"3")], socket.frames())
        socket.client.block()
        connection.sendMessage(bytes(780))
        self.assertFalse(connection.closeCode)
        connection.sendMessage(b"")
        self.assertEqual(3008, connection.closeCode)

    def test_binary_is_refused_where_the_client_gets_json(self) -> None:
        """By the call that sends it, although it would have to wait."""
        with self.assertRaises(TypeError):
            self.server.connections[0].sendMessage(b"a")
        self.socket.client.unblock()
        self.assertEqual([], self.socket.frames())

    def test_pings_are_answered_once_when_client_reads_again(self) -> None:
        """Only the last one: however many come, nothing piles up."""
        for number in range(100):
            self.socket.send_frame(PING, b"%d" % number)
        self.assertEqual([], self.socket.frames())
        self.server.connections[0].sendMessage("1")
        self.socket.client.unblock()
        self.assertEqual([(PONG, b"99"), (TEXT, b'a["1"]')], self.socket.frames())

    def test_closing_handshake_does_not_wait_for_slow_client(self) -> None:
        """Its close frame is answered behind all that is on its way."""
        self.socket.send_frame(PING, b"1")
        self.socket.send_frame(CLOSE, closing(1000))
        self.assertEqual([(PONG, b"1"), (CLOSE, closing(1000))], self.socket.frames())
        self.assertEqual(["made", "lost 1000 "], self.server.events)

    def test_client_that_is_too_slow_is_told_to_go(self) -> None:
        """And cut, when it does not even read that."""
        for _ in range(3):
            self.server.connections[0].sendMessage("x" * 200)
        self.assertEqual(["made", "lost 3008 Connection too slow"], self.server.events)
        self.assertEqual([(TEXT, b'c[3008,"Connection too slow"]'), GOODBYE], self.socket.frames())
        self.server.advance(LINGER + 1)
        self.socket.frames()
        self.assertTrue(self.socket.client.aborted)


class ReceiverTests(SynchronousTestCase):
    """A receiver before it has its socket."""

    def test_receiver_takes_nothing_before_it_is_connected(self) -> None:
        """Whatever is sent would be lost."""
        server = Server()
        session = server.endpoint.sessions.create(ConnectionInfo("192.0.2.7"), None)
        self.assertFalse(WebSocketReceiver(server.endpoint, session, WEBSOCKET, Tally()).writable)
