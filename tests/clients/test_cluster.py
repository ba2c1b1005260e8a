# -*- test-case-name: tests.clients.test_cluster -*-
"""The nodes of one cluster, in memory."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd import __version__
from sockjsd.clients.cluster import Cluster, Counts
from sockjsd.clients.nodes import INTERVAL, PATIENCE, NodeInfo
from sockjsd.clients.orders import Disconnect, Subscribe, Whom
from sockjsd.clients.surveys import TIMEOUT
from sockjsd.errors import BrokerUnavailable, ChannelNameError
from tests.clients.fakes import Cable, Household

ORDER = Subscribe(Whom("42"), "news", data='{"a":1}')


class ClusterCase(SynchronousTestCase):
    """Two nodes that have found each other, ``one`` and ``two``."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.cable = Cable()
        self.homes = {
            "one": Household(Counts(1, 2, 3, 4), {"news": 1, "sport:a": 2, "empty": 0}),
            "two": Household(Counts(10, 20, 30, 40), {"news": 10, "sport:b": 20}),
        }
        self.one, self.two = self.join("one"), self.join("two")

    def join(self, name: str) -> Cluster:
        """Return a new node, started."""
        node = Cluster(self.cable.plug(name), self.homes[name], self.clock, f"{name}_8000")
        self.cable.listeners[name] = node.received
        node.start()
        return node

    def tearDown(self) -> None:
        self.cable.is_cut = False
        for node in (self.one, self.two):
            node.stop()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def advance(self, seconds: float) -> None:
        """Let time go by, in steps."""
        for _ in range(round(seconds)):
            self.clock.advance(1.0)

    def uids(self, node: Cluster) -> list[str]:
        """Who is there, for *node*."""
        return [info.uid for info in node.nodes()]


class OrderTests(ClusterCase):
    """Orders reach every node once."""

    def test_order_is_carried_out_everywhere_once(self) -> None:
        """The node that gave it too, although it hears itself."""
        self.assertIsNone(self.successResultOf(self.one.obey(ORDER)))
        self.assertEqual([home.obeyed for home in self.homes.values()], [[ORDER], [ORDER]])

    def test_order_is_carried_out_here_while_the_broker_is_gone(self) -> None:
        """And whoever gave it knows that others were not told."""
        self.cable.is_cut = True
        self.failureResultOf(self.one.obey(ORDER), BrokerUnavailable)
        self.assertEqual([home.obeyed for home in self.homes.values()], [[ORDER], []])

    def test_order_that_a_known_node_does_not_hear_fails(self) -> None:
        """It may come back with its clients; nobody waits for one that has said goodbye."""
        self.cable.listeners.pop("two")
        failure = self.failureResultOf(self.one.obey(ORDER), BrokerUnavailable)
        self.assertEqual("1 of 2 nodes listen now; those have carried it out", str(failure.value))
        self.assertEqual([ORDER], self.homes["one"].obeyed)
        self.two.stop()
        self.assertIsNone(self.successResultOf(self.one.obey(ORDER)))

    def test_node_that_is_alone_needs_nobody_to_hear_it(self) -> None:
        """Not even itself, while its own subscription is being made anew: all is done already."""
        self.two.stop()
        self.cable.listeners.clear()
        self.assertIsNone(self.successResultOf(self.one.obey(ORDER)))

    def test_order_that_fails_is_logged(self) -> None:
        """The next one is carried out."""
        self.homes["two"].obey = self.fail  # type: ignore[method-assign, assignment]
        self.one.obey(ORDER)
        self.assertEqual(len(self.flushLoggedErrors(self.failureException)), 1)
        del self.homes["two"].obey
        self.one.obey(Disconnect(Whom("42")))
        self.assertEqual(self.homes["two"].obeyed, [Disconnect(Whom("42"))])


class NodesTests(ClusterCase):
    """Who is there."""

    def test_nodes_know_each_other_at_once(self) -> None:
        """The one that came last is told who was there before."""
        self.assertEqual(self.uids(self.one), ["one", "two"])
        self.assertEqual(self.uids(self.two), ["two", "one"])

    def test_node_describes_itself(self) -> None:
        """With the numbers of its last word, for others; for itself with those of now."""
        expected = NodeInfo("one", "one_8000", __version__, 1, 2, 3, 4, 0)
        self.assertEqual(self.two.nodes()[1], expected)
        self.advance(5)
        self.assertEqual(self.one.nodes()[0].uptime, 5)
        self.assertEqual(self.two.nodes()[1].uptime, 3)

    def test_node_that_is_killed_is_forgotten(self) -> None:
        """Within ``PATIENCE`` and one word more; it comes back by itself."""
        dead = self.cable.listeners.pop("two")
        self.two._loop.stop()
        self.advance(PATIENCE + INTERVAL)
        self.assertEqual(self.uids(self.one), ["one"])
        self.cable.listeners["two"] = dead
        self.two.start()
        self.assertEqual(self.uids(self.one), ["one", "two"])

    def test_node_that_stops_is_forgotten_at_once(self) -> None:
        """It says goodbye."""
        self.two.stop()
        self.assertEqual(self.uids(self.one), ["one"])

    def test_loss_of_the_broker_is_survived(self) -> None:
        """Nobody takes the others for dead, so a survey still fails that cannot ask them."""
        self.cable.is_cut = True
        self.advance(3 * PATIENCE)
        self.failureResultOf(self.one.channels(), BrokerUnavailable)
        self.cable.is_cut = False
        self.advance(INTERVAL)
        self.assertEqual((self.uids(self.one), self.uids(self.two)), (["one", "two"], ["two", "one"]))

    def test_node_that_is_killed_meanwhile_is_forgotten(self) -> None:
        """Its silence counts from when it would have been heard again."""
        self.cable.is_cut = True
        self.two._loop.stop()
        self.advance(3 * PATIENCE)
        self.cable.is_cut = False
        self.advance(PATIENCE - 1)
        self.assertEqual(self.uids(self.one), ["one", "two"])
        self.advance(2 * INTERVAL)
        self.assertEqual(self.uids(self.one), ["one"])

    def test_others_are_not_forgotten_when_this_node_stood_still(self) -> None:
        """What they said meanwhile waits in the socket, and is read after the clock was looked at."""
        third = Cluster(self.cable.plug("three"), Household(), late := Clock(), "three_8000")
        self.cable.listeners["three"] = third.received
        third.start()
        self.assertEqual(sorted(self.uids(third)), ["one", "three", "two"])
        late.advance(INTERVAL)
        late.advance(5 * PATIENCE)
        self.assertEqual(sorted(self.uids(third)), ["one", "three", "two"])
        third.stop()

    def test_node_cannot_speak_for_another(self) -> None:
        """It would hide that one's end."""
        self.one.received(b'{"from":"two","say":"node","hello":false,"node":{"uid":"three"}}')
        self.assertEqual(self.uids(self.one), ["one", "two"])
        self.assertEqual(self.one.refused, 1)


class SurveyTests(ClusterCase):
    """Who listens to what."""

    def test_listeners_of_all_nodes_are_counted(self) -> None:
        """Channels without any are left out."""
        counted = self.one.channels()
        self.assertEqual(self.successResultOf(counted), {"news": 11, "sport:a": 2, "sport:b": 20})

    def test_pattern_chooses_channels(self) -> None:
        """On every node."""
        self.assertEqual(self.successResultOf(self.two.channels("sport:*")), {"sport:a": 2, "sport:b": 20})
        self.assertEqual(self.successResultOf(self.two.channels("none")), {})

    def test_broken_pattern_is_refused(self) -> None:
        """Before anybody is asked."""
        self.cable.sent.clear()
        self.assertRaises(ChannelNameError, self.one.channels, "[")
        self.assertEqual(self.cable.sent, [])

    def test_single_node_asks_nobody(self) -> None:
        """Also while the broker is gone."""
        self.two.stop()
        self.cable.is_cut = True
        self.assertEqual(self.successResultOf(self.one.channels("n*")), {"news": 1})

    def test_survey_fails_while_the_broker_is_gone(self) -> None:
        """At once: the others are there and cannot be asked."""
        self.cable.is_cut = True
        self.failureResultOf(self.one.channels(), BrokerUnavailable)

    def test_survey_goes_on_without_a_node_that_dies(self) -> None:
        """As soon as that is noticed, which is before the survey's own end."""
        del self.cable.listeners["two"]
        self.two._loop.stop()
        counted = self.one.channels()
        self.assertNoResult(counted)
        self.advance(TIMEOUT - 1)
        self.assertEqual(self.successResultOf(counted), {"news": 1, "sport:a": 2})

    def test_survey_goes_on_without_a_node_that_stops(self) -> None:
        """It said goodbye instead of an answer."""
        del self.cable.listeners["two"]
        counted = self.one.channels("news")
        self.two.stop()
        self.assertEqual(self.successResultOf(counted), {"news": 1})

    def test_survey_ends_with_the_node(self) -> None:
        """Nobody is left waiting."""
        del self.cable.listeners["two"]
        counted = self.one.channels()
        self.one.stop()
        self.failureResultOf(counted, BrokerUnavailable)


class EmulationTests(ClusterCase):
    """A browser's commands that came to another node than its stream."""

    def setUp(self) -> None:
        super().setUp()
        self.homes["one"].sessions.add("a")
        self.homes["two"].sessions.add("b")

    def test_commands_reach_the_owning_node(self) -> None:
        """Itself, or another one; nobody else gets them."""
        for session, node in (("a", "one"), ("b", "two")):
            self.assertTrue(self.successResultOf(self.one.forward(node, session, '{"id":1}\n{"id":2}')))
        self.assertEqual(self.homes["one"].emulated, [("a", '{"id":1}\n{"id":2}')])
        self.assertEqual(self.homes["two"].emulated, [("b", '{"id":1}\n{"id":2}')])
        self.assertEqual([node for node, _ in self.cable.sent[-1:]], ["two"])

    def test_nobody_takes_commands_for_what_is_not_there(self) -> None:
        """Neither a session that is not here, nor a node that is gone; no node is asked in vain."""
        self.cable.sent.clear()
        self.assertFalse(self.successResultOf(self.one.forward("one", "b", "{}")))
        self.assertFalse(self.successResultOf(self.one.forward("nobody", "b", "{}")))
        self.assertFalse(self.successResultOf(self.one.forward("", "b", "{}")))
        self.assertEqual(self.cable.sent, [])
        del self.cable.listeners["two"]
        self.assertFalse(self.successResultOf(self.one.forward("two", "b", "{}")))

    def test_forwarding_fails_while_the_broker_is_gone(self) -> None:
        """The browser is told to try again; what is here is still reached."""
        self.cable.is_cut = True
        self.failureResultOf(self.one.forward("two", "b", "{}"), BrokerUnavailable)
        self.assertTrue(self.successResultOf(self.one.forward("one", "a", "{}")))


class BrokenMessageTests(ClusterCase):
    """What no node should send."""

    BROKEN = (
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"from":"two"}',
        b'{"say":"order"}',
        b'{"from":"two","say":"dance"}',
        b'{"from":"two","say":["order"]}',
        b'{"from":"two","say":"order","order":"dance"}',
        b'{"from":"two","say":"node","node":{"uid":"two"}}',
        b'{"from":"two","say":"node","node":7,"hello":false}',
        b'{"from":"two","say":"ask","survey":1}',
        b'{"from":"two","say":"ask","survey":1,"pattern":"["}',
        b'{"from":"two","say":"answer","survey":1}',
        b'{"from":"two","say":"emulate","session":"a"}',
    )

    def test_broken_message_is_counted(self) -> None:
        """And nothing else happens; the sum is logged with the next word, once."""
        for payload in self.BROKEN:
            self.one.received(payload)
        self.assertEqual(self.one.refused, len(self.BROKEN))
        self.assertEqual(self.homes["one"].obeyed, [])
        self.advance(3 * INTERVAL)
        self.assertEqual(self.one._told, len(self.BROKEN))

    def test_own_message_is_left_out(self) -> None:
        """Whatever it says."""
        self.one.received(json.dumps({"from": "one", "say": "goodbye"}).encode())
        self.one.received(b'{"from":"one","say":"order","order":"dance"}')
        self.assertEqual((self.one.refused, self.homes["one"].obeyed), (0, []))
