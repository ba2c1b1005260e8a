# -*- test-case-name: tests.endpoints.test_health -*-
"""``/live`` and ``/ready``."""

from __future__ import annotations

import json
from unittest import TestCase

from sockjsd.brokers.interface import BrokerStatus
from sockjsd.endpoints.health import Live, Ready
from sockjsd.http.application import Application
from tests.http.memory import Client


class Broker:
    """A broker of which only the status is asked."""

    def __init__(self) -> None:
        self.status = BrokerStatus("redis", True, "connected")


class HealthTests(TestCase):
    """What a proxy and an operator learn."""

    def setUp(self) -> None:
        self.broker = Broker()
        self.draining = False
        ready = {"broker": self.broker, "draining": lambda: self.draining}
        self.client = Client(Application([(r"/live", Live, {}), (r"/ready", Ready, ready)]))

    def assert_said(self, path: str, status: int, **said: object) -> None:
        """This status, and this JSON, which nobody may cache."""
        answer = self.client.ask("GET", path)
        self.assertEqual((answer.status, json.loads(answer.body)), (status, said))
        self.assertEqual(
            (answer.fields["content-type"], answer.fields["cache-control"]), ("application/json", "no-store")
        )

    def test_live_daemon_says_so(self) -> None:
        """Whatever else is wrong: restarting would not help."""
        self.draining = True
        self.broker.status = BrokerStatus("redis", False, "refused")
        self.assert_said("/live", 200, live=True)

    def test_ready_daemon_says_so(self) -> None:
        """With what its broker does."""
        broker = {"name": "redis", "connected": True, "detail": "connected"}
        self.assert_said("/ready", 200, ready=True, draining=False, broker=broker)

    def test_lost_broker_is_told_and_no_reason_to_leave(self) -> None:
        """All nodes share it, and the site still works."""
        self.broker.status = BrokerStatus("redis", False, "refused")
        broker = {"name": "redis", "connected": False, "detail": "refused"}
        self.assert_said("/ready", 200, ready=True, draining=False, broker=broker)

    def test_draining_daemon_is_not_ready(self) -> None:
        """503 is what proxies look at."""
        self.draining = True
        broker = {"name": "redis", "connected": True, "detail": "connected"}
        self.assert_said("/ready", 503, ready=False, draining=True, broker=broker)

    def test_probes_may_ask_for_heads(self) -> None:
        """And in HTTP/1.0 without a host, as HAProxy does; nothing else is answered."""
        for path in ("/live", "/ready"):
            self.assertEqual(self.client.ask("HEAD", path).status, 200)
            self.assertEqual(self.client.ask("POST", path).status, 405)
            probe = Client(factory=self.client.factory)
            self.assertEqual(probe.ask("GET", path, version="1.0", host=None).status, 200)
