# -*- test-case-name: tests.transports.test_receiving -*-
"""The HTTP transports' receiving halves, each from its first byte to its last."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.sockjs.batch import Batch
from tests.http.memory import PEER, Client, request
from tests.transports.server import Server, chunks, header_and_chunks
from tests.transports.test_urls import PLACES

NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
PRELUDE = b"h" * 2048 + b"\n"

HTMLFILE_PRELUDE = (
    b"""<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.f;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>
"""
    + b" " * 1024
    + b"\r\n\r\n"
)

#: Of each streaming transport: its content type, its prelude, and how it wraps ``%b``, a frame of plain characters.
STREAMS = {
    "xhr_streaming": ("application/javascript; charset=UTF-8", PRELUDE, b"%b\n"),
    "eventsource": ("text/event-stream", b"\r\n", b"data: %b\r\n\r\n"),
    "htmlfile": ("text/html; charset=UTF-8", HTMLFILE_PRELUDE, b'<script>\np("%b");\n</script>\r\n'),
}
#: Likewise of each polling transport.
POLLS = {
    "xhr": ("application/javascript; charset=UTF-8", b"%b\n"),
    "jsonp": ("application/javascript; charset=UTF-8", b'/**/f("%b");\r\n'),
}

#: What a message frame must never carry as it is, in any envelope (section "JSON Unicode Encoding").
FRAGILE = "\u200c\u200f\u2028\u2029\u202f\u2060\u206f\udfff\ud800\ufff0\uffff"


def begin(server: Server, name: str, session: str = "s", **fields: str) -> Client:
    """Offer a receiver of the transport *name*."""
    method, path = PLACES[name]
    return server.begin(method, path.replace("/s/", f"/{session}/"), **fields)


def poll(server: Server, name: str = "xhr") -> bytes:
    """Return the body of one complete answer of a polling transport."""
    client = begin(server, name)
    (answer,) = client.answers()
    client.lose()
    return answer.body


class PollingTests(SynchronousTestCase):
    """xhr and jsonp: one frame for each request."""

    def test_first_answer_is_open_frame(self) -> None:
        """Section "XhrPolling" and "JsonpPolling", ``test_transport``."""
        for name, (content_type, wrapped) in POLLS.items():
            with self.subTest(name):
                (answer,) = begin(Server(), name).answers()
                self.assertEqual((200, wrapped % b"o"), (answer.status, answer.body))
                self.assertEqual(content_type, answer.fields["content-type"])
                self.assertEqual(NOT_CACHED, answer.fields["cache-control"])
                self.assertNotIn("expires", answer.fields)

    def test_script_stays_a_script(self) -> None:
        """Old browsers guess types."""
        (answer,) = begin(Server(), "jsonp").answers()
        self.assertEqual("nosniff", answer.fields["x-content-type-options"])

    def test_request_waits_for_message(self) -> None:
        """It is answered when there is one, and only once."""
        for name, (_, wrapped) in POLLS.items():
            server = Server()
            poll(server, name)
            waiting = begin(server, name)
            with self.subTest(name):
                self.assertEqual(b"", waiting.received())
                server.connections[0].sendMessage("1")
                server.connections[0].sendMessage("2")
                self.assertEqual([wrapped % self.quoted(name, '["1"]')], [answer.body for answer in waiting.answers()])
                self.assertEqual(wrapped % self.quoted(name, '["2"]'), poll(server, name))

    @staticmethod
    def quoted(name: str, array: str) -> bytes:
        """Return the message frame around *array* as the transport's envelope holds it."""
        frame = "a" + array
        return (frame if name == "xhr" else json.dumps(frame)[1:-1]).encode()

    def test_waiting_messages_leave_together(self) -> None:
        """One frame, in order."""
        server = Server()
        poll(server)
        for text in ("1", "2", "3"):
            server.connections[0].sendMessage(text)
        self.assertEqual(b'a["1","2","3"]\n', poll(server))

    def test_connection_is_kept_for_next_poll(self) -> None:
        """Section "Http11", ``test_synchronous``."""
        server = Server()
        client = server.client()
        client.send(request("POST", "/echo/0/s/xhr"))
        client.send(request("POST", "/echo/0/s/xhr_send", b'["a"]'))
        client.send(request("POST", "/echo/0/s/xhr"))
        self.assertEqual([b"o\n", b"", b'a["a"]\n'], [answer.body for answer in client.answers()])
        self.assertFalse(client.closed)

    def test_http_1_0_is_answered_with_length(self) -> None:
        """Section "Http10", ``test_synchronous``: whether it asks to be kept or not."""
        for connection, closed in (("close", True), ("keep-alive", False)):
            client = Server().client()
            client.send(request("POST", "/echo/0/s/xhr", version="1.0", connection=connection))
            (answer,) = client.answers()
            with self.subTest(connection):
                self.assertEqual((b"o\n", "2"), (answer.body, answer.fields["content-length"]))
                self.assertNotIn("transfer-encoding", answer.fields)
                self.assertEqual(closed, client.closed)

    def test_second_poll_is_turned_away(self) -> None:
        """Section "Protocol", ``test_simpleSession``: the first one goes on waiting."""
        for name, (_, wrapped) in POLLS.items():
            server = Server()
            poll(server, name)
            first = begin(server, name)
            with self.subTest(name):
                said = self.close_frame(name, 2010, "Another connection still open")
                self.assertEqual(wrapped % said, poll(server, name))
                server.connections[0].sendMessage("1")
                self.assertEqual([wrapped % self.quoted(name, '["1"]')], [answer.body for answer in first.answers()])

    @staticmethod
    def close_frame(name: str, code: int, reason: str) -> bytes:
        """Return the close frame as the transport's envelope holds it."""
        frame = f"c[{code},{json.dumps(reason)}]"
        return (frame if name == "xhr" else json.dumps(frame)[1:-1]).encode()

    def test_end_is_told_until_delay_is_over(self) -> None:
        """Section "Protocol", ``test_closeSession``; afterwards the id is a new session's."""
        for name, (_, wrapped) in POLLS.items():
            server = Server(closes=True)
            with self.subTest(name):
                self.assertEqual(wrapped % b"o", poll(server, name))
                for _ in range(2):
                    self.assertEqual(wrapped % self.close_frame(name, 3000, "Go away!"), poll(server, name))
                server.advance(6)
                self.assertEqual(wrapped % b"o", poll(server, name))

    def test_end_is_told_to_waiting_poll(self) -> None:
        """At once."""
        server = Server()
        poll(server)
        waiting = begin(server, "xhr")
        server.connections[0].close(4321, 'so "long"\n')
        self.assertEqual([b'c[4321,"so \\"long\\"\\n"]\n'], [answer.body for answer in waiting.answers()])
        self.assertEqual(["made", 'lost 4321 so "long"\n'], server.events)

    def test_abort_ends_session(self) -> None:
        """Section "HandlingClose", ``test_abort_xhr_polling``: 1002, then a new session."""
        server = Server()
        poll(server)
        begin(server, "xhr").lose()
        self.assertEqual(["made", "lost 1002 Connection interrupted"], server.events)
        self.assertEqual(b'c[1002,"Connection interrupted"]\n', poll(server))
        server.advance(6)
        self.assertEqual(b"o\n", poll(server))

    def test_heartbeat_answers_idle_poll(self) -> None:
        """After 25 s, not before, and the next poll waits again."""
        for name, (_, wrapped) in POLLS.items():
            server = Server()
            poll(server, name)
            waiting = begin(server, name)
            with self.subTest(name):
                server.advance(24.75)
                self.assertEqual([], waiting.answers())
                server.advance(1)
                self.assertEqual([wrapped % b"h"], [answer.body for answer in waiting.answers()])
                self.assertEqual(b"", begin(server, name).received())
                self.assertEqual(["made"], server.events)

    def test_session_without_poll_ends(self) -> None:
        """Five seconds after the last answer."""
        server = Server()
        poll(server)
        server.advance(4.75)
        self.assertEqual(["made"], server.events)
        server.advance(1)
        self.assertEqual((["made", "lost 1006 No receiver came back in time"], 0), (server.events, server.count))

    def test_answered_poll_that_leaves_ends_nothing(self) -> None:
        """The browser may close what it does not need."""
        server = Server()
        client = begin(server, "xhr")
        client.answers()
        client.lose()
        self.assertEqual(["made"], server.events)

    def test_poll_from_other_address_does_not_find_session(self) -> None:
        """With ``verify_address`` it is neither let in nor given a session under the same id."""
        server = Server(verify_address=True)
        poll(server)
        stranger = server.client(peer=type(PEER)("TCP", "198.51.100.9", 4711))
        self.assertEqual(404, stranger.ask("POST", "/echo/0/s/xhr").status)
        self.assertEqual((1, ["made"]), (server.count, server.events))

    def test_too_many_sessions_are_refused(self) -> None:
        """503, and who has one goes on."""
        server = Server(session_limit=1)
        poll(server)
        self.assertEqual(503, server.ask("POST", "/0/other/xhr").status)
        server.connections[0].sendMessage("1")
        self.assertEqual(b'a["1"]\n', poll(server))

    def test_other_methods_are_refused(self) -> None:
        """405, without a body, with what is allowed."""
        for name, (method, path) in PLACES.items():
            wrong = "GET" if method == "POST" else "POST"
            with self.subTest(name):
                answer = Server().ask(wrong, path)
                self.assertEqual((405, b"", method), (answer.status, answer.body, answer.fields["allow"]))
                self.assertNotIn("content-type", answer.fields)


class StreamingTests(SynchronousTestCase):
    """xhr_streaming, eventsource and htmlfile: frames until there were enough bytes."""

    def test_answer_begins_with_prelude_and_open_frame(self) -> None:
        """``test_transport`` of each: the prelude and the frame are chunks of their own."""
        for name, (content_type, prelude, wrapped) in STREAMS.items():
            head, parts = header_and_chunks(begin(Server(), name).received())
            with self.subTest(name):
                self.assertEqual([prelude, wrapped % b"o"], parts)
                self.assertIn(b"HTTP/1.1 200 OK\r\n", head)
                self.assertIn(f"Content-Type: {content_type}\r\n".encode(), head)
                self.assertIn(f"Cache-Control: {NOT_CACHED}\r\n".encode(), head)
                self.assertIn(b"Transfer-Encoding: chunked", head)
                for field in (b"Expires", b"Last-Modified", b"Content-Length"):
                    self.assertNotIn(field, head)

    def test_each_frame_is_a_chunk(self) -> None:
        """Section "Http11", ``test_streaming``: and leaves at once."""
        for name, (_, _, wrapped) in STREAMS.items():
            server = Server()
            stream = begin(server, name)
            stream.received()
            with self.subTest(name):
                for text in ("1", "2"):
                    server.connections[0].sendMessage(text)
                    frame = f'a["{text}"]'
                    said = json.dumps(frame)[1:-1] if name == "htmlfile" else frame
                    self.assertEqual([wrapped % said.encode()], chunks(stream.received()))

    def test_http_1_0_stream_ends_with_connection(self) -> None:
        """Section "Http10", ``test_streaming``: no chunks, no length."""
        for name, (_, prelude, wrapped) in STREAMS.items():
            server = Server(response_limit=len(wrapped % b"o"))
            method, path = PLACES[name]
            client = server.client()
            client.send(request(method, "/echo" + path, version="1.0", connection="keep-alive"))
            head, _, body = client.received().partition(b"\r\n\r\n")
            with self.subTest(name):
                self.assertEqual(prelude + wrapped % b"o", body)
                self.assertNotIn(b"Transfer-Encoding", head)
                self.assertNotIn(b"Content-Length", head)
                self.assertTrue(client.closed)

    def test_answer_ends_after_enough_bytes(self) -> None:
        """``test_response_limit``: the prelude does not count, envelopes do; then the next request carries on."""
        for name, (_, prelude, wrapped) in STREAMS.items():
            frame = json.dumps('a["x"]')[1:-1] if name == "htmlfile" else 'a["x"]'
            first, message = wrapped % b"o", wrapped % frame.encode()
            server = Server(response_limit=len(first) + len(message) + 1)
            stream = begin(server, name)
            with self.subTest(name):
                for _ in range(3):
                    server.connections[0].sendMessage("x")
                self.assertEqual([prelude, first, message, message, b""], header_and_chunks(stream.received())[1])
                self.assertFalse(stream.closed)
                method, path = PLACES[name]
                stream.send(request(method, "/echo" + path))
                self.assertEqual([prelude, message], header_and_chunks(stream.received())[1])
                self.assertEqual(["made"], server.events)

    def test_large_message_is_not_cut(self) -> None:
        """The limit ends the answer after a frame, not inside."""
        server = Server(response_limit=20)
        stream = begin(server, "xhr_streaming")
        server.connections[0].sendMessage("x" * 100_000)
        *_, message, end = header_and_chunks(stream.received())[1]
        self.assertEqual((b'a["' + b"x" * 100_000 + b'"]\n', b""), (message, end))

    def test_second_stream_is_turned_away(self) -> None:
        """The first one goes on."""
        for name, (_, prelude, wrapped) in STREAMS.items():
            server = Server()
            first = begin(server, name)
            first.received()
            said = PollingTests.close_frame(
                "jsonp" if name == "htmlfile" else "xhr", 2010, "Another connection still open"
            )
            with self.subTest(name):
                self.assertEqual([prelude, wrapped % said, b""], header_and_chunks(begin(server, name).received())[1])
                server.connections[0].sendMessage("1")
                self.assertEqual(1, len(chunks(first.received())))

    def test_application_that_closes_ends_answer(self) -> None:
        """Section "HandlingClose", ``test_close_frame``: after the close frame; the next request gets it again."""
        for name, (_, prelude, wrapped) in STREAMS.items():
            server = Server(closes=True)
            said = PollingTests.close_frame("jsonp" if name == "htmlfile" else "xhr", 3000, "Go away!")
            with self.subTest(name):
                parts = header_and_chunks(begin(server, name).received())[1]
                self.assertEqual([prelude, wrapped % b"o", wrapped % said, b""], parts)
                parts = header_and_chunks(begin(server, name).received())[1]
                self.assertEqual([prelude, wrapped % said, b""], parts)
                self.assertEqual(["made", "lost 3000 Go away!"], server.events)

    def test_abort_ends_session(self) -> None:
        """Section "HandlingClose", ``test_abort_xhr_streaming``."""
        for name in STREAMS:
            server = Server()
            begin(server, name).lose()
            with self.subTest(name):
                self.assertEqual(["made", "lost 1002 Connection interrupted"], server.events)
                self.assertEqual(b'c[1002,"Connection interrupted"]\n', poll(server))
                server.advance(6)
                self.assertEqual(0, server.count)

    def test_heartbeats_keep_idle_stream(self) -> None:
        """One each 25 s, for as long as it takes."""
        for name, (_, _, wrapped) in STREAMS.items():
            server = Server()
            stream = begin(server, name)
            stream.received()
            with self.subTest(name):
                server.advance(110)
                self.assertEqual([wrapped % b"h"] * 4, chunks(stream.received()))
                self.assertEqual(["made"], server.events)

    def test_heartbeats_count_for_limit(self) -> None:
        """A stream that only lives ends some time too, and the client opens another."""
        server = Server(response_limit=4)
        stream = begin(server, "xhr_streaming")
        server.advance(26)
        self.assertEqual([PRELUDE, b"o\n", b"h\n", b""], header_and_chunks(stream.received())[1])

    def test_messages_wait_for_slow_client(self) -> None:
        """What its socket does not take waits, bounded, and leaves together."""
        for name in STREAMS:
            server = Server(output_limit=1000)
            stream = begin(server, name)
            stream.received()
            stream.block()
            with self.subTest(name):
                for text in ("1", "2"):
                    server.connections[0].sendMessage(text)
                self.assertEqual(b"", stream.received())
                stream.unblock()
                (message,) = chunks(stream.received())
                self.assertIn(b"1", message)
                self.assertIn(b"2", message)

    def test_client_that_is_too_slow_is_told_to_go(self) -> None:
        """With 3008 instead of what waited."""
        server = Server(output_limit=1000)
        stream = begin(server, "xhr_streaming")
        stream.received()
        stream.block()
        for _ in range(3):
            server.connections[0].sendMessage("x" * 200)
        self.assertEqual(["made", "lost 3008 Connection too slow"], server.events)
        stream.unblock()
        self.assertEqual([b'c[3008,"Connection too slow"]\n', b""], chunks(stream.received()))

    def test_batch_is_encoded_once_for_equal_transports(self) -> None:
        """A thousand streams get the same bytes."""
        server = Server()
        streams = [begin(server, "xhr_streaming", session=str(number)) for number in range(3)]
        batch = Batch(["1"])
        for connection in server.connections:
            connection.session.deliver(batch)
        self.assertEqual({b'a["1"]\n'}, {header_and_chunks(stream.received())[1][-1] for stream in streams})

    def test_transports_may_take_turns(self) -> None:
        """A session is not bound to the transport that opened it."""
        server = Server(response_limit=2)
        begin(server, "xhr_streaming").received()
        server.connections[0].sendMessage("1")
        self.assertEqual(b'a["1"]\n', poll(server))
        self.assertEqual(b"data: h\r\n\r\n", self.next_heartbeat(server))

    def next_heartbeat(self, server: Server) -> bytes:
        """Return what an eventsource gets after 25 s."""
        stream = begin(server, "eventsource")
        stream.received()
        server.advance(26)
        return chunks(stream.received())[0]


class CountingTests(SynchronousTestCase):
    """What the status tells of messages."""

    def test_only_what_was_sent_is_counted(self) -> None:
        """Not what the application offered in vain: there is nothing for bytes here."""
        for name in (*POLLS, *STREAMS):
            server = Server()
            begin(server, name)
            if name in POLLS:
                begin(server, name)
            with self.subTest(name):
                self.assertRaises(TypeError, server.connections[0].sendMessage, b"a")
                self.assertEqual(0, server.endpoint.stats.tallies[name].sent)
                server.connections[0].sendMessage("a")
                self.assertEqual(1, server.endpoint.stats.tallies[name].sent)


class CallbackTests(SynchronousTestCase):
    """The query's callback: a name, and nothing that could be script (sections "HtmlFile" and "JsonpPolling")."""

    def test_callback_is_required(self) -> None:
        """``test_no_callback``: 500, and no session is made."""
        for name in ("jsonp", "htmlfile"):
            for query in ("", "?c=", "?d=f", "?c"):
                server = Server()
                with self.subTest(name + query):
                    answer = server.ask("GET", f"/0/s/{name}{query}")
                    self.assertEqual((500, b'"callback" parameter required'), (answer.status, answer.body))
                    self.assertEqual("text/plain; charset=UTF-8", answer.fields["content-type"])
                    self.assertEqual(NOT_CACHED, answer.fields["cache-control"])
                    self.assertEqual(0, server.count)

    def test_callback_with_other_characters_is_refused(self) -> None:
        """``test_invalid_callback``: whether they are escaped in the URL or not."""
        wrong = (
            "%20",
            "*",
            "abc(",
            "abc%28",
            "%3Cscript%3E",
            "a%0Ab",
            "a%0a",
            "a;b",
            "a'",
            'a"',
            "a%00",
            "%C3%BC",
            "x" * 129,
        )
        for name in ("jsonp", "htmlfile"):
            for callback in wrong:
                server = Server()
                with self.subTest(name, callback=callback):
                    answer = server.ask("GET", f"/0/s/{name}?c={callback}")
                    self.assertEqual((500, b'invalid "callback" parameter'), (answer.status, answer.body))
                    self.assertEqual(0, server.count)

    def test_callback_may_have_dots_and_dashes(self) -> None:
        """As sockjs-client's have; under either name."""
        for query in ("?c=_jp.a-b.c1", "?callback=_jp.a-b.c1", "?c=_jp.a-b.c1&callback=x", "?t=1&c=_jp.a-b.c1"):
            with self.subTest(query):
                self.assertEqual(b'/**/_jp.a-b.c1("o");\r\n', Server().ask("GET", "/0/s/jsonp" + query).body)
                head = Server().begin("GET", "/0/s/htmlfile" + query).received()
                self.assertIn(b"var c = parent._jp.a-b.c1;\n", head)

    def test_callback_is_that_of_each_request(self) -> None:
        """The client counts them up."""
        server = Server()
        self.assertEqual(b'/**/f1("o");\r\n', server.ask("GET", "/0/s/jsonp?c=f1").body)
        server.connections[0].sendMessage("x")
        self.assertEqual(b'/**/f2("a[\\"x\\"]");\r\n', server.ask("GET", "/0/s/jsonp?c=f2").body)


class EncodingTests(SynchronousTestCase):
    """Section "JSON Unicode Encoding", and what would break out of a script."""

    def frame(self, name: str, text: str) -> str:
        """Return the message frame that a browser would understand from the bytes that the transport sends."""
        server = Server()
        stream = begin(server, name)
        stream.received()
        if name in POLLS:
            stream = begin(server, name)
        server.connections[0].sendMessage(text)
        data = stream.received()
        body = data.partition(b"\r\n\r\n")[2] if name in POLLS else chunks(data)[0]
        self.body = body
        wrapped = POLLS[name][-1] if name in POLLS else STREAMS[name][-1]
        before, _, after = wrapped.replace(b'"', b"").partition(b"%b")
        inside = body[len(before) : len(body) - len(after)].decode()
        return json.loads(inside) if name in ("jsonp", "htmlfile") else inside

    def test_every_text_arrives_as_it_was_sent(self) -> None:
        """Whatever it holds, on each transport."""
        texts = [
            "",
            "ü ✓ 𝄞",
            "a\r\n\r\nb\nc",
            "\x00\x01\x1f\x7f",
            "</script><script>alert(1)</script><!--",
            "\"'\\",
            FRAGILE,
        ]
        for name in (*POLLS, *STREAMS):
            for text in texts:
                with self.subTest(name, text=text):
                    frame = self.frame(name, text)
                    self.assertEqual("a", frame[0])
                    self.assertEqual([text], json.loads(frame[1:]))

    def test_fragile_characters_are_escaped(self) -> None:
        """Browsers mangle them."""
        for name in (*POLLS, *STREAMS):
            with self.subTest(name):
                self.frame(name, FRAGILE)
                self.assertEqual([], [character for character in self.body.decode() if character in FRAGILE])

    def test_script_cannot_be_ended(self) -> None:
        """No ``<`` of a message stands in a page."""
        self.frame("htmlfile", "</script><!--<script>")
        self.assertEqual([b"<script>", b"</script>"], [self.body[:8], self.body[-11:-2]])
        self.assertEqual(2, self.body.count(b"<"))
        self.frame("jsonp", "</script>")
        self.assertNotIn(b"<", self.body)

    def test_event_cannot_be_ended(self) -> None:
        """No line end of a message stands in an event."""
        self.frame("eventsource", "a\n\ndata: b\r\n\r\n\u2028\x85")
        self.assertEqual((2, 2), (self.body.count(b"\n"), self.body.count(b"\r")))

    def test_reason_of_close_cannot_break_out(self) -> None:
        """It is text of the application's, which may have it from a user."""
        for name in (*POLLS, *STREAMS):
            server = Server()
            stream = begin(server, name)
            stream.received()
            if name in POLLS:
                stream = begin(server, name)
            server.connections[0].close(3000, "</script>\r\n\"'\\\ud800")
            body = stream.received()
            with self.subTest(name):
                self.assertNotIn(
                    b"</script>" if name in ("jsonp", "htmlfile") else b'\r\n"', body.replace(b"\n</script>", b"")
                )
                self.assertIn(b"\\\\ud800" if name in ("jsonp", "htmlfile") else b"\\ud800", body)
