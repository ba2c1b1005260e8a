"""The machine: cores, processes that end for certain, the C compiler, free ports, files of one run."""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
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
#: Seconds between two looks at a server that should become quiet, and seconds after which it is taken as it is.
LOOK, QUIET_LIMIT = 0.06, 10.0
#: Ticks of the kernel's clock in which a process's time is counted, per second.
TICKS = os.sysconf("SC_CLK_TCK")

#: The process that all threads of the kernel descend from.
_KERNEL = 2
_LIBC, _PR_SET_PDEATHSIG = ctypes.CDLL(None), 1
_NUMBERS = itertools.count(1)


def cores() -> tuple[set[int], set[int]]:
    """Return the cores for the server and for the load; the same where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return {available[0]}, {available[-1]}


def on_core(core: set[int]) -> None:
    """Bind this process to *core*, and let it open as many files as it may: between fork and exec.

    It ends with the one that started it, however that ends.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.sched_setaffinity(0, core)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@functools.cache
def scratch() -> Path:
    """Return a folder for the files of this run, which goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="sockjsd-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def compiled(name: str) -> Path:
    """Return the program of ``load/NAME.c``, compiled when its source is newer."""
    source, program = HERE / "load" / f"{name}.c", WORK / name
    WORK.mkdir(exist_ok=True)
    newest = max(file.stat().st_mtime for file in source.parent.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise SystemExit("the benchmarks need a C compiler: apt-get install gcc")
        fresh = scratch() / name  # another run may be using the old one
        subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", str(fresh), str(source)], check=True)
        shutil.copy2(fresh, program.with_suffix(".new"))
        program.with_suffix(".new").replace(program)
    return program


def descendants(pid: int, parents: Mapping[int, int]) -> list[int]:
    """Return *pid* and all that it started, directly or not.

    :param parents: process id → that of its parent.
    """
    found = [pid]
    for each in found:  # grows while it is read
        found += [child for child, parent in parents.items() if parent == each]
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of ``/proc/PID/stat`` after the name, which may contain anything; none if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parents() -> dict[int, int]:
    pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return {pid: int(fields[1]) for pid in pids if (fields := _stat(pid))}


def strangers(parents: Mapping[int, int], own: int) -> list[int]:
    """Return who is neither process *own*, nor started by it, nor the kernel itself.

    :param parents: process id → that of its parent.
    """
    known = {*descendants(own, parents), *descendants(_KERNEL, parents)}
    return [pid for pid in parents if pid not in known]


def others_computed() -> float:
    """Return the seconds that everybody else on this machine has computed."""
    # With their children that have ended, so that nothing is lost when one does.
    fields = [_stat(pid)[11:15] for pid in strangers(_parents(), os.getpid())]
    return sum(int(ticks) for each in fields for ticks in each) / TICKS


class Server:
    """A program that runs on one core; with all the processes that it starts.

    :param command: what to run.
    :param port: where it listens when it is ready; 0 for a process that does not.
    :param core: the server's, unless told otherwise.
    :raises RuntimeError: it ended, or does not listen; the message has the last line of what it said.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        environment: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
        core: set[int] | None = None,
    ) -> None:
        self.port = port
        self._said = scratch() / f"{next(_NUMBERS)}.log"
        core = core or cores()[0]
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=os.environ | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=lambda: on_core(core),
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while self.port:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"it does not start: {self.said()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)

    def said(self) -> str:
        """Return the last line that it printed, or why there is none."""
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    @property
    def pids(self) -> list[int]:
        """Return its process and all that it started."""
        return descendants(self.process.pid, _parents())

    def memory(self) -> int:
        """Return the resident bytes of its processes; what they share is counted for each of them."""
        pages = sum(int(fields[21]) for pid in self.pids if (fields := _stat(pid)))
        return pages * resource.getpagesize()

    def computed(self) -> float:
        """Return the seconds that its processes have computed."""
        return sum(int(fields[11]) + int(fields[12]) for pid in self.pids if (fields := _stat(pid))) / TICKS

    def wait_until_quiet(self) -> None:
        """Wait until it has nothing more to do: what the last load left behind should not be charged to the next."""
        deadline, before = time.monotonic() + QUIET_LIMIT, -1.0
        while (now := self.computed()) > before + 1.5 / TICKS and time.monotonic() < deadline:
            before = now
            time.sleep(LOOK)

    def stop(self) -> None:
        """End it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            for pid in self.pids:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
