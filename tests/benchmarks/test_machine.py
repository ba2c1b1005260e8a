# -*- test-case-name: tests.benchmarks.test_machine -*-
"""Which processes belong to a server, and where everybody runs."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.machine import cores, descendants, scratch, strangers


class DescendantsTests(SynchronousTestCase):
    """A server is all the processes that it started."""

    def test_children_and_grandchildren_belong_to_it(self) -> None:
        """nginx has workers, and so has gunicorn."""
        self.assertEqual(descendants(10, {11: 10, 12: 10, 13: 12, 99: 1, 10: 1}), [10, 11, 12, 13])

    def test_a_lonely_process_is_itself(self) -> None:
        """Whether anybody knows its parent or not."""
        self.assertEqual(descendants(10, {}), [10])

    def test_siblings_and_parents_do_not_belong_to_it(self) -> None:
        """Nobody else's memory is counted, and nobody else is killed."""
        self.assertEqual(descendants(10, {10: 5, 11: 5, 5: 1}), [10])


class StrangersTests(SynchronousTestCase):
    """Who disturbs."""

    def test_others_are_strangers(self) -> None:
        """Those who started us, too: they may have more to do than to wait."""
        self.assertEqual(strangers({1: 0, 20: 1, 30: 20, 31: 30}, 30), [1, 20])

    def test_threads_of_the_kernel_are_not(self) -> None:
        """They work for us."""
        self.assertEqual(strangers({2: 0, 3: 2, 30: 1}, 30), [])


class MachineTests(SynchronousTestCase):
    """Cores and files."""

    def test_server_and_load_have_different_cores_where_there_are_two(self) -> None:
        """With one they share it."""
        server, load = cores()
        self.assertEqual(len(server | load), min(2, len(os.sched_getaffinity(0))))

    def test_scratch_is_one_folder_for_a_run(self) -> None:
        """And nobody else's."""
        self.assertEqual(scratch(), scratch())
        self.assertEqual(scratch().stat().st_mode & 0o077, 0)
