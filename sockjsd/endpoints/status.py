# -*- test-case-name: tests.endpoints.test_status -*-
"""``/status``: the daemon in numbers, for a page that looks at it every second.

It is off unless ``[server] status`` says otherwise, because it tells everybody who asks how busy the
daemon is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from sockjsd.brokers.interface import Broker
from sockjsd.channels.hub import Hub
from sockjsd.clients.hall import Hall
from sockjsd.http.fields import block
from sockjsd.http.handler import LeanHandler
from sockjsd.relay import Relay
from sockjsd.transports.endpoint import Endpoint

_JSON = block({"Content-Type": "application/json", "Cache-Control": "no-store"})


class Status(LeanHandler):
    """``/status``.

    ::

        {"uptime": seconds,
         "broker": {"name": str, "connected": bool, "detail": str},
         "hub": {"channels": int, "subscriptions": int, "publications": int, "deliveries": int},
         "relay": {"lines": int, "reads": int, "answers": int, "gaps": int, "repaired": int, "duplicates": int,
                   "plain": int, "resets": int, "rollbacks": int, "lost": int, "missed": int,
                   "missed_deliveries": int},
         "endpoints": {prefix: {"sessions_active": int, "connections_active": int, "connections_ps": float,
                                "packets_sent_ps": float, "packets_recv_ps": float, "transp_websocket": int, …,
                                "losses": {"connections": int, "messages": int, "skipped": int}}},
         "clients": {"clients": int, "users": int, "present": int, "presence_failures": int,
                     "refused": {code: int}, "disconnected": {code: int}}}

    ``clients`` is there where clients of the client protocol may connect.  The numbers of ``hub``, ``relay``,
    ``losses``, ``refused`` and ``disconnected`` only grow, but ``channels``, ``subscriptions`` and ``lines``.
    """

    METHODS = ("GET", "HEAD")

    def initialize(
        self,
        uptime: Callable[[], float],
        broker: Broker,
        hub: Hub,
        relay: Relay,
        endpoints: Iterable[Endpoint],
        hall: Hall | None = None,
        **options: Any,
    ) -> None:
        """Take the row."""
        self._uptime = uptime
        self._broker = broker
        self._hub = hub
        self._relay = relay
        self._endpoints = endpoints
        self._hall = hall

    def handle(self, *arguments: str) -> None:
        """Answer with the numbers of this moment."""
        body: dict[str, object] = {
            "uptime": round(self._uptime(), 3),
            "broker": asdict(self._broker.status),
            "hub": asdict(self._hub.counts),
            "relay": self._relay.counts,
            "endpoints": {endpoint.options.prefix: _numbers(endpoint) for endpoint in self._endpoints},
        }
        if self._hall is not None:
            body["clients"] = self._hall.counts
        self.exchange.respond(200, _JSON, json.dumps(body).encode() + b"\n")


def _numbers(endpoint: Endpoint) -> dict[str, object]:
    losses = endpoint.sessions.losses
    lost = {"connections": losses.connections, "messages": losses.messages, "skipped": losses.skipped}
    return {**endpoint.stats.dump(), "losses": lost}
