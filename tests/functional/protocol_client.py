"""A browser that speaks the client protocol over a plain WebSocket, in as few lines as show what happens.

::

    browser = ProtocolClient(port, "42", secret)          # connected, with a token
    browser.subscribe("news")                             # -> the result
    browser.push("pub", "news")                           # waits for a push; what comes before it is left out
    browser.closed()                                      # waits for the end: code and reason
"""

from __future__ import annotations

import contextlib
import json
from itertools import count
from typing import Any

import jwt
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

#: Seconds in which anything has to come.
LIMIT = 15.0


class ProtocolClient:
    """One connection.

    :param user: its id; ``""`` is anonymous, without a token.
    :param secret: of tokens.
    :ivar id: the client id.
    :ivar session: what only this client knows.
    """

    def __init__(self, port: int, user: str = "", secret: str = "", **claims: Any) -> None:
        self._socket = connect(f"ws://127.0.0.1:{port}/connection/websocket", open_timeout=LIMIT)
        self._numbers = count(1)
        self._pushes: list[dict[str, Any]] = []
        token = jwt.encode({"sub": user, **claims}, secret, "HS256") if secret else ""
        welcome = self.ask("connect", **({"token": token} if token else {}))
        self.id: str = welcome["client"]
        self.session: str = welcome["session"]
        #: All that the server said about the connection.
        self.welcome = welcome

    def ask(self, method: str, **request: Any) -> Any:
        """Send a command, and return its result.

        :raises AssertionError: it is refused.
        """
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, method: request}))
        while True:
            for message in self._read():
                if message.get("id") == number:
                    assert "error" not in message, message
                    return message[method]

    def subscribe(self, channel: str, **request: Any) -> Any:
        """Subscribe to *channel*."""
        return self.ask("subscribe", channel=channel, **request)

    def push(self, kind: str, channel: str = "") -> Any:
        """Wait for the next push of *kind* on *channel*, and return what it says; others before it are left out."""
        while True:
            while self._pushes:
                push = self._pushes.pop(0)
                if kind in push and push.get("channel", "") == channel:
                    return push[kind]
            self._read()

    def waiting(self) -> list[dict[str, Any]]:
        """Wait for the next text unless pushes have come already; return all of these, none left out."""
        if not self._pushes:
            self._read()
        pushes, self._pushes = self._pushes, []
        return pushes

    def closed(self) -> tuple[int, str]:
        """Wait until the server closes; return its code and reason."""
        try:
            while True:
                self._read()
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the connection was cut"
            return closed.rcvd.code, closed.rcvd.reason

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _read(self) -> list[dict[str, Any]]:
        """Wait for one text; keep its pushes, answer its pings, and return the replies."""
        replies = []
        for line in str(self._socket.recv(LIMIT)).split("\n"):
            message = json.loads(line)
            if "push" in message:
                self._pushes.append(message["push"])
            elif message:
                replies.append(message)
            else:
                self._socket.send("{}")
        return replies
