# -*- test-case-name: tests.endpoints.api.test_fields -*-
"""The fields of one command."""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import Position
from sockjsd.clients.orders import Whom
from sockjsd.endpoints.api.fields import LARGEST, LONGEST_WORD, MOST_WORDS, Fields
from sockjsd.errors import APIError

#: How a field is asked for, what may be written, and what comes of it.
GOOD: tuple[tuple[Callable[[Fields], object], str, object], ...] = (
    (lambda fields: fields.json("x"), '{"a": 1.0}', '{"a": 1.0}'),
    (lambda fields: fields.json("x"), "null", ""),
    (lambda fields: fields.data("x"), "null", "null"),
    (lambda fields: fields.data("x"), "1e5", "1e5"),
    (lambda fields: fields.text("x"), '"a\\u00e9"', "aé"),
    (lambda fields: fields.text("x", "none"), "null", "none"),
    (lambda fields: fields.required("x"), '""', ""),
    (lambda fields: fields.whole("x"), "7", 7),
    (lambda fields: fields.whole("x", 3), "null", 3),
    (lambda fields: fields.whole("x", least=-1), "-1", -1),
    (lambda fields: fields.whole("x"), str(LARGEST), LARGEST),
    (lambda fields: fields.flag("x"), "true", True),
    (lambda fields: fields.flag("x"), "false", False),
    (lambda fields: fields.flag("x"), "null", False),
    (lambda fields: fields.words("x"), '["a","b"]', ("a", "b")),
    (lambda fields: fields.words("x"), "null", ()),
    (lambda fields: fields.mapping("x"), '{"a":"1","b":"2"}', {"a": "1", "b": "2"}),
    (lambda fields: fields.mapping("x"), "{}", None),
    (lambda fields: fields.mapping("x"), "null", None),
    (lambda fields: fields.list("x", 2), '[{"a": 1.0},{}]', ['{"a": 1.0}', "{}"]),
    (lambda fields: fields.position("x"), '{"offset":7,"epoch":"ab"}', Position(7, "ab")),
    (lambda fields: fields.position("x"), "null", None),
    (lambda fields: fields.refuse_binary("x"), '""', None),
)

#: How a field is asked for, and what is refused.
BAD: tuple[tuple[Callable[[Fields], object], tuple[str, ...]], ...] = (
    (lambda fields: fields.text("x"), ("1", "true", "[]", "{}", f'"{"a" * (LONGEST_WORD + 1)}"')),
    (lambda fields: fields.required("x"), ("null", "1")),
    (lambda fields: fields.whole("x"), ("-1", "1.0", "true", '"1"', str(LARGEST + 1))),
    (lambda fields: fields.whole("x", least=-1), ("-2",)),
    (lambda fields: fields.flag("x"), ("1", "0", "1.0", '"true"', "{}", "[]")),
    (lambda fields: fields.words("x"), ("1", '"a"', "[1]", "[null]", str(["a"] * (MOST_WORDS + 1)).replace("'", '"'))),
    (lambda fields: fields.mapping("x"), ("1", "[]", '{"a":1}')),
    (lambda fields: fields.list("x", 2), ("null", "{}", "[1,2,3]")),
    (lambda fields: fields.position("x"), ("7", "[]", '{"offset":-1}', '{"epoch":1}')),
    (lambda fields: fields.refuse_binary("x"), ('"AAAA"',)),
)


def field(text: str) -> Fields:
    """A command whose field ``x`` was written like that."""
    return Fields('{"x": ' + text + "}")


class FieldTests(SynchronousTestCase):
    """One field."""

    def test_field_has_its_type(self) -> None:
        """Each row of the table."""
        for ask, text, expected in GOOD:
            self.assertEqual(ask(field(text)), expected, text)

    def test_field_of_another_type_is_refused(self) -> None:
        """With a short sentence for people, however long what was sent is."""
        for ask, texts in BAD:
            for text in texts:
                error = self.assertRaises(APIError, ask, field(text))
                self.assertIn(error.code, (106, 107), text[:20])
                self.assertLess(len(error.message), 200)

    def test_field_that_is_missing_counts_as_null(self) -> None:
        """Only data that are to be published may be null."""
        empty = Fields("{}")
        for ask, text, expected in GOOD:
            if text == "null" and expected != "null":
                self.assertEqual(ask(empty), expected)
        self.assertRaises(APIError, empty.data, "x")
        self.assertRaises(APIError, empty.required, "x")

    def test_names_are_those_that_are_there(self) -> None:
        """Whatever they are."""
        self.assertEqual(Fields('{"a":0,"b":null,"c":""}').names(), ["a", "c"])

    def test_command_is_an_object(self) -> None:
        """Anything else is a bad request."""
        for text in ("", "[]", "1", "{", '{"a":1}}'):
            self.assertEqual(self.assertRaises(APIError, Fields, text).code, 107)


class CommonFieldTests(SynchronousTestCase):
    """What several commands have."""

    def test_channel_is_a_name(self) -> None:
        """One that a channel can have."""
        self.assertEqual(Fields('{"channel":"news:1"}').channel(), "news:1")
        for text in ("{}", '{"channel":""}', '{"channel":"a b"}', '{"channel":"\\u00e9"}', '{"channel":7}'):
            self.assertEqual(self.assertRaises(APIError, Fields(text).channel).code, 107)

    def test_user_has_to_be_said(self) -> None:
        """A typing mistake must not mean everybody without a name; but those can be meant."""
        self.assertEqual(Fields('{"user":""}').whom(), Whom(""))
        self.assertEqual(Fields('{"user":"4","client":"c","session":"s"}').whom(), Whom("4", "c", "s"))
        self.assertRaises(APIError, Fields('{"usr":"4"}').whom)
