# -*- test-case-name: tests.functional.test_site -*-
"""The Django site through a real daemon: what it is told, and all ways in which it answers."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Any

from tests.functional.site_case import GIB, KIB, LIMIT, MIB, SiteTestCase, until


class RequestTests(SiteTestCase):
    """What the site is told."""

    def meta(self, head: bytes) -> dict[str, Any]:
        """Send a whole request and return what the site was told of it."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), LIMIT) as connection:
            connection.sendall(head)
            response = http.client.HTTPResponse(connection)
            response.begin()
            self.assertEqual(response.status, 200)
            self.port = connection.getsockname()[1]
            told: dict[str, Any] = json.loads(response.read())
            return told

    def test_names_that_could_pass_for_others_reach_no_view(self) -> None:
        """Whatever their case; what a proxy says counts only from a trusted one."""
        told = self.meta(
            b"GET /meta/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_For: 192.0.2.1\r\nx_forwarded_proto: https\r\n"
            b"X-Forwarded_Host: evil.example\r\nContent_Length: 5\r\nREMOTE_USER: root\r\nProxy: http://evil\r\n"
            b"PROXY: http://evil\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Mine: yes\r\n\r\n"
        )
        names = sorted(name for name in told["META"] if name.startswith("HTTP_"))
        self.assertEqual(names, ["HTTP_HOST", "HTTP_X_MINE"])
        self.assertNotIn("REMOTE_USER", told["META"])
        self.assertEqual((told["META"]["REMOTE_ADDR"], told["secure"]), ("127.0.0.1", False))

    def test_environ_is_that_of_the_specification(self) -> None:
        """PEP 3333; repeated fields are joined, cookies so that they stay apart."""
        told = self.meta(
            b"GET /meta/%C3%A9%2F?a=%20 HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nX-Two: a\r\nX-Two: b\r\n"
            b"Cookie: a=1\r\nCookie: b=2\r\n\r\n".replace(b"/meta/%C3%A9%2F", b"/meta/")
        )
        meta = told["META"]
        self.assertEqual(told["cookies"], {"a": "1", "b": "2"})
        self.assertEqual(
            {
                name: meta[name]
                for name in (
                    "SCRIPT_NAME",
                    "PATH_INFO",
                    "QUERY_STRING",
                    "REMOTE_ADDR",
                    "REMOTE_PORT",
                    "SERVER_NAME",
                    "SERVER_PORT",
                    "SERVER_PROTOCOL",
                    "wsgi.url_scheme",
                    "HTTP_X_TWO",
                    "CONTENT_LENGTH",
                )
            },
            {
                "SCRIPT_NAME": "",
                "PATH_INFO": "/meta/",
                "QUERY_STRING": "a=%20",
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_PORT": str(self.port),
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": str(self.daemon.port),
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.url_scheme": "http",
                "HTTP_X_TWO": "a,b",
                "CONTENT_LENGTH": "0",
            },
        )

    def test_client_that_waits_for_the_word_is_told_to_go_on(self) -> None:
        """``100 Continue`` before the body, and the answer after it."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), LIMIT) as connection:
            connection.sendall(
                b"POST /swallow/ HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            )
            self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"abc")
            response = http.client.HTTPResponse(connection)
            response.begin()
            self.assertEqual(json.loads(response.read())["size"], 3)


class AnswerTests(SiteTestCase):
    """Everything that Django can answer, as a client gets it."""

    def test_files(self) -> None:
        """Whole, in part, temporary, packed: what reading them would give."""
        response, body = self.ask("/part/?from=1000&length=3000000")
        self.assertEqual((response.status, response.headers["Content-Length"], len(body)), (206, "3000000", 3000000))
        for size in (0, 1, 100_000, 3 * MIB):
            self.assertEqual(self.ask(f"/temporary/?size={size}")[1], b"t" * size)
        self.assertEqual(self.ask("/packed/")[1], b"unpacked " * 1000)
        self.assert_all_closed(6)
        self.assertEqual(list(self.folder.glob("temporary-*")), [])

    def test_file_that_is_shorter_than_it_says(self) -> None:
        """Is cut, so that nobody takes it for complete."""
        client = self.connect(f"/part/?from={GIB - 3 * MIB}&length={4 * MIB}").begin()
        with self.assertRaises(http.client.IncompleteRead):
            client.response.read()
        self.assert_all_closed(1)

    def test_streams(self) -> None:
        """Also those whose iterator is asynchronous."""
        self.assertEqual(self.ask("/parts/?size=1000&part=10")[1], bytes(1000))
        response, body = self.ask("/asynchronous/")
        self.assertEqual((body, response.headers["Transfer-Encoding"]), (b"onetwothree", "chunked"))
        until(lambda: len(self.events("finished")) == 2, "requests to finish")

    def test_whole_answers(self) -> None:
        """Of all sizes around those at which they are sent in another way."""
        for size in (0, 1, 64 * KIB, MIB, MIB + 1, 5 * MIB):
            response, body = self.ask(f"/whole/?size={size}")
            self.assertEqual((len(body), response.headers["Content-Length"]), (size, str(size)))
        self.assert_all_closed(6)

    def test_stream_that_fails(self) -> None:
        """Before its first part it is 500; after it, it is cut."""
        self.assertEqual(self.ask("/broken/?size=0")[0].status, 500)
        client = self.connect(f"/broken/?size={MIB}").begin()
        with self.assertRaises(http.client.IncompleteRead):
            client.response.read()
        until(lambda: len(self.events("finished")) == 2, "requests to finish")
        self.assertEqual(self.daemon.log().count("ZeroDivisionError: secret"), 2, self.daemon.log())

    def test_head_is_that_of_get_without_body(self) -> None:
        """For every kind of answer, on one connection; nothing is read or made."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)
        self.addCleanup(connection.close)
        for target, length in (
            ("/file/", str(GIB)),
            ("/whole/?size=5000000", "5000000"),
            (f"/parts/?size={GIB}", None),
            ("/hello/", "6"),
        ):
            connection.request("HEAD", target)
            response = connection.getresponse()
            self.assertEqual((response.status, response.headers["Content-Length"], response.read()), (200, length, b""))
        self.assert_all_closed(4)
        self.assertEqual(self.events("generator closed"), [])

    def test_answers_without_body(self) -> None:
        """On one connection, which they must not confuse."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)
        self.addCleanup(connection.close)
        for target, status in (
            ("/status/204/", 204),
            ("/status/204/?size=5", 204),
            ("/status/304/?size=5", 304),
            ("/dated/", 304),
            ("/hello/", 200),
        ):
            connection.request("GET", target, headers={"If-Modified-Since": "Thu, 02 Jan 2020 00:00:00 GMT"})
            response = connection.getresponse()
            self.assertEqual(response.status, status)
            self.assertEqual(response.read(), b"hello\n" if status == 200 else b"")
        self.assert_all_closed(5)

    def test_status_that_announces_another_answer_is_a_failure(self) -> None:
        """100 to 199 would make the client wait for it."""
        for status in (100, 103, 199):
            self.assertEqual(self.ask(f"/status/{status}/")[0].status, 500)

    def test_cookies_are_fields_of_their_own(self) -> None:
        """They cannot be joined."""
        response, _ = self.ask("/cookies/")
        self.assertEqual(
            [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])], ["a=1", "b=2"]
        )

    def test_static_files_and_ranges(self) -> None:
        """By WhiteNoise."""
        body = (self.folder / "static" / "page.css").read_bytes()
        response, whole = self.ask("/static/page.css")
        self.assertEqual((response.status, whole), (200, body))
        response, part = self.ask("/static/page.css", Range="bytes=5-14")
        self.assertEqual((response.status, part), (206, b"5678901234"))
        self.assertEqual(response.headers["Content-Range"], f"bytes 5-14/{len(body)}")
        response, _ = self.ask("/static/page.css", If_Modified_Since=response.headers["Last-Modified"])
        self.assertEqual(response.status, 304)
        self.assertEqual(self.ask("/static/page.css", Range="bytes=5000-")[0].status, 416)
