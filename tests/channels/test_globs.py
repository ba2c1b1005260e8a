# -*- test-case-name: tests.channels.test_globs -*-
"""Patterns of channel names."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.globs import ALTERNATIVES, compile_glob
from sockjsd.errors import ChannelNameError

#: A pattern, names that it matches, and names that it does not.
TABLE = (
    ("", [""], ["a"]),
    ("news", ["news"], ["new", "newss", "xnews"]),
    ("*", ["", "a", "a:b.c"], []),
    ("**", ["", "a:b"], []),
    ("news:*", ["news:", "news:a", "news:a:b"], ["news", "xnews:a"]),
    ("*:a", [":a", "x:a", "x:a:a"], ["x:ab", "a"]),
    ("a*b*c", ["abc", "axbyc", "abbcc", "abcabc"], ["acb", "abcd", "ab"]),
    ("*ab*ab", ["abab", "xabxab", "ababab"], ["ab", "aba", "xab"]),
    ("a?c", ["abc", "a?c"], ["ac", "abbc"]),
    ("[ab]c", ["ac", "bc"], ["cc", "c", "[ab]c"]),
    ("[a-c]1", ["a1", "c1"], ["d1", "-1"]),
    ("[!a-c]1", ["d1", "-1"], ["a1", "1"]),
    ("[a-]", ["a", "-"], ["b"]),
    ("[^a]", ["^", "a"], ["b"]),
    ("{news,sport}:*", ["news:1", "sport:"], ["new:1", "{news,sport}:1"]),
    ("a{b,c{d,e}}f", ["abf", "acdf", "acef"], ["acf", "adf"]),
    ("{*a,b?}", ["xa", "a", "bx"], ["b"]),
    ("{a,}b", ["ab", "b"], ["aab"]),
    (r"\*\{a\,b\}", ["*{a,b}"], ["x{a,b}", "*a"]),
    (r"{a\,b,c}", ["a,b", "c"], ["a"]),
    ("a.b+c|d", ["a.b+c|d"], ["axb+c|d"]),
    ("a,b}", ["a,b}"], ["a"]),
    ("user#[0-9][0-9]", ["user#42"], ["user#4"]),
)

BROKEN = ("{", "{a", "a{b,{c}", "[", "[a", "[]", "a[", "[c-a]", "\\", "a\\", "x" * 256)


class GlobTests(SynchronousTestCase):
    """What a pattern matches."""

    def test_pattern_matches_whole_names(self) -> None:
        """Each row of the table, both ways."""
        for pattern, matching, others in TABLE:
            matches = compile_glob(pattern)
            self.assertEqual([name for name in matching if not matches(name)], [], pattern)
            self.assertEqual([name for name in others if matches(name)], [], pattern)

    def test_broken_pattern_is_refused(self) -> None:
        """Instead of matching something that nobody meant."""
        for pattern in BROKEN:
            self.assertRaises(ChannelNameError, compile_glob, pattern)

    def test_pattern_that_stands_for_too_much_is_refused(self) -> None:
        """Ten pairs of braces would be a thousand patterns."""
        self.assertRaises(ChannelNameError, compile_glob, "{a,b}" * 10)
        many = ",".join(str(number) for number in range(ALTERNATIVES))
        self.assertEqual(len(many.split(",")), 100)
        self.assertRaises(ChannelNameError, compile_glob, "{" + "," * ALTERNATIVES + "}")

    def test_hostile_pattern_is_quick(self) -> None:
        """Stars between equal characters, on a name that almost matches: a careless reader would need years."""
        matches = compile_glob("a*" * 100 + "b")
        self.assertFalse(matches("a" * 255))
        self.assertTrue(matches("a" * 254 + "b"))
