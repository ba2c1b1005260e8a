# -*- test-case-name: tests.functional.test_url_channels -*-
"""``new SockJS("/live?channel=news")`` in a real Chromium: sockjs-client says the query over each of its transports."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.browser import Browser, Page, need_client_library
from tests.functional.daemon import Daemon
from tests.functional.event_source import KEY, publish
from tests.functional.shared import Shared

browser: Shared[Browser] = Shared(lambda: Browser().start())
daemon: Shared[Daemon] = Shared(
    lambda: Daemon(
        {
            "channels": {"api_key": KEY},
            "namespace": {"allow_subscribe": "anyone"},
            "namespace deal": {"allow_subscribe": "token"},
            "endpoint talk": {"url_channels": "yes"},
        }
    ).start()
)

TRANSPORTS = (
    "websocket",
    "xhr-streaming",
    "eventsource",
    "iframe-eventsource",
    "htmlfile",
    "iframe-htmlfile",
    "xhr-polling",
    "iframe-xhr-polling",
    "jsonp-polling",
)

#: Connects by one transport and keeps what it hears; resolves when it is open, with the transport.
LISTEN = """
new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = "/sockjs/sockjs.min.js";
  script.onerror = reject;
  script.onload = () => {
    window.heard = [];
    const live = new SockJS("/talk?" + %s, null, {transports: [%s]});
    live.onmessage = event => window.heard.push(event.data);
    live.onopen = () => resolve(live.transport);
    live.onclose = event => { window.ended = [event.code, event.reason]; };
  };
  document.documentElement.append(script);
})
"""


class URLChannelsTests(SynchronousTestCase):
    """One page each."""

    def setUp(self) -> None:
        """Have all that it needs."""
        need_client_library()
        self.daemon = daemon.get()

    def open(self, query: str, transport: str) -> tuple[Page, Any]:
        """Return a page that has connected, and by which transport.

        Close it before the next one: a browser has six connections to a server.
        """
        page = browser.get().open(f"{self.daemon.url}/live")
        return page, page.evaluate(LISTEN % (json.dumps(query), json.dumps(transport)))

    def test_page_hears_the_channels_that_it_names(self) -> None:
        """Bare data, and of no others."""
        for transport in TRANSPORTS:
            with self.subTest(transport):
                page, used = self.open("channel=news&channel=sport%3F", transport)
                self.assertEqual(transport, used)
                publish(self.daemon.port, "news", f"1 {transport}")
                publish(self.daemon.port, "other", f"2 {transport}")
                publish(self.daemon.port, "sport?", f"3 {transport}")
                page.wait_for("window.heard.length === 2")
                heard = page.evaluate("window.heard.map(each => JSON.parse(each))")
                self.assertEqual([f"1 {transport}", f"3 {transport}"], heard)
                page.close()

    def test_page_that_names_others_is_told(self) -> None:
        """With the close code and the sentence."""
        for transport in ("websocket", "xhr-streaming", "jsonp-polling"):
            with self.subTest(transport):
                page, _ = self.open("channel=deal:a", transport)
                self.assertEqual([4403, "'deal:a' is not for everybody"], page.wait_for("window.ended"))
                page.close()
