# -*- test-case-name: tests.test_relay -*-
"""Tests for sockjsd.relay: what stands between the broker and the hub."""

from __future__ import annotations

from sockjsd import relay as module
from sockjsd.channels.publications import ClientInfo, Joined, Left, Position, Publication
from sockjsd.errors import BrokerUnavailable
from tests.relay_case import RelayCase


class PassingTests(RelayCase):
    """What goes through."""

    def test_channels_without_history_pass_as_they_are(self) -> None:
        """Nothing is read for them; one without a namespace is one of them."""
        for channel in ("live:a", "nowhere:a"):
            with self.subTest(channel=channel):
                reader = self.reader(channel)
                self.publish("1", "2", channel=channel)
                self.assertEqual(reader.got, ["1", "2"])
                self.hub.unsubscribe_all(reader)
        self.assertEqual((self.broker.reads, self.relay.counts["lines"]), ([], 0))
        self.assertEqual(self.broker.wishes, ["+live:a", "-live:a", "+nowhere:a", "-nowhere:a"])

    def test_run_passes_in_one_piece(self) -> None:
        """What is ready of each channel, in the order of the run; what has to wait follows."""
        runs: list[list[str]] = []
        self.relay._deliver = lambda run: (runs.append(list(run)), self.hub.delivered(run))  # type: ignore[assignment,func-returns-value]
        live, kept, late = self.reader("live:a"), self.reader(), self.reader("other")
        self.publish("1")
        self.lose("1", channel="other")
        top = self.position()
        gap = Publication("2", 2, self.position("other").epoch, "ffffffff")
        following = Publication("2", top.offset + 1, top.epoch, "ffffffff")
        self.broker.slow = True
        self.relay.delivered({"live:a": [Publication("x")], "other": [gap], "news": [following]})
        self.assertEqual(runs[-1], ["live:a", "news"])
        self.assertEqual((live.got, kept.got, late.got), (["x"], ["1", "2"], []))
        self.broker.answer()
        self.assertEqual(late.got, ["1", "2"])

    def test_nothing_is_handed_on_when_all_has_to_wait(self) -> None:
        """An empty run is none."""
        runs: list[object] = []
        self.reader()
        self.relay._deliver = runs.append
        self.broker.slow = True
        self.relay.delivered({"news": [Publication("9", 9, self.position().epoch, "ffffffff")]})
        self.assertEqual(runs, [])

    def test_publications_in_answer_to_one_follow_it(self) -> None:
        """Everybody sees the same order, although the first one answers before the second has the question."""
        first, second = self.reader(), self.reader()
        first.reaction = lambda: len(first.got) == 1 and self.publish("answer")
        self.publish("question")
        self.assertEqual((first.got, second.got), (["question", "answer"], ["question", "answer"]))

    def test_others_go_on_when_handing_on_fails(self) -> None:
        """A bug is logged, and costs what it hit."""
        reader = self.reader()
        self.relay.serially(lambda: 1 // 0)  # type: ignore[arg-type,return-value]
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.publish("1")
        self.assertEqual(reader.got, ["1"])

    def test_who_comes_and_goes_is_announced(self) -> None:
        """On channels with and without history."""
        for channel in ("news", "live:a"):
            reader = self.reader(channel)
            self.relay.announce(channel, Joined(ClientInfo("ann", "c")))
            self.relay.announce(channel, Left(ClientInfo("bob", "d")))
            self.assertEqual(reader.got, ["ann", "bob"])


class PublishTests(RelayCase):
    """What is kept."""

    def kept(self, channel: str) -> list[str]:
        """Return what the history has."""
        return self.texts(self.broker.history(channel))

    def test_publication_is_kept_where_the_namespace_says_so(self) -> None:
        """As many as it says; elsewhere none."""
        self.publish("1", "2", "3", "4", channel="short:a")
        self.publish("1", channel="live:a")
        self.publish("1", channel="nowhere:a")
        found = [self.kept(channel) for channel in ("short:a", "live:a", "nowhere:a")]
        self.assertEqual(found, [["2", "3", "4"], [], []])

    def test_publication_is_not_kept_when_its_publisher_says_so(self) -> None:
        """It is live only, and counted as that."""
        reader = self.reader()
        self.successResultOf(self.relay.publish("news", Publication("1"), keep=False))
        self.assertEqual((reader.got, self.kept("news"), self.relay.counts["plain"]), (["1"], [], 1))

    def test_history_is_kept_for_as_long_as_the_namespace_says(self) -> None:
        """Then it is gone, and who comes back is not told wrong: the position is still known."""
        self.reader()
        self.publish("1")
        self.broker.now = 61.0
        self.assertEqual(self.kept("news"), [])
        self.relay.back()
        self.assertEqual((self.position().offset, self.relay.counts["resets"]), (1, 0))


class AnswerTests(RelayCase):
    """Questions about a channel."""

    def test_subscribed_and_ready_ask_the_broker_where_there_is_no_history(self) -> None:
        """There is no position then."""
        self.hub.hold("live:a")
        self.broker.slow = True
        subscribed, ready = self.relay.subscribed("live:a"), self.relay.ready("live:a")
        self.assertNoResult(subscribed)
        self.broker.answer(2)
        self.successResultOf(subscribed)
        self.assertIsNone(self.successResultOf(ready))
        self.assertIsNone(self.relay.position("live:a"))

    def test_ready_tells_the_position(self) -> None:
        """How far those who listen have got everything."""
        self.reader()
        self.publish("1", "2")
        self.assertEqual(self.successResultOf(self.relay.ready("news")), self.position())
        self.assertEqual(self.position().offset, 2)

    def test_position_is_unknown_while_something_is_missing(self) -> None:
        """It may be another one in a moment."""
        self.reader()
        self.relay.lost()
        self.assertIsNone(self.relay.position("news"))

    def test_history_is_read_from_the_broker_where_nobody_listens(self) -> None:
        """For the server API, and for pages that show what was said before."""
        self.publish("1", "2", "3")
        self.assertEqual(self.texts(self.relay.history("news")), ["1", "2", "3"])
        self.assertEqual(self.texts(self.relay.history("news", None, 2, reverse=True)), ["3", "2"])
        self.assertEqual(self.texts(self.relay.history("news", Position(1), 1)), ["2"])

    def test_pages_are_read_from_the_broker_when_somebody_listens(self) -> None:
        """The newest ones, or those before a position: nobody joins with them."""
        self.reader()
        self.publish("1", "2", "3")
        self.assertEqual(self.texts(self.relay.history("news", None, 2, reverse=True)), ["3", "2"])
        self.assertEqual(self.texts(self.relay.history("news", Position(3), 5, reverse=True)), ["2", "1"])
        self.assertEqual(self.texts(self.relay.history("news", None, 2)), ["1", "2"])

    def test_same_page_is_read_once_for_all_who_ask_meanwhile(self) -> None:
        """A thousand clients load the same history when a page begins."""
        self.publish("1", "2")
        self.broker.slow = True
        answers = [self.relay.history("news", None, 5, reverse=True) for _ in range(1000)]
        other = self.relay.history("news", None, 1, reverse=True)
        self.assertEqual(self.broker.open_questions, 2)
        self.broker.answer(2)
        self.assertEqual({tuple(self.texts(answer)) for answer in answers}, {("2", "1")})
        self.assertEqual(self.texts(other), ["2"])
        self.relay.history("news", None, 5, reverse=True)
        self.assertEqual(self.broker.open_questions, 1)

    def test_same_page_is_read_again_when_asking_raised(self) -> None:
        """That is a bug, and costs nobody but who met it."""

        def history(*words: object, **more: object) -> None:
            raise ZeroDivisionError

        patched = self.patch(self.broker, "history", history)
        self.assertRaises(ZeroDivisionError, self.relay.history, "news")
        patched.restore()
        self.successResultOf(self.relay.history("news"))

    def test_all_who_ask_are_told_when_the_broker_is_away(self) -> None:
        """Each of them."""
        self.broker.slow = True
        answers = [self.relay.history("news", None, 5) for _ in range(3)]
        self.broker.away = True
        self.broker.answer()
        for answer in answers:
            self.failureResultOf(answer, BrokerUnavailable)

    def test_counts_tell_reads_and_answers(self) -> None:
        """So that one can see that a storm cost a handful of reads."""
        self.reader()
        self.publish("1", "2")
        before = self.relay.counts
        for _ in range(100):
            self.relay.history("news", Position(1, self.position().epoch), 5)
        after = self.relay.counts
        self.assertEqual((after["reads"] - before["reads"], after["answers"] - before["answers"]), (1, 100))
        self.assertEqual(after["lines"], 1)


class CheckTests(RelayCase):
    """When lines are compared."""

    def test_each_line_is_compared_once_a_round(self) -> None:
        """Spread over it, so that Redis does not get all questions at once."""
        for number in range(200):
            self.hub.hold(f"news{number}")
        self.relay.tick()  # those who have just begun are looked after once
        before = len(self.broker.reads)
        counts = []
        for _ in range(module.CHECK_TURNS):
            reads = len(self.broker.reads)
            self.relay.tick()
            counts.append(len(self.broker.reads) - reads)
        self.assertEqual(len(self.broker.reads) - before, 200)
        self.assertLess(max(counts), 25)

    def test_comparisons_wait_for_each_other(self) -> None:
        """After a loss all lines are due, and Redis has others to serve."""
        for number in range(100):
            self.hub.hold(f"news{number}")
        self.broker.slow = True
        self.relay.back()
        self.assertEqual(self.broker.open_questions, module.READS_AT_ONCE)
        self.broker.answer(10)
        self.assertEqual(self.broker.open_questions, module.READS_AT_ONCE)
        self.broker.answer(90)
        self.assertEqual(self.broker.open_questions, 0)

    def test_nothing_is_compared_while_the_broker_is_away(self) -> None:
        """And nothing piles up."""
        self.hub.hold("news")
        self.broker.lose()
        reads = len(self.broker.reads)
        for _ in range(100):
            self.relay.tick()
        self.assertEqual((len(self.broker.reads), len(self.relay._checks)), (reads, 0))

    def test_channels_that_were_left_are_compared_when_the_broker_is_back(self) -> None:
        """Whoever comes back to one, here or at another node, finds a new epoch."""
        reader = self.reader()
        self.publish("1")
        older = self.broker.snapshot()
        self.publish("2")
        left = self.position()
        self.hub.unsubscribe_all(reader)
        self.broker.lose()
        self.broker.return_(older=older)
        self.assertEqual((self.broker.renewals, self.relay.seen.rollbacks), ([left.epoch], 1))
        self.assertEqual(self.texts(self.relay.history("news", left)), [])

    def test_nothing_is_renewed_where_somebody_listens_again(self) -> None:
        """The line does that."""
        reader = self.reader()
        self.publish("1")
        self.hub.unsubscribe_all(reader)
        self.reader()
        reads = len(self.broker.reads)
        self.broker.lose()
        self.broker.return_()
        self.assertEqual(len(self.broker.reads) - reads, 1)
        self.assertEqual(self.broker.renewals, [])

    def test_line_leaves_nothing_when_it_ends(self) -> None:
        """Neither in the round nor among those who wait."""
        reader = self.reader()
        self.relay.history("news", Position(0, self.position().epoch), 5)
        self.hub.unsubscribe_all(reader)
        self.assertEqual((self.relay._lines, self.relay._shelved, self.relay._unsound), ({}, set(), set()))
        self.assertFalse(any(self.relay._turns))

    def test_line_leaves_nothing_when_it_ends_while_it_is_read(self) -> None:
        """The answer is for nobody, and the broker is asked for nothing."""
        self.broker.slow = True
        self.hub.hold("news")
        self.hub.release("news")
        self.assertEqual(self.broker.wishes, [])
        self.hub.hold("news")
        self.broker.answer(self.broker.open_questions)
        self.broker.answer(self.broker.open_questions)
        self.hub.release("news")
        self.broker.answer(self.broker.open_questions)
        self.assertEqual(
            (self.broker.wishes, self.relay._shelved, self.relay._unsound), (["+news", "-news"], set(), set())
        )

    def test_what_a_read_brought_is_kept_for_some_seconds(self) -> None:
        """And not for ever: nobody may come any more."""
        self.reader()
        self.relay.history("news", Position(0, self.position().epoch), 5)
        for _ in range(4):
            self.relay.tick()
        self.assertEqual(len(self.relay._shelved), 1)
        self.relay.tick()
        self.assertEqual(len(self.relay._shelved), 0)

    def test_owners_are_told_when_a_history_ends(self) -> None:
        """And a line that could not be mended is looked after a second later."""
        reader = self.reader_of_what_is_gone()
        self.assertEqual(len(self.relay._unsound), 1)
        self.broker.answer()
        self.assertEqual(reader.got, ["1", "2", "!"])
        self.relay.tick()
        self.assertEqual(len(self.relay._unsound), 0)
