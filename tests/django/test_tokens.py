# -*- test-case-name: tests.django.test_tokens -*-
"""Tokens for pages: what the site makes, the daemon accepts."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from unittest import TestCase

from sockjsd.clients.tokens import ConnectionClaims, Grant, SubscriptionClaims, Tokens
from sockjsd.config import Channels
from sockjsd.django import publishing, tokens
from sockjsd.django.tokens import connection_token, subscription_token
from sockjsd.errors import ChannelNameError, ConfigurationError

SECRET = "a secret of thirty-two characters"


class TokenTestCase(TestCase):
    """A process of a site whose daemon has a secret."""

    def setUp(self) -> None:
        tokens.install(Channels(token_hmac_secret=SECRET))
        self.addCleanup(tokens.uninstall)
        self.daemon = Tokens(time.time, SECRET)


class ConnectionTests(TokenTestCase):
    """Tokens for connections."""

    def test_token_says_who_the_user_is(self) -> None:
        """Whatever type the id has; ``AnonymousUser`` has none, and is nobody called None."""
        for user, text in ((42, "42"), ("ann", "ann"), ("", ""), (None, "")):
            self.assertEqual(self.daemon.connection(connection_token(user)).user, text)

    def test_token_says_what_it_is_given(self) -> None:
        """Channels, and what is known of the connection."""
        token = connection_token(42, info={"name": "Ann"}, meta=[1], channels=("news",), seconds=0)
        claims = ConnectionClaims("42", 0, '{"name":"Ann"}', "[1]", {"news": Grant()})
        self.assertEqual(self.daemon.connection(token), claims)

    def test_token_expires_when_nothing_else_is_said(self) -> None:
        """After an hour, or when it is said."""
        for arguments, seconds in (({}, 3600), ({"seconds": 5}, 5)):
            expiry = self.daemon.connection(connection_token(42, **arguments)).expire_at  # type: ignore[arg-type]
            self.assertTrue(time.time() + seconds - 5 < expiry <= time.time() + seconds)

    def test_token_is_for_the_daemons_audience(self) -> None:
        """And from its issuer."""
        tokens.install(Channels(token_hmac_secret=SECRET, token_audience="us", token_issuer="site"))
        strict = Tokens(time.time, SECRET, audience="us", issuer="site")
        self.assertEqual(strict.connection(connection_token(42)).user, "42")

    def test_token_is_refused_when_a_channel_can_be_none(self) -> None:
        """Here, where somebody can do something about it."""
        with self.assertRaises(ChannelNameError):
            connection_token(42, channels=["two words"])


class SubscriptionTests(TokenTestCase):
    """Tokens for subscriptions."""

    def test_token_names_its_channel(self) -> None:
        """And the connection, where that is wanted."""
        token = subscription_token(42, "private:a", seconds=0, info=1, client="id-1")
        self.assertEqual(self.daemon.subscription(token), SubscriptionClaims("42", "private:a", "id-1", Grant("1")))
        self.assertEqual(self.daemon.subscription(subscription_token(42, "a")).client, "")

    def test_token_is_refused_when_its_channel_can_be_none(self) -> None:
        """As when something is published."""
        with self.assertRaises(ChannelNameError):
            subscription_token(42, "")


class ConfigurationTests(TestCase):
    """Where the secret comes from."""

    def setUp(self) -> None:
        tokens.uninstall()  # a node of another test may not have been stopped

    def configure(self, text: str) -> None:
        """Let *text* be this process's configuration."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name, "site.ini")
        file.write_text(text)
        before = os.environ.get("SOCKJSD_CONFIG", "")  # nothing is as good as none
        self.addCleanup(os.environ.__setitem__, "SOCKJSD_CONFIG", before)
        os.environ["SOCKJSD_CONFIG"] = str(file)
        publishing.forget()
        self.addCleanup(publishing.forget)

    def test_secret_is_that_of_the_file_when_this_is_not_the_daemon(self) -> None:
        """The file that says where to publish says this too."""
        self.configure(f"[channels]\ntoken_hmac_secret = {SECRET}\n")
        self.assertEqual(Tokens(time.time, SECRET).connection(connection_token(42)).user, "42")

    def test_token_is_refused_when_there_is_no_secret(self) -> None:
        """The option is named."""
        self.configure("")
        with self.assertRaisesRegex(ConfigurationError, r"\[channels\] token_hmac_secret is needed to make tokens"):
            connection_token(42)
