"""An EventSource for functional tests: blocking, remembers the last id as a browser does; and a way to publish."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from tests.functional.daemon import Daemon
from tests.functional.sockjs_client import Stream, ask, wait_until

#: The key of the server API in these tests.
KEY = "a key for tests"

#: What anyone may hear: ``kept`` has a history, and of ``price`` only the latest counts.
NAMESPACES: dict[str, dict[str, object]] = {
    "namespace": {"allow_subscribe": "anyone"},
    "namespace kept": {
        "allow_subscribe": "anyone",
        "history_size": 1000,
        "history_ttl": 600,
        "recovery": "stream",
    },
    "namespace price": {"allow_subscribe": "anyone", "history_size": 1, "history_ttl": 600, "recovery": "cache"},
}


def make_daemon(redis_url: str = "", **channels: object) -> Daemon:
    """Return a daemon with event streams, not started."""
    sections: dict[str, dict[str, object]] = {"channels": {"events": "yes", "api_key": KEY, **channels}, **NAMESPACES}
    if redis_url:
        sections["broker"] = {"url": redis_url, "ping_interval": 1}
    return Daemon(sections)


def call(port: int, method: str, **parameters: Any) -> Any:
    """Call the server API and return the result.

    :raises AssertionError: it was refused.
    """
    answer = ask(port, "POST", f"/api/{method}", json.dumps(parameters).encode(), X_API_Key=KEY)
    body = json.loads(answer.body)
    assert answer.status == 200 and "result" in body, (answer.status, body)
    return body["result"]


def publish(port: int, channel: str, *data: object) -> None:
    """Publish each of *data*, until it is acknowledged: with a key, so that none comes twice."""
    for each in data:
        key = sha256(f"{channel} {each}".encode()).hexdigest()

        def acknowledged(each: object = each, key: str = key) -> bool:
            try:
                call(port, "publish", channel=channel, data=each, idempotency_key=key)
            except (AssertionError, OSError):
                return False
            return True

        wait_until(acknowledged, f"{str(each)[:60]} to be published on {channel}")


@dataclass(frozen=True, slots=True)
class Event:
    """One event, as a page gets it."""

    name: str
    data: str


class EventSource:
    """A stream of some channels.

    :param port: of 127.0.0.1.
    :ivar last_id: what it would say when it comes back.
    """

    def __init__(self, port: int, *channels: str, last_id: str = "") -> None:
        self.last_id = last_id
        query = urlencode([("channel", channel) for channel in channels])
        fields = {"Last_Event_ID": last_id} if last_id else {}
        self.stream = Stream(port, "GET", f"/events?{query}", **fields)
        assert self.stream.response.status == 200, self.stream.read_rest()

    def read(self) -> Event:
        """Return the next event; comments and ids alone are none."""
        while True:
            name, lines = "message", []
            for line in self.stream.read_until(b"\n\n").decode().splitlines():
                field, _, value = line.partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    lines.append(value)
                elif field == "id":
                    self.last_id = value
            if lines:
                return Event(name, "\n".join(lines))

    def read_data(self, count: int) -> list[object]:
        """Return the data of the next *count* events, from JSON."""
        return [json.loads(self.read().data) for _ in range(count)]

    def close(self) -> None:
        """Leave."""
        self.stream.close()
