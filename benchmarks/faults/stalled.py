"""``make stalled``: one client among 1,000 stops reading, and nobody else notices.

Publications go to one channel at a steady rate.  Told is how long they take to the clients that read: with all of them
reading, with one that does not, and with all reading again, because two figures alone would not show how much they
vary by themselves; what the daemon keeps for that one, and what it does with it in the end, for each output policy.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.quick import Marks, Quick, allow_many_files, close_all, connect_all, text_frame
from benchmarks.faults.stage import NAMESPACE, Stage
from tests.functional.redis_server import RedisServer

CHANNEL = f"{NAMESPACE}:stalled"
POLICIES = ("disconnect", "drop-oldest", "latest-only")
#: Bytes that may wait for one client; small, so that a short run reaches it.
OUTPUT_LIMIT = 256 * 1024
#: Bytes in one publication: so few that the clients, which are one process, keep up with ease.
SIZE = 4 * 1024
#: Seconds between two publications.
PERIOD = 0.025
#: Publications in each part: beyond the limit and the kernel's buffers, which are megabytes.
PUBLICATIONS = 900
#: Of them, how many are sent before anything is measured.
WARM = 100
#: Seconds between two pings: longer than all parts together.
PING_INTERVAL = 600
#: Seconds in which a publication has to reach everybody who reads.
LIMIT = 20.0
#: What stalls asks the kernel for; without that it takes megabytes.
RECEIVE_BUFFER = 4096


@dataclass(frozen=True, slots=True)
class Times:
    """Times from publishing to arriving, in seconds."""

    p50: float
    p99: float
    worst: float

    @classmethod
    def of(cls, times: Sequence[float]) -> Times:
        """Return them for *times*."""
        ordered = sorted(times)
        return cls(ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])

    def __str__(self) -> str:
        return f"p50 {self.p50 * 1000:6.1f} ms  p99 {self.p99 * 1000:6.1f} ms  worst {self.worst * 1000:6.1f} ms"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one policy.

    :ivar alone: with all clients reading.
    :ivar beside: with one that does not.
    :ivar again: with those that remain, once it reads again.
    :ivar sent: bytes that were published meanwhile for each client.
    :ivar grown: bytes by which the daemon grew.
    :ivar cut: whether the client that does not read was disconnected.
    :ivar losses: what the daemon counted: connections and messages.
    """

    policy: str
    alone: Times
    beside: Times
    again: Times
    sent: int
    grown: int
    cut: bool
    losses: dict[str, int]

    def lines(self) -> list[str]:
        """Return the report."""
        return [
            f"{self.policy}",
            f"  all read              {self.alone}",
            f"  one does not          {self.beside}",
            f"  all read again        {self.again}",
            f"  published meanwhile   {self.sent / 2**20:.1f} MiB; the daemon grew by {self.grown / 2**20:.1f} MiB",
            f"  the one was           {'disconnected' if self.cut else 'kept'}; counted losses: {self.losses}",
        ]


class Run:
    """One run.

    :param policy: the namespace's ``output_policy``.
    :param readers: clients that read.
    :param publications: in each part.
    :param size: bytes in each.
    :param period: seconds between two.
    """

    def __init__(self, policy: str, readers: int, publications: int, size: int = SIZE, period: float = PERIOD) -> None:
        allow_many_files()
        self._policy = policy
        self._readers = readers
        self._publications = publications
        self._text = "x" * size
        self._period = period
        self._number = 0
        namespace = {"allow_subscribe": "anyone", "output_policy": policy}
        # Who does not read answers no pings either, and would be cut for that before its policy is tried.
        self.stage = Stage(RedisServer(), 1, namespace, {"output_limit": OUTPUT_LIMIT, "ping_interval": PING_INTERVAL})

    def run(self) -> Outcome:
        """Start everything, and measure."""
        self.stage.start()
        try:
            return asyncio.run(self._measure())
        finally:
            self.stage.close()

    async def _measure(self) -> Outcome:
        marks = Marks()
        subscribe = text_frame('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"' + CHANNEL + '"}}')
        subscribed = b'"id":2,"subscribe"'
        readers = [Quick(subscribe, subscribed, marks.seen) for _ in range(self._readers)]
        stalled = Quick(subscribe, subscribed, marks.seen)
        marks.expect(self._readers + 1)
        port = self.stage.daemons[0].port
        await connect_all(port, readers)
        await connect_all(port, [stalled], RECEIVE_BUFFER)
        await marks.reached(LIMIT)
        await self._part([*readers, stalled], marks, min(WARM, self._publications))  # the daemon, and caches
        alone = await self._part([*readers, stalled], marks)
        assert stalled.transport is not None
        stalled.transport.pause_reading()
        before, losses = self._memory(), self._losses()
        beside = await self._part(readers, marks)
        counted = {name: count - losses[name] for name, count in self._losses().items()}
        grown = self._memory() - before
        stalled.transport.resume_reading()
        cut = await self._is_cut(stalled, counted["connections"] > 0)
        again = await self._part(readers, marks)
        outcome = Outcome(self._policy, alone, beside, again, self._publications * len(self._text), grown, cut, counted)
        close_all([*readers, stalled])
        return outcome

    async def _is_cut(self, stalled: Quick, expected: bool) -> bool:
        """Return whether the client loses its connection, now that it reads what was on its way."""
        deadline = time.monotonic() + (LIMIT if expected else 1.0)
        while not stalled.lost and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        return stalled.lost

    async def _part(self, clients: list[Quick], marks: Marks, count: int = 0) -> Times:
        """Publish at a steady rate, as many as in each part unless told otherwise; return the times of all arrivals."""
        times: list[float] = []
        for _ in range(count or self._publications):
            begun = time.monotonic()
            times += await self._one(clients, marks)
            await asyncio.sleep(max(0.0, begun + self._period - time.monotonic()))
        return Times.of(times)

    async def _one(self, clients: list[Quick], marks: Marks) -> list[float]:
        self._number += 1
        for client in clients:
            client.mark = b'"n": %d}' % self._number
        marks.expect(len(clients))
        begun = time.monotonic()
        data = {"text": self._text, "n": self._number}
        await asyncio.to_thread(self.stage.call, "publish", channel=CHANNEL, data=data)
        await marks.reached(LIMIT)
        return [when - begun for when in marks.times]

    def _losses(self) -> dict[str, int]:
        """Return what the daemon counted as lost, on all its endpoints."""
        total: dict[str, int] = {}
        for numbers in self.stage.status(0)["endpoints"].values():
            for name, count in numbers["losses"].items():
                total[name] = total.get(name, 0) + count
        return total

    def _memory(self) -> int:
        """Return the daemon's resident size in bytes."""
        status = Path(f"/proc/{self.stage.daemons[0].pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="make stalled", description="One client stops reading.")
    parser.add_argument("--policies", default=",".join(POLICIES), help="some of " + ", ".join(POLICIES))
    parser.add_argument("--readers", type=int, default=1000)
    parser.add_argument("--publications", type=int, default=PUBLICATIONS)
    arguments = parser.parse_args()
    for policy in arguments.policies.split(","):
        outcome = Run(policy, arguments.readers, arguments.publications).run()
        print("\n".join(outcome.lines()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
