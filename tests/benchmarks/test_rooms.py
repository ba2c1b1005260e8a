# -*- test-case-name: tests.benchmarks.test_rooms -*-
"""Who is on which channel."""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from benchmarks import rooms


class RoomsTests(SynchronousTestCase):
    """The sets of channels."""

    def test_each_set_has_that_many_different_channels(self) -> None:
        """A client on one channel twice would get less than the load expects."""
        for group in range(rooms.GROUPS):
            self.assertEqual(len(set(rooms.channels(group))), rooms.EACH)

    def test_each_channel_is_in_equally_many_sets(self) -> None:
        """So every publication has the same number of listeners, which the load relies on."""
        counts = Counter(channel for group in range(rooms.GROUPS) for channel in rooms.channels(group))
        self.assertEqual(len(counts), rooms.CHANNELS)
        self.assertEqual(set(counts.values()), {rooms.GROUPS * rooms.EACH // rooms.CHANNELS})

    def test_listeners_are_what_the_sets_make(self) -> None:
        """1,000 clients are ten in each set, and each channel is in five sets."""
        self.assertEqual(rooms.listeners(1000), 50)

    def test_neighbours_are_mostly_in_different_sets(self) -> None:
        """Publications at once go to channels with numbers in a row; they should not all hit the same clients."""
        for group in range(rooms.GROUPS):
            numbers = sorted(int(channel[1:]) for channel in rooms.channels(group))
            most = max(sum(first <= each < first + 20 for each in numbers) for first in numbers)
            self.assertLessEqual(most, 4)

    def test_list_is_what_peers_get_in_the_url(self) -> None:
        """Names without anything that a URL would escape."""
        self.assertRegex(rooms.listed(3), r"^c\d{3}(,c\d{3}){49}$")

    def test_any_channel_has_a_place_for_its_number(self) -> None:
        """The load goes through all of them, and there are as many as its digits can say."""
        self.assertEqual(rooms.ANY.count("@"), 3)
        self.assertEqual(rooms.CHANNELS, 10 ** rooms.ANY.count("@"))
