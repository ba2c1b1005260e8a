# -*- test-case-name: tests.sockjs.test_batch -*-
"""Batches: encoded once, joined in order."""

from __future__ import annotations

import tracemalloc
from unittest import TestCase

from sockjsd.sockjs.batch import OVERHEAD, Batch, Expendable, spare
from sockjsd.sockjs.envelopes import (
    EVENTSOURCE,
    RAW_WEBSOCKET,
    WEBSOCKET,
    XHR,
    Envelope,
    EventSourceEnvelope,
    compressed,
    jsonp,
)
from sockjsd.websocket.deflate import Agreement


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
        self.assertNotEqual(batch.encoded(XHR), batch.encoded(Envelope(suffix=b"\r\n")))
        self.assertIs(batch.quoted, batch.quoted)

    def test_size_is_bytes_not_characters(self) -> None:
        """What counts for `output_limit` is what has to be kept and sent."""
        self.assertEqual(Batch(["ab"]).size(), OVERHEAD + 4)
        self.assertEqual(Batch(["ü", ""]).size(), OVERHEAD + 4 + 1 + 2)
        self.assertEqual(Batch(["\u2028"]).size(), OVERHEAD + 8)

    def test_size_is_no_less_than_memory(self) -> None:
        """However small the messages are: somebody else chooses them."""
        for texts in ([""], ["1"], ["x" * 100]):
            tracemalloc.start()
            batches = [Batch(list(texts)) for _ in range(1000)]
            sizes = sum(batch.size() for batch in batches)
            taken = tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            self.assertLess(taken, sizes * 1.2)

    def test_batch_of_something_else_is_refused_when_measured_or_encoded(self) -> None:
        """By every envelope, also by those that do not use JSON."""
        for texts in (["a", 7], [None], [bytearray(b"a")], [["a"]]):
            with self.subTest(texts=texts):
                batch = Batch(texts)  # type: ignore[arg-type]  # what untyped code does
                for binary in (False, True):
                    with self.assertRaises(TypeError):
                        batch.size(binary=binary)
                for envelope in (XHR, WEBSOCKET, RAW_WEBSOCKET):
                    with self.assertRaises(TypeError):
                        batch.encoded(envelope)


class BinaryTests(TestCase):
    """Batches with bytes, which JSON cannot carry."""

    def test_bytes_are_for_the_raw_websocket_alone(self) -> None:
        """There they are binary frames among the texts; everybody else refuses them."""
        batch = Batch(["a", b"\xff", ""])
        self.assertEqual(batch.encoded(RAW_WEBSOCKET), b"\x81\x01a" + b"\x82\x01\xff" + b"\x81\x00")
        for envelope in (XHR, EVENTSOURCE, WEBSOCKET, jsonp(b"cb")):
            with self.assertRaises(TypeError):
                batch.encoded(envelope)
        with self.assertRaises(TypeError):
            batch.size()

    def test_bytes_are_encoded_once(self) -> None:
        """Whoever has the envelope gets the very same bytes."""
        batch = Batch([b"\xff"])
        self.assertIs(batch.encoded(RAW_WEBSOCKET), batch.encoded(RAW_WEBSOCKET))
        self.assertIs(batch.bare, batch.bare)

    def test_size_is_payload_and_heads(self) -> None:
        """What counts for a raw WebSocket; texts count as UTF-8."""
        self.assertEqual(Batch([b"abc", "ü"]).size(binary=True), OVERHEAD + 10 + 3 + 10 + 2)

    def test_prefix_before_bytes_is_refused(self) -> None:
        """Nobody knows how to write one there."""
        with self.assertRaises(TypeError):
            Batch([b"a"]).prefixed("x,")

    def test_batches_with_bytes_are_joined_in_order(self) -> None:
        """Among texts that somebody else had as JSON."""
        text = Batch(["a"])
        text.encoded(XHR)
        joined = Batch.joined([text, Batch([b"b"]), Batch(["c"])])
        self.assertEqual(joined.encoded(RAW_WEBSOCKET), b"\x81\x01a\x82\x01b\x81\x01c")


class SharingTests(TestCase):
    """Who shares what is compressed."""

    def test_compressed_batch_is_made_once_for_equal_agreements(self) -> None:
        """A thousand clients of an endpoint; another window is another envelope."""
        batch = Batch(["x" * 2000])
        envelopes = [compressed(WEBSOCKET, Agreement(server_bits=bits), 6, 1024) for bits in (12, 12, 9)]
        frames = [batch.encoded(envelope) for envelope in envelopes]
        self.assertIs(envelopes[0], envelopes[1])
        self.assertIs(frames[0], frames[1])
        self.assertIsNot(frames[0], frames[2])
        self.assertLess(len(frames[0]), 100)
        self.assertGreater(len(batch.encoded(WEBSOCKET)), 2000)

    def test_context_is_shared_with_nobody(self) -> None:
        """The same batch is another frame the second time, and nothing of it is kept."""
        batch = Batch(["".join(map(chr, range(33, 1200)))])
        one, other = (compressed(WEBSOCKET, Agreement(server_takeover=True), 6, 1) for _ in range(2))
        first = batch.encoded(one)
        self.assertEqual(batch.encoded(other), first)
        self.assertLess(len(batch.encoded(one)), len(first) // 10)
        self.assertIsNone(batch._envelope)

    def test_what_was_made_is_found_again_whoever_asks_in_between(self) -> None:
        """Receivers of several kinds come in any order, and some of them are alone with theirs."""
        batch, alone = Batch(["x" * 50]), compressed(WEBSOCKET, Agreement(server_takeover=True), 6, 1)
        envelopes = [XHR, WEBSOCKET, EVENTSOURCE, RAW_WEBSOCKET]
        made = [batch.encoded(envelope) for envelope in envelopes]
        for _ in range(2):
            for envelope, data in zip(envelopes, made, strict=True):
                self.assertEqual(batch.encoded(alone)[0], 0xC1)
                self.assertIs(batch.encoded(envelope), data)
                self.assertIs(batch.encoded(envelope), data)
        self.assertIs(batch.encoded(EventSourceEnvelope(EVENTSOURCE.prefix, EVENTSOURCE.suffix)), made[2])

    def test_polls_of_jsonp_leave_nothing_behind(self) -> None:
        """Each has a callback of its own, and a slow client may keep the batch for long."""
        batch = Batch(["a"])
        for envelope in (XHR, WEBSOCKET):
            batch.encoded(envelope)
        for number in range(100):
            self.assertEqual(batch.encoded(jsonp(b"f%d" % number)), b'/**/f%d("a[\\"a\\"]");\r\n' % number)
        self.assertEqual(batch._encoded, {envelope: batch.encoded(envelope) for envelope in (XHR, WEBSOCKET)})


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
        self.assertEqual(joined.size(), whole.size())
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


class SpareTests(TestCase):
    """What is dropped for a slow client."""

    #: What a batch of one letter takes.
    SIZE = Batch(["a"]).size()

    def queue(self, *wanted: str) -> list[Batch]:
        """Return a batch for each word: its message, and how it may be dropped: ``a`` ``b:old`` ``c:new=channel``."""
        queue = []
        for word in wanted:
            text, _, terms = word.partition(":")
            batch = Batch([text])
            if terms:
                batch.expendable = Expendable(terms.partition("=")[2], terms.startswith("new"))
            queue.append(batch)
        return queue

    def spared(self, excess: int, *wanted: str) -> tuple[str, str]:
        """Return the messages that are kept, and those that are dropped."""
        kept, dropped = spare(self.queue(*wanted), excess, binary=False)
        return "".join(str(batch.texts[0]) for batch in kept), "".join(str(batch.texts[0]) for batch in dropped)

    def test_oldest_go_first(self) -> None:
        """As many as have to; the last byte of the excess costs a whole one."""
        words = ["a:old", "b:old", "c:old"]
        self.assertEqual(self.spared(1, *words), ("bc", "a"))
        self.assertEqual(self.spared(self.SIZE, *words), ("bc", "a"))
        self.assertEqual(self.spared(self.SIZE + 1, *words), ("c", "ab"))
        self.assertEqual(self.spared(10 * self.SIZE, *words), ("", "abc"))

    def test_others_stay_whatever_has_to_go(self) -> None:
        """A reply or a message of an application is nothing that a newer one makes up for."""
        self.assertEqual(self.spared(10 * self.SIZE, "a", "b:old", "c", "d:old"), ("ac", "bd"))

    def test_latest_of_each_channel_stays(self) -> None:
        """All others of it go at once, however little room is needed."""
        words = ["a:new=x", "b:new=y", "c", "d:new=x", "e:new=x", "f:new=y"]
        self.assertEqual(self.spared(1, *words), ("cef", "abd"))
        self.assertEqual(self.spared(10 * self.SIZE, *words), ("cef", "abd"))

    def test_each_channel_has_its_own_terms(self) -> None:
        """What goes in any case makes room for what goes only if it has to."""
        words = ["a:old", "b:new=x", "c:new=x"]
        self.assertEqual(self.spared(self.SIZE, *words), ("c", "ab"))

    def test_bytes_are_counted_where_there_is_no_json(self) -> None:
        """The raw WebSocket's receivers."""
        queue = self.queue("a:old", "b:old")
        kept, dropped = spare(queue, queue[0].size(binary=True), binary=True)
        self.assertEqual((kept, dropped), (queue[1:], queue[:1]))

    def test_messages_count_for_what_they_tell_of(self) -> None:
        """One text may hold several publications."""
        self.assertEqual((Batch(["a", "b"]).count, Batch(["a\nb\nc"], 3).count), (2, 3))
