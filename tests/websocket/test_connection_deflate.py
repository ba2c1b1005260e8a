# -*- test-case-name: tests.websocket.test_connection_deflate -*-
"""Compressed messages among the frames of a connection (RFC 7692 section 6)."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from itertools import pairwise
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.websocket.connection import Closed, Connection, Event, Ping, State
from sockjsd.websocket.deflate import Agreement, Inflater
from sockjsd.websocket.frames import RSV1, Opcode
from tests.websocket.examples import EXAMPLES, client, from_client, head
from tests.websocket.test_deflate import READABLE, UNREADABLE, packed

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=100)

#: What is wrong, what the client sends, and the code it is closed with.
BAD_FRAMES = [
    ("RSV1 on a continuation", client(TEXT, b"a", final=False) + client(RSV1 | 0, b"b"), 1002),
    ("RSV1 on both", client(RSV1 | TEXT, packed(b"a"), final=False) + client(RSV1 | 0, packed(b"b")), 1002),
    ("RSV1 on a continuation of nothing", client(RSV1 | 0, b"b"), 1002),
    ("RSV1 on a ping", client(RSV1 | PING), 1002),
    ("RSV1 on a pong", client(RSV1 | PONG), 1002),
    ("RSV1 on a close", client(RSV1 | CLOSE), 1002),
    ("RSV2 beside RSV1", client(0x60 | TEXT, packed(b"a")), 1002),
    ("a compressed text inside a text", client(TEXT, b"a", final=False) + client(RSV1 | TEXT, packed(b"b")), 1002),
    ("a compressed text that is not UTF-8", client(RSV1 | TEXT, packed(b"ab\xff")), 1007),
    ("a compressed text that ends in a character", client(RSV1 | TEXT, packed("✓".encode()[:2])), 1007),
    *((name, client(RSV1 | BINARY, payload), code) for name, payload, code in UNREADABLE),
    *((f"{name}, cut", client(RSV1 | BINARY, payload[:1], final=False) + client(CONTINUATION, payload[1:]), code)
      for name, payload, code in UNREADABLE),
]  # fmt: skip


def connection(max_message: int = 1 << 17, *, takeover: bool = False) -> Connection:
    """Return a connection on which compression was negotiated."""
    return Connection(max_message=max_message, inflater=Inflater(Agreement(client_takeover=takeover)))


def feed(peer: Connection, data: bytes, step: int) -> list[Event]:
    """Return the events of *data*, read *step* bytes at a time."""
    return [event for at in range(0, len(data), step) for event in peer.receive(data[at : at + step])]


def fragments(opcode: int, payload: bytes, cuts: list[int]) -> list[bytes]:
    """Return the frames of a compressed message, cut at *cuts*."""
    edges = [*sorted({0, *(cut for cut in cuts if cut < len(payload))}), len(payload)]
    pieces = [payload[start:end] for start, end in pairwise(edges)]
    opcodes = [RSV1 | opcode, *[CONTINUATION] * len(pieces)]
    return [client(opcodes[at], piece, final=at == len(pieces) - 1) for at, piece in enumerate(pieces)]


class MessageTests(TestCase):
    """Messages that are compressed, and those that are not."""

    def test_compressed_messages_are_read(self) -> None:
        """Whole or in any reads; text and binary."""
        for name, payload, message in READABLE:
            for step in (1, 100_000):
                with self.subTest(name, step=step):
                    self.assertEqual(feed(connection(), client(RSV1 | BINARY, payload), step), [message])
        self.assertEqual(connection().receive(client(RSV1 | TEXT, packed("Motörhead ✓ 𝄞".encode()))), ["Motörhead ✓ 𝄞"])

    def test_plain_messages_are_read_as_ever(self) -> None:
        """A client compresses what it likes."""
        for example in EXAMPLES:
            with self.subTest(head=example.head.hex()):
                self.assertEqual(connection().receive(from_client(example)), [example.event])

    def test_context_lasts_over_plain_messages(self) -> None:
        """Compressed messages refer to compressed ones."""
        text = "".join(random.Random(1).choices("abcdefgh", k=300))
        stream = zlib.compressobj(wbits=-15)
        first, again = (stream.compress(text.encode()) + stream.flush(zlib.Z_SYNC_FLUSH) for _ in range(2))
        self.assertLess(len(again), 20)
        peer = connection(takeover=True)
        self.assertEqual(peer.receive(client(RSV1 | TEXT, first[:-4]) + client(TEXT, b"plain")), [text, "plain"])
        self.assertEqual(peer.receive(client(RSV1 | TEXT, again[:-4])), [text])

    def test_fragments_make_one_message(self) -> None:
        """Only the first one is marked; the cuts are anywhere, and control frames between them."""
        text = "Motörhead ✓ 𝄞 " * 5
        payload = packed(text.encode())
        for cuts in ([], [0], [1], [1, 2, 3], list(range(len(payload)))):
            frames = fragments(TEXT, payload, cuts)
            data = b"".join(frame + client(PING, b"?") for frame in frames)
            for step in (1, 100_000):
                with self.subTest(cuts=cuts, step=step):
                    events = feed(connection(), data, step)
                    self.assertEqual([event for event in events if event != Ping(b"?")], [text])
                    self.assertEqual(len(events), len(frames) + 1)

    def test_fragmented_plain_message_follows_compressed_one(self) -> None:
        """The mark is of one message, not of the connection."""
        data = b"".join(fragments(TEXT, packed(b"abc"), [1]))
        data += client(TEXT, b"d", final=False) + client(CONTINUATION, b"e")
        self.assertEqual(connection().receive(data), ["abc", "de"])

    def test_nothing_is_read_while_closing(self) -> None:
        """Compressed messages on their way are ignored like all others."""
        peer = connection()
        peer.close()
        self.assertEqual(peer.receive(client(RSV1 | TEXT, packed(b"late"))), [])
        self.assertEqual(peer.state, State.CLOSING)


class ViolationTests(TestCase):
    """Broken rules end the connection."""

    def test_bad_frame_is_answered_with_its_code(self) -> None:
        """Whole, and byte by byte."""
        for name, data, code in BAD_FRAMES:
            for step in (1, 100_000):
                peer = connection()
                with self.subTest(name, step=step):
                    *_, last = feed(peer, data, step)
                    assert isinstance(last, Closed)
                    self.assertEqual(last.code, code)
                    self.assertEqual(peer.goodbye()[2:4], code.to_bytes(2, "big"))

    def test_compressed_message_is_refused_without_agreement(self) -> None:
        """RSV1 means nothing then."""
        peer = Connection(max_message=100)
        self.assertEqual(peer.receive(client(RSV1 | TEXT, packed(b"a"))), [Closed(1002, "reserved bit set")])


class LimitTests(TestCase):
    """``max_message`` is of what comes out."""

    def test_message_as_large_as_the_limit_passes(self) -> None:
        """Also where compressing has made it larger, and in fragments."""
        noise = random.Random(2).randbytes(1000)
        for level in (0, 6):
            payload = packed(noise, level=level)
            self.assertGreater(len(payload), 1000)
            for cuts in ([], [10, 990]):
                data = b"".join(fragments(BINARY, payload, cuts))
                self.assertEqual(connection(1000).receive(data), [noise])
                self.assertEqual(connection(999).receive(data), [Closed(1009, "message too big")])

    def test_large_head_is_refused_at_once(self) -> None:
        """Beyond what compressing can add, no payload is awaited."""
        self.assertEqual(connection(1000).receive(head(RSV1 | BINARY, 1000 + 62 + 64)), [])
        self.assertEqual(
            connection(1000).receive(head(RSV1 | BINARY, 1000 + 62 + 65)), [Closed(1009, "message too big")]
        )
        self.assertEqual(connection(1000).receive(head(BINARY, 1001)), [Closed(1009, "message too big")])

    def test_fragments_count_together(self) -> None:
        """As compressed bytes while they come in."""
        peer = connection(1000)
        self.assertEqual(peer.receive(client(RSV1 | BINARY, bytes(600), final=False)), [])
        self.assertEqual(peer.receive(head(CONTINUATION, 600)), [Closed(1009, "message too big")])

    def test_bomb_is_refused_within_its_memory(self) -> None:
        """64 MiB in 64 KiB, in one frame or in many."""
        bomb = packed(bytes(64 << 20))
        for cuts in ([], list(range(0, len(bomb), 1000))):
            frames = fragments(BINARY, bomb, cuts)
            peer = connection(1 << 17)
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            events = [event for frame in frames for event in peer.receive(frame)]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self.assertEqual(events, [Closed(1009, "message too big")])
            self.assertLess(peak, 1 << 20)


sent = st.tuples(
    st.text(max_size=40) | st.binary(max_size=200), st.booleans(), st.lists(st.integers(0, 200), max_size=4)
)


class PropertyTests(TestCase):
    """What holds for any message and any read."""

    @given(st.lists(sent, max_size=5), st.integers(1, 64))
    @steady
    def test_messages_survive_any_fragments_and_any_reads(
        self, rows: list[tuple[str | bytes, bool, list[int]]], step: int
    ) -> None:
        """Compressed or not, the messages come out as they went in."""
        data = b""
        for message, compressed, cuts in rows:
            payload = message.encode() if isinstance(message, str) else message
            opcode = TEXT if isinstance(message, str) else BINARY
            frames = fragments(opcode, packed(payload), cuts) if compressed else [client(opcode, payload)]
            data += client(PING).join(frames)
        events = feed(connection(), data, step)
        self.assertEqual([event for event in events if event != Ping(b"")], [message for message, _, _ in rows])

    @given(st.binary(max_size=60), st.integers(1, 20))
    @steady
    def test_garbage_ends_the_same_way_in_any_reads(self, data: bytes, step: int) -> None:
        """Any bytes behind the head of a compressed message: no other error than a close."""
        whole, cut = connection(), connection()
        data = client(RSV1 | BINARY, data) + data
        self.assertEqual(feed(cut, data, step), feed(whole, data, len(data)))
        self.assertIs(cut.state, whole.state)
