# -*- test-case-name: tests.channels.test_timeline -*-
"""Tests for sockjsd.channels.timeline: order, repetitions, gaps, epochs and tags."""

from __future__ import annotations

from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.channels import timeline as module
from sockjsd.channels.publications import ClientInfo, Item, Joined, Position, Publication
from sockjsd.channels.timeline import Timeline, TimelineCounts, Verdict, judge

JOIN = Joined(ClientInfo("42", "c1"))
PLAIN = Publication("plain")


def pub(offset: int, epoch: str = "aaaa", tag: str = "") -> Publication:
    """The publication with this offset; its tag is its own unless said otherwise."""
    return Publication(f"{epoch}{offset}", offset, epoch, tag or f"{offset:08x}")


def at(offset: int, epoch: str = "aaaa", tag: str = "") -> Position:
    """The position of that publication."""
    return pub(offset, epoch, tag).position


def pubs(*offsets: int, epoch: str = "aaaa") -> list[Publication]:
    """Several of them."""
    return [pub(offset, epoch) for offset in offsets]


#: What was delivered last; what the history has from one before it on; where it ends; what that tells.
VERDICTS: list[tuple[str, Position, list[Publication], Position, Verdict]] = [
    ("nothing is new", at(5), pubs(5), at(5), Verdict.JOINS_UP),
    ("some is new", at(5), pubs(5, 6, 7), at(7), Verdict.JOINS_UP),
    ("more was read than needed", at(5), pubs(3, 4, 5, 6), at(6), Verdict.JOINS_UP),
    ("the beginning", at(0), pubs(1, 2), at(2), Verdict.JOINS_UP),
    ("the beginning, trimmed", at(0), pubs(2, 3), at(3), Verdict.HOLE),
    ("a channel without publications", at(0), [], at(0), Verdict.JOINS_UP),
    ("ours was trimmed, the next is there", at(5), pubs(6, 7), at(7), Verdict.JOINS_UP),
    ("the next was trimmed", at(5), pubs(7, 8), at(8), Verdict.HOLE),
    ("all expired, nothing new", at(5), [], at(5), Verdict.JOINS_UP),
    ("all expired, some was new", at(5), [], at(7), Verdict.HOLE),
    ("all expired, the tag is not known any more", at(5), [], Position(5, "aaaa"), Verdict.JOINS_UP),
    ("all expired, and another one was there", at(5), [], at(5, tag="ffffffff"), Verdict.ROLLED_BACK),
    ("older than we are", at(5), pubs(4), at(4), Verdict.ROLLED_BACK),
    ("another one in our place", at(5), [pub(5, tag="ffffffff"), pub(6)], at(6), Verdict.ROLLED_BACK),
    ("our own tag is not known", Position(5, "aaaa"), pubs(5, 6), at(6), Verdict.JOINS_UP),
    ("its tag is not known", at(5), [Publication("x", 5, "aaaa"), pub(6)], at(6), Verdict.JOINS_UP),
    ("another history", at(5), pubs(5, epoch="bbbb"), at(5, "bbbb"), Verdict.NEW_EPOCH),
    ("another history that is short", at(5), [], at(0, "bbbb"), Verdict.NEW_EPOCH),
]


class JudgeTests(TestCase):
    """What a history tells."""

    def test_verdict_follows_from_the_entry_at_the_anchor(self) -> None:
        """Every way in which a history can go on, or not."""
        for name, anchor, publications, top, verdict in VERDICTS:
            with self.subTest(name):
                self.assertIs(judge(anchor, publications, top), verdict)


class TimelineCase(TestCase):
    """A timeline at offset 5."""

    def setUp(self) -> None:
        """Begin."""
        self.counts = TimelineCounts()
        self.timeline = self.begun()

    def begun(self, *, lenient: bool = False) -> Timeline:
        """Return a timeline that knows where the history stands."""
        timeline = Timeline(self.counts, lenient=lenient)
        self.assertEqual(timeline.restart(at(5)), [])
        return timeline

    def answer(self, publications: list[Publication], top: Position) -> tuple[Verdict, list[Item]]:
        """Answer a read that has just begun."""
        return self.timeline.answer(self.timeline.position, publications, top)


class LiveTests(TimelineCase):
    """What comes as it should."""

    def test_next_ones_pass(self) -> None:
        """One by one or several at once; the position moves with them."""
        self.assertEqual(self.timeline.take(pubs(6)), pubs(6))
        self.assertEqual(self.timeline.take(pubs(7, 8)), pubs(7, 8))
        self.assertEqual((self.timeline.position, self.timeline.sound), (at(8), True))
        self.assertEqual(self.counts, TimelineCounts())

    def test_items_without_a_position_keep_their_place(self) -> None:
        """They pass, and a plain publication is counted: it is live only."""
        run = [pub(6), JOIN, PLAIN, pub(7)]
        self.assertEqual(self.timeline.take(run), run)
        self.assertEqual(self.counts, TimelineCounts(plain=1))

    def test_last_one_is_left_out_when_it_comes_again(self) -> None:
        """The same tag is the same entry."""
        self.assertEqual(self.timeline.take([pub(5), pub(6)]), pubs(6))
        self.assertEqual(self.counts, TimelineCounts(duplicates=1))


class GapTests(TimelineCase):
    """What does not follow."""

    def test_missing_ones_are_delivered_before_what_was_held(self) -> None:
        """In order, each once, with what had no position in its place."""
        self.assertEqual(self.timeline.take([pub(6), pub(9), JOIN]), pubs(6))
        self.assertFalse(self.timeline.sound)
        self.assertEqual(self.timeline.take([pub(10), PLAIN]), [])
        verdict, items = self.answer(pubs(6, 7, 8, 9), at(9))
        self.assertEqual((verdict, items), (Verdict.JOINS_UP, [*pubs(7, 8, 9), JOIN, pub(10), PLAIN]))
        self.assertEqual((self.timeline.position, self.timeline.sound), (at(10), True))
        self.assertEqual(self.counts, TimelineCounts(gaps=1, repaired=3, duplicates=1, plain=1))

    def test_repaired_ones_are_left_out_when_they_come_live_too(self) -> None:
        """A read was quicker than the connection that listens."""
        self.assertEqual(self.answer(pubs(5, 6, 7, 8), at(8))[1], pubs(6, 7, 8))
        self.assertEqual(self.timeline.take([pub(6), pub(7), pub(8), pub(9)]), pubs(9))
        self.assertEqual(self.counts, TimelineCounts(repaired=3, duplicates=3))

    def test_gap_is_found_again_when_more_is_missing(self) -> None:
        """The read was made before the last ones were published."""
        self.timeline.take(pubs(8))
        self.timeline.take(pubs(11))
        self.assertEqual(self.answer(pubs(5, 6, 7, 8, 9), at(9)), (Verdict.JOINS_UP, pubs(6, 7, 8, 9)))
        self.assertFalse(self.timeline.sound)
        self.assertEqual(self.answer(pubs(9, 10, 11), at(11)), (Verdict.JOINS_UP, pubs(10, 11)))
        self.assertTrue(self.timeline.sound)

    def test_timeline_goes_on_from_the_top_when_there_is_a_hole(self) -> None:
        """What is left does not join up; what was held beyond it follows."""
        self.timeline.take([pub(9), pub(10), pub(11)])
        self.assertEqual(self.answer(pubs(9, 10), at(10)), (Verdict.HOLE, pubs(11)))
        self.assertEqual((self.timeline.position, self.timeline.sound), (at(11), True))

    def test_hole_is_no_loss_when_only_the_latest_counts(self) -> None:
        """What there is is delivered, and nobody is told."""
        self.timeline = self.begun(lenient=True)
        self.timeline.take(pubs(9))
        self.assertEqual(self.answer(pubs(8, 9), at(9)), (Verdict.JOINS_UP, pubs(8, 9)))

    def test_lenient_timeline_goes_on_when_the_history_is_gone(self) -> None:
        """Then the next one is the next one."""
        self.timeline = self.begun(lenient=True)
        self.assertEqual(self.answer([], at(9)), (Verdict.JOINS_UP, []))
        self.assertEqual(self.timeline.take(pubs(10)), pubs(10))

    def test_nothing_is_missing_when_the_trimmed_ones_came_live(self) -> None:
        """A busy channel with a short history: reading takes longer than the history reaches."""
        anchor = self.timeline.position
        self.assertEqual(self.timeline.take(pubs(6, 7, 8)), pubs(6, 7, 8))
        self.assertEqual(self.timeline.answer(anchor, pubs(7, 8), at(8)), (Verdict.JOINS_UP, []))
        self.assertEqual(self.timeline.answer(anchor, pubs(8, 9), at(9)), (Verdict.JOINS_UP, pubs(9)))
        self.assertEqual(self.timeline.answer(anchor, pubs(11, 12), at(12)), (Verdict.HOLE, []))

    def test_late_answer_changes_nothing_when_live_ones_are_ahead(self) -> None:
        """What was read before they came is no news."""
        anchor = self.timeline.position
        self.timeline.take(pubs(6, 7))
        self.assertEqual(self.timeline.answer(anchor, pubs(5, 6), at(6)), (Verdict.JOINS_UP, []))
        self.assertEqual(self.timeline.position, at(7))


class AnotherHistoryTests(TimelineCase):
    """Epochs and tags."""

    def test_new_epoch_is_begun_when_the_history_has_it(self) -> None:
        """Redis lost everything: what was published before the read is not delivered, what came after is."""
        self.assertEqual(self.timeline.take(pubs(1, 2, 3, epoch="bbbb")), [])
        self.assertEqual(
            self.answer(pubs(1, 2, epoch="bbbb"), at(2, "bbbb")), (Verdict.NEW_EPOCH, pubs(3, epoch="bbbb"))
        )
        self.assertEqual(self.timeline.position, at(3, "bbbb"))

    def test_in_flight_ones_are_left_out_after_a_new_epoch(self) -> None:
        """They are before the top that was read, and no reason to read again."""
        self.timeline.take(pubs(1, epoch="bbbb"))
        self.answer(pubs(1, 2, epoch="bbbb"), at(2, "bbbb"))
        self.assertEqual(self.timeline.take(pubs(2, 3, epoch="bbbb")), pubs(3, epoch="bbbb"))
        self.assertTrue(self.timeline.sound)

    def test_foreign_epoch_is_dropped_when_the_history_does_not_know_it(self) -> None:
        """Something left over from before; reading again for it would never end."""
        self.timeline.take(pubs(9, epoch="bbbb"))
        self.assertEqual(self.answer(pubs(5), at(5)), (Verdict.JOINS_UP, []))
        self.assertTrue(self.timeline.sound)
        self.assertEqual(self.timeline.take(pubs(6)), pubs(6))

    def test_history_is_read_once_more_when_an_epoch_came_while_it_was_read(self) -> None:
        """What came during a read may be newer than what was read."""
        self.timeline.take([pub(9), pub(1, "bbbb")])
        self.answer(pubs(5, 6, 7, 8, 9), at(9))
        self.assertFalse(self.timeline.sound)
        self.assertEqual(self.answer(pubs(1, epoch="bbbb"), at(1, "bbbb")), (Verdict.NEW_EPOCH, []))
        self.assertTrue(self.timeline.sound)

    def test_nothing_passes_when_an_offset_has_another_tag(self) -> None:
        """An older Redis gives our offset to somebody else; a lower one tells the same."""
        for offset in (5, 3):
            with self.subTest(offset=offset):
                self.timeline = self.begun()
                self.assertEqual(self.timeline.take([pub(offset, tag="ffffffff")]), [])
                self.assertFalse(self.timeline.sound)

    def test_nothing_passes_after_a_rollback_until_a_new_epoch_begins(self) -> None:
        """Then the rest of the old one is dropped, with one more look at the history."""
        self.timeline.suspend()
        self.timeline.take(pubs(6, 7))  # reused offsets that look like the next ones
        verdict = self.answer([pub(5, tag="ffffffff"), *pubs(6, 7)], at(7))
        self.assertEqual(verdict, (Verdict.ROLLED_BACK, []))
        self.assertEqual(self.timeline.take(pubs(8)), [])
        self.assertEqual(self.timeline.restart(at(0, "bbbb")), [])
        self.assertFalse(self.timeline.sound)
        self.assertEqual(self.answer([], at(0, "bbbb")), (Verdict.JOINS_UP, []))
        self.assertEqual(self.timeline.take(pubs(1, epoch="bbbb")), pubs(1, epoch="bbbb"))

    def test_next_one_is_held_while_suspended(self) -> None:
        """After a loss even what looks right has to be compared first."""
        self.timeline.suspend()
        self.assertEqual(self.timeline.take(pubs(6)), [])
        self.assertEqual(self.answer(pubs(5, 6), at(6)), (Verdict.JOINS_UP, pubs(6)))


class BeginningTests(TimelineCase):
    """A timeline that does not know where the history stands."""

    def setUp(self) -> None:
        """Begin without a position."""
        self.counts = TimelineCounts()
        self.timeline = Timeline(self.counts)

    def test_items_are_held_until_the_position_is_known(self) -> None:
        """What came since somebody listens is delivered then, although the history is further."""
        self.timeline.take([JOIN, pub(4)])
        self.assertEqual(self.answer([], at(5)), (Verdict.JOINS_UP, [JOIN, pub(4)]))
        self.assertEqual(self.timeline.take(pubs(5, 6)), pubs(5, 6))

    def test_timeline_stands_at_the_top_when_nothing_came(self) -> None:
        """What was there before is not delivered."""
        self.assertEqual(self.answer([], at(5)), (Verdict.JOINS_UP, []))
        self.assertEqual((self.timeline.position, self.counts), (at(5), TimelineCounts()))

    def test_later_ones_do_not_say_where_it_begins(self) -> None:
        """They came after the read."""
        self.timeline.take(pubs(6))
        self.assertEqual(self.answer([], at(5)), (Verdict.JOINS_UP, pubs(6)))


class BoundTests(TimelineCase):
    """What may be held."""

    def test_publications_are_read_again_when_too_many_were_held(self) -> None:
        """Beyond the bound those with a position are let go: the history has them."""
        run = pubs(*range(7, 7 + module.HELD_ITEMS + 10))
        self.timeline.take(run)
        self.assertEqual(self.answer(pubs(5, 6), at(6))[1], [pub(6), *run[: module.HELD_ITEMS]])
        self.assertFalse(self.timeline.sound)
        top = run[-1].position
        self.assertEqual(self.answer(run[-11:], top), (Verdict.JOINS_UP, run[-10:]))
        self.assertTrue(self.timeline.sound)
        self.assertEqual(self.counts.lost, 0)

    def test_characters_are_bounded_too(self) -> None:
        """A few big ones are as much as many small ones; after one was let go none of the following is held."""
        big = [
            Publication("x" * (module.HELD_CHARACTERS // 2), offset, "aaaa", f"{offset:08x}") for offset in (7, 8, 9)
        ]
        self.timeline.take([*big, pub(10)])
        self.assertEqual(self.answer(pubs(5, 6), at(6))[1], [pub(6), *big[:2]])
        self.assertFalse(self.timeline.sound)

    def test_plain_ones_are_counted_when_they_cannot_be_held(self) -> None:
        """Nothing else has them."""
        self.timeline.suspend()
        self.timeline.take([PLAIN] * module.HELD_ITEMS + [JOIN, PLAIN])
        self.assertEqual(self.counts.lost, 2)
        self.assertEqual(len(self.answer(pubs(5), at(5))[1]), module.HELD_ITEMS)


class Broker:
    """A history that only grows, and a live connection that may lose some of it."""

    def __init__(self) -> None:
        self.publications: list[Publication] = []

    def publish(self) -> Publication:
        """One more."""
        self.publications.append(pub(len(self.publications) + 1))
        return self.publications[-1]

    def read(self, anchor: Position) -> tuple[list[Publication], Position]:
        """What a read from one before *anchor* on brings."""
        top = self.publications[-1].position if self.publications else at(0, tag=" ")
        return self.publications[max(anchor.offset - 1, 0) :], Position(top.offset, "aaaa", top.tag)


class CompletenessTests(TestCase):
    """Whatever is lost, repeated or late, subscribers get everything once and in order."""

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(st.sampled_from(["live", "lost", "again", "late", "read", "begin", "suspend", "join"]), max_size=40)
    )
    def test_everything_is_delivered_once_and_in_order(self, steps: list[str]) -> None:
        """*late* ones arrive after what follows has been read; reads are answered steps after they began."""
        broker, timeline, got = Broker(), Timeline(TimelineCounts()), []
        got += timeline.restart(Position(0, "aaaa"))
        late: list[Publication] = []
        begun = None
        for step in steps:
            if step == "live" and not late:
                got += timeline.take([broker.publish()])
            elif step in ("live", "late"):
                late.append(broker.publish())
                if step == "live":
                    got += timeline.take(late)
                    late = []
            elif step == "lost":
                broker.publish()
            elif step == "again" and broker.publications:
                got += timeline.take([broker.publications[-1]] if not late else [])
            elif step == "join":
                got += timeline.take([JOIN])
            elif step == "suspend":
                timeline.suspend()
            elif step == "begin":
                anchor = timeline.position
                begun = (anchor, *broker.read(anchor))
            elif step == "read" and begun is not None:
                verdict, items = timeline.answer(*begun)
                self.assertIs(verdict, Verdict.JOINS_UP)
                got += items
                begun = None
        got += timeline.take(late)
        anchor = timeline.position
        got += timeline.answer(anchor, *broker.read(anchor))[1]
        if not timeline.sound:  # something was held that is newer than an answer from before
            got += timeline.answer(timeline.position, *broker.read(timeline.position))[1]
        self.assertTrue(timeline.sound)
        self.assertEqual([item for item in got if isinstance(item, Publication)], broker.publications)
        self.assertEqual(sum(isinstance(item, Joined) for item in got), steps.count("join"))
