# -*- test-case-name: tests.functional.test_origins -*-
"""What a page of another origin gets, in a real Chromium that sends the user's cookies with all that the page asks.

Two pages try: one of another site, and one of the same site on another port, whom cookies
do not tell from ours.  Each tries everything on an endpoint that does not allow it, and on
one that does, so that a trial that could never succeed is found.  Between the browser and
the daemon stands a tap: what counts is what the daemon was asked, with which cookies, and
what left it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.functional.browser import Page, need_client_library
from tests.functional.daemon import Daemon
from tests.functional.shared import Shared
from tests.functional.sockjs_client import ask, wait_until
from tests.functional.stage import ForeignSite, PagesHandler
from tests.functional.tap import Asked, Tap
from tests.functional.teller import FILE, SECRET
from tests.functional.test_browser import BrowserTests

SITE = Path(__file__).with_name("site")
COOKIE = "user=alice"

#: The names of the other web server, and what the browser calls a request of its pages to 127.0.0.1.
PAGES = {"localhost": "cross-site", "127.0.0.1": "same-site"}

#: What can be read by an allowed page: trials of ``pages/foreign.js``, and the client's transports.
READABLE = "websocket raw_websocket xhr xhr_streaming eventsource jsonp".split()
#: What opens a session all the same, but the page cannot read it: its frame is of our origin, or it did not want to.
BLIND = "blind_xhr htmlfile".split()
#: What nobody can be allowed: the page does not say where it comes from, or is of no origin.
NAMELESS = "silent_jsonp silent_htmlfile sandboxed_websocket".split()
SENDING = "xhr_send blind_xhr_send jsonp_send".split()
CLIENT = "websocket xhr-streaming eventsource xhr-polling jsonp-polling".split()
FRAMED = "iframe-eventsource iframe-htmlfile iframe-xhr-polling".split()
#: What sockjs-client asks for without cookies.
WITHOUT_COOKIE = ("eventsource",)


class Lure(PagesHandler):
    """The other web server; its ``/info`` sends sockjs-client to whatever its URL names."""

    def do_GET(self) -> None:
        """Answer for ``/lure/SESSION/URL/info``."""
        if not self.path.startswith("/lure/"):
            super().do_GET()
            return
        url = unquote(self.path.split("/")[3])
        info = {"websocket": True, "cookie_needed": False, "origins": ["*:*"], "entropy": 1, "base_url": url}
        body = json.dumps(info).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Scene:
    """A daemon with two endpoints, the tap in front of it, and the other web server."""

    def __init__(self) -> None:
        self.foreign = ForeignSite(Lure)
        origins = " ".join(f"http://{host}:{self.foreign.port}" for host in PAGES)
        # Sessions wait for slow machines.
        teller = {"application": "tests.functional.teller.Teller", "disconnect_delay": 60}
        self.daemon = Daemon(
            {
                "site": {"settings": "functional_site.settings", "python_path": SITE},
                "endpoint closed": teller,
                "endpoint open": teller | {"allowed_origins": origins},
            }
        )
        self.file = self.daemon.folder / "told"
        self.file.touch()
        self.daemon.environment[FILE] = str(self.file)
        try:
            self.daemon.start()
        except RuntimeError:
            self.daemon.close()
            self.foreign.close()
            raise
        self.tap = Tap(self.daemon.port)

    def told(self, session: str) -> list[str]:
        """Return what the application noted of *session*."""
        lines = self.file.read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if f"/{session}/" in line]

    def count(self) -> int:
        """Return how much the application noted."""
        return len(self.file.read_text().splitlines())

    def close(self) -> None:
        """End all of it."""
        self.tap.close()
        self.daemon.close()
        self.foreign.close()


scene = Shared(Scene)


class OriginTests(BrowserTests):
    """Trials of a page; most tests are made from the tables, below."""

    def setUp(self) -> None:
        """Log in, as the user of ``pages/foreign.html`` has done."""
        need_client_library()
        super().setUp()
        self.scene = scene.get()
        self.tap = self.scene.tap
        self.port = self.scene.foreign.port
        self.url = f"http://127.0.0.1:{self.tap.port}"
        self.open(f"{self.url}/login/")

    def tap_anew(self) -> None:
        """Have a port of this test's own; cookies know no ports."""
        self.tap = Tap(self.scene.daemon.port)
        self.addCleanup(self.tap.close)
        self.url = f"http://127.0.0.1:{self.tap.port}"

    def foreign_page(self, host: str) -> Page:
        """Open the page of somebody else."""
        return self.open(f"http://{host}:{self.port}/foreign.html")

    def events(self, page: Page, session: str) -> list[str]:
        """What the page got of *session* so far."""
        found: list[str] = page.evaluate(f"events[{json.dumps(session)}] || []")
        return found

    def attempt(self, page: Page, name: str, endpoint: str, session: str) -> None:
        """Begin a trial, whatever comes of it."""
        url = f"{self.url}/{endpoint}"
        page.evaluate(f"void attempts.{name}({json.dumps(url)}, {json.dumps(session)})")

    def answered(self, session: str, count: int = 1) -> list[Asked]:
        """Wait until *count* requests of *session* were answered; return them without those that ask for permission."""
        found: list[Asked] = []

        def done() -> bool:
            found[:] = [asked for asked in self.tap.requests(session) if asked.method != "OPTIONS"]
            return len(found) >= count and all(asked.status for asked in found)

        wait_until(done, f"{count} answers for {session}")
        return found

    def assert_with_cookie(self, requests: list[Asked], site: str) -> None:
        """The browser sent the user's cookie, from where we believe that it came."""
        for asked in requests:
            self.assertIn(COOKIE, asked.fields.get("cookie", ""), asked)
            if "upgrade" not in asked.fields:
                self.assertEqual(asked.fields["sec-fetch-site"], site)

    def assert_nothing(self, page: Page, session: str, before: int) -> None:
        """No client of the application, no message of one, and nothing that the page could read."""
        page.evaluate("new Promise(resolve => setTimeout(resolve, 100))")
        self.assertEqual(self.scene.count(), before, self.scene.file.read_text())
        for event in self.events(page, session):
            self.assertRegex(event, r"\A(failed|loaded|closed (1002|2000)|0 )\Z")

    def session(self, *words: str) -> str:
        """Return a name for the session of a trial."""
        return "-".join(words).replace(".", "_")


def _refused(name: str, host: str) -> Callable[[OriginTests], None]:
    def test(self: OriginTests) -> None:
        page, session, before = self.foreign_page(host), self.session(name, host, "closed"), self.scene.count()
        self.attempt(page, name, "closed", session)
        requests = self.answered(session)
        self.assert_with_cookie(requests, PAGES[host])
        self.assertEqual({asked.status for asked in requests}, {403})
        page.wait_for(f"(events[{json.dumps(session)}] || []).length > 0")
        self.assert_nothing(page, session, before)

    test.__doc__ = f"{name}: 403, no session, and the cookie was there."
    return test


def _allowed(name: str, host: str) -> Callable[[OriginTests], None]:
    def test(self: OriginTests) -> None:
        page, session, before = self.foreign_page(host), self.session(name, host, "open"), self.scene.count()
        self.attempt(page, name, "open", session)
        self.assert_with_cookie(self.answered(session), PAGES[host])
        wait_until(lambda: self.scene.count() > before, "a session")
        if name in READABLE:
            page.wait_for(f"(events[{json.dumps(session)}] || []).some(event => event.includes({json.dumps(SECRET)}))")

    test.__doc__ = f"{name}: a session, and the message where the page can read it."
    return test


def _client_refused(transport: str, host: str) -> Callable[[OriginTests], None]:
    def test(self: OriginTests) -> None:
        page, session, before = self.foreign_page(host), self.session("lure", transport, host, "no"), self.scene.count()
        page.evaluate(f"lure({json.dumps(self.url + '/closed')}, {json.dumps(transport)}, {json.dumps(session)})")
        page.wait_for(f"(events[{json.dumps(session)}] || []).length > 0")
        self.assert_nothing(page, session, before)
        asked = [each for each in self.tap.requests(session) if each.method != "OPTIONS"]
        self.assertEqual({each.status for each in asked} - {403}, set())
        self.assertEqual(bool(asked), transport in CLIENT)
        if transport not in WITHOUT_COOKIE:
            self.assert_with_cookie(asked, PAGES[host])

    test.__doc__ = f"{transport}: what the client of another site's page tries is refused."
    return test


def _client_allowed(transport: str, host: str) -> Callable[[OriginTests], None]:
    def test(self: OriginTests) -> None:
        page, session = self.foreign_page(host), self.session("lure", transport, host, "yes")
        page.evaluate(f"lure({json.dumps(self.url + '/open')}, {json.dumps(transport)}, {json.dumps(session)})")
        page.wait_for(f"(events[{json.dumps(session)}] || []).includes({json.dumps(SECRET)})")
        self.assertEqual(self.scene.told(session)[:1], ["made"])

    test.__doc__ = f"{transport}: an allowed page gets the message in the same way."
    return test


class TrialTests(OriginTests):
    """What a page writes itself."""

    def test_info_is_read_by_allowed_pages_only(self) -> None:
        """With the cookie, in both cases."""
        for host, site in PAGES.items():
            page = self.foreign_page(host)
            for endpoint, status, read in (("closed", 403, "failed"), ("open", 200, '200 {"websocket":true')):
                session = self.session("info", host, endpoint)
                self.attempt(page, "info", endpoint, session)
                requests = self.answered(session)
                self.assert_with_cookie(requests, site)
                self.assertEqual([asked.status for asked in requests], [status])
                page.wait_for(f"(events[{json.dumps(session)}] || []).length > 0")
                self.assertTrue(self.events(page, session)[0].startswith(read), self.events(page, session))

    def test_message_in_the_name_of_the_user_is_taken_from_allowed_pages_only(self) -> None:
        """Into a session that the user has open, and whose id the page knows."""
        for host, site in PAGES.items():
            page = self.foreign_page(host)
            for name in SENDING:
                for endpoint, taken in (("closed", []), ("open", ["transfer"])):
                    session = self.session(name, host, endpoint)
                    self.assertEqual(ask(self.scene.daemon.port, "POST", f"/{endpoint}/000/{session}/xhr").body, b"o\n")
                    self.attempt(page, name, endpoint, session)
                    requests = self.answered(session)
                    self.assert_with_cookie(requests, site)
                    self.assertEqual([asked.status // 100 for asked in requests], [4 if endpoint == "closed" else 2])
                    if taken:  # the answer leaves before the application hears the message
                        wait_until(lambda session=session: len(self.scene.told(session)) > 1, "the message")
                    self.assertEqual(self.scene.told(session), ["made", *taken])

    def test_page_is_known_by_its_referer_where_there_is_no_tls(self) -> None:
        """Under a name and without TLS browsers send no Sec-Fetch-Site: a script and a frame say nothing else."""
        self.url = f"http://bank.test:{self.tap.port}"
        for host in ("evil.test", "evil.bank.test"):
            page, before = self.foreign_page(host), self.scene.count()
            for name in ("jsonp", "htmlfile"):
                session = self.session(name, host, "closed")
                self.attempt(page, name, "closed", session)
                for asked in self.answered(session):
                    self.assertEqual((asked.status, asked.fields["referer"]), (403, f"http://{host}:{self.port}/"))
                    self.assertNotIn("sec-fetch-site", asked.fields)
                    self.assertNotIn("origin", asked.fields)
                self.assert_nothing(page, session, before)

    def test_iframe_page_is_framed_by_allowed_pages_only(self) -> None:
        """The browser refuses to show it where its policy does not name the page around it: its script never runs."""
        self.tap_anew()  # what the browser has from another port is not asked for again
        for host in PAGES:
            page = self.foreign_page(host)
            for endpoint, scripts in (("closed", 0), ("open", 1)):
                session, before = self.session("iframe", host, endpoint), self.library_requests(endpoint)
                self.attempt(page, "iframe", endpoint, session)
                self.assertEqual([asked.status for asked in self.answered(session)], [200])
                page.wait_for(f"(events[{json.dumps(session)}] || []).includes('loaded')")
                self.assertEqual(self.library_requests(endpoint) - before, scripts)
                refusals = [error for error in page.errors if "frame-ancestors" in error]
                self.assertEqual(bool(refusals), endpoint == "closed", page.errors)
                page.errors.clear()

    def library_requests(self, endpoint: str) -> int:
        """How often a frame of *endpoint* has asked for the client library."""
        asked = self.tap.requests("/sockjs/sockjs.min.js")
        return sum(f"/{endpoint}/iframe" in each.fields.get("referer", "") for each in asked)

    def test_secret_never_left_for_a_refused_page(self) -> None:
        """On the wire: all trials again at once, and not one byte of a frame is in what the daemon has answered."""
        self.tap_anew()
        for host in PAGES:
            page, before = self.foreign_page(host), self.scene.count()
            names = [*READABLE, *BLIND, *NAMELESS, *SENDING, "info"]
            for name in names:
                self.attempt(page, name, "closed", self.session("all", name, host))
            for name in names:
                self.answered(self.session("all", name, host))
            self.assertEqual(self.scene.count(), before)
        self.assertEqual({asked.status for asked in self.tap.requests("/closed/") if asked.method != "OPTIONS"}, {403})
        self.assertNotIn(SECRET.encode(), self.tap.answers())


class ClientTests(OriginTests):
    """What a page lets sockjs-client do, with an ``/info`` of its own that sends it to us."""


def _add(case: type[OriginTests], kind: str, name: str, host: str, test: Callable[[Any], None]) -> None:
    where = PAGES[host].replace("-", "_")
    test.__name__ = f"test_{name.replace('-', '_')}_is_{kind}_to_page_of_{where}"
    setattr(case, test.__name__, test)


for _host in PAGES:
    for _name in (*READABLE, *BLIND, *NAMELESS):
        _add(TrialTests, "refused", _name, _host, _refused(_name, _host))
    for _name in (*READABLE, *BLIND):
        _add(TrialTests, "given", _name, _host, _allowed(_name, _host))
    for _name in (*CLIENT, *FRAMED):
        _add(ClientTests, "refused", _name, _host, _client_refused(_name, _host))
        _add(ClientTests, "given", _name, _host, _client_allowed(_name, _host))
