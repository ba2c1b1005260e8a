# -*- test-case-name: tests.functional.test_systemd -*-
"""``conf/systemd``: the units themselves, what they run, and sockets that somebody else listens on."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from configparser import RawConfigParser
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Endpoint, Server
from sockjsd.http.ports import BACKLOG
from tests.functional import need
from tests.functional.daemon import ROOT, START_LIMIT, STOP_LIMIT, Daemon
from tests.functional.redis_server import find_free_port
from tests.functional.sockjs_client import Stream, ask, wait_until

UNITS = ROOT / "conf" / "systemd"
SITE = Path(__file__).with_name("site")
#: What the units expect to be there.
PROGRAMS, CONFIGURATION = "/opt/sockjsd/bin/", "/etc/sockjsd/site.ini"

#: Does what systemd does before it runs a service: descriptors from 3 on, and three variables.
PASS_SOCKETS = """
import os, sys
from fcntl import F_DUPFD, fcntl
count = int(sys.argv[1])
# Far up first: one of them may be where another has to go.
kept = [fcntl(int(number), F_DUPFD, 100) for number in sys.argv[2 : 2 + count]]
for position, number in enumerate(kept):
    os.dup2(number, 3 + position)
    os.close(number)
names = ":".join(["sockjsd.socket"] * count)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=names)
command = sys.argv[2 + count :]
os.execv(command[0], command)
"""


def read_unit(name: str) -> Mapping[str, Mapping[str, str]]:
    """Return the sections of a unit."""
    parser = RawConfigParser(delimiters="=", comment_prefixes="#")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names have their case
    parser.read_string((UNITS / name).read_text())
    return parser


class UnitTests(SynchronousTestCase):
    """The files."""

    def test_units_are_in_order(self) -> None:
        """systemd has nothing to say against them, where the programs are."""
        (program,) = need("systemd-analyze")
        with tempfile.TemporaryDirectory(prefix="sockjsd-units-") as folder:
            for file in UNITS.iterdir():
                text = file.read_text().replace(PROGRAMS, f"{Path(sys.executable).parent}/")
                Path(folder, file.name).write_text(text)
            units = sorted(str(path) for path in Path(folder).iterdir())
            self.assertEqual(len(units), 2)
            done = subprocess.run(
                [program, "verify", *units], capture_output=True, text=True, timeout=START_LIMIT, check=False
            )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_numbers_fit_those_of_the_daemon(self) -> None:
        """Each relation that the comments state, with the defaults of our options."""
        service = read_unit("sockjsd.service")["Service"]
        self.assertGreater(int(service["TimeoutStopSec"]), Server().drain_timeout)
        self.assertGreater(int(service["LimitNOFILE"]), Endpoint("echo", application="echo").session_limit)
        listening = read_unit("sockjsd.socket")["Socket"]
        self.assertEqual(int(listening["Backlog"]), BACKLOG)
        (usual,) = Server().listen
        host, _, port = listening["ListenStream"].partition(":")
        self.assertEqual(usual, f"tcp:{port}:interface={host}")


class ServiceTests(SynchronousTestCase):
    """What ``sockjsd.service`` runs, in an environment as empty as systemd's."""

    def setUp(self) -> None:
        """Have a configuration."""
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-service-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.file = self.folder / "site.ini"
        self.port = find_free_port()
        self.configure("functional_site.settings")
        self.service = read_unit("sockjsd.service")["Service"]
        self.environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}

    def configure(self, settings: str) -> None:
        """Write the configuration."""
        self.file.write_text(
            f"[server]\nlisten = tcp:{self.port}:interface=127.0.0.1\n"
            f"[site]\nsettings = {settings}\npython_path = {SITE}\n"
        )

    def command(self, name: str) -> list[str]:
        """Return a command of the unit, with the programs and the file where they are here."""
        line = self.service[name].replace(PROGRAMS, f"{Path(sys.executable).parent}/")
        return line.replace(CONFIGURATION, str(self.file)).split()

    def check(self) -> subprocess.CompletedProcess[str]:
        """Run what comes before the start."""
        return subprocess.run(
            self.command("ExecStartPre"),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=START_LIMIT,
            check=False,
        )

    def test_commands_serve_and_stop(self) -> None:
        """The check passes, the site answers, and the unit's signal ends it with the status that is not restarted."""
        checked = self.check()
        self.assertEqual(checked.returncode, 0, checked.stderr)
        number = signal.Signals[self.service["KillSignal"]]
        with open(self.folder / "log", "wb") as log:
            process = subprocess.Popen(
                self.command("ExecStart"), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_until(self.answers, "the site")
        process.send_signal(number)
        self.assertEqual(process.wait(STOP_LIMIT), 0, (self.folder / "log").read_text())
        self.assertEqual({path.name for path in self.folder.iterdir()}, {"site.ini", "log"})

    def answers(self) -> bool:
        """Whether the site does."""
        try:
            return ask(self.port, "GET", "/hello/").body == b"hello\n"
        except OSError:
            return False

    def test_check_refuses_a_site_that_does_not_import(self) -> None:
        """Before anything listens, with the reason in the journal."""
        self.configure("no_such_site.settings")
        checked = self.check()
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn("no_such_site", checked.stderr + checked.stdout)


class Activated(Daemon):
    """A daemon that gets the sockets which it listens on.

    :param listening: the sockets, in their order.
    """

    def __init__(self, listening: list[socket.socket], listen: str) -> None:
        super().__init__(
            {
                "server": {"listen": listen},
                "site": {"settings": "functional_site.settings", "python_path": SITE},
                "endpoint echo": {"application": "echo"},
            }
        )
        self.inherited = tuple(each.fileno() for each in listening)
        self.port = listening[0].getsockname()[1] if listening else self.port

    def command(self, file: Path) -> list[str]:
        """Run it as systemd would."""
        numbers = [str(number) for number in self.inherited]
        return [sys.executable, "-c", PASS_SOCKETS, str(len(numbers)), *numbers, *super().command(file)]


class SocketTests(SynchronousTestCase):
    """``listen = systemd:…``, with the test in systemd's place."""

    def listening(self, family: socket.AddressFamily, address: object) -> socket.socket:
        """Return a socket that somebody could connect to already."""
        made = socket.socket(family)
        self.addCleanup(made.close)
        made.bind(address)
        made.listen(BACKLOG)
        return made

    def daemon(self, listening: list[socket.socket], listen: str) -> Activated:
        """Return a daemon that is not started."""
        daemon = Activated(listening, listen)
        self.addCleanup(daemon.close)
        return daemon

    def test_serves_from_passed_sockets(self) -> None:
        """TCP and Unix, each under its number; it opens none itself."""
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-socket-")
        self.addCleanup(folder.cleanup)
        path = f"{folder.name}/web.sock"
        sockets = [
            self.listening(socket.AF_INET, ("127.0.0.1", 0)),
            self.listening(socket.AF_UNIX, path),
        ]
        daemon = self.daemon(sockets, "systemd:domain=INET:index=0\n  systemd:domain=UNIX:index=1").start()
        self.assertEqual(ask(daemon.port, "GET", "/hello/").body, b"hello\n")
        self.assertEqual(ask(daemon.port, "POST", "/echo/000/a/xhr").body, b"o\n")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(START_LIMIT)
            connection.connect(path)
            connection.sendall(b"GET /hello/ HTTP/1.0\r\n\r\n")
            self.assertTrue(connection.makefile("rb").read().endswith(b"\r\n\r\nhello\n"))
        self.assertEqual(daemon.stop(), 0, daemon.log())

    def test_whoever_connects_during_a_restart_waits(self) -> None:
        """Nobody is refused: requests that come while no daemon runs are answered by the next one."""
        daemon = self.daemon([self.listening(socket.AF_INET, ("127.0.0.1", 0))], "systemd:domain=INET:index=0")
        for _ in range(2):
            daemon.start()
            self.assertEqual(daemon.stop(), 0, daemon.log())
            waiting = [Stream(daemon.port, "GET", "/hello/") for _ in range(20)]
            daemon.start()
            self.assertEqual([stream.answer().body for stream in waiting], [b"hello\n"] * 20)
            daemon.stop()

    def test_says_what_is_missing_when_no_socket_was_passed(self) -> None:
        """The service was started without its socket."""
        daemon = self.daemon([], "systemd:domain=INET:index=0")
        daemon.launch()
        self.assertEqual(daemon.wait(), 1)
        self.assertIn(
            "sockjsd: cannot listen on systemd:domain=INET:index=0: systemd passed no such socket", daemon.log()
        )
