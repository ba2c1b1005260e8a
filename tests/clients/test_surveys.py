# -*- test-case-name: tests.clients.test_surveys -*-
"""Questions to all nodes."""

from __future__ import annotations

import json

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.clients.surveys import MOST, PART, TIMEOUT, Surveys, parts
from sockjsd.errors import BrokerUnavailable, StateError


def answer(**counts: int) -> dict[str, object]:
    """A whole answer in one part."""
    return {"part": 0, "last": 0, "counts": counts}


class SurveysTests(SynchronousTestCase):
    """One node asks."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.surveys = Surveys(self.clock)
        self.addCleanup(lambda: self.assertEqual(self.clock.getDelayedCalls(), []))

    def test_answers_are_added_up(self) -> None:
        """With the own one, as soon as the last node has answered."""
        number, counted = self.surveys.open({"a": 1, "b": 2}, ["one", "two"])
        self.surveys.answered(number, "one", answer(a=10))
        self.assertNoResult(counted)
        self.surveys.answered(number, "two", answer(a=100, c=5))
        self.assertEqual(self.successResultOf(counted), {"a": 111, "b": 2, "c": 5})

    def test_single_node_asks_nobody(self) -> None:
        """Its own answer is all there is."""
        self.assertEqual(self.successResultOf(self.surveys.open({"a": 1}, [])[1]), {"a": 1})

    def test_answer_is_complete_with_its_last_part(self) -> None:
        """In whatever order they come, and one that came twice counts once for that."""
        number, counted = self.surveys.open({}, ["one"])
        for part in (2, 0):
            self.surveys.answered(number, "one", {"part": part, "last": 2, "counts": {str(part): 1}})
            self.assertNoResult(counted)
        self.surveys.answered(number, "one", {"part": 1, "last": 2, "counts": {"1": 1}})
        self.assertEqual(self.successResultOf(counted), {"0": 1, "1": 1, "2": 1})

    def test_node_that_goes_is_waited_for_no_longer(self) -> None:
        """In all surveys; the others still are."""
        _, first = self.surveys.open({"a": 1}, ["one"])
        number, second = self.surveys.open({"b": 1}, ["one", "two"])
        self.surveys.left(["one", "three"])
        self.assertEqual(self.successResultOf(first), {"a": 1})
        self.assertNoResult(second)
        self.surveys.answered(number, "two", answer(b=1))
        self.assertEqual(self.successResultOf(second), {"b": 2})

    def test_node_that_does_not_answer_fails_the_survey(self) -> None:
        """A sum that lacks something would look right; what comes after that does nothing."""
        number, counted = self.surveys.open({"a": 1}, ["one", "two"])
        self.surveys.answered(number, "two", answer(a=1))
        self.clock.advance(TIMEOUT)
        error = self.failureResultOf(counted, BrokerUnavailable).value
        self.assertEqual(str(error), "1 nodes did not answer within 10 s")
        self.surveys.answered(number, "one", answer(a=1))

    def test_answer_from_a_node_that_was_not_known_counts(self) -> None:
        """It has just begun; but nobody waits for it."""
        number, counted = self.surveys.open({}, ["one"])
        self.surveys.answered(number, "new", answer(a=1))
        self.surveys.answered(number, "one", answer(a=1))
        self.assertEqual(self.successResultOf(counted), {"a": 2})

    def test_surveys_under_way_are_bounded(self) -> None:
        """One more fails at once, and room comes back."""
        opened = [self.surveys.open({}, ["one"]) for _ in range(MOST)]
        self.failureResultOf(self.surveys.open({}, ["one"])[1], BrokerUnavailable)
        self.surveys.answered(opened[0][0], "one", answer())
        opened[0] = self.surveys.open({}, ["one"])
        self.surveys.stop()
        for _, counted in opened:
            self.failureResultOf(counted, BrokerUnavailable)

    def test_question_that_was_not_sent_ends_its_survey(self) -> None:
        """With the reason; one that is over already is left alone."""
        number, counted = self.surveys.open({}, ["one"])
        self.surveys.fail(number, BrokerUnavailable("gone"))
        self.surveys.fail(number, BrokerUnavailable("gone"))
        self.assertEqual(str(self.failureResultOf(counted, BrokerUnavailable).value), "gone")

    def test_what_is_no_answer_is_refused(self) -> None:
        """And changes nothing."""
        number, counted = self.surveys.open({}, ["one"])
        for message in ({}, {"part": 0, "last": 0}, {"part": "0", "last": 0, "counts": {}}, {**answer(), "counts": 1}):
            self.assertRaises(StateError, self.surveys.answered, number, "one", message)
        self.assertNoResult(counted)
        self.surveys.stop()
        self.failureResultOf(counted)


class PartsTests(SynchronousTestCase):
    """How an answer is divided."""

    def test_answer_is_whole_again_with_all_parts(self) -> None:
        """Nothing, a little, and around the size of a part; through JSON, as between nodes."""
        for size in (0, 1, PART - 1, PART, PART + 1, 3 * PART):
            counts = {f"channel{number}": number + 1 for number in range(size)}
            surveys = Surveys(Clock())
            number, counted = surveys.open({}, ["one"])
            divided = list(parts(counts))
            self.assertEqual(len(divided), max(1, -(-size // PART)))
            for part in divided:
                self.assertLessEqual(len(part["counts"]), PART)
                surveys.answered(number, "one", json.loads(json.dumps(part)))
            self.assertEqual(self.successResultOf(counted), counts)
