# -*- test-case-name: tests.config.test_channels -*-
"""The section of channels, and what must hold between its options and those of endpoints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from unittest import TestCase

from sockjsd.config import Channels, Config, Endpoint, Namespace
from sockjsd.config.channels import check_paths, public_key
from sockjsd.errors import ConfigurationError

CHANNELS = {
    "enabled": False,
    "prefix": "/connection",
    "token_hmac_secret": "",
    "token_rsa_public_key": "",
    "token_audience": "",
    "token_issuer": "",
    "anonymous": False,
    "insecure": False,
    "api_key": "",
    "events": False,
    "allowed_origins": ("django",),
    "channel_limit": 128,
    "session_limit": 100_000,
    "command_rate": 100,
    "command_burst": 200,
    "message_limit": 65536,
    "output_limit": 1048576,
    "history_limit": 300,
    "recovery_limit": 300,
    "ping_interval": 25.0,
    "pong_timeout": 8.0,
    "stale_delay": 10.0,
    "expired_delay": 25.0,
    "presence_ttl": 60.0,
    "presence_interval": 25.0,
    "leave_delay": 5.0,
    "meta_ttl": 2592000.0,
}

#: Arguments, the beginning of the error.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prefix": "connection"}, "prefix: got 'connection'; allowed: a path that starts with /"),
    ({"token_hmac_secret": "hunter2\n"}, "token_hmac_secret: got a value that is not shown; allowed: one line of text"),
    ({"token_rsa_public_key": "a\nb"}, "token_rsa_public_key: got 'a\\nb'; allowed: a public key in PEM form, or the"),
    ({"token_audience": "é"}, "token_audience: got 'é'; allowed: up to 255 printable characters, or nothing"),
    ({"channel_limit": 0}, "channel_limit: got '0'; allowed: a whole number from 1 to 100000"),
    ({"pong_timeout": 25.0}, "channels: pong_timeout has to be less than ping_interval"),
    ({"presence_interval": 60.0}, "channels: presence_ttl has to be more than presence_interval"),
]

PEM = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"


class ChannelsTests(TestCase):
    """The section itself."""

    def test_channels_have_their_defaults_when_nothing_is_given(self) -> None:
        """Nobody may connect."""
        self.assertEqual(asdict(Channels()), CHANNELS)

    def test_channels_are_refused_when_something_is_not_allowed(self) -> None:
        """A time-out that would never be over is a slip."""
        for arguments, problem in REFUSED:
            with self.subTest(arguments=arguments), self.assertRaises(ConfigurationError) as caught:
                Channels(**arguments)
            self.assertTrue(str(caught.exception).startswith(problem), str(caught.exception))

    def test_secrets_are_left_out_when_channels_are_printed(self) -> None:
        """A ``repr`` in a log or a traceback shows neither the tokens' secret nor the API's key."""
        self.assertNotIn("hunter", repr(Channels(token_hmac_secret="hunter2", api_key="hunter3")))

    def test_channels_have_keys_when_one_is_given(self) -> None:
        """One of the two will do."""
        self.assertFalse(Channels().has_keys)
        self.assertTrue(Channels(token_hmac_secret="s").has_keys)
        self.assertTrue(Channels(token_rsa_public_key=PEM).has_keys)


class PathTests(TestCase):
    """Which URLs belong to channels."""

    def test_paths_are_taken_when_they_are_switched_on(self) -> None:
        """What is off takes nothing."""
        self.assertEqual(Channels().paths, ())
        self.assertEqual(Channels(enabled=True, prefix="/live").paths, ("/live", "/emulation"))
        self.assertEqual(Channels(api_key="k").paths, ("/api",))
        self.assertEqual(Channels(events=True).paths, ("/events",))

    def test_endpoint_is_refused_when_it_lives_where_channels_do(self) -> None:
        """Equal, inside, or around."""
        for prefix in ("/connection", "/connection/sockjs", "/emulation", "/api/chat", "/events"):
            endpoint = Endpoint("x", prefix=prefix, application="echo")
            with (
                self.subTest(prefix=prefix),
                self.assertRaisesRegex(
                    ConfigurationError, f"^endpoint x: prefix {prefix} and /.* of .channels. overlap"
                ),
            ):
                check_paths(Channels(enabled=True, events=True, api_key="k"), [endpoint])
            check_paths(Channels(), [endpoint])

    def test_config_is_refused_when_paths_overlap(self) -> None:
        """However it was built."""
        endpoints = {"events": Endpoint("events", channels=("news",))}
        with self.assertRaisesRegex(ConfigurationError, "prefix /events and /events of"):
            Config(endpoints=endpoints, channels=Channels(events=True))
        self.assertEqual(Config(endpoints=endpoints).endpoints, endpoints)


class MemoryTests(TestCase):
    """What is remembered, and for how long."""

    def test_config_is_refused_when_a_history_outlives_its_position(self) -> None:
        """Without its position it would be of no use."""
        for ttl, allowed in ((59.0, True), (60.0, True), (61.0, False)):
            namespaces = {"": Namespace(), "chat": Namespace("chat", history_size=1, history_ttl=ttl)}
            if allowed:
                Config(channels=Channels(meta_ttl=60.0), namespaces=namespaces)
            else:
                with self.assertRaisesRegex(ConfigurationError, "^namespace chat: history_ttl is longer than meta_ttl"):
                    Config(channels=Channels(meta_ttl=60.0), namespaces=namespaces)


class KeyTests(TestCase):
    """The kind of a public key."""

    def test_key_is_a_path_when_it_does_not_begin_like_a_key(self) -> None:
        """From the folder of the file; nothing stays nothing."""
        self.assertEqual(public_key.value("keys/public.pem", "/etc/sockjsd"), "/etc/sockjsd/keys/public.pem")
        self.assertEqual(public_key.value("", "/etc/sockjsd"), "")

    def test_key_is_itself_when_it_is_pem(self) -> None:
        """Lines are indented in a file, and their ends may be Windows's."""
        indented = PEM.replace("\n", "\r\n    ")
        self.assertEqual(public_key.value(indented, "/etc"), PEM)
        self.assertEqual(public_key.value(public_key.write(PEM), "/etc"), PEM)
