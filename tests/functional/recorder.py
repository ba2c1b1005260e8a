"""Applications for functional tests, which run in the daemon."""

from __future__ import annotations

import os
import time
from pathlib import Path

from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: The variable that names the file, and the one with the node's name.
FILE = "SOCKJSD_TEST_EVENTS"
NODE = "SOCKJSD_TEST_NODE"


class Recorder(SockJSConnection):
    """Appends a line for each event; answers ``node?``, ``address?`` and ``forwarded?``, and echoes everything else."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Note it."""
        forwarded = [info.headers.get(name, "") for name in ("X-Forwarded-For", "X-Forwarded-Proto")]
        self._transport = info.transport
        self._answers = {"node?": os.environ.get(NODE, ""), "address?": info.ip, "forwarded?": " ".join(forwarded)}
        self._note(f"made {info.transport}")

    def messageReceived(self, message: str) -> None:
        """Answer."""
        self.sendMessage(self._answers.get(message, message))

    def connectionLost(self) -> None:
        """Note it, with the code."""
        self._note(f"lost {self._transport} {self.closeCode}")

    def _note(self, event: str) -> None:
        with Path(os.environ[FILE]).open("a") as file:
            file.write(f"{event}\n")


class Sleeper(SockJSConnection):
    """Lets the whole daemon stand still for as many seconds as a message says; echoes what is no number."""

    def messageReceived(self, message: str) -> None:
        """Sleep, or answer."""
        if message.isdigit():
            time.sleep(int(message))
        self.sendMessage(message)
