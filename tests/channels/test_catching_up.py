# -*- test-case-name: tests.channels.test_catching_up -*-
"""Who comes back gets all that was missed, or the word that something is missing."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.catching_up import CaughtUp, catch_up, latest, reading_from
from sockjsd.channels.publications import Position, Publication


def tag(offset: int) -> str:
    """Return the tag of the entry at *offset*."""
    return f"{offset:08x}" if offset else ""


def at(offset: int, epoch: str = "one") -> Position:
    """Return the position after the entry at *offset*."""
    return Position(offset, epoch, tag(offset))


def entries(first: int, last: int, epoch: str = "one") -> list[Publication]:
    """Return the entries from *first* to *last*, both included."""
    return [Publication(f'"{offset}"', offset, epoch, tag(offset)) for offset in range(first, last + 1)]


RESET = CaughtUp([], reset=True)


class CatchUpTests(SynchronousTestCase):
    """Each row is one way to come back."""

    CASES = {
        "nothing was missed": (at(5), at(5), at(5), entries(5, 5), [], CaughtUp([])),
        "the history has it": (at(5), at(8), at(8), entries(5, 8), [], CaughtUp(entries(6, 8))),
        "from the beginning": (at(0), at(2), at(2), entries(1, 2), [], CaughtUp(entries(1, 2))),
        "both have it": (at(5), at(8), at(7), entries(5, 7), entries(6, 8), CaughtUp(entries(6, 8))),
        "the rest came meanwhile": (at(5), at(8), at(6), entries(5, 6), entries(7, 8), CaughtUp(entries(6, 8))),
        "the history is ahead of the mark": (at(5), at(7), at(9), entries(5, 9), [], CaughtUp(entries(6, 7))),
        "the last entry has expired": (at(5), at(5), at(5), [], [], CaughtUp([])),
        "its tag is not known": (at(5), at(5), Position(5, "one"), [], [], CaughtUp([])),
        "the history is too short": (at(5), at(9), at(9), entries(7, 9), [], RESET),
        "just the seen entry is gone": (at(5), at(9), at(9), entries(6, 9), [], RESET),
        "all is gone": (at(5), at(9), at(9), [], [], RESET),
        "more than the limit": (at(5), at(9), at(9), entries(5, 8), [], RESET),
        "another history": (at(5), at(5, "two"), at(5, "two"), entries(5, 5, "two"), [], RESET),
        "another history just now": (at(5), at(5), at(1, "two"), entries(1, 1, "two"), [], RESET),
        "this node knows another history": (at(5), at(5, "two"), at(5), entries(5, 5), [], RESET),
        "the position is not known": (Position(), at(5), at(5), [], [], RESET),
        "another entry at its place": (at(5), at(6), at(6), [replace(entries(5, 5)[0], tag="x")], [], RESET),
        "another last entry": (at(5), at(5), Position(5, "one", "other"), [], [], RESET),
        "this node is behind": (at(5), at(4), at(5), entries(5, 5), [], None),
        "the history is older than the stream": (at(5), at(5), at(4), [], [], None),
        "read too early": (at(5), at(8), at(6), entries(5, 6), entries(8, 8), None),
    }

    def test_cases(self) -> None:
        """All, or nothing, or not yet."""
        for name, (since, mark, top, history, held, expected) in self.CASES.items():
            with self.subTest(name):
                self.assertEqual(expected, catch_up(since, mark, top, history, held))

    def test_entries_of_another_history_do_not_count(self) -> None:
        """What was held may be from before and after a change."""
        self.assertIsNone(catch_up(at(5), at(7), at(6), entries(5, 6), entries(7, 7, "two")))

    @given(st.data())
    def test_result_is_complete_or_reset(self, data: st.DataObject) -> None:
        """Whatever was trimmed, read and held: each missed entry once, in order, or none."""
        since = data.draw(st.integers(0, 12))
        top = data.draw(st.integers(0, 12))
        mark = data.draw(st.integers(0, 14))
        oldest = data.draw(st.integers(1, 12))
        heard = data.draw(st.integers(1, 14))
        read = [each for each in entries(oldest, top) if each.offset > reading_from(at(since)).offset]
        found = catch_up(at(since), at(mark), at(top), read, entries(heard, mark))
        if found is not None and not found.reset:
            self.assertEqual(entries(since + 1, mark), found.publications)
        if found is not None and found.reset:
            self.assertEqual([], found.publications)


class LatestTests(SynchronousTestCase):
    """Where only the latest publication counts."""

    CASES = {
        "new": (None, at(5), entries(5, 5), [], entries(5, 5)),
        "not seen": (at(3), at(5), entries(5, 5), [], entries(5, 5)),
        "seen": (at(5), at(5), entries(5, 5), [], []),
        "another one at its place": (Position(5, "one", "x"), at(5), entries(5, 5), [], entries(5, 5)),
        "another history": (at(5), at(1, "two"), entries(1, 1, "two"), [], entries(1, 1, "two")),
        "a newer one came meanwhile": (at(3), at(6), entries(5, 5), entries(6, 6), entries(6, 6)),
        "one that will arrive by itself": (at(3), at(4), entries(5, 5), [], []),
        "there is none": (None, at(0), [], [], []),
    }

    def test_cases(self) -> None:
        """One at most, and never twice."""
        for name, (since, mark, history, held, expected) in self.CASES.items():
            with self.subTest(name):
                self.assertEqual(CaughtUp(expected), latest(since, mark, history, held))


class ReadingTests(SynchronousTestCase):
    """Where the history is read from."""

    def test_reads_the_seen_entry_too(self) -> None:
        """Its tag is compared."""
        self.assertEqual(Position(4, "one"), reading_from(at(5)))

    def test_reads_from_the_beginning(self) -> None:
        """There is nothing before it."""
        self.assertEqual(Position(0, "one"), reading_from(at(0)))
