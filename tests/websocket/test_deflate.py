# -*- test-case-name: tests.websocket.test_deflate -*-
"""permessage-deflate: who agrees on what, what is written, and what is read of whatever a client sends."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from itertools import product
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.errors import WebSocketError
from sockjsd.websocket.deflate import BITS, Agreement, ContextDeflater, Deflater, History, Inflater, negotiate
from sockjsd.websocket.frames import Opcode

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=100)

TAIL = b"\x00\x00\xff\xff"
MIB = 1 << 20

NO_CONTEXT = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

#: What a client offers, and what is answered without contexts and with them; None: nothing is compressed.
OFFERS: list[tuple[str, str | None, str | None]] = [
    ("", None, None),
    ("permessage-deflate", NO_CONTEXT, "permessage-deflate"),
    # Chromium's, Firefox's and Safari's offers of today.
    ("permessage-deflate; client_max_window_bits", NO_CONTEXT, "permessage-deflate; client_max_window_bits=12"),
    ("permessage-deflate", NO_CONTEXT, "permessage-deflate"),
    ("permessage-deflate;server_no_context_takeover", NO_CONTEXT, "permessage-deflate; server_no_context_takeover"),
    ("permessage-deflate ;\tclient_no_context_takeover", NO_CONTEXT, "permessage-deflate; client_no_context_takeover"),
    (NO_CONTEXT, NO_CONTEXT, NO_CONTEXT),
    *(
        (
            f"permessage-deflate; server_max_window_bits={bits}",
            f"{NO_CONTEXT}; server_max_window_bits={min(bits, 12)}",
            f"permessage-deflate; server_max_window_bits={min(bits, 12)}",
        )
        for bits in range(9, 16)
    ),
    *(
        (f"permessage-deflate; client_max_window_bits={bits}", NO_CONTEXT, f"permessage-deflate{answer}")
        for bits, answer in zip(range(8, 16), [""] * 5 + ["; client_max_window_bits=12"] * 3, strict=True)
    ),
    # A value may be quoted (RFC 6455 section 9.1).
    (
        'permessage-deflate; server_max_window_bits="10"; client_max_window_bits = "9"',
        f"{NO_CONTEXT}; server_max_window_bits=10",
        "permessage-deflate; server_max_window_bits=10",
    ),
    # The first offer that can be met is.
    (
        "permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=11, "
        "permessage-deflate",
        f"{NO_CONTEXT}; server_max_window_bits=11",
        "permessage-deflate; server_max_window_bits=11",
    ),
    ("x-webkit-deflate-frame, permessage-deflate", NO_CONTEXT, "permessage-deflate"),
    ('x; a="b"; c=d, permessage-deflate; unknown, permessage-deflate', NO_CONTEXT, "permessage-deflate"),
    (" , ,permessage-deflate\t,, ", NO_CONTEXT, "permessage-deflate"),
    # zlib has no window of 256 bytes.
    ("permessage-deflate; server_max_window_bits=8", None, None),
]

#: Offers that are declined (RFC 7692 section 7.1), and headers that are not in order.
DECLINED = [
    "permessage-bzip2",
    "PERMESSAGE-DEFLATE-2",
    "permessage-deflate; unknown",
    "permessage-deflate; unknown=1",
    "permessage-deflate; server_no_context_takeover=1",
    "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    "permessage-deflate; client_max_window_bits; client_max_window_bits=10",
    "permessage-deflate; server_max_window_bits",
    "permessage-deflate; Server_max_window_bits=10; mode=fast",
    *(
        f"permessage-deflate; {side}_max_window_bits={value}"
        for side in ("server", "client")
        for value in (
            "7",
            "16",
            "0",
            "-9",
            "+9",
            "09",
            "010",
            "1e1",
            "100",
            "x",
            '"',
            '""',
            '"9',
            "",
            " ",
            "\u0669",
            "9 9",
        )
    ),
    "permessage-deflate;",
    "permessage-deflate; ; server_no_context_takeover",
    "permessage-deflate; =9",
    "permessage-deflate; a b",
    "permessage-deflate permessage-deflate",
    "permessage-deflate\n",
    "=; permessage-deflate",
    "permessage-deflate, (",
    '"permessage-deflate"',
    "permessage-deflate; " + "a;" * 10_000,
]


class NegotiationTests(TestCase):
    """What an offer comes to (section 7.1)."""

    def test_offer_is_answered(self) -> None:
        """Each row, by an endpoint without contexts and by one with them."""
        for offer, without, with_context in OFFERS:
            for takeover, expected in ((False, without), (True, with_context)):
                with self.subTest(offer, takeover=takeover):
                    agreement = negotiate(offer, takeover=takeover)
                    self.assertEqual(agreement and agreement.answer, expected)

    def test_offer_is_declined(self) -> None:
        """Nothing is compressed then; the connection is made all the same."""
        for offer in DECLINED:
            with self.subTest(offer[:80]):
                self.assertIsNone(negotiate(offer))
                self.assertIsNone(negotiate(offer, takeover=True))

    def test_agreement_is_what_was_answered(self) -> None:
        """Both ends act on the same words."""
        for offer, takeover, expected in (
            ("permessage-deflate", False, Agreement(False, False, BITS, 15)),
            ("permessage-deflate", True, Agreement(True, True, BITS, 15)),
            ("permessage-deflate; client_max_window_bits", True, Agreement(True, True, BITS, 12)),
            ("permessage-deflate; client_max_window_bits=8", True, Agreement(True, True, BITS, 8)),
            ("permessage-deflate; client_max_window_bits=10", False, Agreement(False, False, BITS, 10)),
            ("permessage-deflate; server_no_context_takeover", True, Agreement(False, True, BITS, 15)),
            ("permessage-deflate; client_no_context_takeover", True, Agreement(True, False, BITS, 15)),
            ("permessage-deflate; server_max_window_bits=9", False, Agreement(False, False, 9, 15)),
        ):
            with self.subTest(offer, takeover=takeover):
                self.assertEqual(negotiate(offer, takeover=takeover), expected)


def unpacked(frame: bytes) -> tuple[int, bytes]:
    """Return byte 0 and the payload of a frame below 64 KiB."""
    return frame[0], frame[2:] if frame[1] < 126 else frame[4:]


def inflate(payload: bytes, bits: int = 15, history: bytes = b"") -> bytes:
    """Read a compressed message as a client would."""
    return zlib.decompressobj(-bits, history).decompress(payload + TAIL)


class DeflaterTests(TestCase):
    """What is written (section 7.2.1)."""

    def test_message_is_compressed_from_threshold_on(self) -> None:
        """Shorter ones are plain frames."""
        deflater = Deflater(threshold=100)
        self.assertEqual(deflater(Opcode.TEXT, b"a" * 99), b"\x81\x63" + b"a" * 99)
        for opcode, first in ((Opcode.TEXT, 0xC1), (Opcode.BINARY, 0xC2)):
            head, payload = unpacked(deflater(opcode, b"a" * 100))
            self.assertEqual((head, inflate(payload)), (first, b"a" * 100))

    def test_message_is_sent_as_it_is_where_compressing_is_no_gain(self) -> None:
        """Pictures, and what is encrypted."""
        noise = random.Random(1).randbytes(5000)
        for deflate in (Deflater(threshold=1), ContextDeflater(Deflater(threshold=1))):
            self.assertEqual(unpacked(deflate(Opcode.BINARY, noise)), (0x82, noise))

    def test_message_refers_back_no_further_than_agreed(self) -> None:
        """A client that keeps no more can read it, at every size of window and every level."""
        text = random.Random(2).randbytes(3000)
        message = text * 10 + bytes(5000) + text[:400] * 5
        for bits, level in product(range(9, 13), range(1, 10)):
            head, payload = unpacked(Deflater(level, 1, bits)(Opcode.BINARY, message))
            with self.subTest(bits=bits, level=level):
                self.assertEqual((head, inflate(payload, bits)), (0xC2, message))

    def test_equal_deflaters_make_equal_frames(self) -> None:
        """They are values, and nothing is remembered between two messages."""
        one, other = Deflater(6, 1, 10), Deflater(6, 1, 10)
        self.assertEqual((one, hash(one)), (other, hash(other)))
        self.assertNotEqual(one, Deflater(6, 1, 11))
        self.assertEqual(one(1, b"a" * 300), one(1, b"a" * 300))
        self.assertEqual(one(1, b"a" * 300), other(1, b"a" * 300))

    def test_context_refers_to_messages_before(self) -> None:
        """But not to those that were not compressed, which the client's window has not seen."""
        text = random.Random(3).choices(b"abcdefgh", k=600)
        message = bytes(text)
        deflate = ContextDeflater(Deflater(threshold=600))
        deflate(Opcode.TEXT, message[:599])
        sizes = [len(deflate(Opcode.TEXT, message)) for _ in range(2)]
        self.assertLess(sizes[1] * 10, sizes[0])
        self.assertEqual(sizes[0], len(Deflater(threshold=1)(Opcode.TEXT, message)))

    def test_context_can_be_read_by_one_inflater(self) -> None:
        """As long as it lives, over plain messages and incompressible ones."""
        noise = random.Random(4)
        reader = zlib.decompressobj(-9)
        deflate = ContextDeflater(Deflater(6, 20, 9))
        for _ in range(300):
            message = noise.choice([noise.randbytes(30), b"abc" * noise.randrange(400), b"news " * 20])
            head, payload = unpacked(deflate(Opcode.BINARY, message))
            self.assertEqual(reader.decompress(payload + TAIL) if head == 0xC2 else payload, message)

    def test_history_is_no_longer_than_the_window(self) -> None:
        """However long the messages are; this is all that a context costs between them."""
        history = History(9)
        for message in (b"a" * 300, b"b" * 300, b"c" * 5000, b"", b"d"):
            history.add(message)
        self.assertEqual(history.text, b"c" * 511 + b"d")


def packed(message: bytes, mode: int = zlib.Z_SYNC_FLUSH, bits: int = 15, level: int = 6) -> bytes:
    """Compress *message* as a client may (section 7.2.3)."""
    stream = zlib.compressobj(level, zlib.DEFLATED, -bits)
    data = stream.compress(message) + stream.flush(mode)
    if mode == zlib.Z_FINISH:
        return data + b"\x00"
    assert data.endswith(TAIL)
    return data[: -len(TAIL)]


#: The examples of section 7.2.3, and other ways to say something: (what, the payload, the message).
READABLE = [
    ("one block", bytes.fromhex("f248cdc9c90700"), b"Hello"),
    ("a stored block", bytes.fromhex("000500faff48656c6c6f00"), b"Hello"),
    ("a last block", bytes.fromhex("f348cdc9c9070000"), b"Hello"),
    ("two blocks", bytes.fromhex("f248050000 00ffff cac9c90700"), b"Hello"),
    ("nothing in one byte", b"\x00", b""),
    ("nothing in no byte", b"", b""),
    ("nothing as zlib has it", bytes.fromhex("0200"), b""),
    ("a last block, then another", packed(b"Hel", zlib.Z_FINISH)[:-1] + packed(b"lo"), b"Hello"),
    ("fifteen last blocks", packed(b"a", zlib.Z_FINISH)[:-1] * 14 + packed(b"b", zlib.Z_FINISH), b"a" * 14 + b"b"),
    ("a full flush", packed(b"Hello", zlib.Z_FULL_FLUSH), b"Hello"),
    ("a small window", packed(b"abc" * 1000, bits=9), b"abc" * 1000),
    ("stored blocks", packed(bytes(range(256)) * 400, level=0), bytes(range(256)) * 400),
]

#: What is no compressed message: (what, the payload, the close code).
UNREADABLE = [
    ("noise", b"\xff\xff\xff\xff", 1007),
    ("a bad kind of block", b"\x06", 1007),
    ("a stored block that denies its length", bytes.fromhex("000500f0ff48656c6c6f00"), 1007),
    ("a distance before the beginning", bytes.fromhex("4204fc00"), 1007),
    ("cut off in a block", bytes.fromhex("f248cdc9"), 1007),
    ("cut off in a stored block", bytes.fromhex("000500faff4865"), 1007),
    ("a large message cut in half", packed(random.Random(5).randbytes(3000))[:1500], 1007),
    ("a last block without the byte behind it", packed(b"Hello", zlib.Z_FINISH)[:-1], 1007),
    ("text behind a last block", packed(b"Hello", zlib.Z_FINISH) + b"Hello", 1007),
    ("last blocks without end", packed(b"", zlib.Z_FINISH)[:-1] * 1000 + b"\x00", 1002),
]


class InflaterTests(TestCase):
    """What is read (section 7.2.2)."""

    def test_message_is_read(self) -> None:
        """With a context and without."""
        for takeover, (name, payload, message) in product((False, True), READABLE):
            with self.subTest(name, takeover=takeover):
                self.assertEqual(Inflater(Agreement(client_takeover=takeover)).inflate(payload, len(message)), message)

    def test_message_is_refused(self) -> None:
        """With a close code, and no other error."""
        for takeover, (name, payload, code) in product((False, True), UNREADABLE):
            with self.subTest(name, takeover=takeover), self.assertRaises(WebSocketError) as caught:
                Inflater(Agreement(client_takeover=takeover)).inflate(payload, MIB)
            self.assertEqual(caught.exception.code, code, name)

    def test_message_beyond_limit_is_refused(self) -> None:
        """The limit is the last size that passes, however the message is made."""
        for payload in (packed(b"x" * 1000), packed(b"x" * 999, zlib.Z_FINISH)[:-1] + packed(b"x")):
            self.assertEqual(Inflater(Agreement()).inflate(payload, 1000), b"x" * 1000)
            with self.assertRaises(WebSocketError) as caught:
                Inflater(Agreement()).inflate(payload, 999)
            self.assertEqual(caught.exception.code, 1009)

    def test_bomb_takes_no_more_memory_than_the_limit(self) -> None:
        """64 MiB in 64 KiB, behind nothing or behind last blocks, are given up at the limit."""
        stream = zlib.compressobj(9, zlib.DEFLATED, -15)
        bomb = b"".join(stream.compress(bytes(MIB)) for _ in range(64)) + stream.flush(zlib.Z_SYNC_FLUSH)
        last = packed(bytes(60_000), zlib.Z_FINISH)[:-1]
        for payload in (bomb[:-4], last * 15 + bomb[:-4], last + bomb[:-4]):
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            with self.assertRaises(WebSocketError) as caught:
                Inflater(Agreement(client_takeover=True)).inflate(payload, 64 * 1024)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertEqual(caught.exception.code, 1009)
            # The input twice (with the tail, and what zlib left of it), the output, and zlib's own tables.
            self.assertLess(peak, 2 * len(payload) + 4 * 64 * 1024)

    def test_nothing_is_remembered_without_context(self) -> None:
        """A message that refers to the one before is none."""
        message = random.Random(6).randbytes(300)
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        first, second = (stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
        inflater = Inflater(Agreement())
        self.assertEqual(inflater.inflate(first[:-4], 300), message)
        with self.assertRaises(WebSocketError):
            inflater.inflate(second[:-4], 300)

    def test_context_is_remembered_over_kinds_of_blocks(self) -> None:
        """Also behind a last block, which ends what zlib calls a stream and not the window."""
        message = random.Random(7).randbytes(300)
        again = zlib.compressobj(6, zlib.DEFLATED, -15, zdict=message + b"x")
        second = again.compress(message) + again.flush(zlib.Z_SYNC_FLUSH)
        self.assertLess(len(second), 50)
        inflater = Inflater(Agreement(client_takeover=True))
        self.assertEqual(inflater.inflate(packed(message, zlib.Z_FINISH), 300), message)
        self.assertEqual(inflater.inflate(packed(b"x"), 300), b"x")
        self.assertEqual(inflater.inflate(second[:-4], 300), message)

    def test_context_of_client_that_says_8_is_read(self) -> None:
        """Those made with zlib mean 9 by it."""
        message = random.Random(8).randbytes(200)
        stream = zlib.compressobj(6, zlib.DEFLATED, -9)
        inflater = Inflater(Agreement(client_takeover=True, client_bits=8))
        for _ in range(20):
            payload = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)
            self.assertEqual(inflater.inflate(payload[:-4], 200), message)

    def test_empty_messages_of_zlib_are_read(self) -> None:
        """Behind another message it writes nothing at all for one."""
        stream = zlib.compressobj(6, zlib.DEFLATED, -15)
        inflater = Inflater(Agreement(client_takeover=True))
        for message in (b"a", b"", b"", b"a"):
            payload = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)
            self.assertEqual(inflater.inflate(payload.removesuffix(TAIL), 1), message)


messages = st.lists(st.binary(max_size=300) | st.text("abc ", max_size=300).map(str.encode), max_size=8)


class PropertyTests(TestCase):
    """What holds for any messages."""

    @given(messages, st.integers(9, 15), st.booleans(), st.integers(0, 9))
    @steady
    def test_messages_of_any_client_are_read(self, sent: list[bytes], bits: int, takeover: bool, level: int) -> None:
        """Whatever its window and its level, with a context and without."""
        inflater = Inflater(Agreement(client_takeover=takeover, client_bits=bits))
        stream = zlib.compressobj(level, zlib.DEFLATED, -bits)
        for message in sent:
            if not takeover:
                stream = zlib.compressobj(level, zlib.DEFLATED, -bits)
            payload = stream.compress(message) + stream.flush(zlib.Z_SYNC_FLUSH)
            self.assertEqual(inflater.inflate(payload.removesuffix(TAIL), 300), message)

    @given(messages, st.integers(9, 12), st.booleans(), st.integers(1, 9))
    @steady
    def test_any_messages_can_be_read_by_a_client(
        self, sent: list[bytes], bits: int, takeover: bool, level: int
    ) -> None:
        """With the window that was agreed on."""
        deflater = Deflater(level, 1, bits)
        deflate = ContextDeflater(deflater) if takeover else deflater
        reader = zlib.decompressobj(-bits)
        for message in sent:
            head, payload = unpacked(deflate(Opcode.BINARY, message))
            if not takeover:
                reader = zlib.decompressobj(-bits)
            self.assertEqual(reader.decompress(payload + TAIL) if head == 0xC2 else payload, message)

    @given(st.binary(max_size=80), st.integers(0, 100))
    @steady
    def test_garbage_is_read_or_refused(self, payload: bytes, limit: int) -> None:
        """By no other error than that of a peer, and within the limit."""
        try:
            message = Inflater(Agreement(client_takeover=True)).inflate(payload, limit)
        except WebSocketError as error:
            self.assertIn(error.code, (1002, 1007, 1009))
        else:
            self.assertLessEqual(len(message), limit)
