# -*- test-case-name: tests.test_resting -*-
"""Tests for sockjsd.resting: positions of channels that were left, compared after each loss of the broker."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from sockjsd import resting as module
from sockjsd.brokers.interface import History
from sockjsd.brokers.values import META_TTL, Keeping
from sockjsd.channels.publications import Position, Publication
from sockjsd.channels.timeline import TimelineCounts
from sockjsd.resting import Resting
from tests.far_broker import FarBroker

KEEP = Keeping(100, 60.0)


class BrokenBroker(FarBroker):
    """One with a bug."""

    def history(
        self,
        channel: str,
        since: Position | None = None,
        limit: int = -1,
        *,
        reverse: bool = False,
        meta_ttl: float = META_TTL,
    ) -> Deferred[History]:
        """Fail for no good reason."""
        return fail(KeyError(channel))


class RestingTests(SynchronousTestCase):
    """Channels that were left."""

    def setUp(self) -> None:
        """A broker with an older self."""
        self.use(FarBroker())
        self.older = self.broker.snapshot()

    def use(self, broker: FarBroker) -> None:
        """Join the parts."""
        self.broker = broker
        self.seen = TimelineCounts()
        self.resting = Resting(broker, self.seen, meta_ttl=META_TTL)
        broker.on_lost, broker.on_back = self.resting.lost, self.resting.back

    def leave(self, channel: str, *texts: str) -> Position:
        """Publish *texts*, and leave the channel after them."""
        for text in texts:
            published = self.successResultOf(self.broker.publish(channel, Publication(text), KEEP))
        self.resting.put(channel, published.position)
        return published.position

    def come_back(self, older: object = None) -> None:
        """Lose the broker, and let it be back."""
        self.broker.lose()
        self.broker.return_(older=older)

    def test_position_is_given_back_once(self) -> None:
        """After that, a line knows better."""
        position = self.leave("a", "1")
        self.assertEqual((self.resting.take("a"), self.resting.take("a")), (position, None))
        self.assertIsNone(self.resting.take("never there"))

    def test_positions_are_remembered_up_to_a_number(self) -> None:
        """The last ones; those of which nothing is known are not."""
        self.patch(module, "MOST", 3)
        for number in range(5):
            self.leave(f"a{number}", "1")
        self.resting.put("unknown", Position())
        self.assertEqual(self.resting.channels(), ["a2", "a3", "a4"])

    def test_history_that_joins_up_is_left_alone(self) -> None:
        """Also when it has gone on, was trimmed, or nothing had ever been published."""
        positions = [self.leave("a", "1"), self.leave("b", "1", "2")]
        nothing = self.successResultOf(self.broker.history("c", None, 0)).position
        self.resting.put("c", nothing)
        for text in ("2", "3", "4"):
            self.broker.publish("a", Publication(text), Keeping(2, 60.0))
        self.broker.publish("c", Publication("1"), KEEP)
        self.come_back()
        self.assertEqual((self.broker.renewals, self.seen.rollbacks), ([], 0))
        self.assertEqual([self.resting.take(name) for name in "abc"], [*positions, nothing])

    def test_history_that_ends_before_the_position_is_begun_anew(self) -> None:
        """Before somebody publishes what would have the same offset."""
        self.leave("a", "1")
        self.older = self.broker.snapshot()
        position = self.leave("a", "2")
        self.come_back(self.older)
        self.assertEqual((self.broker.renewals, self.seen.rollbacks), ([position.epoch], 1))
        self.assertEqual(self.resting.channels(), [])
        top = self.successResultOf(self.broker.history("a", None, 0)).position
        self.assertNotEqual(top.epoch, position.epoch)

    def test_history_with_another_entry_at_the_position_is_begun_anew(self) -> None:
        """Its tag tells, although offset and epoch are the same."""
        self.leave("a", "1")
        self.older = self.broker.snapshot()
        position = self.leave("a", "2")
        self.broker.lose()
        self.broker.on_back = lambda: None
        self.broker.return_(older=self.older)
        for text in ("x", "y"):
            self.broker.publish("a", Publication(text), KEEP)
        self.resting.back()
        self.assertEqual(self.broker.renewals, [position.epoch])

    def test_history_of_another_epoch_is_no_business_of_ours(self) -> None:
        """Whoever comes back is told anyway."""
        self.leave("a", "1")
        self.come_back(self.older)
        self.assertEqual(self.broker.renewals, [])

    def test_few_are_compared_at_a_time(self) -> None:
        """All of them, in the end."""
        self.leave_many(20)
        self.broker.slow = True
        self.come_back()
        self.assertEqual((self.broker.open_questions, len(self.broker.reads)), (module.AT_ONCE, module.AT_ONCE))
        self.broker.answer(5)
        self.assertEqual((self.broker.open_questions, len(self.broker.reads)), (module.AT_ONCE, module.AT_ONCE + 5))
        self.broker.answer(15)
        self.assertEqual((self.broker.open_questions, len(self.broker.reads)), (0, 20))

    def test_thousands_of_answers_at_once_are_no_recursion(self) -> None:
        """However deep Python's stack is."""
        self.leave_many(3000)
        self.come_back()
        self.assertEqual(len(self.broker.reads), 3000)

    def leave_many(self, count: int) -> None:
        """Leave so many channels."""
        for number in range(count):
            self.leave(f"a{number}", "1")

    def test_line_that_follows_the_channel_again_renews_it_itself(self) -> None:
        """What rested is not compared any more, when it is taken while the question is open."""
        self.leave("a", "1")
        self.older = self.broker.snapshot()
        self.leave("a", "2")
        self.broker.slow = True
        self.come_back(self.older)
        self.resting.take("a")
        self.broker.answer()
        self.assertEqual((self.broker.renewals, self.broker.open_questions), ([], 0))

    def test_second_outage_begins_anew(self) -> None:
        """What could not be compared in the first one is compared after the second, and not forgotten."""
        self.leave_many(20)
        self.older = self.broker.snapshot()
        self.leave("a0", "2")
        self.broker.slow = True
        self.come_back(self.older)
        self.broker.lose()
        self.broker.answer(self.broker.open_questions)
        self.assertEqual((len(self.resting.channels()), self.broker.open_questions), (20, 0))
        self.broker.slow = False
        self.broker.return_()
        self.assertEqual((len(self.broker.renewals), len(self.resting.channels())), (1, 19))

    def test_position_is_kept_until_the_new_epoch_has_begun(self) -> None:
        """If the broker is lost again before, the next comparison finds the same."""
        self.leave("a", "1")
        self.older = self.broker.snapshot()
        self.leave("a", "2")
        self.broker.slow = True
        self.come_back(self.older)
        self.broker.answer()
        self.broker.lose()
        self.broker.answer()
        self.assertEqual((self.resting.channels(), self.seen.rollbacks), (["a"], 0))

    def test_bug_is_logged_and_costs_one_channel(self) -> None:
        """The others are compared all the same."""
        self.use(BrokenBroker())
        for number in range(3):
            self.resting.put(f"a{number}", Position(1, "e", "00000001"))
        self.come_back()
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 3)
