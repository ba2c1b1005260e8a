# -*- test-case-name: tests.websocket.test_connection -*-
"""A WebSocket from its handshake to its end, as a column of "this comes in, this goes out"."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise, product
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.errors import StateError
from sockjsd.websocket.connection import TRANSITIONS, Cause, Closed, Connection, Event, Ping, Pong, State, next_state
from sockjsd.websocket.frames import Opcode
from tests.websocket.examples import BAD_HEADS, EXAMPLES, client, from_client, head

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = Opcode

#: Bytes: more than any example has.
ROOM = 1 << 17

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=100)

#: What is wrong, what the client sends, and the code it is closed with: rules that take more than one head.
BAD_FRAMES = [
    ("continuation of nothing", client(CONTINUATION, b"x"), 1002),
    ("unfinished continuation of nothing", client(CONTINUATION, b"x", final=False), 1002),
    ("continuation after the end", client(TEXT, b"a", final=False) + client(0, b"b") + client(0, b"c"), 1002),
    ("text inside a text", client(TEXT, b"a", final=False) + client(TEXT, b"b"), 1002),
    ("binary inside a text", client(TEXT, b"a", final=False) + client(BINARY, b"b", final=False), 1002),
    ("text inside a binary", client(BINARY, b"a", final=False) + client(TEXT, b"b"), 1002),
    ("half a close code", client(CLOSE, b"\x03"), 1002),
    ("close code 0", client(CLOSE, b"\x00\x00"), 1002),
    ("close code 999", client(CLOSE, b"\x03\xe7"), 1002),
    ("close code 1004", client(CLOSE, b"\x03\xec"), 1002),
    ("close code 1005", client(CLOSE, b"\x03\xed"), 1002),
    ("close code 1006", client(CLOSE, b"\x03\xee"), 1002),
    ("close code 1015", client(CLOSE, b"\x03\xf7"), 1002),
    ("close code 2999", client(CLOSE, b"\x0b\xb7"), 1002),
    ("close code 5000", client(CLOSE, b"\x13\x88"), 1002),
    ("close reason with a wild byte", client(CLOSE, b"\x03\xe8\xff"), 1007),
    ("close reason cut inside a character", client(CLOSE, b"\x03\xe8\xe2\x9c"), 1007),
    ("close reason with a surrogate", client(CLOSE, b"\x03\xe8\xed\xa0\x80"), 1007),
    ("text with a wild byte", client(TEXT, b"ab\xff"), 1007),
    ("text cut inside a character", client(TEXT, b"\xe2\x9c"), 1007),
    ("text with a surrogate", client(TEXT, b"\xed\xa0\x80"), 1007),
    ("text with a pair of surrogates", client(TEXT, b"\xed\xa0\xbd\xed\xb8\x80"), 1007),
    ("text with an overlong slash", client(TEXT, b"\xc0\xaf"), 1007),
    ("text beyond U+10FFFF", client(TEXT, b"\xf4\x90\x80\x80"), 1007),
    ("long text with a wild byte", client(TEXT, b"a" * 300 + b"\xff"), 1007),
    ("fragment with a wild byte", client(TEXT, b"\xff", final=False), 1007),
    ("fragment with a surrogate", client(TEXT, b"\xed\xa0\x80", final=False), 1007),
    ("fragment that begins a character beyond U+10FFFF", client(TEXT, b"\xf4\x90", final=False), 1007),
    ("surrogate in two fragments", client(TEXT, b"\xed\xa0", final=False) + client(0, b"\x80", final=False), 1007),
    ("character broken between fragments", client(TEXT, b"\xe2", final=False) + client(0, b"a", final=False), 1007),
    ("character cut at the last fragment", client(TEXT, b"a", final=False) + client(0, b"\xe2\x9c"), 1007),
    ("text too big", head(TEXT, ROOM + 1), 1009),
    ("binary too big", head(BINARY, ROOM + 1), 1009),
    ("63 bits too big", head(BINARY, (1 << 63) - 1), 1009),
    ("fragments too big together", client(TEXT, b"a", final=False) + head(CONTINUATION, ROOM), 1009),
]


def connection(max_message: int = ROOM) -> Connection:
    """Return an open connection."""
    return Connection(max_message=max_message)


def feed(peer: Connection, data: bytes, step: int) -> list[Event]:
    """Give *data* to *peer* in reads of *step* bytes, and return all events."""
    return [event for at in range(0, len(data), step) for event in peer.receive(data[at : at + step])]


class FrameTests(TestCase):
    """Single frames, however they arrive."""

    def test_frame_becomes_event_in_any_cut(self) -> None:
        """Each example is understood whole, byte by byte and in odd pieces."""
        for example in EXAMPLES:
            data = from_client(example)
            for step in (len(data), 1, 7):
                with self.subTest(head=example.head.hex(), step=step):
                    self.assertEqual(feed(connection(), data, step), [example.event])

    def test_frame_becomes_event_before_trailing_garbage(self) -> None:
        """What follows a frame does not change it: garbage ends the connection, unless it had ended before."""
        for example in EXAMPLES:
            end = [] if isinstance(example.event, Closed) else [Closed(1002, "reserved bit set")]
            with self.subTest(head=example.head.hex()):
                self.assertEqual(connection().receive(from_client(example) + b"\xff" * 20), [example.event, *end])

    def test_frames_of_one_read_stay_in_order(self) -> None:
        """All examples in one read, the closing ones left out."""
        rows = [example for example in EXAMPLES if not isinstance(example.event, Closed)]
        data = b"".join(from_client(example) for example in rows)
        self.assertEqual(connection(1 << 20).receive(data), [example.event for example in rows])

    def test_read_of_nothing_changes_nothing(self) -> None:
        """An empty read between two parts of a frame is no event."""
        peer = connection()
        frame = client(TEXT, b"Hello")
        self.assertEqual(peer.receive(frame[:4]), [])
        self.assertEqual(peer.receive(b""), [])
        self.assertEqual(peer.receive(frame[4:]), ["Hello"])

    def test_short_text_waits_for_pending_frame(self) -> None:
        """A read that looks like a whole text is the inside of a frame that began before."""
        inside = client(TEXT, b"not a message")
        outer = client(BINARY, bytes(range(9)) + inside, key=bytes(4))
        peer = connection()
        self.assertEqual(peer.receive(outer[: -len(inside)]), [])
        self.assertEqual(peer.receive(inside), [bytes(range(9)) + inside])

    def test_large_message_arrives_in_small_reads(self) -> None:
        """Four MiB in reads of 64 KiB, and the next message behind it."""
        payload = b"0123456789abcdef" * (1 << 18)
        data = client(BINARY, payload, key=bytes(4)) + client(TEXT, b"next")
        self.assertEqual(feed(connection(1 << 22), data, 1 << 16), [payload, "next"])


class FragmentTests(TestCase):
    """Messages in several frames (section 5.4)."""

    def test_fragments_make_one_message(self) -> None:
        """A text and a binary, with empty fragments among them."""
        peer = connection()
        self.assertEqual(peer.receive(client(TEXT, b"Hel", final=False)), [])
        self.assertEqual(peer.receive(client(CONTINUATION, b"", final=False)), [])
        self.assertEqual(peer.receive(client(CONTINUATION, b"lo")), ["Hello"])
        self.assertEqual(peer.receive(client(BINARY, b"\xff", final=False)), [])
        self.assertEqual(peer.receive(client(CONTINUATION, b"\xfe")), [b"\xff\xfe"])
        self.assertEqual(peer.receive(client(TEXT, b"whole")), ["whole"])

    def test_fragments_may_cut_characters(self) -> None:
        """Text is UTF-8 over the whole message, not in each fragment."""
        peer = connection()
        for byte in "𝄞✓".encode():
            self.assertEqual(
                peer.receive(client(CONTINUATION if byte != 0xF0 else TEXT, bytes([byte]), final=False)), []
            )
        self.assertEqual(peer.receive(client(CONTINUATION)), ["𝄞✓"])

    def test_control_frames_come_between_fragments(self) -> None:
        """A ping and a pong inside a message are seen at once, and the message is whole."""
        frames = [
            client(TEXT, b"Hel", final=False),
            client(PING, b"there?"),
            client(CONTINUATION, b"l", final=False),
            client(PONG),
            client(CONTINUATION, b"o"),
        ]
        for step in (1, 1000):
            with self.subTest(step=step):
                self.assertEqual(feed(connection(), b"".join(frames), step), [Ping(b"there?"), Pong(b""), "Hello"])

    def test_close_comes_between_fragments(self) -> None:
        """A client may leave in the middle of a message."""
        peer = connection()
        data = client(TEXT, b"Hel", final=False) + client(CLOSE, b"\x03\xe9")
        self.assertEqual(peer.receive(data), [Closed(1001, "")])

    def test_message_as_large_as_the_limit_passes(self) -> None:
        """The limit is the last size that is allowed, in one frame or in several."""
        peer = connection(10)
        self.assertEqual(peer.receive(client(TEXT, b"x" * 10)), ["x" * 10])
        self.assertEqual(peer.receive(client(TEXT, b"x" * 6, final=False) + client(0, b"x" * 4)), ["x" * 10])
        self.assertEqual(peer.receive(client(PING, b"more than ten")), [Ping(b"more than ten")])
        self.assertEqual(peer.receive(client(TEXT, b"x" * 11)), [Closed(1009, "message too big")])


class ViolationTests(TestCase):
    """Broken rules end the connection (section 7.1.7)."""

    def assert_closed_with(self, code: int, data: bytes, step: int) -> None:
        """Fail unless *data* gets *code* as the last event and in a close frame, and nothing after it counts."""
        peer = connection()
        *_, last = feed(peer, data, step)
        assert isinstance(last, Closed)
        reason = last.reason.encode()
        self.assertEqual(last.code, code)
        self.assertEqual(peer.goodbye(), bytes([0x88, 2 + len(reason)]) + code.to_bytes(2, "big") + reason)
        self.assertEqual(peer.receive(client(TEXT, b"late")), [])
        self.assertEqual((peer.goodbye(), peer.close(), peer.state), (b"", b"", State.CLOSED))

    def test_bad_frame_is_answered_with_its_code(self) -> None:
        """Whole, byte by byte, and with garbage behind it."""
        for name, data, code in [*((name, data, 1002) for name, data in BAD_HEADS), *BAD_FRAMES]:
            for sent, step in ((data, len(data)), (data, 1), (data + b"garbage" * 9, 1000)):
                with self.subTest(name, step=step, sent=len(sent)):
                    self.assert_closed_with(code, sent, step)

    def test_bad_frame_does_not_take_back_what_stood_before(self) -> None:
        """Messages before it in the same read are still returned."""
        for name, data, code in BAD_FRAMES:
            *events, last = connection().receive(client(TEXT, b"one") + client(BINARY, b"two") + data)
            with self.subTest(name):
                self.assertEqual(events[:2], ["one", b"two"])
                self.assertEqual(getattr(last, "code", None), code)

    def test_ping_is_answered_before_goodbye(self) -> None:
        """The pong for a ping in the same read is written first; behind the goodbye there is none."""
        peer = connection()
        peer.receive(client(PING, b"?") + b"\xff\xff")
        self.assertEqual(peer.pong(b"?"), b"\x8a\x01?")
        self.assertEqual(peer.goodbye(), b"\x88\x12\x03\xea" + b"reserved bit set")
        self.assertEqual((peer.pong(b"?"), peer.goodbye()), (b"", b""))


class PingTests(TestCase):
    """Answers to pings (section 5.5.2)."""

    def test_ping_is_answered_with_its_payload(self) -> None:
        """However often the caller is asked."""
        peer = connection()
        for payload in (b"Hello", b"", b"x" * 125):
            self.assertEqual(peer.receive(client(PING, payload)), [Ping(payload)])
            self.assertEqual(peer.pong(payload), bytes([0x8A, len(payload)]) + payload)

    def test_pings_of_one_read_are_seen_in_their_order(self) -> None:
        """Among the messages, so that each can be answered before what came behind it."""
        data = client(PING, b"1") + client(TEXT, b"a") + client(PING, b"2") + client(PING, b"3")
        self.assertEqual(connection().receive(data), [Ping(b"1"), "a", Ping(b"2"), Ping(b"3")])

    def test_there_is_no_goodbye_without_an_end(self) -> None:
        """Texts, binaries, pings and pongs leave nothing to write."""
        peer = connection()
        peer.receive(client(TEXT, b"a") + client(BINARY, b"b") + client(PING) + client(PONG, b"c"))
        self.assertEqual(peer.goodbye(), b"")


class CloseTests(TestCase):
    """The closing handshake (section 7), and the end of the socket."""

    def test_peers_close_is_echoed_without_its_reason(self) -> None:
        """The code comes back, the peer's text does not; no code is answered with none."""
        for sent, event, answer in (
            (b"\x03\xe8bye", Closed(1000, "bye"), b"\x88\x02\x03\xe8"),
            (b"\x0f\xa0", Closed(4000, ""), b"\x88\x02\x0f\xa0"),
            (b"", Closed(1005, ""), b"\x88\x00"),
        ):
            peer = connection()
            self.assertEqual(peer.receive(client(CLOSE, sent)), [event])
            self.assertEqual((peer.goodbye(), peer.state), (answer, State.CLOSED))

    def test_nothing_is_read_after_peers_close(self) -> None:
        """Neither in the same read nor later."""
        peer = connection()
        self.assertEqual(peer.receive(client(CLOSE) + client(TEXT, b"late")), [Closed(1005, "")])
        self.assertEqual(peer.receive(client(TEXT, b"later")), [])
        self.assertEqual(peer.receive(client(CLOSE)), [])

    def test_close_says_goodbye_once_and_waits(self) -> None:
        """Our frame, the wait for the peer's, the end; the answer needs no answer."""
        peer = connection()
        self.assertEqual(peer.state, State.OPEN)
        self.assertEqual(peer.close(3000, "Go away!"), b"\x88\x0a\x0b\xb8Go away!")
        self.assertEqual(peer.state, State.CLOSING)
        self.assertEqual(peer.close(1001), b"")
        self.assertEqual(peer.receive(client(CLOSE, b"\x0b\xb8")), [Closed(3000, "")])
        self.assertEqual((peer.goodbye(), peer.state), (b"", State.CLOSED))

    def test_close_is_normal_by_default(self) -> None:
        """Code 1000, no reason."""
        self.assertEqual(connection().close(), b"\x88\x02\x03\xe8")

    def test_close_refuses_bad_code_and_stays_open(self) -> None:
        """A code that may not be sent is the caller's mistake, and changes nothing."""
        peer = connection()
        with self.assertRaises(ValueError):
            peer.close(1006)
        self.assertEqual((peer.state, peer.receive(client(TEXT, b"on"))), (State.OPEN, ["on"]))

    def test_peer_is_ignored_while_closing(self) -> None:
        """What was on its way crosses our close frame: it is read, and nothing comes of it."""
        peer = connection()
        peer.receive(client(TEXT, b"be", final=False))
        peer.close()
        self.assertEqual(peer.receive(client(CONTINUATION, b"gun")), [])
        self.assertEqual(peer.receive(client(TEXT, b"short")), [])
        self.assertEqual(peer.receive(client(PING) + client(BINARY, bytes(500))), [])
        self.assertEqual((peer.goodbye(), peer.state), (b"", State.CLOSING))
        self.assertEqual(peer.receive(client(TEXT, b"x") + client(CLOSE)), [Closed(1005, "")])

    def test_violation_while_closing_says_no_second_goodbye(self) -> None:
        """The wait ends, and nothing is written after our close frame."""
        peer = connection()
        peer.close()
        self.assertEqual(peer.receive(client(PING) + b"\xff\xff"), [Closed(1002, "reserved bit set")])
        self.assertEqual((peer.goodbye(), peer.state), (b"", State.CLOSED))

    def test_pong_is_not_written_after_close(self) -> None:
        """A ping that came just before we close stays without answer."""
        peer = connection()
        peer.receive(client(PING))
        peer.close()
        self.assertEqual(peer.pong(b""), b"")

    def test_end_gives_memory_back(self) -> None:
        """What never became a message is let go of, and what comes later is not kept either."""
        size = 1 << 16
        for part in (head(BINARY, size) + bytes(size - 1), client(BINARY, bytes(size), final=False)):
            peer = connection()
            tracemalloc.start()
            self.addCleanup(tracemalloc.stop)
            peer.receive(part)
            self.assertGreater(tracemalloc.get_traced_memory()[0], size)
            peer.receive(client(CLOSE) + b"\xff" * size)
            self.assertEqual(feed(peer, bytes(2 * size), 1000), [])
            self.assertLess(tracemalloc.get_traced_memory()[0], size)
            tracemalloc.stop()


class StateTests(TestCase):
    """The table of states."""

    def test_listed_pair_leads_to_its_state(self) -> None:
        """Each row is what `next_state` says."""
        for (state, cause), expected in TRANSITIONS.items():
            self.assertIs(next_state(state, cause), expected)

    def test_unlisted_pair_is_an_error(self) -> None:
        """It names what was tried; only the loss of the socket may follow the end."""
        unlisted = set(product(State, Cause)) - set(TRANSITIONS)
        self.assertEqual(len(unlisted), 4)
        for state, cause in unlisted:
            with self.assertRaisesRegex(StateError, f"{state.value} cannot have: {cause.value}"):
                next_state(state, cause)


#: A message, and where it is cut into fragments.
messages = st.tuples(st.text(max_size=40) | st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))


def frames_of(message: str | bytes, cuts: list[int]) -> list[bytes]:
    """Return the frames of *message*, cut at *cuts*."""
    payload = message.encode() if isinstance(message, str) else message
    edges = [*sorted({0, *(cut for cut in cuts if cut < len(payload))}), len(payload)]
    pieces = [payload[start:end] for start, end in pairwise(edges)]
    opcodes = [TEXT if isinstance(message, str) else BINARY, *[CONTINUATION] * len(pieces)]
    return [client(opcodes[at], piece, final=at == len(pieces) - 1) for at, piece in enumerate(pieces)]


class PropertyTests(TestCase):
    """What holds for any message and any read."""

    @given(st.lists(messages, max_size=5), st.integers(1, 64))
    @steady
    def test_messages_survive_any_fragments_and_any_reads(
        self, rows: list[tuple[str | bytes, list[int]]], step: int
    ) -> None:
        """However they are cut, the messages come out as they went in, with the pings among them."""
        frames = [frame for message, cuts in rows for frame in [*frames_of(message, cuts), client(PING)]]
        events = feed(connection(), b"".join(frames), step)
        self.assertEqual([event for event in events if event != Ping(b"")], [message for message, _ in rows])

    @given(st.binary(max_size=60), st.integers(1, 20))
    @steady
    def test_garbage_ends_the_same_way_in_any_reads(self, data: bytes, step: int) -> None:
        """Any bytes: no other error than a close, and how they are cut makes no difference to the events."""
        whole = connection()
        cut = connection()
        self.assertEqual(feed(cut, data, step), feed(whole, data, max(1, len(data))))
        self.assertIs(cut.state, whole.state)

    @given(st.binary(max_size=30))
    @steady
    def test_text_is_what_python_calls_utf_8(self, payload: bytes) -> None:
        """Cut into fragments of one byte, a text is refused exactly when it cannot be decoded."""
        pieces = frames_of(payload, list(range(30)))
        pieces[0] = bytes([pieces[0][0] & 0x80 | TEXT]) + pieces[0][1:]
        try:
            expected: Event = payload.decode()
        except UnicodeDecodeError:
            expected = Closed(1007, "text is not UTF-8")
        self.assertEqual(connection().receive(b"".join(pieces)), [expected])
