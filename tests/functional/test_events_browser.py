# -*- test-case-name: tests.functional.test_events_browser -*-
"""The EventSource of a real Chromium: it comes back by itself, and misses nothing."""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.functional.browser import Browser, Page
from tests.functional.daemon import Daemon
from tests.functional.event_source import make_daemon, publish
from tests.functional.redis_server import RedisServer, redis_is_installed
from tests.functional.shared import Shared
from tests.functional.sockjs_client import ask, wait_until

browser: Shared[Browser] = Shared(lambda: Browser().start())

#: Listens to channels, and keeps what it hears; resolves when the stream is open.
LISTEN = """
new Promise(resolve => {
  window.heard = [];
  window.opened = 0;
  const channels = %s;
  window.source = new EventSource("/events?" + channels.map(each => "channel=" + encodeURIComponent(each)).join("&"));
  for (const name of [...channels, "reset"])
    window.source.addEventListener(name, event => window.heard.push([name, JSON.parse(event.data)]));
  window.source.onopen = () => { window.opened += 1; resolve(true); };
})
"""


class ChromiumTests(SynchronousTestCase):
    """One page, two daemons, one Redis."""

    def setUp(self) -> None:
        """Have all of them."""
        if not redis_is_installed():
            raise SkipTest("redis-server is not installed")
        self.redis = RedisServer()
        self.addCleanup(self.redis.close)
        self.redis.start()
        self.daemon, self.other = self.start(), self.start()

    def start(self) -> Daemon:
        """Start a daemon and wait for its Redis."""
        daemon = make_daemon(self.redis.url)
        self.addCleanup(daemon.close)
        daemon.start()
        wait_until(lambda: b'"connected": true' in ask(daemon.port, "GET", "/ready").body, "Redis")
        return daemon

    def listen(self, *channels: str) -> Page:
        """Open a page of the daemon that listens."""
        page = browser.get().open(f"{self.daemon.url}/live")
        self.addCleanup(page.close)
        page.evaluate(LISTEN % json.dumps(channels))
        return page

    def assert_heard(self, page: Page, *expected: list[Any]) -> None:
        """The page hears *expected*, and nothing else."""
        page.wait_for(f"window.heard.length >= {len(expected)}")
        self.assertEqual(list(expected), page.evaluate("window.heard"))

    def test_events_are_called_after_their_channels(self) -> None:
        """With what was published as it was."""
        page = self.listen("kept:a", "news")
        publish(self.daemon.port, "kept:a", {"text": "ä€😀\n\"'<"}, [1, 2.5, None])
        publish(self.daemon.port, "news", "plain")
        self.assert_heard(page, ["kept:a", {"text": "ä€😀\n\"'<"}], ["kept:a", [1, 2.5, None]], ["news", "plain"])

    def test_page_misses_nothing_while_the_daemon_is_dead(self) -> None:
        """It comes back with the id of the last event."""
        page = self.listen("kept:a", "kept:b")
        publish(self.other.port, "kept:a", 1)
        self.assert_heard(page, ["kept:a", 1])
        self.daemon.kill()
        publish(self.other.port, "kept:a", 2)
        publish(self.other.port, "kept:b", 3)
        self.daemon.start()
        page.wait_for("window.opened === 2")
        publish(self.other.port, "kept:b", 4)
        self.assert_heard(page, ["kept:a", 1], ["kept:a", 2], ["kept:b", 3], ["kept:b", 4])

    def test_page_that_has_heard_nothing_misses_nothing(self) -> None:
        """The id that a stream begins with counts, though there is no event with it."""
        page = self.listen("kept:a")
        # A page hears of a head before it hears of what stands behind it, and of an id alone it hears nothing at all:
        # another answer of the same daemon, later than that id, has passed through the same browser.
        page.evaluate("fetch('/live', {cache: 'no-store'}).then(answer => answer.text())")
        self.daemon.kill()
        publish(self.other.port, "kept:a", 1)
        self.daemon.start()
        self.assert_heard(page, ["kept:a", 1])

    def test_page_comes_back_after_a_stop(self) -> None:
        """A daemon that stops ends the answer, which an EventSource takes as a reason to try again."""
        page = self.listen("kept:a")
        publish(self.daemon.port, "kept:a", 1)
        self.assert_heard(page, ["kept:a", 1])
        self.assertEqual(0, self.daemon.stop())
        publish(self.other.port, "kept:a", 2)
        self.daemon.start()
        self.assert_heard(page, ["kept:a", 1], ["kept:a", 2])

    def test_page_is_told_when_something_is_missing(self) -> None:
        """Once, and then it goes on."""
        page = self.listen("kept:a")
        publish(self.daemon.port, "kept:a", 1)
        self.assert_heard(page, ["kept:a", 1])
        self.redis.kill()
        self.redis.start()
        reset = ["reset", {"channel": "kept:a"}]
        self.assert_heard(page, ["kept:a", 1], reset)
        publish(self.daemon.port, "kept:a", 2)
        self.assert_heard(page, ["kept:a", 1], reset, ["kept:a", 2])
        self.assertEqual(1, page.evaluate("window.opened"))

    def test_refused_page_tries_no_more(self) -> None:
        """What is wrong with a URL does not go away."""
        page = browser.get().open(f"{self.daemon.url}/live")
        self.addCleanup(page.close)
        script = """new Promise(resolve => {
          const source = new EventSource("/events?channel=unknown:a");
          source.onerror = () => resolve(source.readyState === EventSource.CLOSED);
        })"""
        self.assertTrue(page.evaluate(script))
