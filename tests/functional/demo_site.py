"""The demo for functional tests: a daemon with ``conf/site.ini`` that serves ``example/``, and a visitor's keyboard."""

from __future__ import annotations

import json
from configparser import ConfigParser

from tests.functional.browser import Page
from tests.functional.daemon import ROOT, Daemon
from tests.functional.test_browser import BrowserTests

#: CSS pixels: a laptop and a phone.
WIDTHS = (1280, 390)
#: What something that can have the focus is called.
NAME = "(e => e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText.trim())"


def demo_configuration() -> dict[str, dict[str, object]]:
    """Return the sections of ``conf/site.ini``, without where it listens, and with an absolute path."""
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "conf" / "site.ini")
    sections: dict[str, dict[str, object]] = {name: dict(parser[name]) for name in parser.sections()}
    sections["server"].pop("listen")
    sections["site"]["python_path"] = ROOT / "example"
    return sections


class DemoTestCase(BrowserTests):
    """A daemon of each test's own."""

    def setUp(self) -> None:
        """Start it."""
        super().setUp()
        self.daemon = Daemon(self.configuration())
        self.addCleanup(self.daemon.close)
        self.daemon.start()

    def configuration(self) -> dict[str, dict[str, object]]:
        """Return the demo's."""
        return demo_configuration()

    def open_page(self, path: str) -> Page:
        """Open a page and wait until its script runs."""
        page = self.open(self.daemon.url + path)
        page.wait_for("document.getElementById('state').textContent !== ''")
        return page

    def wait_until_connected(self, page: Page) -> None:
        """Wait until *page* says so."""
        page.wait_for("document.getElementById('state').textContent === 'Connected by websocket'")

    def assert_quiet(self, *pages: Page) -> None:
        """Nothing is red in a console, nothing was asked from elsewhere."""
        own = tuple(f"{scheme}{self.daemon.url.removeprefix('http:')}/" for scheme in ("http:", "ws:"))
        for page in pages:
            self.assertEqual(page.errors, [])
            self.assertEqual([url for url in page.requests if not url.startswith((*own, "data:", "about:"))], [])


def tab(page: Page) -> list[str]:
    """Press Tab until the focus leaves the page, and return the names of what had it; the next Tab is the first."""
    found: list[str] = []
    while True:
        page.press("Tab", 9)
        if page.evaluate("document.activeElement === document.body"):
            return found
        found.append(page.evaluate(f"{NAME}(document.activeElement)"))
        if len(found) > 100:
            raise AssertionError(f"Tab goes round and round: {found}")


def reach(page: Page, name: str) -> None:
    """Press Tab until what is called *name* has the focus."""
    for _ in range(100):
        page.press("Tab", 9)
        if page.evaluate(f"{NAME}(document.activeElement)") == name:
            return
    raise AssertionError(f"Tab does not lead to {name!r}")


def choose(name: str, value: str) -> str:
    """Return the script that chooses *value* in the list *name*, as a visitor does."""
    return (
        f"document.getElementById({json.dumps(name)}).value = {json.dumps(value)};"
        f"document.getElementById({json.dumps(name)}).dispatchEvent(new Event('change'))"
    )
