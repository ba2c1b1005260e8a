"""``make storm``: everybody comes back at once to a channel on which something was published meanwhile.

5,000 clients listen to one channel, are cut off, miss 100 publications, and connect again at the same moment, each
with its last position.  Told are how often Redis read the history for that, and how long it took until the last
client had everything; beside it the time of a fan-out, of one publication and of the 100, to the same clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass

import redis as redis_client

from benchmarks.faults.quick import Marks, Quick, allow_many_files, close_all, connect_all, text_frame
from benchmarks.faults.stage import NAMESPACE, Stage
from tests.functional.redis_server import RedisServer

CHANNEL = f"{NAMESPACE}:storm"
#: Seconds for anything here.
LIMIT = 120.0
#: Reads of the history that a storm may cost: "a handful".
HANDFUL = 10
#: What reads a stream in Redis.
READS = ("xrange", "xrevrange")


@dataclass(frozen=True, slots=True)
class Storm:
    """What a storm took; times in seconds.

    :ivar reads: of the history, in Redis.
    :ivar connecting: until all were connected the first time, without anything missed.
    :ivar recovering: from the moment at which all began to connect, until the last one had all it had missed.
    :ivar one: a fan-out of one publication.
    :ivar many: a fan-out of as many as were missed, published as fast as possible.
    """

    clients: int
    missed: int
    reads: int
    connecting: float
    recovering: float
    one: float
    many: float

    def lines(self) -> list[str]:
        """Return the report."""
        return [
            f"{self.clients} clients, {self.missed} publications missed by each",
            f"reads of the history in Redis   {self.reads:8}",
            f"first connection of all         {self.connecting:8.2f} s",
            f"all connected and recovered     {self.recovering:8.2f} s",
            f"fan-out of 1 publication        {self.one:8.3f} s",
            f"fan-out of {self.missed:<4} publications    {self.many:8.2f} s",
        ]


def mark(number: int) -> bytes:
    """Return what ends the data of a publication, and of no other."""
    return b'"n": %d}' % number


def commands(position: dict[str, object] | None) -> bytes:
    """Return the first commands of a client, with its position where it has one."""
    wish = {"channel": CHANNEL, **({"recover": True, **position} if position else {})}
    return text_frame('{"id":1,"connect":{}}\n' + json.dumps({"id": 2, "subscribe": wish}))


class Run:
    """One run.

    :param clients: how many.
    :param missed: how many publications they miss.
    """

    def __init__(self, clients: int, missed: int) -> None:
        allow_many_files()
        self._clients = clients
        self._missed = missed
        self._published = 0
        self.stage = Stage(RedisServer(), 1)

    def run(self) -> Storm:
        """Start everything, and measure."""
        self.stage.start()
        try:
            return asyncio.run(self._measure())
        finally:
            self.stage.close()

    async def _measure(self) -> Storm:
        self._marks = Marks()
        first = self._make(commands(None), b'"id":2,"subscribe"')
        connecting = await self._timed(first)
        one = await self._fan_out(first, 1)
        many = await self._fan_out(first, self._missed)
        close_all(first)
        await self._until_gone()
        position = self.stage.call("history", channel=CHANNEL)
        self._publish(self._missed)
        before = self._reads()
        back = self._make(
            commands({"offset": position["offset"], "epoch": position["epoch"]}), mark(self._published - 1)
        )
        recovering = await self._timed(back)
        reads = self._reads() - before
        close_all(back)
        return Storm(self._clients, self._missed, reads, connecting, recovering, one, many)

    def _make(self, said: bytes, wanted: bytes) -> list[Quick]:
        return [Quick(said, wanted, self._marks.seen) for _ in range(self._clients)]

    async def _timed(self, clients: list[Quick]) -> float:
        """Connect all, and return the time until each has seen its mark."""
        self._marks.expect(len(clients))
        begun = time.monotonic()
        await connect_all(self.stage.daemons[0].port, clients)
        return await self._marks.reached(LIMIT) - begun

    async def _fan_out(self, clients: list[Quick], count: int) -> float:
        """Publish, and return the time until the last client has the last publication."""
        for client in clients:
            client.mark = mark(self._published + count - 1)
        self._marks.expect(len(clients))
        begun = time.monotonic()
        await asyncio.to_thread(self._publish, count)
        return await self._marks.reached(LIMIT) - begun

    def _publish(self, count: int) -> None:
        """Publish *count* in one request."""
        publications = [
            {"publish": {"channel": CHANNEL, "data": {"text": "x" * 80, "n": number}}}
            for number in range(self._published, self._published + count)
        ]
        self._published += count
        self.stage.batch(publications)

    async def _until_gone(self) -> None:
        """Wait until the daemon has noticed that nobody is there."""
        deadline = time.monotonic() + LIMIT
        while self.stage.status(0)["hub"]["subscriptions"]:
            if time.monotonic() > deadline:
                raise TimeoutError("the daemon still has subscriptions")
            await asyncio.sleep(0.05)

    def _reads(self) -> int:
        """Return how often Redis has read a stream."""
        with redis_client.Redis(port=self.stage.redis.port) as connection:
            stats = connection.info("commandstats")
        return sum(int(stats.get(f"cmdstat_{name}", {}).get("calls", 0)) for name in READS)


def main() -> int:
    """Run what the command line asks for; the status is 1 when Redis read too often."""
    parser = argparse.ArgumentParser(prog="make storm", description="Everybody comes back at once.")
    parser.add_argument("--clients", type=int, default=5000)
    parser.add_argument("--missed", type=int, default=100)
    arguments = parser.parse_args()
    storm = Run(arguments.clients, arguments.missed).run()
    print("\n".join(storm.lines()))
    if storm.reads > HANDFUL:
        print(f"WRONG: more than {HANDFUL} reads of the history")
    return int(storm.reads > HANDFUL)


if __name__ == "__main__":
    sys.exit(main())
