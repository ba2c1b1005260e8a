"""``make chaos``: a crowd of clients, a publisher that repeats until it is acknowledged, and faults in between.

Of 1,000 clients, each on one of 20 channels, a quarter each connects over a WebSocket, over SockJS's WebSocket, over
SockJS's xhr-streaming, and as an EventSource.  200 publications a second go out for three minutes, while Redis is
killed three times and one of two daemons twice, and started again.  In the end the counts are printed.  Variants:

``killed``    Redis keeps everything (appendonly, fsync always): every client has to end with every acknowledged
              publication of its channel, once and in order.
``wiped``     it comes back empty, once: every client has to be told, none may lack something silently.
``snapshot``  it comes back as it was 5 s before, once: the same.
``failover``  its master is killed, and Sentinels replace it by a replica that is 5 s behind: the same.
In these three all clients of one channel are away meanwhile: they are told when they come back.
``plain``     no history, one daemon, Redis killed three times: what clients did not hear is what the daemon counted.
``orphaned``  no history, one of two daemons killed twice.  What is published until its clients have gone to another
              one no daemon can count: each client knows it from the numbers, over the client protocol.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from benchmarks.faults.harm import Harm
from benchmarks.faults.listeners import KINDS
from benchmarks.faults.publisher import Publisher
from benchmarks.faults.stage import KEY, NAMESPACE, CrowdProcess, Stage
from tests.functional.redis_sentinel import SentinelSetup
from tests.functional.redis_server import RedisServer

#: Seconds of publishing after the last fault, at least: who was told begins anew with what comes then.
SETTLING = 4.0
#: Seconds for the last client to be complete after the last publication.
PATIENCE = 60.0

VARIANTS = ("killed", "wiped", "snapshot", "failover", "plain", "orphaned")
#: The namespace of the last two.
WITHOUT_HISTORY = ("plain", "orphaned")
PLAIN = {"numbered": "yes", "allow_subscribe": "anyone"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything."""

    clients: int = 1000
    channels: int = 20
    rate: float = 200.0
    seconds: float = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    :ivar accounts: of the clients, by kind: see :class:`benchmarks.faults.crowd.Account`.
    :ivar seconds: from the last publication until the last client was complete.
    :ivar counted: publications that the daemon counted as missed, once for each client; without history only.
    """

    variant: str
    acknowledged: dict[str, int]
    attempts: int
    slowest: float
    accounts: dict[str, dict[str, Any]]
    seconds: float
    faults: list[str]
    errors: list[Any]
    counted: int = 0

    def total(self, name: str) -> int:
        """Return one count, of all kinds together."""
        return sum(account[name] for account in self.accounts.values())

    def problems(self) -> list[str]:
        """Return what must not be, in words; none in a good run."""
        if self.variant in WITHOUT_HISTORY:
            return self._problems_without_history()
        clients = self.total("clients")
        found = []
        for name in ("complete", "honest"):
            if self.total(name) != clients:
                found.append(f"{clients - self.total(name)} clients are not {name}")
        for name in ("twice", "missing"):
            if self.total(name):
                found.append(f"{self.total(name)} publications {name}")
        if self.variant == "killed" and self.total("told"):
            found.append(f"{self.total('told')} times a client was told that it missed something, and it need not")
        if self.variant != "killed" and self.total("untold"):
            found.append(f"{self.total('untold')} clients were not told that a history has ended")
        return found

    def _problems_without_history(self) -> list[str]:
        found = [f"{self.total('twice')} publications twice"] if self.total("twice") else []
        unheard = self.total("unheard")
        if self.variant == "orphaned":
            if self.total("unaware"):
                found.append(f"{self.total('unaware')} clients do not know how much they did not hear")
        elif unheard != self.counted:
            found.append(f"{unheard} publications were not heard, and {self.counted} were counted as missed")
        return found

    def _losses(self) -> str:
        counted = f"counted: {self.counted}" if self.variant == "plain" else f"clients know of: {self.total('skipped')}"
        return f"not heard: {self.total('unheard')}; {counted}"

    def lines(self) -> list[str]:
        """Return the report."""
        total = sum(self.acknowledged.values())
        head = "clients complete honest heard twice missing told untold connects".split()
        rows = [f"{'':22}" + "".join(f"{name:>10}" for name in head)]
        for kind, account in self.accounts.items():
            rows.append(f"{kind:22}" + "".join(f"{account[name]:>10}" for name in head))
        rows.append(f"{'all':22}" + "".join(f"{self.total(name):>10}" for name in head))
        return [
            f"{self.variant}: {total} publications acknowledged on {len(self.acknowledged)} channels, "
            f"{self.attempts} attempts, the slowest {self.slowest:.1f} s; faults: {', '.join(self.faults)}",
            *rows,
            f"the last client was complete {self.seconds:.2f} s after the last publication",
            *([self._losses()] if self.variant in WITHOUT_HISTORY else []),
            *(f"WRONG: {problem}" for problem in self.problems()),
        ]


class Chaos:
    """One run."""

    def __init__(self, variant: str, size: Size) -> None:
        self._variant = variant
        self._size = size
        self._channels = [f"{NAMESPACE}:{number}" for number in range(size.channels)]
        self.stage = make_stage(variant)

    def run(self) -> Outcome:
        """Start everything, do the worst, and count."""
        crowd = CrowdProcess()
        harm = Harm(self.stage, crowd, self._channels[-1])
        try:
            self.stage.start()
            self._gather(crowd)
            publisher = asyncio.run(self._publish(harm))
            counted = self._counted() if self._variant == "plain" else 0
            told = crowd.order(finish=publisher.acknowledged, patience=PATIENCE)
            return Outcome(
                self._variant,
                publisher.acknowledged,
                publisher.attempts,
                publisher.slowest,
                told["accounts"],
                told["seconds"],
                harm.done,
                told["errors"],
                counted,
            )
        finally:
            crowd.close()
            self.stage.close()

    def _gather(self, crowd: CrowdProcess) -> None:
        """Let all clients connect."""
        size = self._size
        kinds = list(KINDS)[:-1] if self._variant == "orphaned" else list(KINDS)
        begin = {"urls": self.stage.urls, "kinds": kinds, "clients": size.clients, "channels": size.channels}
        live = crowd.order(prefix=f"{NAMESPACE}:", **begin)["live"]
        if live != size.clients:
            raise RuntimeError(f"only {live} of {size.clients} clients are live")

    def _counted(self) -> int:
        """Return what the daemon counted as missed."""
        counted: int = self.stage.status(0)["relay"]["missed_deliveries"]
        return counted

    async def _publish(self, harm: Harm) -> Publisher:
        """Publish while the faults happen."""
        publisher = Publisher(self.stage.urls, KEY, self._channels, self._size.rate)
        async with aiohttp.ClientSession() as http:
            publishing = asyncio.create_task(publisher.run(http))
            begun = time.monotonic()
            for share, fault in harm.schedule(self._variant):
                await asyncio.sleep(begun + share * self._size.seconds - time.monotonic())
                await fault()
            end = max(begun + self._size.seconds, time.monotonic() + SETTLING)
            await asyncio.sleep(end - time.monotonic())
            publisher.stop()
            await publishing
        return publisher


def make_stage(variant: str) -> Stage:
    """Return what a variant needs, not started yet."""
    if variant == "failover":
        return Stage(SentinelSetup())
    redis = RedisServer(appendonly=variant != "snapshot")
    if variant in WITHOUT_HISTORY:
        return Stage(redis, 1 if variant == "plain" else 2, PLAIN)
    return Stage(redis)


def parse(words: Sequence[str]) -> tuple[list[str], Size]:
    """Return what the command line asks for: variants, and how much of everything."""
    parser = argparse.ArgumentParser(prog="make chaos", description="Faults, and what every client has in the end.")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="some of " + ", ".join(VARIANTS))
    parser.add_argument("--clients", type=int, default=Size().clients)
    parser.add_argument("--seconds", type=float, default=Size().seconds)
    arguments = parser.parse_args(words)
    variants = arguments.variants.split(",")
    if unknown := set(variants) - set(VARIANTS):
        parser.error(f"no variants: {', '.join(sorted(unknown))}")
    return variants, Size(arguments.clients, seconds=arguments.seconds)


def main() -> int:
    """Run what the command line asks for; the status is 1 when something must not be."""
    wrong = False
    variants, size = parse(sys.argv[1:])
    for variant in variants:
        outcome = Chaos(variant, size).run()
        print("\n".join(outcome.lines()) + "\n", flush=True)
        wrong = wrong or bool(outcome.problems())
        if outcome.problems():
            print(*(fault for account in outcome.accounts.values() for fault in account["faults"]), sep="\n")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
