# -*- test-case-name: tests.functional.test_site tests.functional.test_site_slow -*-
"""Settings of the site that answers in every way Django knows: with a database, static files, middleware."""

from __future__ import annotations

import os

from functional_site.settings import *  # noqa: F403  # Django's own way to build on settings

ROOT_URLCONF = "functional_site.full_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ["FUNCTIONAL_FOLDER"], "database"),
    }
}
MIDDLEWARE = [
    "functional_site.answers.watch_requests",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
]
STATIC_URL = "/static/"
STATIC_ROOT = os.path.join(os.environ["FUNCTIONAL_FOLDER"], "static")
LANGUAGES = [("en", "English"), ("de", "German")]
USE_I18N = True
# Django warns of each streaming response whose iterator is asynchronous: that is what one view is for.
LOGGING = {"version": 1, "disable_existing_loggers": False}
