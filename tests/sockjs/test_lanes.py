# -*- test-case-name: tests.sockjs.test_lanes -*-
"""One batch to many at once: who gets it past its session, and who from it."""

from __future__ import annotations

from collections.abc import Collection
from typing import NoReturn
from unittest import TestCase

from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import RAW_WEBSOCKET, WEBSOCKET, Envelope
from sockjsd.sockjs.lanes import Lane, Line, LineUp


class Way:
    """A line that takes everything."""

    def __init__(self, lane: Lane | None, fd: int = 7) -> None:
        self.lane = lane
        self.fd = fd


class Member:
    """A session that shows a line, or none."""

    def __init__(self, line: Line | None = None) -> None:
        self.line = line
        self.got: list[Batch] = []

    def deliver(self, batch: Batch) -> None:
        self.got.append(batch)


class Stranger:
    """Somebody who has never heard of lines."""

    def deliver(self, batch: Batch) -> None:
        """Take it."""


class Tally:
    """Counts."""

    sent = 0


class LaneTestCase(TestCase):
    """Lanes that write down what they send."""

    def setUp(self) -> None:
        self.sent: list[tuple[list[Line], bytes]] = []
        self.failures: list[Exception] = []
        self.tally = Tally()

    def lane(self, envelope: Envelope = WEBSOCKET) -> Lane:
        """Return a new lane."""
        return Lane(envelope, self.tally, self.send)

    def send(self, lines: Collection[Line], fds: Collection[int], data: bytes) -> None:
        self.assertEqual([line.fd for line in lines], [*fds])
        self.sent.append((list(lines), data))

    def hand_out(self, members: list[Member | Stranger], *texts: str | bytes) -> tuple[int, list[Member | Stranger]]:
        """Hand a batch of *texts* to *members*; return how many have it, and who has not."""
        line_up = LineUp(members)
        return line_up.hand_out(Batch(texts or ("a",)), self.failures.append), line_up.others


class HandOutTests(LaneTestCase):
    """Who gets a batch, and how."""

    def test_lines_of_one_lane_get_the_same_bytes_at_once(self) -> None:
        """In the order in which they came, wrapped as their receivers would."""
        lane = self.lane()
        members = [Member(Way(lane)) for _ in range(3)]
        self.assertEqual(self.hand_out([*members], "a", "b"), (3, []))
        self.assertEqual(self.sent, [([member.line for member in members], b'\x81\x0aa["a","b"]')])
        self.assertEqual([member.got for member in members], [[], [], []])

    def test_each_lane_gets_its_own_bytes(self) -> None:
        """SockJS's framing and none."""
        framed, raw = Member(Way(self.lane())), Member(Way(self.lane(RAW_WEBSOCKET)))
        self.hand_out([framed, raw])
        self.assertEqual(self.sent, [([framed.line], b'\x81\x06a["a"]'), ([raw.line], b"\x81\x01a")])

    def test_others_are_left_to_their_sessions(self) -> None:
        """Who has no line, one that is busy, one that nobody opened for this; and who knows of none."""
        lane = self.lane()
        others: list[Member | Stranger] = [Member(), Member(Way(lane, fd=-1)), Member(Way(None)), Stranger()]
        ready = Member(Way(lane))
        self.assertEqual(self.hand_out([*others, ready]), (1, others))
        self.assertEqual([lines for lines, _ in self.sent], [[ready.line]])

    def test_messages_are_counted_for_each(self) -> None:
        """As their receivers would."""
        lane = self.lane()
        self.hand_out([Member(Way(lane)), Member(Way(lane))], "a", "b", "c")
        self.assertEqual(self.tally.sent, 6)

    def test_batch_that_cannot_be_sent_costs_other_lanes_nothing(self) -> None:
        """Bytes, where JSON has nothing for them."""
        framed, raw = Member(Way(self.lane())), Member(Way(self.lane(RAW_WEBSOCKET)))
        self.assertEqual(self.hand_out([framed, raw], b"a"), (1, []))
        self.assertEqual([(type(error), self.tally.sent) for error in self.failures], [(TypeError, 1)])

    def test_lanes_begin_anew_after_a_handing_out_was_ended(self) -> None:
        """By whoever is told of the first failure: the lanes behind it carry what comes next, and only that."""

        def give_up(error: Exception) -> NoReturn:
            raise error

        framed, raw = Member(Way(self.lane())), Member(Way(self.lane(RAW_WEBSOCKET)))
        with self.assertRaises(TypeError):
            LineUp([framed, raw]).hand_out(Batch([b"binary"]), give_up)
        self.assertEqual(self.hand_out([framed, raw]), (2, []))
        self.assertEqual(self.sent, [([framed.line], b'\x81\x06a["a"]'), ([raw.line], b"\x81\x01a")])

    def test_nobody_is_no_mistake(self) -> None:
        """A channel whose last subscriber has just left."""
        self.assertEqual((self.hand_out([]), self.sent), ((0, []), []))


class CurrentTests(LaneTestCase):
    """How long a line-up holds."""

    def setUp(self) -> None:
        super().setUp()
        self.framed, self.raw = self.lane(), self.lane(RAW_WEBSOCKET)
        self.ways = [Way(self.framed), Way(self.raw), Way(self.raw, fd=-1)]
        self.members = [Member(way) for way in self.ways]
        self.line_up = LineUp(self.members)

    def test_it_holds_while_nothing_changes(self) -> None:
        """And brings each batch to the same."""
        for text in "abc":
            self.assertEqual(self.line_up.hand_out(Batch([text]), self.failures.append), 2)
        self.assertEqual((self.line_up.current, len(self.sent)), (True, 6))

    def test_it_ends_with_a_change_in_any_of_its_lanes(self) -> None:
        """One whose only line was busy is among them: it may be free now."""
        for number, lane in enumerate((self.framed, self.raw, self.lane())):
            line_up = LineUp([Member(Way(self.framed)), Member(Way(self.raw, fd=-1))])
            lane.changes += 1
            self.assertIs(line_up.current, number == 2)

    def test_line_that_ends_meanwhile_gets_nothing(self) -> None:
        """What was sent to one lane may tell that a client of another one is gone: its descriptor is nobody's."""

        def send(lines: Collection[Line], fds: Collection[int], data: bytes) -> None:
            self.ways[1].fd = -1
            self.raw.changes += 1

        first = Member(Way(Lane(WEBSOCKET, self.tally, send)))
        LineUp([first, *self.members[1:]]).hand_out(Batch(["a"]), self.failures.append)
        self.assertEqual([[line.fd for line in lines] for lines, _ in self.sent], [[-1]])

    def test_members_keep_their_order(self) -> None:
        """All of them, and those who get it from their sessions."""
        stranger = Stranger()
        line_up = LineUp([stranger, *self.members])
        self.assertEqual((line_up.members, line_up.others), ([stranger, *self.members], [stranger, self.members[2]]))
