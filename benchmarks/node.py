"""The peers that run on Node.js."""

from __future__ import annotations

import shutil
from functools import partial

from benchmarks.install import PEERS, node
from benchmarks.machine import Server, free_port
from benchmarks.systems import Kind, Running, System
from benchmarks.wire import MESSAGE, Client, redis_publish, sockjs_streaming, sockjs_websocket

_SOCKJS: dict[Kind, Client] = {
    Kind.FAN_OUT: sockjs_websocket("/events"),
    Kind.ECHO: sockjs_websocket("/echo"),
    Kind.CONNECT: sockjs_websocket("/events"),
    Kind.POLLING: Client(b"", ""),
    Kind.STREAMING: sockjs_streaming("/events"),
}


def _start(script: str, client: Client, redis_port: int) -> Running:
    program, folder = node()
    shutil.copy(PEERS / script, folder)
    port = free_port()
    server = Server([program, script, str(port), str(redis_port)], port, {"NODE_ENV": "production"}, cwd=folder)
    return Running(server, client, redis_port, redis_publish(MESSAGE))


SOCKJS_NODE = System(
    "sockjs-node",
    "as its README has it, without its log",
    {kind: partial(_start, "sockjs_node.js", client) for kind, client in _SOCKJS.items()},
)
