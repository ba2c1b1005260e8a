# -*- test-case-name: tests.config.test_kinds -*-
"""What each kind of value takes, refuses, and writes."""

from __future__ import annotations

import os
from typing import Any
from unittest import TestCase

from sockjsd.config import kinds
from sockjsd.config.kinds import KIB, MIB, SHOWN, Kind, Refused, bounded

FOLDER = "/etc/sockjsd"


def check_lower(word: str) -> None:
    """Refuse a word that is not in lower case."""
    if not word.islower():
        raise Refused


lower_words = kinds.words("words in lower case", check_lower)
lower_lines = kinds.lines("lines", kinds.accept)
one_to_nine = kinds.whole(1, 9)
fruit = kinds.choice("apple", "pear")

#: kind, text, value, the value written again.
READ: list[tuple[Kind[Any], str, object, str]] = [
    (kinds.seconds, "30", 30.0, "30"),
    (kinds.seconds, "0.5", 0.5, "0.5"),
    (kinds.seconds, "0.001", 0.001, "0.001"),
    (kinds.seconds, "30s", 30.0, "30"),
    (kinds.seconds, "200ms", 0.2, "0.2"),
    (kinds.seconds, "5 min", 300.0, "300"),
    (kinds.seconds, "1h", 3600.0, "3600"),
    (kinds.seconds, "31536000", 31536000.0, "31536000"),
    (kinds.seconds_or_zero, "0", 0.0, "0"),
    (kinds.seconds_or_zero, "0.0", 0.0, "0"),
    (kinds.seconds_or_zero, "1.5", 1.5, "1.5"),
    (kinds.moment, "200us", 0.0002, "0.0002"),
    (kinds.moment, "0.0001", 0.0001, "0.0001"),
    (kinds.moment, "5ms", 0.005, "0.005"),
    (kinds.moment, "1s", 1.0, "1"),
    (kinds.size, "1", 1, "1"),
    (kinds.size, "65536", 65536, "64KiB"),
    (kinds.size, "1000", 1000, "1000"),
    (kinds.size, "64KiB", 64 * KIB, "64KiB"),
    (kinds.size, "64 kib", 64 * KIB, "64KiB"),
    (kinds.size, "1536KiB", 1536 * KIB, "1536KiB"),
    (kinds.size, "1MiB", MIB, "1MiB"),
    (kinds.size, "2GiB", 2 * KIB * MIB, "2GiB"),
    (kinds.size, "12B", 12, "12"),
    (one_to_nine, "1", 1, "1"),
    (one_to_nine, "9", 9, "9"),
    (kinds.octal, "022", 0o22, "022"),
    (kinds.octal, "0o007", 0o7, "007"),
    (kinds.octal, "0777", 0o777, "777"),
    (kinds.octal, "0", 0, "000"),
    *[(kinds.flag, text, True, "yes") for text in ("yes", "true", "on", "1", "Yes", "TRUE")],
    *[(kinds.flag, text, False, "no") for text in ("no", "false", "off", "0", "No", "OFF")],
    (fruit, "pear", "pear", "pear"),
    (kinds.module, "", "", ""),
    (kinds.module, "shop.settings", "shop.settings", "shop.settings"),
    (kinds.word, "sockjsd:v1", "sockjsd:v1", "sockjsd:v1"),
    (kinds.secret, "p#;% a", "p#;% a", "p#;% a"),
    (kinds.secret, "", "", ""),
    (lower_words, "", (), ""),
    (lower_words, " a\n  b\tc ", ("a", "b", "c"), "a b c"),
    (lower_lines, "one two\n\n  three ", ("one two", "three"), "one two\nthree"),
    (kinds.path, "", None, ""),
    (kinds.path, "/srv/x", "/srv/x", "/srv/x"),
    (kinds.path, "../x", "/etc/x", "/etc/x"),
]

#: kind, the texts that it refuses.
REFUSED: list[tuple[Kind[Any], list[str]]] = [
    (
        kinds.seconds,
        [
            "",
            "0",
            "-1",
            "+1",
            "nan",
            "inf",
            "1e3",
            "1_0",
            "٣",
            "30 sheep",
            "30S",
            "1,5",
            ".5",
            "0.0001",
            "31536001",
            "9" * 50,
        ],
    ),
    (kinds.seconds_or_zero, ["", "-0", "0.0009", "999999999"]),
    (kinds.moment, ["", "0", "99us", "0.00009", "1.1", "2s", "-200us", "200 \u00b5s"]),
    (kinds.size, ["", "0", "0KiB", "-1", "5KB", "5k", "1.5MiB", "64\u212aiB", "1e3", "9" * 50]),
    (one_to_nine, ["", "0", "10", "-1", "1.0", "one", "٣", "9" * 5000]),
    (kinds.octal, ["", "8", "022x", "0x1f", "1000", "-1", "00000"]),
    (kinds.flag, ["", "y", "2", "maybe"]),
    (fruit, ["", "Apple", "apple pear"]),
    (kinds.module, [".", "a.", ".a", "a..b", "1a", "a-b", "a b", "a\n"]),
    (kinds.word, ["", "a b", "*", "a\n", "x" * 101]),
    (kinds.secret, ["a\nb", "a\rb", "a\0b"]),
    (lower_words, ["A", "a a", "a B"]),
    (lower_lines, ["", "\n \n", "x\nx"]),
    (kinds.path, ["a\nb", "a\0b"]),
]


class KindTests(TestCase):
    """One table of texts per kind, read and written."""

    def test_text_is_read_when_allowed(self) -> None:
        """Each allowed text becomes its value."""
        for kind, text, value, _ in READ:
            with self.subTest(kind=kind.name, text=text):
                self.assertEqual(kind.value(text, FOLDER), value)

    def test_value_is_written_when_shown_in_a_file(self) -> None:
        """Each value is written in its usual form, and that form reads back as the same value."""
        for kind, _, value, written in READ:
            with self.subTest(kind=kind.name, value=value):
                self.assertEqual(kind.write(value), written)
                self.assertEqual(kind.value(written, FOLDER), value)

    def test_text_is_refused_when_not_allowed(self) -> None:
        """Each other text is refused, and by nothing else than `Refused`."""
        for kind, texts in REFUSED:
            for text in texts:
                with self.subTest(kind=kind.name, text=text[:20]), self.assertRaises(Refused):
                    kind.value(text, FOLDER)

    def test_value_is_refused_when_built_without_a_text(self) -> None:
        """A value from code is checked by the same rule as one from a file."""
        wrong: list[tuple[Kind[Any], object]] = [
            (kinds.seconds, float("nan")),
            (kinds.seconds, 0.0),
            (kinds.size, -1),
            (kinds.octal, -1),
        ]
        for kind, value in wrong:
            with self.subTest(kind=kind.name, value=value), self.assertRaises(Refused):
                kind.check(value)

    def test_path_starts_at_present_folder_when_no_folder_is_given(self) -> None:
        """What comes from the environment is relative to where the process runs."""
        self.assertEqual(kinds.path.value("x", ""), os.path.join(os.getcwd(), "x"))


class RefusalTests(TestCase):
    """The half of an error's sentence that a kind knows."""

    def test_refusal_says_what_it_got_and_what_is_allowed(self) -> None:
        """Both halves are there."""
        self.assertEqual(fruit.refusal("plum", Refused()), "got 'plum'; allowed: apple or pear")

    def test_refusal_says_more_when_there_is_a_detail(self) -> None:
        """A detail stands between what it got and what is allowed."""
        self.assertEqual(fruit.refusal("plum", Refused("too blue")), "got 'plum'; too blue; allowed: apple or pear")

    def test_repeated_word_is_named_when_refused(self) -> None:
        """The word that is there twice is in the detail."""
        with self.assertRaises(Refused) as caught:
            lower_words.value("a b a", FOLDER)
        self.assertEqual(caught.exception.detail, "'a' stands there twice")

    def test_secret_is_hidden_when_refused(self) -> None:
        """A refused password is not in the sentence."""
        self.assertEqual(
            kinds.secret.refusal("hunter2\n", Refused()), "got a value that is not shown; allowed: one line of text"
        )

    def test_text_is_cut_when_long(self) -> None:
        """Errors repeat the beginning of a long value, escaped."""
        self.assertEqual(bounded("x" * SHOWN), repr("x" * SHOWN))
        self.assertEqual(bounded("x" * (SHOWN + 1)), repr("x" * SHOWN) + "…")
        self.assertEqual(bounded("a\nb"), r"'a\nb'")

    def test_phrases_are_short_enough_when_printed(self) -> None:
        """Each kind says what is allowed without ending the sentence itself."""
        for kind, *_ in READ:
            self.assertTrue(kind.allowed)
            self.assertFalse(kind.allowed.endswith("."), kind.allowed)


class DottedClassTests(TestCase):
    """`is_dotted_class` tells a class's path from one of our words."""

    def test_path_is_known_when_it_has_a_module(self) -> None:
        """A class needs a module in front."""
        for name, expected in [
            ("shop.Chat", True),
            ("a.b.C", True),
            ("Chat", False),
            ("a..b", False),
            ("a.b c", False),
        ]:
            with self.subTest(name=name):
                self.assertIs(kinds.is_dotted_class(name), expected)
