# -*- test-case-name: tests.test_administration -*-
"""What the site orders and asks: the server API, and the nodes that carry it out together."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

from twisted.internet.interfaces import IReactorTime

from sockjsd.brokers.interface import Broker
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.clients.cluster import Cluster, Counts
from sockjsd.clients.hall import Hall
from sockjsd.clients.obeying import obey
from sockjsd.clients.orders import Order
from sockjsd.config import Config
from sockjsd.endpoints.api.commands import Commands
from sockjsd.endpoints.api.handler import rows
from sockjsd.endpoints.api.methods import Methods
from sockjsd.transports.urls import Row


class Residents:
    """What this node has: see :class:`sockjsd.clients.cluster.Local`.

    :param hub: knows who listens to what.
    :param hall: knows the clients; ``None`` where none may connect.
    """

    def __init__(self, hub: Hub, hall: Hall | None) -> None:
        self._hub = hub
        self._hall = hall

    def obey(self, order: Order) -> None:
        """Carry *order* out for the clients that are here."""
        if self._hall is not None:
            obey(self._hall, order)

    def emulate(self, session: str, data: str) -> bool:
        """Take what a browser sent for *session* by another request."""
        client = None if self._hall is None else self._hall.find_session(session)
        if client is not None:
            client.received(data)
        return client is not None

    def counts(self) -> Counts:
        """How much there is."""
        counts, hall = self._hub.counts, self._hall
        clients, users = (0, 0) if hall is None else (len(hall), hall.users)
        return Counts(clients, users, counts.subscriptions, counts.channels)

    def listeners(self) -> Mapping[str, int]:
        """How many listen to each channel."""
        return self._hub.listeners()


class Administration:
    """The cluster and the server API of one node.

    :param config: the configuration.
    :param broker: carries everything between nodes; its ``on_control`` is set here.
    :param hub: knows who listens to what.
    :param clock: the reactor.
    :param hall: knows the clients; ``None`` where none may connect.
    """

    def __init__(self, config: Config, broker: Broker, hub: Hub, clock: IReactorTime, hall: Hall | None = None) -> None:
        self.cluster = Cluster(broker, Residents(hub, hall), clock, node_name())
        broker.on_control = self.cluster.received
        methods = Methods(broker, self.cluster, Namespaces(config.namespaces), config.channels.meta_ttl)
        #: The rows of the URL table.
        self.rows: list[Row] = rows(config.channels.api_key, Commands(methods))


def node_name() -> str:
    """Return what people know this process by: the machine and the process id."""
    return f"{socket.gethostname()}_{os.getpid()}"
