# -*- test-case-name: tests.functional.test_demo_chat -*-
"""The demo's chat, in several windows of a real Chromium."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import SkipTest

from tests.functional import need
from tests.functional.browser import PATIENCE, Page
from tests.functional.demo_site import WIDTHS, DemoTestCase, choose, reach
from tests.functional.redis_server import RedisServer

#: Where ``make venv`` puts centrifuge-js.
LIBRARY = Path(sys.prefix, "share", "centrifuge", "centrifuge.js")


def need_library() -> None:
    """Go on if centrifuge-js is there.

    :raises SkipTest: it is not.
    :raises AssertionError: the same, where ``CI`` is set: in CI nothing may be skipped.
    """
    if not LIBRARY.is_file():
        reason = "not installed: centrifuge-js (make venv fetches it with npm)"
        raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)


class ChatCase(DemoTestCase):
    """The page with rooms, and how a visitor uses it."""

    def setUp(self) -> None:
        """Need the library."""
        super().setUp()
        need_library()

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
        page.wait_for(
            f"document.querySelector('#lines li:last-child:not(.sending)')?.innerText.endsWith({json.dumps(line)})"
        )

    def people(self, page: Page) -> list[str]:
        """Return who is here."""
        found: list[str] = page.evaluate("[...document.querySelectorAll('#people li')].map(i => i.textContent)")
        return found

    def leave(self, page: Page) -> None:
        """Leave the room by keyboard."""
        reach(page, "Leave")
        page.press("Enter", 13, "\r")


class ChatTests(ChatCase):
    """The page with rooms."""

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
            page.wait_for("document.querySelectorAll('#people li').length === 2")
            self.assertEqual(self.people(page), ["<b>Bob</b> &amp;", "Ann"])
            spoken = ["Ann: Hello <img src=x onerror=alert(1)>", "<b>Bob</b> &amp;: Hello you"]
            self.assertEqual(self.lines(page)[-2:], spoken)
            live = "document.querySelector('#lines li').closest('[role=log]').getAttribute('aria-live')"
            self.assertEqual(page.evaluate(live), "polite")
        self.leave(bob)
        self.wait_for_line(ann, "<b>Bob</b> &amp; left")
        self.assertEqual(self.people(ann), ["Ann"])
        other.type("Is anybody here?")
        self.wait_for_line(other, "Is anybody here?")
        self.assertEqual(self.lines(other), ["You came in", "Cleo: Is anybody here?"])
        self.assert_quiet(ann, bob, other)

    def test_who_comes_later_sees_what_was_said(self) -> None:
        """Before the notice that one came in; also after everybody has left."""
        ann = self.enter("Ann", "tea")
        for text in ("One", "Two"):
            ann.type(text)
            self.wait_for_line(ann, text)
        self.leave(ann)
        bob = self.enter("Bob", "tea")
        self.assertEqual(self.lines(bob), ["Ann: One", "Ann: Two", "You came in"])
        self.assertEqual(self.people(bob), ["Bob"])

    def test_nothing_is_missing_over_any_transport(self) -> None:
        """Away on one, back on the next one: what was said meanwhile is there, once and in order."""
        ann, bob = self.enter("Ann", "tea"), self.enter("Bob", "tea")
        said: list[str] = []
        for value in [
            *ann.evaluate("[...document.getElementById('transport').options].map(o => o.value)"),
            "websocket",
        ]:
            with self.subTest(transport=value):
                ann.evaluate("document.getElementById('away').click()")
                ann.wait_for("document.getElementById('state').textContent === 'Away'")
                ann.evaluate(choose("transport", value))
                bob.type(f"Before {value}")
                self.wait_for_line(bob, f"Before {value}")
                ann.evaluate("document.getElementById('away').click()")
                self.wait_for_line(ann, f"Before {value}")
                name = value.split(" ")[-1]
                ann.wait_for(f"document.getElementById('state').textContent === 'Connected by {name}'")
                bob.type(f"Over {value}")
                self.wait_for_line(ann, f"Over {value}")
                said += [f"Bob: Before {value}", f"Bob: Over {value}"]
        self.assertEqual([line for line in self.lines(ann) if line.startswith("Bob: ")], said)
        # Nobody was told that she went: she was back within five seconds each time.
        self.assertEqual([line for line in self.lines(bob) if line.startswith("Ann")], [])
        self.assert_quiet(ann, bob)

    def test_words_are_sent_when_daemon_is_back(self) -> None:
        """By themselves, and once; that the history was in the daemon's memory is said."""
        ann, bob = self.enter("Ann", "tea"), self.enter("Bob", "tea")
        ann.type("Before")
        self.wait_for_line(bob, "Before")
        self.daemon.kill()
        for page in (ann, bob):
            page.wait_for("document.getElementById('state').dataset.state === 'wait'")
        ann.type("Is this thing on?")
        ann.wait_for("document.querySelector('.sending small')?.textContent === 'not sent yet'")
        self.daemon.start()
        for page in (ann, bob):
            # Somewhere: who comes back later than the other one is told of, too.
            page.wait_for("document.getElementById('lines').innerText.includes('Is this thing on?')")
            page.wait_for("!document.querySelector('.sending')")
            page.wait_for("document.querySelectorAll('#people li').length === 2")
            lines = self.lines(page)
            self.assertEqual([line for line in lines if ": " in line][:1], ["Ann: Before"])
            self.assertIn("The history began anew: what was said before is known to this window only", lines)
            self.assertEqual(lines.count("Ann: Is this thing on?"), 1)

    def test_window_that_is_loaded_again_is_in_its_room(self) -> None:
        """As who it was, without a notice to others; who follows its address finds the room in the form."""
        ann, bob = self.enter("Ann", "tea"), self.enter("Bob", "tea")
        self.wait_for_line(ann, "Bob came in")
        address = bob.evaluate("location.href")
        self.assertTrue(address.endswith("/rooms/#tea"))
        bob.command("Page.reload")
        bob.wait_for("document.readyState === 'complete' && !document.getElementById('inside').hidden")
        bob.wait_for("document.querySelectorAll('#people li').length === 2")
        self.assertEqual(self.people(bob), ["Ann", "Bob"])
        bob.type("Here again")
        self.wait_for_line(ann, "Here again")
        self.assertEqual(self.lines(ann)[-2:], ["Bob came in", "Bob: Here again"])
        guest = self.open(address)
        self.assertEqual(guest.evaluate("document.getElementById('room').value"), "tea")

    def test_two_of_the_same_name_are_told_apart(self) -> None:
        """By a number, where it matters."""
        ann = self.enter("Ann", "tea")
        self.assertEqual(self.people(ann), ["Ann"])
        self.enter("Ann", "tea")
        ann.wait_for("document.querySelectorAll('#people li').length === 2")
        for name in self.people(ann):
            self.assertRegex(name, r"^Ann [0-9a-f]{4}$")

    def test_what_is_wrong_with_a_room_is_explained(self) -> None:
        """Beside the form, which keeps what was typed and has the focus."""
        page = self.open_page("/rooms/#tea time")
        page.type("Ann")
        self.wait_for_line(page, "You came in")
        self.leave(page)
        page.evaluate("document.getElementById('room').value = 'tea time'")
        page.type("")
        page.wait_for("document.getElementById('join-error').textContent.includes('only the letters')")
        self.assertEqual(
            page.evaluate("[document.activeElement.id, document.activeElement.value]"), ["room", "tea time"]
        )
        self.assert_quiet(page)

    def test_room_fits_laptop_and_phone(self) -> None:
        """However long the words are."""
        page = self.enter("Ann" + "n" * 21, "r" * 24)
        page.type("x" * 500)
        page.wait_for("document.querySelector('#lines li:last-child p')?.textContent.startsWith('xxx')")
        for width in WIDTHS:
            page.screenshot(width)
            self.assertLessEqual(page.evaluate("document.documentElement.scrollWidth"), width)
            log = "document.getElementById('log')"
            self.assertLessEqual(page.evaluate(f"{log}.scrollWidth - {log}.clientWidth"), 0)


class RedisChatTests(ChatCase):
    """The same where the history is in Redis."""

    def configuration(self) -> dict[str, dict[str, object]]:
        """Return the demo's, on a Redis of this test."""
        need("redis-server")
        self.redis = RedisServer().start()
        self.addCleanup(self.redis.close)
        sections = super().configuration()
        sections["broker"]["url"] = self.redis.url
        return sections

    def publish_elsewhere(self, channel: str, data: str) -> None:
        """Publish as the page says."""
        with tempfile.NamedTemporaryFile("w", suffix=".ini") as file:
            file.write(self.daemon.configuration())
            file.flush()
            program = Path(sys.executable).with_name("sockjsd")
            subprocess.run([program, "publish", "--config", file.name, channel, data], check=True, timeout=PATIENCE)

    def test_nothing_is_missing_after_daemon_was_away(self) -> None:
        """Neither what another process sent meanwhile, nor what a visitor typed."""
        ann = self.enter("Ann", "tea")
        ann.wait_for("document.getElementById('broker').textContent.startsWith('The history is in Redis')")
        ann.type("Before")
        self.wait_for_line(ann, "Before")
        self.daemon.kill()
        ann.wait_for("document.getElementById('state').dataset.state === 'wait'")
        for number in range(3):
            data = json.dumps({"name": "cron", "text": f"Job {number} is done"})
            self.publish_elsewhere("room:tea", data)
        self.daemon.start()
        self.wait_for_line(ann, "Job 2 is done")
        self.assertEqual(
            self.lines(ann)[1:],
            [
                "Ann: Before",
                "You are back. This is what you missed:",
                *[f"cron: Job {number} is done" for number in range(3)],
            ],
        )
        late = self.enter("Bob", "tea")
        self.assertEqual(self.lines(late), ["Ann: Before", *self.lines(ann)[3:6], "You came in"])
