# -*- test-case-name: tests.http.test_listening -*-
"""``listen``: serves anybody's Cyclone application.

It is the one place beside ``service.py`` that fetches the global reactor, and only when
it is called without one: it stands where scripts had ``reactor.listenTCP``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, Protocol

from cyclone import web
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure

from sockjsd.http.factory import HTTPFactory
from sockjsd.http.fields import DateField
from sockjsd.http.foreign import ForeignApplication, options_of
from sockjsd.http.gathering import Gathering, soon_of
from sockjsd.http.limits import Limits
from sockjsd.http.ports import describe_port, telling_refusals
from sockjsd.http.proxies import Proxies
from sockjsd.wheel import Wheel

#: Bytes of a body for a classic handler, which gets it whole: enough for a photograph.
BODY_LIMIT = 10 * 1024 * 1024

#: Shared by all who listen in this process: a broadcast may reach connections of several ports.
GATHERING = Gathering()


class Part(Protocol):
    """What keeps time behind some rows of an application: a router."""

    def start(self, reactor: Any) -> None:
        """A port of the application has opened; each call is followed by one of ``stop``."""

    def end_sessions(self) -> None:
        """The port has closed: tell everybody to go, unless another one is open."""

    def stop(self) -> None:
        """The port's last connection is gone."""


class ApplicationFactory(HTTPFactory):
    """Serves a Cyclone application from its first port's opening until the last one's end.

    :param application: the application.
    :param reactor: where it runs.
    :param limits: of each connection.
    :param body_limit: bytes of a body for classic handlers.
    :param proxies: those that are trusted.
    """

    def __init__(
        self, application: web.Application, reactor: Any, limits: Limits, body_limit: int, proxies: Proxies
    ) -> None:
        super().__init__(limits, Wheel(reactor), DateField(reactor), proxies)
        self.application = ForeignApplication(application, body_limit)
        self.gathering = GATHERING
        self._reactor = reactor
        self._parts: list[Part] = []
        for options in options_of(application):
            part = options.get("router")
            if part is not None and part not in self._parts:
                self._parts.append(part)

    def startFactory(self) -> None:
        """Start what keeps time: the port is open."""
        self.gathering.each_turn(soon_of(self._reactor))
        self.wheel.start()
        for part in self._parts:
            part.start(self._reactor)

    def stopFactory(self) -> None:
        """End what can end now, and stop when the last answer is out: the port is closed."""
        for part in self._parts:
            part.end_sessions()
        self.drain().addCallback(lambda _: self._stop())

    def _stop(self) -> None:
        self.wheel.stop()
        for part in self._parts:
            part.stop()


def listen(
    application: web.Application,
    description: str,
    reactor: Any = None,
    *,
    limits: Limits | None = None,
    body_limit: int = BODY_LIMIT,
    trusted_proxies: Iterable[str] = (),
) -> Deferred[IListeningPort]:
    """Serve *application*, any Cyclone application with the ``urls`` of routers in it or without.

    :param description: a Twisted endpoint string: ``tcp:8888``, ``ssl:443:…``, ``unix:/run/x``, ``haproxy:tcp:8888``.
    :param reactor: the global one unless given.
    :param limits: what a connection may cost.
    :param body_limit: bytes of a body for classic handlers, which get it whole; more is answered with 413.
    :param trusted_proxies: addresses and networks of proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto``
        tell who the client is, and ``unix``; what others say is removed.
    :return: fires with the port, whose ``stopListening`` ends it.
    :raises StartError: the port cannot be had; the message says why.
    :raises ValueError: one of *trusted_proxies* is no address.
    """
    if reactor is None:
        from twisted.internet import reactor
    factory = ApplicationFactory(application, reactor, limits or Limits(), body_limit, Proxies(trusted_proxies))
    refused: list[Failure] = []
    with telling_refusals(description):
        listening: Deferred[IListeningPort] = serverFromString(reactor, describe_port(description, _umask())).listen(
            factory
        )
        listening.addErrback(refused.append)
        if refused:  # as reactor.listenTCP would: a script must not run on without its port
            refused[0].raiseException()
    return listening


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
