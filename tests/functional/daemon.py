"""A real daemon for functional tests: one child ``twistd -n sockjsd`` on a free port of the loopback interface."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.functional.redis_server import find_free_port

ROOT = Path(__file__).resolve().parent.parent.parent
#: Seconds in which a daemon that starts has to answer ``/live``; a loaded machine needs two or three.
START_LIMIT = 30.0
#: Seconds between two attempts to reach a daemon that starts.
POLL_INTERVAL = 0.05
#: Seconds in which a daemon that was asked to stop has to be gone, before it is killed: more than ``drain_timeout``.
STOP_LIMIT = 40.0

#: How twistd is started with each reactor; uvloop has none of its own, it replaces asyncio's event loop.
_TWISTD = str(Path(sys.executable).with_name("twistd"))
_UVLOOP = "import uvloop; uvloop.install(); from twisted.scripts.twistd import run; run()"
REACTORS = {
    "": [_TWISTD],
    "epoll": [_TWISTD, "--reactor", "epoll"],
    "asyncio": [_TWISTD, "--reactor", "asyncio"],
    "uvloop": ["-c", _UVLOOP, "--reactor", "asyncio"],
}

#: A section's options: text, or what ``str`` makes the right text of.
Section = Mapping[str, object]


class Daemon:
    """One daemon.

    Whoever calls :meth:`start` owes a :meth:`close` (``self.addCleanup(daemon.close)``).

    :param sections: the configuration, ``{"endpoint echo": {"application": "echo"}, …}``; where it says
        nothing, the daemon listens on ``port`` of 127.0.0.1; ``{port}`` in ``listen`` stands for it.
    :param environment: variables added to the child's environment.
    :param python_path: a folder whose modules the child can import, beside the project's own.
    :param reactor: one of ``REACTORS``.
    """

    def __init__(
        self,
        sections: Mapping[str, Section],
        *,
        environment: Mapping[str, str] | None = None,
        python_path: Path | str | None = None,
        reactor: str = "",
    ) -> None:
        self.port = find_free_port()
        self.process: subprocess.Popen[bytes] | None = None
        #: A folder for whatever belongs to this daemon; it is removed at the end.
        self.folder = Path(tempfile.mkdtemp(prefix="sockjsd-daemon-"))
        self._sections = dict(sections)
        server = {"listen": "tcp:{port}:interface=127.0.0.1", **sections.get("server", {})}
        self._sections["server"] = {**server, "listen": str(server["listen"]).replace("{port}", str(self.port))}
        #: Variables added to those of the tests.
        self.environment = dict(environment or {})
        self._twistd = REACTORS[reactor]
        #: File descriptors that it gets, beside the usual three.
        self.inherited: tuple[int, ...] = ()
        self._python_path = [str(ROOT)] if python_path is None else [str(ROOT), str(python_path)]

    @property
    def url(self) -> str:
        """Where it is, without a path: ``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The process id.

        :raises RuntimeError: it does not run.
        """
        if self.process is None:
            raise RuntimeError("this daemon does not run")
        return self.process.pid

    def log(self) -> str:
        """Return all that it has printed, over all starts."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def start(self) -> Daemon:
        """Start the process and wait until it answers ``/live``.

        :raises RuntimeError: it does not, with the log.
        """
        self.launch()
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self._ended() or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the daemon does not answer on port {self.port}:\n{self.log()}")
            time.sleep(POLL_INTERVAL)
        return self

    def launch(self) -> None:
        """Start the process and wait for nothing: for tests of a start that fails."""
        if self.process is not None:
            raise RuntimeError("this daemon runs already")
        file = self.folder / "sockjsd.ini"
        file.write_text(self.configuration())
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(self._python_path)} | self.environment
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(file),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=self.inherited,
            )

    def command(self, file: Path) -> list[str]:
        """Return what is run with the configuration *file*."""
        return [sys.executable, *self._twistd, "-n", "--pidfile=", "sockjsd", "--config", str(file)]

    def configuration(self) -> str:
        """Return the text of the configuration file."""
        lines: list[str] = []
        for name, options in self._sections.items():
            lines += [f"[{name}]", *(f"{option} = {value}" for option, value in options.items()), ""]
        return "\n".join(lines)

    def signal_stop(self) -> None:
        """Ask it to stop (SIGTERM), and do not wait."""
        os.kill(self.pid, signal.SIGTERM)

    def wait(self) -> int:
        """Wait until it has ended and return its exit status; negative where a signal ended it.

        :raises RuntimeError: it does not run, or did not end in time and was killed, with the log.
        """
        if self.process is None:
            raise RuntimeError("this daemon does not run")
        try:
            status = self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise RuntimeError(f"the daemon did not stop:\n{self.log()}") from None
        self.process = None
        return status

    def stop(self) -> int:
        """Ask it to stop, wait, and return its exit status as :meth:`wait` does."""
        self.signal_stop()
        return self.wait()

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL); does nothing when it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def close(self) -> None:
        """End it and remove its folder: the last call of a test."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def _answers(self) -> bool:
        """Ask for ``/live``; where the daemon expects HAProxy, as HAProxy would."""
        behind_proxy = str(self._sections["server"]["listen"]).startswith("haproxy:")
        proxy = b"PROXY TCP4 127.0.0.1 127.0.0.1 1 1\r\n" if behind_proxy else b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(proxy + b"GET /live HTTP/1.0\r\n\r\n")
                return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False
