"""The scenarios: what the load does with a running system, and what is compared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks import profiling, rooms, syscalls
from benchmarks.loading import Result, connect, echo, fan, held, requests
from benchmarks.systems import Kind, Running
from benchmarks.wire import MESSAGE, MESSAGE_SIZE, UNIQUE, get, post

#: Seconds that one measurement counts.
SECONDS = 1.2
#: Receivers of the scenarios that do not vary them.
RECEIVERS = 1000
#: Seconds between two publications where latency is measured, so that each meets a server that waits; and how many.
PAUSE, PUBLICATIONS = 0.002, 200
#: Publications at once where there are many channels, each on another one.
TOGETHER = 20
#: Connections of the scenarios with HTTP, each with one request under way.
CONNECTIONS = 50
#: Clients that connect at a time.
AT_A_TIME = 50
#: Sessions that are held while memory is read, and seconds until it is read a second time.
WEBSOCKETS, STREAMS, SETTLING = 10_000, 1_000, 2.0
#: Messages that are sent to one session.
MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario.

    :ivar name: on the command line.
    :ivar about: what is measured.
    :ivar kind: what it asks of a system.
    :ivar run: measures a running system.
    :ivar figure: the key of the result that is compared.
    :ivar unit: of the figure.
    :ivar more_is_better: which way it is compared.
    :ivar fresh: whether each round has a server of its own.
    :ivar warm: whether there is a round before the first one that does not count: with so little work in a round a
        compiler that works while the server runs is not done before its second.
    :ivar only: the systems that it makes sense for; all that are of its kind if empty.
    :ivar alone: whether its figure says something without anybody to compare it with.
    :ivar rounds: the most rounds that it needs; for what is counted, not timed, one will do.
    """

    name: str
    about: str
    kind: Kind
    run: Callable[[Running], Result]
    figure: str = "per_second"
    unit: str = ""
    more_is_better: bool = True
    fresh: bool = False
    warm: bool = False
    only: tuple[str, ...] = ()
    alone: bool = False
    rounds: int = 1000


def _fan(receivers: int, burst: int = 1) -> Callable[[Running], Result]:
    return lambda running: fan(running, receivers, receivers * burst, burst=burst, seconds=SECONDS)


def _many_channels(running: Running) -> Result:
    expected = TOGETHER * rooms.listeners(RECEIVERS)
    return fan(running, RECEIVERS, expected, burst=TOGETHER, seconds=SECONDS, even=0)


def _latency(running: Running) -> Result:
    return fan(running, RECEIVERS, RECEIVERS, rounds=PUBLICATIONS, seconds=0, pause=PAUSE)


def _echo(clients: int) -> Callable[[Running], Result]:
    return lambda running: echo(running, clients, SECONDS)


def _handshakes(running: Running) -> Result:
    return connect(running, AT_A_TIME, SECONDS)


def _requests(*texts: bytes, first: int = 0) -> Callable[[Running], Result]:
    return lambda running: requests(running, list(texts), CONNECTIONS, SECONDS, first)


def _memory(sessions: int) -> Callable[[Running], Result]:
    def run(running: Running) -> Result:
        running.server.wait_until_quiet()
        before = running.server.memory()
        with held(running, sessions):
            at_once = running.server.memory() - before
            time.sleep(SETTLING)
            settled = running.server.memory() - before
        return {"bytes": settled / sessions, "bytes_at_once": at_once / sessions}

    return run


_INFO = get("/echo/info")


def _xhr(endpoint: str, what: str, *messages: str) -> bytes:
    """Return one of a session's requests."""
    return post(f"/{endpoint}/000/{UNIQUE}/{what}", json.dumps(messages) if messages else "")


_NEW, _SEND, _RECEIVE = _xhr("echo", "xhr"), _xhr("echo", "xhr_send", MESSAGE), _xhr("echo", "xhr")
_SENDS = [_xhr("sink", "xhr"), *[_xhr("sink", "xhr_send", MESSAGE)] * MESSAGES]

_FAN_OUT = f"One message of {MESSAGE_SIZE} bytes at a time to {{}}; the next one is published when all have it."
_BURST = f"{{}} messages at once to {RECEIVERS:,} clients; the next ones when all have them."
_ECHO = f"{{}} with a message of {MESSAGE_SIZE} bytes under way, there and back."
_POLLING = f"{CONNECTIONS} connections, each with one request under way: {{}}."
_MEMORY = "Resident memory that {} sessions with one subscription each add, when they are idle and all has settled."


def _polling(name: str, what: str, *texts: bytes, first: int = 0) -> Scenario:
    about, run = _POLLING.format(what), _requests(*texts, first=first)
    return Scenario(name, about, Kind.POLLING, run, unit=" requests/s", warm=True)


def _site(name: str, what: str, path: str) -> Scenario:
    return Scenario(name, _POLLING.format(f"Django, {what}"), Kind.SITE, _requests(get(path)), unit=" requests/s")


def _remembering(name: str, sessions: int, kind: Kind, what: str) -> Scenario:
    about = _MEMORY.format(f"{sessions:,} {what}")
    return Scenario(
        name,
        about,
        kind,
        _memory(sessions),
        figure="bytes",
        unit=" B/session",
        more_is_better=False,
        fresh=True,
        alone=True,
    )


def _fanning(name: str, about: str, receivers: int, burst: int = 1) -> Scenario:
    return Scenario(name, about, Kind.FAN_OUT, _fan(receivers, burst), unit=" deliveries/s")


def _echoing(name: str, about: str, clients: int) -> Scenario:
    return Scenario(name, about, Kind.ECHO, _echo(clients), unit=" messages/s")


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        _fanning("fanout-1", _FAN_OUT.format("one client"), 1),
        _fanning("fanout-100", _FAN_OUT.format("100 clients"), 100),
        _fanning("fanout-1000", _FAN_OUT.format("1,000 clients"), 1000),
        _fanning("fanout-10000", _FAN_OUT.format("10,000 clients"), 10_000),
        _fanning("burst-10", _BURST.format(10), RECEIVERS, 10),
        _fanning("burst-100", _BURST.format(100), RECEIVERS, 100),
        Scenario(
            "latency-1000",
            f"From the publication to the last of {RECEIVERS:,} clients; {PUBLICATIONS} publications, "
            f"{PAUSE * 1000:.0f} ms apart; 99th percentile.",
            Kind.FAN_OUT,
            _latency,
            figure="p99_ms",
            unit=" ms",
            more_is_better=False,
        ),
        Scenario(
            "many-channels",
            f"{RECEIVERS:,} clients, each on {rooms.EACH} of {rooms.CHANNELS:,} channels; {TOGETHER} messages at once, "
            "each on another channel; the next ones when all have theirs.",
            Kind.ROOMS,
            _many_channels,
            unit=" deliveries/s",
        ),
        _echoing("echo-1", _ECHO.format("One client"), 1),
        _echoing("echo-100", _ECHO.format("100 clients, each"), 100),
        _echoing("echo-1000", _ECHO.format("1,000 clients, each"), 1000),
        Scenario(
            "handshakes",
            f"{AT_A_TIME} clients at a time connect until they are told that they are, and leave.",
            Kind.CONNECT,
            _handshakes,
            unit=" handshakes/s",
            warm=True,
        ),
        _polling("info", "GET /info", _INFO),
        _polling("xhr-new", "the first xhr of a new session", _NEW),
        _polling("xhr-send", f"xhr_send, {MESSAGES} to each session", *_SENDS, first=1),
        _polling("xhr-receive", "xhr_send and the xhr that brings the echo", _NEW, *[_SEND, _RECEIVE] * 10, first=1),
        _remembering("idle-memory", WEBSOCKETS, Kind.CONNECT, "websocket"),
        _remembering("idle-streaming", STREAMS, Kind.STREAMING, "xhr_streaming"),
        _site("django-hello", "a view that answers at once", "/hello"),
        _site("django-5ms", "a view that computes for about 5 ms", "/compute"),
        Scenario(
            "system-calls",
            f"System calls for each message, {syscalls.CLIENTS} clients with a message under way, counted by strace.",
            Kind.ECHO,
            syscalls.measure,
            figure="calls",
            unit=" calls/message",
            more_is_better=False,
            alone=True,
            rounds=1,
        ),
        Scenario(
            "profile",
            f"Share of our own Python in the time that a fan-out to {profiling.RECEIVERS:,} takes.",
            Kind.FAN_OUT,
            profiling.measure,
            figure="python",
            unit=" %",
            more_is_better=False,
            only=("sockjsd", "sockjsd-pure"),
            alone=True,
            rounds=1,
        ),
    )
}
