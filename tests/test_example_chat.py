# -*- test-case-name: tests.test_example_chat -*-
"""The demo's chat: what may be said, and by whom; who hears it is the daemon's business."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from sockjsd.clients.tokens import Tokens
from sockjsd.config import Channels
from sockjsd.django import tokens
from sockjsd.errors import BrokerUnavailable
from tests.test_example import ExampleCase

SECRET = "for these tests, and long enough for a warning not to come"
KEY = "0123456789abcdef" * 2


class ChatCase(ExampleCase):
    """Somebody has the page open."""

    def setUp(self) -> None:
        """Get the page, for its token."""
        super().setUp()
        tokens.install(Channels(token_hmac_secret=SECRET))
        self.addCleanup(tokens.uninstall)
        page = self.client.get("/rooms/").content.decode()
        (self.form_token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)

    def ask(self, what: str, **fields: str) -> Any:
        """Send a request as the page does."""
        return self.client.post(f"/rooms/{what}/", {"csrfmiddlewaretoken": self.form_token, **fields})

    def enter(self, name: str = "Ann") -> dict[str, str]:
        """Return what somebody called *name* is given."""
        found: dict[str, str] = self.ask("enter", name=name).json()
        return found

    def say(self, visitor: dict[str, str], **fields: str) -> Any:
        """Say something, but for what *fields* say."""
        return self.ask("say", **{"pass": visitor["pass"], "room": "tea", "text": "Hello", "key": KEY} | fields)

    def published(self) -> list[tuple[str, dict[str, Any]]]:
        """Return what went out, without the time."""
        found = [(channel, json.loads(data)) for channel, data in self.publisher.sent]
        for _, data in found:
            self.assertApproximates(data.pop("at") / 1000, time.time(), 60)
        return found


class PassTests(ChatCase):
    """Who is in."""

    def test_visitor_is_somebody_new(self) -> None:
        """Also under a name that somebody has; white space around it does not count."""
        ann, other = self.enter("  Ann \t Lee "), self.enter("Ann Lee")
        self.assertEqual((ann["name"], other["name"]), ("Ann Lee", "Ann Lee"))
        self.assertNotEqual(ann["user"], other["user"])

    def test_name_that_cannot_be_shown_is_refused(self) -> None:
        """In words for the visitor."""
        cases = {
            "": "Write your name first.",
            " \n ": "Write your name first.",
            "n" * 25: "The name is longer than 24 characters.",
            "A\u202enn": "The name has characters that cannot be seen.",
            "A\x07nn": "The name has characters that cannot be seen.",
        }
        for name, reason in cases.items():
            with self.subTest(name=name):
                answer = self.ask("enter", name=name)
                self.assertEqual((answer.status_code, answer.content.decode()), (400, reason))

    def test_daemon_believes_the_token(self) -> None:
        """It is the visitor's, for some minutes, with the name for others."""
        ann = self.enter("<b>Ann")
        token = self.ask("token", **{"pass": ann["pass"]}).json()["token"]
        claims = Tokens(time.time, SECRET).connection(token)
        self.assertEqual((claims.user, json.loads(claims.info)), (ann["user"], {"name": "<b>Ann"}))
        self.assertApproximates(claims.expire_at, time.time() + 600, 60)

    def test_pass_that_is_none_of_ours_opens_nothing(self) -> None:
        """Neither one that was changed, nor one that is signed for something else, nor none."""
        ann = self.enter()
        for wrong in ("", "nonsense", ann["pass"][:-1], ann["pass"].swapcase()):
            for what in ("token", "say"):
                with self.subTest(wrong=wrong, what=what):
                    fields = {"pass": wrong, "room": "tea", "text": "Hello", "key": KEY}
                    self.assertEqual(self.ask(what, **fields).status_code, 403)
        self.assertEqual(self.publisher.sent, [])

    def test_pass_ends_after_a_day(self) -> None:
        """Whoever comes later enters once more."""
        ann, now = self.enter(), time.time()
        self.patch(time, "time", lambda: now + 24 * 3600 + 60)
        self.assertEqual(self.ask("token", **{"pass": ann["pass"]}).status_code, 403)

    def test_other_sites_page_can_neither_enter_nor_speak(self) -> None:
        """Without the page's own token."""
        ann = self.enter()
        self.form_token = "x" * 64
        with self.assertLogs("django.security.csrf", "WARNING"):
            self.assertEqual(self.ask("enter", name="Ann").status_code, 403)
            self.assertEqual(self.say(ann).status_code, 403)
        self.assertEqual(self.publisher.sent, [])


class SayTests(ChatCase):
    """What is said."""

    def test_words_go_to_the_room(self) -> None:
        """As text, under the name in the pass, whatever else is sent along."""
        ann = self.enter()
        answer = self.say(ann, text=" <script>alert(1)</script> ", name="Bob", user="1")
        self.assertEqual((answer.status_code, answer.content), (204, b""))
        data = {"user": ann["user"], "name": "Ann", "text": "<script>alert(1)</script>", "key": KEY}
        self.assertEqual(self.published(), [("room:tea", data)])

    def test_words_sent_again_are_published_once(self) -> None:
        """The broker is told the same key, which is another one for somebody else."""
        ann, bob = self.enter(), self.enter("Bob")
        for visitor in (ann, ann, bob):
            self.assertEqual(self.say(visitor).status_code, 204)
        keys = [letter.once.key for letter in self.publisher.letters if letter.once is not None]
        self.assertEqual(keys, [f"{ann['user']}.{KEY}", f"{ann['user']}.{KEY}", f"{bob['user']}.{KEY}"])

    def test_page_is_told_when_nothing_went_out(self) -> None:
        """So that it tries again."""
        ann = self.enter()
        self.publisher.error = BrokerUnavailable("Redis is away")
        with self.assertLogs("django.request", "ERROR"):
            self.assertEqual(self.say(ann).status_code, 503)
        self.publisher.error = None
        self.assertEqual(self.say(ann).status_code, 204)

    def test_control_characters_become_spaces(self) -> None:
        """A text is one line."""
        self.say(self.enter(), text="a\nb\x07c \U0001f469\u200d\U0001f680")
        self.assertEqual(self.published()[0][1]["text"], "a b c \U0001f469\u200d\U0001f680")

    def test_what_may_not_be_said_is_refused(self) -> None:
        """In words for the visitor; nothing goes out."""
        ann = self.enter()
        cases = [
            ({"text": ""}, "Say something."),
            ({"text": "x" * 501}, "longer than 500"),
            ({"room": ""}, "Name a room."),
            ({"room": "tea time"}, "1 to 24 of the letters"),
            ({"room": "r" * 25}, "1 to 24 of the letters"),
            ({"room": "news#1"}, "1 to 24 of the letters"),
            ({"key": "A" * 32}, "not understood"),
            ({"key": ""}, "required"),
        ]
        for fields, reason in cases:
            with self.subTest(fields=fields):
                answer = self.say(ann, **fields)
                self.assertEqual(answer.status_code, 400)
                self.assertRegex(answer.content.decode(), reason)
        self.assertEqual(self.publisher.sent, [])
