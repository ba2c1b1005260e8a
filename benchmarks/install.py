"""Installs what the peers need, below ``.bench`` where that is possible."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import HERE, WORK
from benchmarks.systems import NotHere

PEERS = HERE / "peers"
#: Seconds that an installation may take.
PATIENCE = 600.0


def _run(what: str, command: list[str], cwd: Path) -> None:
    """Run one step of an installation.

    :raises NotHere: it failed; the message has the end of what it said.
    """
    print(f"bench: installing {what}", flush=True)
    try:
        subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.CalledProcessError as error:
        raise NotHere(f"{what} could not be installed: {error.stderr.strip()[-300:]}") from error
    except subprocess.TimeoutExpired as error:
        raise NotHere(f"{what} could not be installed within {PATIENCE:.0f} s") from error


def node() -> tuple[str, Path]:
    """Return node and a folder with the packages of ``peers/package.json``.

    :raises NotHere: node, npm or a package is missing.
    """
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise NotHere("node and npm are not installed")
    folder, wanted = WORK / "node", (PEERS / "package.json").read_text()
    done = folder / "installed.json"
    if not done.exists() or done.read_text() != wanted:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text(wanted)
        _run("the peers that run on node", [npm, "install", "--silent", "--no-audit", "--no-fund"], folder)
        done.write_text(wanted)
    return program, folder


def python() -> Path:
    """Return the folder of the programs of a virtualenv with what ``peers/requirements.txt`` names.

    :raises NotHere: a package is missing.
    """
    folder, wanted = (WORK / "python").resolve(), (PEERS / "requirements.txt").read_text()
    done, programs = folder / "installed.txt", folder / "bin"
    if not done.exists() or done.read_text() != wanted:
        _run("a virtualenv for peers", [sys.executable, "-m", "venv", str(folder)], PEERS)
        pip = [str(programs / "pip"), "install", "--quiet", "-r", "requirements.txt"]
        _run("the peers that run on Python", pip, PEERS)
        done.write_text(wanted)
    return programs
