# -*- test-case-name: tests.clients.test_hall -*-
"""The clients of one node, and how they are found."""

from __future__ import annotations

from unittest import TestCase
from uuid import UUID

from sockjsd.channels.protocol.replies import Lifetime
from sockjsd.clients.hall import random_id
from tests.clients.room import START, Room


class HallTests(TestCase):
    """Coming, being found, going."""

    def setUp(self) -> None:
        self.room = Room()
        self.hall = self.room.hall

    def test_clients_are_found_when_they_are_connected(self) -> None:
        """By id, by session, by user; each time they are asked for."""
        one, two, nobody = self.room.enter("42"), self.room.enter("42"), self.room.enter()
        self.room.wire()  # one that has said nothing is not here
        self.assertEqual((len(self.hall), self.hall.users), (3, 2))
        self.assertEqual(list(self.hall), [one.client, two.client, nobody.client])
        self.assertIs(self.hall.find(one.client.id), one.client)
        self.assertIs(self.hall.find_session(two.client.session), two.client)
        self.assertEqual(self.hall.of_user("42"), [one.client, two.client])
        self.assertEqual(self.hall.of_user(""), [nobody.client])

    def test_clients_are_not_found_when_they_are_gone(self) -> None:
        """Nothing is left of them."""
        one, two = self.room.enter("42"), self.room.enter("42")
        one.client.lost()
        self.assertEqual(self.hall.of_user("42"), [two.client])
        two.client.lost()
        self.hall.leave(two.client)
        self.assertEqual((len(self.hall), self.hall.users, self.hall.of_user("42")), (0, 0, []))
        self.assertIsNone(self.hall.find(one.client.id))
        self.assertIsNone(self.hall.find_session(one.client.session))

    def test_session_is_not_the_id(self) -> None:
        """Others see the id; the session is a secret."""
        client = self.room.enter("42").client
        self.assertNotEqual(client.id, client.session)
        self.assertIsNone(self.hall.find_session(client.id))
        self.assertIsNone(self.hall.find(client.session))

    def test_hall_counts_what_it_refuses(self) -> None:
        """By code: who asks for too much, and who had to go."""
        wire = self.room.enter("42")
        wire.ask("subscribe", channel="news")
        wire.ask("subscribe", channel="news")
        wire.ask("rpc", method="sum")
        self.room.enter("43").say({"id": 1, "connect": {}})
        self.assertEqual(
            self.hall.counts,
            {
                "clients": 1,
                "users": 1,
                "present": 1,
                "presence_failures": 0,
                "refused": {105: 1, 104: 1},
                "disconnected": {3501: 1},
            },
        )

    def test_lifetime_is_what_is_left(self) -> None:
        """In whole seconds, and never nothing before it is over."""
        self.assertEqual(self.hall.lifetime(0), Lifetime())
        self.assertEqual(self.hall.lifetime(START + 60), Lifetime(60))
        self.room.clock.advance(59.5)
        self.assertEqual(self.hall.lifetime(START + 60), Lifetime(1))
        self.assertEqual(self.hall.lifetime(START), Lifetime(1))

    def test_ids_are_random(self) -> None:
        """Version 4: nobody can guess one from another."""
        self.assertEqual(UUID(random_id()).version, 4)
        self.assertNotEqual(random_id(), random_id())
