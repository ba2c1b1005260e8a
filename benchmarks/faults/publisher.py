"""Publishes through the server API at a steady rate, and repeats each publication until it is acknowledged.

Each channel has its own row of publications, numbered from 0; the next one goes out when the last was
acknowledged, so their order is known.  What was held up by a fault is made up for as fast as it goes.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Sequence
from typing import Any

import aiohttp

#: Seconds for one attempt.
ATTEMPT = 5.0
#: Seconds between two attempts.
PAUSE = (0.02, 0.2)
#: Seconds in which one publication has to be acknowledged; beyond it something else is broken.
GIVE_UP = 90.0


class Publisher:
    """One publisher for many channels.

    :param urls: of the daemons; each attempt goes to any of them.
    :param rate: publications a second, on all channels together.
    :ivar acknowledged: of each channel, how many were.
    :ivar attempts: how many were made.
    """

    def __init__(self, urls: Sequence[str], key: str, channels: Sequence[str], rate: float) -> None:
        self._urls = urls
        self._key = key
        self._period = len(channels) / rate
        self._run = uuid.uuid4().hex[:8]
        self._stopping = False
        self.acknowledged = dict.fromkeys(channels, 0)
        self.attempts = 0
        self.slowest = 0.0

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Publish until stopped; what was begun is acknowledged in the end.

        :raises RuntimeError: something was not acknowledged for very long.
        """
        await asyncio.gather(*(self._row(http, channel) for channel in self.acknowledged))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping = True

    @property
    def total(self) -> int:
        """How many were acknowledged."""
        return sum(self.acknowledged.values())

    async def _row(self, http: aiohttp.ClientSession, channel: str) -> None:
        due = time.monotonic() + random.uniform(0, self._period)
        while not self._stopping:
            await asyncio.sleep(due - time.monotonic())
            due += self._period
            await self._publish(http, channel, self.acknowledged[channel])
            self.acknowledged[channel] += 1

    async def _publish(self, http: aiohttp.ClientSession, channel: str, number: int) -> None:
        key = f"{self._run}-{channel}-{number}"
        command = {"channel": channel, "data": {"n": number}, "idempotency_key": key}
        begun = time.monotonic()
        while not await self._attempt(http, command):
            if time.monotonic() - begun > GIVE_UP:
                raise RuntimeError(f"{channel} {number} was not acknowledged within {GIVE_UP:.0f} s")
            await asyncio.sleep(random.uniform(*PAUSE))
        self.slowest = max(self.slowest, time.monotonic() - begun)

    async def _attempt(self, http: aiohttp.ClientSession, command: dict[str, Any]) -> bool:
        self.attempts += 1
        url = f"{random.choice(self._urls)}/api/publish"
        timeout = aiohttp.ClientTimeout(ATTEMPT)
        try:
            async with http.post(url, json=command, headers={"X-API-Key": self._key}, timeout=timeout) as answer:
                return "result" in await answer.json()
        except (TimeoutError, aiohttp.ClientError, OSError):
            return False
