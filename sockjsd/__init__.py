"""sockjsd: one daemon that makes a Django site real-time.

Importing this package imports neither Twisted nor Cyclone nor a Redis client:
Django and Celery processes that only publish pay for nothing else.
"""

__version__ = "0.1.0"
