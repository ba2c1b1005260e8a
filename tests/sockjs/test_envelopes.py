# -*- test-case-name: tests.sockjs.test_envelopes -*-
"""Envelopes: each transport's bytes around a frame."""

from __future__ import annotations

import json
import re
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.errors import PayloadError
from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import (
    CALLBACK_LENGTH,
    EVENTSOURCE,
    HTMLFILE,
    RAW_WEBSOCKET,
    WEBSOCKET,
    XHR,
    Envelope,
    check_callback,
    compressed,
    jsonp,
)
from sockjsd.websocket.deflate import Agreement, Inflater

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=200)

CALLBACK = jsonp(b"callback")

#: Envelope, frame, and what goes over the wire.
EXAMPLES = [
    (XHR, b"o", b"o\n"),
    (XHR, b'a["x"]', b'a["x"]\n'),
    (EVENTSOURCE, b"o", b"data: o\r\n\r\n"),
    (EVENTSOURCE, b'a["x\\n"]', b'data: a["x\\n"]\r\n\r\n'),
    (EVENTSOURCE, b'a["100%"]', b'data: a["100%25"]\r\n\r\n'),
    (HTMLFILE, b"o", b'<script>\np("o");\n</script>\r\n'),
    (HTMLFILE, b'a["x"]', b'<script>\np("a[\\"x\\"]");\n</script>\r\n'),
    (CALLBACK, b"o", b'/**/callback("o");\r\n'),
    (CALLBACK, b'a["x"]', b'/**/callback("a[\\"x\\"]");\r\n'),
    (CALLBACK, b'c[3000,"Go away!"]', b'/**/callback("c[3000,\\"Go away!\\"]");\r\n'),
    (WEBSOCKET, b"o", b"\x81\x01o"),
    (WEBSOCKET, b'a["x"]', b'\x81\x06a["x"]'),
    (RAW_WEBSOCKET, b"o", b""),
    (RAW_WEBSOCKET, b"h", b""),
    (RAW_WEBSOCKET, b'c[3000,"Go away!"]', b""),
]


class WrapTests(TestCase):
    """One frame."""

    def test_examples_are_wrapped(self) -> None:
        """Each row, byte for byte as the SockJS text has it."""
        for envelope, frame, expected in EXAMPLES:
            with self.subTest(envelope=envelope, frame=frame):
                self.assertEqual(envelope.wrap(frame), expected)

    def test_equal_envelopes_are_one(self) -> None:
        """Whoever makes the same one again; different kinds never are."""
        self.assertEqual(jsonp(b"cb"), jsonp(b"cb"))
        self.assertEqual(len({XHR, EVENTSOURCE, HTMLFILE, WEBSOCKET, RAW_WEBSOCKET, Envelope(), jsonp(b"cb")}), 7)

    def test_script_cannot_be_ended_by_a_message(self) -> None:
        """Neither the element nor its parsing changes, whatever is sent."""
        for text in ("</script><script>alert(1)</script>", "<!--", "</SCRIPT >", "\u2028", "]]>", '");alert("'):
            for envelope in (HTMLFILE, CALLBACK):
                frame = frames.array(frames.quote(text))
                inside = envelope.wrap(frame)[len(envelope.prefix) : -len(envelope.suffix)]
                with self.subTest(text=text, envelope=envelope):
                    self.assertNotIn(b"<", inside)
                    self.assertEqual(json.loads(inside), frame.decode())

    @given(st.text(st.characters(exclude_categories=())))
    @steady
    def test_script_gives_the_frame_back(self, text: str) -> None:
        """The string literal means the frame, and fits on one line of plain characters."""
        frame = frames.array(frames.quote(text))
        inside = HTMLFILE.wrap(frame)[len(HTMLFILE.prefix) : -len(HTMLFILE.suffix)]
        self.assertEqual(json.loads(inside).encode(), frame)
        self.assertIsNone(re.search("[<\n\r\u2028\u2029]", inside.decode()))


class MessagesTests(TestCase):
    """The messages of a batch."""

    def test_messages_are_one_frame_with_framing(self) -> None:
        """All transports but one carry the array."""
        for envelope in (XHR, EVENTSOURCE, HTMLFILE, CALLBACK, WEBSOCKET):
            self.assertEqual(envelope.messages(Batch(["a"])), envelope.wrap(b'a["a"]'))

    def test_messages_are_texts_of_their_own_without_framing(self) -> None:
        """The raw WebSocket sends each one bare; what UTF-8 cannot carry is replaced."""
        self.assertEqual(RAW_WEBSOCKET.messages(Batch(["a", "", "\ud800"])), b"\x81\x01a\x81\x00\x81\x03\xef\xbf\xbd")

    def test_messages_may_be_binary_without_framing(self) -> None:
        """A text that is empty and binary that is empty are two things."""
        self.assertEqual(RAW_WEBSOCKET.messages(Batch([b"\xff", b"", ""])), b"\x82\x01\xff\x82\x00\x81\x00")


class CompressedTests(TestCase):
    """Envelopes of clients with permessage-deflate."""

    def test_only_messages_are_compressed(self) -> None:
        """And only those that are worth it; open frames, heartbeats and close frames are as ever."""
        envelope = compressed(WEBSOCKET, Agreement(), 6, 100)
        for frame in (frames.OPEN, frames.HEARTBEAT, frames.close(3000, "x" * 500)):
            self.assertEqual(envelope.wrap(frame), WEBSOCKET.wrap(frame))
        self.assertEqual(envelope.messages(Batch(["x" * 94])), WEBSOCKET.messages(Batch(["x" * 94])))
        frame = envelope.messages(Batch(["x" * 95]))
        self.assertEqual(frame[:2], bytes([0xC1, len(frame) - 2]))
        self.assertEqual(Inflater(Agreement()).inflate(frame[2:], 100), b'a["' + b"x" * 95 + b'"]')

    def test_raw_messages_are_compressed_one_by_one(self) -> None:
        """Each by its own size, texts and binary."""
        envelope = compressed(RAW_WEBSOCKET, Agreement(), 6, 3)
        first, second = envelope.messages(Batch(["x" * 50])), envelope.messages(Batch([b"x" * 50]))
        self.assertEqual((first[0], second[0]), (0xC1, 0xC2))
        batch = Batch(["x" * 50, "ab", b"x" * 50])
        self.assertEqual(envelope.messages(batch), first + b"\x81\x02ab" + second)
        self.assertEqual(envelope.wrap(frames.OPEN), b"")

    def test_raw_and_framed_are_never_equal(self) -> None:
        """Nor is one with a context to another: a batch keeps what it made by envelope."""
        made = [compressed(plain, Agreement(), 6, 100) for plain in (WEBSOCKET, RAW_WEBSOCKET)]
        made += [compressed(WEBSOCKET, Agreement(), level, threshold) for level, threshold in ((1, 100), (6, 101))]
        made += [compressed(WEBSOCKET, Agreement(server_takeover=True), 6, 100) for _ in range(2)]
        self.assertEqual(len({*made, WEBSOCKET, RAW_WEBSOCKET}), 8)
        self.assertEqual([envelope.shared for envelope in made], [True] * 4 + [False] * 2)


class CallbackTests(TestCase):
    """The name of a JavaScript function, chosen by whoever wrote the URL."""

    def test_name_is_accepted_when_plain(self) -> None:
        """What sockjs-client makes, and everything else that the text allows."""
        for name in ("callback", "_jp.a1b2c3", "a-b.c_D9", "x" * CALLBACK_LENGTH):
            self.assertEqual(check_callback(name), name.encode())

    def test_name_is_required(self) -> None:
        """With the sentence that the SockJS text prescribes."""
        for name in (None, ""):
            with self.assertRaisesRegex(PayloadError, '^"callback" parameter required$') as caught:
                check_callback(name)
            self.assertEqual(caught.exception.status, 500)

    def test_name_is_refused_when_it_could_be_code(self) -> None:
        """Nothing of it comes back in the error."""
        names = ["alert(1)", "a;b", "a b", "a\n", "a%20", "<b>", "a'", "ä", "a[0]", "a/*", "x" * (CALLBACK_LENGTH + 1)]
        for name in names:
            with self.subTest(name=name), self.assertRaises(PayloadError) as caught:
                check_callback(name)
            self.assertEqual(str(caught.exception), 'invalid "callback" parameter')
