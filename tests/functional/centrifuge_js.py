"""npm's centrifuge-js in a process of its own, told what to do and writing down what happens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.functional import need
from tests.functional.sockjs_client import wait_until

HERE = Path(__file__).parent
#: Where tools/node_modules.sh puts the libraries.
LIBRARIES = Path(sys.prefix, "share", "node", "node_modules")
PROGRAM = HERE / "node" / "client.js"

#: The ways in which centrifuge-js connects.
TRANSPORTS = ("websocket", "sockjs", "http_stream", "sse")

Event = dict[str, Any]


def need_node() -> str:
    """Return the path of node.

    :raises SkipTest: node or the libraries are not there.
    :raises AssertionError: the same in CI.
    """
    (node,) = need("node")
    if not (LIBRARIES / "centrifuge").is_dir():
        reason = "centrifuge-js is not installed (make venv fetches it)"
        raise AssertionError(reason) if os.environ.get("CI") else SkipTest(reason)
    return node


class CentrifugeJS:
    """One client; whoever makes it owes a :meth:`close`.

    :param base: host and port of the daemon.
    :param transport: one of ``TRANSPORTS``.
    :param options: of centrifuge-js.
    :param tokens: what its ``getToken`` gives, one after the other; the last one again and again.
    :ivar events: what happened: ``{"event": "connected", "of": "client", …}``, in order.
    """

    def __init__(
        self,
        base: str,
        transport: str = "websocket",
        options: dict[str, Any] | None = None,
        tokens: list[str] | None = None,
        sockjs: str = "",
    ) -> None:
        self.events: list[Event] = []
        self._ids = count(1)
        self._process = subprocess.Popen(
            [need_node(), str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"NODE_PATH": str(LIBRARIES)},
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        more = {"tokens": tokens} if tokens else {}
        self.tell("open", transport=transport, base=base, options=options or {}, sockjs=sockjs, **more)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))

    def tell(self, what: str, **details: Any) -> None:
        """Let it do something: see ``client.js``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": what, **details}) + "\n")
        self._process.stdin.flush()

    def found(self, event: str, **details: Any) -> list[Event]:
        """Return what happened so far of this kind, with these details."""
        wanted = {"event": event, **details}
        return [each for each in list(self.events) if wanted.items() <= each.items()]

    def wait(self, event: str, times: int = 1, **details: Any) -> Event:
        """Wait until *event* with *details* has happened so many *times*; return the last of these."""
        try:
            wait_until(lambda: len(self.found(event, **details)) >= times, f"{times} × {event} {details}")
        except AssertionError as error:
            raise AssertionError(f"{error}; there were {self.events}") from None
        return self.found(event, **details)[times - 1]

    def subscribe(self, channel: str, options: dict[str, Any] | None = None, tokens: list[str] | None = None) -> Event:
        """Subscribe, and wait until that is done; return what the client was told."""
        more = {"tokens": tokens} if tokens else {}
        self.tell("subscribe", channel=channel, options=options or {}, **more)
        return self.wait("subscribed", of="subscription", channel=channel)

    def call(self, method: str, *arguments: Any, channel: str | None = None) -> Any:
        """Call a method of the client, or of its subscription to *channel*.

        :return: what it returned; the error as a pair of code and message where it was refused.
        """
        number = next(self._ids)
        more = {} if channel is None else {"channel": channel}
        self.tell("call", id=number, method=method, arguments=arguments, **more)
        result = self.wait("result", id=number)
        if "error" in result:
            return result["error"]["code"], result["error"]["message"]
        return result.get("result")

    def publications(self, channel: str) -> list[Any]:
        """Return the data of what came on *channel*, in order."""
        return [each["data"] for each in self.found("publication", channel=channel)]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()
