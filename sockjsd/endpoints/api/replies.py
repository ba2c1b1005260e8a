# -*- test-case-name: tests.endpoints.api.test_replies -*-
"""Answers of the server API as JSON text; the names and shapes are Centrifugo's.

What was published as JSON text stands in an answer as it was published.  Like Centrifugo's, an answer leaves out what
is empty: an offset of 0, an epoch or tags that there are none of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from sockjsd.brokers.values import History, Presence
from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.clients.nodes import NodeInfo
from sockjsd.errors import APIError

#: The result of a command that has nothing to tell.
NOTHING = "{}"


def quoted(value: object) -> str:
    """Return *value* as JSON text on one line."""
    return json.dumps(value, separators=(",", ":"))


def build(members: Mapping[str, str]) -> str:
    """Return the JSON object with *members*: names to JSON texts; an empty text leaves its name out."""
    return "{" + ",".join(f"{quoted(name)}:{text}" for name, text in members.items() if text) + "}"


def array(texts: Iterable[str]) -> str:
    """Return the JSON array of *texts*."""
    return f"[{','.join(texts)}]"


def result(text: str) -> str:
    """Return the answer to a command that was carried out."""
    return build({"result": text})


def error(refused: APIError) -> str:
    """Return the answer to a command that was refused: its code and a sentence."""
    return build({"error": quoted({"code": refused.code, "message": refused.message})})


def position(place: Position) -> dict[str, str]:
    """Return the members that tell a place in a history."""
    return {"offset": _unless_empty(place.offset), "epoch": _unless_empty(place.epoch)}


def history(found: History) -> str:
    """Return the result of ``history``."""
    return build({"publications": array(map(publication, found.publications)), **position(found.position)})


def publication(item: Publication) -> str:
    """Return one publication of a history."""
    info = client_info(item.info) if item.info is not None else ""
    tags = _unless_empty(dict(item.tags or {}))
    return build({"data": item.data, "offset": _unless_empty(item.offset), "tags": tags, "info": info})


def client_info(info: ClientInfo) -> str:
    """Return who somebody is."""
    names = {"user": quoted(info.user), "client": quoted(info.client)}
    return build({**names, "conn_info": info.conn_info, "chan_info": info.chan_info})


def presence(present: Presence) -> str:
    """Return the result of ``presence``."""
    return build({"presence": build({client: client_info(info) for client, info in present.items()})})


def presence_stats(clients: int, users: int) -> str:
    """Return the result of ``presence_stats``."""
    return quoted({"num_clients": clients, "num_users": users})


def channels(listeners: Mapping[str, int]) -> str:
    """Return the result of ``channels``."""
    return quoted({"channels": {channel: {"num_clients": count} for channel, count in sorted(listeners.items())}})


def nodes(found: Iterable[NodeInfo]) -> str:
    """Return the result of ``info``."""
    return quoted({"nodes": [asdict(node) for node in found]})


def _unless_empty(value: object) -> str:
    return quoted(value) if value else ""
