# -*- test-case-name: tests.brokers.test_redis_scripts -*-
"""The scripts that run inside Redis: each is one file of ``lua/``, all with a shared beginning.

What a script does is all or nothing for everybody else, which is what makes positions
dependable.  Their texts say what they take and return; :mod:`sockjsd.brokers._redis_calls` does that in Python.

A script is called by its hash (EVALSHA).  A Redis that does not know the hash answers NOSCRIPT and has done
nothing; then it is called by its text (EVAL), which makes the hash known.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files

#: Each script and what is loaded in front of it.
_PRELUDES = {
    "publish": ("epoch",),
    "publish_many": ("epoch",),
    "history": ("epoch", "position"),
    "renew": ("epoch", "position"),
    "add_presence": ("leases",),
    "remove_presence": ("leases",),
    "presence": ("leases",),
    "presence_stats": ("leases",),
}

#: How the answer of a Redis begins that has never seen the script.
NOSCRIPT = "NOSCRIPT"

#: In the answer of a Redis that was made a replica under us: the master is another one now.
READONLY = "READONLY"


@dataclass(frozen=True, slots=True)
class Script:
    """One script.

    :ivar text: what runs.
    :ivar hash: what Redis knows it by.
    """

    text: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A script with what it is called with."""

    script: Script
    keys: tuple[bytes, ...]
    arguments: tuple[bytes, ...] = ()

    @property
    def by_hash(self) -> tuple[bytes, ...]:
        """The words of the command for a Redis that knows the script."""
        return self._words(b"EVALSHA", self.script.hash)

    @property
    def by_text(self) -> tuple[bytes, ...]:
        """The words of the command for one that does not."""
        return self._words(b"EVAL", self.script.text)

    def _words(self, command: bytes, script: bytes) -> tuple[bytes, ...]:
        return (command, script, b"%d" % len(self.keys), *self.keys, *self.arguments)


@functools.cache
def script(name: str) -> Script:
    """The script of this name, read once.

    :raises KeyError: there is none.
    """
    folder = files("sockjsd.brokers") / "lua"
    parts = [(folder / f"{part}.lua").read_bytes() for part in (*_PRELUDES[name], name)]
    text = b"\n".join(parts)
    # The hash is Redis's choice, and protects nothing.
    return Script(text, sha1(text, usedforsecurity=False).hexdigest().encode())
