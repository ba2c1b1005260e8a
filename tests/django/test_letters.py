# -*- test-case-name: tests.django.test_letters -*-
"""Tests of ``sockjsd.django.letters``: what may be said in one call of ``publish()``."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import Once
from sockjsd.channels.publications import Publication
from sockjsd.django.letters import LONGEST_KEY, Letter, make_letter
from sockjsd.errors import ChannelNameError, NotJSON, OddPublication


class LetterTests(SynchronousTestCase):
    """One publication that is on its way."""

    def test_letter_says_nothing_more_than_was_said(self) -> None:
        """Data alone is data alone."""
        self.assertEqual(make_letter("news", {"a": 1}), Letter("news", Publication('{"a":1}')))

    def test_letter_holds_all_that_was_said(self) -> None:
        """Key, version and tags become what brokers understand."""
        letter = make_letter("news", 1, "k", {"a": "b"}, 7, "e", False)
        once = Once("k", version=7, version_epoch="e")
        self.assertEqual(letter, Letter("news", Publication("1", tags={"a": "b"}), once, False))
        self.assertEqual(make_letter("news", 1, version=7).once, Once(version=7))

    def test_later_changes_change_nothing(self) -> None:
        """Data and tags are copied when they are given."""
        data, tags = [1], {"a": "b"}
        letter = make_letter("news", data, tags=tags)
        data.append(2)
        tags["c"] = "d"
        self.assertEqual(letter.publication, Publication("[1]", tags={"a": "b"}))

    def test_impossible_channel_and_data_are_refused(self) -> None:
        """As before anything else."""
        self.assertRaises(ChannelNameError, make_letter, "a b", 1)
        self.assertRaises(NotJSON, make_letter, "news", object())

    def test_impossible_key_version_and_tags_are_refused(self) -> None:
        """The error names what was wrong and what is allowed."""
        table: list[tuple[dict[str, object], str]] = [
            ({"idempotency_key": ""}, "idempotency_key has to be text of 1 to 255 characters, not ''"),
            ({"idempotency_key": 7}, "idempotency_key has to be text of 1 to 255 characters, not 7"),
            ({"idempotency_key": "x" * (LONGEST_KEY + 1)}, "idempotency_key has to be text of 1 to 255 characters"),
            ({"version": -1}, "version has to be a whole number from 0 to 9007199254740991, not -1"),
            ({"version": 2**53}, "not 9007199254740992"),
            ({"version": True}, "not True"),
            ({"version": "1"}, "not '1'"),
            ({"version_epoch": None}, "version_epoch has to be text of 0 to 255 characters, not None"),
            ({"tags": {"a": 1}}, "tags have to be texts by their names, not {'a': 1}"),
            ({"tags": {1: "a"}}, "not {1: 'a'}"),
            ({"tags": ["a"]}, "not ['a']"),
        ]
        for said, problem in table:
            with self.subTest(said=said):
                error = self.assertRaises(OddPublication, make_letter, "news", 1, **said)
                self.assertIn(problem, str(error))
