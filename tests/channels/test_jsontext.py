# -*- test-case-name: tests.channels.test_jsontext -*-
"""JSON of which parts are passed on as they were written."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.jsontext import items, members

#: Values that a reader and a writer in a row would not keep.
FRAGILE = (
    "1.0",
    "1e5",
    "-0",
    "0.10",
    "12345678901234567890",
    '"\\u00e9"',
    '"\\ud800"',
    '{"a": 1,  "a":2}',
    "[ ]",
    '"é"',
)

#: What is no JSON object, whole or in part.
BROKEN = (
    "",
    " ",
    "[]",
    '"text"',
    "{",
    "{}x",
    "{} {}",
    '{"a"}',
    '{"a" 1}',
    '{"a":}',
    '{"a":1',
    '{"a":1,}',
    '{"a":1,,"b":2}',
    '{"a":1 "b":2}',
    "{,}",
    "{a:1}",
    "{1:1}",
    '{"a":NaN}',
    '{"a":-Infinity}',
    '{"a":[1,]}',
    '{"a":"line\nbreak"}',
    '{"a":' + "[" * 100_000 + "]" * 100_000 + "}",
    "\ufeff{}",
)


class MembersTests(SynchronousTestCase):
    """Objects."""

    def test_value_is_kept_as_it_was_written(self) -> None:
        """Numbers, escapes, doubled names and white space inside a value stay."""
        for text in FRAGILE:
            part = members('{"first":0, "data" : ' + text + ' , "last":1}')["data"]
            self.assertEqual(part.text, text)
            self.assertEqual(part.value, json.loads(text))

    def test_value_on_several_lines_comes_on_one(self) -> None:
        """Where lines are messages, a line break would cut one in two; between tokens a blank is as good."""
        part = members('{"data": {\r\n "a": "b\\nc"\n}}')["data"]
        self.assertEqual(part.text, '{   "a": "b\\nc" }')
        self.assertEqual(part.value, {"a": "b\nc"})

    def test_last_of_two_members_counts(self) -> None:
        """As for every other reader of JSON."""
        self.assertEqual(members('{"a":1,"a":2}')["a"], (2, "2"))

    def test_empty_object_has_none(self) -> None:
        """With whatever white space."""
        for text in ("{}", " { } ", "\n{\t}\r\n"):
            self.assertEqual(members(text), {})

    def test_refuses_what_is_no_object(self) -> None:
        """Each of them, and without repeating it."""
        for text in BROKEN:
            error = self.assertRaises(ValueError, members, text)
            self.assertNotIn("break", str(error))

    def test_agrees_with_the_standard_library(self) -> None:
        """Cut anywhere, a text is refused by both."""
        text = '{"a": [1, {"b": null}], "c": "d\\"", "e": -1.5e3}'
        for end in range(len(text)):
            self.assertRaises(ValueError, members, text[:end])
        self.assertEqual({name: part.value for name, part in members(text).items()}, json.loads(text))


class ItemsTests(SynchronousTestCase):
    """Arrays."""

    def test_items_are_kept_as_they_were_written(self) -> None:
        """In their order."""
        self.assertEqual([part.text for part in items(f"[{' , '.join(FRAGILE)} ]")], list(FRAGILE))
        self.assertEqual(items(" [\n] "), [])

    def test_refuses_what_is_no_array(self) -> None:
        """Objects too."""
        for text in ("", "{}", "[", "[1", "[1,]", "[,]", "[1 2]", "[1]]", "[nul]", "1"):
            self.assertRaises(ValueError, items, text)
