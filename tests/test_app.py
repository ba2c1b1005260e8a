# -*- test-case-name: tests.test_app -*-
"""The URL table as a whole: who answers what."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd import app
from sockjsd.app import CLIENT_PATH, INSTALLED_CLIENT, build, client_row, find_client
from sockjsd.brokers.memory import MemoryBroker
from sockjsd.config import Endpoint as Options
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import PUBLIC_CLIENT, Endpoint
from sockjsd.wheel import Wheel
from tests.http.fakes import Echo
from tests.http.memory import Client


def endpoint(prefix: str) -> Endpoint:
    """Return an endpoint with default options."""
    clock = Clock()
    options = Options(name="x", application="sockjsd.applications.Echo", prefix=prefix)
    return Endpoint(options, SockJSConnection, Wheel(clock), clock, Origins([]))


class AppTestCase(SynchronousTestCase):
    """Applications with a library of their own."""

    def setUp(self) -> None:
        self.library = Path(self.mktemp())
        self.library.write_bytes(b"sockjs")

    def client(self, *prefixes: str, site: bool = True, library: Path | None = None) -> Client:
        """Return a client of an application with these endpoints, and an echo for a site."""
        ready: dict[str, object] = {"broker": MemoryBroker(), "draining": lambda: False}
        row = (r"/.*", Echo, {}) if site else None
        return Client(build([endpoint(prefix) for prefix in prefixes], ready, library, row))


class TableTests(AppTestCase):
    """Which row answers."""

    def test_each_path_has_its_answer(self) -> None:
        """Health and the library first, then the endpoints in their order, then the site."""
        client = self.client("/chat", "/news", library=self.library)
        for path, body in (
            ("/live", b'{"live":true}\n'),
            (CLIENT_PATH, b"sockjs"),
            ("/chat", b"Welcome to SockJS!\n"),
            ("/news/", b"Welcome to SockJS!\n"),
            ("/", b"GET / "),
            ("/chatter", b"GET /chatter "),
            ("/live/", b"GET /live/ "),
        ):
            with self.subTest(path=path):
                self.assertEqual(client.ask("GET", path).body, body)
        self.assertIn(b'"memory"', client.ask("GET", "/ready").body)
        self.assertEqual(client.ask("GET", "/chat/nothing").status, 404)

    def test_daemon_without_site_has_nothing_else(self) -> None:
        """404, and the connection goes on."""
        client = self.client("/chat", site=False)
        self.assertEqual([client.ask("GET", path).status for path in ("/", "/chat")], [404, 200])


class ClientLibraryTests(AppTestCase):
    """Where pages load sockjs-client from."""

    def test_file_is_served_with_its_tag(self) -> None:
        """So that a browser which has it need not load it again."""
        client = self.client(library=self.library)
        answer = client.ask("GET", CLIENT_PATH)
        self.assertEqual((answer.status, answer.body), (200, b"sockjs"))
        again = client.ask("GET", CLIENT_PATH, if_none_match=answer.fields["etag"])
        self.assertEqual((again.status, again.body), (304, b""))

    def test_tag_is_that_of_the_content(self) -> None:
        """All nodes have the same one."""
        other = Path(self.mktemp())
        other.write_bytes(b"sockjs 2")
        tags = [client_row(file)[2]["etag"] for file in (self.library, self.library, other)]
        self.assertEqual((tags[0] == tags[1], tags[0] == tags[2]), (True, False))
        self.assertRegex(tags[0], r'^"[0-9a-f]{32}"$')

    def test_daemon_without_file_leads_to_public_one(self) -> None:
        """For now: another day it may have one."""
        answer = self.client().ask("GET", CLIENT_PATH)
        self.assertEqual((answer.status, answer.fields["location"]), (302, PUBLIC_CLIENT))
        self.assertEqual(answer.fields["cache-control"], "no-store")

    def test_missing_file_is_an_error(self) -> None:
        """At the start, not at the first page."""
        self.assertRaises(OSError, client_row, Path("/nowhere"))

    def test_configured_file_is_preferred(self) -> None:
        """Then the installed one; there may be none."""
        self.assertEqual(find_client("/some/where.js"), Path("/some/where.js"))
        self.patch(app, "INSTALLED_CLIENT", self.library)
        self.assertEqual(find_client(None), self.library)
        self.patch(app, "INSTALLED_CLIENT", Path("/nowhere"))
        self.assertIsNone(find_client(None))

    def test_installed_file_is_that_of_this_python(self) -> None:
        """Where ``make venv`` puts it."""
        self.assertEqual(INSTALLED_CLIENT.relative_to(sys.prefix), Path("share/sockjs-client/sockjs.min.js"))
