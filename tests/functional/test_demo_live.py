# -*- test-case-name: tests.functional.test_demo_live -*-
"""The demo's page with an EventSource, and the one that looks into the daemon, in a real Chromium."""

from __future__ import annotations

import json

from tests.functional.browser import Page
from tests.functional.demo_site import DemoTestCase, choose


class EventsTests(DemoTestCase):
    """The page with an EventSource."""

    def listen(self) -> Page:
        """Open the page and wait until it listens."""
        page = self.open_page("/streams/")
        self.wait_for_stream(page)
        return page

    def wait_for_stream(self, page: Page) -> None:
        """Wait until *page* says that it listens."""
        page.wait_for("document.getElementById('state').textContent === 'Connected by EventSource'")

    def publish(self, page: Page, channel: str, title: str) -> None:
        """Fill in the form and press Enter."""
        page.evaluate(choose("channel", channel))
        page.evaluate("document.getElementById('title').focus()")
        page.type(title)
        page.wait_for("document.activeElement.id === 'title' && document.activeElement.value === ''")

    def wait_for_events(self, page: Page, *events: str) -> None:
        """Wait until *page* shows these, and no other."""
        text = "item.querySelector('.tag').textContent + ': ' + item.querySelector('p').textContent"
        shown = f"[...document.querySelectorAll('#lines .event')].map(item => {text})"
        page.wait_for(f"JSON.stringify({shown}) === JSON.stringify({json.dumps(events)})")

    def test_channels_come_by_one_stream(self) -> None:
        """Headlines that look like mark-up stay text."""
        page, other = self.listen(), self.listen()
        self.publish(page, "weather", "It rains")
        self.publish(other, "news", "Tea <b>is</b> ready")
        for each in (page, other):
            self.wait_for_events(each, "weather: It rains", "news: Tea <b>is</b> ready")
        self.assertEqual(len([url for url in page.requests if "/events?" in url]), 1)
        self.assert_quiet(page, other)

    def test_what_was_missed_is_there_when_one_is_back(self) -> None:
        """By the id of the last event; a channel that is not chosen is not heard."""
        page, other = self.listen(), self.listen()
        self.publish(page, "news", "One")
        self.wait_for_events(page, "news: One")
        page.evaluate("document.getElementById('away').click()")
        self.publish(other, "news", "Two")
        self.publish(other, "weather", "It rains")
        page.evaluate("document.getElementById('away').click()")
        self.wait_for_stream(page)
        page.wait_for("document.querySelectorAll('#lines .event').length === 3")
        page.evaluate("document.querySelector('input[value=weather]').click()")
        self.wait_for_stream(page)
        self.publish(other, "weather", "Still")
        self.publish(other, "news", "Three")
        page.wait_for("document.querySelector('#lines .event:last-child p').textContent === 'Three'")
        self.assertNotIn("Still", page.evaluate("document.getElementById('lines').textContent"))
        self.assert_quiet(page, other)

    def test_page_says_when_it_cannot_know_what_it_misses(self) -> None:
        """Before the first event a script knows no id."""
        page, other = self.listen(), self.listen()
        page.evaluate("document.getElementById('away').click()")
        page.wait_for("document.getElementById('lines').textContent.includes('will not see what it misses')")
        self.publish(other, "news", "One")
        page.evaluate("document.getElementById('away').click()")
        self.wait_for_stream(page)
        self.publish(other, "news", "Two")
        self.wait_for_events(page, "news: Two")

    def test_reset_says_that_history_is_gone(self) -> None:
        """It was in the memory of a daemon that was started anew; what is published then is heard."""
        page = self.listen()
        self.publish(page, "news", "One")
        self.wait_for_events(page, "news: One")
        self.daemon.kill()
        page.wait_for("document.getElementById('state').dataset.state === 'wait'")
        self.daemon.start()
        page.wait_for("document.getElementById('lines').textContent.includes('reset: something on news was missed')")
        self.publish(page, "news", "Two")
        self.wait_for_events(page, "news: One", "news: Two")


class InsideTests(DemoTestCase):
    """The page that looks into the daemon."""

    def watch(self) -> Page:
        """Open the page and wait for the first numbers."""
        page = self.open_page("/inside/")
        page.wait_for("document.getElementById('state').textContent === 'Live, once a second'")
        return page

    def wait_for_number(self, page: Page, name: str, value: int) -> None:
        """Wait until *page* shows this number."""
        page.wait_for(f"document.getElementById('{name}').textContent === '{value}'")

    def test_connections_follow_windows(self) -> None:
        """Opened and closed; each transport has its bar, each endpoint its row."""
        page = self.watch()
        self.wait_for_number(page, "connections", 0)
        self.assertTrue(page.evaluate("document.getElementById('nobody').checkVisibility()"))
        news = [self.browser.open(self.daemon.url) for _ in range(2)]
        self.wait_for_number(page, "connections", 2)
        echo = self.browser.open(self.daemon.url + "/latency/")
        echo.evaluate(choose("transport", "xhr-streaming"))
        self.wait_for_number(page, "connections", 3)
        bars = "[...document.querySelectorAll('#transports li')].map(e => e.innerText.replace(/\\s+/, ' ')).join()"
        page.wait_for(f"{bars} === 'websocket 2,xhr_streaming 1'")
        rows = "Object.fromEntries([...document.getElementById('endpoints').rows].map(r => [r.cells[0], r.cells[1]]"
        sessions = page.evaluate(f"{rows}.map(cell => cell.textContent)))")
        self.assertEqual(
            {path: count for path, count in sessions.items() if count != "0"}, {"/news": "2", "/echo": "1"}
        )
        page.wait_for("Number(document.getElementById('in').textContent) > 0")
        for window in (*news, echo):
            window.close()
        self.wait_for_number(page, "connections", 0)
        self.wait_for_number(page, "sessions", 0)
        self.assertEqual(page.evaluate(bars), "")
        self.assert_quiet(page)

    def test_publications_are_counted_and_drawn(self) -> None:
        """How often something was published, and to how many it went."""
        page = self.watch()
        windows = [self.open(self.daemon.url) for _ in range(3)]
        for window in windows:
            self.wait_until_connected(window)
        windows[0].type("Tea")
        self.wait_for_number(page, "publications", 1)
        self.wait_for_number(page, "deliveries", 3)
        self.assertEqual(page.evaluate("document.getElementById('lost').textContent"), "0")
        for plot, lines in {"connections": 2, "messages": 2, "publications": 1}.items():
            page.wait_for(f"document.querySelectorAll('#{plot}-plot .line[d*=L]').length === {lines}")
        self.assert_quiet(page)

    def test_page_goes_on_when_daemon_is_back(self) -> None:
        """It says that there is no answer, asks again by itself, and starts from the new numbers."""
        page = self.watch()
        self.daemon.kill()
        page.wait_for("document.getElementById('problem-heading').innerText === 'The daemon does not answer'")
        self.assertFalse(page.evaluate("document.getElementById('numbers').checkVisibility()"))
        self.daemon.start()
        page.wait_for("document.getElementById('state').textContent === 'Live, once a second'")
        page.wait_for("document.getElementById('numbers').checkVisibility()")
        self.assertFalse(page.evaluate("document.getElementById('problem').checkVisibility()"))


class SwitchedOffTests(DemoTestCase):
    """The same page where the daemon tells nothing."""

    def configuration(self) -> dict[str, dict[str, object]]:
        """Return the demo's, without ``status``."""
        sections = super().configuration()
        sections["server"].pop("status")
        return sections

    def test_page_says_how_to_switch_it_on(self) -> None:
        """In words that can be copied into the file; and it fits a phone."""
        page = self.open_page("/inside/")
        page.wait_for("document.getElementById('state').textContent === 'Switched off'")
        self.assertEqual(page.evaluate("document.getElementById('problem-cure').innerText"), "[server]\nstatus = yes")
        page.screenshot(390)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
        self.assertEqual({error.rpartition(" ")[2] for error in page.errors}, {self.daemon.url + "/status"})
