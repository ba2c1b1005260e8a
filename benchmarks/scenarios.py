"""The scenarios: what the load does with a running system, and what is compared."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import WORK, compiled, cores
from benchmarks.systems import MARK, MESSAGE, UNIQUE, Running, System, masked, post, upgrade

#: Seconds of a scenario that lasts for a time.
SECONDS = 3.0
#: Deliveries in one fan-out measurement: enough for a steady figure, few enough for a minute in all.
DELIVERIES = 300_000
#: Connections held while memory is read.
HELD = 5_000

Result = dict[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario.

    :param name: on the command line.
    :param run: measures a running system.
    :param figure: the key of the result that is compared.
    :param unit: of the figure.
    :param more_is_better: which way it is compared.
    :param suits: whether a system can take part.
    """

    name: str
    run: Callable[[Running], Result]
    figure: str = "per_second"
    unit: str = "/s"
    more_is_better: bool = True
    suits: Callable[[System], bool] = lambda system: True


def load(*arguments: str | int | float | bytes) -> Result:
    """Run the load on its core; an argument of bytes is handed over as a file."""
    words = []
    for number, argument in enumerate(arguments):
        if isinstance(argument, bytes):
            file = WORK / f"text{number}"
            file.write_bytes(argument)
            argument = str(file)
        words.append(str(argument))
    others = cores()[1]
    done = subprocess.run(
        [str(compiled("load")), *words],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, others),
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    result: Result = json.loads(done.stdout)
    return result


def _websocket(prefix: str) -> bytes:
    return upgrade(f"/{prefix}/000/{UNIQUE}/websocket")


def _fan(receivers: int, burst: int = 1) -> Callable[[Running], Result]:
    rounds = max(20, DELIVERIES // (receivers * burst) if receivers > 100 else 1000)

    def run(running: Running) -> Result:
        where = ("127.0.0.1", running.server.port)
        trigger = running.trigger * burst
        return load(
            "fan", *where, receivers, min(rounds, 1000), running.opened, _websocket("events"), MARK, burst,
            trigger, "127.0.0.1", running.trigger_port,
        )  # fmt: skip

    return run


def _echo(clients: int) -> Callable[[Running], Result]:
    def run(running: Running) -> Result:
        message = masked(json.dumps([MESSAGE]))
        where = ("127.0.0.1", running.server.port)
        return load("echo", *where, clients, SECONDS, running.opened, _websocket("echo"), MARK, message)

    return run


def _handshakes(running: Running) -> Result:
    return load("connect", "127.0.0.1", running.server.port, 50, SECONDS, running.opened, _websocket("echo"))


def _requests(*texts: bytes) -> Callable[[Running], Result]:
    def run(running: Running) -> Result:
        return load("requests", "127.0.0.1", running.server.port, 50, SECONDS, *texts)

    return run


def _idle_memory(running: Running) -> Result:
    before = running.server.memory()
    file = WORK / "hello"
    file.write_bytes(_websocket("events"))
    words = ["hold", "127.0.0.1", str(running.server.port), str(HELD), "30", running.opened, str(file)]
    with subprocess.Popen([str(Path(compiled("load"))), *words], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        held = holder.stdout.readline().strip() == "held"
        grown = running.server.memory() - before
        holder.kill()
    if not held:
        raise RuntimeError("the connections could not be held")
    return {"bytes": grown / HELD}


_INFO = b"GET /echo/info HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_NEW = post(f"/echo/000/{UNIQUE}/xhr")
_SEND = post(f"/echo/000/{UNIQUE}/xhr_send", json.dumps([MESSAGE]))

_HTTP: Callable[[System], bool] = lambda system: system.http  # noqa: E731  # a predicate of one word

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("fanout-100", _fan(100), unit=" deliveries/s"),
        Scenario("fanout-1000", _fan(1000), unit=" deliveries/s"),
        Scenario("fanout-8000", _fan(8000), unit=" deliveries/s"),
        Scenario("burst-10", _fan(1000, 10), unit=" deliveries/s"),
        Scenario("burst-100", _fan(1000, 100), unit=" deliveries/s"),
        Scenario("latency-1000", _fan(1000), figure="p99_ms", unit=" ms", more_is_better=False),
        Scenario("echo-1", _echo(1), unit=" messages/s"),
        Scenario("echo-100", _echo(100), unit=" messages/s"),
        Scenario("echo-1000", _echo(1000), unit=" messages/s"),
        Scenario("handshakes", _handshakes, suits=_HTTP),
        Scenario("info", _requests(_INFO), unit=" requests/s", suits=_HTTP),
        Scenario("xhr-new", _requests(_NEW), unit=" requests/s", suits=_HTTP),
        Scenario("xhr-send", _requests(_NEW, _SEND), unit=" requests/s", suits=_HTTP),
        Scenario("idle-memory", _idle_memory, figure="bytes", unit=" B/connection", more_is_better=False, suits=_HTTP),
    )
}
