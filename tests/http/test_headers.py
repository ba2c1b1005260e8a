# -*- test-case-name: tests.http.test_headers -*-
"""The header fields of a request."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.http.headers import Headers


class HeadersTests(TestCase):
    """A dictionary that knows of repeated fields."""

    def setUp(self) -> None:
        self.headers = Headers.of([("Host", "a"), ("Cookie", "b"), ("COOKIE", "c"), ("cookie", "d")])

    def test_names_are_in_lower_case(self) -> None:
        """However they came."""
        self.assertEqual(dict(self.headers), {"host": "a", "cookie": "b,c,d"})

    def test_each_of_repeated_fields_is_kept(self) -> None:
        """In order; a single one is a list too, and a missing one an empty list."""
        self.assertEqual([self.headers.each(name) for name in ("cookie", "host", "x")], [["b", "c", "d"], ["a"], []])

    def test_repetitions_are_counted(self) -> None:
        """With the number of names that is the number of fields."""
        self.assertEqual((len(self.headers), self.headers.repetitions), (2, 2))
        self.assertEqual(Headers().repetitions, 0)

    def test_replaced_field_is_the_only_one(self) -> None:
        """Whatever was there before."""
        for name in ("host", "cookie", "x"):
            self.headers.replace(name, "y")
            self.assertEqual((self.headers[name], self.headers.each(name)), ("y", ["y"]))

    def test_removed_field_is_gone(self) -> None:
        """All of it; one that is missing is no mistake."""
        for name in ("host", "cookie", "x"):
            self.headers.remove(name)
            self.assertEqual((name in self.headers, self.headers.each(name)), (False, []))

    def test_field_comes_back_after_it_was_removed(self) -> None:
        """Without what there was of it."""
        self.headers.remove("cookie")
        self.headers.add("cookie", "e")
        self.assertEqual(self.headers.each("cookie"), ["e"])
