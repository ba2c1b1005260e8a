"""How many system calls a server makes for each message of an echo."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.loading import Result, echo
from benchmarks.machine import scratch
from benchmarks.systems import NotHere, Running

#: Clients, and seconds of the two runs: what connecting costs is the same in both, and falls out.
CLIENTS, SHORT, LONG = 100, 0.2, 1.5
#: Seconds in which strace has to be attached.
PATIENCE = 10.0
#: Calls for each message that are worth a line.
WORTH = 0.005


def counted(table: str) -> Counter[str]:
    """Return the calls in what ``strace -c`` prints: a row for each with its number in the fourth column."""
    calls: Counter[str] = Counter()
    for line in table.splitlines():
        words = line.split()
        if len(words) >= 5 and words[3].isdigit() and words[-1] != "total":
            calls[words[-1]] += int(words[3])
    return calls


def for_each(short: Counter[str], long: Counter[str], messages: int) -> Result:
    """Return how many more calls the longer run made for each message that it had more.

    :return: ``calls`` in all, and ``call: NAME`` for each that is worth it.
    """
    each = {name: (number - short[name]) / messages for name, number in long.most_common()}
    return {"calls": sum(each.values())} | {f"call: {name}": one for name, one in each.items() if one > WORTH}


@contextmanager
def _strace(running: Running, calls: Counter[str]) -> Iterator[None]:
    """Count the system calls of all threads meanwhile."""
    program = shutil.which("strace")
    if program is None:
        raise NotHere("there is no strace: apt-get install strace")
    file = scratch() / "strace"
    targets = [word for pid in running.server.pids for word in ("-p", str(pid))]
    with subprocess.Popen([program, "-f", "-c", "-o", str(file), *targets], stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        if b"attached" not in tracer.stderr.readline():
            raise NotHere("strace may not look into other processes here")
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(PATIENCE)
    calls.update(counted(file.read_text()))


def measure(running: Running) -> Result:
    """Let clients echo twice, for a short and a longer time, and compare."""
    found: list[tuple[Counter[str], float]] = []
    for seconds in (SHORT, LONG):
        calls: Counter[str] = Counter()
        with _strace(running, calls):
            messages = echo(running, CLIENTS, seconds)["all"]
            time.sleep(0.2)  # leaving belongs to both
        found.append((calls, messages))
    (short, few), (long, many) = found
    return for_each(short, long, int(many - few))
