# -*- test-case-name: tests.websocket.test_frames -*-
"""Frames: what is written, what is read, and what is refused by its head alone."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.errors import WebSocketError
from sockjsd.websocket.frames import (
    DEFLATED,
    RSV1,
    Header,
    Opcode,
    close_payload,
    encode,
    may_receive,
    read_close,
    read_header,
    unmask,
)
from tests.websocket.examples import BAD_HEADS, EXAMPLES, KEY, client, from_client, xor

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=100)


class EncodeTests(TestCase):
    """What a server writes (section 5.2)."""

    def test_frame_has_shortest_head_before_payload(self) -> None:
        """Every example is written byte for byte as the RFC lays it out."""
        for example in EXAMPLES:
            with self.subTest(head=example.head.hex()):
                self.assertEqual(encode(example.opcode, example.payload), example.head + example.payload)

    def test_frame_has_eight_bytes_of_length_when_large(self) -> None:
        """A payload of 16 MiB is announced in full."""
        frame = encode(Opcode.BINARY, bytes(1 << 24))
        self.assertEqual(frame[:10], b"\x82\x7f\0\0\0\0\x01\0\0\0")
        self.assertEqual(len(frame), 10 + (1 << 24))

    def test_control_frame_refuses_more_than_125_bytes(self) -> None:
        """What no peer would accept is not written."""
        for opcode in (Opcode.CLOSE, Opcode.PING, Opcode.PONG):
            with self.assertRaisesRegex(ValueError, "at most 125 bytes, not 126"):
                encode(opcode, bytes(126))

    def test_compressed_message_is_marked_by_rsv1(self) -> None:
        """In heads of any size (RFC 7692 section 6)."""
        for size, head in ((1, b"\xc2\x01"), (126, b"\xc2\x7e\0\x7e"), (1 << 16, b"\xc2\x7f\0\0\0\0\0\x01\0\0")):
            self.assertEqual(encode(RSV1 | Opcode.BINARY, bytes(size)), head + bytes(size))


class UnmaskTests(TestCase):
    """The mask (section 5.3)."""

    def test_unmask_reveals_example_of_rfc(self) -> None:
        """The masked "Hello" of section 5.7 is read."""
        self.assertEqual(unmask(bytes.fromhex("7f9f4d5158"), KEY), b"Hello")

    def test_unmask_takes_any_buffer(self) -> None:
        """Bytes, a bytearray and a memoryview give the same."""
        masked = xor(b"payload", KEY)
        for payload in (masked, bytearray(masked), memoryview(masked)):
            self.assertEqual(unmask(payload, KEY), b"payload")

    def test_unmask_keeps_its_place_across_blocks(self) -> None:
        """Where a long payload is cut for speed, the key goes on as if it were not."""
        block = 1 << 14
        for size in (block - 1, block, block + 1, 2 * block, 2 * block + 3, 5 * block + 2):
            payload = bytes(range(251)) * (size // 251 + 1)
            with self.subTest(size=size):
                self.assertEqual(unmask(xor(payload[:size], KEY), KEY), payload[:size])

    def test_unmask_works_at_32_mib(self) -> None:
        """The largest message that anybody configures is right at both ends and in the middle."""
        size = 32 << 20
        result = unmask(bytes(size), KEY)
        self.assertEqual(result, KEY * (size // 4))

    @given(st.binary(max_size=300), st.binary(min_size=4, max_size=4))
    @steady
    def test_unmask_agrees_with_byte_by_byte(self, payload: bytes, key: bytes) -> None:
        """The fast way and the obvious one never differ, and twice gives the payload back."""
        self.assertEqual(unmask(payload, key), xor(payload, key))
        self.assertEqual(unmask(unmask(payload, key), key), payload)


class HeaderTests(TestCase):
    """The head of a client's frame (section 5.2)."""

    def test_header_tells_what_follows(self) -> None:
        """Every example is read wherever it stands, and with whatever behind it."""
        for example in EXAMPLES:
            frame = from_client(example)
            start, end = 3 + len(example.head) + 4, 3 + len(frame)
            expected = Header(True, example.opcode, False, KEY, start, end)
            for rest in (b"", b"garbage"):
                with self.subTest(head=example.head.hex(), rest=rest):
                    self.assertEqual(read_header(b"xyz" + frame + rest, 3), expected)
                    self.assertEqual(read_header(bytearray(b"xyz" + frame + rest), 3), expected)

    def test_header_is_none_until_complete(self) -> None:
        """No part of a head is taken for one."""
        for example in EXAMPLES:
            frame = from_client(example)
            for have in range(len(example.head) + 4):
                with self.subTest(head=example.head.hex(), have=have):
                    self.assertIsNone(read_header(frame[:have], 0))

    def test_header_knows_unfinished_frames(self) -> None:
        """A fragment is told from a whole message."""
        for opcode in (0, 1, 2):
            header = read_header(client(opcode, b"ab", final=False), 0)
            self.assertEqual(header, Header(False, opcode, False, KEY, 6, 8))

    def test_header_knows_compressed_messages_where_they_were_negotiated(self) -> None:
        """RSV1 marks the first frame of a message, whole or not, and is no part of the opcode (RFC 7692 section 6)."""
        for opcode in (1, 2):
            for final in (False, True):
                frame = client(RSV1 | opcode, b"ab", final=final)
                self.assertEqual(read_header(frame, 0, DEFLATED), Header(final, opcode, True, KEY, 6, 8))
                plain = client(opcode, b"ab", final=final)
                self.assertEqual(read_header(plain, 0, DEFLATED), Header(final, opcode, False, KEY, 6, 8))

    def test_header_refuses_bits_that_mean_nothing_although_one_was_negotiated(self) -> None:
        """RSV1 elsewhere than in the first frame of a message, the two others anywhere."""
        legal = [RSV1 | final | opcode for opcode in (1, 2) for final in (0, 0x80)]
        for first in range(256):
            if first & 0x70 and first not in legal:
                with self.subTest(first=hex(first)), self.assertRaisesRegex(WebSocketError, "^reserved bit set$"):
                    read_header(bytes([first, 0x80]), 0, DEFLATED)

    def test_header_carries_63_bits_of_length(self) -> None:
        """The largest legal length is a number like any other: whether it is too much is decided elsewhere."""
        header = read_header(b"\x82\xff\x7f" + b"\xff" * 7 + KEY, 0)
        self.assertEqual(header, Header(True, 2, False, KEY, 14, 14 + (1 << 63) - 1))

    def test_header_refuses_broken_rules_at_once(self) -> None:
        """Each bad head is a protocol error, without waiting for the key or the payload."""
        for name, data in BAD_HEADS:
            with self.subTest(name), self.assertRaises(WebSocketError) as caught:
                read_header(data, 0)
            self.assertEqual(caught.exception.code, 1002)

    def test_header_says_which_rule_was_broken(self) -> None:
        """The reason tells the author of a client what to look for."""
        for data, reason in (
            (b"\xc1\x80", "reserved bit set"),
            (b"\x83\x80", "reserved opcode"),
            (b"\x03\x80", "reserved opcode"),
            (b"\x09\x80", "fragmented control frame"),
            (b"\x81\x00", "unmasked frame"),
            (b"\x89\xfe", "control frame too long"),
            (b"\x81\xfe\x00\x01", "length not in its shortest form"),
            (b"\x81\xff\x80" + bytes(7), "length too large"),
        ):
            with self.subTest(data=data.hex()), self.assertRaisesRegex(WebSocketError, f"^{reason}$"):
                read_header(data, 0)


class CloseCodeTests(TestCase):
    """Which codes may stand in a close frame (section 7.4)."""

    def test_code_is_allowed_when_registered_or_private(self) -> None:
        """The registered codes, and those of libraries and applications."""
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999):
            self.assertTrue(may_receive(code), code)

    def test_code_is_refused_when_local_or_unknown(self) -> None:
        """Codes that only name what an endpoint saw, and those which nobody gave a meaning."""
        for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
            self.assertFalse(may_receive(code), code)


class ClosePayloadTests(TestCase):
    """The payload of our close frames (section 5.5.1)."""

    def test_payload_is_code_and_reason(self) -> None:
        """Two bytes of code, then UTF-8."""
        self.assertEqual(close_payload(1000, ""), b"\x03\xe8")
        self.assertEqual(close_payload(3000, "Go away!"), b"\x0b\xb8Go away!")
        self.assertEqual(close_payload(1001, "ü"), b"\x03\xe9\xc3\xbc")

    def test_payload_is_empty_without_code(self) -> None:
        """1005 means that there is no code, so there is nothing to write."""
        self.assertEqual(close_payload(1005, "ignored"), b"")

    def test_reason_is_cut_between_characters(self) -> None:
        """Of a long reason 123 bytes are sent, or fewer where a character would be torn."""
        for character, count in (("a", 123), ("é", 61), ("✓", 41), ("𝄞", 30)):
            payload = close_payload(1000, character * 200)
            self.assertEqual(payload[2:].decode(), character * count)

    def test_reason_has_replacements_for_surrogates(self) -> None:
        """What UTF-8 cannot carry becomes U+FFFD, each half by itself."""
        self.assertEqual(close_payload(1000, "a\ud800b\udfff").decode("latin-1")[2:].encode("latin-1").decode(), "a�b�")

    def test_code_is_refused_when_it_may_not_be_sent(self) -> None:
        """A code that every peer would call an error is an error here."""
        for code in (0, 1006, 1015, 2999, 5000, 70000):
            with self.subTest(code), self.assertRaisesRegex(ValueError, str(code)):
                close_payload(code, "")

    @given(st.text(st.characters(codec=None), max_size=200))
    @steady
    def test_payload_is_always_one_that_can_be_read(self, reason: str) -> None:
        """Whatever the reason is, it fits a control frame, and a peer reads the beginning of it."""
        payload = close_payload(4000, reason)
        self.assertLessEqual(len(payload), 125)
        code, read = read_close(payload)
        self.assertEqual(code, 4000)
        self.assertTrue("".join("�" if "\ud800" <= c <= "\udfff" else c for c in reason).startswith(read))


class ReadCloseTests(TestCase):
    """The payload of a client's close frame (sections 5.5.1 and 7.4)."""

    def test_close_is_read_as_code_and_reason(self) -> None:
        """With both, with a code alone, and with nothing."""
        self.assertEqual(read_close(b"\x03\xe8bye"), (1000, "bye"))
        self.assertEqual(read_close(b"\x0f\xa0"), (4000, ""))
        self.assertEqual(read_close(b""), (1005, ""))

    def test_close_is_refused_when_broken(self) -> None:
        """Half a code and a forbidden one are protocol errors, a reason that is no UTF-8 is bad data."""
        for payload, code in (
            (b"\x03", 1002),
            (b"\x00\x00", 1002),
            (b"\x03\xed", 1002),
            (b"\x03\xee", 1002),
            (b"\x03\xf7why", 1002),
            (b"\x03\xe8\xff", 1007),
            (b"\x03\xe8\xed\xa0\x80", 1007),
            (b"\x03\xe8\xe2\x9c", 1007),
        ):
            with self.subTest(payload=payload.hex()), self.assertRaises(WebSocketError) as caught:
                read_close(payload)
            self.assertEqual(caught.exception.code, code)
