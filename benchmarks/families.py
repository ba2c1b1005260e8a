"""Which scenarios belong together in a plot, and what they are called there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Family:
    """Scenarios of one plot.

    :ivar name: of the file.
    :ivar title: above the plot.
    :ivar members: scenario → how it is called in the plot.
    :ivar compared: whether it belongs into a comparison with others.
    """

    name: str
    title: str
    members: dict[str, str]
    compared: bool = True


FAMILIES = (
    Family(
        "fan-out",
        "Fan-out: one message to many",
        {
            "fanout-1": "to 1 client",
            "fanout-100": "to 100 clients",
            "fanout-1000": "to 1,000 clients",
            "fanout-10000": "to 10,000 clients",
        },
    ),
    Family(
        "bursts",
        "Bursts, and many channels",
        {
            "burst-10": "10 messages at once",
            "burst-100": "100 messages at once",
            "many-channels": "1,000 clients on 50 of 1,000 channels each",
        },
    ),
    Family(
        "latency", "Latency: from the publication to the last of 1,000 clients", {"latency-1000": "99th percentile"}
    ),
    Family(
        "echo",
        "Echo: there and back through a WebSocket",
        {"echo-1": "1 client", "echo-100": "100 clients", "echo-1000": "1,000 clients"},
    ),
    Family(
        "sockjs",
        "Connecting, and SockJS without WebSockets",
        {
            "handshakes": "handshakes of WebSockets",
            "info": "/info",
            "xhr-new": "new xhr session",
            "xhr-send": "xhr_send",
            "xhr-receive": "xhr_send and xhr in turn",
        },
    ),
    Family(
        "memory",
        "Memory of an idle session",
        {"idle-memory": "10,000 WebSockets", "idle-streaming": "1,000 xhr_streaming"},
    ),
    Family(
        "django",
        "A Django site",
        {"django-hello": "a view that answers at once", "django-5ms": "a view that computes for 5 ms"},
    ),
    Family(
        "inside",
        "Inside the daemon",
        {"system-calls": "system calls for an echoed message", "profile": "our own Python in a fan-out"},
        compared=False,
    ),
)
