# -*- test-case-name: tests.django.test_publishing -*-
"""Tests of ``sockjsd.django.publishing``: which broker a process publishes to."""

from __future__ import annotations

import os
from pathlib import Path

from django.test import override_settings
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Broker, Config
from sockjsd.django import publishing
from sockjsd.django.redis_publisher import RedisPublisher
from sockjsd.errors import ChannelNameError, ConfigurationError, NobodyListens
from tests.django import settings
from tests.django.fakes import RecordingPublisher, run_child

REDIS = Broker(url="redis://127.0.0.1:1/0")
CONFIG = Config(broker=REDIS)

_FIND_WITHOUT_SETTINGS = """
from sockjsd.django import publishing
print(publishing.find_publisher()._broker.url)
"""

_FIND_WITHOUT_REDIS_PY = """
import sys
sys.modules["redis"] = None
from sockjsd.django import publishing
from sockjsd.errors import ConfigurationError
try:
    publishing.find_publisher()
except ConfigurationError as error:
    print(error)
"""


class PublishingTests(SynchronousTestCase):
    """A process with no publisher installed, no cache, and nothing in its environment."""

    def setUp(self) -> None:
        settings.configure()
        publishing.forget()
        self.addCleanup(publishing.forget)
        self.addCleanup(publishing.uninstall)
        for name in ("SOCKJSD_CONFIG", "SOCKJSD_BROKER_URL"):
            self.set_environment(name, None)

    def set_environment(self, name: str, value: str | None) -> None:
        """Give the environment variable *name* a value, or none, for this test."""
        environ = os.environ
        before = environ.get(name)
        self.addCleanup(lambda: environ.pop(name, None) if before is None else environ.update({name: before}))
        environ.pop(name, None)
        if value is not None:
            environ[name] = value

    def write_config(self, url: str) -> str:
        """Write a configuration file with this broker and return its path."""
        path = Path(self.mktemp())
        path.write_text(f"[broker]\nurl = {url}\n")
        return str(path)

    def url_in_use(self) -> str:
        """The address of the Redis that is published to."""
        publisher = publishing.find_publisher()
        assert isinstance(publisher, RedisPublisher)
        return publisher._broker.url


class FindPublisherTests(PublishingTests):
    """Which publisher a process uses."""

    def test_installed_publisher_wins_over_configuration(self) -> None:
        """Inside the daemon the service says which, until it stops."""
        self.set_environment("SOCKJSD_BROKER_URL", REDIS.url)
        publisher = RecordingPublisher()
        publishing.install(publisher)
        self.assertIs(publishing.find_publisher(), publisher)
        publishing.uninstall()
        self.assertEqual(self.url_in_use(), REDIS.url)

    def test_setting_wins_over_environment_variable(self) -> None:
        """The file named by Django's settings, then the one named by the environment."""
        self.set_environment("SOCKJSD_CONFIG", self.write_config("redis://from-environment"))
        self.assertEqual(self.url_in_use(), "redis://from-environment")
        with override_settings(SOCKJSD_CONFIG=Path(self.write_config("redis://from-settings"))):
            self.assertEqual(self.url_in_use(), "redis://from-settings")

    def test_environment_alone_is_a_configuration(self) -> None:
        """Without any file ``SOCKJSD_BROKER_URL`` is enough."""
        self.set_environment("SOCKJSD_BROKER_URL", REDIS.url)
        self.assertEqual(self.url_in_use(), REDIS.url)

    def test_nobody_listens_without_configuration(self) -> None:
        """The default is the memory broker, which is somewhere else."""
        self.assertRaises(NobodyListens, publishing.find_publisher)

    def test_wrong_configuration_is_raised_each_time(self) -> None:
        """It is not remembered: whoever repairs the file need not restart."""
        self.set_environment("SOCKJSD_CONFIG", self.write_config("carrier-pigeon://roof"))
        self.assertRaises(ConfigurationError, publishing.find_publisher)
        self.assertRaises(ConfigurationError, publishing.find_publisher)

    def test_publisher_is_one_per_process(self) -> None:
        """Its connections and its breaker serve all threads; the file is read once."""
        path = self.write_config(REDIS.url)
        self.set_environment("SOCKJSD_CONFIG", path)
        publisher = publishing.find_publisher()
        Path(path).write_text("nonsense")
        self.assertIs(publishing.find_publisher(), publisher)

    def test_publisher_is_found_before_django_is_configured(self) -> None:
        """The command line has no settings."""
        self.assertEqual(run_child(_FIND_WITHOUT_SETTINGS, SOCKJSD_BROKER_URL=REDIS.url), REDIS.url)

    def test_missing_redis_py_is_named_with_its_cure(self) -> None:
        """A Redis URL without the package says what to install."""
        self.assertIn("pip install redis", run_child(_FIND_WITHOUT_REDIS_PY, SOCKJSD_BROKER_URL=REDIS.url))


class SendNowTests(PublishingTests):
    """``send_now()``, which the command line uses."""

    def test_send_now_raises_for_memory_broker(self) -> None:
        """Whatever is installed: it was asked for this one."""
        self.assertRaises(NobodyListens, publishing.send_now, Config(), "news", "1")

    def test_send_now_raises_for_impossible_channel(self) -> None:
        """Before anything is connected."""
        self.assertRaises(ChannelNameError, publishing.send_now, CONFIG, "a b", "1")

    def test_send_now_uses_publisher_of_process(self) -> None:
        """It returns how many heard."""
        publisher = RecordingPublisher()
        publishing._publishers[publishing._identity_of(CONFIG)] = publisher
        self.assertEqual(publishing.send_now(CONFIG, "news", "1"), 1)
        self.assertEqual(publisher.sent, [("news", "1")])
