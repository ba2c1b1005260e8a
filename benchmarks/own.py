"""Ours, also with a history, and the limit in C."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from random import Random

import redis

from benchmarks import rooms
from benchmarks.machine import ROOT, Server, compiled, free_port, scratch
from benchmarks.systems import Kind, Running, System
from benchmarks.wire import (
    CHANNEL,
    MESSAGE,
    NOBODY,
    PREFIX,
    Client,
    frame,
    redis_command,
    redis_publish,
    sockjs_streaming,
    sockjs_websocket,
)
from sockjsd.brokers._redis_calls import RedisCalls, RedisKeys, split
from sockjsd.brokers._redis_scripts import script
from sockjsd.brokers.values import META_TTL, Keeping
from sockjsd.channels.publications import Publication

#: What a channel with a history keeps.
HISTORY = Keeping(5000, 600.0, META_TTL)

CLIENTS: dict[Kind, Client] = {
    Kind.FAN_OUT: sockjs_websocket("/events"),
    Kind.ECHO: sockjs_websocket("/echo"),
    Kind.CONNECT: sockjs_websocket("/events"),
    Kind.POLLING: NOBODY,
    Kind.STREAMING: sockjs_streaming("/events"),
    Kind.ROOMS: sockjs_websocket(*[f"/rooms{group}" for group in range(rooms.GROUPS)]),
}


def _live(redis_port: int, port: int) -> str:
    """Return the configuration for everything but a site."""
    return f"""
        [server]
        listen = tcp:{port}:interface=127.0.0.1
        [broker]
        url = redis://127.0.0.1:{redis_port}
        [site]
        python_path = {ROOT}
        [endpoint events]
        application = relay
        channels = {CHANNEL}
        [endpoint echo]
        application = echo
        session_limit = 1000000
        [endpoint sink]
        application = benchmarks.applications.Sink
        session_limit = 1000000
        """


def _rooms() -> str:
    """Return an endpoint for each set of channels."""
    return "".join(
        f"[endpoint rooms{group}]\napplication = relay\nchannels = {' '.join(rooms.channels(group))}\n"
        for group in range(rooms.GROUPS)
    )


def daemon(port: int, configuration: str, environment: Mapping[str, str]) -> Server:
    """Return a daemon of ours.

    :param configuration: an INI file; white space in front of its lines is removed.
    """
    file = scratch() / f"sockjsd-{port}.ini"
    file.write_text("\n".join(line.strip() for line in configuration.splitlines()))
    twistd = str(Path(sys.executable).with_name("twistd"))
    return Server([sys.executable, twistd, "-n", "--pidfile=", "sockjsd", "--config", str(file)], port, environment)


def _ours(kind: Kind, environment: Mapping[str, str], redis_port: int) -> Running:
    port = free_port()
    many = kind is Kind.ROOMS
    server = daemon(port, _live(redis_port, port) + (_rooms() if many else ""), environment)
    trigger = redis_publish(MESSAGE, rooms.ANY_IN_REDIS) if many else redis_publish(MESSAGE)
    return Running(server, CLIENTS[kind], redis_port, trigger)


def _with_history(redis_port: int) -> Running:
    """Return a daemon whose channel has a history, and triggers: what ``publish()`` and ``publish_many()`` send."""
    port = free_port()
    history = f"[namespace]\nhistory_size = {HISTORY.size}\nhistory_ttl = {HISTORY.ttl:.0f}\nrecovery = stream\n"
    server = daemon(port, _live(redis_port, port) + history, {})
    calls = RedisCalls(RedisKeys(PREFIX.rstrip(".")), Random())
    one = calls.publish(calls.part(CHANNEL, Publication(MESSAGE), HISTORY))

    def many(count: int) -> bytes:
        parts = [calls.part(CHANNEL, Publication(MESSAGE), HISTORY) for _ in range(count)]
        return b"".join(redis_command(*calls.publish_many(some).by_hash) for some in split(parts))

    with redis.Redis(port=redis_port) as connection:
        for name in ("publish", "publish_many"):
            connection.script_load(script(name).text)
    return Running(server, CLIENTS[Kind.FAN_OUT], redis_port, redis_command(*one.by_hash), together=many)


def _limit(kind: Kind, redis_port: int) -> Running:
    port = free_port()
    file = scratch() / "frame"
    file.write_bytes(frame(f"a{json.dumps([MESSAGE])}"))
    return Running(Server([str(compiled("limit")), str(port), str(file)], port), CLIENTS[kind], port, b"T")


SOCKJSD = System("sockjsd", "defaults", {kind: partial(_ours, kind, {}) for kind in CLIENTS})
PURE = System(
    "sockjsd-pure",
    "without the compiled fan-out (SOCKJSD_PURE=1)",
    {kind: partial(_ours, kind, {"SOCKJSD_PURE": "1"}) for kind in CLIENTS},
)
WITH_HISTORY = System(
    "sockjsd-history",
    f"the channel keeps {HISTORY.size:,} publications: published by publish(), bursts by publish_many()",
    {Kind.FAN_OUT: _with_history},
)
LIMIT = System(
    "limit",
    "a loop of send() in C: epoll, no protocol, no Redis, one send for each message and receiver",
    {kind: partial(_limit, kind) for kind in (Kind.FAN_OUT, Kind.ECHO)},
)
