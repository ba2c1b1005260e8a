# -*- test-case-name: tests.test_example -*-
"""The demo site in ``example/``, without a browser; ``tests.functional.test_demo`` has one."""

from __future__ import annotations

import os
import re
import runpy
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import load
from sockjsd.django import publishing
from tests.django.fakes import RecordingPublisher
from tests.django.settings import configure

configure()

from django.test import Client, override_settings  # noqa: E402  # Django has to be configured first

EXAMPLE = Path(__file__).resolve().parent.parent / "example"
SETTINGS = str(EXAMPLE / "demo" / "settings.py")
#: What cannot be changed once Django runs; the demo has no database, so the tests' own is not touched either.
FIXED = ("DATABASES",)
#: Where the pages are.
PAGES = ("/", "/streams/", "/rooms/", "/latency/", "/inside/")
#: The one that has a library of its own, beside sockjs-client.
CHAT = "/rooms/"
#: Files of that library, which is not ours.
LIBRARY = "/static/centrifuge/"


def demo_settings() -> dict[str, Any]:
    """Return the demo's settings as they are in its file."""
    return {name: value for name, value in runpy.run_path(SETTINGS).items() if name.isupper()}


class ExampleCase(SynchronousTestCase):
    """Django is the demo, and remembers what it publishes."""

    def setUp(self) -> None:
        """Make it so."""
        self.patch(sys, "path", [str(EXAMPLE), *sys.path])
        changed = {name: value for name, value in demo_settings().items() if name not in FIXED}
        override = override_settings(**changed)
        override.enable()
        self.addCleanup(override.disable)
        self.publisher = RecordingPublisher()
        publishing.install(self.publisher)
        self.addCleanup(publishing.uninstall)
        self.client = Client(enforce_csrf_checks=True, headers={"host": "127.0.0.1:8000", "accept": "text/html"})


class ExampleTests(ExampleCase):
    """The pages, as a browser without script gets them."""

    def get(self, path: str = "/") -> str:
        """Return a page."""
        answer = self.client.get(path)
        self.assertEqual(answer.status_code, 200)
        return str(answer.content, "utf-8")

    def post(self, title: str, **headers: str) -> Any:
        """Send the form of a page that is shown, and return the answer."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get())
        assert token is not None, "the form has no token"
        return self.client.post("/", {"title": title, "csrfmiddlewaretoken": token[1]}, headers=headers)

    def test_pages_let_only_their_own_scripts_run(self) -> None:
        """They carry the number that the policy names, which is another one each time."""
        for path in PAGES:
            with self.subTest(path=path):
                answer = self.client.get(path)
                nonces = re.findall(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
                self.assertEqual(len(set(nonces)), 1)
                tags = re.findall(r"<(?:script|style|link rel=.stylesheet.)[^>]*>", answer.content.decode())
                self.assertEqual(len(tags), 4 if path == CHAT else 3)
                self.assertEqual([tag for tag in tags if f'nonce="{nonces[0]}"' not in tag], [])
                self.assertNotIn(nonces[0], self.get(path))

    def test_pages_cannot_be_framed(self) -> None:
        """A frame could be clicked by somebody else's page."""
        for path in PAGES:
            headers = self.client.get(path).headers
            self.assertEqual(headers["X-Frame-Options"], "DENY")
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])

    def test_pages_with_forms_are_not_kept(self) -> None:
        """An old copy has an old token."""
        for path in PAGES:
            answer = self.client.get(path)
            kept = "no-store" not in answer.headers.get("Cache-Control", "")
            self.assertEqual(kept, b"csrfmiddlewaretoken" not in answer.content, path)

    def test_pages_have_nothing_inline(self) -> None:
        """No script and no style stands in them, so a policy without any nonce for such would do as well."""
        for path in PAGES:
            self.assertEqual(re.findall(r"<script[^>]*>[^<]|<style|\son\w+=|\sstyle=", self.get(path)), [], path)

    def test_pages_lead_to_each_other(self) -> None:
        """Each has the same navigation, in which it is the current one."""
        for path in PAGES:
            found = re.findall(r'<li><a href="([^"]+)"( aria-current="page")?>', self.get(path))
            self.assertEqual(found, [(each, ' aria-current="page"' if each == path else "") for each in PAGES])

    def test_no_endpoint_hides_a_page(self) -> None:
        """All that begins with an endpoint's prefix is the endpoint's, and its 404 would be all one sees."""
        demo = load(str(EXAMPLE.parent / "conf" / "site.ini"), {})
        prefixes = [*(each.prefix for each in demo.endpoints.values()), *demo.channels.paths]
        taken = [
            path for path in PAGES for prefix in prefixes if path.rstrip("/") == prefix or path.startswith(f"{prefix}/")
        ]
        self.assertEqual(taken, [])

    def test_static_files_are_asked_for_again_each_time(self) -> None:
        """All that a page names, or one of its scripts, is there, and an unchanged one costs a 304."""
        files = {url for path in PAGES for url in re.findall(r'"(/static/[^"]+)"', self.get(path))}
        files = {url for url in files if not url.startswith(LIBRARY)}
        scripts = [(EXAMPLE / "demo" / url.lstrip("/")).read_text("utf-8") for url in files if url.endswith(".js")]
        files |= {f"/static/demo/{name}" for text in scripts for name in re.findall(r' from "\./([^"]+)"', text)}
        self.assertEqual(files, {f"/static/demo/{each.name}" for each in (EXAMPLE / "demo/static/demo").iterdir()})
        for url in files:
            answer = self.client.get(url)
            answer.close()
            self.assertEqual((answer.status_code, answer.headers["Cache-Control"]), (200, "max-age=0, public"), url)
            again = self.client.get(url, headers={"if-modified-since": answer.headers["Last-Modified"]})
            self.assertEqual(again.status_code, 304)

    def test_static_files_are_read_by_our_own_pages_only(self) -> None:
        """No CORS header; and scripts and sheets say what they are."""
        for name, kind in {"publish.js": "text/javascript", "style.css": "text/css"}.items():
            answer = self.client.get(f"/static/demo/{name}")
            answer.close()
            self.assertEqual(answer.headers["Content-Type"], f'{kind}; charset="utf-8"')
            self.assertNotIn("Access-Control-Allow-Origin", answer.headers)

    def test_pages_ask_nothing_from_elsewhere(self) -> None:
        """No URL in them, their scripts or sheets has a host, but for the name that SVG gives to itself."""
        texts = [self.get(path) for path in PAGES]
        texts += [each.read_text("utf-8") for each in (EXAMPLE / "demo/static/demo").iterdir()]
        found = {url for text in texts for url in re.findall(r"(?:https?:)?//\w[^'\"\s]+", text)}
        self.assertEqual(found, {"http://www.w3.org/2000/svg"})

    def test_form_publishes(self) -> None:
        """The headline goes out, and the page says so once."""
        answer = self.post("  Tea & “cake”  ")
        self.assertEqual((answer.status_code, answer.headers["Location"]), (302, "/"))
        self.assertEqual(self.publisher.sent, [("news", '{"title":"Tea & “cake”"}')])
        self.assertIn('<p class="done" role="status">Published.</p>', self.get())
        self.assertNotIn("Published.", self.get())

    def test_headline_goes_where_it_is_meant_for(self) -> None:
        """To one of the channels that the demo has, and no other."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get("/streams/"))
        assert token is not None, "the form has no token"
        self.assertIn("<option>weather</option>", self.get("/streams/"))
        for channel, status in {"weather": 204, "room:lobby": 400}.items():
            fields = {"title": "It rains", "channel": channel, "csrfmiddlewaretoken": token[1]}
            self.assertEqual(self.client.post("/", fields, headers={"accept": "text/plain"}).status_code, status)
        self.assertEqual(self.publisher.sent, [("weather", '{"title":"It rains"}')])

    def test_script_gets_no_page(self) -> None:
        """It asks for plain text."""
        answer = self.post("Tea", accept="text/plain")
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        self.assertEqual(self.publisher.sent, [("news", '{"title":"Tea"}')])
        self.assertNotIn("Published.", self.get())

    def test_form_explains_what_is_wrong(self) -> None:
        """What was typed stays; the message is tied to the field."""
        answer = self.post("x" * 121)
        self.assertEqual(answer.status_code, 400)
        page = answer.content.decode()
        self.assertIn('<p id="id_title_error" class="error" aria-live="polite">Ensure this value has at most 120', page)
        field = re.search(r'<input type="text"[^>]*>', page)
        assert field is not None
        for attribute in ('aria-invalid="true"', 'aria-describedby="id_title_error"', f'value="{"x" * 121}"'):
            self.assertIn(attribute, field[0])
        self.assertEqual(self.publisher.sent, [])

    def test_script_gets_explanation_alone(self) -> None:
        """As one sentence of plain text."""
        answer = self.post(" ", accept="text/plain")
        self.assertEqual((answer.status_code, answer.content), (400, b"Write a headline first."))
        self.assertEqual(self.publisher.sent, [])

    def test_form_without_token_is_refused(self) -> None:
        """Another site's page cannot publish in a visitor's name."""
        self.get()
        with self.assertLogs("django.security.csrf", "WARNING"):
            self.assertEqual(self.client.post("/", {"title": "Tea"}).status_code, 403)
        self.assertEqual(self.publisher.sent, [])

    def test_foreign_host_is_refused(self) -> None:
        """A name that leads here by accident or on purpose (DNS rebinding)."""
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            self.assertEqual(self.client.get("/", headers={"host": "demo.example.com"}).status_code, 400)


class SettingsTests(SynchronousTestCase):
    """What anybody who copies the file would copy with it."""

    def test_key_comes_from_environment(self) -> None:
        """Where it is given."""
        self.patch(os, "environ", {"DEMO_SECRET_KEY": "of my own"})
        self.assertEqual(demo_settings()["SECRET_KEY"], "of my own")

    def test_defaults_are_safe(self) -> None:
        """No pages with tracebacks, no names but the loopback interface's, no cookie for scripts."""
        found = demo_settings()
        self.assertFalse(found["DEBUG"])
        self.assertEqual(found["ALLOWED_HOSTS"], ["127.0.0.1", "localhost", "[::1]"])
        self.assertTrue(found["CSRF_COOKIE_HTTPONLY"])

    def test_no_database_is_needed(self) -> None:
        """Nothing to migrate before the first start."""
        self.assertEqual(demo_settings()["DATABASES"], {})
