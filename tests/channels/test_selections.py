# -*- test-case-name: tests.channels.test_selections -*-
"""The text of events, and what streams with the same channels share."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels import event_ids
from sockjsd.channels.event_ids import UNKNOWN
from sockjsd.channels.publications import ClientInfo, Joined, Position, Publication
from sockjsd.channels.selections import Selection, Selections, event, events_since, opening, placed, reset
from sockjsd.errors import StateError

FIRST = Publication('"1"', 1, "one", "00000001")
SECOND = Publication('"2"', 2, "one", "00000002")
PLAIN = Publication('"plain"')


def known(**positions: Position) -> str:
    """Return the id of *positions*."""
    return event_ids.encode(positions)


class TextTests(SynchronousTestCase):
    """Events as they go over the wire (WHATWG HTML, section "Parsing an event stream")."""

    CASES = (
        (event("news", '{"a":1}'), 'event: news\ndata: {"a":1}\n\n'),
        (event("news", "1", "AB"), "event: news\nid: AB\ndata: 1\n\n"),
        (event("news", ""), "event: news\ndata: \n\n"),
        (event("news", "a\nb"), "event: news\ndata: a\ndata: b\n\n"),
        (event("news", "a\r\nb\rc\n"), "event: news\ndata: a\ndata: b\ndata: c\ndata: \n\n"),
        (opening(2000), "retry: 2000\n\n"),
        (opening(2000, {}), "retry: 2000\n\n"),
        (opening(2000, {"a": FIRST.position}), f"retry: 2000\nid: {known(a=FIRST.position)}\n\n"),
        (placed({"a": FIRST.position}), f"id: {known(a=FIRST.position)}\n\n"),
        (reset('a"b', "AB"), 'event: reset\nid: AB\ndata: {"channel":"a\\"b"}\n\n'),
    )

    def test_texts(self) -> None:
        """Each is complete, and no data can begin a field of its own."""
        for text, expected in self.CASES:
            with self.subTest(expected):
                self.assertEqual(expected, text)


class SelectionTests(SynchronousTestCase):
    """The form of streams with the same channels."""

    def setUp(self) -> None:
        """Have one with a history and one without."""
        self.selection = Selection(("news", "chat"), ["news"])

    def texts(self, channel: str, *items: Publication | Joined) -> list[object]:
        """Return the events of one part of a run."""
        batch = self.selection(channel, list(items))
        return [] if batch is None else list(batch.texts)

    def test_event_tells_position(self) -> None:
        """Each the one right after it."""
        ids = [known(news=item.position) for item in (FIRST, SECOND)]
        expected = [event("news", '"1"', ids[0]), event("news", '"2"', ids[1])]
        self.assertEqual(expected, self.texts("news", FIRST, SECOND))
        self.assertEqual(ids[1], self.selection.event_id)

    def test_event_tells_positions_of_all_channels(self) -> None:
        """Whichever of them it belongs to."""
        self.selection = Selection(("news", "chat"), ["news", "chat"])
        self.texts("news", FIRST)
        expected = event("chat", '"2"', known(news=FIRST.position, chat=SECOND.position))
        self.assertEqual([expected], self.texts("chat", SECOND))

    def test_channel_without_history_has_no_ids(self) -> None:
        """The id of the event before stays true."""
        self.assertEqual([event("chat", '"plain"')], self.texts("chat", PLAIN))

    def test_plain_publication_has_no_id(self) -> None:
        """It is live only, also on a channel with a history."""
        self.assertEqual([event("news", '"plain"')], self.texts("news", PLAIN))
        self.assertEqual(UNKNOWN, self.selection.positions["news"])

    def test_what_is_known_comes_once(self) -> None:
        """A history that was read may be ahead of what arrives."""
        self.selection.found("news", SECOND.position)
        self.assertEqual([], self.texts("news", FIRST, SECOND))
        third = Publication("3", 3, "one", "00000003")
        self.assertEqual([event("news", "3", known(news=third.position))], self.texts("news", FIRST, third))

    def test_new_history_is_new(self) -> None:
        """Its offsets begin anew."""
        self.selection.found("news", SECOND.position)
        other = Publication("1", 1, "two", "0000000a")
        self.assertEqual([event("news", "1", known(news=other.position))], self.texts("news", other))

    def test_who_joins_is_no_event(self) -> None:
        """Nobody has asked for it here."""
        self.assertEqual([], self.texts("news", Joined(ClientInfo("42", "c"))))

    def test_first_to_read_sets_the_position(self) -> None:
        """Others may have read further: the streams meet where the first one is."""
        self.selection.found("news", FIRST.position)
        self.selection.found("news", SECOND.position)
        self.assertEqual(FIRST.position, self.selection.positions["news"])

    def test_history_that_ended_is_forgotten(self) -> None:
        """A channel without one has nothing to forget."""
        self.selection.found("news", SECOND.position)
        self.selection.forget("news")
        self.selection.forget("chat")
        self.assertEqual({"news": UNKNOWN}, self.selection.positions)

    def test_batch_knows_its_items(self) -> None:
        """Only the new ones: a stream that finds its place needs their positions."""
        batch = self.selection("news", [FIRST, PLAIN])
        assert batch is not None
        self.assertEqual(("news", [FIRST, PLAIN]), (batch.channel, batch.items))

    def test_what_was_missed_is_written_once(self) -> None:
        """For all who come from one place; the next publication ends that, and so do too many places."""
        since = {"news": Position(0, "one")}
        self.texts("news", FIRST)
        first = self.selection.missed(since, {"news": [FIRST]})
        self.assertEqual([event("news", '"1"', known(news=FIRST.position))], first.texts)
        self.assertIs(first, self.selection.missed(since, {"news": [FIRST]}))
        self.texts("news", SECOND)
        self.assertEqual(2, len(self.selection.missed(since, {"news": [FIRST, SECOND]}).texts))
        for offset in range(20):
            self.selection.missed({"news": Position(offset, "zero")}, {"news": [SECOND]})
        self.assertLess(len(self.selection._missed), 10)

    def test_without_history_there_is_no_id(self) -> None:
        """There is nothing to come back to."""
        self.assertEqual("", Selection(("chat",), []).event_id)


class SelectionsTests(SynchronousTestCase):
    """One for each list of channels."""

    def test_same_channels_share_one(self) -> None:
        """That is what makes an event the same bytes for all."""
        selections = Selections()
        one = selections.join(("a", "b"), ["a"])
        self.assertIs(one, selections.join(("a", "b"), ["a"]))
        self.assertIsNot(one, selections.join(("a",), ["a"]))
        self.assertEqual(2, len(selections))

    def test_last_to_leave_ends_it(self) -> None:
        """What it knew is not true any more when nobody listens."""
        selections = Selections()
        one = selections.join(("a",), ["a"])
        selections.join(("a",), ["a"])
        selections.leave(one)
        self.assertEqual(1, len(selections))
        selections.leave(one)
        self.assertEqual(0, len(selections))
        self.assertIsNot(one, selections.join(("a",), ["a"]))

    def test_leaving_too_often_is_a_bug(self) -> None:
        """And changes nothing."""
        selections = Selections()
        one = selections.join(("a",), [])
        selections.leave(one)
        self.assertRaises(StateError, selections.leave, one)


class CatchingUpTests(SynchronousTestCase):
    """What a stream gets when it has found its place."""

    def test_ids_are_its_own(self) -> None:
        """Cut after any of these events, it comes back right there."""
        start = {"a": Position(0, "one"), "b": Position(7, "bbb", "0000000b")}
        texts = events_since(start, {"a": [FIRST, SECOND]}, {})
        ids = [known(a=item.position, b=start["b"]) for item in (FIRST, SECOND)]
        self.assertEqual([event("a", '"1"', ids[0]), event("a", '"2"', ids[1])], texts)

    def test_resets_come_first(self) -> None:
        """With the new position: who is told does not have to be told again."""
        start = {"a": Position(0, "one"), "b": UNKNOWN}
        now = Position(9, "new", "00000009")
        texts = events_since(start, {"a": [FIRST]}, {"b": now})
        expected = [
            reset("b", known(a=start["a"], b=now)),
            event("a", '"1"', known(a=FIRST.position, b=now)),
        ]
        self.assertEqual(expected, texts)
