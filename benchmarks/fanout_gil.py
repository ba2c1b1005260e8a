"""What a fan-out costs beside threads that compute: python benchmarks/fanout_gil.py [--kind unix] [--receivers 1000]

One message of 122 bytes goes to every receiver, by

- ``loop``: ``socket.send`` for each, as one writes it first;
- ``pure``: ``send_many`` in Python, which is the same and makes a socket object for each descriptor;
- ``C``: ``send_many`` in C, which gives the GIL away once, or not at all for a few receivers.

Each does so alone and beside threads that compute, with two switch intervals.  The figures are how
many times as long as ``loop`` alone (its median) it took: the median of five rounds and, in brackets,
the longest, which is what a browser notices; where rounds take too long there are fewer, and a ``*``.
Only ratios are printed, because only they say something about another machine.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from sockjsd.fanout import choose, send_many_pure  # of the checkout that this file is in

MESSAGE = b'a["' + b"x" * 117 + b'"]'
ROUNDS = 5
#: Rounds of each way before anything is measured: the first fan-out takes twice as long.
WARM_UP = 20
#: Seconds after which no further round of the same kind begins.
PATIENCE = 15.0
#: Threads that compute, as many as a small site's busy views.
NEIGHBOURS = 4
#: Seconds: CPython's own, and ours (switch_interval in the configuration).
SWITCH_INTERVALS = (0.005, 0.0002)


@dataclass(frozen=True, slots=True)
class Receivers:
    """Connections to ourselves."""

    near: list[socket.socket]
    far: list[socket.socket]

    @property
    def fds(self) -> list[int]:
        """The descriptors of the ends that are written to."""
        return [one.fileno() for one in self.near]

    def read(self) -> None:
        """Check that everybody got the message, and make room for the next."""
        for one in self.far:
            if one.recv(2 * len(MESSAGE)) != MESSAGE:
                raise SystemExit("a receiver did not get the message")


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def connect(kind: str, number: int) -> Receivers:
    """Make *number* connections; *kind* is ``tcp`` or ``unix``."""
    pairs = [tcp_pair() if kind == "tcp" else socket.socketpair() for _ in range(number)]
    for near, _ in pairs:
        near.setblocking(False)
    return Receivers([near for near, _ in pairs], [far for _, far in pairs])


def ways(receivers: Receivers) -> dict[str, Callable[[], object]]:
    """What is compared: name → one fan-out."""
    fds = receivers.fds
    compiled = choose({})
    if compiled is send_many_pure:
        raise SystemExit("sockjsd._fanout was not built: pip install -e .")
    return {
        "loop": lambda: [one.send(MESSAGE) for one in receivers.near],
        "pure": lambda: send_many_pure(fds, MESSAGE),
        "C": lambda: compiled(fds, MESSAGE),
    }


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    """Let *number* threads compute meanwhile."""
    over = threading.Event()

    def compute() -> None:
        while not over.is_set():
            sum(n * n for n in range(1000))

    threads = [threading.Thread(target=compute, daemon=True) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def measure(fan_out: Callable[[], object], receivers: Receivers, computing: int) -> list[float]:
    """Seconds of each round of *fan_out* beside as many threads as are *computing*."""
    seconds: list[float] = []
    while len(seconds) < ROUNDS and sum(seconds) < PATIENCE:
        with neighbours(computing):
            begin = time.perf_counter()
            fan_out()
            seconds.append(time.perf_counter() - begin)
        receivers.read()
    return seconds


def row(title: str, cells: Iterable[str]) -> None:
    """Print one line of the table, each cell as soon as it is known."""
    print(title.ljust(36), end="", flush=True)
    for cell in cells:
        print(cell.rjust(18), end="", flush=True)
    print()


def shown(seconds: list[float], unit: float) -> str:
    """The median and the worst of *seconds* in *unit*."""
    return f"{median(seconds) / unit:.2f} ({max(seconds) / unit:.2f}){'' if len(seconds) == ROUNDS else '*'}"


def report(kind: str, receivers: Receivers) -> None:
    """Measure everything and print a line for each situation."""
    compared = ways(receivers)
    for fan_out in [*compared.values()] * WARM_UP:
        fan_out()
        receivers.read()
    unit = median(measure(compared["loop"], receivers, 0))
    print(f"{len(receivers.near)} receivers ({kind}), Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    row("", compared)
    for computing in (0, NEIGHBOURS):
        for interval in SWITCH_INTERVALS:
            sys.setswitchinterval(interval)
            results = (measure(fan_out, receivers, computing) for fan_out in compared.values())
            title = f"{computing} threads compute, interval {interval * 1000:g} ms"
            row(title, (shown(seconds, unit) for seconds in results))


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description="Compare ways to send one message to many.")
    parser.add_argument("--kind", choices=("tcp", "unix"), default="tcp")
    parser.add_argument("--receivers", type=int, default=1000)
    arguments = parser.parse_args()
    report(arguments.kind, connect(arguments.kind, arguments.receivers))


if __name__ == "__main__":
    main()
