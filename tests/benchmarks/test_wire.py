# -*- test-case-name: tests.benchmarks.test_wire -*-
"""What goes over the wire is what the protocols say: read back with sockjsd's own parsers, or by hand."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import wire


def payload(frame: bytes) -> bytes:
    """Return what is in a frame whose mask is zero, or that has none; it is checked that its length is right."""
    length, begin = frame[1] & 0x7F, 2
    if length == 126:
        length, begin = int.from_bytes(frame[2:4], "big"), 4
    begin += 4 if frame[1] & 0x80 else 0
    assert len(frame) == begin + length, frame
    return frame[begin:]


class MessageTests(SynchronousTestCase):
    """The one message that everybody sends."""

    def test_message_has_its_size_and_ends_with_the_mark(self) -> None:
        """The load counts marks, and every message has one."""
        self.assertEqual(len(wire.MESSAGE), wire.MESSAGE_SIZE)
        self.assertEqual(wire.MESSAGE.count(wire.MARK), 1)

    def test_mark_is_in_no_head_of_a_frame(self) -> None:
        """A length of 126 and more begins with the byte "~": a mark of that alone would be counted twice."""
        for text in (wire.MESSAGE, f"a{json.dumps([wire.MESSAGE])}", wire.MESSAGE * 50):
            self.assertEqual(wire.frame(text).count(wire.MARK.encode()), text.count(wire.MARK))

    def test_places_do_not_stand_in_a_message(self) -> None:
        """The load would fill them with digits."""
        self.assertNotIn("@@", wire.MESSAGE)


class FrameTests(SynchronousTestCase):
    """WebSocket frames of clients and servers."""

    def test_masked_frame_is_a_masked_text(self) -> None:
        """Both lengths, at their border."""
        for size in (0, 125, 126, 40_000):
            frame = wire.masked("x" * size)
            self.assertEqual(frame[0], 0x81)
            self.assertTrue(frame[1] & 0x80)
            self.assertEqual(payload(frame), b"x" * size)

    def test_frame_of_a_server_has_no_mask(self) -> None:
        """RFC 6455, 5.1."""
        for size in (0, 125, 126, 40_000):
            frame = wire.frame("x" * size)
            self.assertFalse(frame[1] & 0x80)
            self.assertEqual(payload(frame), b"x" * size)

    def test_redis_command_has_the_length_of_each_word(self) -> None:
        """As Redis reads it."""
        self.assertEqual(
            wire.redis_publish("hi", "sockjsd.x"), b"*3\r\n$7\r\nPUBLISH\r\n$9\r\nsockjsd.x\r\n$2\r\nhi\r\n"
        )


class RequestTests(SynchronousTestCase):
    """Heads of requests."""

    def test_post_says_how_long_its_body_is(self) -> None:
        """And has the fields that it was given."""
        head, _, body = wire.post("/x", "abc", "X-Key: 1\r\n").partition(b"\r\n\r\n")
        self.assertEqual(body, b"abc")
        self.assertIn(b"Content-Length: 3", head.split(b"\r\n"))
        self.assertIn(b"X-Key: 1", head.split(b"\r\n"))

    def test_upgrade_asks_for_a_websocket(self) -> None:
        """With what RFC 6455, 4.1, demands."""
        head = wire.upgrade("/chat").decode()
        self.assertTrue(head.startswith("GET /chat HTTP/1.1\r\n") and head.endswith("\r\n\r\n"))
        for field in ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"):
            self.assertIn(f"\r\n{field}\r\n", head)

    def test_get_has_no_body(self) -> None:
        """Its head is all."""
        self.assertEqual(wire.get("/info"), b"GET /info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")


class ClientTests(SynchronousTestCase):
    """How clients of each kind begin."""

    def test_sockjs_client_has_a_session_of_its_own(self) -> None:
        """Ten places, which the load fills with a number that was never used."""
        client = wire.sockjs_websocket("/echo")
        self.assertIn(b"/echo/000/@@@@@@@@@@/websocket", client.hello[0])
        self.assertEqual(json.loads(payload(client.message)), [wire.MESSAGE])

    def test_clients_on_several_prefixes_take_turns(self) -> None:
        """One hello for each."""
        self.assertEqual(len(wire.sockjs_websocket("/a", "/b").hello), 2)
        self.assertEqual(len(wire.raw_websocket("/a", "/b", "/c").hello), 3)

    def test_raw_client_sends_the_bare_message(self) -> None:
        """Nothing around it."""
        self.assertEqual(payload(wire.raw_websocket("/echo").message), wire.MESSAGE.encode())

    def test_streaming_client_is_connected_with_its_o_frame(self) -> None:
        """Which comes after the prelude."""
        client = wire.sockjs_streaming("/events")
        self.assertIn(b"POST /events/000/@@@@@@@@@@/xhr_streaming ", client.hello[0])
        self.assertEqual(client.opened, r"o\n")
