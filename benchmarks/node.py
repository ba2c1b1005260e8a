"""The peers that run on Node.js."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from functools import partial

from benchmarks import rooms
from benchmarks.install import PEERS, node
from benchmarks.machine import Server, free_port
from benchmarks.systems import Kind, Running, System
from benchmarks.wire import (
    MESSAGE,
    NOBODY,
    Client,
    masked,
    raw_websocket,
    redis_publish,
    sockjs_streaming,
    sockjs_websocket,
    upgrade,
)


def _socket_io(*queries: str) -> Client:
    """Return a client of socket.io: Engine.IO's packet 4 (message) with Socket.IO's 0 (connect) or 2 (event) in it."""
    hello = [upgrade(f"/socket.io/?EIO=4&transport=websocket{query}") for query in queries]
    event = masked("42" + json.dumps(["message", MESSAGE]))
    return Client(hello, '40{"sid"', event, [masked("40")])


_SOCKJS: dict[Kind, Client] = {
    Kind.FAN_OUT: sockjs_websocket("/events"),
    Kind.ECHO: sockjs_websocket("/echo"),
    Kind.CONNECT: sockjs_websocket("/events"),
    Kind.POLLING: NOBODY,
    Kind.STREAMING: sockjs_streaming("/events"),
}
_WS: dict[Kind, Client] = {
    Kind.FAN_OUT: raw_websocket("/events"),
    Kind.ECHO: raw_websocket("/echo"),
    Kind.CONNECT: raw_websocket("/events"),
}
_SOCKET_IO: dict[Kind, Client] = {
    Kind.FAN_OUT: _socket_io(""),
    Kind.ECHO: _socket_io(""),
    Kind.CONNECT: _socket_io(""),
    Kind.ROOMS: _socket_io(*[f"&rooms={rooms.listed(group)}" for group in range(rooms.GROUPS)]),
}


def _start(script: str, kind: Kind, client: Client, redis_port: int) -> Running:
    program, folder = node()
    shutil.copy(PEERS / script, folder)
    port = free_port()
    server = Server([program, script, str(port), str(redis_port)], port, {"NODE_ENV": "production"}, cwd=folder)
    channel = {"channel": rooms.ANY_IN_REDIS} if kind is Kind.ROOMS else {}
    return Running(server, client, redis_port, redis_publish(MESSAGE, **channel))


def _system(name: str, about: str, script: str, clients: Mapping[Kind, Client]) -> System:
    return System(name, about, {kind: partial(_start, script, kind, client) for kind, client in clients.items()})


SOCKJS_NODE = _system("sockjs-node", "as its README has it, without its log", "sockjs_node.js", _SOCKJS)
WS = _system("ws", "raw WebSockets, with bufferutil as its README advises", "ws.js", _WS)
SOCKET_IO = _system(
    "socket.io", "WebSocket only, with bufferutil as its documentation advises", "socket_io.js", _SOCKET_IO
)
