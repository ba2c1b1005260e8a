# -*- test-case-name: tests.functional.test_tools -*-
"""The scripts behind ``make``, with a Python that only notes what it is asked for: no network is needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import TestCase

from tests.functional import need

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"
#: Seconds for any one script.
PATIENCE = 30

#: Answers like the Python it stands for, and takes some time for what ``venv.sh`` does with the virtualenv.
SLOW_PYTHON = f"""#!/bin/bash
case "$*" in
    *" venv "*) echo made >> log; sleep 1; mkdir -p .venv/bin .venv/lib/x/site-packages/twisted/plugins
                cp "$0" .venv/bin/python ;;
    *pip*|*getPlugins*) ;;
    *) exec '{sys.executable}' "$@" ;;
esac
"""


class ToolsTestCase(TestCase):
    """Has a folder with a copy of the scripts; a space is in its name, as it may be in anybody's."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="sockjsd tools ")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        shutil.copytree(TOOLS, self.folder / "tools")

    def start(self, script: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start a script; what it prints can be read."""
        command = ["bash", f"tools/{script}", *map(str, arguments)]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run_script(self, script: str, *arguments: str | Path) -> tuple[int, str]:
        """Run a script to its end: its exit status and what it printed."""
        process = self.start(script, *arguments)
        printed, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, printed


class PythonTests(ToolsTestCase):
    """``python.sh``: which Python is used."""

    def test_python_is_taken_when_a_space_is_in_its_path(self) -> None:
        """A path is one word."""
        python = self.folder / "python"
        python.symlink_to(sys.executable)
        self.assertEqual(self.run_script("python.sh", python), (0, f"{python}\n"))

    def test_python_is_refused_when_it_is_none(self) -> None:
        """The message says what was tried, and what to say instead."""
        status, printed = self.run_script("python.sh", "/bin/false")
        self.assertEqual(status, 1)
        self.assertIn("(tried: /bin/false); say PYTHON=", printed)

    def test_usual_names_are_tried_when_nothing_is_said(self) -> None:
        """An empty word is what ``make`` hands over where nobody gave a ``PYTHON``."""
        for arguments in ((), ("",)):
            status, printed = self.run_script("python.sh", *arguments)
            self.assertTrue(status == 0 or "tried: python3.11 python3.12 python3.13 python3" in printed, printed)


class VirtualenvTests(ToolsTestCase):
    """``venv.sh``: the virtualenv of development."""

    def setUp(self) -> None:
        super().setUp()
        need("flock")
        self.python = self.folder / "python"
        self.python.write_text(SLOW_PYTHON)
        self.python.chmod(0o755)
        for fetching in ("sockjs_client.sh", "centrifuge_js.sh"):
            (self.folder / "tools" / fetching).write_text("")
        (self.folder / "twisted" / "plugins").mkdir(parents=True)

    def test_virtualenv_is_made_once_when_two_ask_at_the_same_time(self) -> None:
        """``make run`` in two windows: the second waits, and then has nothing to do."""
        both = [self.start("venv.sh", self.python, ".venv") for _ in range(2)]
        printed = [process.communicate(timeout=PATIENCE)[0] for process in both]
        self.assertEqual([process.returncode for process in both], [0, 0], printed)
        self.assertEqual(sum("waiting" in each for each in printed), 1, printed)
        self.assertEqual((self.folder / "log").read_text(), "made\n")

    def test_virtualenv_is_made_anew_when_asked_later(self) -> None:
        """``make`` asks when the requirements have changed."""
        for _ in range(2):
            self.assertEqual(self.run_script("venv.sh", self.python, ".venv")[0], 0)
        self.assertEqual((self.folder / "log").read_text(), "made\nmade\n")
