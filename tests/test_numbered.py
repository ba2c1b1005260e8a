# -*- test-case-name: tests.test_numbered -*-
"""Tests for sockjsd.numbered: what was lost of channels without history is counted."""

from __future__ import annotations

from twisted.internet.defer import fail

from sockjsd.channels.publications import Position, Publication
from sockjsd.config import Namespace
from sockjsd.errors import BrokerUnavailable
from tests.relay_case import NAMESPACES, RelayCase


class NumberedTests(RelayCase):
    """A numbered channel."""

    def setUp(self) -> None:
        """Add a namespace whose channels are numbered."""
        self.patch_namespaces = {**NAMESPACES, "num": Namespace("num", numbered=True)}
        super().setUp()
        self.relay._rules_of = lambda channel: self.patch_namespaces[channel.partition(":")[0]]

    def missed(self) -> tuple[int, int]:
        """Return how many publications, and how many deliveries, were missed."""
        counts = self.relay.counts
        return counts["missed"], counts["missed_deliveries"]

    def publish_num(self, *texts: str) -> None:
        """Publish on the channel."""
        self.publish(*texts, channel="num:a")

    def test_everything_passes_and_nothing_is_kept(self) -> None:
        """In order, at once, and nobody is told anything."""
        reader = self.reader("num:a")
        self.publish_num("1", "2")
        self.lose("3", channel="num:a")
        self.publish_num("4")
        self.assertEqual(reader.got, ["1", "2", "4"])
        self.assertEqual(self.texts(self.broker.history("num:a")), [])
        self.assertEqual(self.relay.counts["gaps"], 0)

    def test_published_is_delivered_and_missed(self) -> None:
        """For each subscriber, as soon as the broker is back."""
        readers = [self.reader("num:a") for _ in range(3)]
        self.publish_num("1", "2")
        self.broker.lose()
        self.publish_num("3", "4", "5")
        self.assertEqual(self.missed(), (0, 0))
        self.broker.return_()
        self.assertEqual(self.missed(), (3, 9))
        self.publish_num("6")
        delivered = sum(len(reader.got) for reader in readers)
        self.assertEqual(delivered + self.missed()[1], 6 * 3)

    def test_what_was_on_the_way_is_not_missed(self) -> None:
        """It was counted when the last number was asked for, and is taken back."""
        self.reader("num:a")
        self.publish_num("1")
        heard: list[object] = []
        self.broker.on_run = heard.append
        self.publish_num("2")
        self.relay.back()
        self.assertEqual(self.missed(), (1, 1))
        for run in heard:
            self.relay.delivered(run)  # type: ignore[arg-type]
        self.assertEqual(self.missed(), (0, 0))

    def test_last_one_is_found_when_nothing_follows(self) -> None:
        """It is asked for now and then."""
        self.reader("num:a")
        self.lose("1", channel="num:a")
        for _ in range(40):
            self.relay.tick()
        self.assertEqual(self.missed(), (1, 1))

    def test_nothing_is_counted_before_somebody_listens(self) -> None:
        """Nor after the last one has left."""
        self.publish_num("1", "2")
        reader = self.reader("num:a")
        self.hub.unsubscribe_all(reader)
        self.publish_num("3")
        self.reader("num:a")
        self.publish_num("4")
        self.assertEqual((self.missed(), self.broker.wishes), ((0, 0), ["+num:a", "-num:a", "+num:a"]))

    def test_line_comes_up_when_the_broker_comes_up(self) -> None:
        """A daemon starts while Redis is away; who asks is told."""
        self.broker.away = True
        reader = self.reader("num:a")
        self.failureResultOf(self.relay.subscribed("num:a"), BrokerUnavailable)
        self.relay.tick()
        self.broker.away = False
        self.relay.tick()
        self.successResultOf(self.relay.subscribed("num:a"))
        self.publish_num("1")
        self.lose("2", channel="num:a")
        self.publish_num("3")
        self.assertEqual((reader.got, self.missed()), (["1", "3"], (1, 1)))

    def test_nobody_can_come_back_to_a_position(self) -> None:
        """There is no history to read."""
        self.reader("num:a")
        self.publish_num("1")
        self.assertIsNone(self.relay.position("num:a"))
        self.assertIsNone(self.successResultOf(self.relay.ready("num:a")))
        self.assertEqual(self.texts(self.relay.history("num:a", Position(0, ""), 5)), [])

    def test_answer_is_for_nobody_when_the_line_has_ended_or_was_lost(self) -> None:
        """What was true before is not any more; there is one question at a time."""
        reader = self.reader("num:a")
        self.publish_num("1")
        self.broker.slow = True
        self.lose("2", channel="num:a")
        self.relay.back()
        self.relay.back()
        self.assertEqual(self.broker.open_questions, 1)
        self.relay.lost()
        self.broker.answer()
        self.relay.back()
        self.hub.unsubscribe_all(reader)
        self.broker.answer()
        self.assertEqual(self.missed(), (0, 0))

    def test_bugs_are_logged_when_counting(self) -> None:
        """What is no answer of a broker is ours."""
        self.reader("num:a")
        self.broker.history = lambda *args, **options: fail(KeyError("bug"))  # type: ignore[method-assign]
        self.relay.back()
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_publication_is_plain_when_its_publisher_says_so(self) -> None:
        """It has no number, and is not counted."""
        reader = self.reader("num:a")
        self.relay.publish("num:a", Publication("1"), keep=False)
        self.publish_num("2")
        self.assertEqual((reader.got, self.missed()), (["1", "2"], (0, 0)))
