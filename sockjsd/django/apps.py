# -*- test-case-name: tests.django.test_apps -*-
"""The Django app: ``"sockjsd.django"`` in ``INSTALLED_APPS``."""

from __future__ import annotations

from django.apps import AppConfig


class SockjsdConfig(AppConfig):
    """Its label is ``sockjsd``, because the last part of its name would be ``django``."""

    name = "sockjsd.django"
    label = "sockjsd"
    verbose_name = "sockjsd"
