# -*- test-case-name: tests.channels.test_names -*-
"""Which names a channel may have."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.names import LONGEST, SHOWN, check_channel
from sockjsd.errors import ChannelNameError

ALLOWED = ["n", "news", "chat:room-1", "user#42", "a.b/c", "$private", "{tag}x", "~!", "x" * LONGEST]

REFUSED = [
    "",
    " ",
    "two words",
    "new\nline",
    "tab\t",
    "nul\0",
    "del\x7f",
    "café",
    "\u2028",
    "news\n",
    "x" * (LONGEST + 1),
]


class CheckChannelTests(TestCase):
    """`check_channel` is the only rule about names."""

    def test_name_is_returned_when_printable(self) -> None:
        """A good name comes back unchanged."""
        for name in ALLOWED:
            with self.subTest(name=name):
                self.assertEqual(check_channel(name), name)

    def test_name_is_refused_when_empty_long_or_unprintable(self) -> None:
        """Everything else is a typed error that says what is allowed."""
        for name in REFUSED:
            with self.subTest(name=name), self.assertRaises(ChannelNameError) as caught:
                check_channel(name)
            self.assertIn(f"allowed: 1 to {LONGEST} printable ASCII", str(caught.exception))

    def test_error_escapes_name_when_it_has_control_characters(self) -> None:
        """A refused name cannot break the line of a log."""
        with self.assertRaises(ChannelNameError) as caught:
            check_channel("a\nb")
        self.assertIn(r"'a\nb' (3 characters)", str(caught.exception))

    def test_error_is_short_when_name_is_long(self) -> None:
        """A refused name of a megabyte does not become a message of a megabyte."""
        with self.assertRaises(ChannelNameError) as caught:
            check_channel("y" * 1_000_000)
        self.assertIn("y" * SHOWN + "'…", str(caught.exception))
        self.assertLess(len(str(caught.exception)), 250)

    def test_error_is_the_request_s_fault_when_answered_over_http(self) -> None:
        """The status of the error is 400."""
        self.assertEqual(ChannelNameError.status, 400)
