# -*- test-case-name: tests.functional.test_demo -*-
"""The site in ``example/`` with ``conf/site.ini``, as a visitor sees it in a real Chromium: page by page."""

from __future__ import annotations

import json
from itertools import product

from tests.functional.browser import Page
from tests.functional.demo_site import NAME, WIDTHS, DemoTestCase, choose, reach, tab

#: Where each page is, and the words above it.
PAGES = {"/": "Publish", "/streams/": "Events", "/rooms/": "Chat", "/latency/": "Echo", "/inside/": "Inside"}
#: What can be touched and is lower than a finger needs.
SMALL = (
    "[...document.querySelectorAll('nav a, input:not([type=hidden], [type=checkbox]), label:has([type=checkbox]),"
    " select, button')]"
    ".filter(e => e.checkVisibility() && e.offsetHeight < 40).map(e => e.outerHTML)"
)
#: What Tab has to lead to, in this order.
REACHABLE = (
    "[...document.querySelectorAll('a, button, input:not([type=hidden]), select, [tabindex=\"0\"]')]"
    ".filter(e => e.checkVisibility() && !e.disabled)"
)
#: What can be chosen on the page Echo: value and name.
OPTIONS = "[...document.getElementById('transport').options].map(option => [option.value, option.text])"


class EveryPageTests(DemoTestCase):
    """What all pages have in common."""

    def test_pages_fit_laptop_and_phone(self) -> None:
        """Light and dark: nothing is wider than the window, and what is touched is at least 40 high."""
        for path, heading in PAGES.items():
            page = self.open_page(path)
            self.assertEqual(page.evaluate("document.querySelector('h1').textContent"), heading)
            for width, dark in product(WIDTHS, (False, True)):
                with self.subTest(path=path, width=width, dark=dark):
                    page.screenshot(width, dark)
                    self.assertEqual(page.evaluate("innerWidth"), width)
                    self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
                    self.assertEqual(page.evaluate(SMALL), [])
            self.assert_quiet(page)

    def test_pages_are_reached_by_keyboard(self) -> None:
        """Tab leads over a way to skip the navigation to each page's name, and Enter opens it."""
        for path, heading in PAGES.items():
            page = self.open_page("/")
            tab(page)
            reach(page, "Skip to the content")
            reach(page, heading)
            page.press("Enter", 13, "\r")
            page.wait_for(f"location.pathname === {path!r}")
            page.wait_for("document.readyState === 'complete'")
            current = page.evaluate("document.querySelector('nav [aria-current=page]').textContent")
            self.assertEqual(current, heading)

    def test_everything_that_works_by_mouse_can_have_the_focus(self) -> None:
        """Tab goes once through all links, fields and buttons that can be seen, in their order."""
        for path in PAGES:
            with self.subTest(path=path):
                page = self.open_page(path)
                tab(page)
                self.assertEqual(tab(page), page.evaluate(f"{REACHABLE}.map({NAME})"))


class PublishTests(DemoTestCase):
    """The page that publishes and listens."""

    def open_demo(self) -> Page:
        """Open the demo and wait until it listens."""
        page = self.open_page("/")
        self.wait_until_connected(page)
        return page

    def publish(self, page: Page, title: str) -> None:
        """Fill in the form and press Enter; nobody has to click first, because the focus is there."""
        page.type(title)
        page.wait_for("document.activeElement.name === 'title' && document.activeElement.value === ''")

    def wait_for_news(self, page: Page, *titles: str) -> None:
        """Wait until *page* shows these headlines, the newest first."""
        shown = "[...document.querySelectorAll('#news li')].map(item => item.firstChild.data)"
        page.wait_for(f"JSON.stringify({shown}) === JSON.stringify({json.dumps(titles)})")

    def test_headline_appears_in_both_windows(self) -> None:
        """Published in one by keyboard alone; nothing is red in a console, nothing is asked from elsewhere."""
        first, second = self.open_demo(), self.open_demo()
        self.publish(first, "Tea <b>is</b> ready & “hot”")
        self.publish(second, "Coffee: 100%")
        for page in (first, second):
            self.wait_for_news(page, "Coffee: 100%", "Tea <b>is</b> ready & “hot”")
            self.assertEqual(page.errors, [])
            own = tuple(f"{scheme}{self.daemon.url.removeprefix('http:')}/" for scheme in ("http:", "ws:"))
            self.assertEqual([url for url in page.requests if not url.startswith((*own, "data:"))], [])

    def test_headline_moves_only_for_those_who_want_motion(self) -> None:
        """A new one lights up, unless the visitor's system asks for less; screen readers read it out in any case."""
        page = self.open_demo()
        self.publish(page, "Tea")
        for wish, animation in {"no-preference": "new", "reduce": "none"}.items():
            page.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": wish}])
            page.wait_for(f"getComputedStyle(document.querySelector('#news li')).animationName === '{animation}'")
        live = "document.querySelector('#news li').closest('[role=log]').getAttribute('aria-live')"
        self.assertEqual(page.evaluate(live), "polite")

    def test_empty_headline_is_explained(self) -> None:
        """Beside the field, which keeps the focus."""
        page = self.open_demo()
        page.type("  ")
        page.wait_for("document.getElementById('id_title_error').textContent === 'Write a headline first.'")
        self.assertEqual(page.evaluate("document.activeElement.getAttribute('aria-invalid')"), "true")
        self.assertEqual(page.errors, [])

    def test_page_comes_back_when_daemon_does(self) -> None:
        """It says that the connection is lost, and tries again by itself."""
        page = self.open_demo()
        self.daemon.kill()
        page.wait_for("document.getElementById('state').dataset.state === 'wait'")
        self.daemon.start()
        self.wait_until_connected(page)
        self.publish(page, "Here again")
        self.wait_for_news(page, "Here again")

    def test_page_fits_phone(self) -> None:
        """Nothing is wider than 390 pixels, and what is touched is at least 40 high."""
        page = self.open_demo()
        self.publish(page, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnung " + "x" * 40)
        page.wait_for("document.querySelector('#news li') !== null")
        page.screenshot(390)
        self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), 390)
        heights = page.evaluate(
            "[...document.querySelectorAll('main input:not([type=hidden]), button')].map(e => e.offsetHeight)"
        )
        self.assertGreaterEqual(min(heights), 40)

    def test_form_works_without_script(self) -> None:
        """It is an ordinary form then, answered by a page that says what happened; other windows are told."""
        listening = self.open_demo()
        plain = self.browser.open_blank()
        self.addCleanup(plain.close)
        plain.command("Emulation.setScriptExecutionDisabled", value=True)
        plain.load(self.daemon.url)
        plain.type("By hand")
        self.wait_for_news(listening, "By hand")
        plain.wait_for("document.querySelector('.done')?.textContent === 'Published.'")
        self.assertEqual(plain.errors, [])


class EchoTests(DemoTestCase):
    """The page that measures."""

    def configuration(self) -> dict[str, dict[str, object]]:
        """Return the demo's, with an echo that answers every poll within a second."""
        sections = super().configuration()
        sections["endpoint echo"]["heartbeat"] = 1
        return sections

    def measured(self, page: Page, transport: str) -> dict[str, float]:
        """Wait until *page* has measured *transport* 20 times, and return its row of the comparison."""
        rows = "[...document.getElementById('compared').rows].map(r => [...r.cells].map(c => c.textContent))"
        found = page.wait_for(f"{rows}.find(row => row[0] === {json.dumps(transport)} && row[2] >= 20)")
        return dict(
            zip(("sent", "received", "p50", "p99"), (float(text.replace(",", "")) for text in found[1:]), strict=True)
        )

    def test_latency_is_shown_over_each_transport(self) -> None:
        """All that can be chosen connect, under their own names, and every answer is timed."""
        page = self.open_page("/latency/")
        for value, name in page.evaluate(OPTIONS):
            with self.subTest(transport=name):
                page.evaluate(choose("transport", value))
                result = self.measured(page, name)
                self.assertGreater(result["p50"], 0)
                self.assertGreaterEqual(result["p99"], result["p50"])
                self.assertGreaterEqual(result["sent"], result["received"])
                connected = page.evaluate("document.getElementById('state').textContent")
                self.assertEqual(connected, f"Connected by {name}")
                self.assertEqual(page.evaluate("document.querySelector('.chosen th').textContent"), name)
        self.assert_quiet(page)

    def test_answer_to_a_poll_that_was_left_breaks_nothing(self) -> None:
        """A JSONP request cannot be called back: its answer comes when another transport is chosen already."""
        page = self.open_page("/latency/")
        page.evaluate(choose("transport", "jsonp-polling"))
        self.measured(page, "jsonp-polling")
        page.evaluate("document.getElementById('pause').click()")
        page.wait_for("document.getElementById('waiting').textContent === '0'")
        page.evaluate("document.getElementById('pause').click()")
        page.evaluate(choose("transport", "raw"))
        page.wait_for("Number(document.querySelector('.chosen td:nth-of-type(2)').textContent) > 60")  # three seconds
        self.assert_quiet(page)

    def test_transport_is_chosen_by_keyboard(self) -> None:
        """Tab leads to the list, an arrow to the next one; the plot and the sentence for who does not see it follow."""
        page = self.open_page("/latency/")
        self.measured(page, "websocket")
        reach(page, "Transport")
        page.press("ArrowDown", 40)
        self.measured(page, "xhr-streaming")
        page.wait_for("document.querySelector('#plot .first').getAttribute('d').split('L').length >= 20")
        page.wait_for("document.querySelectorAll('#plot .mark').length === 2")
        self.assertRegex(
            page.evaluate("document.getElementById('said').textContent"),
            r"websocket: \d+ of \d+ messages came back, half of them within [\d.,]+ ms, 99 % within [\d.,]+ ms\.",
        )
        self.assert_quiet(page)

    def test_pause_stops_and_goes_on(self) -> None:
        """By keyboard; while paused everything that was sent comes back, and no more is sent."""
        page = self.open_page("/latency/")
        self.measured(page, "websocket")
        reach(page, "Pause")
        page.press("Enter", 13, "\r")
        page.wait_for("document.activeElement.textContent === 'Go on'")  # until then another one may be sent
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # and is painted
        page.wait_for("document.getElementById('waiting').textContent === '0'")
        counts = "['sent', 'received'].map(id => Number(document.getElementById(id).textContent))"
        sent, received = page.evaluate(counts)
        self.assertEqual(sent, received)
        page.evaluate("new Promise(resolve => setTimeout(resolve, 500))")
        self.assertEqual(page.evaluate(counts), [sent, sent])
        self.assertEqual(page.evaluate("document.activeElement.textContent"), "Go on")
        page.press("Enter", 13, "\r")
        page.wait_for(f"{counts}[1] > {sent}")

    def test_measuring_goes_on_when_daemon_is_back(self) -> None:
        """What was on the way is given up, and not counted as received."""
        page = self.open_page("/latency/")
        before = self.measured(page, "websocket")
        self.daemon.kill()
        page.wait_for("document.getElementById('state').dataset.state === 'wait'")
        self.daemon.start()
        self.wait_until_connected(page)
        page.wait_for(f"Number(document.getElementById('received').textContent) > {before['received'] + 20}")

    def test_starting_over_forgets_all_results(self) -> None:
        """Only what is chosen is measured anew."""
        page = self.open_page("/latency/")
        self.measured(page, "websocket")
        page.evaluate(choose("transport", "raw"))
        self.measured(page, "plain WebSocket")
        page.evaluate("document.getElementById('reset').click()")
        page.wait_for("document.getElementById('compared').rows.length === 1")
        self.measured(page, "plain WebSocket")
