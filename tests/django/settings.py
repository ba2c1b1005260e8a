"""Django settings for tests, made once in a process, whichever test module comes first."""

from __future__ import annotations

import django
from django.conf import settings


def configure() -> None:
    """Configure Django with one SQLite database in memory; does nothing when that is done."""
    if not settings.configured:
        settings.configure(
            DATABASES={"default": _sqlite(), "other": _sqlite()},
            INSTALLED_APPS=["sockjsd.django"],
            SECRET_KEY="for tests",
            USE_TZ=True,
        )
        django.setup()


def _sqlite() -> dict[str, str]:
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
