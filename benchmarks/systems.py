"""The systems: how each is started, and what goes over its wire."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import HERE, WORK, Server, compiled, free_port

#: Bytes of each message; the last one is the mark that the load counts.
MESSAGE_SIZE = 122
MARK = "~"
MESSAGE = "x" * (MESSAGE_SIZE - 1) + MARK
#: A number that the load replaces by one that was never used.
UNIQUE = "@" * 10
CHANNEL = "sockjsd.news"

_UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class NotHere(Exception):
    """A system that cannot be had on this machine; the message says what is missing."""


def redis_publish(text: str) -> bytes:
    """Return the command that publishes *text*, as it goes to Redis."""
    words = ["PUBLISH", CHANNEL, text]
    return (f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)).encode()


def masked(text: str) -> bytes:
    """Return a WebSocket frame from a client; masked with zeros, which every server has to undo like any mask."""
    payload = text.encode()
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


def upgrade(path: str) -> bytes:
    """Return a request that becomes a WebSocket."""
    return _UPGRADE.format(path=path).encode()


def post(path: str, body: str = "") -> bytes:
    """Return a request that sends *body*."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + body).encode()


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs.

    :param server: its process.
    :param trigger_port: where a publication is sent; its bytes are ``trigger``.
    :param opened: what shows that a receiver's connection is open.
    """

    server: Server
    trigger_port: int
    trigger: bytes
    opened: str = r"\x81\x01o"


@dataclass(frozen=True, slots=True)
class System:
    """One system.

    :param name: on the command line.
    :param start: starts it beside a Redis on this port.
    :param sockjs: whether it speaks SockJS, so that every scenario is for it.
    :param http: whether it answers the HTTP scenarios.
    """

    name: str
    start: Callable[[int], Running]
    sockjs: bool = True
    http: bool = True


def _ours(environment: dict[str, str]) -> Callable[[int], Running]:
    def start(redis_port: int) -> Running:
        port = free_port()
        file = WORK / "ours.ini"
        file.write_text(
            f"[server]\nlisten = tcp:{port}:interface=127.0.0.1\n"
            f"[broker]\nurl = redis://127.0.0.1:{redis_port}\n"
            "[endpoint echo]\napplication = echo\n"
            "[endpoint events]\napplication = relay\nchannels = news\n"
        )
        twistd = str(Path(sys.executable).with_name("twistd"))
        command = [sys.executable, twistd, "-n", "--pidfile=", "sockjsd", "--config", str(file)]
        return Running(Server(command, port, environment), redis_port, redis_publish(MESSAGE))

    return start


def _limit(redis_port: int) -> Running:
    port = free_port()
    payload = f'a["{MESSAGE}"]'.encode()
    frame = WORK / "frame"
    frame.write_bytes(b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload)
    return Running(Server([str(compiled("limit")), str(port), str(frame)], port), port, b"T")


def _sockjs_node(redis_port: int) -> Running:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHere("node and npm are not installed")
    folder = WORK / "node"
    if not (folder / "node_modules" / "sockjs").is_dir():
        shutil.copytree(HERE / "peers", folder, dirs_exist_ok=True)
        print("bench: installing sockjs-node", flush=True)
        subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund"], cwd=folder, check=True)
    shutil.copy(HERE / "peers" / "sockjs_node.js", folder)
    port = free_port()
    command = [node, "sockjs_node.js", str(port), str(redis_port)]
    server = Server(command, port, {"NODE_ENV": "production"}, cwd=folder)
    return Running(server, redis_port, redis_publish(MESSAGE))


SYSTEMS = {
    system.name: system
    for system in (
        System("sockjsd", _ours({})),
        System("sockjsd-pure", _ours({"SOCKJSD_PURE": "1"})),
        System("limit", _limit, http=False),
        System("sockjs-node", _sockjs_node),
    )
}


def describe(system: System) -> str:
    """Return one line on what is measured."""
    return json.dumps({"name": system.name})
