"""What the public SockJS suite tries, in our own words: played directly to a node, and through HAProxy.

A class of scenarios is mixed into a test case, which says where clients connect and
what the applications saw.
"""

from __future__ import annotations

import json

from websockets.exceptions import ConnectionClosed

from tests.functional.play import STREAMS, Play, events_of, wrapped
from tests.functional.sockjs_client import PATIENCE, Stream, ask, first_answer, new_session, open_websocket, wait_until

FORM = "application/x-www-form-urlencoded"
NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
STILL_OPEN = b'c[2010,"Another connection still open"]'
INTERRUPTED = b'c[1002,"Connection interrupted"]'
GO_AWAY = b'c[3000,"Go away!"]'


class PageScenarios(Play):
    """Greeting, iframe, info, and what is nowhere."""

    def test_pages_are_served(self) -> None:
        """The greeting, the iframe page with its tag, and info with entropy."""
        self.assertEqual(b"Welcome to SockJS!\n", self.get("/echo").body)
        page = self.get("/echo/iframe-1.html")
        self.assertIn(b"SockJS.bootstrap_iframe();", page.body)
        self.assertEqual(304, self.get("/echo/iframe-2.html", if_none_match=page.fields["etag"]).status)
        info = self.get("/echo/info", origin="test")
        self.assertEqual(
            ("test", NOT_CACHED), (info.fields["access-control-allow-origin"], info.fields["cache-control"])
        )
        self.assertTrue(json.loads(info.body)["websocket"])
        self.assertFalse(json.loads(self.get("/disabled_websocket_echo/info").body)["websocket"])
        self.assertTrue(json.loads(self.get("/cookie_needed_echo/info").body)["cookie_needed"])

    def test_other_urls_are_not_found(self) -> None:
        """Below the prefix and beside it."""
        for path in ("/echo/a", "/echo//", "/echo/iframe.htm", "/echo/a./a/xhr", "/echo//a/xhr", "/nowhere"):
            self.assertEqual(404, self.get(path).status, path)

    def test_preflight_is_answered(self) -> None:
        """With what was asked for, for a year."""
        for path in ("/info", "/a/b/xhr", "/a/b/xhr_send", "/a/b/xhr_streaming"):
            answer = ask(self.port, "OPTIONS", "/echo" + path, origin="test", access_control_request_headers="a, b")
            self.assertEqual((204, b""), (answer.status, answer.body))
            self.assertEqual("a, b", answer.fields["access-control-allow-headers"])
            self.assertEqual("31536000", answer.fields["access-control-max-age"])

    def test_cookie_is_repeated(self) -> None:
        """Where the endpoint needs one."""
        url = "/cookie_needed_echo" + new_session()
        self.assertEqual("JSESSIONID=dummy; Path=/", self.post(url + "/xhr").fields["set-cookie"])
        sent = self.post(url + "/xhr_send", b'["a"]', cookie="JSESSIONID=abc")
        self.assertEqual("JSESSIONID=abc; Path=/", sent.fields["set-cookie"])


class PollingScenarios(Play):
    """xhr and jsonp."""

    def test_session_echoes(self) -> None:
        """Open, send, receive; the server part of the URL is ignored; an unknown session is not found."""
        url = "/echo" + new_session()
        self.assertEqual(b"o\n", self.poll(url))
        self.send(url, "a")
        self.assertEqual(b'a["a"]\n', self.poll(url.replace("/000/", "/999/")))
        self.assertEqual(404, self.post("/echo" + new_session() + "/xhr_send", b'["a"]').status)

    def test_bad_payload_is_refused(self) -> None:
        """In the words of the text, and the session goes on."""
        url = "/echo" + new_session()
        self.poll(url)
        for body, reason in ((b'["x', b"Broken JSON encoding."), (b"", b"Payload expected.")):
            answer = self.post(url + "/xhr_send", body)
            self.assertEqual((500, reason), (answer.status, answer.body))
        self.send(url)
        self.send(url, "a")
        self.assertEqual(b'a["a"]\n', self.poll(url))

    def test_fragile_characters_survive(self) -> None:
        """Those that browsers mangle come as escapes."""
        fragile = [*range(0x20), *range(0x200C, 0x2010), *range(0x2028, 0x2030), *range(0x2060, 0x2070)]
        text = "".join(map(chr, [*fragile, *range(0xFFF0, 0x10000)])) + "ü𝄞"
        url = "/echo" + new_session()
        self.poll(url)
        self.post(url + "/xhr_send", json.dumps([text], ensure_ascii=False).encode())
        frame = self.poll(url).decode()
        self.assertEqual([text], json.loads(frame[1:]))
        self.assertEqual("ü𝄞", "".join(character for character in frame if not character.isascii()))

    def test_end_is_told_again(self) -> None:
        """The application closed; each poll gets the close frame until the session is forgotten."""
        url = "/close" + new_session()
        self.assertEqual(b"o\n", self.poll(url))
        for _ in range(2):
            self.assertEqual(GO_AWAY + b"\n", self.poll(url))
        wait_until(lambda: self.poll(url) == b"o\n", "a new session under the same id")

    def test_second_poll_is_turned_away(self) -> None:
        """One of two has to go; the other one waits for messages."""
        url = "/echo" + new_session()
        self.poll(url)
        polls = [Stream(self.port, "POST", url + "/xhr") for _ in range(2)]
        loser = first_answer(*polls)
        polls.remove(loser)
        self.assertEqual(STILL_OPEN + b"\n", loser.answer().body)
        self.send(url, "a")
        self.assertEqual(b'a["a"]\n', polls[0].answer().body)

    def test_poll_that_leaves_ends_session(self) -> None:
        """The application hears of it, and the next poll is told or begins anew."""
        url = "/recorder" + new_session()
        self.poll(url)
        lost = events_of(self.nodes).count("lost xhr 1002")
        polls = [Stream(self.port, "POST", url + "/xhr") for _ in range(2)]
        loser = first_answer(*polls)  # so the other one is waiting by now
        polls.remove(loser)
        self.assertEqual(STILL_OPEN + b"\n", loser.answer().body)
        polls[0].close()
        self.wait_for_event("lost xhr 1002", lost + 1)
        self.assertIn(self.poll(url), (INTERRUPTED + b"\n", b"o\n"))

    def test_idle_poll_gets_heartbeat(self) -> None:
        """And the session goes on."""
        url = "/lively" + new_session()
        self.poll(url)
        self.assertEqual(b"h\n", self.poll(url))
        self.send(url, "a")
        self.assertEqual(b'a["a"]\n', self.poll(url))

    def test_jsonp_session_echoes(self) -> None:
        """The callback around each frame, the form's field, raw bodies."""
        url = "/echo" + new_session()
        opened = self.get(url + "/jsonp?c=%63allback")
        self.assertEqual((b'/**/callback("o");\r\n', NOT_CACHED), (opened.body, opened.fields["cache-control"]))
        sent = self.post(url + "/jsonp_send", b"d=%5B%22%C3%BC%22%5D", content_type=FORM)
        self.assertEqual((200, b"ok"), (sent.status, sent.body))
        self.post(url + "/jsonp_send", b'["%61bc"]', content_type="text/plain")
        self.assertEqual('/**/x("a[\\"ü\\",\\"%61bc\\"]");\r\n', self.get(url + "/jsonp?c=x").body.decode())

    def test_jsonp_refuses_what_is_no_callback(self) -> None:
        """Nor does it take a broken form."""
        for query, reason in (("", b'"callback" parameter required'), ("?c=abc%28", b'invalid "callback" parameter')):
            for name in ("jsonp", "htmlfile"):
                answer = self.get(f"/echo{new_session()}/{name}{query}")
                self.assertEqual((500, reason), (answer.status, answer.body))
        url = "/echo" + new_session()
        self.get(url + "/jsonp?c=x")
        for body, reason in ((b"d=%5B%22x", b"Broken JSON encoding."), (b"p=p", b"Payload expected.")):
            answer = self.post(url + "/jsonp_send", body, content_type=FORM)
            self.assertEqual((500, reason), (answer.status, answer.body))


class StreamingScenarios(Play):
    """xhr_streaming, eventsource and htmlfile."""

    def test_frames_come_at_once(self) -> None:
        """Each when its message was sent, while the answer goes on."""
        for name in STREAMS:
            url = "/echo" + new_session()
            stream = self.stream(name, url)
            self.read(name, stream, b"o")
            for text in ("x", "  \0\n\r "):
                self.send(url, text)
                self.read(name, stream, b"a" + json.dumps([text]).encode())

    def test_answer_ends_at_limit(self) -> None:
        """And the next one carries on."""
        for name in STREAMS:
            url = "/echo" + new_session()
            stream = self.stream(name, url)
            self.read(name, stream, b"o")
            self.send(url, "x" * 4096)
            self.read(name, stream, b'a["' + b"x" * 4096 + b'"]')
            self.assertEqual(b"", stream.read_rest())
            stream = self.stream(name, url)
            self.send(url, "y")
            self.read(name, stream, b'a["y"]')

    def test_answer_ends_after_many_small_frames(self) -> None:
        """32 of 136 bytes with the open frame are more than 4096."""
        url = "/echo" + new_session()
        stream = self.stream("xhr_streaming", url)
        for _ in range(31):
            self.send(url, "x" * 128)
        self.assertEqual(b"o\n" + (b'a["' + b"x" * 128 + b'"]\n') * 31, stream.read_rest())

    def test_application_closes(self) -> None:
        """The close frame ends the answer, and the next one."""
        for name in STREAMS:
            url = "/close" + new_session()
            self.assertEqual(wrapped(name, b"o") + wrapped(name, GO_AWAY), self.stream(name, url).read_rest())
            self.assertEqual(wrapped(name, GO_AWAY), self.stream(name, url).read_rest())

    def test_second_stream_is_turned_away(self) -> None:
        """And the first one that leaves ends the session: the application hears of it."""
        for name in STREAMS:
            event = f"lost {name} 1002"
            lost = events_of(self.nodes).count(event)
            url = "/recorder" + new_session()
            first = self.stream(name, url)
            self.read(name, first, b"o")
            self.assertEqual(wrapped(name, STILL_OPEN), self.stream(name, url).read_rest())
            first.close()
            self.wait_for_event(event, lost + 1)
            self.assertIn(self.poll(url), (INTERRUPTED + b"\n", b"o\n"))

    def test_idle_stream_gets_heartbeats(self) -> None:
        """One after the other, at once."""
        for name in STREAMS:
            stream = self.stream(name, "/lively" + new_session())
            for frame in (b"o", b"h", b"h"):
                self.read(name, stream, frame)


class WebSocketScenarios(Play):
    """WebSocket, with SockJS's framing and raw."""

    def test_websocket_echoes(self) -> None:
        """Empty texts are ignored; two may share an id."""
        path = f"/echo{new_session()}/websocket"
        with open_websocket(self.port, path) as one, open_websocket(self.port, path) as other:
            for socket, text in ((one, "a"), (other, "b")):
                self.assertEqual("o", socket.recv(PATIENCE))
                for payload in ("", "[]", f'["{text}"]'):
                    socket.send(payload)
                self.assertEqual(f'a["{text}"]', socket.recv(PATIENCE))

    def test_websocket_that_application_closes_ends(self) -> None:
        """After SockJS's close frame; the raw one has only its own."""
        with open_websocket(self.port, f"/close{new_session()}/websocket") as socket:
            self.assertEqual(["o", GO_AWAY.decode()], [socket.recv(PATIENCE), socket.recv(PATIENCE)])
            self.assertRaises(ConnectionClosed, socket.recv, PATIENCE)
        with open_websocket(self.port, "/close/websocket") as socket:
            self.assertRaises(ConnectionClosed, socket.recv, PATIENCE)
            self.assertEqual((3000, "Go away!"), (socket.close_code, socket.close_reason))

    def test_broken_json_ends_websocket(self) -> None:
        """At once."""
        with open_websocket(self.port, f"/echo{new_session()}/websocket") as socket:
            socket.recv(PATIENCE)
            socket.send('["a')
            self.assertRaises(ConnectionClosed, socket.recv, PATIENCE)

    def test_raw_websocket_echoes(self) -> None:
        """Whatever it is, as it is."""
        with open_websocket(self.port, "/echo/websocket") as socket:
            for text in ("Hello world!\uffff", "[]", "x" * 60_000):
                socket.send(text)
                self.assertEqual(text, socket.recv(PATIENCE))

    def test_idle_websocket_lives(self) -> None:
        """Heartbeats in one direction, pongs in the other."""
        with open_websocket(self.port, f"/lively{new_session()}/websocket") as socket:
            self.assertEqual(["o", "h", "h"], [socket.recv(PATIENCE) for _ in range(3)])

    def test_end_of_websocket_is_noticed(self) -> None:
        """Once, with the client's code; and 1006 when it vanishes."""
        for vanish, event in ((False, "lost websocket 1000"), (True, "lost websocket 1006")):
            before = events_of(self.nodes).count(event)
            socket = open_websocket(self.port, f"/recorder{new_session()}/websocket")
            socket.recv(PATIENCE)
            if vanish:
                socket.close_socket()
            else:
                socket.close()
            self.wait_for_event(event, before + 1)

    def test_ordinary_requests_are_refused(self) -> None:
        """Without an upgrade, with another method, and where it is switched off."""
        self.assertEqual(400, self.get("/echo/0/0/websocket").status)
        self.assertEqual(405, self.post("/echo/0/0/websocket").status)
        self.assertEqual(404, self.get("/disabled_websocket_echo/0/0/websocket").status)


class AllScenarios(PageScenarios, PollingScenarios, StreamingScenarios, WebSocketScenarios):
    """Everything."""
