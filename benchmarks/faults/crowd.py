"""Many clients in one process: ``python -m benchmarks.faults.crowd`` with its orders in JSON, one a line.

::

    {"urls": […], "kinds": […], "clients": 1000, "channels": 20}     begin; answers {"live": 1000} when all listen
    {"leave": "c:19"}                                                all clients of one channel close; answers as above
    {"come_back": "c:19"}                                            they connect again, each to another daemon
    {"finish": {"c:0": 1200, …}, "patience": 30}                     answers the accounts when all are complete, or
                                                                     patience is over, and ends

It is a process of its own so that it shares neither the reactor nor the GIL with anything that it measures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import aiohttp

from benchmarks.faults.listeners import KINDS, Listener

#: Seconds in which all clients have to be connected and subscribed.
START_LIMIT = 60.0
#: Clients that begin at the same time.
AT_ONCE = 100
#: Seconds between two looks.
LOOK = 0.05
#: Clients whose faults are told in full.
SHOWN = 5


@dataclass(slots=True)
class Account:
    """The clients of one kind, added up; what is told of a fault is bounded.

    :ivar unheard: publications that did not reach one of them.
    :ivar skipped: those of them that the clients know of.
    :ivar unaware: clients whose own count is another one.
    """

    clients: int = 0
    complete: int = 0
    honest: int = 0
    heard: int = 0
    twice: int = 0
    missing: int = 0
    told: int = 0
    untold: int = 0
    unheard: int = 0
    skipped: int = 0
    unaware: int = 0
    connects: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def add(self, listener: Listener, acknowledged: int) -> None:
        """Add one client, on whose channel there were *acknowledged* publications."""
        ledger = listener.ledger
        self.clients += 1
        self.complete += ledger.is_complete(acknowledged)
        self.honest += ledger.is_honest(acknowledged)
        self.heard += ledger.heard
        self.twice += ledger.twice
        self.missing += ledger.missing
        self.told += ledger.told
        self.untold += not ledger.told
        unheard = acknowledged - (ledger.heard - ledger.twice)
        self.unheard += unheard
        self.skipped += listener.skipped
        self.unaware += listener.skipped != unheard
        self.connects += listener.connects
        if not ledger.is_complete(acknowledged) or not ledger.is_honest(acknowledged):
            self._remember(listener, acknowledged)

    def _remember(self, listener: Listener, acknowledged: int) -> None:
        if len(self.faults) < SHOWN:
            who = {"channel": listener.channel, "acknowledged": acknowledged, "live": listener.is_live}
            self.faults.append({**who, **asdict(listener.ledger), "errors": listener.errors})


class Crowd:
    """The clients."""

    def __init__(self, http: aiohttp.ClientSession, order: dict[str, Any]) -> None:
        kinds, channels = order["kinds"], order["channels"]
        self.listeners: list[tuple[str, Listener]] = []
        for number in range(order["clients"]):
            kind = kinds[number % len(kinds)]
            # Each kind is on each channel.
            channel = f"{order.get('prefix', 'c:')}{number // len(kinds) % channels}"
            self.listeners.append((kind, KINDS[kind](http, order["urls"], channel)))
        # In the order of the listeners.
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> int:
        """Let all listen; return how many do in the end."""
        for number, (_, listener) in enumerate(self.listeners):
            self._tasks.append(asyncio.create_task(listener.run()))
            if number % AT_ONCE == AT_ONCE - 1:
                await asyncio.sleep(LOOK)
        deadline = time.monotonic() + START_LIMIT
        while self.live < len(self.listeners) and time.monotonic() < deadline:
            await asyncio.sleep(LOOK)
        return self.live

    async def leave(self, channel: str) -> None:
        """Let all clients of *channel* close their connections, and stay away."""
        pairs = zip(self.listeners, self._tasks, strict=True)
        await end([task for (_, listener), task in pairs if listener.channel == channel])

    def come_back(self, channel: str) -> None:
        """Let them connect again; they know where they were."""
        for index, (_, listener) in enumerate(self.listeners):
            if listener.channel == channel:
                listener.turn()
                self._tasks[index] = asyncio.create_task(listener.run())

    @property
    def live(self) -> int:
        """How many listen now."""
        return sum(listener.is_live for _, listener in self.listeners)

    async def finish(self, acknowledged: dict[str, int], patience: float) -> dict[str, Any]:
        """Wait until all are complete, and return their accounts."""
        begun = time.monotonic()
        while time.monotonic() - begun < patience and not self._all_complete(acknowledged):
            await asyncio.sleep(LOOK)
        seconds = time.monotonic() - begun
        accounts: dict[str, Account] = {}
        for kind, listener in self.listeners:
            accounts.setdefault(kind, Account()).add(listener, acknowledged.get(listener.channel, 0))
        await end(self._tasks)
        errors = Counter(error for _, listener in self.listeners for error in listener.errors)
        told = {kind: asdict(account) for kind, account in accounts.items()}
        return {"accounts": told, "seconds": seconds, "errors": errors.most_common(SHOWN)}

    def _all_complete(self, acknowledged: dict[str, int]) -> bool:
        return all(each.ledger.is_complete(acknowledged.get(each.channel, 0)) for _, each in self.listeners)


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """End *tasks*, which never do so by themselves; one cancellation may come while one is leaving anyway.

    :raises RuntimeError: one has ended by itself.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=LOOK)
    for task in tasks:
        if not task.cancelled():
            raise RuntimeError("a client ended by itself") from task.exception()


async def obey(crowd: Crowd, order: dict[str, Any]) -> dict[str, Any]:
    """Carry out one order, and return the answer."""
    if "finish" in order:
        return await crowd.finish(order["finish"], order["patience"])
    if "leave" in order:
        await crowd.leave(order["leave"])
    if "come_back" in order:
        crowd.come_back(order["come_back"])
    return {"live": crowd.live}


async def main() -> None:
    """Carry out the orders."""
    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=0, force_close=False, keepalive_timeout=5)
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=2**20) as http:
        crowd: Crowd | None = None
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            order = json.loads(line)
            if crowd is None:
                crowd = Crowd(http, order)
                await crowd.begin()
            print(json.dumps(await obey(crowd, order)), flush=True)
            if "finish" in order:
                return


if __name__ == "__main__":
    asyncio.run(main())
