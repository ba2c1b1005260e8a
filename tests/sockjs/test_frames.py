# -*- test-case-name: tests.sockjs.test_frames -*-
"""Frames: what is written, what is read, and what is refused."""

from __future__ import annotations

import json
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.errors import PayloadError
from sockjsd.sockjs import frames

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=200)

#: Any character at all, lone surrogates too.
TEXTS = st.text(st.characters(exclude_categories=()))

#: Messages, and how they stand in a frame: read from left to right when written, from right to left when read.
EXAMPLES = [
    ("", b'""'),
    ("hello", b'"hello"'),
    ('a "quoted" \\ b', b'"a \\"quoted\\" \\\\ b"'),
    ("</script>", b'"</script>"'),
    ("line\r\nfeed\ttab", b'"line\\r\\nfeed\\ttab"'),
    ("\x00\x01\x1f", b'"\\u0000\\u0001\\u001f"'),
    ("\x7f\x80\x9f", b'"\x7f\xc2\x80\xc2\x9f"'),
    ("Motörhead ✓", '"Motörhead ✓"'.encode()),
    ("𝄞", '"𝄞"'.encode()),
    ("\u200b\u200c\u200f\u2010", b'"\xe2\x80\x8b\\u200c\\u200f\xe2\x80\x90"'),
    ("\u2028\u2029\u202f\u2030", b'"\\u2028\\u2029\\u202f\xe2\x80\xb0"'),
    ("\u2060\u206f\u2070", b'"\\u2060\\u206f\xe2\x81\xb0"'),
    ("\ufeff\uffef\ufff0\uffff", b'"\xef\xbb\xbf\xef\xbf\xaf\\ufff0\\uffff"'),
    ("\ud7ff\ud800", b'"\xed\x9f\xbf\\ud800"'),
    ("\udfff\ue000", b'"\\udfff\xee\x80\x80"'),
]

#: Payloads of clients that are no array of strings, and the sentence that answers them.
REFUSED = [
    (b'["x', "Broken JSON encoding."),
    (b"x", "Broken JSON encoding."),
    (b" ", "Broken JSON encoding."),
    (b'["a"],', "Broken JSON encoding."),
    (b"['a']", "Broken JSON encoding."),
    (b'["\n"]', "Broken JSON encoding."),
    (b'\xef\xbb\xbf["a"]', "Broken JSON encoding."),
    (b'["\xff"]', "Broken JSON encoding."),
    (b'["\xed\xa0\x80"]', "Broken JSON encoding."),
    ('["a"]'.encode("utf-16"), "Broken JSON encoding."),
    (b"[" * 100_000, "Broken JSON encoding."),
    (b'{"a":' * 50_000, "Broken JSON encoding."),
    (b"[" + b"9" * 100_000 + b"]", "Broken JSON encoding."),
    (b"{}", "Payload expected: an array of strings."),
    (b'{"0":"a","0":"b"}', "Payload expected: an array of strings."),
    (b"7", "Payload expected: an array of strings."),
    (b"null", "Payload expected: an array of strings."),
    (b"NaN", "Payload expected: an array of strings."),
    (b"[NaN]", "Payload expected: each message is a string."),
    (b"[Infinity]", "Payload expected: each message is a string."),
    (b"[1e999999]", "Payload expected: each message is a string."),
    (b'["a",7]', "Payload expected: each message is a string."),
    (b'["a",null]', "Payload expected: each message is a string."),
    (b'[["a"]]', "Payload expected: each message is a string."),
    (b'[{"a":"b"}]', "Payload expected: each message is a string."),
    (b"[" * 100 + b"]" * 100, "Payload expected: each message is a string."),
]


class QuoteTests(TestCase):
    """JSON strings that every browser understands (section "JSON Unicode Encoding")."""

    def test_examples_are_written_and_read(self) -> None:
        """Each row from left to right, and from right to left."""
        for text, quoted in EXAMPLES:
            with self.subTest(text=text):
                self.assertEqual(frames.quote(text), quoted)
                self.assertEqual(frames.decode(b"[" + quoted + b"]", 1), [text])

    def test_fragile_characters_never_stand_as_they_are(self) -> None:
        """The whole of each range, and not one character beside it."""
        ranges = [(0, 0x1F), (0x200C, 0x200F), (0x2028, 0x202F), (0x2060, 0x206F), (0xD800, 0xDFFF), (0xFFF0, 0xFFFF)]
        fragile = {code for first, last in ranges for code in range(first, last + 1)} | {ord('"'), ord("\\")}
        for code in range(0x11000):
            self.assertEqual(b"\\" in frames.quote(chr(code)), code in fragile, hex(code))

    def test_anything_but_a_string_is_refused(self) -> None:
        """A frame must not carry other JSON: neither numbers nor objects nor NaN."""
        for value in (b"bytes", 7, None, ["a"], {"a": 1}, float("nan")):
            with self.subTest(value=value), self.assertRaises(TypeError):
                frames.quote(value)  # type: ignore[arg-type]  # the point of this test

    @given(st.lists(TEXTS, min_size=1, max_size=5))
    @steady
    def test_texts_come_back(self, texts: list[str]) -> None:
        """What is written in an array is what is read from it, unless two halves of a pair meet."""
        payload = frames.array(b",".join(map(frames.quote, texts)))[1:]
        whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in texts]
        self.assertEqual(frames.decode(payload, 5), whole)
        self.assertEqual(frames.decode_text(payload.decode(), 5), whole)
        self.assertNotIn(b"\n", payload)

    @given(TEXTS)
    @steady
    def test_quote_is_what_json_would_read(self, text: str) -> None:
        """The escapes of ours and those of the standard library mean the same."""
        self.assertEqual(json.loads(frames.quote(text)), json.loads(json.dumps(text)))


class FrameTests(TestCase):
    """The four frames (section "Protocol and framing")."""

    def test_frames_are_those_of_the_text(self) -> None:
        """Byte for byte."""
        self.assertEqual(frames.OPEN, b"o")
        self.assertEqual(frames.HEARTBEAT, b"h")
        self.assertEqual(frames.array(b'"a","b"'), b'a["a","b"]')
        self.assertEqual(frames.close(3000, "Go away!"), b'c[3000,"Go away!"]')

    def test_close_frame_escapes_its_reason(self) -> None:
        """Whatever the application says, the frame stays one."""
        self.assertEqual(frames.close(3000, '"]\n\u2028'), b'c[3000,"\\"]\\n\\u2028"]')

    def test_close_frame_refuses_what_only_equals_a_reason(self) -> None:
        """Also after the reason that it equals."""

        class Lazy:
            """As Django's lazy texts: equal to a string, and none."""

            def __eq__(self, other: object) -> bool:
                return other == "later"

            def __hash__(self) -> int:
                return hash("later")

        frames.close(3000, "later")
        with self.assertRaises(TypeError):
            frames.close(3000, Lazy())  # type: ignore[arg-type]  # the point of this test

    def test_close_frame_refuses_wrong_kinds(self) -> None:
        """A code that is no number and a reason that is no string never reach a client."""
        for code, reason in (("3000", "x"), (None, "x"), (3000, None), (3000, b"x")):
            with self.subTest(code=code, reason=reason), self.assertRaises(TypeError):
                frames.close(code, reason)  # type: ignore[arg-type]  # the point of this test


class SurrogateTests(TestCase):
    """Texts for transports without JSON."""

    def test_lone_surrogates_are_replaced(self) -> None:
        """Every half becomes U+FFFD; everything else stays."""
        self.assertEqual(frames.replace_surrogates("a\ud800b\udfff𝄞"), "a\ufffdb\ufffd𝄞")
        self.assertEqual(frames.replace_surrogates("plain"), "plain")

    @given(TEXTS)
    @steady
    def test_result_is_always_utf_8(self, text: str) -> None:
        """As long as before, and never an error."""
        self.assertEqual(len(frames.replace_surrogates(text).encode().decode()), len(text))


class DecodeTests(TestCase):
    """What a client sends by `xhr_send` and `jsonp_send`."""

    def test_array_is_read(self) -> None:
        """Blanks do not matter, escaped pairs become one character."""
        self.assertEqual(frames.decode(b' [ "a" , "b\\n" ]\n', 9), ["a", "b\n"])
        self.assertEqual(frames.decode(b'["\\ud834\\udd1e", "\\ud834"]', 9), ["𝄞", "\ud834"])
        self.assertEqual(frames.decode(b"[]", 9), [])

    def test_nothing_is_refused(self) -> None:
        """With the sentence that the SockJS text prescribes."""
        with self.assertRaisesRegex(PayloadError, r"^Payload expected\.$") as caught:
            frames.decode(b"", 9)
        self.assertEqual(caught.exception.status, 500)

    def test_hostile_payloads_are_refused(self) -> None:
        """Each one by a typed error that the text answers with 500, never by another."""
        for payload, sentence in REFUSED:
            with self.subTest(payload=payload[:20]), self.assertRaises(PayloadError) as caught:
                frames.decode(payload, 9)
            self.assertEqual((caught.exception.reason, caught.exception.status), (sentence, 500))

    def test_string_is_no_array(self) -> None:
        """Only a WebSocket may leave the brackets out."""
        with self.assertRaisesRegex(PayloadError, "an array of strings"):
            frames.decode(b'"a"', 9)

    def test_too_many_messages_are_refused(self) -> None:
        """The limit itself is allowed; beyond it is 413."""
        self.assertEqual(frames.decode(b'["a","b"]', 2), ["a", "b"])
        with self.assertRaisesRegex(PayloadError, "at most 2") as caught:
            frames.decode(b'["a","b","c"]', 2)
        self.assertEqual(caught.exception.status, 413)

    @given(st.binary(max_size=30))
    @steady
    def test_any_bytes_are_read_or_refused(self, payload: bytes) -> None:
        """Nothing that a client sends raises anything else."""
        try:
            texts = frames.decode(payload, 9)
        except PayloadError:
            return
        self.assertTrue(all(isinstance(text, str) for text in texts))


class DecodeTextTests(TestCase):
    """What a client sends by a WebSocket (section "Websocket")."""

    def test_array_and_single_string_are_read(self) -> None:
        """Both forms are allowed; a string may be empty."""
        self.assertEqual(frames.decode_text('["a","b"]', 9), ["a", "b"])
        self.assertEqual(frames.decode_text('"a"', 9), ["a"])
        self.assertEqual(frames.decode_text('""', 9), [""])

    def test_empty_text_is_no_message(self) -> None:
        """`test_empty_frame`: it is ignored."""
        self.assertEqual(frames.decode_text("", 9), [])

    def test_hostile_payloads_are_refused(self) -> None:
        """The same as over HTTP, where they are texts at all."""
        for payload, sentence in REFUSED:
            try:
                text = payload.decode()
            except UnicodeDecodeError:
                continue
            with self.subTest(payload=payload[:20]), self.assertRaises(PayloadError) as caught:
                frames.decode_text(text, 9)
            self.assertEqual(caught.exception.reason, sentence)

    def test_too_many_messages_are_refused(self) -> None:
        """The limit holds here too."""
        with self.assertRaisesRegex(PayloadError, "at most 1"):
            frames.decode_text('["a","b"]', 1)
