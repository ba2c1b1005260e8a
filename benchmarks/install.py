"""Installs what the peers need, below ``.bench`` where that is possible."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.machine import HERE, WORK
from benchmarks.systems import NotHere

PEERS = HERE / "peers"
#: Where servers are on Debian, too.
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
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


def nchan() -> tuple[str, Path]:
    """Return nginx and the module Nchan: those of the system, or Debian's packages unpacked below ``.bench``.

    Unpacked, because an installed nginx would be started, and take port 80.

    :raises NotHere: one of them is missing.
    """
    program, module = shutil.which("nginx", path=PATH), MODULE
    if program is None or not module.exists():
        folder = WORK / "nginx"
        program, module = str(folder / "usr/sbin/nginx"), folder / MODULE.relative_to("/")
        if not module.exists():
            _unpack(["nginx", "libnginx-mod-nchan"], folder)
        _make_room_for_nginx()
    return program, module


def _make_room_for_nginx() -> None:
    """Make a folder that nginx wants with Nchan in it, whatever is configured.

    :raises NotHere: that is not allowed.
    """
    try:
        Path("/var/lib/nginx").mkdir(exist_ok=True)
    except PermissionError as error:
        raise NotHere("nginx with Nchan needs /var/lib/nginx, which only root can make") from error


def _unpack(packages: list[str], folder: Path) -> None:
    """Unpack packages of Debian without installing them."""
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or dpkg is None:
        raise NotHere("nginx with Nchan is not installed, and this is no Debian")
    folder.mkdir(parents=True, exist_ok=True)
    _run(" and ".join(packages), [apt, "download", "-qq", *packages], folder)
    for package in folder.glob("*.deb"):
        _run(package.name, [dpkg, "-x", package.name, "."], folder)
