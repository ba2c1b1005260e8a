# -*- test-case-name: tests.http.test_ports -*-
"""Endpoint strings: our defaults."""

from __future__ import annotations

from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import StartError
from sockjsd.http.ports import BACKLOG, describe_port, open_port


class DescribePortTests(SynchronousTestCase):
    """What is added to an endpoint string."""

    def test_adds_backlog_to_tcp(self) -> None:
        """Twisted's 50 is too few."""
        self.assertEqual(describe_port("tcp:80", 0o022), f"tcp:80:backlog={BACKLOG}")
        self.assertEqual(describe_port("haproxy:tcp:80", 0o022), f"haproxy:tcp:80:backlog={BACKLOG}")

    def test_keeps_what_is_said(self) -> None:
        """Who names a number gets it."""
        self.assertEqual(describe_port("tcp:80:backlog=5", 0o022), "tcp:80:backlog=5")
        self.assertEqual(describe_port("unix:/s:mode=600:backlog=5", 0o022), "unix:/s:mode=600:backlog=5")

    def test_gives_unix_sockets_the_umask(self) -> None:
        """Twisted would make them writable for everybody."""
        self.assertEqual(describe_port("unix:/s", 0o007), f"unix:/s:backlog={BACKLOG}:mode=660")

    def test_leaves_other_kinds_alone(self) -> None:
        """What systemd passes has its backlog already."""
        self.assertEqual(describe_port("systemd:domain=INET:index=0", 0), "systemd:domain=INET:index=0")


class OpenPortTests(SynchronousTestCase):
    """Ports that open, and those that do not."""

    def test_port_listens(self) -> None:
        """At once."""
        reactor = MemoryReactorClock()
        open_port("tcp:80", 0o022, Factory(), reactor)
        self.assertEqual([server[0] for server in reactor.tcpServers], [80])

    def test_refusal_says_which_port_and_why(self) -> None:
        """In one sentence, whatever kind of port it is."""
        for description, why in (
            ("nonsense", "nonsense"),
            ("tcp:port", "invalid literal"),
            ("systemd:domain=INET:index=7", "systemd passed no such socket"),
        ):
            with self.subTest(description=description):
                error = self.assertRaises(StartError, open_port, description, 0o022, Factory(), MemoryReactorClock())
                self.assertIn(f"cannot listen on {description}: ", str(error))
                self.assertIn(why, str(error))
