# -*- test-case-name: tests.http.test_fields -*-
"""Response heads as bytes."""

from __future__ import annotations

from unittest import TestCase

from twisted.internet.task import Clock

from sockjsd.errors import StateError
from sockjsd.http.fields import DateField, block, field, status_line


class FieldTests(TestCase):
    """Fields, one and many."""

    def test_field_is_a_line(self) -> None:
        """In Latin-1."""
        self.assertEqual(field("X-Any", "a\t b é"), b"X-Any: a\t b \xe9\r\n")
        self.assertEqual(field("Empty", ""), b"Empty: \r\n")

    def test_field_cannot_become_two(self) -> None:
        """Nor end the head, whoever made its value; it raises instead."""
        for name, value in (
            ("X", "a\r\nSet-Cookie: b"),
            ("X", "a\n"),
            ("X", "a\r"),
            ("X", "\x00"),
            ("X", "\x7f"),
            ("X", "snowman ☃"),
            ("X\r\nY", "a"),
            ("X:", "a"),
            ("X ", "a"),
            ("é", "a"),
            ("", "a"),
        ):
            with self.subTest(name=name, value=value):
                self.assertRaises(StateError, field, name, value)

    def test_block_is_lines_in_order(self) -> None:
        """Or nothing."""
        self.assertEqual(block({"B": "1", "A": "2"}), b"B: 1\r\nA: 2\r\n")
        self.assertEqual(block({}), b"")


class StatusTests(TestCase):
    """The first line of an answer."""

    def test_registered_status_has_its_phrase(self) -> None:
        """Unless there is another one."""
        self.assertEqual(status_line(404), b"HTTP/1.1 404 Not Found\r\n")
        self.assertEqual(status_line(404, "Gone Fishing"), b"HTTP/1.1 404 Gone Fishing\r\n")

    def test_other_status_has_given_phrase(self) -> None:
        """Or none that means anything."""
        self.assertEqual(status_line(599, "Odd"), b"HTTP/1.1 599 Odd\r\n")
        self.assertEqual(status_line(299), b"HTTP/1.1 299 Unknown\r\n")

    def test_line_cannot_become_two(self) -> None:
        """The phrase may come from a view."""
        for status, phrase in ((200, "a\r\nb"), (200, "☃"), (12, "a"), (0, ""), (1000, ""), (-1, "")):
            with self.subTest(status=status, phrase=phrase):
                self.assertRaises(StateError, status_line, status, phrase)


class DateTests(TestCase):
    """Fields that hold a date."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = 784111777.25

    def test_date_follows_clock(self) -> None:
        """In whole seconds, and as RFC 9110 wants it."""
        date = DateField(self.clock)
        self.assertEqual(date.now(), b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        self.clock.advance(0.5)
        self.assertIs(date.now(), date.now())
        self.clock.advance(0.5)
        self.assertEqual(date.now(), b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n")

    def test_date_can_be_ahead(self) -> None:
        """For what is cached."""
        expires = DateField(self.clock, "Expires", 60)
        self.assertEqual(expires.now(), b"Expires: Sun, 06 Nov 1994 08:50:37 GMT\r\n")
