# -*- test-case-name: tests.functional.test_bad_http -*-
"""An application for functional tests, which runs in the daemon: it counts what the daemon holds at this moment."""

from __future__ import annotations

import gc
import json
from collections import Counter

from sockjsd.losses import Losses
from sockjsd.registry import Registry
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.wheel import Wheel

#: What is made for a client, and has to be gone after it; whoever is kept by a forgotten reference is found too.
PASSING = frozenset(
    "HTTPConnection Reader Exchange Request WSGIRequest Body SpooledTemporaryFile Session Guard Polling Streaming "
    "WebSocketReceiver Connection Server TLSMemoryBIOProtocol HAProxyProtocolWrapper".split()
)


class Census(SockJSConnection):
    """Answers each message with a count, as JSON; itself it is one session, one timer and one connection."""

    def messageReceived(self, message: str) -> None:
        """Count."""
        self.sendMessage(json.dumps(census()))


def census() -> dict[str, dict[str, int]]:
    """Return how many sessions, timers by what waits, and objects by class there are.

    Neither the node nor its parts can be reached from an application, so they are looked for among all objects.
    """
    gc.collect()
    everything = gc.get_objects()
    registries = [thing for thing in everything if type(thing) is Registry]
    wheels = [thing for thing in everything if type(thing) is Wheel]
    # Losses only wait to tell the next ones together, and hold nothing of a client.
    waiting = (item for wheel in wheels for slot in wheel._slots.values() for item in slot if type(item) is not Losses)
    objects = Counter(type(thing).__name__ for thing in everything)
    return {
        "sessions": {registry.losses._where: len(registry) for registry in registries},
        "timers": Counter(type(item).__name__ for item in waiting),
        "objects": {name: objects[name] for name in sorted(PASSING)},
    }
