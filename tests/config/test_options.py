# -*- test-case-name: tests.config.test_options -*-
"""The sections of the daemon, the broker and the site; and rules that all declarations keep."""

from __future__ import annotations

from dataclasses import asdict
from unittest import TestCase

from sockjsd.config import Broker, Config, Endpoint, Server, Site
from sockjsd.config.declare import Option, options_of
from sockjsd.config.options import SECTIONS
from sockjsd.errors import ConfigurationError

SERVER = {
    "listen": ("tcp:8000:interface=127.0.0.1",),
    "trusted_proxies": (),
    "umask": 0o022,
    "drain_timeout": 30.0,
    "head_limit": 16384,
    "head_fields": 100,
    "head_timeout": 10.0,
    "body_timeout": 30.0,
    "keep_alive_timeout": 75.0,
    "pipeline_limit": 16,
    "switch_interval": 0.0002,
    "send_timeout": 30.0,
    "client_library": None,
    "status": False,
}

BROKER = {
    "url": "memory:",
    "password": "",
    "prefix": "sockjsd",
    "connect_timeout": 0.5,
    "command_timeout": 1.0,
    "ping_interval": 5.0,
    "breaker_delay": 2.0,
}

SITE = {
    "settings": "",
    "python_path": None,
    "threads": 10,
    "queue": 100,
    "body_limit": 1024**3,
    "body_memory": 65536,
    "spool_limit": 8 * 1024**3,
    "response_spool": 1024**2,
    "streams": 200,
}

#: Begins of a sentence "When to change it: …".
WHEN = ("to ", "if ", "hardly ever: ", "as soon as ")


def all_options() -> list[Option]:
    """Every option of every section."""
    return [each for section in SECTIONS.values() for each in options_of(section)]


class DefaultTests(TestCase):
    """The defaults are a promise: a change of one is a change of behaviour."""

    def test_server_has_its_defaults_when_nothing_is_given(self) -> None:
        """The daemon listens on the machine itself only."""
        self.assertEqual(asdict(Server()), SERVER)

    def test_broker_has_its_defaults_when_nothing_is_given(self) -> None:
        """Without a Redis, publications stay in the daemon."""
        self.assertEqual(asdict(Broker()), BROKER)

    def test_site_has_its_defaults_when_nothing_is_given(self) -> None:
        """Without settings there is no site."""
        self.assertEqual(asdict(Site()), SITE)

    def test_config_is_usable_when_nothing_is_given(self) -> None:
        """An empty configuration has no endpoints."""
        self.assertEqual(Config(), Config(Server(), Broker(), Site(), {}, None))

    def test_endpoints_are_its_own_when_two_configs_are_built(self) -> None:
        """The default is not one dictionary for all."""
        self.assertIsNot(Config().endpoints, Config().endpoints)


class CheckTests(TestCase):
    """What is built in code is checked like what is read."""

    def test_section_is_refused_when_a_value_is_not_allowed(self) -> None:
        """Each section checks itself."""
        with self.assertRaisesRegex(ConfigurationError, "^listen: got .*allowed: "):
            Server(listen=())
        with self.assertRaisesRegex(ConfigurationError, "^url: got .*allowed: "):
            Broker(url="amqp://h")
        with self.assertRaisesRegex(ConfigurationError, "^threads: got '0'; allowed: a whole number from 1 to 1000"):
            Site(threads=0)

    def test_config_is_refused_when_prefixes_overlap(self) -> None:
        """Two endpoints cannot share URLs."""
        one, two = Endpoint("one", channels=("a",)), Endpoint("two", prefix="/one/two", channels=("a",))
        with self.assertRaisesRegex(ConfigurationError, "endpoint two: prefix /one/two and prefix /one .* overlap"):
            Config(endpoints={"one": one, "two": two})

    def test_password_is_left_out_when_config_is_printed(self) -> None:
        """A ``repr`` in a log or a traceback shows no secret."""
        shown = repr(Config(broker=Broker(url="redis://:hunter2@h", password="hunter3")))
        self.assertNotIn("hunter", shown)


class DeclarationTests(TestCase):
    """Rules that every declaration keeps, those that come later included."""

    def test_help_is_a_sentence(self) -> None:
        """Help and the reason to change end with a full stop; neither is missing."""
        for each in all_options():
            with self.subTest(option=each.name):
                self.assertRegex(each.help, r"^[A-Z].*\.$")
                self.assertRegex(each.when, r"^[a-z].*\.$")
                self.assertTrue(each.when.startswith(WHEN), each.when)

    def test_default_reads_back_when_written(self) -> None:
        """A default can be written in a file; where it stands for "nobody gave one" the text is empty."""
        for each in all_options():
            with self.subTest(option=each.name):
                if each.unset:
                    self.assertEqual(each.default_text, "")
                else:
                    self.assertEqual(each.kind.value(each.default_text, "/"), each.default)

    def test_name_is_unambiguous_when_it_is_part_of_a_variable(self) -> None:
        """No option's variable can be read as another's, or as the file form of another's."""
        for section in SECTIONS.values():
            names = [each.name for each in options_of(section)]
            for name in names:
                self.assertRegex(name, r"^[a-z]+(_[a-z]+)*$")
                self.assertFalse(name.endswith("_file"), name)

    def test_class_has_a_purpose_when_documented(self) -> None:
        """The docstring of a section is its introduction in the reference: one line."""
        for section in SECTIONS.values():
            self.assertRegex(section.__doc__ or "", r"\A[A-Z].*\.\Z")
