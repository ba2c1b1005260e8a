# -*- test-case-name: tests.channels.test_forms -*-
"""Tests for sockjsd.channels.forms: what subscribers get of a run."""

from __future__ import annotations

import json
from unittest import TestCase

from sockjsd.channels.forms import BARE, ITEMS, PUSHES, PUSHES_WITH_JOINS, data_json, info_json, publication_json
from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Publication

ANN = ClientInfo("42", "c1", '{"name":"Ann"}', "[1.0]")
BOB = ClientInfo("", "c2")
RUN: list[Item] = [Joined(ANN), Publication('{"a":1}', 7, "abcd"), Publication("1"), Left(BOB)]

#: What was published by a plain PUBLISH, and what stands in a push for it.
PLAIN = [
    ('{"a": 1.0}', '{"a": 1.0}'),
    ("7", "7"),
    (' {"a":\r\n1}\n', '{"a":  1}'),
    ("007", '"007"'),
    ("hello", '"hello"'),
    ("", '""'),
    ("NaN", '"NaN"'),
    ("[Infinity]", '"[Infinity]"'),
    ("{} {}", '"{} {}"'),
    ("two\nlines", '"two\\nlines"'),
    ('{"push":{}', '"{\\"push\\":{}"'),
    ('{"a":"two\nlines"}', '"{\\"a\\":\\"two\\nlines\\"}"'),
    ("[" * 100_000, f'"{"[" * 100_000}"'),
]


class BareTests(TestCase):
    """For browsers without a library."""

    def test_batch_has_the_data_of_each_publication(self) -> None:
        """As it was published, whatever it is; nobody is told who joined."""
        batch = BARE("news", [*RUN, Publication("no JSON\n")])
        assert batch is not None
        self.assertEqual(list(batch.texts), ['{"a":1}', "1", "no JSON\n"])

    def test_there_is_no_batch_when_nothing_was_published(self) -> None:
        """An empty frame would be a message that nobody sent."""
        self.assertIsNone(BARE("news", [Joined(ANN)]))


class PushTests(TestCase):
    """For the client protocol."""

    def lines(self, batch: object) -> list[object]:
        """Return what a client reads of its one message."""
        (text,) = batch.texts  # type: ignore[attr-defined]
        return [json.loads(line) for line in text.split("\n")]

    def test_each_publication_is_a_line_of_one_message(self) -> None:
        """With the offset where it has one, and nothing that is empty."""
        self.assertEqual(
            self.lines(PUSHES("news", RUN)),
            [
                {"push": {"channel": "news", "pub": {"data": {"a": 1}, "offset": 7}}},
                {"push": {"channel": "news", "pub": {"data": 1}}},
            ],
        )

    def test_there_is_no_push_when_nobody_wants_to_know_who_joined(self) -> None:
        """Nothing is sent to clients without the permission."""
        self.assertIsNone(PUSHES("news", [Joined(ANN), Left(ANN)]))

    def test_joins_stand_between_publications_when_they_are_wanted(self) -> None:
        """In the order in which it happened."""
        batch = PUSHES_WITH_JOINS('a"b', RUN)
        ann = {"user": "42", "client": "c1", "conn_info": {"name": "Ann"}, "chan_info": [1.0]}
        self.assertEqual(
            self.lines(batch),
            [
                {"push": {"channel": 'a"b', "join": {"info": ann}}},
                {"push": {"channel": 'a"b', "pub": {"data": {"a": 1}, "offset": 7}}},
                {"push": {"channel": 'a"b', "pub": {"data": 1}}},
                {"push": {"channel": 'a"b', "leave": {"info": {"user": "", "client": "c2"}}}},
            ],
        )

    def test_publication_tells_who_and_what_about(self) -> None:
        """The publisher's info and tags, escaped as JSON wants it."""
        publication = Publication("{}", 1, "abcd", info=BOB, tags={'k"': "v\n", "é": ""})
        text = publication_json(publication)
        self.assertEqual(
            json.loads(text),
            {"data": {}, "offset": 1, "info": {"user": "", "client": "c2"}, "tags": {'k"': "v\n", "é": ""}},
        )
        self.assertNotIn("\n", text)

    def test_data_is_passed_on_as_it_was_written(self) -> None:
        """1.0 stays 1.0; only line ends between tokens become blanks."""
        self.assertEqual(publication_json(Publication('{"a":\n1.0}', 1)), '{"data":{"a": 1.0},"offset":1}')

    def test_info_stays_on_one_line(self) -> None:
        """Whatever JSON text a token had in it."""
        self.assertEqual(
            info_json(ClientInfo("1", "c", "{\n}", "[\r]")),
            '{"user":"1","client":"c","conn_info":{ },"chan_info":[ ]}',
        )

    def test_plain_data_becomes_a_string_when_it_is_no_json(self) -> None:
        """One stray PUBLISH from a shell must not break what every client reads."""
        for text, expected in PLAIN:
            with self.subTest(text=text[:20]):
                self.assertEqual(data_json(text), expected)
                self.assertEqual(publication_json(Publication(text)), f'{{"data":{expected}}}')
                self.assertNotIn("\n", data_json(text))


class ItemsTests(TestCase):
    """For who writes ids."""

    def test_items_know_their_channel(self) -> None:
        """One subscriber may listen to several."""
        items = ITEMS("news", RUN)
        assert items is not None
        self.assertEqual((getattr(items, "channel", None), list(items)), ("news", RUN))
