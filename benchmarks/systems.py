"""What a system is: how it is started for each kind of scenario, and how clients speak to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from benchmarks.machine import Server
from benchmarks.wire import NOBODY, Client


class Kind(Enum):
    """What a scenario asks of a system."""

    FAN_OUT = "send each publication to everybody"
    ECHO = "send each message back"
    CONNECT = "let clients connect and stay"
    POLLING = "speak SockJS by xhr"
    STREAMING = "speak SockJS by xhr_streaming"
    ROOMS = "send each publication to those on its channel"
    SITE = "serve a Django site"


class NotHere(Exception):
    """A system that cannot be had on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs.

    :ivar server: its processes.
    :ivar client: how clients of the scenario's kind speak.
    :ivar trigger_port: where a publication is sent; its bytes are ``trigger``.
    :ivar together: the trigger of so many publications at once, where that is more than the trigger so many times.
    :ivar helper: a process beside it, on the load's core.
    """

    server: Server
    client: Client = NOBODY
    trigger_port: int = 0
    trigger: bytes = b""
    helper: Server | None = None
    together: Callable[[int], bytes] | None = None

    def stop(self) -> None:
        """End it."""
        self.server.stop()
        if self.helper is not None:
            self.helper.stop()


#: Starts a system beside a Redis on this port; raises NotHere.
Start = Callable[[int], Running]


@dataclass(frozen=True, slots=True)
class System:
    """One system.

    :ivar name: on the command line.
    :ivar about: what it is, and what about its configuration is not its default.
    :ivar starts: for each kind of scenario that it can take part in.
    """

    name: str
    about: str
    starts: Mapping[Kind, Start]
