"""The load's own ceiling: what it reaches against the limit in C, so that one sees that it limits nobody else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.loading import Result, connect, echo, fan, requests
from benchmarks.own import CLIENTS, LIMIT
from benchmarks.systems import Kind, Running
from benchmarks.wire import get

#: Seconds for each kind of load.
SECONDS = 0.7

#: How each kind of load is started, what it counts, and what clients it needs.
KINDS: dict[str, tuple[Kind, str, Callable[[Running], Result]]] = {
    "fan": (Kind.FAN_OUT, "deliveries/s to 1,000 receivers", lambda running: fan(running, 1000, 1000, seconds=SECONDS)),
    "echo": (Kind.ECHO, "messages/s of 100 clients", lambda running: echo(running, 100, SECONDS)),
    "connect": (Kind.CONNECT, "handshakes/s, 50 at a time", lambda running: connect(running, 50, SECONDS)),
    "requests": (
        Kind.POLLING,
        "requests/s on 50 connections",
        lambda running: requests(running, [get("/")], 50, SECONDS),
    ),
}


def measure() -> dict[str, Result]:
    """Return for each kind of load what it reaches, and how busy its core is with that."""
    running = LIMIT.starts[Kind.FAN_OUT](0)
    try:
        return {name: run(replace(running, client=CLIENTS[kind])) for name, (kind, _, run) in KINDS.items()}
    finally:
        running.stop()


def lines(ceiling: dict[str, Result]) -> list[str]:
    """Return the lines for people."""
    return [
        f"  {name:9} {result['per_second']:12,.0f} {KINDS[name][1]:32} load {result['load_busy']:.0%} busy, "
        f"server's core {result['server_busy']:.0%}"
        for name, result in ceiling.items()
    ]
