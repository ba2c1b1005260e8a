# -*- test-case-name: tests.http.test_factory -*-
"""What all connections share, and how they end."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.http.fakes import Server
from tests.http.memory import Client, request


class FactoryTests(SynchronousTestCase):
    """Connections of one factory."""

    def setUp(self) -> None:
        self.server = Server()
        self.client = Client(self.server)
        self.factory = self.client.factory

    def test_nothing_is_found_before_there_is_an_application(self) -> None:
        """The port may be open already."""
        self.assertEqual(Client().ask(target="/echo").status, 404)

    def test_application_can_come_later(self) -> None:
        """For connections that are open already, too."""
        client = Client()
        client.factory.application = self.server
        self.assertEqual(client.ask(target="/echo").status, 200)

    def test_connections_are_known(self) -> None:
        """As long as they are open."""
        other = Client(factory=self.factory)
        self.assertEqual(self.factory.connections, {self.client.connection, other.connection})
        other.lose()
        self.assertEqual(self.factory.connections, {self.client.connection})

    def test_drain_without_connections_is_done(self) -> None:
        """At once."""
        self.client.lose()
        self.successResultOf(self.factory.drain())
        self.assertTrue(self.factory.draining)

    def test_drain_waits_for_all_answers(self) -> None:
        """Whoever asked, and however often."""
        other = Client(factory=self.factory)
        for client in (self.client, other):
            client.send(request(target="/held"))
        drained = [self.factory.drain(), self.factory.drain()]
        self.server.answer()
        self.assertEqual(len(self.client.answers()), 1)
        self.assertNoResult(drained[0])
        self.server.answer()
        self.assertEqual(len(other.answers()), 1)
        for done in drained:
            self.successResultOf(done)

    def test_abort_cuts_what_is_left(self) -> None:
        """Then the drain is done."""
        self.client.send(request(target="/held"))
        drained = self.factory.drain()
        self.factory.abort()
        self.client.received()
        self.assertTrue(self.client.aborted)
        self.successResultOf(drained)

    def test_connection_that_comes_while_draining_ends_with_its_first_answer(self) -> None:
        """It was accepted by the kernel before the port was closed."""
        self.client.lose()
        self.factory.drain()
        late = Client(factory=self.factory)
        late.send(request(target="/echo"))
        (answer,) = late.answers()
        self.assertEqual((answer.status, answer.fields["connection"], late.closed), (200, "close", True))

    def test_connections_come_without_a_word(self) -> None:
        """Twisted would log each start and stop of a port."""
        self.assertFalse(self.factory.noisy)
