# -*- test-case-name: tests.clients.test_orders -*-
"""Orders, and their form between nodes."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import Position
from sockjsd.clients.orders import Disconnect, Order, Refresh, Subscribe, Unsubscribe, Whom, decode, encode
from sockjsd.errors import StateError

WHOM = Whom("42", "c", "s")

#: Every order, bare and with all that can be said.
ORDERS: tuple[Order, ...] = (
    Subscribe(Whom("42"), "news"),
    Subscribe(WHOM, "news", '{"a":1}', "[2]", Position(7, "abcd", "0123abcd"), {"presence": True, "join_leave": False}),
    Unsubscribe(Whom("")),
    Unsubscribe(WHOM, "news", 2001, "enough"),
    Disconnect(Whom("42")),
    Disconnect(WHOM, 4501, "later", ("one", "two")),
    Refresh(Whom("42"), expired=True),
    Refresh(WHOM, expire_at=1_900_000_000),
)

#: What another node could send that is no order.
BROKEN: tuple[dict[str, object], ...] = (
    {},
    {"order": "dance", "whom": {"user": "42"}},
    {"order": "subscribe"},
    {"order": "subscribe", "whom": {"user": "42"}},
    {"order": "subscribe", "whom": "42", "channel": "news"},
    {"order": "refresh", "whom": {}},
    {"order": "subscribe", "whom": {"user": "42"}, "channel": "news", "since": 7},
    {"order": ["refresh"], "whom": {"user": "42"}},
    {"order": "disconnect", "whom": {"user": "42"}, "spared": 1},
)


class CodecTests(SynchronousTestCase):
    """From node to node."""

    def test_order_arrives_as_it_was_sent(self) -> None:
        """Through JSON and back."""
        for order in ORDERS:
            self.assertEqual(decode(json.loads(json.dumps(encode(order)))), order)

    def test_order_of_a_newer_node_is_understood(self) -> None:
        """What this version does not know is left out, wherever it stands."""
        members = encode(Refresh(Whom("42"), expired=True))
        members["whom"]["device"] = "phone"
        self.assertEqual(decode({**members, "politely": True}), Refresh(Whom("42"), expired=True))

    def test_order_of_an_older_node_is_understood(self) -> None:
        """What it does not say has its default."""
        self.assertEqual(decode({"order": "disconnect", "whom": {"user": "1"}}), Disconnect(Whom("1")))

    def test_anything_else_is_refused(self) -> None:
        """With one kind of error."""
        for members in BROKEN:
            self.assertRaises(StateError, decode, members)


class WhomTests(SynchronousTestCase):
    """Whom an order is about."""

    def test_user_alone_means_all_connections(self) -> None:
        """But nobody else's."""
        self.assertTrue(Whom("42").includes("42", "c", "s"))
        self.assertFalse(Whom("42").includes("43", "c", "s"))
        self.assertFalse(Whom("").includes("42", "c", "s"))

    def test_client_and_session_narrow_it(self) -> None:
        """Each for itself, and never without the user."""
        self.assertTrue(Whom("42", client="c").includes("42", "c", "s"))
        self.assertFalse(Whom("42", client="d").includes("42", "c", "s"))
        self.assertTrue(Whom("42", session="s").includes("42", "c", "s"))
        self.assertFalse(Whom("42", session="t").includes("42", "c", "s"))
        self.assertFalse(Whom("", client="c").includes("42", "c", "s"))
