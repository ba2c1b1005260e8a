"""A real HAProxy for functional tests: the project's ``haproxy.cfg`` on a free port, in front of any nodes."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.functional import need
from tests.functional.daemon import ROOT
from tests.functional.redis_server import find_free_port
from tests.functional.sockjs_client import wait_until

CONFIGURATION = ROOT / "haproxy.cfg"
#: Seconds in which an HAProxy that starts has to listen.
START_LIMIT = 10.0
#: Seconds between two attempts to reach it.
POLL_INTERVAL = 0.02


def substituted(text: str, port: int, nodes: Sequence[int], options: str = "") -> str:
    """Return the configuration *text* with our port and our nodes, and nothing else changed.

    :param nodes: ports of 127.0.0.1; the first is ``node1``.
    :param options: added to each server line.
    :raises AssertionError: the text is not as it is expected to be.
    """
    text, bound = re.subn(r"(?m)^( +)bind :8080$", rf"\1bind 127.0.0.1:{port}", text)
    assert bound == 1, "one line of haproxy.cfg binds :8080"

    def servers(match: re.Match[str]) -> str:
        """Return one line for each node, made from that of the first."""
        indent, check = match.groups()
        lines = (
            f"{indent}server node{number} 127.0.0.1:{node} {check.replace('node1', f'node{number}')} {options}"
            for number, node in enumerate(nodes, 1)
        )
        return "\n".join(lines)

    text, found = re.subn(r"(?m)^( +)server node1 127\.0\.0\.1:8000 (.+)$", servers, text)
    assert found == 2, "each of the two backends of haproxy.cfg has one node"
    return text


class HAProxy:
    """One ``haproxy`` process.

    Whoever calls :meth:`start` owes a :meth:`close` (``self.addCleanup(proxy.close)``).

    :param nodes: ports of 127.0.0.1 where nodes listen, or will.
    :param options: added to each server line.
    :raises SkipTest: it is not installed; see ``need``.
    """

    def __init__(self, nodes: Sequence[int], options: str = "") -> None:
        (self._program,) = need("haproxy")
        self.port = find_free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = Path(tempfile.mkdtemp(prefix="sockjsd-haproxy-"))
        self._file = self._folder / "haproxy.cfg"
        self._file.write_text(substituted(CONFIGURATION.read_text(), self.port, nodes, options))

    def start(self) -> HAProxy:
        """Start the process and wait until it listens.

        :raises RuntimeError: it does not, with its log.
        """
        with open(self._folder / "log", "wb") as log:
            command = [self._program, "-db", "-f", str(self._file)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_LIMIT
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self._end()
                raise RuntimeError(f"haproxy does not listen on port {self.port}:\n{self.log()}")
            time.sleep(POLL_INTERVAL)
        return self

    def log(self) -> str:
        """Return all that it has printed."""
        return (self._folder / "log").read_text(errors="replace")

    def wait_for(self, node: str, state: str) -> None:
        """Wait until the checks find *node* to be ``UP`` or ``DOWN``."""
        wait_until(lambda: f"Server site/{node} is {state}" in self.log(), f"{node} {state}")

    def close(self) -> None:
        """End it and remove its folder: the last call of a test."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
