# -*- test-case-name: tests.config -*-
"""Configuration files for tests."""

from __future__ import annotations

import os
import shutil
import tempfile
import textwrap
from unittest import TestCase

from sockjsd.errors import ConfigurationError


class FilesTestCase(TestCase):
    """A test case with a folder of its own."""

    def setUp(self) -> None:
        """Make the folder; it is removed after the test."""
        self.folder = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name: str = "a.ini") -> str:
        """The path of the file called *name*, whether it exists or not."""
        return os.path.join(self.folder, name)

    def write(self, text: str | bytes, name: str = "a.ini") -> str:
        """Write a file, indentation removed, and return its path."""
        data = textwrap.dedent(text).encode() if isinstance(text, str) else text
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def shorten(self, error: ConfigurationError) -> str:
        """An error's message without the folder's name."""
        return str(error).replace(self.folder + os.sep, "")
