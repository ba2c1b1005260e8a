"""A real Redis for functional tests: one child process on a free port of the loopback interface.

It keeps nothing on disk unless asked, may be killed and started again on the same
port with the same folder, and is always ended by its own process id.
"""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

#: Seconds in which a Redis that starts has to answer PING; a loaded machine needs one or two.
START_LIMIT = 10.0
#: Seconds between two attempts to reach a Redis that starts.
POLL_INTERVAL = 0.02
#: Seconds in which a Redis that was asked to stop has to be gone, before it is killed.
STOP_LIMIT = 10.0
#: Where servers listen: below the ports that Linux gives to clients, and above all that browsers refuse.
PORTS = (20_000, 32_000)


def redis_is_installed() -> bool:
    """Say whether there is a ``redis-server`` to run; a test without one is skipped."""
    return shutil.which("redis-server") is not None


def find_free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens at this moment.

    It is none of those that the kernel gives to clients, who would take it while its server is restarted; and a
    random one, because other tests look for theirs at the same moment.
    """
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class RedisServer:
    """One ``redis-server`` process.

    Whoever calls :meth:`start` owes a :meth:`close` (``self.addCleanup(server.close)``).

    :param port: the TCP port of 127.0.0.1, a free one when ``None``; it survives a restart.
    :param password: what clients have to give with AUTH; ``None`` asks for nothing.
    :param appendonly: keep an append-only file, so that data survive :meth:`kill` and :meth:`start`.
    :param more: further options in the words of ``redis-server``'s command line.
    """

    def __init__(
        self,
        port: int | None = None,
        password: str | None = None,
        appendonly: bool = False,
        more: tuple[str, ...] = (),
    ) -> None:
        self.port = find_free_port() if port is None else port
        self.more = more
        self.password = password
        self.appendonly = appendonly
        self.process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.mkdtemp(prefix="sockjsd-redis-")

    @property
    def url(self) -> str:
        """The address in the form of ``[broker] url``, with the password where there is one."""
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}127.0.0.1:{self.port}/0"

    @property
    def unix_path(self) -> str:
        """The path of the Unix socket on which it listens too."""
        return str(Path(self._folder, "redis.sock"))

    @property
    def pid(self) -> int:
        """The process id; ``RuntimeError`` when it does not run."""
        if self.process is None:
            raise RuntimeError("this Redis does not run")
        return self.process.pid

    def start(self) -> RedisServer:
        """Start the process and wait until it answers PING; ``RuntimeError`` when it does not."""
        if self.process is not None:
            raise RuntimeError("this Redis runs already")
        Path(self._folder).mkdir(exist_ok=True)
        with open(Path(self._folder, "redis.log"), "ab") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait_until_answering()
        except RuntimeError:
            self.kill()
            raise
        return self

    def kill(self) -> None:
        """End it at once, as a crash would (SIGKILL); does nothing when it does not run."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it properly (SIGTERM, which writes the append-only file); does nothing when it does not run."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def wipe(self) -> None:
        """Throw all data away; only while it does not run."""
        self._require_stopped()
        shutil.rmtree(self._folder)

    def copy_data(self, name: str) -> None:
        """Keep a copy of what is on disk now under *name*, as a backup would."""
        shutil.copytree(self._folder, self._copy(name), ignore=shutil.ignore_patterns("*.sock", "*.log"))

    def bring_back(self, name: str) -> None:
        """Replace what is on disk by the copy of this *name*; only while it does not run."""
        self.wipe()
        shutil.copytree(self._copy(name), self._folder)

    def ask(self, *words: str | int) -> Any:
        """Send one command as somebody else, and return the answer; blocks."""
        with redis.Redis(port=self.port, password=self.password, socket_timeout=START_LIMIT) as client:
            return client.execute_command(*words)

    def close(self) -> None:
        """End it and remove its folder: the last call of a test."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        for copy in Path(self._folder).parent.glob(Path(self._folder).name + ".*"):
            shutil.rmtree(copy, ignore_errors=True)

    def _copy(self, name: str) -> str:
        return f"{self._folder}.{name}"

    def _require_stopped(self) -> None:
        if self.process is not None:
            raise RuntimeError("this Redis runs")

    def _command(self) -> list[str]:
        options = {
            "--bind": "127.0.0.1",
            "--port": str(self.port),
            "--unixsocket": self.unix_path,
            "--dir": self._folder,
            "--save": "",
            "--appendonly": "yes" if self.appendonly else "no",
            "--appendfsync": "always",
            "--requirepass": self.password or "",
        }
        return ["redis-server", *(word for option in options.items() for word in option), *self.more]

    def _wait_until_answering(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self.process is None or self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"redis-server does not answer on port {self.port}: {self._last_words()}")
            time.sleep(POLL_INTERVAL)

    def _answers(self) -> bool:
        """Send one PING; anything but an answer to it (LOADING, nobody there) is a no."""
        request = f"AUTH {self.password}\r\nPING\r\n" if self.password else "PING\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(request.encode())
                answer = b""
                while b"+PONG" not in answer and b"-LOADING" not in answer:
                    received = connection.recv(4096)
                    if not received:
                        return False
                    answer += received
                return b"+PONG" in answer
        except OSError:
            return False

    def _last_words(self) -> str:
        return Path(self._folder, "redis.log").read_text(errors="replace")[-500:]
