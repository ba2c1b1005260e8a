# -*- test-case-name: tests.http.test_limits -*-
"""The numbers that bound what one connection may ask for, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from sockjsd.pool import Budget

#: Seconds that a connection which is to be closed may still take, once all was sent, to close
#: its side; then it is cut.  nginx lingers 5 s to 30 s.
LINGER = 10.0

#: Seconds that a connection which has just been made may still take for its first request when the daemon stops: a
#: proxy that could connect does not try another node any more.
FIRST_GRACE = 1.0

#: A budget for bodies on disk that binds nobody.
UNBOUND = Budget()


class Waiting(Enum):
    """What the peer has to do next."""

    # Members are looked up in tables on hot paths, and Enum's own hash is written in Python.
    __hash__ = object.__hash__

    #: Nothing: a handler is at work, or the socket was given away.
    NOTHING = "nothing"
    #: Not decided yet: an answer is complete, and whatever comes next has its full time.
    ANSWERED = "what comes next"
    #: Send its first request, on a connection that has seen none.
    FIRST = "a first request"
    #: Send another request.
    REQUEST = "another request"
    #: Complete a head that has begun.
    HEAD = "the rest of a head"
    #: Go on with a body.
    BODY = "the rest of a body"
    #: Read what the socket's buffer is full of.
    READ = "the client to read"
    #: Close, after it has read the last answer.
    END = "the end"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants each connection; the options of the same names explain when to change one.

    :param head_limit: bytes of a request line with its header fields (431 beyond).
    :param head_fields: header fields (431 beyond).
    :param head_timeout: seconds for a whole head (408).
    :param body_timeout: seconds without progress in a body (408).
    :param keep_alive_timeout: seconds between two requests.
    :param pipeline_limit: requests that wait for their answer, then reading stops.
    :param send_timeout: seconds without progress in an answer, then the connection is cut.
    """

    head_limit: int = 16 * 1024
    head_fields: int = 100
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive_timeout: float = 75.0
    pipeline_limit: int = 16
    send_timeout: float = 30.0

    def patience(self) -> dict[Waiting, float | None]:
        """Return how many seconds a peer has for what it has to do; ``None`` for ever."""
        return {
            Waiting.NOTHING: None,
            Waiting.ANSWERED: None,
            Waiting.FIRST: self.head_timeout,
            Waiting.REQUEST: self.keep_alive_timeout,
            Waiting.HEAD: self.head_timeout,
            Waiting.BODY: self.body_timeout,
            Waiting.READ: self.send_timeout,
            Waiting.END: LINGER,
        }


@dataclass(frozen=True, slots=True)
class BodyPolicy:
    """What a route accepts as a body.

    :param limit: bytes (413 beyond).
    :param memory: bytes kept in memory; a body beyond them is spooled to a temporary file.
        ``None`` keeps all of it and hands it over as ``bytes``.
    :param spool: bytes on disk that it shares with others (503 beyond).
    """

    limit: int = 64 * 1024
    memory: int | None = None
    spool: Budget = field(default=UNBOUND, compare=False)
