# -*- test-case-name: tests.endpoints.test_health -*-
"""``/live`` and ``/ready``: for whoever restarts the daemon, and for whoever sends it requests.

``/live`` answers 200 as long as the reactor turns.  ``/ready`` answers 200 while new
requests are welcome and 503 while the daemon drains.  A broker that is down is said in
the body and does **not** turn it into 503: all nodes share one Redis, so a proxy would
take out all of them, and a lost relay would become a lost site.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sockjsd.brokers.interface import Broker
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler

_JSON = block({"Content-Type": "application/json", "Cache-Control": "no-store"})


class Live(LeanHandler):
    """``/live``: ``{"live": true}``."""

    METHODS = ("GET", "HEAD")

    def handle(self, *arguments: str) -> None:
        """Answer: that is all there is to prove."""
        self.exchange.respond(200, _JSON, b'{"live":true}\n')


class Ready(LeanHandler):
    """``/ready``: ``{"ready": bool, "draining": bool, "broker": {"name": str, "connected": bool, "detail": str}}``."""

    METHODS = ("GET", "HEAD")

    def initialize(self, broker: Broker, draining: Callable[[], bool], **options: Any) -> None:
        """Take the row."""
        self._broker = broker
        self._draining = draining

    def handle(self, *arguments: str) -> None:
        """Answer what a proxy and an operator want to know."""
        status = self._broker.status
        draining = self._draining()
        body = {
            "ready": not draining,
            "draining": draining,
            "broker": {"name": status.name, "connected": status.connected, "detail": status.detail},
        }
        self.exchange.respond(503 if draining else 200, _JSON, json.dumps(body).encode() + b"\n")
