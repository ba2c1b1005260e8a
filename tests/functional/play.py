"""What scenarios are played with: the nodes' configuration, the transports, and a client's everyday actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.functional.daemon import Daemon
from tests.functional.recorder import FILE, NODE
from tests.functional.sockjs_client import Answer, Stream, ask, wait_until

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

RECORDER = "tests.functional.recorder.Recorder"

#: The endpoints that the public suite wants, with a shorter delay, one that writes down what happens, and
#: one with many heartbeats.
_COMMON = {"allowed_origins": "*", "response_limit": 4096, "disconnect_delay": 2}
ENDPOINTS = {
    "endpoint echo": {"application": "echo", **_COMMON},
    "endpoint disabled_websocket_echo": {"application": "echo", "transports": "xhr xhr_streaming jsonp", **_COMMON},
    "endpoint cookie_needed_echo": {"application": "echo", "cookie": "yes", **_COMMON},
    "endpoint close": {"application": "close", **_COMMON},
    "endpoint recorder": {"application": RECORDER, **_COMMON},
    "endpoint lively": {"application": "echo", "heartbeat": 1, **_COMMON},
}

#: Of each streaming transport: method, last part of the URL, what stands between prelude and frames, and a frame.
STREAMS = {
    "xhr_streaming": ("POST", "/xhr_streaming", b"h" * 2048 + b"\n", b"%b\n"),
    "eventsource": ("GET", "/eventsource", b"\r\n", b"data: %b\r\n\r\n"),
    "htmlfile": ("GET", "/htmlfile?c=%63allback", b" " * 1024 + b"\r\n\r\n", b"<script>\np(%b);\n</script>\r\n"),
}


def make_node(name: str, **server: object) -> Daemon:
    """Return a daemon with ``ENDPOINTS``, not started, whose recorder knows its *name*."""
    node = Daemon({"server": server, **ENDPOINTS})
    node.environment |= {FILE: str(node.folder / "events"), NODE: name}
    return node


def events_of(nodes: Sequence[Daemon]) -> list[str]:
    """Return what the recorders of *nodes* wrote down."""
    files = [Path(node.folder, "events") for node in nodes]
    return [line for file in files if file.exists() for line in file.read_text().splitlines()]


def wrapped(name: str, frame: bytes) -> bytes:
    """Return *frame* as the streaming transport *name* sends it."""
    return STREAMS[name][-1] % (json.dumps(frame.decode()).encode() if name == "htmlfile" else frame)


class Play(SynchronousTestCase):
    """What a test case has to say, and what scenarios need all the time."""

    port: int
    nodes: Sequence[Daemon]

    def post(self, path: str, body: bytes = b"", **fields: str) -> Answer:
        """POST to *path* and return the answer."""
        return ask(self.port, "POST", path, body, **fields)

    def get(self, path: str, **fields: str) -> Answer:
        """GET *path* and return the answer."""
        return ask(self.port, "GET", path, b"", **fields)

    def poll(self, url: str) -> bytes:
        """Return what one poll of a session brings."""
        answer = self.post(url + "/xhr")
        self.assertEqual(200, answer.status)
        return answer.body

    def send(self, url: str, *texts: str) -> None:
        """Send messages to a session that exists."""
        answer = self.post(url + "/xhr_send", json.dumps(texts).encode())
        self.assertEqual((204, b""), (answer.status, answer.body))

    def stream(self, name: str, url: str) -> Stream:
        """Begin a stream and read its prelude."""
        method, ending, prelude, _ = STREAMS[name]
        stream = Stream(self.port, method, url + ending)
        self.addCleanup(stream.close)
        self.assertEqual(200, stream.response.status)
        stream.read_until(prelude)
        return stream

    def read(self, name: str, stream: Stream, frame: bytes) -> None:
        """Read the next frame, which has to be *frame*."""
        expected = wrapped(name, frame)
        self.assertEqual(expected, stream.read_until(expected))

    def wait_for_event(self, event: str, count: int) -> None:
        """Wait until a recorder has seen *event* *count* times."""
        wait_until(lambda: events_of(self.nodes).count(event) >= count, f"{event}, {count} times")
