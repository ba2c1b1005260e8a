# -*- test-case-name: tests.http.test_rules -*-
"""What a head must be; what llhttp lets through stands in ``heads``, as it comes over the wire."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.http.headers import Headers
from sockjsd.http.rules import Head, check

HOST = ("Host", "example.com")


def head(*fields: tuple[str, str], method: str = "GET", target: str = "/", version: str = "1.1") -> Head:
    """Return the checked head of a request to ``example.com``."""
    return check(method, target, version, Headers.of([HOST, *fields]))


class CheckTests(TestCase):
    """What is refused, and what the rest is read as."""

    def assert_refused(self, reason: str, *fields: tuple[str, str], status: int = 400, **line: str) -> None:
        """The head of these fields and this request line is refused, and the connection ends."""
        with self.assertRaises(HTTPError) as caught:
            head(*fields, **line)
        error = caught.exception
        self.assertEqual((error.status, error.reason, error.close), (status, reason, True))

    def test_other_versions_are_refused(self) -> None:
        """Also what llhttp reads as 1.0 and is not HTTP."""
        for version, method in (("0.9", "GET"), ("2.0", "GET"), ("1.0", "SOURCE"), ("1.0", "TEARDOWN")):
            self.assert_refused("Only HTTP/1.0 and HTTP/1.1 are spoken here", version=version, method=method)

    def test_tunnels_are_refused(self) -> None:
        """CONNECT would give the connection away."""
        self.assert_refused("CONNECT is for proxies", method="CONNECT", target="example.com:443")

    def test_hosts(self) -> None:
        """One, that could be a host; old clients may lack it."""
        for host in ("a", "a.b-c_d~e", "a:80", "a:", "127.0.0.1:8000", "[::1]", "[::1]:80", "%41", ""):
            with self.subTest(host):
                self.assertEqual(check("GET", "/", "1.1", Headers.of([("Host", host)])).host, host)
        self.assertEqual(check("GET", "/", "1.0", Headers()).host, "")
        for reason, hosts in (
            ("No Host", []),
            ("More than one Host", ["a", "a"]),
            ("Not a valid Host", ["a,b"]),
            ("Not a valid Host", ["u@a"]),
            ("Not a valid Host", ["a b"]),
            ("Not a valid Host", ["a\n"]),
        ):
            with self.subTest(hosts), self.assertRaisesRegex(HTTPError, reason):
                check("GET", "/", "1.1", Headers.of([("Host", host) for host in hosts]))

    def test_targets(self) -> None:
        """A path, or a URI of this very host."""
        for target, uri in (
            ("/", "/"),
            ("/a?b", "/a?b"),
            ("//a", "//a"),
            ("http://example.com", "/"),
            ("HTTP://Example.com/a", "/a"),
            ("https://example.com?a", "/?a"),
            ("http://example.com//a", "//a"),
        ):
            with self.subTest(target):
                self.assertEqual(head(target=target).uri, uri)
        self.assert_refused("A fragment in the request target", target="/#a")
        for target in ("http://example.com:80/", "http://example.org/", "http:///", "http://u@example.com/"):
            self.assert_refused("The request target names another host than Host", target=target)
        for target in ("*", "", "a", "?a", "ftp://example.com/", "http:/a"):
            self.assert_refused("The request target is not a path", target=target)

    def test_lengths(self) -> None:
        """Declared, chunked, or none."""
        for fields, length, has_body in (
            ([], 0, False),
            ([("Content-Length", "0")], 0, False),
            ([("Content-Length", "012")], 12, True),
            ([("Transfer-Encoding", "chunked")], None, True),
            ([("transfer-encoding", "CHUNKED")], None, True),
        ):
            with self.subTest(fields):
                got = head(*fields)
                self.assertEqual((got.length, got.has_body), (length, has_body))

    def test_long_number_is_refused(self) -> None:
        """Python would not read thousands of digits, though they are zeros."""
        self.assertEqual(head(("Content-Length", "0" * 18 + "12")).length, 12)
        for digits in ("0" * 21, "0" * 5000 + "5"):
            self.assert_refused("Not a valid Content-Length", ("Content-Length", digits))

    def test_transfer_codings_are_refused(self) -> None:
        """All but exactly ``chunked``, and any in HTTP/1.0."""
        for codings in (["gzip"], ["gzip, chunked"], ["chunked", "chunked"], ["identity"], [""], ["\x0bchunked"]):
            self.assert_refused(
                "Only chunked is understood as Transfer-Encoding",
                *(("Transfer-Encoding", coding) for coding in codings),
            )
        self.assert_refused("No Transfer-Encoding in HTTP/1.0", ("Transfer-Encoding", "chunked"), version="1.0")

    def test_expectations(self) -> None:
        """Only one is understood, and only where there is something to wait for."""
        expect = ("Expect", "100-Continue")
        self.assertTrue(head(expect, ("Content-Length", "1")).expects_continue)
        self.assertFalse(head(("Content-Length", "1")).expects_continue)
        self.assertFalse(head(expect).expects_continue)
        self.assertFalse(head(expect, ("Content-Length", "1"), version="1.0").expects_continue)
        self.assert_refused("Only 100-continue can be expected", ("Expect", "x"), status=417)

    def test_persistence(self) -> None:
        """What the version says, unless a field says otherwise."""
        for version, connection, keep_alive in (
            ("1.1", "", True),
            ("1.1", "x, CLOSE", False),
            ("1.1", "closed", True),
            ("1.0", "", False),
            ("1.0", "x ,\tKeep-Alive", True),
            ("1.0", "keep-alive, close", False),
        ):
            for name in ("Connection", "Proxy-Connection"):
                with self.subTest(version=version, connection=connection, name=name):
                    self.assertEqual(head((name, connection), version=version).keep_alive, keep_alive)

    def test_version_is_written_out(self) -> None:
        """As it stood in the request line."""
        self.assertEqual(head(version="1.0").version, "HTTP/1.0")
