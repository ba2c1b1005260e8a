# -*- test-case-name: tests.http.test_request -*-
"""A request as Cyclone's handlers know it."""

from __future__ import annotations

from unittest import TestCase

from cyclone.httputil import HTTPHeaders

from sockjsd.errors import HTTPError
from sockjsd.http.exchange import Exchange
from sockjsd.http.headers import Headers
from sockjsd.http.request import ARGUMENTS, Request
from sockjsd.http.rules import check
from tests.http.fakes import Wire


def get(target: str, *fields: tuple[str, str]) -> Request:
    """Return a request for *target*."""
    return Exchange(check("GET", target, "1.1", Headers.of([("Host", "example.com:8000"), *fields])), Wire()).request


class RequestTests(TestCase):
    """Attributes of a request."""

    def test_path_ends_at_first_question_mark(self) -> None:
        """And keeps its escapes."""
        for target, path, query in (("/", "/", ""), ("/a%20b?c?d", "/a%20b", "c?d"), ("/?", "/", "")):
            request = get(target)
            self.assertEqual((request.path, request.query, request.uri), (path, query, target))

    def test_request_has_attributes_of_cyclone(self) -> None:
        """As handlers that were written for it expect."""
        request = get("/a?b", ("Cookie", "c=d"))
        self.assertEqual(request.full_url(), "http://example.com:8000/a?b")
        self.assertTrue(request.supports_http_1_1())
        self.assertEqual(request.cookies["c"].value, "d")
        self.assertEqual((request.files, request.body), ({}, b""))

    def test_names_of_fields_are_not_kept_for_good(self) -> None:
        """Cyclone remembers each one that it has seen: whoever sends new ones must not fill our memory."""
        for number in range(100):
            request = get("/", *((f"x-{number}-{field}", "1") for field in range(90)))
            self.assertEqual(request.headers[f"X-{number}-89"], "1")
        self.assertLess(len(HTTPHeaders._normalized_headers), 1000)


class ArgumentTests(TestCase):
    """The query's arguments."""

    def test_arguments_are_lists_of_bytes(self) -> None:
        """As Cyclone has them; empty ones are kept."""
        self.assertEqual(
            get("/?a=1&b=&a=2+3&c&%C3%A9=%FF").arguments,
            {"a": [b"1", b"2 3"], "b": [b""], "c": [b""], "Ã©": [b"\xff"]},
        )
        self.assertEqual(get("/").arguments, {})

    def test_first_value_counts(self) -> None:
        """Text in Latin-1, one character for each byte."""
        request = get("/?a=1&a=2&b=%C3%A9&c")
        self.assertEqual([request.argument(name) for name in "abcd"], ["1", "Ã©", "", None])

    def test_too_many_arguments_are_refused(self) -> None:
        """Each costs time; the connection goes on."""
        self.assertEqual(len(get("/?" + "a&" * (ARGUMENTS - 1) + "a").arguments["a"]), ARGUMENTS)
        with self.assertRaises(HTTPError) as caught:
            get("/?" + "a&" * ARGUMENTS + "a").argument("a")
        self.assertEqual((caught.exception.status, caught.exception.close), (400, False))
