"""What is done to a stage while publications go on, by the names of the variants of ``make chaos``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from benchmarks.faults.stage import CrowdProcess, Stage

#: Seconds for which Redis, or a daemon, is away.
REDIS_AWAY, DAEMON_AWAY = 2.0, 3.0
#: Seconds by which a snapshot, or a replica, is old when Redis is killed.
BEHIND = 5.0
#: Seconds after a fault that takes something away in which clients that are not there miss what comes next: longer
#: than BEHIND, so that other publications have the offsets of those that they saw.
ABSENCE = 7.0
#: Where a snapshot is kept.
SNAPSHOT = "snapshot"

#: Something that happens once.
Fault = Callable[[], Awaitable[None]]


class Harm:
    """Does it, and remembers what was done.

    :ivar done: what has been done, in words.
    :param stage: what suffers; its Redis is one, or a setup with Sentinels, as the variant asks for.
    :param crowd: its clients.
    :param deserted: a channel whose clients are all away while Redis loses what they saw last.
    """

    def __init__(self, stage: Stage, crowd: CrowdProcess, deserted: str) -> None:
        self.done: list[str] = []
        self._stage = stage
        self._crowd = crowd
        self._deserted = deserted

    def schedule(self, variant: str) -> Sequence[tuple[float, Fault]]:
        """Return the faults of a variant, each with the share of the time when it happens."""
        redis, daemon = self._kill_redis, self._kill_daemon
        return {
            "killed": [(0.15, redis), (0.3, daemon), (0.45, redis), (0.6, daemon), (0.75, redis)],
            "plain": [(share, redis) for share in (0.15, 0.45, 0.75)],
            "orphaned": [(0.15, daemon), (0.55, daemon)],
            "wiped": [(0.4, self._wipe_redis)],
            "snapshot": [(0.4, self._roll_redis_back)],
            "failover": [(0.4, self._fail_over)],
        }[variant]

    # Nothing is lost but time.

    async def _kill_redis(self) -> None:
        self.done.append("Redis killed")
        self._stage.redis.kill()
        await self._start_redis()

    async def _kill_daemon(self) -> None:
        self.done.append("daemon killed")
        daemon = self._stage.daemons[0]
        await asyncio.to_thread(daemon.kill)
        await asyncio.sleep(DAEMON_AWAY)
        await asyncio.to_thread(daemon.start)

    # Publications that were acknowledged, and heard, are lost.

    async def _wipe_redis(self) -> None:
        await self._desert()
        self.done.append("Redis killed and wiped")
        self._stage.redis.kill()
        self._stage.redis.wipe()
        await self._start_redis()
        await self._return()

    async def _roll_redis_back(self) -> None:
        redis = self._stage.redis
        await asyncio.to_thread(redis.ask, "SAVE")
        await asyncio.to_thread(redis.copy_data, SNAPSHOT)
        await asyncio.sleep(BEHIND)
        await self._desert()
        self.done.append(f"Redis killed, and started from a snapshot {BEHIND:.0f} s old")
        redis.kill()
        await asyncio.to_thread(redis.bring_back, SNAPSHOT)
        await self._start_redis()
        await self._return()

    async def _fail_over(self) -> None:
        setup = self._stage.sentinels
        await asyncio.to_thread(setup.cut_replica_off)
        await asyncio.sleep(BEHIND)
        await self._desert()
        self.done.append(f"master killed, and replaced by a replica {BEHIND:.0f} s behind")
        await asyncio.to_thread(setup.fail_over)
        await self._return()

    async def _start_redis(self) -> None:
        await asyncio.sleep(REDIS_AWAY)
        await asyncio.to_thread(self._stage.redis.start)

    async def _desert(self) -> None:
        await self._crowd.ask(leave=self._deserted)

    async def _return(self) -> None:
        await asyncio.sleep(ABSENCE)
        await self._crowd.ask(come_back=self._deserted)
