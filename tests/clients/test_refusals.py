# -*- test-case-name: tests.clients.test_refusals -*-
"""From codes to errors."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.protocol import codes
from sockjsd.clients.refusals import dismissed, refused
from sockjsd.errors import ClientDismissed, CommandRefused


class RefusalTests(TestCase):
    """What is raised carries what is answered."""

    def test_refusal_carries_the_error(self) -> None:
        """Each one anew: an error that is raised twice keeps both tracebacks."""
        error = refused(codes.INTERNAL)
        self.assertIsInstance(error, CommandRefused)
        self.assertEqual((error.code, error.text, error.temporary), (100, "internal server error", True))
        self.assertFalse(refused(codes.PERMISSION_DENIED).temporary)
        self.assertIsNot(refused(codes.INTERNAL), error)

    def test_dismissal_carries_the_disconnect(self) -> None:
        """Code and words."""
        error = dismissed(codes.STALE)
        self.assertIsInstance(error, ClientDismissed)
        self.assertEqual((error.code, error.reason), (3502, "stale"))
