# -*- test-case-name: tests.test_proto -*-
"""SockJS's frames as text, and JSON as it is sent here: the names that users of sockjs-cyclone import."""

from __future__ import annotations

import json
from typing import Any

from sockjsd.sockjs import frames

CONNECT = frames.OPEN.decode()
HEARTBEAT = frames.HEARTBEAT.decode()
#: The letters that begin a close frame and a message frame.
DISCONNECT = "c"
MESSAGE = "a"


def json_encode(data: Any) -> str:
    """Return *data* as JSON without white space; a message has to be a string.

    :raises TypeError: JSON has nothing for it.
    """
    return json.dumps(data, separators=(",", ":"))


def json_decode(data: str | bytes) -> Any:
    """Return what *data* says.

    :raises ValueError: it is not JSON.
    """
    return json.loads(data)


def disconnect(code: int, reason: str) -> str:
    """Return the close frame; *reason* may hold any character."""
    return frames.close(code, reason).decode()


def message(*texts: str) -> str:
    """Return the message frame with *texts*."""
    return frames.array(b",".join(map(frames.quote, texts))).decode()
