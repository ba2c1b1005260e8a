# -*- test-case-name: tests.functional.test_daemon -*-
"""``twistd sockjsd`` as an operator meets it: in the background, refused, stopped."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.websocket.frames import Opcode, close_payload, encode
from tests.functional import need
from tests.functional.daemon import ROOT, Daemon
from tests.functional.redis_server import find_free_port

SITE = Path(__file__).with_name("site")
TWISTD = Path(sys.executable).with_name("twistd")

#: Seconds in which anything here has to happen.
LIMIT = 30.0


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds.

    :raises AssertionError: it does not within ``LIMIT``.
    """
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited too long for {what}")
        time.sleep(0.02)


def get(url: str) -> tuple[int, str, str]:
    """Return status, the process that answered, and the text of *url*."""
    with urllib.request.urlopen(url, timeout=LIMIT) as response:
        return response.status, response.headers.get("X-Process", ""), response.read().decode()


def runs(pid: int) -> bool:
    """Whether a process lives; one that nobody waits for any more counts as dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def threads(pid: int) -> int:
    """How many threads a process has; the site's begin with the first view that needs them."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("Threads:")[1].split()[0])


def is_free(port: int) -> bool:
    """Whether somebody else could listen on *port*."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def reach_python() -> list[str]:
    """Return what has to stand before a command so that another user can run this Python.

    Where Python is installed in root's home, only root's right to read everything helps;
    ``setpriv`` lets a process keep it when it changes its user.
    """
    folders = [Path(sys.base_prefix), *Path(sys.base_prefix).parents, Path(sys.prefix), *Path(sys.prefix).parents]
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in folders):
        return []
    return [*need("setpriv"), "--securebits", "+no_setuid_fixup"]


class BackgroundTests(SynchronousTestCase):
    """The daemon form, without ``-n``."""

    def setUp(self) -> None:
        """Make a folder that another user may enter, and a port."""
        self.folder = Path(tempfile.mkdtemp(prefix="sockjsd-background-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.port = find_free_port()
        self.config = self.folder / "site.ini"
        self.pidfile = self.folder / "sockjsd.pid"

    def configure(self, listen: str = "", *, site: str = "functional_site.settings", more: str = "") -> None:
        """Write the configuration."""
        listen = listen or f"tcp:{self.port}:interface=127.0.0.1"
        self.config.write_text(
            f"[server]\nlisten = {listen}\n{more}\n[site]\nsettings = {site}\npython_path = {SITE}\n"
            "[endpoint echo]\napplication = echo\n"
        )

    def twistd(
        self, *arguments: str, prefix: list[str] | None = None, pidfile: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run twistd from another folder than the project's, and wait for its parent process."""
        command = [*(prefix or []), sys.executable, str(TWISTD)]
        command += [f"--pidfile={pidfile or self.pidfile}", f"--logfile={self.folder}/log"]
        done = subprocess.run(
            [*command, *arguments, "sockjsd", "--config", str(self.config)],
            cwd=self.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        if self.pidfile.exists():
            self.addCleanup(self.end, int(self.pidfile.read_text()))
        return done

    def end(self, pid: int) -> None:
        """End a daemon of this test, if it still runs."""
        if runs(pid):
            os.kill(pid, signal.SIGTERM)
            until(lambda: not runs(pid), "the daemon's end")

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return int(self.pidfile.read_text())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def test_serves_the_site_from_its_child(self) -> None:
        """Started in another folder it detaches with status 0 and nothing to say; views run in the final process."""
        self.configure()
        started = self.twistd()
        self.assertEqual((started.returncode, started.stderr, started.stdout), (0, "", ""), self.log())
        self.assertEqual(get(f"{self.url}/hello/"), (200, str(self.pid), "hello\n"))

    def test_removes_its_pidfile_when_it_is_stopped(self) -> None:
        """SIGTERM ends it cleanly."""
        self.configure()
        self.twistd()
        pid = self.pid
        self.end(pid)
        self.assertFalse(self.pidfile.exists())
        self.assertIn("Stopped", self.log())

    def test_runs_as_another_user(self) -> None:
        """With ``--uid`` ports are opened as root, and everything else is done as the user."""
        if os.getuid() != 0:
            raise SkipTest("only root can become another user")
        self.configure()
        nobody = pwd.getpwnam("nobody")
        started = self.twistd(f"--uid={nobody.pw_uid}", f"--gid={nobody.pw_gid}", prefix=reach_python())
        self.assertEqual((started.returncode, started.stderr), (0, ""), self.log())
        self.assertEqual(get(f"{self.url}/hello/")[0], 200)
        self.assertIn(f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}", Path(f"/proc/{self.pid}/status").read_text())

    def test_refuses_to_run_twice(self) -> None:
        """The second one with the same pidfile says so with status 1; the first one goes on."""
        self.configure()
        self.twistd()
        second = self.twistd()
        self.assertEqual(second.returncode, 1)
        self.assertIn("Another twistd server is running", second.stderr + second.stdout)
        self.assertEqual(get(f"{self.url}/hello/")[1], str(self.pid))

    def test_refuses_a_port_in_use(self) -> None:
        """Status 1, and the message reaches the prompt; no pidfile and no process stay."""
        self.configure()
        self.twistd()
        other = self.folder / "other.pid"
        second = self.twistd(pidfile=other)
        self.assertEqual(second.returncode, 1)
        self.assertIn("cannot listen on tcp:", second.stderr)
        until(lambda: not other.exists(), "the end of its pidfile, which twistd removes after it has said why")
        self.assertEqual(get(f"{self.url}/hello/")[1], str(self.pid))

    def test_refuses_a_site_that_does_not_import(self) -> None:
        """Status 1, the reason at the prompt and in the log, and the port is free again."""
        self.configure(site="no_such_site.settings")
        started = self.twistd()
        self.assertEqual(started.returncode, 1)
        self.assertIn("no_such_site", started.stderr)
        self.assertIn("No module named 'no_such_site'", self.log())
        until(lambda: not self.pidfile.exists(), "the end of its pidfile, which twistd removes after it has said why")
        until(lambda: is_free(self.port), "the port to be free")

    def test_gives_sockets_and_uploads_the_configured_umask(self) -> None:
        """Neither the 077 of twistd's daemon form nor the 666 of Twisted's sockets."""
        path = self.folder / "web.sock"
        self.configure(f"\n  tcp:{self.port}:interface=127.0.0.1\n  unix:{path}", more="umask = 017")
        self.twistd(FUNCTIONAL_UPLOAD_FOLDER=str(self.folder))
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
            + b"y" * 100_000
            + b"\r\n--x--\r\n"
        )
        request = urllib.request.Request(
            f"{self.url}/upload/", body, {"Content-Type": "multipart/form-data; boundary=x"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=LIMIT) as response:
            self.assertEqual(response.status, 200)
        self.assertEqual(oct(stat.S_IMODE(path.stat().st_mode)), oct(0o660))
        self.assertEqual(oct(stat.S_IMODE((self.folder / "a.txt").stat().st_mode)), oct(0o660))

    def log(self) -> str:
        """What the daemon has logged."""
        file = self.folder / "log"
        return file.read_text() if file.exists() else ""


class ForegroundRefusalTests(SynchronousTestCase):
    """With ``-n``: one message on stderr, status 1, nothing started."""

    def refused(self, sections: dict[str, dict[str, object]]) -> str:
        """Start a daemon that must not start, and return what it printed."""
        daemon = Daemon(sections)
        self.addCleanup(daemon.close)
        daemon.launch()
        self.assertEqual(daemon.wait(), 1, daemon.log())
        return daemon.log()

    def test_port_in_use(self) -> None:
        """The message names the port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            printed = self.refused({"server": {"listen": f"tcp:{port}:interface=127.0.0.1"}})
        self.assertIn(f"sockjsd: cannot listen on tcp:{port}", printed)
        self.assertNotIn("Traceback", printed)

    def test_site_that_does_not_import(self) -> None:
        """The message names the settings and the reason."""
        printed = self.refused({"site": {"settings": "no_such_site.settings"}})
        self.assertIn("sockjsd: Django with settings no_such_site.settings does not start", printed)

    def test_bad_option(self) -> None:
        """The message has file, line, what it got and what is allowed, and nothing else is printed."""
        printed = self.refused({"server": {"listen": "8000"}})
        self.assertEqual(printed.count("\n"), 1, printed)
        self.assertIn("sockjsd.ini:2: ", printed)
        self.assertIn("tcp:8000", printed)

    def test_endpoint_string_of_no_kind(self) -> None:
        """What Twisted does not know is a refusal, not a traceback."""
        printed = self.refused({"server": {"listen": "tpc:8000"}})
        self.assertIn("sockjsd: cannot listen on tpc:8000", printed)
        self.assertNotIn("Traceback", printed)


class QuietTests(SynchronousTestCase):
    """A start that goes well."""

    def test_prints_nothing_on_stderr(self) -> None:
        """Whatever is printed there is for a person to act on: nothing, on a good start and a clean stop."""
        daemon = Daemon({"site": {"settings": "functional_site.settings", "python_path": SITE}})
        self.addCleanup(daemon.close)
        (daemon.folder / "sockjsd.ini").write_text(daemon.configuration())
        command = [sys.executable, str(TWISTD), "-n", "--pidfile=", "sockjsd", "-c", f"{daemon.folder}/sockjsd.ini"]
        with subprocess.Popen(
            command,
            cwd=daemon.folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            self.addCleanup(process.kill)
            until(lambda: not is_free(daemon.port), "the daemon to listen")
            self.assertEqual(get(f"{daemon.url}/hello/")[0], 200)
            process.send_signal(signal.SIGTERM)
            printed, complaints = process.communicate(timeout=LIMIT)
        self.assertEqual((process.returncode, complaints), (0, ""), printed)


class LiveConnection:
    """A client that stays.

    :param port: the daemon's.
    :param number: makes the session's id.
    :param transport: which of the three kinds below.
    """

    HEADS = {
        "websocket": (
            "GET {path}/websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            b"\x81\x01o",
        ),
        "xhr_streaming": ("POST {path}/xhr_streaming HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"o\n\r\n"),
        "xhr": ("POST {path}/xhr HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"o\n"),
    }

    def __init__(self, port: int, number: int, transport: str) -> None:
        self.transport = transport
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=LIMIT)
        head, opened = self.HEADS[transport]
        request = head.format(path=f"/echo/000/s{number}").encode()
        self.socket.sendall(request)
        self.read_until(opened)
        if transport == "xhr":
            self.socket.sendall(request)  # the poll that waits

    def read_until(self, end: bytes) -> bytes:
        """Return what comes until *end* has come, or the connection is closed."""
        data = b""
        while not data.endswith(end):
            piece = self.socket.recv(65536)
            if not piece:
                break
            data += piece
        return data

    def farewell(self) -> bytes:
        """Return all that comes until the daemon closes; a WebSocket answers its close frame as it should."""
        data = b""
        if self.transport == "websocket":
            farewell = encode(Opcode.CLOSE, close_payload(1000, "Normal closure"))
            data = self.read_until(farewell)
            self.socket.sendall(b"\x88\x80\x00\x00\x00\x00")
        while piece := self.socket.recv(65536):
            data += piece
        self.socket.close()
        return data


class StopTests(SynchronousTestCase):
    """SIGTERM."""

    def daemon(self, **server: object) -> Daemon:
        """A daemon with the functional tests' site and an echo."""
        daemon = Daemon(
            {
                "server": server,
                "site": {"settings": "functional_site.settings", "python_path": SITE},
                "endpoint echo": {"application": "echo"},
            }
        )
        self.addCleanup(daemon.close)
        return daemon.start()

    def asked(self, daemon: Daemon, path: str) -> tuple[Thread, list[object]]:
        """Ask for *path* in a thread; return it, and where its result will be."""
        results: list[object] = []

        def ask() -> None:
            try:
                results.append(get(daemon.url + path)[2])
            except OSError as error:
                results.append(error)

        thread = Thread(target=ask)
        thread.start()
        return thread, results

    def test_answers_arrive_whole_and_everybody_is_told(self) -> None:
        """With a view at work for 3 s and 1,000 live connections: one answer, 1,000 close frames, status 0."""
        daemon = self.daemon()
        kinds = ("websocket", "xhr_streaming", "xhr", "websocket")
        clients = [LiveConnection(daemon.port, number, kinds[number % 4]) for number in range(1000)]
        thread, results = self.asked(daemon, "/slow/?seconds=3")
        until(lambda: threads(daemon.pid) > 1, "the view to be at work")
        daemon.signal_stop()
        for client in clients:
            self.assertIn(b'c[1001,"Server is going away"]', client.farewell(), client.transport)
        thread.join(LIMIT)
        self.assertEqual(results, ["slept 3 s\n"])
        self.assertEqual(daemon.wait(), 0, daemon.log())
        self.assertNotIn("Traceback", daemon.log())

    def test_view_that_never_returns_costs_the_drain_timeout(self) -> None:
        """The process ends with status 0 after ``drain_timeout``, thread or no thread."""
        daemon = self.daemon(drain_timeout=2)
        thread, results = self.asked(daemon, "/never/")
        until(lambda: threads(daemon.pid) > 1, "the view to be at work")
        begun = time.monotonic()
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertLess(time.monotonic() - begun, 2 + 8)  # the rest is a slow machine's
        thread.join(LIMIT)
        self.assertIsInstance(results[0], OSError)
        self.assertIn("Stopping without 1 connections", daemon.log())

    def test_second_signal_ends_the_wait(self) -> None:
        """Whoever asks twice does not wait for a view that never returns."""
        daemon = self.daemon(drain_timeout=600)
        thread, _ = self.asked(daemon, "/never/")
        until(lambda: threads(daemon.pid) > 1, "the view to be at work")
        daemon.signal_stop()
        until(lambda: "Stopping:" in daemon.log(), "the drain")
        self.assertEqual(daemon.stop(), 0, daemon.log())
        thread.join(LIMIT)
