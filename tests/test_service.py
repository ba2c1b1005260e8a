# -*- test-case-name: tests.test_service -*-
"""Tests for ``sockjsd.service``: what twistd sees, and what a person at the prompt is told."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ReactorNotRunning
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import StartError
from sockjsd.service import Daemon, Options, makeService


class FakeNode:
    """Records what it is asked to do; refuses to start when told so."""

    def __init__(self, refusal: str = "") -> None:
        self.asked: list[str] = []
        self.refusal = refusal

    def listen(self) -> None:
        self.asked.append("listen")
        if self.refusal:
            raise StartError(self.refusal)

    def start(self) -> None:
        self.asked.append("start")

    def stop(self) -> Deferred[None]:
        self.asked.append("stop")
        return succeed(None)

    def hurry(self) -> None:
        self.asked.append("hurry")


class FakeReactor:
    """Runs everything at once, unless it does not run yet, and can be stopped once.

    :ivar begun: whether it runs; ``run`` makes up for what has waited for that.
    """

    def __init__(self) -> None:
        self.stopped = False
        self.begun = True
        self.waiting: list[Callable[[], None]] = []

    def callWhenRunning(self, call: Callable[[], None]) -> None:
        if self.begun:
            call()
        else:
            self.waiting.append(call)

    callFromThread = callWhenRunning

    def run(self) -> None:
        self.begun = True
        for call in self.waiting:
            call()

    def stop(self) -> None:
        if self.stopped:
            raise ReactorNotRunning
        self.stopped = True


class MakeServiceTests(SynchronousTestCase):
    """From the command line to a service."""

    def service(self, *arguments: str) -> object:
        """What ``twistd sockjsd`` makes of *arguments*."""
        options = Options()
        options.parseOptions(list(arguments))
        return makeService(options)

    def test_wants_a_configuration(self) -> None:
        """Without one the message says how to get one."""
        error = self.assertRaises(SystemExit, self.service)
        self.assertIn("sockjsd config --sample", str(error.code))

    def test_tells_what_is_wrong_with_the_configuration(self) -> None:
        """File, line, what it got and what is allowed: in one line, before anything starts."""
        file = Path(self.mktemp())
        file.write_text("[server]\nlisten = tcp:0\nhead_limit = many\n")
        error = self.assertRaises(SystemExit, self.service, "--config", str(file))
        self.assertIn(f"{file}:3: ", str(error.code))
        self.assertIn("'many'", str(error.code))
        self.assertNotIn("\n", str(error.code))

    def test_makes_a_daemon(self) -> None:
        """A good file makes a service that has not started anything."""
        file = Path(self.mktemp())
        file.write_text("[server]\nlisten = tcp:0\n")
        service = self.service("-c", str(file))
        self.assertIsInstance(service, Daemon)
        self.assertFalse(service.running)


class DaemonTests(SynchronousTestCase):
    """A node under twistd."""

    def daemon(self, node: FakeNode, *, foreground: bool = True, pidfile: str = "") -> Daemon:
        """A daemon around *node*; signal handlers are recorded, not installed."""
        self.reactor = FakeReactor()
        self.handlers: dict[int, Callable[..., None]] = {}
        self.patch(signal, "signal", self.handlers.__setitem__)
        return Daemon(node, self.reactor, foreground=foreground, pidfile=pidfile)  # type: ignore[arg-type]

    def test_listens_before_it_starts(self) -> None:
        """twistd changes the user in between."""
        node = FakeNode()
        daemon = self.daemon(node)
        daemon.privilegedStartService()
        self.assertEqual(node.asked, ["listen"])
        daemon.startService()
        self.assertEqual(node.asked, ["listen", "start"])
        self.successResultOf(daemon.stopService())
        self.assertEqual(node.asked, ["listen", "start", "stop"])

    def test_signal_before_the_reactor_runs_stops_it_as_soon_as_it_does(self) -> None:
        """Whoever started it may stop it at once, and nothing of it is left behind."""
        daemon = self.daemon(FakeNode())
        self.reactor.begun = False
        daemon.startService()
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertFalse(self.reactor.stopped)
        self.handlers.clear()  # as the reactor does, with its own
        self.reactor.run()
        self.assertEqual((self.reactor.stopped, set(self.handlers)), (True, {signal.SIGTERM, signal.SIGINT}))

    def test_refusal_in_the_foreground_is_one_line(self) -> None:
        """Exit status 1 with the reason, and twistd's pidfile is not left behind."""
        pidfile = Path(self.mktemp())
        pidfile.write_text("1")
        daemon = self.daemon(FakeNode("cannot listen on tcp:80"), pidfile=str(pidfile))
        error = self.assertRaises(SystemExit, daemon.privilegedStartService)
        self.assertEqual(error.code, "sockjsd: cannot listen on tcp:80")
        self.assertFalse(pidfile.exists())

    def test_refusal_without_pidfile(self) -> None:
        """Nothing to remove is no trouble, and neither is a file that has gone."""
        for pidfile in ("", self.mktemp()):
            self.assertRaises(SystemExit, self.daemon(FakeNode("no"), pidfile=pidfile).privilegedStartService)

    def test_refusal_in_the_background_reaches_the_prompt(self) -> None:
        """twistd hands an exception of the child to the process that waits at the prompt."""
        daemon = self.daemon(FakeNode("no"), foreground=False)
        self.assertRaises(StartError, daemon.privilegedStartService)

    def test_signals_stop_the_reactor(self) -> None:
        """SIGTERM and SIGINT are a clean stop; a second one ends the wait."""
        node = FakeNode()
        self.daemon(node).startService()
        self.assertEqual(set(self.handlers), {signal.SIGTERM, signal.SIGINT})
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertTrue(self.reactor.stopped)
        self.assertNotIn("hurry", node.asked)
        self.handlers[signal.SIGTERM](signal.SIGTERM, None)
        self.assertIn("hurry", node.asked)
