"""What slow clients cost the others on a Django site: python benchmarks/site.py [--rounds 3]

A real daemon with the defaults (ten threads for views) and the site of the functional tests.  Nothing is
compared with a second of a clock, only with the same daemon when it is idle, because only that says something
about another machine:

- how long a view that answers at once takes, idle and while ten and a hundred clients more than that have asked
  for a gibibyte and read nothing of it: a file, a generator, a large complete answer, and all of them;
- the same while they read a little all the time;
- how long after its client has left a stream or a file is closed, and Django has heard ``request_finished``;
- how much memory the daemon takes for it.

The figures are medians of the rounds; in brackets the worst.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.functional.daemon import Daemon  # of the checkout that this file is in
from tests.functional.site_case import GIB, KIB, MIB, Client

ROOT = Path(__file__).resolve().parent.parent
#: Threads for views, as by default; and the clients beside as many as these.
THREADS, MORE = 10, 100
#: Requests of which one figure is the median.
REQUESTS = 200
#: Seconds between two sips of a client that reads a little, and its bytes.
SIP, SIZE = 0.1, 4 * KIB

KINDS = {
    "files": ["/file/"],
    "generators": [f"/parts/?size={GIB}&part={64 * KIB}"],
    "complete answers": [f"/whole/?size={4 * MIB}"],
}
KINDS["all of them"] = [target for targets in KINDS.values() for target in targets]


class Site:
    """A daemon with a large file."""

    def __init__(self) -> None:
        site = {
            "settings": "functional_site.full_settings",
            "python_path": ROOT / "tests" / "functional" / "site",
            "threads": THREADS,
        }
        self.daemon = Daemon({"server": {"send_timeout": "10min"}, "site": site})
        self.folder = self.daemon.folder / "site"
        (self.folder / "static").mkdir(parents=True)
        with (self.folder / "big").open("wb") as file:
            file.truncate(GIB)
        self.daemon.environment |= {"FUNCTIONAL_FOLDER": str(self.folder), "TMPDIR": str(self.folder)}
        self.daemon.start()

    def memory(self) -> int:
        """Return the bytes of memory that the daemon takes."""
        status = Path(f"/proc/{self.daemon.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * KIB

    def ask(self) -> float:
        """Return the median of the seconds that a view takes which answers at once, on one connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60)
        seconds = []
        for _ in range(REQUESTS):
            begun = time.perf_counter()
            connection.request("GET", "/hello/")
            if connection.getresponse().read() != b"hello\n":
                raise SystemExit("the site did not answer")
            seconds.append(time.perf_counter() - begun)
        connection.close()
        return median(seconds)

    @contextmanager
    def clients(self, targets: list[str]) -> Iterator[list[Client]]:
        """Let clients ask for *targets* and read nothing but the head."""
        number = THREADS + MORE
        slow = [Client(self.daemon.port, targets[count % len(targets)]).begin() for count in range(number)]
        try:
            yield slow
        finally:
            for client in slow:
                client.leave()
            self.wait(lambda: not self.held())

    @contextmanager
    def sipping(self, targets: list[str]) -> Iterator[list[Client]]:
        """The same, and read a little all the time."""
        over = threading.Event()

        def sip() -> None:
            while not over.wait(SIP):
                for client in slow:
                    client.read(SIZE)

        with self.clients(targets) as slow:
            thread = threading.Thread(target=sip)
            thread.start()
            try:
                yield slow
            finally:
                over.set()
                thread.join()

    def events(self, event: str) -> list[float]:
        """Return when the site has written down *event*."""
        file = self.folder / "events"
        found = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line["time"] for line in found if line["event"] == event]

    def held(self) -> int:
        """Return how many large files the daemon has open, with or without a name."""
        links = []
        for link in Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            try:
                links.append(os.readlink(link))
            except FileNotFoundError:
                continue
        return sum("(deleted)" in link or link.endswith("/big") for link in links)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds."""
        deadline = time.monotonic() + 60
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit("the daemon does not let go of what clients have left")
            time.sleep(0.01)

    def closing(self, target: str) -> float:
        """Return the seconds from the moment a client left to ``request_finished``."""
        before = len(self.events("finished"))
        client = Client(self.daemon.port, target).begin()
        time.sleep(0.1)
        left = time.time()
        client.leave()
        self.wait(lambda: len(self.events("finished")) > before)
        return self.events("finished")[-1] - left


def shown(figures: list[float], unit: str) -> str:
    """The median and the worst."""
    return f"{median(figures):.2f} {unit} ({max(figures):.2f})"


def row(title: str, cells: list[str]) -> None:
    """Print one line of the table."""
    print(title.ljust(44) + "".join(cell.rjust(22) for cell in cells), flush=True)


def report(site: Site, rounds: int) -> None:
    """Measure everything and print it."""
    site.ask()  # the first requests import what the rest does not
    python = sys.version.split()[0]
    print(f"{THREADS} threads for views, {THREADS + MORE} clients; Python {python}, {os.cpu_count()} cores")
    row("", ["view, x idle", "memory, MiB more"])
    for way, enter in (("read nothing of", site.clients), ("read a little of", site.sipping)):
        for kind, targets in KINDS.items():
            ratios, grown = [], []
            for _ in range(rounds):
                idle, before = [site.ask()], site.memory()
                with enter(targets):
                    busy = site.ask()
                    grown.append((site.memory() - before) / MIB)
                idle.append(site.ask())
                ratios.append(busy / median(idle))  # another program may be at work at either time
            row(f"clients {way} {kind}", [shown(ratios, "x"), shown(grown, "MiB")])
    row("", ["left to finished, ms"])
    for kind in ("files", "generators"):
        delays = [site.closing(KINDS[kind][0]) * 1000 for _ in range(10 * rounds)]
        row(f"clients that leave {kind}", [shown(delays, "ms")])


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description="Measure what slow clients cost the others on a Django site.")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    site = Site()
    try:
        report(site, arguments.rounds)
    finally:
        site.daemon.close()


if __name__ == "__main__":
    main()
