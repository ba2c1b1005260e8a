# -*- test-case-name: tests.test_losses -*-
"""Tests for ``sockjsd.losses``: what an operator reads when messages were not delivered."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.losses import INTERVAL, Losses
from sockjsd.wheel import RESOLUTION, Wheel


class LossesTests(SynchronousTestCase):
    """The first loss at once, further ones as a sum."""

    def setUp(self) -> None:
        """Collect log lines."""
        self.clock = Clock()
        self.wheel = Wheel(self.clock)
        self.wheel.start()
        self.addCleanup(self.wheel.stop)
        self.losses = Losses("/events", self.wheel)
        self.lines: list[str] = []

        def keep(event: LogEvent) -> None:
            if event.get("log_namespace") == "sockjsd.losses.Losses":
                self.lines.append(formatEvent(event))

        globalLogPublisher.addObserver(keep)
        self.addCleanup(globalLogPublisher.removeObserver, keep)

    def wait(self) -> None:
        """Let an interval pass."""
        self.clock.pump([RESOLUTION] * int(INTERVAL / RESOLUTION + 2))

    def test_tells_the_first_loss_at_once(self) -> None:
        """One line names endpoint, number and reason."""
        self.losses.add(3, 3008, "Connection too slow")
        self.assertEqual(
            self.lines,
            [
                "/events: 1 connections ended before 3 messages were delivered (1 × 3008 'Connection too slow')",
            ],
        )

    def test_tells_further_losses_as_a_sum(self) -> None:
        """A thousand connections cut at once are two lines, and no number is missing."""
        for _ in range(1000):
            self.losses.add(2, 8, "slow")
        self.losses.add(5, 9, "lost")
        self.assertEqual(len(self.lines), 1)
        self.wait()
        self.assertEqual(
            self.lines[1:],
            ["/events: 1000 connections ended before 2003 messages were delivered (999 × 8 'slow', 1 × 9 'lost')"],
        )
        self.assertEqual((self.losses.connections, self.losses.messages), (1001, 2005))

    def test_says_nothing_when_there_is_nothing_to_say(self) -> None:
        """After a quiet interval nothing is told and nothing waits; the next loss is told at once again."""
        self.losses.add(1, 1, "a")
        self.wait()
        self.assertEqual(len(self.lines), 1)
        self.assertEqual(len(self.wheel), 0)
        self.losses.add(1, 1, "a")
        self.assertEqual(len(self.lines), 2)

    def test_tells_many_reasons_as_one(self) -> None:
        """A client may give a new one each time: neither memory nor line grow with them, and the sums are right."""
        for number in range(1000):
            self.losses.add(1, 4000, f"reason {number}")
        self.wait()
        line = self.lines[1]
        self.assertIn("999 connections ended before 999 messages", line)
        self.assertIn("1 × 4000 'reason 10', 989 × 0 'other reasons')", line)
        self.assertNotIn("reason 11'", line)

    def test_escapes_a_reason_that_the_peer_gave(self) -> None:
        """A close reason is the peer's text: it cannot make a line of its own."""
        self.losses.add(1, 4000, "x\n2026 forged")
        self.assertNotIn("\n", self.lines[0])

    def test_tells_what_was_skipped_as_a_sum(self) -> None:
        """Clients that stay are no connections that ended; the sum is told as often."""
        self.losses.skip(3)
        for _ in range(1000):
            self.losses.skip(2)
        self.losses.add(1, 3008, "slow")
        self.wait()
        said = "/events: {} messages were dropped for slow clients, as their channels' output_policy says"
        self.assertEqual(self.lines[:2], [said.format(3), said.format(2000)])
        self.assertIn("1 connections ended before 1 messages", self.lines[2])
        self.assertEqual((self.losses.skipped, self.losses.connections, self.losses.messages), (2003, 1, 1))
        self.wait()
        self.assertEqual(len(self.lines), 3)
