# -*- test-case-name: tests.http.test_spool -*-
"""Temporary files with a bound."""

from __future__ import annotations

import gc
import tempfile
import warnings

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import HTTPError
from sockjsd.http.spool import open_spool
from sockjsd.pool import Budget


class SpoolFileTests(SynchronousTestCase):
    """What counts, and until when."""

    def setUp(self) -> None:
        self.budget = Budget(10)

    def test_file_is_a_file(self) -> None:
        """Written, read from its beginning, by lines too."""
        with open_spool(Budget()) as file:
            file.write(b"one\ntwo\n")
            file.write(b"three")
            file.seek(0)
            self.assertEqual((file.readline(), list(file)), (b"one\n", [b"two\n", b"three"]))

    def test_files_share_the_budget(self) -> None:
        """What would be too much for both is refused, and not written."""
        with open_spool(self.budget) as first, open_spool(self.budget) as second:
            first.write(b"x" * 6)
            second.write(b"y" * 4)
            with self.assertRaises(HTTPError) as caught:
                second.write(b"z")
            self.assertEqual(caught.exception.status, 503)
            second.seek(0)
            self.assertEqual((second.read(), self.budget.used), (b"yyyy", 10))

    def test_closed_file_gives_back_once(self) -> None:
        """However often it is closed."""
        file = open_spool(self.budget)
        file.write(b"x" * 6)
        file.close()
        file.close()
        self.assertEqual(self.budget.used, 0)

    def test_forgotten_file_gives_back(self) -> None:
        """Nobody closed it, and nobody can any more; Python warns of that."""
        file = open_spool(self.budget)
        file.write(b"x" * 6)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            del file
            gc.collect()
        self.assertEqual(self.budget.used, 0)

    def test_file_without_folder_is_an_error(self) -> None:
        """Which takes nothing."""
        self.patch(tempfile, "tempdir", "/nowhere")
        with self.assertRaises(OSError):
            open_spool(self.budget)
        self.assertEqual(self.budget.used, 0)
