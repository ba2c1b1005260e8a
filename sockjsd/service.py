# -*- test-case-name: tests.test_service -*-
"""``twistd sockjsd``: joins the parts.  The only file that knows all others and fetches the reactor.

What happens when, and why there:

* ``makeService`` reads the configuration, before twistd forks: a mistake is told at the prompt.
* ``privilegedStartService`` listens, after the fork and while still root, for ports below 1024.
* ``startService`` imports the site and starts threads and timers, as the final user:
  neither threads nor Redis connections survive a fork.
* ``stopService`` drains: no new connections, close frames, answers in progress, then the rest.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.service import Service
from twisted.application.strports import service as listen
from twisted.internet.defer import Deferred, gatherResults, inlineCallbacks
from twisted.internet.error import CannotListenError, ReactorNotRunning
from twisted.logger import Logger
from twisted.python import usage

from sockjsd import __version__
from sockjsd.config import Config, load
from sockjsd.errors import ConfigurationError, StartError

if TYPE_CHECKING:
    from sockjsd.brokers.interface import Broker

#: Connections that may wait to be accepted; Twisted's 50 is too few when everybody comes back at once.
BACKLOG = 4096

_NO_CYCLONE = "sockjsd needs Cyclone, which pip cannot choose by itself: pip install --no-deps cyclone==1.3"


class Options(usage.Options):
    """The options of ``twistd sockjsd``."""

    synopsis = "--config FILE"
    optParameters = [["config", "c", None, "The configuration file; `sockjsd config --sample` prints one."]]


def endpoint_description(description: str, umask: int) -> str:
    """Return an endpoint string with our defaults where it says nothing itself.

    Twisted gives a Unix socket mode 666 whatever the umask is.
    """
    kind = description.removeprefix("haproxy:").partition(":")[0]
    if kind in ("tcp", "tcp6", "ssl", "tls", "unix") and "backlog=" not in description:
        description += f":backlog={BACKLOG}"
    if kind == "unix" and "mode=" not in description:
        description += f":mode={0o666 & ~umask:o}"
    return description


class LocalPublisher:
    """Publishes into the memory broker of this very process, from any thread.

    :param reactor: where the broker lives.
    :param broker: gets the publications.
    """

    def __init__(self, reactor: Any, broker: Broker) -> None:
        self._reactor = reactor
        self._broker = broker

    def publish(self, channel: str, payload: str) -> int:
        """Hand the publication over; one node hears it: this one."""
        self._reactor.callFromThread(self._broker.publish, channel, payload)
        return 1


class Daemon(Service):
    """All parts of one node.

    :param config: the configuration.
    :param reactor: where everything runs.
    """

    _log = Logger()

    def __init__(self, config: Config, reactor: Any) -> None:
        from sockjsd.http.connection import HTTPFactory
        from sockjsd.http.fields import DateField
        from sockjsd.http.limits import Limits
        from sockjsd.wheel import Wheel

        server = config.server
        self._config = config
        self._reactor = reactor
        self._wheel = Wheel(reactor)
        limits = Limits(
            server.head_limit,
            server.head_fields,
            server.head_timeout,
            server.body_timeout,
            server.keep_alive_timeout,
            server.pipeline_limit,
        )
        self._factory = HTTPFactory(limits, self._wheel, DateField(reactor))
        self._ports: list[StreamServerEndpointService] = []
        self._endpoints: list[Any] = []
        self._site: Any = None
        self._broker = make_broker(config, reactor)
        self._stopping: Deferred[None] | None = None

    # Starting.

    def privilegedStartService(self) -> None:
        """Listen.

        :raises StartError: a port is in use, or not ours to have.
        """
        super().privilegedStartService()
        os.umask(self._config.server.umask)
        try:
            for description in self._config.server.listen:
                self._listen(description)
        except StartError:
            self._close_ports()
            raise

    def startService(self) -> None:
        """Import the site, connect the parts, and start what keeps time.

        :raises StartError: the site does not import, or an endpoint's application.
        """
        try:
            self._start_site()
            self._factory.application = self._build()
        except StartError:
            self._close_ports()
            raise
        super().startService()
        self._wheel.start()
        self._broker.service().startService()
        self._reactor.callWhenRunning(self._take_signals)
        self._say_hello()

    def _listen(self, description: str) -> None:
        whole = endpoint_description(description, self._config.server.umask)
        port = listen(whole, self._factory, self._reactor)
        try:
            port.privilegedStartService()
        except (CannotListenError, OSError) as error:
            raise StartError(f"cannot listen on {description}: {error}") from error
        self._ports.append(port)

    def _start_site(self) -> None:
        if not self._config.site.settings:
            return
        from sockjsd.django import publishing
        from sockjsd.django_wsgi import Site

        publishing.install(self._publisher())
        self._site = Site(self._config.site, self._reactor)
        self._site.start()

    def _publisher(self) -> Any:
        if self._config.broker.url == "memory:":
            return LocalPublisher(self._reactor, self._broker)
        from sockjsd.django.redis_publisher import RedisPublisher

        return RedisPublisher(self._config.broker)

    def _build(self) -> Any:
        from sockjsd.app import CLIENT_PATH, build, find_client
        from sockjsd.applications import make_application
        from sockjsd.channels.hub import Hub
        from sockjsd.sockjs.batch import Batch
        from sockjsd.sockjs.origins import Origins
        from sockjsd.transports.endpoint import Endpoint

        hub: Hub[Batch] = Hub(self._broker, Batch, self._delivery_failed)
        self._broker.on_run = hub.delivered
        for options in self._config.endpoints.values():
            origins = Origins(self._allowed(options.allowed_origins), no_origin=options.no_origin == "allow")
            make_connection = make_application(options, hub)
            client_url = options.sockjs_url or CLIENT_PATH
            self._endpoints.append(
                Endpoint(options, make_connection, self._wheel, self._reactor, origins, client_url)
            )
        ready = {"broker": self._broker, "draining": lambda: self._factory.draining}
        site = self._site.row if self._site is not None else None
        try:
            return build(self._endpoints, ready, find_client(self._config.server.client_library), site)
        except OSError as error:
            raise StartError(f"the client library cannot be read: {error}") from error

    def _allowed(self, origins: tuple[str, ...]) -> list[str]:
        """Return the origins with the word ``django`` replaced by what the site trusts."""
        trusted = self._site.trusted_origins() if self._site is not None else ()
        return [origin for word in origins for origin in (trusted if word == "django" else (word,))]

    def _delivery_failed(self, error: Exception) -> None:
        self._log.failure("A delivery failed", failure=error)

    def _say_hello(self) -> None:
        self._log.info(
            "sockjsd {version} serves {site} and {endpoints} on {listen}; broker: {broker}",
            version=__version__,
            site=self._config.site.settings or "no site",
            endpoints=", ".join(endpoint.prefix for endpoint in self._config.endpoints.values()) or "no endpoint",
            listen=", ".join(self._config.server.listen),
            broker=self._broker.status.name,
        )

    # Stopping.

    def _take_signals(self) -> None:
        """Make SIGTERM and SIGINT a clean stop with exit status 0; twistd would die by the signal."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._reactor.callFromThread(self._stop_reactor))

    def _stop_reactor(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:  # a second signal: whoever sent it is in a hurry
            self._log.warn("Asked again to stop: not waiting any longer")
            if self._stopping is not None and not self._stopping.called:
                self._stopping.callback(None)

    @inlineCallbacks
    def stopService(self) -> Any:
        """Drain, within ``drain_timeout`` seconds, then stop everything.  Fires when all is quiet."""
        super().stopService()
        yield self._close_ports()
        told = sum(endpoint.sessions.close_all() for endpoint in self._endpoints)
        self._log.info("Stopping: {told} sessions were told to go", told=told)
        yield self._drain()
        self._factory.abort()
        yield self._broker.service().stopService()
        self._wheel.stop()
        if self._site is not None:
            self._site.stop()
        self._log.info("Stopped")

    def _drain(self) -> Deferred[None]:
        """Wait for answers in progress, but no longer than the configuration says."""
        done: Deferred[None] = Deferred()
        self._stopping = done

        def finish(_: object = None) -> None:
            if not done.called:
                done.callback(None)

        work = [self._factory.drain()]
        if self._site is not None:
            work.append(self._site.drained())
        gatherResults(work).addBoth(finish)
        timer = self._reactor.callLater(self._config.server.drain_timeout, partial(self._give_up, finish))

        def cancel(_: None) -> None:
            if timer.active():
                timer.cancel()

        return done.addCallback(cancel)

    def _give_up(self, finish: Any) -> None:
        self._log.warn(
            "Stopping without {connections} connections that were not done after {seconds} s",
            connections=len(self._factory.connections),
            seconds=self._config.server.drain_timeout,
        )
        finish()

    def _close_ports(self) -> Deferred[Any]:
        ports, self._ports = self._ports, []
        return gatherResults([port.stopService() for port in ports])


def make_broker(config: Config, reactor: Any) -> Broker:
    """Return the broker that the configuration names."""
    if config.broker.url == "memory:":
        from sockjsd.brokers.memory import MemoryBroker

        return MemoryBroker()
    from random import Random

    from sockjsd.brokers.redis import RedisBroker

    return RedisBroker(config.broker, reactor, Random())


def makeService(options: Options) -> Service:
    """Return the daemon for ``twistd``.

    :raises SystemExit: with one line that says what is wrong, and status 1.
    """
    if options["config"] is None:
        raise SystemExit("sockjsd: --config FILE is needed; `sockjsd config --sample` prints a file to start from")
    try:
        config = load(options["config"])
    except ConfigurationError as error:
        raise SystemExit(f"sockjsd: {error}") from error
    from twisted.internet import reactor

    try:
        return Daemon(config, reactor)
    except ModuleNotFoundError as error:
        if error.name != "cyclone":
            raise
        raise SystemExit(f"sockjsd: {_NO_CYCLONE}") from error
