"""An application for functional tests, which runs in the daemon: it tells everybody what is not for everybody."""

from __future__ import annotations

import os
from pathlib import Path

from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: The variable that names the file with what happened: one line for each client, and for each message of one.
FILE = "SOCKJSD_TEST_TOLD"
#: What a client gets at once.
SECRET = "the balance is 1234.56"


class Teller(SockJSConnection):
    """One client."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Tell."""
        self._path = info.path
        self._note("made")
        self.sendMessage(SECRET)

    def messageReceived(self, message: str) -> None:
        """Do what was asked for: note it."""
        self._note(message)

    def _note(self, event: str) -> None:
        with Path(os.environ[FILE]).open("a") as file:
            file.write(f"{self._path} {event}\n")
