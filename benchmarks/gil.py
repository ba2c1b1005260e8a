"""What views that compute cost those who are connected: python benchmarks/gil.py [--rounds 3] [--receivers 1000]

A real daemon with a real Redis serves ``busy_site`` and a relay with 1,000 WebSockets.  It runs on one
core and everything that asks on another, where there are two; with --free, wherever they like.  Four
requests are always in flight, whose views compute in pure Python.  Measured are

- the fan-out: from PUBLISH until the last of the 1,000 has its message (median of each round);
- the echo: 100 messages a second of one WebSocket, there and back (99th percentile of each second, median);

with nothing else to do, and while views compute, and while every thread of the pool sleeps.  "Both
measures" are the fan-out in one call and the switch interval; without them (``SOCKJSD_PURE=1`` and CPython's 5 ms)
each message is one ``socket.send``.  Every figure is the median of all rounds; each round has daemons of its own.
"""

from __future__ import annotations

import argparse
import http.client
import os
import resource
import select
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from statistics import median, quantiles

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

import redis  # noqa: E402  # of the checkout that this file is in

from sockjsd.websocket.frames import Opcode, encode  # noqa: E402
from tests.functional.daemon import Daemon  # noqa: E402
from tests.functional.redis_server import RedisServer  # noqa: E402
from tests.websocket.examples import client as masked  # noqa: E402

#: Bytes of one message: a headline.
MESSAGE = 122
#: Fan-outs of a round, and seconds between two of them.
FAN_OUTS, PAUSE = 20, 0.05
#: Seconds after which no further fan-out of a round begins: without the measures one may take seconds.
PATIENCE = 8.0
#: Seconds of echo in a round, and messages a second.
ECHO_TIME, ECHO_RATE = 4, 100
#: Requests in flight while views compute.
IN_FLIGHT = 4
#: Of the site: threads, and requests that may wait for one.
THREADS, QUEUE = 10, 5
#: Seconds that a view sleeps.
SLEEP = 5.0
VIEWS = ("template", "serialize", "sort", "total")
#: What this machine has; the daemon gets the first, everybody else the second.
CORES = sorted(os.sched_getaffinity(0))
#: The two ways to run a daemon: environment and options of the section [server].
MEASURES: dict[str, tuple[dict[str, str], dict[str, object]]] = {
    "with": ({}, {}),
    "without": ({"SOCKJSD_PURE": "1"}, {"switch_interval": "5ms"}),
}

Figures = dict[str, float]


def upgraded(port: int, path: str) -> socket.socket:
    """Return a WebSocket after its handshake, without SockJS's framing."""
    one = socket.create_connection(("127.0.0.1", port))
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.sendall(
        f"GET {path}/websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += one.recv(1)
    return one


class Receivers:
    """Those who listen to the relay."""

    def __init__(self, port: int, number: int) -> None:
        self.sockets = {one.fileno(): one for one in (upgraded(port, "/events") for _ in range(number))}
        self._epoll = select.epoll()
        for fd in self.sockets:
            self._epoll.register(fd, select.EPOLLIN)

    def fan_out(self, publish: Callable[[str], object], number: int) -> float:
        """Publish a message and return the seconds until everybody has it."""
        text = f"{number} ".ljust(MESSAGE, "x")
        missing = dict.fromkeys(self.sockets, len(encode(Opcode.TEXT, text.encode())))
        begin = time.perf_counter()
        publish(text)
        while missing:
            for fd, _ in self._epoll.poll():
                missing[fd] -= len(self.sockets[fd].recv(4096))
                if not missing[fd]:
                    del missing[fd]
        return time.perf_counter() - begin

    def close(self) -> None:
        """Leave."""
        for one in self.sockets.values():
            one.close()
        self._epoll.close()


def echo(port: int, seconds: float) -> list[float]:
    """Send a message at a steady rate, and return how many seconds each was under way; one that waits is not spared."""
    one = upgraded(port, "/echo")
    message, size, taken = masked(1, b"x" * 32), 34, []
    begin = time.perf_counter()
    for number in range(int(seconds * ECHO_RATE)):
        due = begin + number / ECHO_RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        one.sendall(message)
        left = size
        while left:
            left -= len(one.recv(left))
        taken.append(time.perf_counter() - due)
    return taken


def ask(port: int, path: str) -> tuple[int, str | None]:
    """Return status and ``Retry-After`` of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("Retry-After")


def ask_on(port: int, view: str, answered: list[int], index: int, over: Callable[[], bool]) -> None:
    """Ask for *view* without pause, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while not over():
        connection.request("GET", f"/{view}")
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"/{view} answered {response.status}")
        answered[index] += 1


def visit(port: int, answered: list[int], over: Callable[[], bool]) -> None:
    """Keep four requests in flight."""
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        for done in [pool.submit(ask_on, port, view, answered, n, over) for n, view in enumerate(VIEWS)]:
            done.result()


class Bench:
    """A daemon and those who ask it.

    :param measures: a key of ``MEASURES``.
    """

    def __init__(self, measures: str, receivers: int, exits: ExitStack) -> None:
        environment, server = MEASURES[measures]
        self._context = get_context("fork")
        broker = RedisServer()
        exits.callback(broker.close)
        broker.start()
        self.daemon = Daemon(
            {
                "server": server,
                "broker": {"url": broker.url},
                "site": {"settings": "busy_site", "threads": THREADS, "queue": QUEUE},
                "endpoint events": {"channels": "news", "heartbeat": 3600},  # nobody here answers a ping
                "endpoint echo": {"application": "echo"},
            },
            environment=environment,
            python_path=os.path.join(ROOT, "benchmarks"),
        )
        exits.callback(self.daemon.close)
        self.port = self.daemon.start().port
        pin(self.daemon.pid, 0)
        self._others = exits.enter_context(ProcessPoolExecutor(1, self._context))
        self._others.submit(time.sleep, 0).result()
        self._redis = exits.enter_context(redis.Redis(port=broker.port))
        self.receivers = Receivers(self.port, receivers)
        exits.callback(self.receivers.close)
        for number in range(5):  # the first ones take longer
            self.receivers.fan_out(self._publish, number)

    def _publish(self, text: str) -> None:
        self._redis.publish("sockjsd.news", text)

    def fan_out(self) -> float:
        """Return the median of some fan-outs, in seconds."""
        taken: list[float] = []
        while len(taken) < FAN_OUTS and sum(taken) < PATIENCE:
            time.sleep(PAUSE)
            taken.append(self.receivers.fan_out(self._publish, len(taken)))
        return median(taken)

    def echo(self) -> float:
        """Return the 99th percentile of an echo, in seconds: that of each second, and the median of those."""
        seconds = [self._others.submit(echo, self.port, 1).result() for _ in range(ECHO_TIME)]
        return median(quantiles(taken, n=100, method="inclusive")[98] for taken in seconds)

    @contextmanager
    def computing(self) -> Iterator[Callable[[], int]]:
        """Let views compute meanwhile; yields what tells how many were answered so far."""
        answered = self._context.Array("q", IN_FLIGHT)
        over = self._context.Event()
        visitor = self._context.Process(target=visit, args=(self.port, answered, over.is_set))
        visitor.start()
        time.sleep(0.5)
        try:
            yield lambda: sum(answered)
        finally:
            over.set()
            visitor.join()

    def full(self) -> tuple[float, float]:
        """Let every thread sleep: the echo meanwhile, and how long the one request too many waits for its 503."""
        crowd = THREADS + QUEUE
        with ThreadPoolExecutor(crowd) as pool:
            asleep = [pool.submit(ask, self.port, f"/sleep?seconds={SLEEP}") for _ in range(crowd)]
            time.sleep(0.5)
            begin = time.perf_counter()
            refused = ask(self.port, "/sleep?seconds=0")
            waited = time.perf_counter() - begin
            result = self.echo()
            if refused != (503, "1") or any(done.done() for done in asleep[THREADS:]):
                raise SystemExit(f"the request beyond the bound was answered {refused}")
            if {done.result()[0] for done in asleep} != {200}:
                raise SystemExit("a request within the bound was not answered")
        return result, waited


def pin(pid: int, core: int) -> None:
    """Keep a process with all its threads on one of two cores, where there are two."""
    if len(CORES) > 1:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), CORES[core : core + 1])


def measure(measures: str, receivers: int) -> Figures:
    """Return the figures of one round."""
    with ExitStack() as exits:
        bench = Bench(measures, receivers, exits)
        figures = {"fan-out, idle": bench.fan_out(), "echo, idle": bench.echo()}
        if measures == "with":
            figures["echo, asleep"], figures["503"] = bench.full()
        with bench.computing() as answered:
            begin, before = time.perf_counter(), answered()
            figures["echo, computing"] = bench.echo()
            figures["views"] = (answered() - before) / (time.perf_counter() - begin)
            figures["fan-out, computing"] = bench.fan_out()
    return figures


def report(rounds: int, receivers: int) -> None:
    """Measure, and print what came of it."""
    results: dict[str, list[Figures]] = {name: [] for name in MEASURES}
    for number in range(rounds):
        for name, found in results.items():
            found.append(measure(name, receivers))
            print(f"round {number + 1}, {name} the measures:", shown(found[-1]), file=sys.stderr)
    on, off = ({key: median(one[key] for one in found) for key in found[0]} for found in results.values())
    lines = (
        ("fan-out, idle", on["fan-out, idle"], None),
        ("fan-out, views compute", on["fan-out, computing"], on["fan-out, computing"] / on["fan-out, idle"]),
        ("fan-out, idle, without", off["fan-out, idle"], None),
        (
            "fan-out, views compute, without",
            off["fan-out, computing"],
            off["fan-out, computing"] / off["fan-out, idle"],
        ),
        ("echo p99, idle", on["echo, idle"], None),
        ("echo p99, idle, without", off["echo, idle"], None),
        ("echo p99, views compute", on["echo, computing"], on["echo, computing"] / on["echo, idle"]),
        ("echo p99, views compute, without", off["echo, computing"], off["echo, computing"] / off["echo, idle"]),
        ("echo p99, every thread sleeps", on["echo, asleep"], on["echo, asleep"] / on["echo, idle"]),
        ("503 with Retry-After", on["503"], None),
    )
    print(f"{receivers} receivers, medians of {rounds} rounds, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    for title, seconds, ratio in lines:
        print(f"{title:34}{seconds * 1000:10.2f} ms" + (f"{ratio:10.2f} x idle" if ratio is not None else ""))
    print(f"{'views':34}{on['views']:10.1f} a second, {off['views']:.1f} without: {on['views'] / off['views']:.2f} x")
    print(f"echo p99 while views compute: 1/{off['echo, computing'] / on['echo, computing']:.1f} of that without")


def shown(figures: Figures) -> str:
    """Return *figures* in one line."""
    units = ((key, (value, "/s") if key == "views" else (value * 1000, " ms")) for key, value in figures.items())
    return ", ".join(f"{key} {value:.2f}{unit}" for key, (value, unit) in units)


def main() -> None:
    """Read the command line and report."""
    parser = argparse.ArgumentParser(description="Measure what views that compute cost those who are connected.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--receivers", type=int, default=1000)
    parser.add_argument("--free", action="store_true", help="let everybody use every core")
    arguments = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 2 * arguments.receivers + 1000)), hard))
    if arguments.free:
        CORES.clear()
    pin(os.getpid(), 1)
    report(arguments.rounds, arguments.receivers)


if __name__ == "__main__":
    main()
