# -*- test-case-name: tests.test_multiplex -*-
"""Several connections over one: the server's side of npm's ``websocket-multiplex``.

A message is ``type,topic`` or ``type,topic,data``: a client subscribes to a topic by ``sub``, both sides
send by ``msg`` and leave by ``uns``.  What makes no sense is ignored, as that protocol wants it.
Each topic of each client is a ``SockJSConnection`` of its own, which need not know of all this.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar

from sockjsd.registry import Guard
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: What JavaScript's ``escape`` leaves as it is; the client's library sends topics through it.
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@*_+-./")

#: Why a topic's connection ended, when its client left it; the code is that of a WebSocket (RFC 6455 section 7.4.1).
LEFT = (1000, "Unsubscribed")


def escape(name: str) -> str:
    """Return *name* as JavaScript's ``escape`` writes it (ECMA-262 annex B.2.1), which works on UTF-16 units."""
    units = memoryview(name.encode("utf-16-le", "surrogatepass")).cast("H")
    return "".join(
        chr(unit) if chr(unit) in _PLAIN else f"%{unit:02X}" if unit < 256 else f"%u{unit:04X}" for unit in units
    )


class Topic:
    """One topic of one client: what its connection takes for its session.

    :ivar close_code: why it ended; 0 before. *close_reason* are the words to it.
    :param name: as it goes over the wire.
    :param carrier: the connection that all topics of the client share.
    :param connection: of the application.
    """

    def __init__(self, name: str, carrier: MultiplexConnection, connection: SockJSConnection) -> None:
        self.name = name
        self.close_code = 0
        self.close_reason = ""
        self._carrier = carrier
        # What it raises is logged, and ends this topic only.
        self._guard = Guard(connection, carrier.info)
        # Whether the application is in one of its callbacks, which is not called again meanwhile.
        self._talking = False

    # From the connection.

    @property
    def together(self) -> AbstractContextManager[object]:
        """What is sent to several clients inside it leaves at its end."""
        return self._carrier.session.together

    def send(self, text: str | bytes) -> None:
        """Send one message; after the end it is ignored.

        :raises TypeError: *text* is no string.
        """
        self.deliver(Batch([text]))

    def deliver(self, batch: Batch) -> None:
        """Send *batch*, which many may share; after the end it is ignored."""
        if not self.close_code:
            self._carrier.session.deliver(batch.prefixed(f"msg,{self.name},"))

    def close(self, code: int, reason: str) -> None:
        """Leave the topic; its client hears that it is over, but no code."""
        if not self.close_code:
            self._carrier.sendMessage(f"uns,{self.name}")
            self.end(code, reason)

    # From the carrier.

    def open(self) -> None:
        """Tell the application that the client is there."""
        self._tell(lambda: self._guard.opened(self))

    def receive(self, text: str) -> None:
        """Tell the application what came."""
        self._tell(lambda: self._guard.received(self, text))

    def end(self, code: int, reason: str) -> None:
        """Tell the application the end, as soon as it listens."""
        if not self.close_code:
            self.close_code, self.close_reason = code, reason
            self._carrier.forget(self)
            if not self._talking:
                self._guard.closed(self)

    def _tell(self, call: Callable[[], None]) -> None:
        self._talking = True
        try:
            call()
        finally:
            self._talking = False
        if self.close_code:
            self._guard.closed(self)


class MultiplexConnection(SockJSConnection):
    """Carries topics; ``MultiplexConnection.create(ann=AnnConnection, …)`` makes the class for a router."""

    #: A topic as it goes over the wire → its connection class.
    classes: ClassVar[dict[str, Callable[[], SockJSConnection]]] = {}

    @classmethod
    def create(cls, **connections: Callable[[], SockJSConnection]) -> type[MultiplexConnection]:
        """Return a connection class with these topics; a name that is no identifier goes into ``**{"my topic": …}``."""
        classes = {escape(name): connection for name, connection in connections.items()}
        return type(cls.__name__, (cls,), {"classes": classes, "__module__": cls.__module__})

    def __init__(self) -> None:
        self._topics: dict[str, Topic] = {}

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Keep what each topic's connection gets too."""
        self.info = info

    def messageReceived(self, message: str) -> None:
        """Subscribe, hand on, or leave."""
        kind, _, rest = message.partition(",")
        name, _, data = rest.partition(",")
        topic = self._topics.get(name)
        if topic is None:
            if kind == "sub" and name in self.classes:
                self._subscribe(name)
        elif kind == "msg":
            topic.receive(data)
        elif kind == "uns":
            topic.end(*LEFT)

    def connectionLost(self) -> None:
        """End each topic."""
        for topic in list(self._topics.values()):
            topic.end(self.closeCode, self.closeReason)

    def forget(self, topic: Topic) -> None:
        """Take note that *topic* is over; the client may subscribe again."""
        del self._topics[topic.name]

    def _subscribe(self, name: str) -> None:
        topic = self._topics[name] = Topic(name, self, self.classes[name]())
        topic.open()
