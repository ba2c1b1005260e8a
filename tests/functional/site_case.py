"""A daemon whose Django site answers in every way, for the tests of the site; and clients that take their time."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.daemon import Daemon

SITE = Path(__file__).with_name("site")
FOLDER = "FUNCTIONAL_FOLDER"

KIB, MIB, GIB = 1024, 1024**2, 1024**3
#: Seconds in which anything here has to happen.
LIMIT = 30.0
#: Threads for views.
THREADS = 3


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds.

    :raises AssertionError: it does not within ``LIMIT``.
    """
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited too long for {what}")
        time.sleep(0.02)


class Client:
    """A client that reads only when it is told to.

    :param port: the daemon's.
    :param target: is asked for at once.
    """

    def __init__(self, port: int, target: str, method: str = "GET", **fields: str) -> None:
        self._socket = socket.socket()
        # Small, so that the daemon notices soon that nobody reads.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        self._socket.settimeout(LIMIT)
        self._socket.connect(("127.0.0.1", port))
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        self._socket.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        self.response = http.client.HTTPResponse(self._socket, method=method)

    def begin(self) -> Client:
        """Read the head of the answer."""
        self.response.begin()
        return self

    def read(self, size: int) -> int:
        """Read *size* bytes of the body, or to its end; return how many there were."""
        count = 0
        while count < size and (data := self.response.read(min(size - count, MIB))):
            count += len(data)
        return count

    def leave(self) -> None:
        """Go away."""
        self.response.close()
        self._socket.close()


class SiteTestCase(SynchronousTestCase):
    """A daemon with the site that answers in every way."""

    #: Options of ``[site]`` and ``[server]`` that differ from the defaults.
    site: dict[str, object] = {}
    server: dict[str, object] = {}

    def setUp(self) -> None:
        """Start it."""
        site = {"settings": "functional_site.full_settings", "python_path": SITE, "threads": THREADS, **self.site}
        self.daemon = Daemon({"server": self.server, "site": site})
        self.addCleanup(self.daemon.close)
        self.folder = self.daemon.folder / "site"
        (self.folder / "static").mkdir(parents=True)
        (self.folder / "static" / "page.css").write_bytes(b"0123456789" * 100)
        with (self.folder / "big").open("wb") as file:
            file.truncate(GIB)  # takes no room
        self.daemon.environment |= {FOLDER: str(self.folder), "TMPDIR": str(self.folder)}
        self.daemon.start()

    def connect(self, target: str, method: str = "GET", **fields: str) -> Client:
        """Ask for *target*; the answer is not read."""
        client = Client(self.daemon.port, target, method, **fields)
        self.addCleanup(client.leave)
        return client

    def ask(
        self, target: str, method: str = "GET", body: Any = None, **fields: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Return an answer and its body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)) as connection:
            connection.request(method, target, body, {name.replace("_", "-"): value for name, value in fields.items()})
            response = connection.getresponse()
            return response, response.read()

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return what the site has written down of *event* so far."""
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        return [found for found in map(json.loads, lines) if found["event"] == event]

    def spooled(self) -> list[int]:
        """Return the sizes of all files without a name that the daemon has open."""
        sizes = []
        for link in Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            try:
                if "(deleted)" in os.readlink(link):
                    sizes.append(link.stat().st_size)
            except FileNotFoundError:  # closed meanwhile
                continue
        return sizes

    def assert_all_closed(self, requests: int) -> None:
        """Each response was closed, and each request finished, once."""
        until(lambda: len(self.events("finished")) >= requests, "requests to finish")
        until(lambda: not self.spooled(), "temporary files to go")
        self.assertEqual((len(self.events("closed")), len(self.events("finished"))), (requests, requests))
        self.assertNotIn("Traceback", self.daemon.log())
