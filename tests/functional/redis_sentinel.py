"""A real Redis behind real Sentinels: one master, one replica, three Sentinels, all child processes on free ports."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from shutil import rmtree, which
from typing import Any

import redis

from tests.functional.redis_server import START_LIMIT, STOP_LIMIT, RedisServer, find_free_port

#: What the Sentinels call the master.
MASTER = "mymaster"
#: How many Sentinels there are, and how many have to agree.
SENTINELS, QUORUM = 3, 2
#: Milliseconds after which a Redis that does not answer counts as down.
DOWN_AFTER = 500
#: Seconds in which a replica has to follow its master, Sentinels to find each other, or a failover to be done.
PATIENCE = 30.0
#: Seconds between two looks.
POLL_INTERVAL = 0.05


def sentinel_is_installed() -> bool:
    """Say whether there is a ``redis-server`` that can be a Sentinel."""
    return which("redis-server") is not None


class SentinelSetup:
    """Whoever calls :meth:`start` owes a :meth:`close`.

    :ivar master: the Redis that is the master at the beginning.
    :ivar replica: the one that becomes it.
    """

    def __init__(self) -> None:
        self.master = RedisServer(appendonly=True)
        self.replica = RedisServer(appendonly=True, more=("--replicaof", "127.0.0.1", str(self.master.port)))
        self.ports = [find_free_port() for _ in range(SENTINELS)]
        self._folder = tempfile.mkdtemp(prefix="sockjsd-sentinel-")
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """The address in the form of ``[broker] url``."""
        places = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return f"sentinel://{places}/{MASTER}"

    def start(self) -> SentinelSetup:
        """Start all of it and wait until the replica follows and the Sentinels know of each other."""
        self.master.start()
        self.replica.start()
        wait_until(lambda: b"master_link_status:up" in _info(self.replica), "the replica does not follow")
        for port in self.ports:
            self._start_sentinel(port)
        wait_until(self._sentinels_are_ready, "the Sentinels do not find each other")
        return self

    def cut_replica_off(self) -> None:
        """Stop replication: what is published from now on the replica will never have."""
        # It is stopped first, so that it does not connect again; what is in its socket already is its own.
        os.kill(self.replica.pid, signal.SIGSTOP)
        self.master.ask("CLIENT", "KILL", "TYPE", "replica")

    def fail_over(self) -> None:
        """Kill the master and wait until the Sentinels have made the replica the master."""
        self.master.kill()
        os.kill(self.replica.pid, signal.SIGCONT)
        wait_until(lambda: self.master_port() == self.replica.port, "there was no failover")
        wait_until(lambda: b"role:master" in _info(self.replica), "the replica is no master")

    def forget_master(self) -> None:
        """Let the Sentinels watch the other Redis as the master, while the old one lives on with its clients."""
        self.replica.ask("REPLICAOF", "NO", "ONE")
        for port in self.ports:
            _ask(port, "SENTINEL", "REMOVE", MASTER)
            _ask(port, "SENTINEL", "MONITOR", MASTER, "127.0.0.1", str(self.replica.port), str(QUORUM))

    def master_port(self) -> int:
        """Where the master is, as the first Sentinel says."""
        return int(_ask(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)[1])

    def close(self) -> None:
        """End all of it."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.replica.close()
        self.master.close()
        rmtree(self._folder, ignore_errors=True)

    def _start_sentinel(self, port: int) -> None:
        # Sentinels write into their configuration, so each has a file of its own.
        file = Path(self._folder, f"{port}.conf")
        file.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._folder}\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {self.master.port} {QUORUM}\n"
            f"sentinel down-after-milliseconds {MASTER} {DOWN_AFTER}\n"
            f"sentinel failover-timeout {MASTER} 5000\n"
        )
        with open(Path(self._folder, f"{port}.log"), "ab") as log:
            command = ["redis-server", str(file), "--sentinel"]
            self._processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        wait_until(lambda: _ask(port, "PING"), "a Sentinel does not answer")

    def _sentinels_are_ready(self) -> bool:
        for port in self.ports:
            state = dict(_pairs(_ask(port, "SENTINEL", "MASTER", MASTER)))
            if int(state[b"num-other-sentinels"]) < SENTINELS - 1 or int(state[b"num-slaves"]) < 1:
                return False
        return True


def wait_until(condition: Any, problem: str) -> None:
    """Wait until *condition* returns something true; ``RuntimeError`` with *problem* when it never does."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if condition():
                return
        except redis.RedisError:
            pass
        if time.monotonic() > end:
            raise RuntimeError(problem)
        time.sleep(POLL_INTERVAL)


def _ask(port: int, *words: str) -> Any:
    with redis.Redis(port=port, socket_timeout=START_LIMIT) as client:
        # Without redis-py's own way of reading the answers of Sentinels.
        client.response_callbacks.clear()
        return client.execute_command(*words)


def _info(server: RedisServer) -> bytes:
    answer: bytes = _ask(server.port, "INFO", "REPLICATION")
    return answer


def _pairs(words: Any) -> Any:
    return words.items() if isinstance(words, dict) else zip(words[::2], words[1::2], strict=True)
