# -*- test-case-name: tests.functional -*-
"""Settings of the functional tests' site: no database, any loopback name, no forms and so no CSRF."""

from __future__ import annotations

import os

SECRET_KEY = "for tests"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]", "testserver"]
CSRF_TRUSTED_ORIGINS = os.environ.get("FUNCTIONAL_TRUSTED_ORIGINS", "").split()

ROOT_URLCONF = "functional_site.urls"
INSTALLED_APPS = ["sockjsd.django"]
DATABASES: dict[str, dict[str, str]] = {}
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]

# Uploads are written to the disk piece by piece, whatever their size.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]

TIME_ZONE = "UTC"
USE_TZ = True
