# -*- test-case-name: tests.clients.test_nodes -*-
"""Which other nodes there are: each says so every few seconds, and is forgotten when it does not.

The times are those of Centrifugo: every 3 s, and after 7 s without a word (two may be lost) a node is gone.
A node that stops says goodbye, and is gone at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sockjsd.errors import StateError

#: Seconds between two words of a node.
INTERVAL = 3.0
#: Seconds of silence after which a node is gone: two words may be lost.
PATIENCE = 2 * INTERVAL + 1.0
#: Nodes that are known at most: far more than one Redis serves.
MOST = 1000


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node as the server API's ``info`` shows it; the names are Centrifugo's.

    :ivar uid: unlike that of any other node, at any time.
    :ivar name: for people: the machine, and what tells two nodes on it apart.
    :ivar version: of sockjsd.
    :ivar num_clients: connections that speak the client protocol, now.
    :ivar num_users: users that they belong to.
    :ivar num_subs: subscriptions.
    :ivar num_channels: channels that somebody there listens to.
    :ivar uptime: whole seconds since it was started.
    """

    uid: str
    name: str = ""
    version: str = ""
    num_clients: int = 0
    num_users: int = 0
    num_subs: int = 0
    num_channels: int = 0
    uptime: int = 0


def decode_info(members: Any) -> NodeInfo:
    """Return the node that another one describes; members that this version does not know are left out.

    :raises StateError: it is no description of a node.
    """
    if not isinstance(members, dict) or not isinstance(members.get("uid"), str):
        raise StateError("a node's word is an object with its uid")
    return NodeInfo(**{each.name: members[each.name] for each in fields(NodeInfo) if each.name in members})


class Nodes:
    """The other nodes of the cluster, as far as they are heard."""

    def __init__(self) -> None:
        # Each node with the time of its last word.
        self._heard: dict[str, tuple[NodeInfo, float]] = {}

    def heard(self, node: NodeInfo, now: float) -> None:
        """Take note of a node's word at the time *now*; beyond ``MOST`` a new one is left out."""
        if node.uid in self._heard or len(self._heard) < MOST:
            self._heard[node.uid] = node, now

    def left(self, uid: str) -> None:
        """Forget a node that said goodbye."""
        self._heard.pop(uid, None)

    def forget_silent(self, now: float, since: float = 0.0) -> list[str]:
        """Forget those that have been silent for too long, and return their ids.

        :param since: from when on they would have been heard: what was before is nobody's silence.
        """
        silent = [uid for uid, (_, time) in self._heard.items() if now - max(time, since) > PATIENCE]
        for uid in silent:
            del self._heard[uid]
        return silent

    def __len__(self) -> int:
        """How many there are."""
        return len(self._heard)

    def __contains__(self, uid: object) -> bool:
        """Whether the node with this id is there."""
        return uid in self._heard

    def all(self) -> list[NodeInfo]:
        """Return all of them, in the order of their ids."""
        return [node for _, (node, _) in sorted(self._heard.items())]
