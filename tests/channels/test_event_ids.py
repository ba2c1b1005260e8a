# -*- test-case-name: tests.channels.test_event_ids -*-
"""Ids of events: what they tell, how long they are, and what is no id."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.event_ids import LONGEST, UNKNOWN, decode, encode
from sockjsd.channels.names import LONGEST as LONGEST_NAME
from sockjsd.channels.publications import Position

NEWS = Position(7, "abcd", "0123abcd")
PRICES = Position(300_000, "Zz9_-x12", "")


def word(data: bytes) -> str:
    """Return *data* as an id holds it."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


class RoundTripTests(SynchronousTestCase):
    """What was encoded comes back."""

    CASES = (
        {},
        {"news": NEWS},
        {"news": Position(0, "abcd")},
        {"news": NEWS, "prices": PRICES},
        {"news": UNKNOWN, "prices": PRICES},
        {"news": Position(2**63 - 1, "a", "ffffffff")},
    )

    def test_positions_come_back(self) -> None:
        """Of all channels, with and without tags, known or not."""
        for positions in self.CASES:
            with self.subTest(positions):
                self.assertEqual(positions, decode(encode(positions), positions))

    positions = st.builds(
        Position,
        st.integers(0, 2**63 - 1),
        st.text("abcXYZ019", min_size=1, max_size=8),
        st.sampled_from(["", "00000000", "12ab34cd"]),
    )

    @given(st.dictionaries(st.sampled_from(["a", "b", "c:d", "e#1,2", "x" * LONGEST_NAME]), positions))
    def test_any_positions_come_back(self, positions: dict[str, Position]) -> None:
        """Whatever they are."""
        self.assertEqual(positions, decode(encode(positions), positions))

    def test_other_channels_are_left_out(self) -> None:
        """A page may come back for fewer channels, or for others."""
        text = encode({"news": NEWS, "prices": PRICES})
        self.assertEqual({"prices": PRICES}, decode(text, ["prices", "weather"]))

    def test_order_does_not_matter(self) -> None:
        """Positions belong to names."""
        text = encode({"news": NEWS, "prices": PRICES})
        self.assertEqual({"news": NEWS, "prices": PRICES}, decode(text, ["prices", "news"]))

    def test_id_is_url_safe_and_short(self) -> None:
        """It stands in a header and in a query; the usual stream has one channel."""
        self.assertRegex(encode({"news": NEWS}), r"\A[A-Za-z0-9_-]{20}\Z")

    def test_id_of_most_channels_is_read(self) -> None:
        """As many as a connection may have, with the longest of everything, are far from the bound."""
        positions = {f"c{number}": Position(2**63 - 1, "e" * 8, "0" * 8) for number in range(128)}
        text = encode(positions)
        self.assertLess(len(text), LONGEST / 2)
        self.assertEqual(positions, decode(text, positions))


class RefusalTests(SynchronousTestCase):
    """What is no id of ours."""

    REFUSED = {
        "nothing": "",
        "another version": word(b"\x02"),
        "no Base64": "!!!!",
        "one character too many": "AAAAA",
        "not ASCII": "AQ\u00e9",
        "cut in the name": word(b"\x01abc"),
        "cut before the offset": word(b"\x01abcd"),
        "cut in the offset": word(b"\x01abcd\xff"),
        "an endless offset": word(b"\x01abcd" + b"\xff" * 11 + b"\x00"),
        "cut in the tag": word(b"\x01abcd\x07\x84\x00\x00"),
        "cut in the epoch": word(b"\x01abcd\x07\x04abc"),
        "an epoch of other characters": word(b"\x01abcd\x07\x04ab\ncd"),
        "too long": "A" * (LONGEST + 1),
    }

    def test_is_none(self) -> None:
        """It is not an error: the stream starts over."""
        for name, text in self.REFUSED.items():
            with self.subTest(name):
                self.assertIsNone(decode(text, ["news"]))

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        """Nothing that a client may send raises."""
        found = decode(text, ["news"])
        self.assertTrue(found is None or set(found) <= {"news"})

    @given(st.binary(max_size=60))
    def test_any_bytes_are_read_or_refused(self, data: bytes) -> None:
        """The same behind the version byte, where it is read further."""
        found = decode(word(b"\x01" + data), ["news"])
        self.assertTrue(found is None or set(found) <= {"news"})

    def test_every_prefix_is_read_or_refused(self) -> None:
        """A proxy that cuts a header cannot make it say another offset of the same channel."""
        data = encode({"news": NEWS})
        for length in range(len(data)):
            self.assertIn(decode(data[:length], ["news"]), (None, {}))
