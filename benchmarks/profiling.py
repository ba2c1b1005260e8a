"""Where a daemon's time goes in a fan-out, and how much of it is our own Python.

py-spy looks at the stack many times a second, native frames included.  A sample counts as Python's only while the
interpreter itself is at work: what happens in a system call or in a C extension, and would otherwise be booked to the
line of Python that called it, counts as C's.  Threads that wait do not count at all.

Beside it stands what perf finds, which knows nothing of Python's functions but sees the kernel: the interpreter's
share has to be about the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.install import python
from benchmarks.loading import Result, fan
from benchmarks.machine import cores, on_core, scratch
from benchmarks.systems import NotHere, Running

#: Receivers; seconds that perf and py-spy look, one after the other, seconds before; samples a second.
RECEIVERS, SECONDS, WARM, RATE = 1000, 4, 1, 200
#: Functions that are worth a line.
TOP = 12

#: Native functions in which a thread waits.
WAITING = {"epoll_wait", "PyThread_acquire_lock_timed", "select", "poll", "pthread_cond_timedwait", "clock_nanosleep"}
#: Native functions of the C library that are system calls.
CALLS = {"send", "recv", "sendto", "recvfrom", "read", "write", "writev", "accept4", "close", "epoll_ctl", "setsockopt"}
_FRAME = re.compile(r"(?P<name>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack.

    :ivar name: the function.
    :ivar file: of Python or C, or the library.
    """

    name: str
    file: str

    @classmethod
    def read(cls, text: str) -> Frame:
        """Return what py-spy writes as ``name (file:line)`` or ``name (library)``."""
        match = _FRAME.match(text)
        return cls(match["name"], match["file"]) if match else cls(text, "")

    @property
    def is_python(self) -> bool:
        """Whether it is Python's: a script needs no ending."""
        return self.file.endswith((".py", "twistd")) or self.file.startswith("<frozen")

    @property
    def is_runtime(self) -> bool:
        """Whether it belongs to the interpreter, or to the C library that it uses."""
        return self.file.startswith(("libpython", "python3", "libc", "libm", "ld-"))


@dataclass(frozen=True, slots=True)
class Share:
    """To whom a sample is booked: ``ours``, ``twisted``, ``other`` (Python), ``C``, ``waiting``; and where it was."""

    owner: str
    where: str


def owner(file: str) -> str:
    """Return whose Python *file* is."""
    if "sockjsd/" in file:
        return "ours"
    return "twisted" if "twisted/" in file else "other"


def booked(stack: list[Frame]) -> Share:
    """Return to whom a sample is booked.

    :param stack: the outermost frame first.
    """
    native: list[Frame] = []
    for frame in reversed(stack):
        if frame.is_python:
            break
        native.append(frame)
    else:
        frame = Frame("", "")
    if any(each.name in WAITING for each in native):
        return Share("waiting", "")
    outside = next((each for each in native if not each.is_runtime or each.name in CALLS), None)
    if outside is not None:
        return Share("C", f"{outside.name}, called by {frame.name} ({frame.file})")
    return Share(owner(frame.file), f"{frame.name} ({frame.file})")


def shares(lines: Iterable[str]) -> Result:
    """Return what py-spy's raw output says, in per cent of the time in which anything was done.

    :param lines: ``frame;frame;frame COUNT``, the outermost frame first.
    :return: ``python`` is our Python alone; ``share: OWNER``, and ``self: WHERE`` for the most important places.
    """
    found: Counter[Share] = Counter()
    for line in lines:
        stack, _, samples = line.rpartition(" ")
        found[booked([Frame.read(text) for text in stack.split(";")])] += int(samples)
    total = sum(number for share, number in found.items() if share.owner != "waiting") or 1
    owners: Counter[str] = Counter({"ours": 0})
    for share, number in found.items():
        owners[share.owner] += number
    del owners["waiting"]
    result = {"python": 100 * owners["ours"] / total}
    result |= {f"share: {name}": 100 * number / total for name, number in owners.most_common()}
    places = [(share, number) for share, number in found.most_common() if share.owner != "waiting"]
    return result | {f"self: {share.where}": 100 * number / total for share, number in places[:TOP]}


def libraries(report: str) -> Result:
    """Return what ``perf report --sort dso`` says as ``perf: NAME``, in per cent; only what has one or more."""
    found = re.findall(r"^\s+([\d.]+)%\s+(\S+)", report, re.MULTILINE)
    return {f"perf: {name}": float(share) for share, name in found if float(share) >= 1}


def _look(command: list[str]) -> str:
    """Run something that looks into the server, beside the load, and return what it prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, preexec_fn=lambda: on_core(cores()[1])
    )
    if done.returncode:
        raise NotHere(f"{command[0]} failed: {done.stderr.strip()[-200:]}")
    return done.stdout


def _perf(pid: int) -> Result:
    program, file = shutil.which("perf"), str(scratch() / "perf.data")
    if program is None:
        return {}
    record = [program, "record", "-q", "-e", "cpu-clock", "-F", "1000", "-p", str(pid), "-o", file]
    _look([*record, "sleep", str(SECONDS)])
    return libraries(_look([program, "report", "-i", file, "--sort", "dso", "--stdio"]))


def _py_spy(pid: int) -> Result:
    program, file = str(python() / "py-spy"), scratch() / "py-spy.raw"
    words = f"record --native --format raw --function --rate {RATE} --duration {SECONDS} --pid {pid}"
    _look([program, *words.split(), "--output", str(file)])
    return shares(file.read_text().splitlines())


def measure(running: Running) -> Result:
    """Look into the daemon while it fans out."""
    pid = running.server.process.pid
    python()  # installed now where it is missing: the load does not wait
    with ThreadPoolExecutor(1) as beside:
        loaded = beside.submit(fan, running, RECEIVERS, RECEIVERS, seconds=WARM + 2 * SECONDS + 2)
        subprocess.run(["sleep", str(WARM)], check=True)
        result = _py_spy(pid) | _perf(pid)
        loaded.result()
    return result
