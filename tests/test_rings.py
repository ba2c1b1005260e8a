# -*- test-case-name: tests.test_rings -*-
"""Imports point inward: the table of rings, enforced by reading every import of ``sockjsd/``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PACKAGE = Path(__file__).resolve().parent.parent / "sockjsd"

STDLIB = frozenset(sys.stdlib_module_names)
#: What a rule of a protocol has no business with: sockets, clocks, threads, processes, files, logs.
IMPURE = frozenset(
    "_thread asyncio concurrent ctypes logging multiprocessing os pathlib sched select selectors signal socket "
    "socketserver ssl subprocess tempfile threading time".split()
)
RING_0 = {"sockjsd.errors", "sockjsd.sockjs", "sockjsd.websocket", "sockjsd.channels"}
#: Ring 2 outside its folders.
SHELL_FILES = "administration.py app.py applications.py django_wsgi.py multiplex.py pool.py router.py"
SHELLS = {"sockjsd.http", "sockjsd.transports", "sockjsd.endpoints"} | {
    f"sockjsd.{file.removesuffix('.py')}" for file in SHELL_FILES.split()
}
#: What a Django or Celery process that only publishes must not pay for, directly or through another file of ours.
DAEMON_ONLY = {"twisted", "cyclone", "txredisapi", "httptools"}
#: Refused to every file but service.py, which fetches the reactor, and node.py, which joins all parts; and
#: http/listening.py, which stands where scripts had reactor.listenTCP, fetches the reactor too.
JOINT_ONLY = {"sockjsd.service", "sockjsd.node", "twisted.internet.reactor"}
NOT_BELOW_HTTP = JOINT_ONLY | SHELLS | {"cyclone", "httptools"}


@dataclass(frozen=True, slots=True)
class Ring:
    """What its files may import: only what is *allowed* (nothing said: anything), and nothing *denied*."""

    name: str
    files: str  # patterns of paths below sockjsd/, separated by blanks
    allowed: frozenset[str] | set[str] | None = None
    denied: frozenset[str] | set[str] = frozenset()

    def has(self, file: str) -> bool:
        """Whether *file* (a path below ``sockjsd/``) belongs to this ring."""
        return any(fnmatchcase(file, pattern) for pattern in self.files.split())

    def permits(self, module: str) -> bool:
        """Whether a file of this ring may import *module*."""
        return not _within(module, self.denied) and (self.allowed is None or _within(module, self.allowed))


#: The first row that has a file holds for it.
RINGS = (
    Ring("the joint", "service.py"),
    Ring(
        "the reactor",
        "reactor.py accepting.py",
        STDLIB | {"twisted", "zope", "sockjsd.accepting"},
        {"twisted.internet.reactor"},
    ),
    Ring("the node", "node.py parts.py", None, JOINT_ONLY | {"txredisapi"}),
    Ring("ring 0", "sockjs/* websocket/* channels/* errors.py proto.py __init__.py", (STDLIB - IMPURE) | RING_0),
    Ring("configuration", "config/*", STDLIB | RING_0 | {"sockjsd.config", "sockjsd.__version__"}),
    Ring("the fan-out", "fanout.py", STDLIB | {"sockjsd._fanout"}),
    Ring("ring 1, Redis", "brokers/redis* brokers/_redis*", None, NOT_BELOW_HTTP),
    Ring(
        "ring 1",
        "brokers/* clients/* following.py lines.py losses.py numbered.py registry.py relay.py resting.py stats.py "
        "wheel.py",
        None,
        NOT_BELOW_HTTP | {"txredisapi"},
    ),
    Ring("the door for scripts", "http/listening.py", None, {"sockjsd.service", "sockjsd.node", "txredisapi"}),
    Ring("ring 2", f"http/* transports/* endpoints/* {SHELL_FILES}", None, JOINT_ONLY | {"txredisapi"}),
    Ring("django", "django/*", None, JOINT_ONLY | SHELLS | DAEMON_ONLY),
    Ring("command line", "cli.py __main__.py", None, JOINT_ONLY | {"cyclone", "txredisapi"}),
)
#: Files that processes without a daemon import.
LIGHT = "django/* config/* errors.py __init__.py"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name: ``from a import b`` counts as the module ``a.b``, which finds sub-modules too."""

    file: str  # a path below sockjsd/
    line: int
    module: str

    def __str__(self) -> str:
        return f"sockjsd/{self.file}:{self.line}: {self.module} is not for {_ring_of(self.file).name}"


def _within(module: str, names: frozenset[str] | set[str]) -> bool:
    """Whether *module* is one of *names* or inside one of them."""
    parts = module.split(".")
    return any(".".join(parts[:length]) in names for length in range(1, len(parts) + 1))


def _ring_of(file: str) -> Ring:
    """The ring of *file*; one that was given none may import nothing."""
    return next((ring for ring in RINGS if ring.has(file)), Ring("a file without a ring", "", frozenset()))


def _imports(file: str, source: str) -> Iterator[Import]:
    """Every import in *source*, also those inside functions and those only for types."""
    folders = ["sockjsd", *Path(file).parts[:-1]]
    for node in ast.walk(ast.parse(source, file)):
        if isinstance(node, ast.Import):
            yield from (Import(file, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folders[: len(folders) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (Import(file, node.lineno, f"{origin}.{alias.name}") for alias in node.names)


def _refused(file: str, source: str) -> list[Import]:
    return [found for found in _imports(file, source) if not _ring_of(file).permits(found.module)]


def _sources() -> dict[str, str]:
    """All Python files of the package: path below ``sockjsd/`` → text."""
    return {str(path.relative_to(PACKAGE)): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}


def _files_behind(module: str, sources: dict[str, str]) -> Iterator[str]:
    """The files of ours that ``import module`` runs: the module's and those of the packages around it."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        path = "/".join(parts[1:length])
        yield from (file for file in (f"{path}.py", f"{path}/__init__.py".lstrip("/")) if file in sources)


def _reach(file: str, sources: dict[str, str]) -> dict[str, Import]:
    """Everything from outside that importing *file* loads, directly or through other files: name → the import."""
    outside: dict[str, Import] = {}
    seen = {file}
    waiting = [file]
    while waiting:
        reading = waiting.pop()
        for found in _imports(reading, sources[reading]):
            if not _within(found.module, {"sockjsd"}):
                outside.setdefault(found.module.partition(".")[0], found)
            new = set(_files_behind(found.module, sources)) - seen
            seen |= new
            waiting += new
    return outside


class RingTests(SynchronousTestCase):
    """The package as it is."""

    def test_each_file_belongs_to_a_ring(self) -> None:
        """A new file is given its place in the table before it is written."""
        self.assertEqual([], [file for file in _sources() if not any(ring.has(file) for ring in RINGS)])

    def test_imports_point_inward(self) -> None:
        """No file imports what its ring does not permit."""
        refused = [str(found) for file, source in _sources().items() for found in _refused(file, source)]
        self.assertEqual([], refused, "\n" + "\n".join(refused))

    def test_publishing_loads_nothing_of_the_daemon(self) -> None:
        """What Django and Celery import loads neither Twisted nor Cyclone nor txredisapi, by whatever way."""
        sources = _sources()
        light = [file for file in sources if any(fnmatchcase(file, pattern) for pattern in LIGHT.split())]
        loaded = {
            f"sockjsd/{file} loads {name} through sockjsd/{found.file}:{found.line}"
            for file in light
            for name, found in _reach(file, sources).items()
            if name in DAEMON_ONLY
        }
        self.assertEqual(set(), loaded, "\n" + "\n".join(sorted(loaded)))


class TableTests(SynchronousTestCase):
    """The table itself, on files that need not exist."""

    REFUSED = (
        ("sockjs/session.py", "import time"),
        ("websocket/frames.py", "from twisted.internet.defer import Deferred"),
        ("channels/hub.py", "from ..registry import Registry"),
        ("channels/hub.py", "def late():\n    import socket"),
        ("errors.py", "import logging"),
        ("config/options.py", "from twisted.python.usage import Options"),
        ("fanout.py", "from .http.flow import Flow"),
        ("brokers/memory.py", "import txredisapi"),
        ("brokers/redis.py", "from sockjsd.http.connection import Connection"),
        ("registry.py", "from cyclone.web import Application"),
        ("http/connection.py", "from twisted.internet import reactor"),
        ("http/connection.py", "from .. import service"),
        ("django/publishing.py", "from sockjsd.app import build"),
        ("cli.py", "from sockjsd.service import makeService"),
        ("elsewhere.py", "import re"),
    )
    PERMITTED = (
        ("sockjs/session.py", "import re, json\nfrom . import frames\nfrom ..websocket.frames import encode"),
        ("config/files.py", "import os, configparser\nfrom sockjsd.errors import ConfigurationError"),
        ("fanout.py", "import os, socket\nfrom ._fanout import send_many"),
        ("brokers/redis.py", "import txredisapi\nfrom twisted.internet.defer import Deferred"),
        ("http/connection.py", "import httptools, cyclone.web\nfrom sockjsd.registry import Registry"),
        ("django/publishing.py", "import redis\nfrom django.db import transaction"),
        ("service.py", "from twisted.internet import reactor\nfrom sockjsd.app import build"),
    )

    def test_refuses_what_points_outward(self) -> None:
        """Each of these lines would be reported once."""
        for file, source in self.REFUSED:
            self.assertEqual(1, len(_refused(file, source)), f"{file}: {source}")

    def test_permits_what_points_inward(self) -> None:
        """None of these lines would be reported."""
        for file, source in self.PERMITTED:
            self.assertEqual([], _refused(file, source), f"{file}: {source}")

    def test_report_names_file_line_import_and_ring(self) -> None:
        """Whoever breaks the table is told where, what, and which row."""
        (found,) = _refused("sockjs/session.py", '"""Text."""\n\nimport time\n')
        self.assertEqual("sockjsd/sockjs/session.py:3: time is not for ring 0", str(found))

    def test_follows_imports_through_other_files(self) -> None:
        """A light file that imports a package is charged with what the package's files import."""
        sources = {
            "django/publishing.py": "from ..brokers import scripts",
            "brokers/__init__.py": "from .memory import Memory",
            "brokers/memory.py": "from twisted.internet import defer",
            "brokers/scripts.py": "import hashlib",
        }
        self.assertEqual({"twisted", "hashlib"}, set(_reach("django/publishing.py", sources)))
