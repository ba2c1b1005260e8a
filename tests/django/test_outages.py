# -*- test-case-name: tests.django.test_outages -*-
"""Tests of ``sockjsd.django.outages``."""

from __future__ import annotations

import logging
import threading

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.django.outages import OutageLog, PublishCounts
from sockjsd.errors import BrokerUnavailable
from tests.django.fakes import LogLines

DOWN = BrokerUnavailable("Redis is away")


class OutageLogTests(SynchronousTestCase):
    """What an operator sees of an outage."""

    def setUp(self) -> None:
        self.log = LogLines(self, "sockjsd.tests.outages")
        self.outages = OutageLog(logging.getLogger("sockjsd.tests.outages"))

    def test_log_has_one_error_line_however_many_are_lost(self) -> None:
        """The first loss of an outage is logged with its reason, the others are only counted."""
        for _ in range(5):
            self.outages.lost(DOWN)
        self.assertEqual(self.log.lines, [("ERROR", "Publications are being lost from now on: Redis is away")])

    def test_log_says_how_many_were_lost_when_outage_ends(self) -> None:
        """The first publication that goes out again ends the outage, once."""
        for _ in range(3):
            self.outages.lost(DOWN)
        self.outages.sent()
        self.outages.sent()
        self.assertEqual(self.log.lines[1:], [("INFO", "Publications go out again; lost in between: 3")])

    def test_log_begins_second_outage_with_line_of_its_own(self) -> None:
        """Each outage has its two lines, and its own number."""
        for _ in range(2):
            self.outages.lost(DOWN)
            self.outages.sent()
        self.assertEqual([level for level, _ in self.log.lines], ["ERROR", "INFO"] * 2)
        self.assertIn("lost in between: 1", self.log.lines[-1][1])

    def test_log_is_silent_while_all_goes_well(self) -> None:
        """A publication that goes out is counted and not logged; so is one whose caller was told."""
        self.outages.sent()
        self.outages.raised()
        self.assertEqual(self.log.lines, [])

    def test_counts_tell_sent_lost_and_raised_apart(self) -> None:
        """Three numbers, for three fates."""
        self.outages.lost(DOWN)
        self.outages.sent()
        self.outages.sent()
        self.outages.raised()
        self.assertEqual(self.outages.counts, PublishCounts(sent=2, lost=1, raised=1))

    def test_counts_are_exact_when_many_threads_count(self) -> None:
        """No increment gets lost between threads."""

        def count() -> None:
            for _ in range(500):
                self.outages.sent()
                self.outages.lost(DOWN)

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        self.assertEqual(self.outages.counts, PublishCounts(sent=2000, lost=2000))

    def test_reset_begins_at_zero_and_ends_no_outage(self) -> None:
        """A forked child has lost nothing yet."""
        self.outages.lost(DOWN)
        self.outages.reset()
        self.outages.sent()
        self.assertEqual(self.outages.counts, PublishCounts(sent=1))
        self.assertEqual(len(self.log.lines), 1)
