# -*- test-case-name: tests.config.test_namespace -*-
"""The sections of namespaces, and what must hold between their options."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from unittest import TestCase

from sockjsd.config import Namespace
from sockjsd.errors import ConfigurationError

NAMESPACE = {
    "name": "",
    "history_size": 0,
    "history_ttl": 0.0,
    "numbered": False,
    "presence": False,
    "join_leave": False,
    "recovery": "off",
    "positioning": False,
    "allow_subscribe": "token",
    "allow_publish": "nobody",
    "allow_presence": "nobody",
    "allow_history": "nobody",
    "output_policy": "disconnect",
}

KEPT = {"history_size": 10, "history_ttl": 60.0}

#: Arguments, the beginning of the error.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": "a b"}, "'a b' cannot be a namespace's name; allowed: 1 to 64 letters, digits, -, _ and ."),
    ({"name": "a:b"}, "'a:b' cannot be a namespace's name"),
    ({"name": "x" * 65}, "'" + "x" * 60 + "'… cannot be a namespace's name"),
    ({"history_size": 100_001}, "history_size: got '100001'; allowed: a whole number from 0 to 100000"),
    ({"history_size": 1}, "namespace: history_size and history_ttl belong together: set both, or none"),
    ({"name": "chat", "history_ttl": 1.0}, "namespace chat: history_size and history_ttl belong together"),
    ({"recovery": "all"}, "recovery: got 'all'; allowed: off or stream or cache"),
    ({"recovery": "stream"}, "namespace: recovery = stream needs history: set history_size and history_ttl"),
    ({"name": "chat", "recovery": "cache"}, "namespace chat: recovery = cache needs history"),
    ({"positioning": True}, "namespace: positioning needs history"),
    (
        {"allow_subscribe": "subscriber"},
        "allow_subscribe: got 'subscriber'; allowed: anyone or user or token or nobody",
    ),
    ({"allow_publish": "token"}, "allow_publish: got 'token'; allowed: anyone or subscriber or user or nobody"),
    ({"allow_presence": "user"}, "allow_presence: got 'user'; allowed: anyone or subscriber or nobody"),
    ({"allow_history": "user"}, "allow_history: got 'user'; allowed: anyone or subscriber or nobody"),
    ({"output_policy": "drop"}, "output_policy: got 'drop'; allowed: disconnect or drop-oldest or latest-only"),
    ({"output_policy": "drop-oldest", **KEPT}, "namespace: output_policy = drop-oldest drops publications, and so"),
    (
        {"output_policy": "latest-only", "recovery": "stream", **KEPT},
        "namespace: output_policy = latest-only drops publications, and so is allowed only without history, "
        "or with recovery = cache",
    ),
]

PERMITTED: list[dict[str, Any]] = [
    {"name": "chat.v2-a_B", **KEPT},
    {"recovery": "stream", **KEPT},
    {"positioning": True, **KEPT},
    {"output_policy": "drop-oldest"},
    {"output_policy": "latest-only", "recovery": "cache", **KEPT},
    {"presence": True, "join_leave": True, "allow_presence": "subscriber"},
]


class NamespaceTests(TestCase):
    """One section."""

    def test_namespace_has_its_defaults_when_nothing_is_given(self) -> None:
        """Nothing is kept, and nobody may do anything without a token."""
        self.assertEqual(asdict(Namespace()), NAMESPACE)

    def test_namespace_is_refused_when_something_is_not_allowed(self) -> None:
        """Each option checks itself; what must hold between options names the section."""
        for arguments, problem in REFUSED:
            with self.subTest(arguments=arguments), self.assertRaises(ConfigurationError) as caught:
                Namespace(**arguments)
            self.assertTrue(str(caught.exception).startswith(problem), str(caught.exception))

    def test_namespace_is_built_when_options_agree(self) -> None:
        """What looks like the refused ones and is right."""
        for arguments in PERMITTED:
            with self.subTest(arguments=arguments):
                built = asdict(Namespace(**arguments))
                self.assertEqual(built, NAMESPACE | arguments)

    def test_namespace_has_history_when_it_keeps_something(self) -> None:
        """Size and time are either both there or not."""
        self.assertFalse(Namespace().has_history)
        self.assertTrue(Namespace(history_size=1, history_ttl=1.0).has_history)

    def test_namespace_is_positioned_when_it_recovers(self) -> None:
        """Whoever recovers has to know where a client stands."""
        self.assertFalse(Namespace(history_size=1, history_ttl=1.0).positioned)
        for more in ({"positioning": True}, {"recovery": "stream"}, {"recovery": "cache"}):
            self.assertTrue(Namespace(history_size=1, history_ttl=1.0, **more).positioned)  # type: ignore[arg-type]

    def test_heading_is_as_in_the_file(self) -> None:
        """With the name, where it has one."""
        self.assertEqual((Namespace().heading, Namespace("chat").heading), ("namespace", "namespace chat"))
