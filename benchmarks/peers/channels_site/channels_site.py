"""The settings of a site with Channels, as its tutorial has them."""

from __future__ import annotations

import os

DEBUG = False
SECRET_KEY = "for benchmarks"
ALLOWED_HOSTS = ["127.0.0.1"]
DATABASES: dict[str, dict[str, str]] = {}
USE_TZ = True
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [("127.0.0.1", int(os.environ["REDIS_PORT"]))]},
    }
}
