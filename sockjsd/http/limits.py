# -*- test-case-name: tests.http.test_connection -*-
"""The numbers that bound what one connection may ask for."""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds that a connection which is to be closed may still take to read its last answer
#: and to close its side; then it is cut.  nginx lingers 5 s to 30 s.
LINGER = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants each connection; the options of the same names explain when to change one.

    :param head_limit: bytes of a request line with its header fields (431 beyond).
    :param head_fields: header fields (431 beyond).
    :param head_timeout: seconds for a whole head (408).
    :param body_timeout: seconds without progress in a body (408).
    :param keep_alive_timeout: seconds between two requests.
    :param pipeline_limit: requests that wait for their answer, then reading stops.
    """

    head_limit: int = 16 * 1024
    head_fields: int = 100
    head_timeout: float = 10.0
    body_timeout: float = 30.0
    keep_alive_timeout: float = 75.0
    pipeline_limit: int = 16


@dataclass(frozen=True, slots=True)
class BodyPolicy:
    """What a route accepts as a body.

    :param limit: bytes (413 beyond).
    :param memory: bytes kept in memory; a body beyond them is spooled to a temporary file.
        ``None`` keeps all of it and hands it over as ``bytes``.
    """

    limit: int = 64 * 1024
    memory: int | None = None
