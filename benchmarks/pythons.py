"""The peers that run on Python: sockjs-tornado, and Channels under Daphne and under uvicorn."""

from __future__ import annotations

from functools import partial

from benchmarks import rooms
from benchmarks.install import PEERS, python
from benchmarks.machine import Server, cores, free_port
from benchmarks.systems import Kind, Running, System
from benchmarks.wire import (
    MESSAGE,
    NOBODY,
    Client,
    raw_websocket,
    redis_publish,
    sockjs_streaming,
    sockjs_websocket,
)

_SOCKJS: dict[Kind, Client] = {
    Kind.FAN_OUT: sockjs_websocket("/events"),
    Kind.ECHO: sockjs_websocket("/echo"),
    Kind.CONNECT: sockjs_websocket("/events"),
    Kind.POLLING: NOBODY,
    Kind.STREAMING: sockjs_streaming("/events"),
}
_CHANNELS: dict[Kind, Client] = {
    Kind.FAN_OUT: raw_websocket("/events"),
    Kind.ECHO: raw_websocket("/echo"),
    Kind.CONNECT: raw_websocket("/events"),
    Kind.ROOMS: raw_websocket(*[f"/events?rooms={rooms.listed(group)}" for group in range(rooms.GROUPS)]),
}
_DAPHNE = "daphne --bind 127.0.0.1 --port {port} --verbosity 0 channels_asgi:application"
_UVICORN = "uvicorn --host 127.0.0.1 --port {port} --backlog 4096 --no-access-log --log-level warning"
_UVICORN += " --ws-per-message-deflate false channels_asgi:application"


def _tornado(client: Client, redis_port: int) -> Running:
    port = free_port()
    server = Server([str(python() / "python"), str(PEERS / "tornado_server.py"), str(port), str(redis_port)], port)
    return Running(server, client, redis_port, redis_publish(MESSAGE))


def _channels(command: str, kind: Kind, redis_port: int) -> Running:
    programs, folder, port = python(), PEERS / "channels_site", free_port()
    program, *words = command.format(port=port).split()
    environment = {"DJANGO_SETTINGS_MODULE": "channels_site", "PYTHONPATH": str(folder), "REDIS_PORT": str(redis_port)}
    server = Server([str(programs / program), *words], port, environment, cwd=folder)
    publisher = Server([str(programs / "python"), "publish.py"], 0, environment, cwd=folder, core=cores()[1])
    publisher.wait_until_quiet()
    channel = {"channel": rooms.ANY_IN_REDIS} if kind is Kind.ROOMS else {}
    return Running(server, _CHANNELS[kind], redis_port, redis_publish(MESSAGE, **channel), publisher)


SOCKJS_TORNADO = System(
    "sockjs-tornado",
    "as its README has it, without its log",
    {kind: partial(_tornado, client) for kind, client in _SOCKJS.items()},
)
DAPHNE = System(
    "channels-daphne",
    "Channels with channels_redis as in its tutorial, published by another process",
    {kind: partial(_channels, _DAPHNE, kind) for kind in _CHANNELS},
)
UVICORN = System(
    "channels-uvicorn",
    "the same under uvicorn with uvloop, without compression",
    {kind: partial(_channels, _UVICORN, kind) for kind in _CHANNELS},
)
