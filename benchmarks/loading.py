"""Runs the load on its core."""

from __future__ import annotations

import itertools
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.machine import compiled, cores, on_core, scratch
from benchmarks.systems import Running
from benchmarks.wire import MARK, Client

#: What one measurement brought: figures by their names.
Result = dict[str, float]
#: Seconds in which any load has to be done; it gives up by itself long before.
PATIENCE = 180.0

_NUMBERS = itertools.count(1)


def words(**given: str | float | bytes | list[bytes]) -> list[str]:
    """Return the load's arguments; bytes are handed over as files, a list as one word for each of its members."""
    found = []
    for key, value in given.items():
        for each in value if isinstance(value, list) else [value]:
            found.append(f"{key}={_file(each) if isinstance(each, bytes) else each}")
    return found


def _file(content: bytes) -> str:
    file = scratch() / f"{next(_NUMBERS)}.text"
    file.write_bytes(content)
    return str(file)


def _client(client: Client) -> dict[str, str | float | bytes | list[bytes]]:
    """Return the words that say how clients connect."""
    return {"hello": client.hello, "opened": client.opened, "after": client.after}


def load(kind: str, port: int, **given: str | float | bytes | list[bytes]) -> Result:
    """Run one load to its end and return its figures.

    :raises RuntimeError: it failed; the message says at what.
    """
    done = subprocess.run(
        [str(compiled("load")), kind, *words(port=port, core=min(cores()[0]), **given)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        preexec_fn=lambda: on_core(cores()[1]),
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip() or f"the load ended with {done.returncode}")
    result: Result = json.loads(done.stdout)
    return result


def fan(running: Running, receivers: int, expected: int, **given: float) -> Result:
    """Publish, wait until everybody has it, and over again.

    :param expected: deliveries of one round.
    """
    trigger, times = triggers(running, int(given.pop("burst", 1)))
    return load(
        "fan", running.server.port, n=receivers, mark=MARK, expected=expected, trigger=trigger, burst=times,
        trigger_port=running.trigger_port, **_client(running.client), **given,
    )  # fmt: skip


def triggers(running: Running, burst: int) -> tuple[bytes, int]:
    """Return what is sent for so many publications at once, and how many times."""
    if burst > 1 and running.together is not None:
        return running.together(burst), 1
    return running.trigger, burst


def echo(running: Running, clients: int, seconds: float) -> Result:
    """Let each client send its message whenever the last one is back."""
    how = _client(running.client)
    return load(
        "echo", running.server.port, n=clients, mark=MARK, message=running.client.message, seconds=seconds, **how
    )


def connect(running: Running, clients: int, seconds: float) -> Result:
    """Connect and leave, so many at a time."""
    return load("connect", running.server.port, n=clients, seconds=seconds, **_client(running.client))


def requests(running: Running, texts: list[bytes], connections: int, seconds: float, first: int = 0) -> Result:
    """Send requests on connections that stay.

    :param texts: what each connection sends, in turn.
    :param first: of *texts*, the first one that is counted.
    """
    return load("requests", running.server.port, n=connections, request=texts, first=first, seconds=seconds)


@contextmanager
def held(running: Running, clients: int) -> Iterator[None]:
    """Let so many clients be connected, and leave.

    :raises RuntimeError: they could not connect.
    """
    command = [str(compiled("load")), "hold", *words(port=running.server.port, n=clients, seconds=PATIENCE)]
    command += words(**_client(running.client))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: on_core(cores()[1])
    ) as holder:
        assert holder.stdout is not None and holder.stderr is not None
        try:
            if holder.stdout.readline().strip() != "held":
                raise RuntimeError(holder.stderr.read().strip())
            yield
        finally:
            holder.kill()
