# -*- test-case-name: tests.transports.test_urls -*-
"""Which URL leads where, and what is nowhere."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config.endpoint import TRANSPORTS
from tests.transports.server import HANDSHAKE, Server

#: One URL of each transport, with the method that it wants.
PLACES = {
    "websocket": ("GET", "/0/s/websocket"),
    "raw_websocket": ("GET", "/websocket"),
    "xhr_streaming": ("POST", "/0/s/xhr_streaming"),
    "eventsource": ("GET", "/0/s/eventsource"),
    "htmlfile": ("GET", "/0/s/htmlfile?c=f"),
    "xhr": ("POST", "/0/s/xhr"),
    "jsonp": ("GET", "/0/s/jsonp?c=f"),
}


def find(server: Server, name: str) -> int:
    """Return the status with which a first request of the transport *name* is answered."""
    method, path = PLACES[name]
    fields = HANDSHAKE if "websocket" in name else {}
    return int(server.begin(method, path, **fields).received()[9:12])


class SessionURLTests(SynchronousTestCase):
    """Section "Session URLs"."""

    def setUp(self) -> None:
        self.server = Server()

    def test_any_value_is_server_and_session(self) -> None:
        """``test_anyValue``."""
        for path in ("/a/a", "/_/_", "/1/1", "/abcdefgh_i-j%20/abcdefg_i-j%20", "/%C3%BC/%2F", "/~/~;!"):
            with self.subTest(path):
                answer = self.server.ask("POST", path + "/xhr")
                self.assertEqual((200, b"o\n"), (answer.status, answer.body))

    def test_empty_or_dotted_parts_are_not_found(self) -> None:
        """``test_invalidPaths``: nor are paths with more or fewer parts."""
        for path in ("//", "/a./a", "/a/a.", "/./.", "/", "///", "", "/a", "/a/b/c", "/a//b"):
            for method in ("GET", "POST"):
                with self.subTest(path, method=method):
                    self.assertEqual(404, self.server.ask(method, path + "/xhr").status)

    def test_long_session_id_is_not_found(self) -> None:
        """It would be kept as long as the session."""
        for length, status in ((128, 200), (129, 404), (9000, 404)):
            with self.subTest(length=length):
                self.assertEqual(status, self.server.ask("POST", f"/0/{'s' * length}/xhr").status)

    def test_server_part_is_ignored(self) -> None:
        """``test_ignoringServerId``: only the session names the session."""
        self.server.ask("POST", "/000/s/xhr")
        self.server.ask("POST", "/000/s/xhr_send", b'["a"]')
        self.assertEqual(b'a["a"]\n', self.server.ask("POST", "/999/s/xhr").body)

    def test_other_prefix_is_not_ours(self) -> None:
        """A prefix is not the beginning of a word."""
        client = self.server.client()
        self.assertEqual(404, client.ask("GET", "/echoes/info").status)
        self.assertEqual(404, client.ask("GET", "/info").status)

    def test_escaped_dots_of_prefix_are_dots(self) -> None:
        """A prefix is text, not a pattern."""
        server = Server(prefix="/a.b")
        self.assertEqual(200, server.client().ask("GET", "/a.b/info").status)
        self.assertEqual(404, server.client().ask("GET", "/a-b/info").status)


class TransportTests(SynchronousTestCase):
    """The option ``transports``."""

    def test_table_names_every_transport(self) -> None:
        """A transport without a place could not be tested here."""
        self.assertEqual(set(TRANSPORTS), set(PLACES))

    def test_every_transport_is_found(self) -> None:
        """All are on unless said otherwise."""
        for name in TRANSPORTS:
            with self.subTest(name):
                self.assertEqual(101 if "websocket" in name else 200, find(Server(), name))

    def test_transport_switched_off_is_not_found(self) -> None:
        """The others are."""
        for off in TRANSPORTS:
            server = Server(transports=tuple(name for name in TRANSPORTS if name != off))
            for name in TRANSPORTS:
                with self.subTest(off=off, name=name):
                    self.assertEqual(name == off, find(server, name) == 404)

    def test_sending_half_belongs_to_its_transports(self) -> None:
        """It is not found where no transport uses it."""
        for transports, found in [
            (("xhr",), ["xhr_send"]),
            (("eventsource", "websocket"), ["xhr_send"]),
            (("jsonp",), ["jsonp_send"]),
            (("jsonp", "htmlfile"), ["jsonp_send", "xhr_send"]),
            (("websocket", "raw_websocket"), []),
        ]:
            server = Server(transports=transports)
            for name in ("xhr_send", "jsonp_send"):
                with self.subTest(transports, name=name):
                    status = server.ask("PUT", f"/0/s/{name}").status
                    self.assertEqual(405 if name in found else 404, status)

    def test_message_for_transport_switched_off_is_not_found(self) -> None:
        """404, as for everything that is not there, whatever comes with the request."""
        server = Server(transports=("websocket",))
        self.assertEqual(404, server.ask("POST", "/0/s/xhr_send", b'["a"]').status)


class RestTests(SynchronousTestCase):
    """Section "Base URL and greeting": everything below the prefix belongs to the endpoint."""

    def test_unknown_urls_are_not_found(self) -> None:
        """``test_notFound``."""
        server = Server()
        for path in ("/a", "/a.html", "//", "///", "/a/a", "/a/a/", "/a/", "/info/", "/xhr", "/websocket/"):
            with self.subTest(path):
                self.assertEqual(404, server.ask("GET", path).status)
