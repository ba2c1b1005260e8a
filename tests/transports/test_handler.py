# -*- test-case-name: tests.transports.test_handler -*-
"""What all URLs of an endpoint have in common: origins, CORS, preflights, the cookie, methods."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.sockjs.origins import Origins
from tests.http.memory import request
from tests.transports.server import HANDSHAKE, Server
from tests.transports.test_urls import PLACES

#: Every URL that a page may not use without leave: method, path, more fields.
GUARDED: list[tuple[str, str, dict[str, Any]]] = [
    *((method, path, HANDSHAKE if "websocket" in name else {}) for name, (method, path) in PLACES.items()),
    ("POST", "/0/s/xhr_send", {}),
    ("POST", "/0/s/jsonp_send", {}),
    ("GET", "/info", {}),
    ("OPTIONS", "/info", {}),
    ("OPTIONS", "/0/s/xhr", {}),
    ("OPTIONS", "/0/s/xhr_send", {}),
]
#: The URLs that answer preflight requests, and with which methods.
PREFLIGHTS = [
    ("/info", "OPTIONS, GET"),
    ("/0/s/xhr", "OPTIONS, POST"),
    ("/0/s/xhr_send", "OPTIONS, POST"),
    ("/0/s/xhr_streaming", "OPTIONS, POST"),
    ("/0/s/eventsource", "OPTIONS, GET"),
]


class OriginTests(SynchronousTestCase):
    """Who may use an endpoint; the rules themselves are in ``sockjs.origins``."""

    def statuses(self, server: Server, **fields: str) -> set[int]:
        """Return all statuses with which the guarded URLs answer a request with *fields*."""
        found = set()
        for method, path, more in GUARDED:
            client = server.begin(method, path, **{**more, **fields})
            found.add(int(client.received()[9:12]))
        return found

    def test_foreign_page_is_refused_everywhere(self) -> None:
        """403 on each URL of each transport, the sending halves too, and no session is made."""
        for fields in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://example.com.evil.example"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
        ):
            server = Server(origins=Origins(["https://good.example"]))
            with self.subTest(fields):
                self.assertEqual({403}, self.statuses(server, **fields))
                self.assertEqual((0, []), (server.count, server.events))

    def test_page_of_same_origin_is_welcome(self) -> None:
        """With either of the fields that say so."""
        for fields in ({"origin": "http://example.com"}, {"sec_fetch_site": "same-origin"}):
            with self.subTest(fields):
                self.assertNotIn(403, self.statuses(Server(origins=Origins([])), **fields))

    def test_page_of_allowed_origin_is_welcome(self) -> None:
        """As the configuration says."""
        origins = Origins(["https://good.example"])
        self.assertNotIn(403, self.statuses(Server(origins=origins), origin="https://good.example"))

    def test_program_is_welcome_unless_denied(self) -> None:
        """A request that says nothing of where it comes from."""
        self.assertNotIn(403, self.statuses(Server(origins=Origins([]))))
        self.assertEqual({403}, self.statuses(Server(origins=Origins([], no_origin=False))))

    def test_connection_goes_on_after_refusal(self) -> None:
        """The next request may come from another page, through a proxy."""
        client = Server(origins=Origins([])).client()
        self.assertEqual(403, client.ask("GET", "/echo/info", origin="http://evil.example").status)
        self.assertEqual(200, client.ask("GET", "/echo/info").status)


class CORSTests(SynchronousTestCase):
    """Section "Info test", ``verify_cors``."""

    def test_origin_is_named_with_credentials(self) -> None:
        """Not ``*``: browsers do not accept it where cookies go along."""
        for origin in ("http://page.example", "null", "test"):
            with self.subTest(origin):
                answer = Server().ask("POST", "/0/s/xhr", origin=origin)
                self.assertEqual(origin, answer.fields["access-control-allow-origin"])
                self.assertEqual("true", answer.fields["access-control-allow-credentials"])
                self.assertEqual("Origin", answer.fields["vary"])

    def test_nothing_is_allowed_where_nobody_asks(self) -> None:
        """But caches have to know that it depends."""
        answer = Server().ask("POST", "/0/s/xhr")
        self.assertNotIn("access-control-allow-origin", answer.fields)
        self.assertEqual("Origin", answer.fields["vary"])

    def test_fields_are_left_to_proxy_where_configured(self) -> None:
        """Twice the same field would be refused by browsers."""
        answer = Server(cors=False).ask("POST", "/0/s/xhr", origin="http://page.example")
        self.assertEqual([], [name for name in answer.fields if name.startswith("access-control")])

    def test_scripts_and_frames_have_none(self) -> None:
        """jsonp and htmlfile are not read with XMLHttpRequest."""
        for path in ("/0/s/jsonp?c=f", "/0/s/htmlfile?c=f"):
            with self.subTest(path):
                head = Server().begin("GET", path, origin="http://page.example").received()
                self.assertNotIn(b"Access-Control", head)

    def test_origin_cannot_write_header(self) -> None:
        """What could break out of a field is no request at all; what is only strange comes back as it is."""
        for origin in ("a\rSet-Cookie: x", "a\x00b", "a\x7fb"):
            with self.subTest(origin):
                self.assertIn(Server().ask("GET", "/info", origin=origin).status, (400,))
        self.assertEqual("\xfc", Server().ask("GET", "/info", origin="\xfc").fields["access-control-allow-origin"])


class PreflightTests(SynchronousTestCase):
    """Section "Info test", ``verify_options``."""

    def test_preflight_is_cached_for_a_year(self) -> None:
        """On each URL that other origins read."""
        for path, methods in PREFLIGHTS:
            for origin in ("http://page.example", "null"):
                with self.subTest(path, origin=origin):
                    answer = Server().ask("OPTIONS", path, origin=origin, access_control_request_method=methods)
                    self.assertEqual((204, b""), (answer.status, answer.body))
                    self.assertEqual(methods, answer.fields["access-control-allow-methods"])
                    self.assertEqual("31536000", answer.fields["access-control-max-age"])
                    self.assertEqual("public, max-age=31536000", answer.fields["cache-control"])
                    self.assertEqual("Mon, 06 Nov 1995 08:49:37 GMT", answer.fields["expires"])
                    self.assertEqual(origin, answer.fields["access-control-allow-origin"])
                    self.assertEqual("true", answer.fields["access-control-allow-credentials"])

    def test_preflight_allows_fields_that_are_asked_for(self) -> None:
        """``test_request_headers_cors``; none where none are."""
        server = Server()
        answer = server.ask("OPTIONS", "/0/s/xhr", origin="http://a.example", access_control_request_headers="a, b, c")
        self.assertEqual("a, b, c", answer.fields["access-control-allow-headers"])
        for wanted in (None, ""):
            answer = server.ask("OPTIONS", "/0/s/xhr", origin="http://a.example", access_control_request_headers=wanted)
            self.assertNotIn("access-control-allow-headers", answer.fields)

    def test_preflight_opens_no_session(self) -> None:
        """It is not the request itself."""
        server = Server()
        server.ask("OPTIONS", "/0/s/xhr", origin="http://a.example")
        self.assertEqual(0, server.count)

    def test_preflight_is_not_for_other_urls(self) -> None:
        """405 with what they take."""
        for path, allowed in [
            ("/", "GET, HEAD"),
            ("/iframe.html", "GET, HEAD"),
            ("/0/s/jsonp", "GET"),
            ("/0/s/htmlfile", "GET"),
            ("/0/s/jsonp_send", "POST"),
            ("/0/s/websocket", "GET"),
            ("/websocket", "GET"),
        ]:
            with self.subTest(path):
                answer = Server().ask("OPTIONS", path, origin="http://a.example")
                self.assertEqual((405, allowed), (answer.status, answer.fields["allow"]))


class CookieTests(SynchronousTestCase):
    """Section "JSESSIONID cookie"."""

    def cookie(self, path: str, method: str = "POST", **fields: str) -> str | None:
        """Return the field ``Set-Cookie`` of an answer."""
        head = Server(cookie=True).begin(method, path, **fields).received().partition(b"\r\n\r\n")[0]
        lines = [line for line in head.decode("latin-1").split("\r\n") if line.lower().startswith("set-cookie:")]
        self.assertLessEqual(len(lines), 1)
        return lines[0].partition(": ")[2] if lines else None

    def test_dummy_is_set_on_every_transport(self) -> None:
        """For a client that has none."""
        for name, (method, path) in PLACES.items():
            if "websocket" not in name:
                with self.subTest(name):
                    self.assertEqual("JSESSIONID=dummy; Path=/", self.cookie(path, method))

    def test_cookie_is_set_by_sending_half_and_preflight(self) -> None:
        """All requests of a session say the same."""
        server = Server(cookie=True)
        server.ask("POST", "/0/s/xhr")
        for method, path in [("POST", "/0/s/xhr_send"), ("POST", "/0/s/jsonp_send"), ("OPTIONS", "/0/s/xhr_send")]:
            with self.subTest(path):
                answer = server.ask(method, path, b'["a"]', cookie="JSESSIONID=abc")
                self.assertEqual("JSESSIONID=abc; Path=/", answer.fields["set-cookie"])

    def test_cookie_of_client_is_set_again(self) -> None:
        """Wherever it stands among others."""
        for sent in (
            "JSESSIONID=abcdef",
            "a=b; JSESSIONID=abcdef",
            "JSESSIONID=abcdef; a=b",
            "a=b;\tJSESSIONID=abcdef ;c",
        ):
            with self.subTest(sent):
                self.assertEqual("JSESSIONID=abcdef; Path=/", self.cookie("/0/s/xhr", cookie=sent))

    def test_cookie_that_is_none_is_not_repeated(self) -> None:
        """A value that would write attributes or a field of its own, or is much too long."""
        for sent in (
            "XJSESSIONID=abc",
            "JSESSIONID=",
            'JSESSIONID="a b"',
            "JSESSIONID=a b",
            "JSESSIONID=a, x=y",
            "JSESSIONID=\xfc",
            "JSESSIONID=a\tDomain=x",
            "JSESSIONID=" + "a" * 257,
        ):
            with self.subTest(sent):
                self.assertEqual("JSESSIONID=dummy; Path=/", self.cookie("/0/s/xhr", cookie=sent))

    def test_cookie_cannot_carry_line_end(self) -> None:
        """Such a request is refused before anybody reads the cookie."""
        client = Server(cookie=True).client()
        client.send(request("POST", "/echo/0/s/xhr", cookie="JSESSIONID=a\rSet-Cookie: b=c"))
        (answer,) = client.answers()
        self.assertEqual(400, answer.status)
        self.assertNotIn("set-cookie", answer.fields)

    def test_no_cookie_is_set_unless_configured(self) -> None:
        """Not even to a client that has one."""
        answer = Server().ask("POST", "/0/s/xhr", cookie="JSESSIONID=abc")
        self.assertNotIn("set-cookie", answer.fields)


class InfoOfConnectionTests(SynchronousTestCase):
    """What an application gets to know of a client."""

    def test_application_sees_request_without_secrets(self) -> None:
        """The address, some fields, the path; never cookies or credentials."""
        server = Server()
        server.ask(
            "POST",
            "/0/s/xhr?t=1",
            user_agent="Mozilla",
            cookie="sessionid=secret",
            authorization="Basic x",
            x_other="y",
        )
        (info,) = server.infos
        self.assertEqual(("192.0.2.7", "/echo/0/s/xhr", "xhr"), (info.ip, info.path, info.transport))
        seen = {"Host": "example.com", "User-Agent": "Mozilla"}
        self.assertEqual((seen, len(seen), repr(seen)), (info.headers, len(info.headers), repr(info.headers)))
        self.assertEqual(("Mozilla", None), (info.headers["User-Agent"], info.headers.get("Cookie")))
        self.assertEqual(("Mozilla", None), (info.get_header("user-agent"), info.get_header("cookie")))

    def test_application_may_ask_for_arguments_and_cookies(self) -> None:
        """As in sockjs-cyclone; a page of an origin that was not named must not speak with its user's cookies."""
        for origins, cookie in ((Origins([]), "me"), (Origins(["https://a.example"]), "me"), (Origins(["*"]), None)):
            server = Server(origins=origins)
            server.ask("POST", "/0/s/xhr?token=%C3%A9", cookie="user=me")
            (info,) = server.infos
            found = info.get_cookie("user")
            self.assertEqual((info.get_argument("token"), found and found.value), ("é", cookie))

    def test_application_sees_transport(self) -> None:
        """Each by its name in the configuration."""
        for name, (method, path) in PLACES.items():
            server = Server()
            server.begin(method, path, **(HANDSHAKE if "websocket" in name else {}))
            with self.subTest(name):
                self.assertEqual([name], [info.transport for info in server.infos])
