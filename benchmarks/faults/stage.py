"""A Redis with daemons in front, all on the loopback interface, whose parts can be killed and started again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.functional.daemon import POLL_INTERVAL, ROOT, START_LIMIT, Daemon
from tests.functional.redis_sentinel import SentinelSetup
from tests.functional.redis_server import RedisServer

KEY = "for-benchmarks"
#: Channels of the crowd: they all have one namespace.
NAMESPACE = "c"

#: What every variant has; the history holds more than is ever missed, as long as it is not another one.
CHANNELS: Mapping[str, object] = {
    "enabled": "yes",
    "anonymous": "yes",
    "events": "yes",
    "api_key": KEY,
    "recovery_limit": 5000,
}
HISTORY: Mapping[str, object] = {
    "history_size": 5000,
    "history_ttl": 600,
    "recovery": "stream",
    "allow_subscribe": "anyone",
}


class Stage:
    """Everything but the clients.

    :param store: a Redis, or several with Sentinels; not started yet.
    :param daemons: how many.
    :param namespace: the options of the crowd's channels.
    :param channels: options of ``[channels]`` that are different.
    """

    def __init__(
        self,
        store: RedisServer | SentinelSetup,
        daemons: int = 2,
        namespace: Mapping[str, object] = HISTORY,
        channels: Mapping[str, object] | None = None,
    ) -> None:
        self.store = store
        sections: dict[str, Mapping[str, object]] = {
            "server": {"status": "yes"},
            "broker": {"url": store.url},
            "channels": {**CHANNELS, **(channels or {})},
            f"namespace {NAMESPACE}": namespace,
        }
        self.daemons = [Daemon(sections) for _ in range(daemons)]

    @property
    def redis(self) -> RedisServer:
        """The Redis, where it is only one."""
        assert isinstance(self.store, RedisServer)
        return self.store

    @property
    def sentinels(self) -> SentinelSetup:
        """Several, where there are."""
        assert isinstance(self.store, SentinelSetup)
        return self.store

    @property
    def urls(self) -> list[str]:
        """Where the daemons are."""
        return [daemon.url for daemon in self.daemons]

    def start(self) -> Stage:
        """Start everything."""
        try:
            self.store.start()
            for number, daemon in enumerate(self.daemons):
                daemon.start()
                self._wait_for_broker(number)
        except Exception:
            self.close()
            raise
        return self

    def _wait_for_broker(self, number: int) -> None:
        """Wait until a daemon that lives has reached Redis: before that, subscriptions have to be tried again."""
        deadline = time.monotonic() + START_LIMIT
        while not self.status(number)["broker"]["connected"]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"daemon {number} does not reach Redis")
            time.sleep(POLL_INTERVAL)

    def close(self) -> None:
        """End everything."""
        for daemon in self.daemons:
            daemon.close()
        self.store.close()

    def status(self, number: int) -> dict[str, Any]:
        """Return the numbers of one daemon."""
        with urllib.request.urlopen(f"{self.daemons[number].url}/status", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def call(self, method: str, number: int = 0, **fields: object) -> Any:
        """Return what the server API of one daemon answers."""
        return self._post(method, number, fields)["result"]

    def batch(self, commands: list[dict[str, Any]], number: int = 0) -> list[Any]:
        """Return the replies of one daemon to many commands."""
        replies: list[Any] = self._post("batch", number, {"commands": commands})["replies"]
        return replies

    def _post(self, method: str, number: int, fields: Mapping[str, object]) -> Any:
        request = urllib.request.Request(
            f"{self.daemons[number].url}/api/{method}", json.dumps(fields).encode(), {"X-API-Key": KEY}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


class CrowdProcess:
    """The clients, in a process of their own; whoever makes one owes a :meth:`close`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.faults.crowd"]
        self._process = subprocess.Popen(
            command, cwd=Path(ROOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def order(self, **order: object) -> dict[str, Any]:
        """Give one order, and return its answer; waits for it.

        :raises RuntimeError: the process has ended.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the clients ended before their time")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def ask(self, **order: object) -> dict[str, Any]:
        """Do the same while other things go on."""
        return await asyncio.to_thread(lambda: self.order(**order))

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()
