"""A server API in memory: the memory broker, namespaces with everything and nothing, a cluster that takes notes.

::

    site = Site()
    site.call("publish", channel="full:a", data={"x": 1})   # -> what the answer says, as Python has it
    site.cluster.obeyed                                      # the orders that were given
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from sockjsd.brokers.memory import MemoryBroker
from sockjsd.channels.globs import compile_glob
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Item, Run
from sockjsd.clients.nodes import NodeInfo
from sockjsd.clients.orders import Order
from sockjsd.config import Namespace
from sockjsd.endpoints.api.commands import Commands
from sockjsd.endpoints.api.fields import Fields
from sockjsd.endpoints.api.methods import Methods
from sockjsd.errors import BrokerUnavailable

#: Channels ``full:…`` have history and presence, ``numbered:…`` are only counted, those without a colon nothing.
NAMESPACES = Namespaces(
    {
        "": Namespace(),
        "full": Namespace("full", history_size=10, history_ttl=60.0, presence=True),
        "numbered": Namespace("numbered", numbered=True),
    }
)


class NotingCluster:
    """Keeps the orders, in ``obeyed``; while ``is_gone`` nobody else is told of them."""

    def __init__(self) -> None:
        self.obeyed: list[Order] = []
        self.is_gone = False
        self.listeners = {"full:a": 2, "news": 1}

    def obey(self, order: Order) -> Deferred[None]:
        """Take note."""
        self.obeyed.append(order)
        return fail(BrokerUnavailable("the cluster is gone")) if self.is_gone else succeed(None)

    def nodes(self) -> list[NodeInfo]:
        """Two."""
        return [NodeInfo("one", "host_1"), NodeInfo("two", "host_2")]

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """Those that match."""
        matches = compile_glob(pattern or "*")
        return succeed({channel: count for channel, count in self.listeners.items() if matches(channel)})


class Site:
    """The API and what is behind it.

    :ivar heard: what was delivered on each channel that was subscribed.
    """

    def __init__(self) -> None:
        self.heard: dict[str, list[Item]] = {}
        self.clock = Clock()
        self.broker = MemoryBroker(self._hear, self.clock.seconds)
        self.cluster = NotingCluster()
        self.methods = Methods(self.broker, self.cluster, NAMESPACES, 3600.0)
        self.commands = Commands(self.methods)

    def text(self, method: str, body: str) -> str:
        """Return the answer to one request as it is written."""
        texts: list[str] = []
        self.commands.answer(method, Fields(body)).addCallback(texts.append)
        (text,) = texts
        return text

    def call(self, method: str, **fields: Any) -> Any:
        """Return the answer to one request."""
        return json.loads(self.text(method, json.dumps(fields)))

    def result(self, method: str, **fields: Any) -> Any:
        """Return the result of a command that is carried out."""
        return self.call(method, **fields)["result"]

    def code(self, method: str, **fields: Any) -> int:
        """Return the code with which a command is refused."""
        answer = self.call(method, **fields)
        assert list(answer) == ["error"], answer
        code: int = answer["error"]["code"]
        return code

    def _hear(self, run: Run) -> None:
        for channel, items in run.items():
            self.heard.setdefault(channel, []).extend(items)
