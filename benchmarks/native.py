"""The peers that are programs: nginx with Nchan, and Centrifugo."""

from __future__ import annotations

import json
import resource
import shutil
from functools import partial
from pathlib import Path

from benchmarks import rooms
from benchmarks.install import PEERS, nchan
from benchmarks.machine import Server, free_port, scratch
from benchmarks.systems import Kind, NotHere, Running, System
from benchmarks.wire import CHANNEL, MESSAGE, Client, masked, post, raw_websocket, upgrade

_NCHAN = {
    Kind.FAN_OUT: (CHANNEL, raw_websocket(f"/events/{CHANNEL}")),
    Kind.CONNECT: (CHANNEL, raw_websocket(f"/events/{CHANNEL}")),
    Kind.ROOMS: (rooms.ANY, raw_websocket(*[f"/events/{rooms.listed(group)}" for group in range(rooms.GROUPS)])),
}


def _nginx_conf(port: int, folder: Path, module: Path) -> str:
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    text = (PEERS / "nginx.conf").read_text()
    for name, value in {"port": port, "folder": folder, "module": module, "files": files}.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def _nchan(kind: Kind, redis_port: int) -> Running:
    program, module = nchan()
    channel, client = _NCHAN[kind]
    port = free_port()
    folder = scratch() / f"nginx-{port}"
    folder.mkdir()
    (folder / "nginx.conf").write_text(_nginx_conf(port, folder, module))
    server = Server(
        [program, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")], port
    )
    return Running(server, client, port, post(f"/publish/{channel}", MESSAGE))


def _commands(channels: list[str]) -> bytes:
    """Return the frame with which a client of Centrifugo connects and subscribes."""
    commands = [{"id": 1, "connect": {}}]
    commands += [{"id": number, "subscribe": {"channel": name}} for number, name in enumerate(channels, 2)]
    return masked("\n".join(json.dumps(command) for command in commands))


def _subscribed(*sets: list[str]) -> Client:
    """Return a client of Centrifugo; it is connected when its last subscription is confirmed."""
    last = 1 + len(sets[0])
    hello = upgrade("/connection/websocket")
    return Client([hello], f'{{"id":{last},"subscribe":', after=[_commands(channels) for channels in sets])


_CENTRIFUGO = {
    Kind.FAN_OUT: (CHANNEL, _subscribed([CHANNEL])),
    Kind.CONNECT: (CHANNEL, _subscribed([CHANNEL])),
    Kind.ROOMS: (rooms.ANY, _subscribed(*[rooms.channels(group) for group in range(rooms.GROUPS)])),
}


def _centrifugo(kind: Kind, redis_port: int) -> Running:
    program = shutil.which("centrifugo")
    if program is None:
        raise NotHere("there is no centrifugo on the PATH")
    channel, client = _CENTRIFUGO[kind]
    port = free_port()
    configuration = json.loads((PEERS / "centrifugo.json").read_text())
    configuration["http_server"]["port"] = port
    file = scratch() / f"centrifugo-{port}.json"
    file.write_text(json.dumps(configuration))
    server = Server([program, "--config", str(file)], port)
    body = json.dumps({"channel": channel, "data": MESSAGE})
    return Running(server, client, port, post("/api/publish", body, "Content-Type: application/json\r\n"))


NCHAN = System(
    "nchan",
    "nginx with one worker, messages in memory (its fastest), published by POST",
    {kind: partial(_nchan, kind) for kind in _NCHAN},
)
CENTRIFUGO = System(
    "centrifugo",
    "messages in memory, JSON protocol, published by POST",
    {kind: partial(_centrifugo, kind) for kind in _CENTRIFUGO},
)
