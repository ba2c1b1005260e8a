# -*- test-case-name: tests.functional.test_browser -*-
"""sockjs-client in a real Chromium: each of its transports, from our own origin and from another one."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.browser import Browser, Page, need_client_library
from tests.functional.site.functional_site.recording import CODE, FAREWELL, REASON
from tests.functional.stage import BRIEF, Stage

#: Messages in one exchange; the page knows it too.
COUNT = 1000
#: Seconds for one exchange; the slowest transport needs three when nothing else runs.
EXCHANGE_LIMIT = 90.0

#: What sockjs-client says when it has nothing (left) to try: it never asks the server.
ALL_FAILED = (2000, "All transports failed")
#: What it says when /info cannot be read.
NO_INFO = (1002, "Cannot connect to server")


@dataclass(frozen=True, slots=True)
class Transport:
    """One of sockjs-client's transports.

    :param name: in the client.
    :param at_server: the transport that the application gets to see.
    :param refused: why the client does not even try it, ``same`` or ``cross`` origin; empty where it works.
    """

    name: str
    at_server: str
    refused_same: str = ""
    refused_cross: str = ""


_INTERNET_EXPLORER = "needs XDomainRequest, which only Internet Explorer 8 and 9 had"
_SAME_ORIGIN_FRAME = "its frame calls functions of the page around it, which browsers allow within one origin only"

#: All of sockjs-client 1.6.1 (its lib/transport-list.js), in its order.
TRANSPORTS = (
    Transport("websocket", "websocket"),
    Transport("xhr-streaming", "xhr_streaming"),
    Transport("xdr-streaming", "", _INTERNET_EXPLORER, _INTERNET_EXPLORER),
    Transport("eventsource", "eventsource"),
    Transport("iframe-eventsource", "eventsource"),
    Transport("htmlfile", "htmlfile", refused_cross=_SAME_ORIGIN_FRAME),
    Transport("iframe-htmlfile", "htmlfile"),
    Transport("xhr-polling", "xhr"),
    Transport("xdr-polling", "", _INTERNET_EXPLORER, _INTERNET_EXPLORER),
    Transport("iframe-xhr-polling", "xhr"),
    Transport("jsonp-polling", "jsonp"),
)


# Starting these takes longer than a test, and trial has no class fixtures: they end with the process.


@cache
def shared_browser() -> Browser:
    """Return the one browser of all tests; :exc:`SkipTest` where something is missing."""
    need_client_library()
    browser = Browser()
    atexit.register(browser.close)
    return browser.start()


@cache
def shared_stage() -> Stage:
    """Return the one stage of all exchanges."""
    stage = Stage()
    atexit.register(stage.close)
    return stage


class BrowserTests(SynchronousTestCase):
    """Tests that share one browser."""

    def setUp(self) -> None:
        """Have the browser."""
        self.browser = shared_browser()

    def open(self, url: str) -> Page:
        """Open *url* in a window that is closed after the test."""
        page = self.browser.open(url)
        self.addCleanup(page.close)
        return page


class TransportTests(BrowserTests):
    """A thousand messages there and back, then a close by the server; most tests are made from ``TRANSPORTS`` below."""

    def setUp(self) -> None:
        """Have the daemon too."""
        super().setUp()
        self.stage = shared_stage()

    def call(self, page: Page, function: str, *arguments: str) -> Any:
        """Call a function of ``pages/transports.js`` and return what its promise brings."""
        return page.evaluate(f"{function}({json.dumps(arguments)[1:-1]})", EXCHANGE_LIMIT)

    def exchange(self, page_url: str, transport: str) -> tuple[dict[str, Any], str, Page]:
        """Let a page exchange the messages; return what it saw, the session's id, and the page."""
        session = f"{self.id().rpartition('.')[2]}-{transport}"
        page = self.open(page_url)
        outcome = self.call(page, "exchange", f"{self.stage.daemon.url}/echo", transport, session, FAREWELL)
        return outcome, session, page

    def assert_exchanges(self, page_url: str, transport: Transport) -> None:
        """All messages come back as they were, in order; both sides see the server's close, once."""
        outcome, session, page = self.exchange(page_url, transport.name)
        seen = {"transport": transport.name, "opened": 1, "received": COUNT, "wrong": None}
        expected = {**seen, "code": CODE, "reason": REASON, "clean": True}
        self.assertEqual(outcome, expected, f"the console shows {page.errors}")
        made = {"event": "made", "transport": transport.at_server}
        lost = {"event": "lost", "code": CODE, "reason": REASON, "received": COUNT}
        self.assertEqual(self.stage.wait_for_end(session), [made, lost])
        self.assertEqual(page.errors, [])

    def assert_refuses(self, page_url: str, transport: str, code: int, reason: str) -> None:
        """The client gives up with *code* and *reason*, and the application never heard of it."""
        outcome, session, _ = self.exchange(page_url, transport)
        self.assertEqual((outcome["opened"], outcome["code"], outcome["reason"]), (0, code, reason))
        self.assertEqual(self.stage.events(session), [])

    def test_window_that_is_closed_loses_its_connection_once(self) -> None:
        """Whether the server notices at once or after the session has waited for it in vain."""
        for transport in ("websocket", "xhr-streaming", "eventsource", "xhr-polling", "jsonp-polling"):
            with self.subTest(transport=transport):
                session = f"left-{transport}"
                page = self.browser.open(f"{self.stage.daemon.url}/page/transports.html")
                self.call(page, "join", f"{self.stage.daemon.url}/brief", transport, session)
                page.close()
                events = self.stage.wait_for_end(session, longer=1.5 * BRIEF)
                self.assertEqual([event["event"] for event in events], ["made", "lost"])

    def test_connection_is_lost_once_when_its_session_is_forgotten_later(self) -> None:
        """After the server's close a session stays for a while, to say so again to a client that did not hear."""
        for transport in ("xhr-streaming", "xhr-polling"):
            with self.subTest(transport=transport):
                session = f"closed-{transport}"
                page = self.open(f"{self.stage.daemon.url}/page/transports.html")
                self.call(page, "exchange", f"{self.stage.daemon.url}/brief", transport, session, FAREWELL)
                events = self.stage.wait_for_end(session, longer=1.5 * BRIEF)
                self.assertEqual([event["event"] for event in events], ["made", "lost"])

    def test_page_of_origin_that_is_not_allowed_cannot_connect(self) -> None:
        """The same server under its other name is another origin, and not in the configuration."""
        url = f"http://127.0.0.1:{self.stage.foreign.port}/transports.html"
        for transport in ("websocket", "xhr-polling", "iframe-xhr-polling", "jsonp-polling"):
            with self.subTest(transport=transport):
                self.assert_refuses(url, transport, *NO_INFO)


def _transport_test(transport: Transport, cross: bool) -> Callable[[TransportTests], None]:
    refused = transport.refused_cross if cross else transport.refused_same

    def test(self: TransportTests) -> None:
        if cross:
            url = f"http://localhost:{self.stage.foreign.port}/transports.html"
        else:
            url = f"{self.stage.daemon.url}/page/transports.html"
        if refused:
            self.assert_refuses(url, transport.name, *ALL_FAILED)
        else:
            self.assert_exchanges(url, transport)

    verb = "is_refused" if refused else "exchanges_messages"
    test.__name__ = f"test_{transport.name.replace('-', '_')}_{verb}_from_{'another' if cross else 'same'}_origin"
    test.__doc__ = f"{transport.name} {refused}." if refused else f"{transport.name} carries every UTF-16 code unit."
    return test


for _transport in TRANSPORTS:
    for _cross in (False, True):
        _test = _transport_test(_transport, _cross)
        setattr(TransportTests, _test.__name__, _test)
