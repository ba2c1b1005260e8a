# -*- test-case-name: tests.config.test_endpoint -*-
"""The section of an endpoint, and what must hold between its options and between endpoints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from unittest import TestCase

from sockjsd.config import Endpoint
from sockjsd.config.endpoint import TRANSPORTS, check_prefixes
from sockjsd.errors import ConfigurationError

ENDPOINT = {
    "name": "events",
    "prefix": "/events",
    "application": "relay",
    "channels": ("news",),
    "url_channels": False,
    "transports": TRANSPORTS,
    "heartbeat": 25.0,
    "pong_timeout": 10.0,
    "disconnect_delay": 5.0,
    "response_limit": 131072,
    "message_limit": 65536,
    "compression": False,
    "compression_threshold": 1024,
    "compression_level": 6,
    "compression_context": False,
    "send_limit": 131072,
    "messages_limit": 1000,
    "output_limit": 1048576,
    "session_limit": 100_000,
    "cookie": False,
    "sockjs_url": "",
    "base_url": "",
    "allowed_origins": ("django",),
    "no_origin": "allow",
    "cors": True,
    "verify_address": False,
}

#: Arguments of an endpoint named x, a part of the error.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "a relay needs channels: add 'channels = NAME …', 'url_channels = yes', or another application"),
    ({"application": "echo", "url_channels": True}, "endpoint x: channels are for a relay, and application is echo"),
    ({"application": "echo", "channels": ("a",)}, "endpoint x: channels are for a relay, and application is echo"),
    ({"application": "shop.Chat", "channels": ("a",)}, "endpoint x: channels are for a relay"),
    ({"application": "Echo"}, "application: got 'Echo'; allowed: relay, echo, broadcast, close, or the dotted path"),
    ({"application": ""}, "application: got ''"),
    ({"channels": ("two words",)}, "channels: got 'two words'; 'two words' (9 characters) cannot be a channel's name"),
    ({"channels": ("a", "a")}, "channels: got 'a a'; 'a' stands there twice"),
    ({"application": "echo", "transports": ()}, "transports: got ''; an endpoint without transports serves nobody"),
    ({"application": "echo", "transports": ("flash",)}, "'flash' is no transport; allowed: one or more of websocket"),
    ({"application": "echo", "heartbeat": 0.0}, "heartbeat: got '0'; allowed: a time above 0"),
    ({"application": "echo", "heartbeat": float("inf")}, "heartbeat: got 'inf'; allowed: a time above 0"),
    ({"application": "echo", "prefix": "/x/"}, "prefix: got '/x/'; allowed: a path that starts with /"),
    ({"application": "echo", "no_origin": "ask"}, "no_origin: got 'ask'; allowed: allow or deny"),
    ({"application": "echo", "allowed_origins": ("*", "django")}, "* allows everything, so it has to stand alone"),
]


def echo(name: str, prefix: str = "") -> Endpoint:
    """An endpoint without channels."""
    return Endpoint(name, prefix=prefix, application="echo")


class EndpointTests(TestCase):
    """Defaults and checks of one endpoint."""

    def test_endpoint_has_its_defaults_when_only_channels_are_given(self) -> None:
        """A relay needs a name and channels; the rest has defaults."""
        self.assertEqual(asdict(Endpoint("events", channels=("news",))), ENDPOINT)

    def test_relay_needs_no_channels_where_the_url_names_them(self) -> None:
        """One of the two is enough."""
        self.assertEqual((), Endpoint("events", url_channels=True).channels)

    def test_prefix_is_kept_when_given(self) -> None:
        """The name is only the default of the prefix."""
        self.assertEqual(echo("a", "/b/c").prefix, "/b/c")

    def test_endpoint_is_refused_when_options_are_wrong_alone_or_together(self) -> None:
        """The error says what to change."""
        for given, problem in REFUSED:
            with self.subTest(given=given), self.assertRaises(ConfigurationError) as caught:
                Endpoint("x", **given)
            self.assertIn(problem, str(caught.exception))

    def test_name_is_refused_when_it_cannot_be_in_a_url_and_a_variable(self) -> None:
        """Letters, digits, - and _ it is."""
        for name in ("", "a b", "a/b", "é", "a.b", "a\n", "x" * 65):
            with self.subTest(name=name), self.assertRaisesRegex(ConfigurationError, "cannot be an endpoint's name"):
                echo(name)

    def test_name_is_taken_when_allowed(self) -> None:
        """Among them the longest."""
        for name in ("a", "A-b_9", "x" * 64):
            self.assertEqual(echo(name).prefix, f"/{name}")


class PrefixTests(TestCase):
    """Each URL belongs to one endpoint."""

    def test_prefixes_are_refused_when_equal_or_one_inside_the_other(self) -> None:
        """In both orders."""
        for one, two in [("/a", "/a"), ("/a", "/a/b"), ("/a/b", "/a"), ("/a/b/c", "/a")]:
            with self.subTest(one=one, two=two), self.assertRaises(ConfigurationError) as caught:
                check_prefixes([echo("one", one), echo("two", two)])
            self.assertIn(f"endpoint two: prefix {two} and prefix {one} of endpoint one overlap", str(caught.exception))

    def test_prefixes_are_taken_when_they_only_look_alike(self) -> None:
        """A common beginning is not a common folder."""
        check_prefixes([echo("a", "/chat"), echo("b", "/chats"), echo("c", "/cha"), echo("d", "/x/chat")])

    def test_third_endpoint_is_compared_when_the_first_two_agree(self) -> None:
        """All pairs are looked at."""
        with self.assertRaisesRegex(ConfigurationError, "endpoint c: .* of endpoint a overlap"):
            check_prefixes([echo("a"), echo("b"), echo("c", "/a/x")])
