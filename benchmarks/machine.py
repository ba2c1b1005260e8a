"""The machine: cores, processes that end for certain, the C compiler, free ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
#: What benchmarks build and install; ignored by git.
WORK = ROOT / ".bench"

#: Seconds in which a server has to listen.
START_LIMIT = 60.0
#: Seconds in which a server that was asked to stop has to end, before it is killed.
STOP_LIMIT = 10.0


def cores() -> tuple[set[int], set[int]]:
    """Return the cores for the server and for the load; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, {available[-1]}


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def compiled(name: str) -> Path:
    """Return the program of ``load/NAME.c``, compiled when its source is newer."""
    source, program = HERE / "load" / f"{name}.c", WORK / name
    WORK.mkdir(exist_ok=True)
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("the benchmarks need a C compiler: apt-get install gcc")
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)], check=True)
    return program


class Server:
    """A process on the server's core.

    :param command: what to run.
    :param port: where it listens when it is ready; 0 for a process that does not.
    """

    def __init__(
        self, command: Sequence[str], port: int, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
    ) -> None:
        self.port = port
        self._log = open(WORK / "server.log", "wb")  # noqa: SIM115  # closed with the server
        ours = cores()[0]
        self.process = subprocess.Popen(
            list(command),
            cwd=cwd,
            env=os.environ | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            preexec_fn=lambda: os.sched_setaffinity(0, ours),
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while self.port:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it does not start: {(WORK / 'server.log').read_text(errors='replace')[-2000:]}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)

    def memory(self) -> int:
        """Return the resident bytes of the process."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()
