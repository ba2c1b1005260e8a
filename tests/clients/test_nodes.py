# -*- test-case-name: tests.clients.test_nodes -*-
"""Which other nodes there are."""

from __future__ import annotations

import json
from dataclasses import asdict

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.clients.nodes import INTERVAL, MOST, PATIENCE, NodeInfo, Nodes, decode_info
from sockjsd.errors import StateError

ONE = NodeInfo("one", "host_8000", "0.1.0", 1, 2, 3, 4, 5)


class NodesTests(SynchronousTestCase):
    """Those that are heard."""

    def setUp(self) -> None:
        self.nodes = Nodes()

    def test_node_is_there_when_it_was_heard(self) -> None:
        """With its last word."""
        self.nodes.heard(NodeInfo("two"), 0.0)
        self.nodes.heard(NodeInfo("one"), 0.0)
        self.nodes.heard(ONE, 1.0)
        self.assertEqual(self.nodes.all(), [ONE, NodeInfo("two")])
        self.assertIn("one", self.nodes)
        self.assertNotIn("three", self.nodes)

    def test_node_may_miss_two_words(self) -> None:
        """A third one is too much."""
        self.nodes.heard(ONE, 10.0)
        self.assertEqual(self.nodes.forget_silent(10.0 + 2 * INTERVAL), [])
        self.assertEqual(self.nodes.forget_silent(10.0 + PATIENCE + 0.1), ["one"])
        self.assertEqual(self.nodes.all(), [])

    def test_silence_counts_from_when_words_would_be_heard(self) -> None:
        """A later word counts all the same."""
        self.nodes.heard(ONE, 10.0)
        self.assertEqual(self.nodes.forget_silent(30.0 + PATIENCE, since=30.0), [])
        self.nodes.heard(ONE, 32.0)
        self.assertEqual(self.nodes.forget_silent(32.0 + PATIENCE, since=30.0), [])
        self.assertEqual(self.nodes.forget_silent(32.1 + PATIENCE, since=30.0), ["one"])

    def test_word_keeps_a_node(self) -> None:
        """Counted from the last one."""
        self.nodes.heard(ONE, 0.0)
        self.nodes.heard(ONE, PATIENCE)
        self.assertEqual(self.nodes.forget_silent(2 * PATIENCE), [])

    def test_node_that_says_goodbye_is_gone(self) -> None:
        """At once, and twice does no harm."""
        self.nodes.heard(ONE, 0.0)
        self.nodes.left("one")
        self.nodes.left("one")
        self.assertNotIn("one", self.nodes)

    def test_number_of_nodes_is_bounded(self) -> None:
        """Those that are known stay known, and one that goes makes room."""
        for number in range(MOST + 1):
            self.nodes.heard(NodeInfo(str(number)), 0.0)
        self.assertEqual(len(self.nodes.all()), MOST)
        self.nodes.heard(NodeInfo("0", num_clients=7), 0.0)
        self.assertIn(NodeInfo("0", num_clients=7), self.nodes.all())
        self.nodes.left("0")
        self.nodes.heard(ONE, 0.0)
        self.assertIn("one", self.nodes)


class CodecTests(SynchronousTestCase):
    """A node's word."""

    def test_word_arrives_as_it_was_sent(self) -> None:
        """Through JSON and back."""
        self.assertEqual(decode_info(json.loads(json.dumps(asdict(ONE)))), ONE)

    def test_other_versions_are_understood(self) -> None:
        """What one does not know is left out, what it misses has its default."""
        self.assertEqual(decode_info({"uid": "x", "colour": "red"}), NodeInfo("x"))

    def test_anything_else_is_refused(self) -> None:
        """A node without an id is none."""
        for members in (None, [], "one", {}, {"uid": 1}, {"name": "x"}):
            self.assertRaises(StateError, decode_info, members)
