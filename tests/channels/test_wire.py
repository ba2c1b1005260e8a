# -*- test-case-name: tests.channels.test_wire -*-
"""Tests for sockjsd.channels.wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Publication
from sockjsd.channels.wire import (
    decode,
    decode_info,
    decode_tail,
    encode,
    encode_info,
    encode_tail,
    texts_of,
    well_formed,
)

ANN = ClientInfo("42", "c1")
BOB = ClientInfo("", "c2", '{"a":1}', "[2]")

#: Items and their texts, both ways.
TEXTS: list[tuple[Item, str]] = [
    (Publication('{"a":1}'), '{"a":1}'),
    (Publication(""), ""),
    (Publication("Peter"), "Peter"),
    (Publication("pear"), "p0:::0:pear"),
    (Publication("j"), "p0:::0:j"),
    (Publication("lemon"), "p0:::0:lemon"),
    (Publication("1", 7, "Ab3d", "0123abcd"), "p7:Ab3d:0123abcd:0:1"),
    (Publication('"é😀"', 9007199254740991, "abcdefgh", "ffffffff"), 'p9007199254740991:abcdefgh:ffffffff:0:"é😀"'),
    (Publication("1", info=ANN), 'p0:::25:{"i":{"u":"42","c":"c1"}}1'),
    (Publication("1", tags={"ä": "b"}), 'p0:::15:{"t":{"ä":"b"}}1'),
    (
        Publication("[]", 1, "Ab3d", "00000001", ANN, {"a": "b"}),
        'p1:Ab3d:00000001:39:{"i":{"u":"42","c":"c1"},"t":{"a":"b"}}[]',
    ),
    (Joined(ANN), 'j{"u":"42","c":"c1"}'),
    (Left(BOB), 'l{"u":"","c":"c2","i":"{\\"a\\":1}","h":"[2]"}'),
]

#: Texts of others that begin like ours.
FOREIGN = [
    "p",
    "please",
    "p:",
    "p1:::0:x",
    "p0:Ab3d::0:x",
    "p0:::x",
    "p0:::99999999:x",
    "p0:::1:{}",
    'p0:::9:{"i":"x"}1',
    'p0:::8:{"i":{}}1',
    'p0:::21:{"i":{"u":1,"c":"c"}}1',
    'p0:::7:{"t":1}1',
    'p0:::13:{"t":{"a":1}}1',
    "p0:::2:[]1",
    "p01:Ab3d:0123abcd:0:x",
    "p1:Ab3:0123abcd:0:x",
    "p1:Ab3d:0123ABCD:0:x",
    "p1:Ab3d:0123abc:0:x",
    "p٣:Ab3d:0123abcd:0:x",
    "j",
    "just so",
    "j[]",
    "j{}",
    'l"x"',
    'l{"u":"1"}',
    "l" + "[" * 100_000,
]

surrogates = st.text(st.characters(codec=None))


class TextTests(SynchronousTestCase):
    """What stands in Redis."""

    def test_each_item_has_its_text(self) -> None:
        """One table, read in both directions."""
        for item, text in TEXTS:
            with self.subTest(text=text):
                self.assertEqual(encode(item), text)
                self.assertEqual(decode(text), item)

    def test_text_of_others_is_a_publication_as_it_is(self) -> None:
        """Also one that begins like ours: nothing that was sent is lost."""
        for text in FOREIGN:
            with self.subTest(text=text[:40]):
                self.assertEqual(decode(text), Publication(text))

    def test_tail_is_what_a_position_is_put_before(self) -> None:
        """A script writes the position, an entry of a stream has it in its id."""
        for item, text in TEXTS:
            if isinstance(item, Publication) and item.offset:
                tail = encode_tail(item)
                self.assertEqual(f"p{item.offset}:{item.epoch}:{item.tag}:{tail}", text)
                self.assertEqual(decode_tail(tail, item.offset, item.epoch, item.tag), item)

    def test_tail_without_length_is_refused(self) -> None:
        """An entry that is none of ours is an error and no publication."""
        for tail in ("", "x", "é:", ":1"):
            self.assertRaises(ValueError, decode_tail, tail)

    def test_info_keeps_json_as_strings(self) -> None:
        """Nobody on the way has to parse what belongs to a client."""
        self.assertEqual(encode_info(BOB), '{"u":"","c":"c2","i":"{\\"a\\":1}","h":"[2]"}')
        self.assertEqual(decode_info(encode_info(BOB)), BOB)
        self.assertRaises(KeyError, decode_info, '{"c":"c2"}')

    def test_escaped_surrogates_of_others_are_mended(self) -> None:
        """JSON may name what no UTF-8 can say, and a push with it could be sent to nobody."""
        self.assertEqual(decode(r'j{"u":"\ud800","c":"x"}'), Joined(ClientInfo("\ufffd", "x")))
        self.assertEqual(decode(r'p0:::20:{"t":{"\ud800":"a"}}1'), Publication("1", tags={"\ufffd": "a"}))

    @given(data=surrogates, user=surrogates, name=surrogates)
    def test_any_publication_survives_the_way(self, data: str, user: str, name: str) -> None:
        """Whatever is in it, and mended where it is no Unicode."""
        sent = Publication(data, 3, "Ab3d", "00000001", ClientInfo(user, "c"), {name: data})
        mended = Publication(
            well_formed(data),
            3,
            "Ab3d",
            "00000001",
            ClientInfo(well_formed(user), "c"),
            {well_formed(name): well_formed(data)},
        )
        self.assertEqual(decode(encode(sent).encode().decode()), mended)

    @given(text=st.one_of(st.text(), st.builds("p{}:{}".format, st.integers(), st.text())))
    def test_any_text_is_an_item(self, text: str) -> None:
        """Whatever others publish, nothing is raised."""
        self.assertIn(type(decode(text)), (Publication, Joined, Left))


class RunTests(SynchronousTestCase):
    """Several texts in one message."""

    @given(st.lists(st.binary(max_size=30), min_size=1))
    def test_texts_come_as_they_were(self, texts: list[bytes]) -> None:
        """All of them, whatever is in them."""
        run = b"r" + b"".join(b"%d:%b" % (len(text), text) for text in texts)
        self.assertEqual(texts_of(run), texts)

    def test_other_payload_is_one_text(self) -> None:
        """Also one that begins as a run does and does not fit: too short, too long, or without a number."""
        for payload in (
            b"",
            b"1",
            b"r",
            b"rx",
            b"r:",
            b"r1:",
            b"r1:ab",
            b"r2:a",
            b"r-1:",
            b"r+1:a",
            b"r 1:a",
            b"r1_0:a",
        ):
            with self.subTest(payload=payload):
                self.assertEqual(texts_of(payload), [payload])
        self.assertEqual(texts_of(b"r" + b"0" * 20 + b":"), [b"r" + b"0" * 20 + b":"])

    def test_data_that_looks_like_a_run_is_none(self) -> None:
        """A publication of it says that it is one."""
        text = encode(Publication("r1:a"))
        self.assertEqual((texts_of(text.encode()), decode(text)), ([text.encode()], Publication("r1:a")))


class WellFormedTests(SynchronousTestCase):
    """Text that every receiver can take."""

    def test_good_text_is_left_alone(self) -> None:
        """Nothing is copied where nothing is wrong."""
        for text in ("", "plain", "é — 日本 😀", "\x00\x7f"):
            self.assertIs(well_formed(text), text)

    def test_each_lone_surrogate_becomes_a_replacement_character(self) -> None:
        """What UTF-8 cannot say is shown as missing; a pair that was cut in two is put together."""
        table = (
            ("\ud800", "\ufffd"),
            ("a\udfffb", "a\ufffdb"),
            ("\ud83d\ude00", "😀"),
            ("\ude00\ud83d", "\ufffd\ufffd"),
            ("é\ud800😀", "é\ufffd😀"),
        )
        for broken, mended in table:
            self.assertEqual(well_formed(broken), mended)
