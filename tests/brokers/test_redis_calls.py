# -*- test-case-name: tests.brokers.test_redis_calls -*-
"""Tests for sockjsd.brokers._redis_calls; what the scripts do with it is tested against a real Redis."""

from __future__ import annotations

from random import Random

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers import _redis_calls as calls
from sockjsd.brokers._redis_calls import LARGEST_TOGETHER, MOST_TOGETHER, RedisCalls, RedisKeys, split
from sockjsd.brokers.values import History, Keeping, Once, Published
from sockjsd.channels.publications import ClientInfo, Joined, Left, Position, Publication

KEYS = RedisKeys("p")
POSITION = Position(7, "Ab3d", "0000000a")


class CountingRandom(Random):
    """A source of chance that counts from 1."""

    last = 0

    def getrandbits(self, k: int) -> int:
        """The next number."""
        self.last += 1
        return self.last


class KeysTests(SynchronousTestCase):
    """Names in Redis."""

    def test_names_begin_with_the_prefix(self) -> None:
        """One table of all of them."""
        self.assertEqual(KEYS.channel("a:b"), b"p.a:b")
        self.assertEqual((KEYS.control, KEYS.node("n")), (b"p:control", b"p:node:n"))
        self.assertEqual(KEYS.history("a:b"), (b"p:stream:a:b", b"p:meta:a:b"))
        self.assertEqual(KEYS.presence("a"), (b"p:presence:a", b"p:leases:a", b"p:users:a"))

    def test_no_channel_and_key_share_a_name(self) -> None:
        """A colon may stand in both."""
        self.assertNotEqual(KEYS.result("a", "b:c"), KEYS.result("a:b", "c"))

    def test_name_that_is_no_unicode_has_a_key(self) -> None:
        """It is refused elsewhere; here it must not raise."""
        self.assertEqual(KEYS.channel("\ud800"), b"p.\xed\xa0\x80")


class CallsTests(SynchronousTestCase):
    """What the scripts are called with."""

    def setUp(self) -> None:
        """Use a source of chance that can be foreseen."""
        self.calls = RedisCalls(KEYS, CountingRandom())

    def test_publication_says_what_is_kept_and_what_repeats(self) -> None:
        """Times in milliseconds, zeros for what is not wanted; without a position there is no tail but the whole."""
        publication = Publication("é", 7, "Ab3d", "00000001")
        part = self.calls.part("a", publication, Keeping(9, 1.5, 100), Once("k", 0.0001, 3, "e"))
        everything = self.calls.publish(part)
        self.assertEqual(everything.keys, (b"p:stream:a", b"p:meta:a", b"p:result:a k"))
        self.assertEqual(
            everything.arguments,
            (b"p.a", "0:é".encode(), b"00000002", b"00000001", b"9", b"1500", b"100000", b"1", b"3", b"e"),
        )
        nothing = self.calls.publish(self.calls.part("a", publication))
        self.assertEqual(nothing.arguments[1], "é".encode())
        self.assertEqual(nothing.arguments[4:], (b"0", b"0", b"0", b"0", b"0", b""))

    def test_who_comes_and_goes_is_published_as_it_is(self) -> None:
        """It is neither kept nor counted."""
        ann = ClientInfo("1", "c")
        for change, text in ((Joined(ann), b'j{"u":"1","c":"c"}'), (Left(ann), b'l{"u":"1","c":"c"}')):
            part = self.calls.part("a", change)
            self.assertEqual((part.text, part.needs_script), (text, False))

    def test_script_is_needed_for_a_position_and_for_a_key(self) -> None:
        """A version alone means nothing where nothing is kept."""
        table = [
            (None, None, False),
            (None, Once(version=3), False),
            (None, Once("k"), True),
            (Keeping(0, 0.0), None, True),
            (Keeping(1, 1.0), None, True),
        ]
        for keeping, once, needed in table:
            self.assertEqual(self.calls.part("a", Publication("1"), keeping, once).needs_script, needed)

    def test_many_publications_are_groups_of_neighbours(self) -> None:
        """Keys and arguments of a channel once for each group, and of a key only where there is one."""
        keeping = Keeping(9, 1.5, 100)
        said = [
            ("a", "1", keeping, None),
            ("a", "2", keeping, Once("k", 1.0)),
            ("b", "3", None, Once("k", 1.0, 3, "e")),
            ("a", "4", keeping, None),
        ]
        call = self.calls.publish_many(
            [self.calls.part(channel, Publication(text), kept, once) for channel, text, kept, once in said]
        )
        history = (b"p:stream:a", b"p:meta:a")
        result = (b"p:stream:b", b"p:meta:b", b"p:result:b k")
        self.assertEqual(call.keys, (*history, b"p:result:a k", *result, *history))
        kept, none = (b"9", b"1500", b"100000"), (b"0", b"0", b"0")
        first = (b"p.a", b"00000005", *kept, b"2", b"0:1", b"00000001", b"0", b"0", b"")
        second = (b"0:2", b"00000002", b"1000", b"0", b"")
        third = (b"p.b", b"00000006", *none, b"1", b"3", b"00000003", b"1000", b"3", b"e")
        fourth = (b"p.a", b"00000007", *kept, b"1", b"0:4", b"00000004", b"0", b"0", b"")
        self.assertEqual(call.arguments, (*first, *second, *third, *fourth))

    def test_channel_that_keeps_otherwise_is_another_group(self) -> None:
        """Also where it is the same channel."""
        parts = [self.calls.part("a", Publication("1"), Keeping(size, 1.0)) for size in (1, 1, 2)]
        call = self.calls.publish_many(parts)
        self.assertEqual((call.keys, call.arguments[5], call.arguments[21]), (2 * KEYS.history("a"), b"2", b"1"))

    def test_parts_are_split_by_number_and_size(self) -> None:
        """None is lost, their order stays, and one that is too large by itself goes alone."""
        small, large = (self.calls.part("a", Publication("x" * size)) for size in (1, LARGEST_TOGETHER + 1))
        half = self.calls.part("a", Publication("x" * (LARGEST_TOGETHER // 2)))
        table = [
            ([], []),
            ([small], [1]),
            ([small] * MOST_TOGETHER, [MOST_TOGETHER]),
            ([small] * (2 * MOST_TOGETHER + 1), [MOST_TOGETHER, MOST_TOGETHER, 1]),
            ([half] * 3, [2, 1]),
            ([small, large, small, small], [1, 1, 2]),
            ([large], [1]),
        ]
        for parts, sizes in table:
            pieces = list(split(parts))
            self.assertEqual([len(piece) for piece in pieces], sizes)
            self.assertEqual([part for piece in pieces for part in piece], parts)

    def test_part_of_a_history_is_a_range_of_ids(self) -> None:
        """After an offset, or before it; a number that is too large for Redis counts as its largest."""
        table = [
            (None, -1, False, (b"-", b"+", b"-1", b"XRANGE")),
            (None, 0, True, (b"+", b"-", b"0", b"XREVRANGE")),
            (Position(7), 5, False, (b"8", b"+", b"5", b"XRANGE")),
            (Position(7), -9, True, (b"6", b"-", b"-1", b"XREVRANGE")),
            (Position(0), 1, True, (b"0", b"-", b"1", b"XREVRANGE")),
            (Position(2**64 - 1), 2**64, False, (b"18446744073709551615", b"+", b"9223372036854775807", b"XRANGE")),
            (Position(2**70), 1, True, (b"18446744073709551615", b"-", b"1", b"XREVRANGE")),
        ]
        for since, limit, reverse, expected in table:
            call = self.calls.history("a", since, limit, reverse, 1.0)
            self.assertEqual((call.keys, call.arguments[1:]), (KEYS.history("a"), (b"1000", *expected)))

    def test_other_calls_say_what_they_need(self) -> None:
        """Epochs are new ones; presence is below its own names."""
        info = ClientInfo("1", "c")
        self.assertEqual(self.calls.renew("a", "Ab3d", 1.0).arguments, (b"00000001", b"1000", b"Ab3d"))
        added = self.calls.add_presence("a", "c", info, 60)
        self.assertEqual((added.keys, added.arguments), (KEYS.presence("a"), (b"c", b'{"u":"1","c":"c"}', b"60000")))
        self.assertEqual(self.calls.remove_presence("a", "c").arguments, (b"c",))
        for call in (self.calls.presence("a"), self.calls.presence_stats("a")):
            self.assertEqual((call.keys, call.arguments), (KEYS.presence("a"), ()))


class AnswersTests(SynchronousTestCase):
    """What the scripts answer."""

    def test_answers_are_read(self) -> None:
        """Integers, bytes, and lists of them."""
        self.assertEqual(calls.read_published([2, 7, b"Ab3d", b"0000000a", 1]), Published(2, POSITION, True))
        many = [[2, 7, b"Ab3d", b"0000000a", 0], [b"WRONGTYPE \xff"]]
        self.assertEqual(calls.read_many(many, 2), [Published(2, POSITION), "WRONGTYPE \N{REPLACEMENT CHARACTER}"])
        self.assertEqual(calls.read_position([0, b"Ab3d", b""]), Position(0, "Ab3d"))
        self.assertEqual(calls.read_presence_stats([3, 2]), (3, 2))
        self.assertEqual(calls.read_presence([b"c", b'{"u":"1","c":"c"}']), {"c": ClientInfo("1", "c")})

    def test_answers_for_other_publications_are_not_believed(self) -> None:
        """As many have to come as there were publications."""
        for answer in ([], [[b"OOM"]] * 2):
            self.assertRaises(ValueError, calls.read_many, answer, 1)

    def test_history_leaves_out_what_is_not_ours(self) -> None:
        """Others may write into a stream; what cannot be read is not given to anybody."""
        entries = [
            [b"6-1", [b"d", b"0:1"]],
            [b"6-2", [b"d", b"nonsense"]],
            [b"6-3", [b"d", b"0:\xff"]],
            [b"6-4", [b"d", b"1:x"]],
            [b"6-4294967296", [b"d", b"0:no tag has so many digits"]],
            [b"7-10", [b"d", b"0:2"]],
        ]
        answer = [[7, b"Ab3d", b"0000000a"], entries]
        expected = [Publication("1", 6, "Ab3d", "00000001"), Publication("2", 7, "Ab3d", "0000000a")]
        self.assertEqual(calls.read_history(answer), History(expected, POSITION))
