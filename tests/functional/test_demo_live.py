# -*- test-case-name: tests.functional.test_demo_live -*-
"""The demo's chat, and its page that looks into the daemon, in several windows of a real Chromium."""

from __future__ import annotations

import json

from tests.functional.browser import Page
from tests.functional.demo_site import WIDTHS, DemoTestCase, choose, reach


class ChatTests(DemoTestCase):
    """The page with rooms."""

    def enter(self, name: str, room: str) -> Page:
        """Open the page and enter *room*, by keyboard alone; the focus is in the field for the name."""
        page = self.open_page("/rooms/")
        page.evaluate("document.getElementById('room').value = ''")
        page.command("Input.insertText", text=name)
        reach(page, "Room")
        page.type(room)
        self.wait_for_line(page, "You came in")
        self.assertEqual(page.evaluate("document.activeElement.id"), "line")
        return page

    def lines(self, page: Page) -> list[str]:
        """Return what the log shows, without the time."""
        found: list[str] = page.evaluate(
            "[...document.querySelectorAll('#lines li')].map(item => item.className === 'notice' ? item.textContent"
            " : item.querySelector('b').textContent + ': ' + item.querySelector('p').textContent)"
        )
        return found

    def wait_for_line(self, page: Page, line: str) -> None:
        """Wait until the last line of the log is this."""
        page.wait_for(f"document.querySelector('#lines li:last-child')?.innerText.endsWith({json.dumps(line)})")

    def people(self, page: Page) -> list[str]:
        """Return who is here."""
        found: list[str] = page.evaluate("[...document.querySelectorAll('#people li')].map(i => i.textContent)")
        return found

    def test_room_talks_and_another_hears_nothing(self) -> None:
        """Notices, names that look like mark-up, who is here; Enter sends."""
        other = self.enter("Cleo", "coffee")
        ann = self.enter("Ann", "tea")
        bob = self.enter("<b>Bob</b> &amp;", "TEA")
        self.wait_for_line(ann, "<b>Bob</b> &amp; came in")
        ann.type("Hello <img src=x onerror=alert(1)>")
        self.wait_for_line(bob, "Hello <img src=x onerror=alert(1)>")
        bob.type("Hello you")
        self.wait_for_line(ann, "Hello you")
        for page in (ann, bob):
            self.assertEqual(self.people(page), ["<b>Bob</b> &amp;", "Ann"])
            spoken = ["Ann: Hello <img src=x onerror=alert(1)>", "<b>Bob</b> &amp;: Hello you"]
            self.assertEqual(self.lines(page)[-2:], spoken)
            live = "document.querySelector('#lines li').closest('[role=log]').getAttribute('aria-live')"
            self.assertEqual(page.evaluate(live), "polite")
        reach(bob, "Leave")
        bob.press("Enter", 13, "\r")
        self.wait_for_line(ann, "<b>Bob</b> &amp; left")
        self.assertEqual(self.people(ann), ["Ann"])
        other.type("Is anybody here?")
        self.wait_for_line(other, "Is anybody here?")
        self.assertEqual(self.lines(other), ["You came in", "Cleo: Is anybody here?"])
        self.assert_quiet(ann, bob, other)

    def test_window_keeps_room_and_name_when_daemon_comes_back(self) -> None:
        """By itself; what is typed meanwhile is not lost, and can be sent then."""
        ann, bob = self.enter("Ann", "tea"), self.enter("Bob", "tea")
        self.daemon.kill()
        for page in (ann, bob):
            page.wait_for("document.getElementById('state').dataset.state === 'wait'")
        ann.type("Is this thing on?")
        ann.wait_for("document.getElementById('say-error').textContent.includes('no connection')")
        self.daemon.start()
        for page in (ann, bob):
            page.wait_for("document.getElementById('lines').textContent.includes('You are back')")
            page.wait_for("document.querySelectorAll('#people li').length === 2")
        ann.press("Enter", 13, "\r")
        self.wait_for_line(bob, "Is this thing on?")
        self.assertEqual(self.lines(bob)[-1], "Ann: Is this thing on?")

    def test_window_that_is_loaded_again_is_in_its_room(self) -> None:
        """Under its name, without a notice to others; who follows its address finds the room in the form."""
        ann, bob = self.enter("Ann", "tea"), self.enter("Bob", "tea")
        self.wait_for_line(ann, "Bob came in")
        address = bob.evaluate("location.href")
        self.assertTrue(address.endswith("/rooms/#tea"))
        bob.command("Page.reload")
        bob.wait_for("document.readyState === 'complete' && !document.getElementById('inside').hidden")
        self.assertEqual(self.people(bob), ["Ann", "Bob"])
        guest = self.open(address)
        self.assertEqual(guest.evaluate("document.getElementById('room').value"), "tea")

    def test_name_that_is_taken_is_explained(self) -> None:
        """Beside the form, which keeps what was typed and has the focus; another name will do."""
        self.enter("Ann", "tea")
        page = self.open_page("/rooms/#tea")
        page.type("ann")
        page.wait_for("document.getElementById('join-error').textContent === 'Somebody here has this name already.'")
        self.assertEqual(page.evaluate("[document.activeElement.id, document.activeElement.value]"), ["name", "ann"])
        page.type("a")
        self.wait_for_line(page, "You came in")
        self.assertEqual(self.people(page), ["Ann", "anna"])
        self.assert_quiet(page)

    def test_room_fits_laptop_and_phone(self) -> None:
        """However long the words are."""
        page = self.enter("Ann" + "n" * 21, "r" * 24)
        page.type("x" * 500)
        self.wait_for_line(page, "xxx")
        for width in WIDTHS:
            page.screenshot(width)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
            log = "document.getElementById('log')"
            self.assertLessEqual(page.evaluate(f"{log}.scrollWidth - {log}.clientWidth"), 0)


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
        self.assertEqual(sessions, {"/events": "2", "/echo": "1", "/chat": "0"})
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
