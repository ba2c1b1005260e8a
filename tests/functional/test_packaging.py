# -*- test-case-name: tests.functional.test_packaging -*-
"""What users install: from a wheel, from an sdist and editable, ``twistd`` knows the daemon from any folder.

Needs no network: each installation goes into a virtualenv of its own, whose other
packages are links to those of the environment that runs the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from pathlib import Path
from unittest import TestCase

ROOT = Path(__file__).resolve().parent.parent.parent
SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
#: Of the checkout, what no package is made from.
UNPACKAGED = shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "__pycache__", "dropin.cache", "_trial_temp*")
#: Of Twisted, what an installation of ours must not find: its plugins' cache, and plugins of others.
FOREIGN = shutil.ignore_patterns("test", "dropin.cache", "sockjsd_plugin*", "cyclone_plugin*")
#: Seconds for any one command; a build takes two on a laptop.
PATIENCE = 50


def run(*command: str | Path, folder: Path | str = "/") -> subprocess.CompletedProcess[str]:
    """Run *command* in *folder* to its end and return what it printed, with the command in the error where it fails."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    clean |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    finished = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=PATIENCE)
    if finished.returncode:
        raise AssertionError(f"{command} failed:\n{finished.stdout}{finished.stderr}")
    return finished


def make_environment(folder: Path) -> Path:
    """Make a virtualenv that has everything installed here but sockjsd, and return its ``bin``."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    target = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder), "platbase": str(folder)}))
    for entry in SITE_PACKAGES.iterdir():
        if entry.name == "twisted":
            # A real folder, because an installation writes its plugin into it.
            shutil.copytree(entry, target / "twisted", copy_function=os.symlink, ignore=FOREIGN)
        elif not entry.name.startswith(("sockjsd", "__editable__")):
            (target / entry.name).symlink_to(entry)
    return folder / "bin"


def declared_version() -> str:
    """The version that the package's source states."""
    (version,) = re.findall(r'^__version__ = "(.+)"$', (ROOT / "sockjsd" / "__init__.py").read_text(), re.MULTILINE)
    return str(version)


class InstallationTests(TestCase):
    """One test for each way to install."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-packaging-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.source = Path(shutil.copytree(ROOT, self.folder / "source", ignore=UNPACKAGED))

    def build(self, kind: str) -> Path:
        """Build a ``wheel`` or an ``sdist`` and return its file."""
        made = self.folder / "made"
        run(sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", made, self.source)
        (file,) = made.iterdir()
        return file

    def assert_twistd_finds_daemon(self, *installed: str | Path) -> None:
        """Install with pip, ask twistd from a folder that has nothing to do with us, and read all that it says."""
        programs = make_environment(self.folder / "venv")
        options = ("install", "-q", "--no-deps", "--no-build-isolation", "--ignore-installed")
        run(programs / "python", "-m", "pip", *options, *installed)
        answer = run(programs / "python", Path(sys.executable).with_name("twistd"), "--help")
        self.assertRegex(answer.stdout, r"(?m)^ +sockjsd +A Django site and its real-time connections on one port\.$")
        self.assertEqual("", answer.stderr)

    def test_twistd_finds_daemon_of_wheel(self) -> None:
        """``pip install sockjsd`` from an index."""
        self.assert_twistd_finds_daemon(self.build("wheel"))

    def test_twistd_finds_daemon_of_sdist(self) -> None:
        """``pip install`` where there is no wheel."""
        self.assert_twistd_finds_daemon(self.build("sdist"))

    def test_twistd_finds_daemon_of_editable_install(self) -> None:
        """``pip install -e .``, as contributors have it."""
        self.assert_twistd_finds_daemon("-e", self.source)

    def test_sdist_has_what_the_makefile_calls(self) -> None:
        """Distributions test and patch what they unpack: each script is there."""
        with tarfile.open(self.build("sdist")) as sdist:
            names = {name.partition("/")[2] for name in sdist.getnames()}
        called = set(re.findall(r"tools/\w+\.\w+", (ROOT / "Makefile").read_text()))
        self.assertLessEqual(called | {"Makefile", "requirements.txt"}, names)

    def test_wheel_adds_one_plugin_and_nothing_else_to_twisted(self) -> None:
        """An ``__init__.py`` of ours would overwrite Twisted's."""
        with zipfile.ZipFile(self.build("wheel")) as wheel:
            names = wheel.namelist()
        foreign = [name for name in names if not name.startswith("sockjsd")]
        self.assertEqual(["twisted/plugins/sockjsd_plugin.py"], foreign)
        self.assertIn("sockjsd/py.typed", names)

    def test_wheel_has_the_scripts_for_redis(self) -> None:
        """They are no Python, so nothing but this notices when they are left out."""
        with zipfile.ZipFile(self.build("wheel")) as wheel:
            packed = {name for name in wheel.namelist() if name.endswith(".lua")}
        folder = ROOT / "sockjsd" / "brokers" / "lua"
        self.assertEqual(packed, {f"sockjsd/brokers/lua/{path.name}" for path in folder.iterdir()})

    def test_metadata_of_wheel_has_version_and_no_cyclone(self) -> None:
        """With cyclone among the requirements pip would go back to a release for Python 2."""
        with zipfile.ZipFile(self.build("wheel")) as wheel:
            (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
            lines = wheel.read(name).decode().splitlines()
        self.assertIn(f"Version: {declared_version()}", lines)
        self.assertEqual([], [line for line in lines if line.startswith("Requires-Dist: cyclone")])
