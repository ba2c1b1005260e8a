# -*- test-case-name: tests.test_service -*-
"""``twistd sockjsd``: from a configuration file to a running node.  The only file that fetches the reactor.

``makeService`` reads the configuration before twistd forks, so that a mistake is told at
the prompt.  What the machine refuses later (a port in use, a site that does not import)
is told in one line too, with exit status 1, in the foreground as well as from a daemon.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.internet.main import installReactor
from twisted.logger import Logger
from twisted.python import usage

from sockjsd.config import load
from sockjsd.errors import ConfigurationError, StartError

if TYPE_CHECKING:
    from sockjsd.node import Node

_NO_CYCLONE = "sockjsd needs Cyclone, which pip cannot choose by itself: pip install --no-deps cyclone==1.3"


class Options(usage.Options):
    """The options of ``twistd sockjsd``."""

    synopsis = "--config FILE"
    optParameters = [["config", "c", None, "The configuration file; `sockjsd config --sample` prints one."]]


class Daemon(Service):
    """A node as twistd runs it.

    :param node: all parts.
    :param reactor: where they run.
    :param foreground: whether somebody watches stderr: twistd was started with ``-n``.
    :param pidfile: the file that twistd has written, or an empty string.
    """

    _log = Logger()

    def __init__(self, node: Node, reactor: Any, *, foreground: bool, pidfile: str) -> None:
        self._node = node
        self._reactor = reactor
        self._foreground = foreground
        self._pidfile = pidfile

    def privilegedStartService(self) -> None:
        """Listen, after twistd's fork and before it changes the user."""
        super().privilegedStartService()
        with self._telling_refusals():
            self._node.listen()

    def startService(self) -> None:
        """Start everything else, as the final user."""
        super().startService()
        with self._telling_refusals():
            self._node.start()
        # Twice: twistd says at the prompt that all is well before the reactor runs, and that takes the signals itself.
        self._take_signals()
        self._reactor.callWhenRunning(self._take_signals)

    def stopService(self) -> Deferred[None]:
        """Drain and stop; fires when all is quiet."""
        super().stopService()
        return self._node.stop()

    @contextmanager
    def _telling_refusals(self) -> Iterator[None]:
        try:
            yield
        except StartError as error:
            self._log.critical("Not started: {error}", error=str(error))
            if not self._foreground:
                raise  # twistd hands it to the process at the prompt, which prints it and exits with 1
            if self._pidfile:
                with suppress(OSError):
                    os.unlink(self._pidfile)
            raise SystemExit(f"sockjsd: {error}") from error

    def _take_signals(self) -> None:
        """Make SIGTERM and SIGINT a clean stop with exit status 0; by itself twistd would die by the signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.callFromThread(self._stop_reactor))

    def _stop_reactor(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:  # it is stopping already: whoever asks twice is in a hurry
            self._node.hurry()


def _install_reactor() -> None:
    """Install ours, unless the command line chose one (``twistd --reactor``), or this is not Linux."""
    if "twisted.internet.reactor" not in sys.modules and sys.platform == "linux":
        from sockjsd.reactor import Reactor

        installReactor(Reactor())


def makeService(options: Options) -> Service:
    """Return the daemon for ``twistd``.

    :raises SystemExit: with one line that says what is wrong, and status 1.
    """
    if options["config"] is None:
        raise SystemExit("sockjsd: --config FILE is needed; `sockjsd config --sample` prints a file to start from")
    try:
        config = load(options["config"])
    except ConfigurationError as error:
        raise SystemExit(f"sockjsd: {error}") from error
    _install_reactor()
    from twisted.internet import reactor

    try:
        from sockjsd.node import Node
    except ModuleNotFoundError as error:
        if error.name != "cyclone":
            raise
        raise SystemExit(f"sockjsd: {_NO_CYCLONE}") from error
    twistd: dict[str, Any] = options.parent or {}
    return Daemon(
        Node(config, reactor),
        reactor,
        foreground=bool(twistd.get("nodaemon")),
        pidfile=twistd.get("pidfile") or "",
    )
