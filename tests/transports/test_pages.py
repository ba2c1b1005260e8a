# -*- test-case-name: tests.transports.test_pages -*-
"""The greeting, the iframe page, ``/info`` and the client library."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.application import Application
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.pages import ClientLibrary, matches
from tests.http.memory import Answer, Client
from tests.transports.server import Server

NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
CACHED = "public, max-age=31536000"

#: Section "IFrame page", with the address of the client library as the configuration of ``Server`` has it.
IFRAME = b"""<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
"""


class GreetingTests(SynchronousTestCase):
    """Section "Base URL and greeting"."""

    def test_greeting_is_said_with_and_without_slash(self) -> None:
        """``test_greeting``: plain text, no cookie."""
        for path in ("", "/", "/?x=1"):
            with self.subTest(path):
                answer = Server(cookie=True).ask("GET", path)
                self.assertEqual((200, b"Welcome to SockJS!\n"), (answer.status, answer.body))
                self.assertEqual("text/plain; charset=UTF-8", answer.fields["content-type"])
                self.assertNotIn("set-cookie", answer.fields)

    def test_greeting_has_head_without_body(self) -> None:
        """HEAD is what monitoring asks."""
        answer = Server().ask("HEAD", "/")
        self.assertEqual((200, b"", "19"), (answer.status, answer.body, answer.fields["content-length"]))

    def test_greeting_is_for_everybody(self) -> None:
        """There is nothing to protect, and a link from elsewhere has an origin."""
        self.assertEqual(200, Server(origins=Origins([])).ask("GET", "/", origin="http://evil.example").status)


class IFrameTests(SynchronousTestCase):
    """Section "IFrame page"."""

    def test_page_is_as_specified(self) -> None:
        """``test_simpleUrl``, ``test_versionedUrl``, ``test_queriedUrl``: any version, any query."""
        for name in (
            "iframe.html",
            "iframe-a.html",
            "iframe-.html",
            "iframe-0.1.2.html",
            "iframe-0.1.2abc-dirty.2144.html",
        ):
            for query in ("", "?t=1234"):
                with self.subTest(name + query):
                    answer = Server().ask("GET", f"/{name}{query}")
                    self.assertEqual((200, IFRAME), (answer.status, answer.body))
                    self.assertEqual("text/html; charset=UTF-8", answer.fields["content-type"])

    def test_page_is_cached_for_a_year(self) -> None:
        """``verify``: Cache-Control, Expires and ETag, neither Last-Modified nor cookie."""
        answer = Server(cookie=True).ask("GET", "/iframe.html")
        self.assertEqual(CACHED, answer.fields["cache-control"])
        self.assertEqual("Mon, 06 Nov 1995 08:49:37 GMT", answer.fields["expires"])
        self.assertRegex(answer.fields["etag"], r'\A"[0-9a-f]{32}"\Z')
        self.assertNotIn("last-modified", answer.fields)
        self.assertNotIn("set-cookie", answer.fields)

    def test_page_that_browser_has_is_not_sent_again(self) -> None:
        """``test_cacheability``: 304 without a body and without a type."""
        server = Server()
        etag = server.ask("GET", "/iframe.html").fields["etag"]
        self.assertEqual(etag, server.ask("GET", "/iframe-1.html").fields["etag"])
        answer = server.ask("GET", "/iframe.html", if_none_match=etag)
        self.assertEqual((304, b""), (answer.status, answer.body))
        self.assertNotIn("content-type", answer.fields)
        self.assertEqual((etag, CACHED), (answer.fields["etag"], answer.fields["cache-control"]))
        self.assertIn("content-security-policy", answer.fields)

    def test_page_that_changed_is_sent(self) -> None:
        """Another version's tag does not match."""
        self.assertEqual(200, Server().ask("GET", "/iframe.html", if_none_match='"0123"').status)

    def test_misspelt_pages_are_not_found(self) -> None:
        """``test_invalidUrl``."""
        for name in ("iframe.htm", "iframe", "IFRAME.HTML", "IFRAME", "iframe.HTML", "iframe.xml", "iframe-/.html"):
            with self.subTest(name):
                self.assertEqual(404, Server().ask("GET", f"/{name}").status)

    def test_page_may_be_framed_by_allowed_origins_only(self) -> None:
        """sockjs-client's iframe does not check its parent, so the browser has to."""
        for origins, policy in [
            (Origins(["*"]), "frame-ancestors *"),
            (Origins([]), "frame-ancestors 'self'"),
            (Origins(["https://a.example"]), "frame-ancestors 'self' https://a.example"),
            (Origins(["https://*.example"]), "frame-ancestors 'self' https://*.example"),
        ]:
            with self.subTest(policy):
                answer = Server(origins=origins).ask("GET", "/iframe.html", origin="http://evil.example")
                self.assertEqual((200, policy), (answer.status, answer.fields["content-security-policy"]))

    def test_address_of_client_is_escaped(self) -> None:
        """It stands in an attribute."""
        server = Server()
        server.endpoint.client_url = '/a?b&c"><script>'
        self.assertIn(b'src="/a?b&amp;c&quot;&gt;&lt;script&gt;"', server.ask("GET", "/iframe.html").body)


class InfoTests(SynchronousTestCase):
    """Section "Info test"."""

    def info(self, **options: Any) -> dict[str, Any]:
        """Return what an endpoint with *options* tells."""
        found: dict[str, Any] = json.loads(Server(**options).ask("GET", "/info").body)
        return found

    def test_info_tells_what_client_needs(self) -> None:
        """``test_basic``."""
        found = self.info()
        self.assertIn(found.pop("entropy"), range(2**32))
        self.assertEqual({"websocket": True, "cookie_needed": False, "origins": ["*:*"]}, found)

    def test_info_is_json_that_nobody_caches(self) -> None:
        """``test_basic``: its fields."""
        answer = Server(cookie=True).ask("GET", "/info", origin="http://page.example")
        self.assertEqual("application/json; charset=UTF-8", answer.fields["content-type"])
        self.assertEqual(NOT_CACHED, answer.fields["cache-control"])
        self.assertEqual("http://page.example", answer.fields["access-control-allow-origin"])
        self.assertEqual("true", answer.fields["access-control-allow-credentials"])
        for name in ("set-cookie", "expires", "last-modified"):
            self.assertNotIn(name, answer.fields)

    def test_entropy_differs_each_time(self) -> None:
        """``test_entropy``: of three answers not all are equal, but once in 2**64."""
        server = Server()
        numbers = {json.loads(server.ask("GET", "/info").body)["entropy"] for _ in range(3)}
        self.assertGreater(len(numbers), 1)

    def test_websocket_switched_off_is_said(self) -> None:
        """``test_disabled_websocket``; the raw one is another matter."""
        self.assertFalse(self.info(transports=("xhr", "raw_websocket"))["websocket"])

    def test_cookie_is_said_to_be_needed_where_it_is(self) -> None:
        """The client then uses no transport that cannot send one."""
        self.assertTrue(self.info(cookie=True)["cookie_needed"])

    def test_base_url_is_told_where_it_is_set(self) -> None:
        """sockjs-client goes there for everything that follows."""
        self.assertEqual("https://rt.example/echo", self.info(base_url="https://rt.example/echo")["base_url"])

    def test_preflight_is_answered(self) -> None:
        """``test_options``."""
        answer = Server().ask("OPTIONS", "/info", origin="null", access_control_request_method="GET")
        self.assertEqual((204, b"null"), (answer.status, answer.fields["access-control-allow-origin"].encode()))
        self.assertEqual("OPTIONS, GET", answer.fields["access-control-allow-methods"])

    def test_foreign_page_is_refused(self) -> None:
        """It learns at once that it may not connect."""
        self.assertEqual(403, Server(origins=Origins([])).ask("GET", "/info", origin="http://evil.example").status)


class ClientLibraryTests(SynchronousTestCase):
    """The daemon's own copy of sockjs-client."""

    def ask(self, method: str = "GET", **fields: str) -> Answer:
        """Ask for it."""
        row = ("/client.js", ClientLibrary, {"body": b"SockJS = 1;", "etag": '"abc"'})
        return Client(Application([row])).ask(method, "/client.js", **fields)

    def test_library_is_a_script(self) -> None:
        """It is kept for an hour, because its address does not change with its version."""
        answer = self.ask()
        self.assertEqual((200, b"SockJS = 1;"), (answer.status, answer.body))
        self.assertEqual("application/javascript; charset=UTF-8", answer.fields["content-type"])
        self.assertEqual("public, max-age=3600", answer.fields["cache-control"])
        self.assertEqual('"abc"', answer.fields["etag"])

    def test_library_that_browser_has_is_not_sent_again(self) -> None:
        """304, with the same tag."""
        answer = self.ask(if_none_match='W/"abc"')
        self.assertEqual((304, b"", '"abc"'), (answer.status, answer.body, answer.fields["etag"]))

    def test_library_has_head(self) -> None:
        """As every file has."""
        self.assertEqual((200, b""), (self.ask("HEAD").status, self.ask("HEAD").body))


class ConditionTests(SynchronousTestCase):
    """``If-None-Match`` (RFC 9110 section 13.1.2)."""

    def test_condition_is_a_list_of_tags_or_a_star(self) -> None:
        """Weak tags match too: it is about caching."""
        for condition in ('"abc"', 'W/"abc"', '"x", "abc"', '"x" , W/"abc" ', "*", " * "):
            with self.subTest(condition):
                self.assertTrue(matches(condition, '"abc"'))
        for condition in ("", "abc", '"abcd"', '"x"', '"ab', "**"):
            with self.subTest(condition):
                self.assertFalse(matches(condition, '"abc"'))
