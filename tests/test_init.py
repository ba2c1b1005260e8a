# -*- test-case-name: tests.test_init -*-
"""The names of the Python API."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from unittest import TestCase

import sockjsd

#: Prints which of these the package has loaded, before and after a name was asked for.
SCRIPT = """
import sys, sockjsd
def loaded(): return sorted({"twisted", "cyclone", "txredisapi", "httptools", "redis"} & set(sys.modules))
print(loaded())
from sockjsd import SockJSConnection
print(loaded())
from sockjsd import SockJSRouter
print(loaded())
"""


class NameTests(TestCase):
    """``from sockjsd import …``."""

    def test_each_name_is_there(self) -> None:
        """By the name that it has where it is made."""
        for name in sockjsd.__all__:
            with self.subTest(name=name):
                self.assertEqual(getattr(sockjsd, name).__name__.rpartition(".")[2], name)

    def test_other_names_are_not(self) -> None:
        """A slip is an error, not a surprise."""
        with self.assertRaises(AttributeError):
            sockjsd.SockJSRooter  # type: ignore[attr-defined]  # noqa: B018  # the point of this test

    def test_type_checkers_see_the_same_names(self) -> None:
        """The stub beside the file."""
        stub = ast.parse(Path(sockjsd.__file__).with_suffix(".pyi").read_text())
        imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
        self.assertEqual({alias.asname for node in imports for alias in node.names}, set(sockjsd.__all__))

    def test_importing_loads_only_what_is_asked_for(self) -> None:
        """Celery pays for nothing; a file with connection classes needs no Twisted either."""
        done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
        before, connection, router = done.stdout.splitlines()
        self.assertEqual((before, connection), ("[]", "[]"))
        self.assertIn("twisted", router)
