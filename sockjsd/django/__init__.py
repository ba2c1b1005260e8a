# -*- test-case-name: tests.django -*-
"""What Django code, a Celery task or a shell uses: ``from sockjsd.django import publish``.

It imports neither Twisted nor Cyclone, so that any process may have it.
"""

from __future__ import annotations

from sockjsd.django.api import apublish, apublish_many, publish, publish_failed, publish_many

__all__ = ["apublish", "apublish_many", "publish", "publish_failed", "publish_many"]
