# -*- test-case-name: tests.functional.test_browser -*-
"""An application that echoes, closes on request, and writes down what it sees: one line of JSON an event."""

from __future__ import annotations

import json
import os

from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection

#: Names the file.
EVENT_FILE = "FUNCTIONAL_EVENT_FILE"

#: The message upon which the server closes; all others are sent back.
FAREWELL = "Close, please."
#: What the client gets then; the reason needs escaping on every transport.
CODE, REASON = 3001, 'Good "bye" </script> %41 é \u2028 \U0001f600'


class Recorder(SockJSConnection):
    """One client."""

    def connectionMade(self, info: ConnectionInfo) -> None:
        """Write down who it is."""
        self._path = info.path
        self._received = 0
        self._write("made", transport=info.transport)

    def messageReceived(self, message: str) -> None:
        """Send it back, or close."""
        if message == FAREWELL:
            self.close(CODE, REASON)
        else:
            self._received += 1
            self.sendMessage(message)

    def connectionLost(self) -> None:
        """Write down why."""
        self._write("lost", code=self.closeCode, reason=self.closeReason, received=self._received)

    def _write(self, event: str, **details: object) -> None:
        with open(os.environ[EVENT_FILE], "a") as file:
            file.write(json.dumps({"event": event, "path": self._path, **details}) + "\n")
