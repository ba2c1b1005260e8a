# -*- test-case-name: tests.test_example -*-
"""Settings of the demo: no database, no sessions, loopback only.

``DEMO_SECRET_KEY`` in the environment wins over the key below.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

#: Signs nothing but the page's own forms and notices.  A site of yours needs a key that is secret.
DEMO_KEY = "this-key-is-public-and-good-for-the-demo-on-one-machine-only"

SECRET_KEY = os.environ.get("DEMO_SECRET_KEY", DEMO_KEY)
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

ROOT_URLCONF = "demo.urls"
INSTALLED_APPS = ["django.contrib.messages", "django.contrib.staticfiles", "sockjsd.django", "demo"]
DATABASES: dict[str, dict[str, str]] = {}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "demo.policy.content_security_policy",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# WhiteNoise reads the names of all static files once, at the start, from where they lie in the source: there is
# no collectstatic, and browsers ask each time whether a file has changed.  A site of yours wants STATIC_ROOT and
# whitenoise.storage.CompressedManifestStaticFilesStorage instead.
STATIC_URL = "/static/"
# Where make venv puts centrifuge-js, the client library of the chat.
STATICFILES_DIRS = [("centrifuge", Path(sys.prefix, "share", "centrifuge"))]
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Notices live in a cookie, because there is no database for sessions.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"

# The page takes the token from its form, so no script needs the cookie.
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Strict"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

# Django gives the whole process this time zone, and with it the daemon's log.
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en-gb"
