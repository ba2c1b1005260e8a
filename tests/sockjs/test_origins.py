# -*- test-case-name: tests.sockjs.test_origins -*-
"""Which pages may use an endpoint."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.sockjs.origins import Origins

HOST = "site.example"
EVIL = "https://evil.example"


def request(host: str | None = HOST, **fields: str) -> dict[str, str]:
    """Return the fields of a request: those that are given, and a host unless there is none."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return named if host is None else {"host": host, **named}


def origin(value: str, host: str = HOST) -> dict[str, str]:
    """Return the fields of a request that says its origin."""
    return request(host, origin=value)


#: Whether an endpoint that allows these origins permits a request.
ALLOWED = ("https://friend.example", "https://*.wild.example", "http://localhost:8000")
TABLE = [
    # The same origin, whoever speaks TLS in front of us, with or without a port.
    (origin("https://site.example"), True),
    (origin("http://site.example"), True),
    (origin("https://SITE.example"), True),
    (origin("https://site.example", "SITE.EXAMPLE"), True),
    (origin("https://site.example:443"), True),
    (origin("https://site.example", "site.example:443"), True),
    (origin("http://site.example", "site.example:80"), True),
    (origin("http://site.example:8000", "site.example:8000"), True),
    (origin("http://[::1]:8000", "[::1]:8000"), True),
    # Another port, another host, another kind of thing.
    (origin("http://site.example:8000"), False),
    (origin("http://site.example", "site.example:8000"), False),
    (origin("http://site.example:443"), False),
    (origin("https://sub.site.example"), False),
    (origin("https://site.example.evil.example"), False),
    (origin("https://evilsite.example"), False),
    (origin("moz-extension://site.example"), False),
    (origin("null"), False),
    (origin("null", "null"), False),
    (origin("https://"), False),
    (origin("://site.example"), False),
    (origin("site.example"), False),
    # No Host, as HTTP/1.0 allows: nothing is the same as nothing.
    (origin("http://:80", ""), False),
    (request(None, origin="http://:80"), False),
    (origin("https://friend.example", ""), True),
    # What the configuration names.
    (origin("https://friend.example"), True),
    (origin("https://FRIEND.example"), True),
    (origin("http://friend.example"), False),
    (origin("https://friend.example:8443"), False),
    (origin("https://a.friend.example"), False),
    (origin("http://localhost:8000"), True),
    (origin("http://localhost"), False),
    (origin("https://a.wild.example"), True),
    (origin("https://a.b.wild.example"), True),
    (origin("https://wild.example"), False),
    (origin("https://evilwild.example"), False),
    (origin("http://a.wild.example"), False),
    # No Origin: what the browser says of where it comes from.
    (request(sec_fetch_site="same-origin"), True),
    (request(sec_fetch_site="none"), True),
    (request(sec_fetch_site="same-site"), False),
    (request(sec_fetch_site="cross-site"), False),
    (request(sec_fetch_site="nonsense"), False),
    # A script or a frame of an allowed page has a Referer, which it can suppress but not forge.
    (request(sec_fetch_site="cross-site", referer="https://friend.example/page?x=1"), True),
    (request(sec_fetch_site="same-site", referer="https://a.wild.example/"), True),
    (request(sec_fetch_site="cross-site", referer=EVIL + "/https://friend.example"), False),
    (request(sec_fetch_site="cross-site", referer="https://friend.example@evil.example/"), False),
    (request(sec_fetch_site="cross-site", referer="about:blank"), False),
    (request(sec_fetch_site="cross-site", referer="https://[broken"), False),
    # Without TLS browsers send no Sec-Fetch-Site: a script or a frame of a foreign page has a Referer only.
    (request(referer=EVIL + "/page"), False),
    (request(referer="https://sub.site.example/"), False),
    (request(referer="about:blank"), False),
    (request(referer="https://[broken"), False),
    # An empty field says nothing, as none does.
    (request(origin="", sec_fetch_site="same-origin"), True),
    (request(origin="", sec_fetch_site="", referer=EVIL), False),
    # An Origin counts more than the rest.
    (request(origin=EVIL, sec_fetch_site="same-origin"), False),
    (request(origin=EVIL, referer="https://friend.example/"), False),
]


class OriginsTests(TestCase):
    """The policy of one endpoint."""

    def test_table_holds(self) -> None:
        """Each row, whether or not silent requests are welcome: none of these is silent."""
        for no_origin in (True, False):
            origins = Origins(ALLOWED, no_origin=no_origin)
            for source, expected in TABLE:
                with self.subTest(source=source, no_origin=no_origin):
                    self.assertEqual(origins.permits(source), expected)

    def test_silent_request_is_what_the_option_says(self) -> None:
        """A program, or an old browser, sends none of the fields."""
        self.assertTrue(Origins(()).permits(request()))
        self.assertFalse(Origins((), no_origin=False).permits(request()))

    def test_friendly_referer_alone_says_nothing(self) -> None:
        """A browser that sends no Sec-Fetch-Site is as silent as a program."""
        for referer in ("https://site.example/", "https://friend.example/"):
            source = request(referer=referer)
            self.assertTrue(Origins(ALLOWED).permits(source))
            self.assertFalse(Origins(ALLOWED, no_origin=False).permits(source))

    def test_star_permits_everything(self) -> None:
        """Even what cannot say where it comes from."""
        origins = Origins(["*"], no_origin=False)
        for source in (origin(EVIL), origin("null"), request(None), request(None, sec_fetch_site="cross-site")):
            self.assertTrue(origins.permits(source))

    def test_only_star_welcomes_everybody(self) -> None:
        """Nothing shorter."""
        for allowed, everybody in ((["*"], True), ([], False), (["https://*.example.com"], False)):
            self.assertEqual(Origins(allowed).everybody, everybody)

    def test_configuration_may_be_in_capitals(self) -> None:
        """Host names have no case."""
        self.assertTrue(Origins(["HTTPS://Friend.Example"]).permits(origin("https://friend.example")))

    def test_ancestors_are_who_may_frame_the_page(self) -> None:
        """In the words of Content-Security-Policy."""
        self.assertEqual(Origins(()).ancestors, "'self'")
        self.assertEqual(
            Origins(["https://a.example", "https://*.b.example"]).ancestors,
            "'self' https://a.example https://*.b.example",
        )
        self.assertEqual(Origins(["*"]).ancestors, "*")
