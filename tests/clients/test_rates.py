# -*- test-case-name: tests.clients.test_rates -*-
"""The bucket of commands."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.clients.rates import Bucket


class BucketTests(TestCase):
    """2 commands a second, 3 at once."""

    def taken(self, bucket: Bucket, *times: float) -> list[bool]:
        """Return which of the commands at *times* were let through."""
        return [bucket.take(time) for time in times]

    def test_bucket_gives_a_burst_when_it_is_new(self) -> None:
        """And no more than that at once."""
        self.assertEqual(self.taken(Bucket(2, 3, 100), 100, 100, 100, 100), [True, True, True, False])

    def test_bucket_fills_when_time_passes(self) -> None:
        """At its rate, up to a burst, however long it takes."""
        bucket = Bucket(2, 3, 0)
        self.assertEqual(
            self.taken(bucket, 0, 0, 0, 0.5, 0.9, 1000, 1000, 1000, 1000), [True] * 4 + [False] + [True] * 3 + [False]
        )

    def test_bucket_keeps_what_it_has_when_the_clock_is_put_back(self) -> None:
        """It fills again from that time on."""
        bucket = Bucket(2, 3, 1000)
        self.assertEqual(self.taken(bucket, 10, 10, 10, 10, 11), [True] * 3 + [False, True])

    def test_bucket_is_overdrawn_when_refusals_are_not_heeded(self) -> None:
        """As many as a burst; whoever waits is forgiven."""
        bucket = Bucket(2, 3, 0)
        self.taken(bucket, *[0] * 5)
        self.assertFalse(bucket.overdrawn)
        self.taken(bucket, 0)
        self.assertTrue(bucket.overdrawn)
        self.assertEqual(self.taken(bucket, 2.5), [True])
        self.assertFalse(bucket.overdrawn)
