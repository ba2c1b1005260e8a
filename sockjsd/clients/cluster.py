# -*- test-case-name: tests.clients.test_cluster -*-
"""The nodes of one cluster, as far as they talk to each other: orders, who is there, surveys, emulation.

They talk through the broker's control channels, in JSON objects with the sender's id in ``from``, and of these in
``say``::

    order    carry this out for your connections (``orders.py``)
    node     I am here: my description (``nodes.py``); with "hello": true, tell me at once who you are
    goodbye  I stop
    ask      how many of your clients listen to which channels that match "pattern"? Answer to survey "survey"
    answer   one part of it (``surveys.py``)
    emulate  a browser's commands came to me, and "session" is yours: "data"

What a node sends to all is also sent to itself, and left out there: it has done its part already, and does it
even while Redis is gone.  Only that it came counts: who does not hear itself, because Redis is gone or
the process stood still, knows nothing of others' silence, and forgets nobody for it.

Nothing is repeated: an order that did not go out, or not to every node, fails, and whoever gave it decides.  A
message that cannot be read is counted, and the count logged with the next word; it costs nobody else anything.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd import __version__
from sockjsd.channels.globs import compile_glob
from sockjsd.clients.nodes import INTERVAL, NodeInfo, Nodes, decode_info
from sockjsd.clients.orders import Order, decode, encode
from sockjsd.clients.surveys import Surveys, parts
from sockjsd.errors import BrokerUnavailable, ChannelNameError, StateError

#: Seconds after a node's own word within which it hears the next one, unless something is wrong with its hearing.
_HEARING = INTERVAL + 1.0


class Control(Protocol):
    """What carries messages between nodes: the broker."""

    @property
    def node(self) -> str:
        """The id of this node, unlike that of any other at any time."""

    def send(self, payload: bytes, node: str = "") -> Deferred[int]:
        """Send *payload* to *node*, or to all; fires with the number of nodes that got it."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much this node has: see :class:`sockjsd.clients.nodes.NodeInfo`."""

    clients: int = 0
    users: int = 0
    subs: int = 0
    channels: int = 0


class Local(Protocol):
    """What this node has: its clients, and who listens to what."""

    def obey(self, order: Order) -> None:
        """Carry *order* out for the clients that are here."""

    def emulate(self, session: str, data: str) -> bool:
        """Take what a browser sent for *session* by another request; ``False`` when no such session is here."""

    def counts(self) -> Counts:
        """How much there is, now."""

    def listeners(self) -> Mapping[str, int]:
        """How many clients listen to each channel, now."""


class Cluster:
    """This node among the others; ``received`` is to be called with each control message.

    :param control: the broker.
    :param local: what is here.
    :param clock: the reactor.
    :param name: for people.
    :ivar uid: the id of this node.
    :ivar refused: messages that could not be read, since the start.
    """

    _log = Logger()

    def __init__(self, control: Control, local: Local, clock: IReactorTime, name: str) -> None:
        self.uid = control.node
        self.refused = 0
        self._control = control
        self._local = local
        self._clock = clock
        self._name = name
        self._nodes = Nodes()
        self._surveys = Surveys(clock)
        self._started_at = clock.seconds()
        self._told = 0
        # When this node heard itself last, and since when it has done so every time.
        self._heard_at = self._hearing_since = self._started_at
        self._loop = LoopingCall(self._tell)
        self._loop.clock = clock
        self._readers: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "order": self._order_came,
            "node": self._node_came,
            "goodbye": self._node_left,
            "ask": self._question_came,
            "answer": self._answer_came,
            "emulate": self._emulated,
        }

    # Life.

    def start(self) -> None:
        """Say that this node is here, now and every few seconds."""
        self._started_at = self._heard_at = self._hearing_since = self._clock.seconds()
        self._loop.start(INTERVAL, now=False).addErrback(self._failed)
        self._introduce(hello=True)

    def stop(self) -> None:
        """Say goodbye, and nothing more; surveys under way fail."""
        if self._loop.running:
            self._loop.stop()
            self._quietly({"say": "goodbye"})
        self._surveys.stop()

    # What others ask of the cluster.

    def obey(self, order: Order) -> Deferred[None]:
        """Carry *order* out everywhere.

        Here that is done when this returns, whatever comes of the rest.  The Deferred fails with
        :class:`sockjsd.errors.BrokerUnavailable` when the other nodes could not be told, or not all
        that are known to be there: a node that is not back from a loss of Redis, or dead and not
        forgotten yet (``PATIENCE``).
        """
        self._local.obey(order)
        others = len(self._nodes)
        return self._send({"say": "order", **encode(order)}).addCallback(_all_reached, others)

    def forward(self, node: str, session: str, data: str) -> Deferred[bool]:
        """Give what a browser sent to the node that has its session.

        :param node: as the browser said it; any text.
        :returns: whether a node took it: ``False`` when no such node is there, or this one has no such session.
            It fails with :class:`sockjsd.errors.BrokerUnavailable`.
        """
        if node == self.uid:
            return succeed(self._local.emulate(session, data))
        if node not in self._nodes:
            return succeed(False)
        return self._send({"say": "emulate", "session": session, "data": data}, node).addCallback(bool)

    def nodes(self) -> list[NodeInfo]:
        """Return all nodes that are there, this one first."""
        return [self._own_info(), *self._nodes.all()]

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """Count who listens to which channel in the cluster; channels without anybody are left out.

        :param pattern: as ``channels/globs.py`` reads it; ``""`` is all.
        :returns: fails with :class:`sockjsd.errors.BrokerUnavailable` when not every node answers.
        :raises ChannelNameError: the pattern is broken.
        """
        own = self._matching(pattern)
        others = [node.uid for node in self._nodes.all()]
        number, counted = self._surveys.open(own, others)
        if others and not counted.called:
            sent = self._send({"say": "ask", "survey": number, "pattern": pattern})
            sent.addCallbacks(_nothing, lambda failure: self._surveys.fail(number, failure.value))
        return counted

    # Sending.

    def _send(self, message: dict[str, Any], node: str = "") -> Deferred[int]:
        payload = json.dumps({"from": self.uid, **message}, separators=(",", ":"))
        return self._control.send(payload.encode(), node)

    def _quietly(self, message: dict[str, Any], node: str = "") -> None:
        """Send what may be lost: that the broker is down is said elsewhere."""
        self._send(message, node).addErrback(_down).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("A message to other nodes failed", failure=failure)

    def _tell(self) -> None:
        """Every few seconds: be heard, and notice who is not."""
        gone = [] if self._is_deaf() else self._nodes.forget_silent(self._clock.seconds(), self._hearing_since)
        if gone:
            self._log.warn("Nodes that are silent: {nodes}", nodes=", ".join(gone))
            self._surveys.left(gone)
        if self.refused > self._told:
            self._log.warn("{count} messages of other nodes could not be read", count=self.refused - self._told)
            self._told = self.refused
        self._introduce()

    def _introduce(self, node: str = "", *, hello: bool = False) -> None:
        self._quietly({"say": "node", "hello": hello, "node": asdict(self._own_info())}, node)

    def _own_info(self) -> NodeInfo:
        counts = self._local.counts()
        uptime = int(self._clock.seconds() - self._started_at)
        return NodeInfo(
            self.uid, self._name, __version__, counts.clients, counts.users, counts.subs, counts.channels, uptime
        )

    # Receiving.

    def received(self, payload: bytes) -> None:
        """Take one control message; never raises."""
        try:
            message = json.loads(payload)
            sender, reader = message["from"], self._readers[message["say"]]
            if sender == self.uid:
                self._heard_itself()
            else:
                reader(sender, message)
        except (ValueError, KeyError, TypeError, StateError, ChannelNameError):
            self.refused += 1
        except Exception:  # an order ends in the code of the site, and no other message may suffer
            self._log.failure("Carrying out what another node said failed")

    def _is_deaf(self) -> bool:
        return self._clock.seconds() - self._heard_at > _HEARING

    def _heard_itself(self) -> None:
        now = self._clock.seconds()
        if self._is_deaf():
            self._hearing_since = now
        self._heard_at = now

    def _order_came(self, sender: str, message: dict[str, Any]) -> None:
        self._local.obey(decode(message))

    def _node_came(self, sender: str, message: dict[str, Any]) -> None:
        info = decode_info(message["node"])
        if info.uid != sender:
            raise StateError("a node speaks for itself")
        if sender not in self._nodes:
            self._log.info("Node {node} is there: {name}", node=sender, name=info.name)
        self._nodes.heard(info, self._clock.seconds())
        if message["hello"]:
            self._introduce(sender)

    def _node_left(self, sender: str, message: dict[str, Any]) -> None:
        if sender in self._nodes:
            self._log.info("Node {node} stopped", node=sender)
            self._nodes.left(sender)
            self._surveys.left([sender])

    def _question_came(self, sender: str, message: dict[str, Any]) -> None:
        for part in parts(self._matching(message["pattern"])):
            self._quietly({"say": "answer", "survey": message["survey"], **part}, sender)

    def _answer_came(self, sender: str, message: dict[str, Any]) -> None:
        self._surveys.answered(message["survey"], sender, message)

    def _emulated(self, sender: str, message: dict[str, Any]) -> None:
        self._local.emulate(message["session"], message["data"])

    def _matching(self, pattern: str) -> dict[str, int]:
        listeners = self._local.listeners()
        matches = compile_glob(pattern or "*")
        return {channel: count for channel, count in listeners.items() if count and matches(channel)}


def _down(failure: Failure) -> None:
    failure.trap(BrokerUnavailable)


def _all_reached(reached: int, others: int) -> None:
    """See that all nodes were there to hear it, among them the one that sent it.

    Somebody else who listens to them would hide one.
    """
    if others and reached <= others:
        raise BrokerUnavailable(f"{reached} of {others + 1} nodes listen now; those have carried it out")


def _nothing(result: object) -> None:
    """Forget a result that nobody needs."""
