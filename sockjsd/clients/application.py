# -*- test-case-name: tests.clients.test_application -*-
"""The client protocol on the sessions that there are: SockJS's and those of raw WebSockets."""

from __future__ import annotations

from typing import Any

from sockjsd.channels.protocol import codes
from sockjsd.clients.client import Client
from sockjsd.clients.hall import Hall
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection


class ChannelsConnection(SockJSConnection):
    """One client; its session is the client's transport, with its output limit and its way to end.

    :param hall: where clients come in.
    """

    _client: Client

    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Wait for the client to say who it is."""
        self._client = Client(self._hall, self.session)

    def messageReceived(self, message: Any) -> None:
        """Carry out the commands in it; the protocol's binary form is not spoken here."""
        if isinstance(message, str):
            self._client.received(message)
        else:
            self._client.disconnect(codes.INAPPROPRIATE_PROTOCOL)

    def connectionLost(self) -> None:
        """The end."""
        self._client.lost()
