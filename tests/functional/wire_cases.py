# -*- test-case-name: tests.functional.test_bad_http -*-
"""Whoever sends rows of the tables to a daemon, and what has to come of it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import ClassVar
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.bad_input import SESSION, Row, request
from tests.functional.haproxy import HAProxy
from tests.functional.shared import Shared
from tests.functional.sockjs_client import PATIENCE
from tests.functional.wire import SERVER, Line, Target

target = Shared(lambda: Target(**SERVER))
#: Stands behind HAProxy, and believes it.
proxied = Shared(lambda: Target(**SERVER, trusted_proxies="127.0.0.1"))
#: Waits for nobody: a slow client is one of a second, and one of two where it sends a body.
impatient = Shared(lambda: Target(**SERVER, head_timeout=1, keep_alive_timeout=1, body_timeout=2, send_timeout=1))

Statuses = tuple[int, ...]


class WireTestCase(SynchronousTestCase):
    """Whoever talks to a daemon, of which nothing is left afterwards."""

    shared: ClassVar[Shared[Target]] = target

    def setUp(self) -> None:
        self.target = self.shared.get()

    def tearDown(self) -> None:
        self.assert_nothing_left()

    def assert_nothing_left(self) -> None:
        """No session, no timer, no file descriptor, nor anything else that was made for a client."""
        self.target.wait_for_nothing()

    def assert_each(self, way: str, rows: Iterable[Row], send: Callable[[Line, bytes], None] = Line.send) -> None:
        """Each row gets what it says, over a connection of its own; all that do not are told."""
        wrong = [complaint for row in rows if (complaint := self._complaint(way, row, send))]
        if wrong:
            self.fail("\n".join(wrong))

    def _complaint(self, way: str, row: Row, send: Callable[[Line, bytes], None]) -> str:
        try:
            with self.target.line(way) as line:
                got = play(line, row, send)
        except (AssertionError, OSError) as error:
            return f"{way}: {row}\n    expected {row.statuses}, got {error!r}"
        return differing(f"{way}: {row}", (row.statuses, row.ends), got)


def play(line: Line, row: Row, send: Callable[[Line, bytes], None]) -> tuple[Statuses, bool]:
    """Send what *row* says; return the statuses of its answers, and whether the connection ended behind them."""
    answers = []
    send(line, named(row.data))
    if row.then:
        answers.append(line.answer())
        send(line, row.then)
    if row.ends:
        answers += line.answers()
        return statuses(answers), True
    answers += [line.answer() for _ in row.statuses[len(answers) :]]
    line.send(request("GET /live", "Connection: close"))
    return statuses(answers), statuses(line.answers()) != (200,)


def named(data: bytes) -> bytes:
    """Return *data* with a name of its own for the session in it."""
    return data.replace(SESSION.encode(), uuid4().hex.encode())


def places(way: str, data: bytes) -> range:
    """Return behind how many bytes of *data* a client leaves: each; under TLS, whose handshakes take time, some."""
    return range(0, len(data) + 1, 5 if way == "ssl" else 1)


def statuses(answers: Iterable[object]) -> Statuses:
    """Return the statuses of *answers*; 0 where there was none."""
    return tuple(getattr(answer, "status", 0) for answer in answers)


def differing(what: str, expected: object, got: object) -> str:
    """Say what differs; nothing where it is as expected."""
    return "" if got == expected else f"{what}\n    expected {expected}, got {got}"


class ProxiedTestCase(WireTestCase):
    """Whoever talks to a daemon through HAProxy, which ends before anything is counted, as it keeps connections."""

    shared = proxied

    def setUp(self) -> None:
        super().setUp()
        self.proxy = HAProxy([self.target.daemon.port])
        self.addCleanup(self.proxy.close)
        self.proxy.start()

    def assert_nothing_left(self) -> None:
        """Not even of HAProxy."""
        self.proxy.close()
        super().assert_nothing_left()

    def through(self) -> Line:
        """Return a connection to HAProxy."""
        return Line(socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE))
