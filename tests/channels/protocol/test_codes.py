# -*- test-case-name: tests.channels.protocol.test_codes -*-
"""The numbers of the client protocol, as Centrifugo's documentation has them."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.protocol import codes
from sockjsd.channels.protocol.codes import Disconnect, Error, Unsubscribe

#: Code, words, whether the same command may succeed later.
ERRORS = [
    (100, "internal server error", True),
    (101, "unauthorized", False),
    (102, "unknown channel", False),
    (103, "permission denied", False),
    (104, "method not found", False),
    (105, "already subscribed", False),
    (106, "limit exceeded", False),
    (107, "bad request", False),
    (108, "not available", False),
    (109, "token expired", False),
    (110, "expired", False),
    (111, "too many requests", True),
    (112, "unrecoverable position", False),
]

#: Code, words, whether SDKs stay away.
DISCONNECTS = [
    (3000, "connection closed", False),
    (3001, "shutdown", False),
    (3004, "internal server error", False),
    (3005, "connection expired", False),
    (3006, "subscription expired", False),
    (3008, "slow", False),
    (3010, "insufficient state", False),
    (3011, "force reconnect", False),
    (3012, "no pong", False),
    (3013, "too many requests", False),
    (3500, "invalid token", True),
    (3501, "bad request", True),
    (3502, "stale", True),
    (3503, "force disconnect", True),
    (3504, "connection limit", True),
    (3505, "channel limit", True),
    (3506, "inappropriate protocol", True),
    (3507, "permission denied", True),
    (3508, "not available", True),
    (3509, "too many errors", True),
]

#: Code, words, whether SDKs subscribe again.
UNSUBSCRIBES = [
    (0, "client unsubscribed", False),
    (2000, "server unsubscribe", False),
    (2500, "insufficient state", True),
    (2501, "subscription expired", True),
]


class CodeTests(TestCase):
    """One table for each kind."""

    def test_errors_are_those_of_the_protocol(self) -> None:
        """Each once, and which of them pass."""
        found = [each for each in vars(codes).values() if isinstance(each, Error)]
        self.assertEqual(sorted((each.code, each.message, each.temporary) for each in found), ERRORS)

    def test_disconnects_are_those_of_the_protocol(self) -> None:
        """Each once, and which of them end everything."""
        found = [each for each in vars(codes).values() if isinstance(each, Disconnect)]
        self.assertEqual(sorted((each.code, each.reason, each.terminal) for each in found), DISCONNECTS)

    def test_unsubscribes_are_those_of_the_protocol(self) -> None:
        """Each once, and which of them are followed by another subscription."""
        found = [each for each in vars(codes).values() if isinstance(each, Unsubscribe)]
        self.assertEqual(sorted((each.code, each.reason, each.resubscribes) for each in found), UNSUBSCRIBES)

    def test_disconnect_is_terminal_in_two_ranges(self) -> None:
        """The site's own codes have such a range too."""
        terminal = [code for code in (2999, 3000, 3499, 3500, 3999, 4000, 4499, 4500, 4999, 5000) if
                    Disconnect(code, "").terminal]  # fmt: skip
        self.assertEqual(terminal, [3500, 3999, 4500, 4999])

    def test_reasons_fit_into_a_close_frame(self) -> None:
        """RFC 6455 section 5.5 leaves 123 bytes."""
        for each in vars(codes).values():
            if isinstance(each, Disconnect):
                self.assertLessEqual(len(each.reason.encode()), 123)
