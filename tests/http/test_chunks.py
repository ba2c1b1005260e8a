# -*- test-case-name: tests.http.test_chunks -*-
"""Chunks."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.http.chunks import LARGEST, Chunks


class ChunksTests(TestCase):
    """What they look like, and which are the same."""

    def test_chunk_begins_with_its_size(self) -> None:
        """In hexadecimal, between line ends."""
        self.assertEqual(Chunks().make(b"x" * 26), b"1a\r\n" + b"x" * 26 + b"\r\n")

    def test_same_data_in_a_row_is_the_same_chunk(self) -> None:
        """The very object; data that came in between has its own."""
        chunks, data = Chunks(), b"one" * 9
        first = chunks.make(data)
        self.assertIs(chunks.make(data), first)
        self.assertEqual(chunks.make(b"two"), b"3\r\ntwo\r\n")
        self.assertEqual(chunks.make(data), first)

    def test_large_chunk_is_not_kept(self) -> None:
        """It is right all the same, and what was remembered still is."""
        chunks, small, large = Chunks(), b"small", b"x" * (LARGEST + 1)
        first = chunks.make(small)
        self.assertEqual(chunks.make(large), b"10001\r\n" + large + b"\r\n")
        self.assertIsNot(chunks.make(large), chunks.make(large))
        self.assertIs(chunks.make(small), first)
