# -*- test-case-name: tests.django.test_apps -*-
"""Tests of ``sockjsd.django.apps``, and of what importing the package costs."""

from __future__ import annotations

from django.apps import apps
from twisted.trial.unittest import SynchronousTestCase

from tests.django import settings
from tests.django.fakes import run_child

_LIST_FOREIGN_MODULES = """
import sys
import sockjsd.django, sockjsd.django.publishing, sockjsd.django.apps
loaded = {name.partition('.')[0] for name in sys.modules}
print(sorted(loaded & {'twisted', 'cyclone', 'txredisapi', 'httptools', 'redis', 'hiredis'}))
"""


class AppTests(SynchronousTestCase):
    """The package as an installed Django app."""

    def test_app_has_label_sockjsd(self) -> None:
        """Its label is not ``django``, which is what the last part of its name would give."""
        settings.configure()
        self.assertEqual(apps.get_app_config("sockjsd").name, "sockjsd.django")


class ImportTests(SynchronousTestCase):
    """What a Celery worker pays for ``from sockjsd.django import publish``."""

    def test_import_loads_neither_daemon_nor_redis(self) -> None:
        """Twisted, Cyclone and txredisapi stay out, and redis-py as long as no Redis URL is used."""
        self.assertEqual(run_child(_LIST_FOREIGN_MODULES), "[]")
