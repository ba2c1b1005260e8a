# -*- test-case-name: tests.benchmarks.test_syscalls -*-
"""System calls for each message, from what strace prints."""

from __future__ import annotations

from collections import Counter

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.syscalls import counted, for_each

#: As strace 6.1 prints it; the column of errors is empty for most.
TABLE = """\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.25    0.062361           6     10134           sendto
 38.20    0.038899           3     10290        56 recvfrom
  0.55    0.000557           5       103           epoll_wait
------ ----------- ----------- --------- --------- ----------------
100.00    0.101817           4     20527        56 total
"""


class CountedTests(SynchronousTestCase):
    """Reading the table."""

    def test_each_call_has_its_number(self) -> None:
        """With errors and without; neither head, nor rules, nor the sum are calls."""
        self.assertEqual(counted(TABLE), {"sendto": 10134, "recvfrom": 10290, "epoll_wait": 103})

    def test_an_empty_table_has_none(self) -> None:
        """A server that did nothing."""
        self.assertEqual(counted(""), {})


class ForEachTests(SynchronousTestCase):
    """What one message costs: the slope between a short and a long run."""

    def test_what_both_runs_do_falls_out(self) -> None:
        """Connecting costs the same, however long the clients stay."""
        short = Counter(accept4=100, sendto=1100, recvfrom=1100)
        long = Counter(accept4=100, sendto=5100, recvfrom=5100)
        self.assertEqual(for_each(short, long, 4000), {"calls": 2.0, "call: sendto": 1.0, "call: recvfrom": 1.0})

    def test_rare_calls_count_but_have_no_line(self) -> None:
        """One call of a timer is not worth it, but it is in the sum."""
        found = for_each(Counter(), Counter(write=1000, futex=4), 1000)
        self.assertEqual(found, {"calls": 1.004, "call: write": 1.0})

    def test_calls_that_only_the_longer_run_made_count(self) -> None:
        """Nothing is taken from what was not there."""
        self.assertEqual(for_each(Counter(), Counter(madvise=10), 10)["call: madvise"], 1.0)
