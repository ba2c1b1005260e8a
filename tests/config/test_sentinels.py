# -*- test-case-name: tests.config.test_sentinels -*-
"""Tests for sockjsd.config.sentinels, and of how the configuration checks and shows such addresses."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.config.addresses import broker_url, hide_password
from sockjsd.config.kinds import Refused
from sockjsd.config.sentinels import Sentinels, names_sentinels, parse_sentinels

GOOD = {
    "sentinel://s1/m": Sentinels((("s1", 26379),), "m"),
    "sentinel://s1:1,s2,[::1]:3/my-master.1/2": Sentinels((("s1", 1), ("s2", 26379), ("::1", 3)), "my-master.1", 2),
    "sentinel://s1/m/": Sentinels((("s1", 26379),), "m"),
    "sentinels://:p%40ss@s1/m": Sentinels((("s1", 26379),), "m", tls=True, password="p@ss"),
    "sentinel://u:p@s1/m?sentinel_username=su&sentinel_password=s%26p": Sentinels(
        (("s1", 26379),), "m", username="u", password="p", sentinel_username="su", sentinel_password="s&p"
    ),
}

#: What is wrong, and a piece of what is said about it.
BAD = {
    "sentinel://s3cret": "/NAME of the master",
    "sentinel://s1/": "/NAME of the master",
    "sentinel://s1/m/s3cret": "/NAME of the master",
    "sentinel:///m": "HOST or HOST:PORT",
    "sentinel://s1,,s2/m": "HOST or HOST:PORT",
    "sentinel://s1:s3cret/m": "HOST or HOST:PORT",
    "sentinel://s1:70000/m": "HOST or HOST:PORT",
    "sentinel://s1:0/m": "HOST or HOST:PORT",
    "sentinel://s1/m?s3cret": "can only stand sentinel_username and sentinel_password",
    "sentinel://s1/m?db=3": "can only stand sentinel_username and sentinel_password",
    "sentinel://:s3cret#@s1/m": "write everything but letters",
    "sentinel://:s3cré@s1/m": "write everything but letters",
    "sentinel://:[s3cret]@s1/m": "write them as %5B and %5D",
    "sentinel://:s3cret[@s1/m": "write them as %5B and %5D",
}


class ParseTests(TestCase):
    """Reading an address."""

    def test_address_is_read_in_each_form(self) -> None:
        """With every part that can be left out."""
        for url, sentinels in GOOD.items():
            with self.subTest(url=url):
                self.assertEqual(parse_sentinels(url), sentinels)

    def test_address_is_refused_without_quoting_it(self) -> None:
        """What is wrong is said, and no secret that stood in the wrong place."""
        for url, piece in BAD.items():
            with self.subTest(url=url), self.assertRaises(ValueError) as caught:
                parse_sentinels(url)
            self.assertIn(piece, str(caught.exception))
            self.assertNotIn("s3cr", str(caught.exception))

    def test_only_two_schemes_name_sentinels(self) -> None:
        """All others are read elsewhere."""
        named = ["sentinel://s1/m", "sentinels://s1/m", "redis://s1", "redis+sentinel://s1/m", "memory:", "sentinel"]
        self.assertEqual([names_sentinels(url) for url in named], [True, True, False, False, False, True])

    def test_repr_holds_no_secret(self) -> None:
        """Neither Redis's nor the Sentinels'."""
        shown = repr(parse_sentinels("sentinel://u:p4ss@s1/m?sentinel_username=v&sentinel_password=w0rd"))
        self.assertNotIn("p4ss", shown)
        self.assertNotIn("w0rd", shown)


class OptionTests(TestCase):
    """The option ``[broker] url``."""

    def test_option_takes_what_can_be_read(self) -> None:
        """The same table."""
        for url in GOOD:
            broker_url.check(url)

    def test_option_refuses_the_rest_and_says_why(self) -> None:
        """The reason is the parser's, and so without secrets."""
        for url in BAD:
            with self.subTest(url=url), self.assertRaises(Refused) as caught:
                broker_url.check(url)
            self.assertNotIn("s3cr", str(caught.exception))

    def test_address_is_shown_without_any_secret(self) -> None:
        """Those of the Sentinels stand behind the question mark."""
        url = "sentinel://u:p4ss@s1:1,s2/m/3?sentinel_password=w0rd"
        self.assertEqual(hide_password(url), "sentinel://…@s1:1,s2/m/3")

    def test_nothing_is_shown_when_it_may_be_of_a_password(self) -> None:
        """A question mark in one looks like the end of the address."""
        for url in ("sentinel://u:s3c?ret@s1/m", "sentinel://u:s@3c?r@s1/m", "sentinel://s1/m?sentinel_password=s@3c"):
            self.assertEqual(hide_password(url), "sentinel://…@")
