# -*- test-case-name: tests.django.test_encoding -*-
"""Tests of ``sockjsd.django.encoding``."""

from __future__ import annotations

import datetime
import decimal
import json
import uuid

from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.django.encoding import encode_data
from sockjsd.errors import NotJSON

_CYCLE: list[object] = []
_CYCLE.append(_CYCLE)

_DEEP: object = None
for _ in range(100_000):
    _DEEP = [_DEEP]

#: data → its JSON text
ENCODED: list[tuple[object, str]] = [
    (None, "null"),
    ({"a": 1, "b": [True, 2.5]}, '{"a":1,"b":[true,2.5]}'),
    ("Grüße 🎉", '"Grüße 🎉"'),
    ("\ud83c", '"\\ud83c"'),
    ("\udfff é", '"\\udfff é"'),
    ({"\udc00": "x"}, '{"\\udc00":"x"}'),
    (datetime.datetime(2026, 3, 1, 12, 0, tzinfo=datetime.UTC), '"2026-03-01T12:00:00Z"'),
    (decimal.Decimal("1.10"), '"1.10"'),
    (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    (lazystr("later"), '"later"'),
]

REFUSED: list[object] = [object(), {1, 2}, b"bytes", {("a", "b"): 1}, float("nan"), float("inf"), _CYCLE, _DEEP]

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()), inner, max_size=3),
    max_leaves=10,
)


class EncodeDataTests(SynchronousTestCase):
    """The text that goes over the wire."""

    def test_encode_data_writes_compact_json_as_django_does(self) -> None:
        """No white space, characters as they are, dates and decimals in Django's form, halves of pairs escaped."""
        for data, text in ENCODED:
            with self.subTest(text=text):
                self.assertEqual(encode_data(data), text)

    def test_encode_data_raises_not_json_for_what_json_cannot_hold(self) -> None:
        """One error of ours for each kind of refusal, also for NaN, cycles and depth."""
        for data in REFUSED:
            with self.subTest(type=type(data)):
                self.assertRaises(NotJSON, encode_data, data)

    @given(_JSON)
    def test_encode_data_is_utf8_and_reads_back_as_same_data(self, data: object) -> None:
        """Whatever strings hold, the text can be sent and means the data."""
        text = encode_data(data)
        # Compared as escapes: two halves that happen to stand side by side come back as one character.
        self.assertEqual(json.dumps(json.loads(text.encode())), json.dumps(data))
