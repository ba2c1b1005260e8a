# -*- test-case-name: tests.functional.test_direct_writes -*-
"""An application that sends much at once, and what a client has to get then."""

from __future__ import annotations

from twisted.internet import reactor

from sockjsd.sockjs.connection import SockJSConnection

#: Messages, 5 MiB together: more than the kernel takes for a client that does not read.
PIECES = [f"{number:08} ".ljust(8192, "x") for number in range(640)]
#: What ends a connection that was asked for "much, then close".
FAREWELL = (4000, "That was all")


class Streaming(SockJSConnection):
    """Echoes, but for a few orders."""

    def messageReceived(self, message: str) -> None:
        """Send all pieces, or one message of the same size; and close where that is asked for.  Or name the reactor."""
        if message.startswith("much"):
            for piece in PIECES:
                self.sendMessage(piece)
        elif message.startswith("large"):
            self.sendMessage("".join(PIECES))
        elif message == "reactor":
            loop = getattr(reactor, "_asyncioEventloop", None)
            self.sendMessage(f"{type(reactor).__name__} {type(loop).__module__.partition('.')[0]}")
        else:
            self.sendMessage(message)
        if message.endswith("close"):
            self.close(*FAREWELL)
