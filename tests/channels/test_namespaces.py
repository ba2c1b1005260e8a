# -*- test-case-name: tests.channels.test_namespaces -*-
"""Names of namespaces and users in channels' names, and who may do what."""

from __future__ import annotations

from unittest import TestCase

from sockjsd.channels.namespaces import Namespaces, may_act, may_subscribe, namespace_of, users_of
from sockjsd.errors import UnknownNamespace

#: Channel, its namespace, its users.
NAMES: list[tuple[str, str, tuple[str, ...] | None]] = [
    ("news", "", None),
    ("chat:42", "chat", None),
    ("chat:42:a", "chat", None),
    (":x", "", None),
    ("inbox#42", "", ("42",)),
    ("dialog:x#42,43", "dialog", ("42", "43")),
    ("a#b#c", "", ("c",)),
    ("inbox#", "", ("",)),
]

#: Option, channel, user, whether a token was shown; whether it is allowed.
SUBSCRIBING: list[tuple[str, str, str, bool, bool]] = [
    ("anyone", "news", "", False, True),
    ("anyone", "news", "42", True, True),
    ("user", "news", "", False, False),
    ("user", "news", "", True, True),
    ("user", "news", "42", False, True),
    ("token", "news", "42", False, False),
    ("token", "news", "42", True, True),
    ("token", "news", "", True, True),
    ("nobody", "news", "42", True, False),
    ("token", "inbox#42", "42", False, True),
    ("anyone", "inbox#42", "43", False, False),
    ("anyone", "inbox#42", "43", True, False),
    ("anyone", "inbox#42", "4", False, False),
    ("anyone", "inbox#", "", False, False),
    ("anyone", "dialog#42,43", "43", False, True),
    ("nobody", "inbox#42", "42", True, False),
]

#: Option, user, whether subscribed; whether it is allowed.
ACTING: list[tuple[str, str, bool, bool]] = [
    ("anyone", "", False, True),
    ("user", "", True, False),
    ("user", "42", False, True),
    ("subscriber", "42", False, False),
    ("subscriber", "", True, True),
    ("nobody", "42", True, False),
]


class NameTests(TestCase):
    """What a channel's name says."""

    def test_name_tells_namespace_and_users(self) -> None:
        """The first colon, and the last number sign."""
        for channel, namespace, users in NAMES:
            with self.subTest(channel=channel):
                self.assertEqual(namespace_of(channel), namespace)
                self.assertEqual(users_of(channel), users)


class PermissionTests(TestCase):
    """Who may do what."""

    def test_client_subscribes_when_it_may(self) -> None:
        """The option, the user, the token, and the users in the name."""
        for who, channel, user, with_token, allowed in SUBSCRIBING:
            with self.subTest(who=who, channel=channel, user=user, with_token=with_token):
                self.assertEqual(may_subscribe(who, channel, user, with_token=with_token), allowed)

    def test_client_acts_when_it_may(self) -> None:
        """Publishing and reading."""
        for who, user, subscribed, allowed in ACTING:
            with self.subTest(who=who, user=user, subscribed=subscribed):
                self.assertEqual(may_act(who, user, subscribed=subscribed), allowed)


class NamespacesTests(TestCase):
    """Finding options."""

    def test_options_are_found_by_the_name_before_the_colon(self) -> None:
        """``""`` is for names without one."""
        namespaces = Namespaces({"": 1, "chat": 2})
        self.assertEqual([namespaces.of("news"), namespaces.of("chat:42"), namespaces.find("chat:1")], [1, 2, 2])
        self.assertEqual(list(namespaces), ["", "chat"])

    def test_channel_is_refused_when_its_namespace_is_unknown(self) -> None:
        """The error says which there are."""
        namespaces = Namespaces({"": 1, "chat": 2})
        self.assertIsNone(namespaces.find("chap:42"))
        with self.assertRaisesRegex(UnknownNamespace, "^'chap' is no namespace; allowed: '', 'chat'$"):
            namespaces.of("chap:42")
        with self.assertRaisesRegex(UnknownNamespace, "^'' is no namespace; allowed: none is configured$"):
            Namespaces[int]({}).of("news")
