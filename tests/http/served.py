"""A server and a client of it, for the tests of a connection."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.limits import Limits
from tests.http.fakes import Server
from tests.http.memory import Client

#: Fields of a request.
UPGRADE = {"upgrade": "websocket", "connection": "keep-alive, Upgrade"}
CHUNKED = {"transfer_encoding": "chunked"}


class ConnectionTestCase(SynchronousTestCase):
    """A server and a client of it."""

    limits = Limits()

    def setUp(self) -> None:
        self.server = Server()
        self.client = Client(self.server, self.limits)

    def assert_bodies(self, *expected: bytes) -> None:
        """Exactly these bodies came since the last look, in this order."""
        self.assertEqual([answer.body for answer in self.client.answers()], list(expected))

    def assert_refused(self, status: int, reason: str = "") -> None:
        """One answer came, with this status, and the connection goes."""
        (answer,) = self.client.answers()
        self.assertEqual(answer.status, status)
        self.assertEqual(answer.fields["connection"], "close")
        self.assertIn(reason.encode(), answer.body)
        self.assertTrue(self.client.closed or self.client.half_closed)
