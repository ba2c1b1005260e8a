# -*- test-case-name: tests.http.test_limits -*-
"""The numbers that bound a connection."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.http.limits import LINGER, BodyPolicy, Limits, Waiting


class LimitsTests(TestCase):
    """What a server grants by default, and for how long it waits."""

    def test_defaults_are_those_of_the_design(self) -> None:
        """16 KiB and 100 fields in 10 s, a body without progress 30 s, 75 s between requests, 16 in a row."""
        self.assertEqual(Limits(), Limits(16384, 100, 10.0, 30.0, 75.0, 16, 30.0))
        self.assertEqual(BodyPolicy(), BodyPolicy(65536, None))

    def test_every_wait_has_its_number(self) -> None:
        """Only a handler has no time limit."""
        self.assertEqual(
            Limits(head_timeout=1, body_timeout=2, keep_alive_timeout=3, send_timeout=4).patience(),
            {
                Waiting.NOTHING: None,
                Waiting.ANSWERED: None,
                Waiting.FIRST: 1,
                Waiting.HEAD: 1,
                Waiting.BODY: 2,
                Waiting.REQUEST: 3,
                Waiting.READ: 4,
                Waiting.END: LINGER,
            },
        )
        self.assertEqual(set(Limits().patience()), set(Waiting))
