# -*- test-case-name: tests.functional.test_packaging -*-
"""Names the daemon to ``twistd`` by string, so that ``twistd --help`` imports nothing of it."""

from twisted.application.service import ServiceMaker

serviceMaker = ServiceMaker(
    "sockjsd", "sockjsd.service", "A Django site and its real-time connections on one port.", "sockjsd"
)
