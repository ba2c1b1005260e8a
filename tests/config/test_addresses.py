# -*- test-case-name: tests.config.test_addresses -*-
"""What names a place: listening, brokers, URLs, origins."""

from __future__ import annotations

from typing import Any
from unittest import TestCase

from sockjsd.config.addresses import broker_url, hide_password, listen, origins, proxies, url_prefix, web_address
from sockjsd.config.kinds import Kind, Refused

ALLOWED: list[tuple[Kind[Any], list[str]]] = [
    (
        listen,
        [
            "tcp:8000",
            "tcp:8000:interface=127.0.0.1",
            "tcp:port=0:interface=\\:\\:1",
            "unix:/run/sockjsd.sock:mode=660",
            "tcp6:8000:interface=\\:\\:1:backlog=100",
            "tcp:interface=127.0.0.1:port=65535",
            "tcp:8000:127.0.0.1:50",
            "tcp:interface=127.0.0.1:8000",
            "onion:80:controlPort=9051",
            "haproxy:tcp:8000",
            "systemd:domain=INET:index=0",
            "ssl:443:privateKey=/etc/my key.pem",
            "tcp:8000\n    tcp:8001",
        ],
    ),
    (proxies, ["", "127.0.0.1", "10.0.0.0/8 fd00::/8 ::1 unix", "unix", "2001:db8::/32", "10.0.0.1/32", "0.0.0.0/0"]),
    (
        broker_url,
        [
            "memory:",
            "redis://localhost",
            "redis://localhost/",
            "redis://localhost:6379/15",
            "redis://:secret@10.0.0.1:6380",
            "redis://user:p%40ss@redis.example.com/1",
            "rediss://[::1]:6379",
            "redis+unix:///run/redis.sock",
            "redis+unix:///run/redis.sock?db=3",
        ],
    ),
    (url_prefix, ["/a", "/events", "/a/b", "/a.b/c-d_e", "/.well-known/x", "/...", "/9"]),
    (
        web_address,
        ["", "/sockjs.min.js", "//cdn.example.com/s.js", "https://cdn.example.com/s.js?v=1&x=%20", "http://x"],
    ),
    (
        origins,
        [
            "",
            "*",
            "django",
            "https://example.com",
            "https://*.example.com",
            "http://localhost:8000",
            "http://[::1]:8000",
            "http://127.0.0.1",
            "capacitor://localhost",
            "django https://a.example https://b.example:8443",
        ],
    ),
]

#: kind, text, a word of the error that tells what to do.
REFUSED: list[tuple[Kind[Any], str, str]] = [
    (listen, "", "tcp:8000"),
    (listen, "8000", "write tcp:8000"),
    (listen, "tcp:1\n8000", "write tcp:8000"),
    (listen, "127.0.0.1:8000", "write tcp:8000:interface=ADDRESS"),
    (listen, "localhost:80", "write tcp:80:interface=ADDRESS"),
    (listen, "[::1]:80", "write tcp:80:interface=ADDRESS"),
    (listen, ":80", "write tcp:80:interface=ADDRESS"),
    (listen, "tcp", "no endpoint string"),
    (listen, "tcp:", "no endpoint string"),
    (listen, "tcp:80\x00", "no endpoint string"),
    (listen, "http://0.0.0.0:80", "no endpoint string"),
    (listen, "٨٠", "no endpoint string"),
    (listen, "tcp:1\ntcp:1", "twice"),
    (listen, "tcp:http", "'http' is no port"),
    (listen, "tcp:65536", "no port from 0 to 65535"),
    (listen, "tcp:-1", "no port"),
    (listen, "tcp:interface=127.0.0.1", "no port"),
    (listen, "haproxy:tcp:x", "no port"),
    (listen, "haproxy:tcp6:port=x", "no port"),
    (listen, "tcp:8000:interfce=127.0.0.1", "'interfce' is none of port, interface, backlog"),
    (listen, "tcp6:8000:interface=::1", "a colon inside a value is written \\:"),
    *[(proxies, text, "neither an address nor a network") for text in ["localhost", "10.0.0", "10.0.0.0/33", "*"]],
    *[(proxies, text, "neither an address nor a network") for text in ["10.0.0.1,10.0.0.2", "UNIX", "127.0.0.1:80"]],
    (proxies, "10.0.0.0/255.0.0.0", "write ADDRESS/BITS"),
    (proxies, "fe80::1%eth0", "write ADDRESS/BITS"),
    (proxies, "10.0.0.1/8", "behind the first 8: write 10.0.0.0/8"),
    (proxies, "fd00::1/8", "write fd00::/8"),
    (proxies, "unix unix", "twice"),
    (broker_url, "", "allowed: memory:"),
    (broker_url, "memory", "'memory'"),
    (broker_url, "memory://", "allowed"),
    (broker_url, "localhost:6379", "allowed"),
    (broker_url, "REDIS://localhost", "allowed"),
    (broker_url, "http://localhost", "allowed"),
    (broker_url, "redis:localhost", "allowed"),
    (broker_url, "redis://", "host is missing"),
    (broker_url, "redis://:x@", "host is missing"),
    (broker_url, "redis://h:99999", "host or the port"),
    (broker_url, "redis://h:port", "host or the port"),
    (broker_url, "redis://[::1", "host or the port"),
    (broker_url, "redis://h/db", "/NUMBER"),
    (broker_url, "redis://h/1/2", "/NUMBER"),
    (broker_url, "redis://h?db=1", "/NUMBER"),
    (broker_url, "redis://:a#b@h", "%23"),
    (broker_url, "redis://h/1#x", "%23"),
    (broker_url, "redis://h h", "allowed"),
    (broker_url, "redis://h\n", "allowed"),
    (broker_url, "redis://hôte", "allowed"),
    (broker_url, "redis+unix://run/redis.sock", "three slashes"),
    (broker_url, "redis+unix:///", "three slashes"),
    (broker_url, "redis+unix:///x?password=1", "own option"),
    *[
        (url_prefix, text, "starts with /")
        for text in ["", "/", "a", "/a/", "//a", "/a//b", "/a b", "/a?b", "/é", "/a\n"]
    ],
    *[(url_prefix, text, "starts with /") for text in ["/.", "/..", "/a/../b", "/a/."]],
    *[
        (web_address, text, "http://")
        for text in ["x", "javascript:x", "ftp://x", "/a b", '/a"b', "/a'b", "/<b", "/a>b", "/a\\b"]
    ],
    *[(web_address, text, "http://") for text in ["/", "https://", "/é", "/a\n"]],
    (origins, "* django", "alone"),
    (origins, "https://a.example https://a.example", "twice"),
    (origins, "https://example.com/", "no origin"),
    (origins, "https://Example.com", "no origin"),
    (origins, "https://*", "no origin"),
    (origins, "https://*.*.com", "no origin"),
    (origins, "https://a.*.com", "no origin"),
    (origins, "example.com", "no origin"),
    (origins, "null", "no origin"),
    (origins, "https://user@example.com", "no origin"),
    (origins, "https://a.example,https://b.example", "no origin"),
    (origins, "https://example.com:443", "leave out :443"),
    (origins, "http://example.com:80", "leave out :80"),
]


def refusal(kind: Kind[Any], text: str) -> str:
    """The sentence with which *kind* refuses *text*; empty when it does not."""
    try:
        kind.value(text, "/")
    except Refused as refused:
        return kind.refusal(text, refused)
    return ""


class AddressTests(TestCase):
    """One table of what is allowed, one of what is refused."""

    def test_text_reads_back_when_allowed(self) -> None:
        """An allowed text is a value that is written so that it reads as the same value."""
        for kind, texts in ALLOWED:
            for text in texts:
                with self.subTest(text=text):
                    value = kind.value(text, "/")
                    self.assertEqual(kind.value(kind.write(value), "/"), value)

    def test_error_helps_when_refused(self) -> None:
        """A refused text is answered with what to write instead."""
        for kind, text, help in REFUSED:
            with self.subTest(text=text):
                self.assertIn(help, refusal(kind, text))

    def test_lines_are_kept_apart_when_listening_twice(self) -> None:
        """Each line is one endpoint string."""
        self.assertEqual(listen.value("\ntcp:8000\n  tcp:8001", "/"), ("tcp:8000", "tcp:8001"))


class BrokerSecretTests(TestCase):
    """A password in a URL is never shown."""

    def test_password_is_hidden_when_url_is_refused(self) -> None:
        """However the URL is broken, what could be the password is not in the error."""
        for url in (
            "redis://:hunter2@h:port",
            "redis://:hunter2",
            "redis://:hun/ter2@h",
            "redis://:hunter2#@h",
            "redis:hunter2@h",
            "redis+unix:///x?password=hunter2",
            "hunter2@h",
            "http://hunter2",
        ):
            with self.subTest(url=url):
                self.assertTrue(refusal(broker_url, url))
                self.assertNotIn("hunter2", refusal(broker_url, url))
                self.assertNotIn("ter2", refusal(broker_url, url))

    def test_password_is_hidden_when_url_is_summed_up(self) -> None:
        """The place stays readable, user name and password do not."""
        for url, shown in [
            ("memory:", "memory:"),
            ("redis://localhost:6379/1", "redis://localhost:6379/1"),
            ("redis://:hunter2@localhost", "redis://…@localhost"),
            ("rediss://user:hunter2@h:1/2", "rediss://…@h:1/2"),
            ("redis+unix:///run/redis.sock?db=1", "redis+unix:///run/redis.sock?db=1"),
        ]:
            with self.subTest(url=url):
                self.assertEqual(hide_password(url), shown)
