# -*- test-case-name: tests.test_lines -*-
"""Tests for sockjsd.lines: subscribers of a channel with history get everything, once, in order, or are told."""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.defer import Deferred, fail

from sockjsd.brokers.interface import History
from sockjsd.channels.publications import ClientInfo, Joined, Position, Publication
from sockjsd.errors import BrokerUnavailable
from tests.relay_case import RelayCase


class BeginningTests(RelayCase):
    """The three steps."""

    def test_line_reads_subscribes_and_reads_again(self) -> None:
        """In this order: where the history ends first, so that nothing can come from before that."""
        self.broker.slow = True
        self.reader()
        self.assertEqual((self.broker.reads, self.broker.wishes), ([("news", None, 0)], []))
        self.broker.answer()
        self.assertEqual(self.broker.wishes, ["+news"])
        self.broker.answer()
        self.assertEqual(len(self.broker.reads), 2)

    def test_what_is_published_before_the_confirmation_is_delivered(self) -> None:
        """The second read brings what was published between the first and the subscription, and nothing older."""
        self.publish("old")
        self.broker.slow = True
        reader = self.reader()
        self.lose("1", "2")
        self.broker.answer(2)
        self.publish("3")
        self.assertEqual(reader.got, [])
        self.broker.answer()
        self.assertEqual(reader.got, ["1", "2", "3"])

    def test_line_comes_up_when_the_broker_comes_up(self) -> None:
        """A daemon starts while Redis is away, or before it is connected."""
        self.broker.away = True
        reader = self.reader()
        self.relay.tick()
        self.assertIsNone(self.relay.position("news"))
        self.broker.away = False
        self.publish("1")
        self.relay.tick()
        self.publish("2")
        self.assertEqual(reader.got, ["1", "2"])

    def test_who_asks_is_refused_while_the_broker_is_away(self) -> None:
        """At once, because nobody knows when it will be back."""
        self.broker.away = True
        self.hub.hold("news")
        for answer in (self.relay.history("news", None, 0), self.relay.ready("news")):
            self.failureResultOf(answer, BrokerUnavailable)
        self.failureResultOf(self.relay.subscribed("news"), BrokerUnavailable)

    def test_who_asks_early_is_answered_when_the_line_has_begun(self) -> None:
        """Those who want to know whether it is subscribed, too."""
        self.broker.slow = True
        self.hub.hold("news")
        ready, subscribed = self.relay.ready("news"), self.relay.subscribed("news")
        self.broker.answer()
        self.assertNoResult(subscribed)
        self.broker.answer()
        self.successResultOf(subscribed)
        self.assertNoResult(ready)
        self.broker.answer(2)
        self.assertEqual(self.successResultOf(ready), self.position())

    def test_history_is_read_again_when_the_confirmation_comes_while_it_is_read(self) -> None:
        """What was published in between is delivered at once, and not with the next publication."""
        self.broker.slow = True
        reader = self.reader()
        self.broker.answer()
        self.relay.tick()
        self.lose("1")  # the broker does not know the wish yet
        self.broker.answer(self.broker.open_questions)
        self.broker.answer(self.broker.open_questions)
        self.assertEqual(reader.got, ["1"])

    def test_who_asks_early_gets_everything_when_the_first_read_failed(self) -> None:
        """The second read finds the line without any position, and has to bring publications nevertheless."""
        self.publish("1", channel="cache:a")
        first: Deferred[History] = Deferred()
        patched = self.patch(self.broker, "history", lambda *words, **more: first)
        self.hub.hold("cache:a")
        latest = self.relay.history("cache:a", None, 1, reverse=True)
        patched.restore()
        first.errback(BrokerUnavailable("Redis answers BUSY"))
        self.assertEqual(self.texts(latest), ["1"])

    def test_line_that_ends_early_leaves_nothing_behind(self) -> None:
        """Neither a wish nor anybody who waits."""
        self.broker.slow = True
        self.hub.hold("news")
        ready, subscribed = self.relay.ready("news"), self.relay.subscribed("news")
        self.hub.release("news")
        self.failureResultOf(ready, BrokerUnavailable)
        self.failureResultOf(subscribed, BrokerUnavailable)
        self.broker.answer()
        self.assertEqual((self.broker.wishes, self.broker.open_questions), ([], 0))

    def test_line_that_ends_while_it_reads_hears_no_answer(self) -> None:
        """Whoever waits is told; what was read is for nobody."""
        reader = self.reader()
        self.broker.slow = True
        self.lose("1")
        self.relay.back()
        late = self.relay.history("news", Position(0, "aaaa"), 5)
        self.hub.unsubscribe_all(reader)
        self.failureResultOf(late, BrokerUnavailable)
        self.broker.answer(self.broker.open_questions)
        self.assertEqual((reader.got, self.broker.wishes), ([], ["+news", "-news"]))


class GapTests(RelayCase):
    """What is lost on the way."""

    def test_missing_ones_are_read_before_the_next_is_delivered(self) -> None:
        """Subscribers notice nothing."""
        reader = self.reader()
        self.publish("1")
        self.lose("2", "3")
        self.publish("4")
        self.assertEqual(reader.got, ["1", "2", "3", "4"])
        counts = self.relay.counts
        self.assertEqual((counts["gaps"], counts["repaired"], counts["resets"]), (1, 3, 0))

    def test_what_comes_while_reading_waits(self) -> None:
        """It is delivered after what was missing."""
        reader = self.reader()
        self.broker.slow = True
        self.lose("1")
        self.publish("2", "3")
        self.relay.announce("news", Joined(ClientInfo("ann", "c")))
        self.publish("4")
        self.assertEqual(reader.got, [])
        self.broker.answer()
        self.assertEqual(reader.got, ["1", "2", "3", "ann", "4"])

    def test_last_one_is_found_when_nothing_follows(self) -> None:
        """Lines are compared from time to time."""
        reader = self.reader()
        self.lose("1")
        for _ in range(40):
            self.relay.tick()
        self.assertEqual(reader.got, ["1"])

    def test_subscribers_are_told_when_the_history_is_too_short(self) -> None:
        """And get what is published from then on."""
        reader = self.reader("short:a")
        self.publish("1", channel="short:a")
        self.lose("2", "3", "4", "5", channel="short:a")
        self.publish("6", channel="short:a")
        self.publish("7", channel="short:a")
        self.assertEqual(reader.got, ["1", "!", "7"])
        self.assertEqual(self.relay.counts["resets"], 1)

    def test_hole_is_no_loss_when_only_the_latest_counts(self) -> None:
        """Nobody is told, and everybody has the latest one."""
        reader = self.reader("cache:a")
        self.lose("1", "2", "3", channel="cache:a")
        self.publish("4", channel="cache:a")
        self.assertEqual(reader.got, ["4"])
        self.assertEqual(self.relay.counts["resets"], 0)

    def test_reading_is_tried_again_when_it_failed(self) -> None:
        """Once a second; what comes meanwhile is held."""
        reader = self.reader()
        self.lose("1")
        impossible = replace(self.top(), offset=9)
        self.broker.away = True
        self.relay.delivered({"news": [impossible]})
        self.relay.tick()
        self.broker.away = False
        self.assertEqual(reader.got, [])
        self.relay.tick()
        self.assertEqual(reader.got, ["1"])

    def test_reading_again_and_again_ends(self) -> None:
        """A line that is never sound waits for the next second instead of keeping the process busy."""
        self.reader()
        impossible = replace(self.top(), offset=9)
        reads = len(self.broker.reads)
        self.broker.slow = True
        self.relay.delivered({"news": [impossible]})
        for _ in range(20):
            if self.broker.open_questions:
                self.broker.answer()
        self.assertEqual((self.broker.open_questions, len(self.broker.reads) - reads), (0, 4))
        self.relay.tick()
        self.assertEqual(self.broker.open_questions, 1)

    def top(self) -> Publication:
        """Return a publication in the present epoch."""
        history = self.successResultOf(self.broker.history("news"))
        return Publication("x", history.position.offset, history.position.epoch, "ffffffff")


class LossTests(RelayCase):
    """A broker that was away."""

    def test_what_was_published_meanwhile_is_delivered(self) -> None:
        """As if nothing had happened."""
        reader = self.reader()
        self.publish("1")
        self.broker.lose()
        self.publish("2", "3")
        self.broker.return_()
        self.publish("4")
        self.assertEqual(reader.got, ["1", "2", "3", "4"])
        self.assertEqual(self.relay.counts["resets"], 0)

    def test_what_comes_first_is_compared_first(self) -> None:
        """It may be from an older Redis that has reused offsets: 3 looks like the next one, and is not."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        self.broker.lose()
        self.broker.away = False
        self.broker.slow = True
        self.broker.return_(older=older)
        self.broker.slow, self.broker.deaf = False, True
        self.publish("2'")
        self.broker.deaf = False
        self.publish("3'")
        self.assertEqual(reader.got, ["1", "2"])
        self.broker.answer()
        self.assertEqual(reader.got[:3], ["1", "2", "!"])
        self.assertNotIn("3'", reader.got[:3])
        self.assertEqual(self.relay.counts["rollbacks"], 1)

    def test_subscribers_are_told_when_redis_came_back_older(self) -> None:
        """What they saw does not exist any more; a new epoch tells those who come back, too."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        epoch = self.position().epoch
        self.broker.lose()
        self.broker.return_(older=older)
        self.assertEqual((reader.got, self.broker.renewals), (["1", "2", "!"], [epoch]))
        self.assertNotEqual(self.position().epoch, epoch)
        self.publish("2'")
        self.assertEqual(reader.got, ["1", "2", "!", "2'"])

    def test_subscribers_are_told_when_an_offset_was_given_again(self) -> None:
        """The history is as long as it was, but its last entry is another one."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        self.broker.lose()
        self.broker._archive = older  # type: ignore[assignment]
        self.broker._archive._random.seed(99)
        self.publish("2'")
        self.broker.return_()
        self.assertEqual(reader.got, ["1", "2", "!"])

    def test_nobody_is_told_when_an_older_redis_lost_nothing_of_the_channel(self) -> None:
        """Its last entry is the one that was delivered."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("x", channel="other")
        self.broker.lose()
        self.broker.return_(older=older)
        self.assertEqual((reader.got, self.broker.renewals), (["1"], []))

    def test_subscribers_are_told_when_redis_lost_everything(self) -> None:
        """The epoch is another one."""
        empty = self.broker.snapshot()
        reader = self.reader()
        self.publish("1")
        self.broker.lose()
        self.broker.return_(older=empty)
        self.publish("2")
        self.assertEqual((reader.got, self.broker.renewals), (["1", "!", "2"], []))

    def test_one_node_renews_and_the_others_follow(self) -> None:
        """Who finds a new epoch already begun tells its subscribers and goes on."""
        reader = self.reader()
        self.publish("1", "2")
        self.broker.lose()
        self.broker.away = False
        top = self.successResultOf(self.broker.history("news")).position
        self.successResultOf(self.broker.renew("news", top.epoch))
        self.broker.return_()
        self.assertEqual(reader.got, ["1", "2", "!"])

    def test_renewal_is_tried_again_when_it_failed(self) -> None:
        """Nothing passes before that."""
        reader = self.reader_of_what_is_gone()
        self.broker.away = True
        self.broker.answer()
        self.broker.away = self.broker.slow = False
        self.assertEqual(reader.got, ["1", "2"])
        self.relay.tick()
        self.assertEqual(reader.got, ["1", "2", "!"])

    def test_renewal_is_for_nobody_when_the_line_has_ended(self) -> None:
        """The new epoch holds for who comes next."""
        reader = self.reader_of_what_is_gone()
        self.hub.unsubscribe_all(reader)
        self.broker.answer()
        self.assertEqual((reader.got, self.broker.open_questions), (["1", "2"], 0))

    def test_line_begins_in_its_own_time_when_the_broker_is_back_meanwhile(self) -> None:
        """It has not been asked for anything yet."""
        self.broker.slow = True
        reader = self.reader()
        self.relay.back()
        self.broker.answer(self.broker.open_questions)
        self.broker.answer(self.broker.open_questions)
        self.broker.answer(self.broker.open_questions)
        self.publish("1")
        self.assertEqual((reader.got, self.broker.wishes), (["1"], ["+news"]))

    def test_answer_from_before_the_loss_tells_nothing(self) -> None:
        """Who waits for it is refused, and asks again."""
        reader = self.reader()
        self.broker.slow = True
        late = self.relay.history("news", Position(0, ""), 5)
        self.relay.lost()
        self.broker.answer()
        self.failureResultOf(late, BrokerUnavailable)
        self.assertEqual(reader.got, [])

    def test_renewal_is_forgotten_when_the_broker_is_lost_again(self) -> None:
        """It is found again when it is back."""
        reader = self.reader_of_what_is_gone()
        self.broker.lose()
        self.broker.answer()
        self.broker.slow = False
        self.broker.return_()
        self.assertEqual(reader.got, ["1", "2", "!"])

    def test_who_asks_is_refused_when_the_broker_is_lost_while_an_epoch_begins(self) -> None:
        """Another connection may still answer: nobody has to wait until the lost one is back."""
        self.reader_of_what_is_gone()
        late = self.relay.history("news", Position(0, ""), 5)
        self.relay.lost()
        self.broker.answer(self.broker.open_questions)
        self.failureResultOf(late, BrokerUnavailable)

    def test_rollback_is_found_when_the_channel_is_wanted_again(self) -> None:
        """A client that comes back to a node that had left the channel has seen what is not there any more."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        seen = self.position()
        self.hub.unsubscribe_all(reader)
        self.broker.lose()
        self.broker.return_(older=older)
        self.publish("2'", "3'")
        reader = self.reader()
        self.assertEqual((reader.got, self.broker.renewals), ([], [seen.epoch]))
        self.assertNotEqual(self.position().epoch, seen.epoch)
        self.publish("4'")
        self.assertEqual(reader.got, ["4'"])

    def test_bugs_are_logged_when_reading(self) -> None:
        """What is no answer of a broker is ours."""
        self.reader()
        self.broker.history = lambda *args, **options: self.failed(KeyError("bug"))  # type: ignore[method-assign]
        late = self.relay.history("news", Position(0, ""), 5)
        self.failureResultOf(late, BrokerUnavailable)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def failed(self, error: Exception) -> object:
        """Return a Deferred that has failed."""
        return fail(error)


class JoinTests(RelayCase):
    """Who comes back, or comes first."""

    def test_new_one_is_answered_from_memory(self) -> None:
        """Where the channel stands is known."""
        self.reader()
        self.publish("1")
        reads = len(self.broker.reads)
        newcomer = self.join(None)
        self.publish("2")
        self.assertEqual((newcomer.got, len(self.broker.reads)), (["2"], reads))

    def test_who_comes_back_gets_what_it_missed_and_what_follows(self) -> None:
        """Everything once."""
        self.publish("1", "2")
        since = replace(self.successResultOf(self.broker.history("news")).position, offset=1)
        reader = self.join(since)
        self.publish("3")
        self.assertEqual(reader.got, ["2", "3"])

    def test_what_comes_while_it_is_read_is_not_missed(self) -> None:
        """Nor is it there twice, whether it is in what was read or not."""
        self.reader()
        self.publish("1")
        since = self.position()
        self.publish("2")
        self.broker.slow = True
        before = self.join(since)
        self.publish("3")
        during = self.join(since)
        self.broker.answer()
        self.publish("4")
        self.assertEqual((before.got, during.got), (["2", "3", "4"], ["2", "3", "4"]))
        self.assertEqual(self.broker.open_questions, 0)

    def test_others_get_first_what_only_the_read_has(self) -> None:
        """It was lost, or is still on the way: whoever joins stands where everybody stands."""
        reader = self.reader()
        self.publish("1")
        since = self.position()
        self.lose("2")
        late = self.join(since)
        self.assertEqual((reader.got, late.got), (["1", "2"], ["2"]))

    def test_thousands_share_one_read(self) -> None:
        """Those who ask while it is under way, and those who come within some seconds after it."""
        reader = self.reader()
        self.publish(*map(str, range(110)))
        since = replace(self.position(), offset=10)
        reads = len(self.broker.reads)
        self.broker.slow = True
        storm = [self.join(replace(since, offset=10 + turn % 20)) for turn in range(2500)]
        self.broker.answer()
        storm += [self.join(replace(since, offset=20 + turn % 20)) for turn in range(2500)]
        self.broker.answer(self.broker.open_questions)
        self.publish("last")
        self.assertLessEqual(len(self.broker.reads) - reads, 3)
        for turn, each in enumerate(storm):
            begin = 10 + turn % 20 + (10 if turn >= 2500 else 0)
            self.assertEqual(each.got, reader.got[begin:])

    def test_history_is_read_again_when_some_seconds_have_passed(self) -> None:
        """What was read is not kept for long."""
        self.reader()
        self.publish("1", "2")
        since = replace(self.position(), offset=1)
        self.join(since)
        reads = len(self.broker.reads)
        self.join(since)
        self.assertEqual(len(self.broker.reads), reads)
        for _ in range(5):
            self.relay.tick()
        self.assertEqual(self.join(since).got, ["2"])
        self.assertGreater(len(self.broker.reads), reads)

    def test_history_is_read_again_when_a_gap_was_closed_meanwhile(self) -> None:
        """What was kept for who comes back lacks what the read for the gap brought."""
        self.reader()
        self.publish("1", "2")
        since = replace(self.position(), offset=1)
        self.join(since)
        self.lose("3")
        self.publish("4", "5")
        self.assertEqual(self.join(since).got, ["2", "3", "4", "5"])

    def test_history_is_read_again_when_an_epoch_has_begun_meanwhile(self) -> None:
        """Nobody gets what was kept of the old one."""
        self.reader()
        self.publish("1", "2")
        self.join(replace(self.position(), offset=1))
        self.broker.renew("news", self.position().epoch)
        self.publish("a", "b")
        self.assertEqual(self.join(replace(self.position(), offset=1)).got, ["b"])

    def test_older_position_is_read_again(self) -> None:
        """What was read for one may not reach back far enough for another."""
        self.reader()
        self.publish("1", "2", "3")
        self.assertEqual(self.join(replace(self.position(), offset=2)).got, ["3"])
        self.assertEqual(self.join(replace(self.position(), offset=1)).got, ["2", "3"])

    def test_limit_is_kept(self) -> None:
        """The oldest come first; who asks sees that they do not reach to the position."""
        self.reader()
        self.publish("1", "2", "3")
        since = Position(0, self.position().epoch)
        for _ in range(2):  # read, and from memory
            history = self.successResultOf(self.relay.history("news", since, 2))
            self.assertEqual([each.data for each in history.publications], ["1", "2"])
            self.assertEqual(history.position.offset, 3)
        self.assertEqual(self.texts(self.relay.history("news", since, -1)), ["1", "2", "3"])

    def test_who_is_ahead_is_answered_after_one_look(self) -> None:
        """It has seen more than there is: a read tells, and another one changes nothing."""
        self.reader()
        self.publish("1")
        reads = len(self.broker.reads)
        history = self.successResultOf(self.relay.history("news", replace(self.position(), offset=7), 5))
        self.assertEqual((history.publications, history.position), ([], self.position()))
        self.assertEqual(len(self.broker.reads), reads + 1)

    def test_who_is_ahead_is_right_when_something_is_on_the_way(self) -> None:
        """Another node was quicker: this one catches up first."""
        reader = self.reader()
        self.publish("1")
        self.lose("2")
        since = self.successResultOf(self.broker.history("news")).position
        late = self.join(since)
        self.publish("3")
        self.assertEqual((reader.got, late.got), (["1", "2", "3"], ["3"]))

    def test_another_epoch_is_looked_up_once(self) -> None:
        """Ours may be the old one; who comes from an older one gets nothing and sees the new one."""
        self.reader()
        self.publish("1")
        reads = len(self.broker.reads)
        for _ in range(3):
            history = self.successResultOf(self.relay.history("news", Position(0, "older"), 5))
            self.assertEqual((history.publications, history.position), ([], self.position()))
        self.assertEqual(len(self.broker.reads), reads + 1)

    def test_latest_is_read_once_for_all(self) -> None:
        """Where only the latest counts."""
        self.reader("cache:a")
        self.publish("1", "2", channel="cache:a")
        reads = len(self.broker.reads)
        for _ in range(3):
            self.assertEqual(self.texts(self.relay.history("cache:a", None, 1, reverse=True)), ["2"])
        self.publish("3", channel="cache:a")
        self.assertEqual(self.texts(self.relay.history("cache:a", None, 1, reverse=True)), ["3"])
        self.assertEqual(len(self.broker.reads), reads + 1)

    def test_there_is_no_latest_when_nothing_was_published(self) -> None:
        """An empty answer, from memory too."""
        self.reader("cache:a")
        for _ in range(2):
            self.assertEqual(self.texts(self.relay.history("cache:a", None, 1, reverse=True)), [])

    def test_who_joins_in_answer_to_a_delivery_misses_nothing(self) -> None:
        """It stands after what is being delivered, whoever has got that already."""
        first, second = self.reader(), self.reader()
        self.publish("1")
        since = self.position()
        late: list[object] = []
        first.reaction = lambda: late or late.append(self.join(since))
        self.publish("2", "3")
        (joined,) = late
        self.assertEqual(second.got, ["1", "2", "3"])
        self.assertEqual(joined.got, ["2", "3"])  # type: ignore[attr-defined]
