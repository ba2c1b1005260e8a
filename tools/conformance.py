"""Runs the public SockJS suite against a daemon of ours: ``conformance.py SUITE PYTHON27 [ROUNDS]``.

One round after the other, because a single one can pass by luck; between two of
them the suite's own sessions have to time out.  Fails unless in each round
nothing failed but the tests of ``EXPECTED``.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: Where conf/conformance.ini listens and the suite connects.
ADDRESS = ("127.0.0.1", 8081)
#: Asks for an answer to hixie-76, a draft that no browser has spoken since 2012; ours is RFC 6455 alone.
EXPECTED = {"test_haproxy"}
#: Seconds between two rounds: longer than the 5 s after which a session without a receiver ends.
PAUSE = 6.0
#: Seconds that the daemon may take to start, and to stop.
PATIENCE = 15.0


def answers(address: tuple[str, int]) -> bool:
    """Whether somebody listens at *address*."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(address) == 0


def wait_for(daemon: subprocess.Popen[bytes], address: tuple[str, int], log: Path) -> None:
    """Return as soon as *daemon* listens; ends the program with its *log* where it does not."""
    deadline = time.monotonic() + PATIENCE
    while not answers(address):
        if daemon.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"conformance: the daemon does not listen:\n{log.read_text()}")
        time.sleep(0.1)


def stop(daemon: subprocess.Popen[bytes]) -> None:
    """End *daemon*, politely first."""
    daemon.terminate()
    try:
        daemon.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


@contextmanager
def running_daemon(address: tuple[str, int] = ADDRESS) -> Iterator[None]:
    """Run ``twistd sockjsd`` with the configuration for the suites; it is stopped at the end of the block."""
    if answers(address):
        sys.exit(f"conformance: port {address[1]} is in use")
    environment = os.environ | {"SOCKJSD_SERVER_LISTEN": f"tcp:{address[1]}:interface={address[0]}"}
    twistd = Path(sys.executable).with_name("twistd")
    command: list[str | Path] = [twistd, "-n", "--pidfile=", "sockjsd", "--config", ROOT / "conf" / "conformance.ini"]
    with tempfile.TemporaryDirectory(prefix="sockjsd-conformance-") as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            daemon = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(daemon, address, log)
            yield
        finally:
            stop(daemon)


def run_round(suite: Path, python27: str) -> tuple[int, list[str], str]:
    """Run the suite once: how many tests ran, the names of those that failed, all that it printed."""
    done = subprocess.run(
        [python27, "-B", "sockjs-protocol.py"], cwd=suite, capture_output=True, text=True, errors="replace"
    )
    ran = re.search(r"^Ran (\d+) tests? in", done.stderr, re.MULTILINE)
    failed = re.findall(r"^(?:FAIL|ERROR): (\w+) \(", done.stderr, re.MULTILINE)
    return int(ran[1]) if ran else 0, failed, done.stdout + done.stderr


def main(suite: Path, python27: str, rounds: int) -> int:
    """Run all rounds, one line each, and the whole output of those that are not as expected."""
    bad = 0
    with running_daemon():
        for number in range(1, rounds + 1):
            if number > 1:
                time.sleep(PAUSE)
            ran, failed, output = run_round(suite, python27)
            names = ", ".join(failed) or "none"
            print(f"round {number}: {ran} ran, {ran - len(failed)} passed, failed: {names}", flush=True)
            if not ran or set(failed) - EXPECTED:
                bad += 1
                print(output)
    print(f"conformance: {rounds - bad} of {rounds} rounds as expected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 10))
