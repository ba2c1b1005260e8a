# -*- test-case-name: tests.http.test_ports -*-
"""Endpoint strings: our defaults."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress
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


class FullReactor(MemoryReactorClock):
    """Every port is in use, or no port."""

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> IAddress:
        if not 0 <= port < 65536:
            raise OverflowError("port must be 0-65535.")
        raise CannotListenError(interface, port, OSError("in use"))


class OpenPortTests(SynchronousTestCase):
    """Ports that open, and those that do not."""

    def test_port_listens(self) -> None:
        """At once."""
        reactor = MemoryReactorClock()
        open_port("tcp:80", 0o022, Factory(), reactor)
        self.assertEqual([server[0] for server in reactor.tcpServers], [80])

    def refusal(self, description: str) -> str:
        """Return the message for *description*."""
        error = self.assertRaises(StartError, open_port, description, 0o022, Factory(), FullReactor())
        return str(error)

    def test_refuses_what_is_no_endpoint_string(self) -> None:
        """Each is one message that names it."""
        for description in ("tcp:abc", "tcp:99999", "tcp:-1", "tpc:80", "tcp:80:interfce=::1", "systemd:domain=FOO"):
            with self.subTest(description=description):
                self.assertTrue(self.refusal(description).startswith(f"cannot listen on {description}: "))

    def test_refuses_a_port_in_use(self) -> None:
        """As the system says it."""
        self.assertIn("in use", self.refusal("tcp:80"))

    def test_refuses_a_certificate_that_is_none(self) -> None:
        """What OpenSSL says is repeated."""
        path = Path(self.mktemp())
        path.write_text("no key\n")
        self.assertIn("cannot listen on ssl:1:privateKey=", self.refusal(f"ssl:1:privateKey={path}"))

    def test_refuses_a_socket_that_systemd_did_not_pass(self) -> None:
        """A unit without its socket."""
        for which in ("index=0", "name=x"):
            self.assertIn("systemd passed no such socket", self.refusal(f"systemd:domain=INET:{which}"))
