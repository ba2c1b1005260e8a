# -*- test-case-name: tests.brokers.test_memory -*-
"""The broker for one process: what is published here is heard here, and nowhere else.

Rules:

* ``publish`` delivers before it returns, so a publication is not lost by a stop.
* A publication made while another is being delivered waits behind it: every
  subscriber sees the same order, whoever publishes in answer to what.
* It belongs to the reactor's thread; whoever publishes from another one has to
  come over first (``reactor.callFromThread``).

It is the default, for development and for sites with a single daemon.
"""

from __future__ import annotations

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed

from sockjsd.brokers.interface import BrokerStatus, Listener, Run, discard, well_formed


class MemoryBroker(Service):
    """A :class:`sockjsd.brokers.interface.Broker` without a network.

    :ivar on_run: see the interface.
    :ivar malformed: see the interface.
    """

    def __init__(self, on_run: Listener = discard) -> None:
        self.on_run: Listener = on_run
        self.malformed = 0
        self._wanted: set[str] = set()
        # What was published while a run was being delivered: the next run.
        self._waiting: Run = {}
        self._delivering = False

    @property
    def status(self) -> BrokerStatus:
        """Always connected: there is nothing to lose."""
        return BrokerStatus("memory", True, "in this process only")

    def subscribe(self, channel: str) -> None:
        """Deliver what is published on *channel* from now on."""
        self._wanted.add(channel)

    def unsubscribe(self, channel: str) -> None:
        """Deliver nothing more of *channel*; harmless when it was not subscribed."""
        self._wanted.discard(channel)

    def publish(self, channel: str, payload: str) -> Deferred[int]:
        """Deliver *payload*; the Deferred has fired already, with 1, or 0 where nobody listens."""
        if channel not in self._wanted:
            return succeed(0)
        text = well_formed(payload)
        self.malformed += text is not payload
        self._waiting.setdefault(channel, []).append(text)
        if not self._delivering:
            self._deliver()
        return succeed(1)

    def service(self) -> Service:
        """This object; it has nothing to start."""
        return self

    def _deliver(self) -> None:
        self._delivering = True
        try:
            while self._waiting:
                run, self._waiting = self._waiting, {}
                self.on_run(run)
        finally:
            self._delivering = False
