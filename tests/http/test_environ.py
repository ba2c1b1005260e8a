# -*- test-case-name: tests.http.test_environ -*-
"""What a site gets to know of a request."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.environ import ErrorStream
from tests.http.memory import Client, request
from tests.http.site import Server


class EnvironTests(SynchronousTestCase):
    """The environ (PEP 3333)."""

    def setUp(self) -> None:
        self.server = Server()

    def environ(self, *arguments: Any, client: Client | None = None, **fields: str | None) -> dict[str, Any]:
        """Return what the site gets of a request (see ``memory.request``)."""
        (client or self.server.client).ask(*arguments, **fields)
        return self.server.wsgi.environs[-1]

    def test_path_is_unquoted_and_query_is_not(self) -> None:
        """In bytes that stand in Latin-1."""
        for target, path, query in (
            ("/", "/", ""),
            ("/a/b?c=%20&d?e", "/a/b", "c=%20&d?e"),
            ("/%C3%A9%2Fx/", "/Ã©/x/", ""),
            ("//a", "//a", ""),
            ("/?", "/", ""),
            ("http://example.com/a?b", "/a", "b"),
        ):
            with self.subTest(target=target):
                environ = self.environ("GET", target)
                self.assertEqual((environ["PATH_INFO"], environ["QUERY_STRING"]), (path, query))
                self.assertEqual(environ["SCRIPT_NAME"], "")

    def test_request_line_is_told(self) -> None:
        """Any method is the site's business."""
        environ = self.environ("PROPFIND", "/", version="1.0")
        self.assertEqual((environ["REQUEST_METHOD"], environ["SERVER_PROTOCOL"]), ("PROPFIND", "HTTP/1.0"))

    def test_length_is_that_of_the_body(self) -> None:
        """However it came; the site reads no further."""
        chunked = request("POST", "/", transfer_encoding="chunked") + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"
        for data, length, body in (
            (request(), "0", b""),
            (request("POST", "/", b"abc"), "3", b"abc"),
            (chunked, "3", b"abc"),
            (request("POST", "/", b"x" * 100_000), "100000", b"x" * 100_000),
        ):
            with self.subTest(length=length):
                self.server.client.send(data)
                self.assertEqual(self.server.wsgi.environs[-1]["CONTENT_LENGTH"], length)
                self.assertEqual(self.server.wsgi.bodies[-1], body)

    def test_fields_are_told(self) -> None:
        """Repeated ones joined; pieces of a cookie so that they stay a cookie."""
        self.server.client.send(
            b"POST / HTTP/1.1\r\nHost: example.com\r\nX-One: 1\r\nCookie: a=b\r\nCookie: c=d\r\n"
            b"x-one: 2\r\nContent-Type: text/x\r\nContent-Length: 0\r\n\r\n"
        )
        environ = self.server.wsgi.environs[-1]
        self.assertEqual(environ["HTTP_X_ONE"], "1,2")
        self.assertEqual(environ["HTTP_COOKIE"], "a=b; c=d")
        self.assertEqual(environ["CONTENT_TYPE"], "text/x")
        self.assertEqual(environ["HTTP_HOST"], "example.com")

    def test_last_type_counts(self) -> None:
        """Two of them joined would be none; and it has one name only."""
        self.server.client.send(
            b"GET / HTTP/1.1\r\nHost: example.com\r\nContent-Type: text/a\r\nContent-Type: text/b\r\n\r\n"
        )
        environ = self.server.wsgi.environs[-1]
        self.assertEqual(environ["CONTENT_TYPE"], "text/b")
        self.assertNotIn("HTTP_CONTENT_TYPE", environ)

    def test_environs_are_apart(self) -> None:
        """What a site does to one of them is not seen in the next."""
        self.environ()["SCRIPT_NAME"] = "/elsewhere"
        self.assertEqual(self.environ()["SCRIPT_NAME"], "")

    def test_gateway_is_told(self) -> None:
        """What it is and has."""
        environ = self.environ()
        told = {name: environ[f"wsgi.{name}"] for name in ("version", "multithread", "multiprocess", "run_once")}
        self.assertEqual(told, {"version": (1, 0), "multithread": True, "multiprocess": False, "run_once": False})

    def test_fields_that_could_pass_for_others_are_not(self) -> None:
        """Nor those about how the body came."""
        self.server.client.send(
            b"POST / HTTP/1.1\r\nHost: example.com\r\nX_Forwarded_Proto: https\r\nPROXY: evil\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )
        environ = self.server.wsgi.environs[-1]
        self.assertEqual([name for name in environ if name.startswith("HTTP_")], ["HTTP_HOST"])

    def test_server_name_is_host_without_port(self) -> None:
        """Also where it is an IPv6 address; an old client that names none gets our address."""
        for host, name in (
            ("example.com", "example.com"),
            ("example.com:8000", "example.com"),
            ("example.com:", "example.com"),
            ("[::1]", "[::1]"),
            ("[::1]:8000", "[::1]"),
        ):
            self.assertEqual(self.environ(host=host)["SERVER_NAME"], name)
        self.assertEqual(self.environ(host=None, version="1.0")["SERVER_NAME"], "192.0.2.1")

    def test_addresses_are_told(self) -> None:
        """Those of the connection; on a Unix socket something that programs can read."""
        for peer, host, expected in (
            (
                IPv4Address("TCP", "192.0.2.7", 50000),
                IPv4Address("TCP", "192.0.2.1", 80),
                ("192.0.2.7", "50000", "80"),
            ),
            (IPv6Address("TCP", "::7", 50000), IPv6Address("TCP", "::1", 8000), ("::7", "50000", "8000")),
            (UNIXAddress(""), UNIXAddress("/run/s"), ("127.0.0.1", "80", "80")),
        ):
            with self.subTest(peer=peer):
                environ = self.environ(client=self.server.connect(peer=peer, host=host))
                self.assertEqual(tuple(environ[n] for n in ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_PORT")), expected)

    def test_scheme_is_that_of_the_connection(self) -> None:
        """Whatever fields say: which proxy may be believed is Django's setting."""
        self.assertEqual(self.environ(x_forwarded_proto="https")["wsgi.url_scheme"], "http")
        self.assertEqual(self.environ(client=self.server.connect(secure=True))["wsgi.url_scheme"], "https")


class ErrorStreamTests(SynchronousTestCase):
    """``wsgi.errors``."""

    def setUp(self) -> None:
        self.events: list[dict[str, Any]] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.stream = ErrorStream()

    def test_text_is_logged_as_it_is(self) -> None:
        """Braces mean nothing in it; several lines are one text."""
        self.assertEqual(self.stream.write("{a}"), 3)
        self.stream.writelines(["b\n", "c\n"])
        self.stream.flush()
        self.assertEqual([event["text"] for event in self.events], ["{a}", "b\nc\n"])

    def test_bytes_are_no_text(self) -> None:
        """The site hears so."""
        self.assertRaises(TypeError, self.stream.write, b"x")
