# -*- test-case-name: tests.sockjs.test_batch -*-
"""Batches: encoded once, joined in order."""

from __future__ import annotations

import tracemalloc
from unittest import TestCase

from sockjsd.sockjs.batch import OVERHEAD, Batch
from sockjsd.sockjs.envelopes import EVENTSOURCE, RAW_WEBSOCKET, WEBSOCKET, XHR, Envelope, jsonp


class BatchTests(TestCase):
    """One or more messages that leave together."""

    def test_batch_is_one_array_for_each_envelope(self) -> None:
        """The same messages, wrapped as each transport needs them."""
        batch = Batch(["a", "ü"])
        self.assertEqual(batch.encoded(XHR), 'a["a","ü"]\n'.encode())
        self.assertEqual(batch.encoded(EVENTSOURCE), 'data: a["a","ü"]\r\n\r\n'.encode())
        self.assertEqual(batch.encoded(WEBSOCKET), b"\x81\x0b" + 'a["a","ü"]'.encode())
        self.assertEqual(batch.encoded(RAW_WEBSOCKET), b"\x81\x01a\x81\x02" + "ü".encode())

    def test_batch_is_encoded_once(self) -> None:
        """Whoever has an equal envelope gets the very same bytes."""
        batch = Batch(["a"])
        self.assertIs(batch.encoded(XHR), batch.encoded(Envelope(suffix=b"\n")))
        self.assertIs(batch.encoded(jsonp(b"cb")), batch.encoded(jsonp(b"cb")))
        self.assertNotEqual(batch.encoded(jsonp(b"cb")), batch.encoded(jsonp(b"other")))
        self.assertIs(batch.quoted, batch.quoted)

    def test_size_is_bytes_not_characters(self) -> None:
        """What counts for `output_limit` is what has to be kept and sent."""
        self.assertEqual(Batch(["ab"]).size, OVERHEAD + 4)
        self.assertEqual(Batch(["ü", ""]).size, OVERHEAD + 4 + 1 + 2)
        self.assertEqual(Batch(["\u2028"]).size, OVERHEAD + 8)

    def test_size_is_no_less_than_memory(self) -> None:
        """However small the messages are: somebody else chooses them."""
        for texts in ([""], ["1"], ["x" * 100]):
            tracemalloc.start()
            batches = [Batch(list(texts)) for _ in range(1000)]
            sizes = sum(batch.size for batch in batches)
            taken = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            self.assertLess(taken, sizes * 1.2)

    def test_batch_of_something_else_is_refused_when_measured_or_encoded(self) -> None:
        """By every envelope, also by those that do not use JSON."""
        for texts in ([b"a"], ["a", 7], [None]):
            with self.subTest(texts=texts):
                batch = Batch(texts)  # type: ignore[arg-type]  # what untyped code does
                with self.assertRaises(TypeError):
                    _ = batch.size
                for envelope in (XHR, WEBSOCKET, RAW_WEBSOCKET):
                    with self.assertRaises(TypeError):
                        batch.encoded(envelope)


class PrefixedTests(TestCase):
    """The same messages behind a prefix."""

    def test_prefix_stands_before_each_message(self) -> None:
        """The batch itself is as it was."""
        batch = Batch(["a", "é"])
        self.assertEqual((batch.prefixed("x,").texts, batch.texts), (["x,a", "x,é"], ["a", "é"]))

    def test_prefixed_batch_is_made_once_for_each_prefix(self) -> None:
        """A thousand receivers share it."""
        batch = Batch(["a"])
        first = batch.prefixed("x,")
        self.assertIs(batch.prefixed("x,"), first)
        self.assertEqual(batch.prefixed("y,").texts, ["y,a"])
        self.assertIs(batch.prefixed("x,"), first)

    def test_batch_of_something_else_is_refused(self) -> None:
        """A number must not become a text on its way."""
        with self.assertRaises(TypeError):
            Batch([1]).prefixed("x,")  # type: ignore[list-item]  # the point of this test


class JoinedTests(TestCase):
    """Batches that waited for the same receiver."""

    def test_joined_batch_has_all_messages_in_order(self) -> None:
        """As if they had been one from the beginning."""
        joined = Batch.joined(Batch(texts) for texts in (["a", "b"], ["c"], ["d", "e"]))
        whole = Batch(["a", "b", "c", "d", "e"])
        self.assertEqual(joined.texts, whole.texts)
        self.assertEqual(joined.size, whole.size)
        for envelope in (XHR, RAW_WEBSOCKET):
            self.assertEqual(joined.encoded(envelope), whole.encoded(envelope))

    def test_joining_one_batch_makes_no_other(self) -> None:
        """Its encodings are still shared with everybody else who has it."""
        batch = Batch(["a"])
        self.assertIs(Batch.joined([batch]), batch)

    def test_joining_leaves_the_parts_alone(self) -> None:
        """They are others' too."""
        first, second = Batch(["a"]), Batch(["b"])
        Batch.joined([first, second])
        self.assertEqual((first.texts, second.texts), (["a"], ["b"]))
        self.assertEqual(first.encoded(XHR), b'a["a"]\n')
