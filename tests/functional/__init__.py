"""Tests that start real programs: the daemon, Redis, HAProxy, a browser."""

from __future__ import annotations

import os
import shutil
from unittest import SkipTest

#: Where Debian keeps daemons, which is not on every user's PATH.
SYSTEM_FOLDERS = "/usr/sbin:/sbin"


def need(*programs: str) -> list[str]:
    """Return the paths of *programs*, in their order.

    :raises SkipTest: one of them is not installed.
    :raises AssertionError: the same, where ``CI`` is set: in CI nothing may be skipped.
    """
    search = os.pathsep.join([os.environ.get("PATH", os.defpath), SYSTEM_FOLDERS])
    found = {program: shutil.which(program, path=search) for program in programs}
    lacking = [program for program, path in found.items() if path is None]
    if not lacking:
        return [path for path in found.values() if path is not None]
    reason = f"not installed: {', '.join(lacking)} (make test installs them as root on Debian)"
    raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)
