# -*- test-case-name: tests.test_node -*-
"""One node: all parts of a daemon, started and stopped in the right order.

Starting happens in two steps, because twistd changes the user between them.
``listen`` opens the ports, while still root.  ``start`` imports the site and starts
threads, timers and the broker's connection, as the final user and after the fork:
neither threads nor connections survive one.

``stop`` drains: no new connections, a close frame for each session, time for answers in
progress, and only then the rest.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from random import Random
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd import __version__
from sockjsd.administration import Administration
from sockjsd.app import CLIENT_PATH, build, find_client
from sockjsd.applications import make_application
from sockjsd.brokers.interface import Run
from sockjsd.channels.hub import Hub
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.selections import Selections
from sockjsd.config import Config
from sockjsd.config import Endpoint as EndpointOptions
from sockjsd.config.addresses import MEMORY
from sockjsd.config.namespace import DISCONNECT, LATEST_ONLY
from sockjsd.django_wsgi import Site
from sockjsd.endpoints.connection import Reception, make_hall
from sockjsd.endpoints.event_listener import Sources, limits_of
from sockjsd.endpoints.events import events_row
from sockjsd.endpoints.public_channels import PublicChannels
from sockjsd.errors import StartError
from sockjsd.fanout import COMPILED
from sockjsd.http.application import Application
from sockjsd.http.factory import HTTPFactory
from sockjsd.http.fields import DateField
from sockjsd.http.gathering import soon_of
from sockjsd.http.ports import open_port
from sockjsd.http.proxies import Proxies
from sockjsd.parts import LocalPublisher, extend_path, make_broker, make_limits
from sockjsd.relay import Relay
from sockjsd.sockjs.batch import Expendable
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.urls import Row
from sockjsd.wheel import Wheel

#: In ``allowed_origins``: whatever the site trusts.
_TRUSTED_BY_DJANGO = "django"


#: New objects after which the garbage collector looks at those that are young; CPython's own 700 are a few requests.
GARBAGE = 10_000


class Node:
    """All parts of one daemon.

    :param config: the configuration.
    :param reactor: where everything runs; Twisted has no one interface for all that is asked of it.
    """

    _log = Logger()

    def __init__(self, config: Config, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._wheel = Wheel(reactor)
        proxies = Proxies(config.server.trusted_proxies)
        self._factory = HTTPFactory(make_limits(config.server), self._wheel, DateField(reactor), proxies)
        self._ports: list[StreamServerEndpointService] = []
        self._endpoints: list[Endpoint] = []
        # Endpoints without SockJS: streams of channels.
        self._streams: list[Endpoint] = []
        self._site = Site(config.site, reactor) if config.site.settings else None
        self._broker = make_broker(config, reactor)
        self._namespaces = Namespaces(config.namespaces)
        self._hub, self._relay = self._join_broker_and_hub()
        channels = config.channels
        self._public = PublicChannels(self._namespaces.of, channels.channel_limit)
        parts = (config, self._broker, self._hub, self._relay, self._wheel, reactor)
        hall = make_hall(*parts) if channels.enabled else None
        self._reception = Reception(hall) if hall is not None else None
        needed = channels.enabled or channels.api_key
        self._administration = Administration(config, self._broker, self._hub, reactor, hall) if needed else None
        # When it was started, on the reactor's clock.
        self._started_at = 0.0
        # Fires when the wait for answers in progress is over, one way or the other.
        self._drained: Deferred[None] = Deferred()

    def _join_broker_and_hub(self) -> tuple[Hub, Relay]:
        broker, meta_ttl = self._broker, self._config.channels.meta_ttl
        relay = Relay(broker, self._namespaces.find, Random(), self._deliver, meta_ttl=meta_ttl)
        relay.hub = Hub(relay, self._delivery_failed, self._expendable)
        broker.on_run, broker.on_lost, broker.on_back = relay.delivered, relay.lost, relay.back
        self._wheel.each_second(relay.tick)
        return relay.hub, relay

    def _expendable(self, channel: str) -> Expendable | None:
        """Return whether publications on *channel* may be dropped for slow clients."""
        rules = self._namespaces.find(channel)
        if rules is None or rules.output_policy == DISCONNECT:
            return None
        return Expendable(channel, rules.output_policy == LATEST_ONLY)

    # Starting.

    def listen(self) -> None:
        """Open the ports.

        :raises StartError: one is in use, or not ours to have; none is left open.
        """
        os.umask(self._config.server.umask)
        try:
            for description in self._config.server.listen:
                self._ports.append(open_port(description, self._config.server.umask, self._factory, self._reactor))
        except StartError:
            self.close_ports()
            raise

    def start(self) -> None:
        """Import the site, join the parts, and start what keeps time.

        :raises StartError: the site does not import, or an endpoint's application; the ports are closed.
        """
        # For the whole process: while views compute, each turn of the reactor waits for the GIL several times.
        sys.setswitchinterval(self._config.server.switch_interval)
        extend_path(self._config.site.python_path)
        try:
            self._start_site()
            self._endpoints = [self._endpoint(options) for options in self._config.endpoints.values()]
            self._open_reception()
            self._factory.application = self._application()
        except StartError:
            self.close_ports()
            raise
        self._started_at = self._reactor.seconds()
        self._factory.gathering.each_turn(soon_of(self._reactor))
        self._wheel.start()
        self._broker.service().startService()
        if self._administration is not None:
            self._administration.cluster.start()
        settle_memory()
        self._say_hello()

    def close_ports(self) -> Deferred[list[object]]:
        """Take no more connections."""
        ports, self._ports = self._ports, []
        return gatherResults([port.stopService() for port in ports])

    def _start_site(self) -> None:
        if self._site is not None:
            from sockjsd.django import publishing, tokens

            publishing.install(self._publisher())
            tokens.install(self._config.channels)
            self._site.start()

    def _publisher(self) -> Any:
        """Return what views publish with: Redis from their own threads, memory through the reactor."""
        if self._config.broker.url == MEMORY:
            return LocalPublisher(self._reactor, self._relay)
        from sockjsd.django.keeping import Keepings
        from sockjsd.django.redis_publisher import RedisPublisher

        return RedisPublisher(self._config.broker, Keepings(self._config).find)

    def _open_reception(self) -> None:
        if self._reception is not None and self._administration is not None:
            self._streams += self._reception.open(self._endpoint, self._administration.cluster.forward)

    def _endpoint(self, options: EndpointOptions, connect: Callable[[], SockJSConnection] | None = None) -> Endpoint:
        """Return an endpoint; *connect* makes its connections, where that is not what its options name."""
        origins = Origins(self._allowed(options.allowed_origins), no_origin=options.no_origin == "allow")
        make_connection = connect or make_application(options, self._hub, self._public)
        client_url = options.sockjs_url or CLIENT_PATH
        together = self._factory.gathering
        return Endpoint(options, make_connection, self._wheel, self._reactor, origins, client_url, together)

    def _more_rows(self) -> list[Row]:
        rows = [] if self._administration is None else self._administration.rows
        return rows if self._reception is None else [*rows, *self._reception.rows]

    def _stream_rows(self) -> list[Row]:
        """Return the rows of event streams, and remember their endpoints."""
        options = self._config.channels
        if not options.events:
            return []
        sources = Sources(self._hub, self._relay, Selections(), self._wheel, Random(), *limits_of(options))
        origins = Origins(self._allowed(options.allowed_origins))
        together = self._factory.gathering
        endpoint, row = events_row(options, sources, self._public, self._reactor, origins, together)
        self._streams.append(endpoint)
        return [row]

    def _allowed(self, words: tuple[str, ...]) -> list[str]:
        trusted = self._site.trusted_origins() if self._site is not None else ()
        return [origin for word in words for origin in (trusted if word == _TRUSTED_BY_DJANGO else (word,))]

    def _application(self) -> Application:
        ready = {"broker": self._broker, "draining": lambda: self._factory.draining}
        site = self._site.row if self._site is not None else None
        try:
            client = find_client(self._config.server.client_library)
            more = [*self._more_rows(), *self._stream_rows()]
            return build(self._endpoints, ready, client, site, self._status(), more)
        except OSError as error:
            raise StartError(f"the client library cannot be read: {error}") from error

    def _status(self) -> dict[str, object] | None:
        """Return the arguments of ``/status``, where it is switched on."""
        if not self._config.server.status:
            return None
        return {
            "uptime": lambda: self._reactor.seconds() - self._started_at,
            "broker": self._broker,
            "hub": self._hub,
            "relay": self._relay,
            "endpoints": [*self._endpoints, *self._streams],
            "hall": self._reception.hall if self._reception is not None else None,
        }

    def _deliver(self, run: Run) -> None:
        """Hand a run on; what is sent meanwhile leaves at the end."""
        with self._factory.gathering:
            self._hub.delivered(run)

    def _delivery_failed(self, error: Exception) -> None:
        self._log.failure("A delivery failed", failure=Failure(error))

    def _say_hello(self) -> None:
        config = self._config
        self._log.info(
            "sockjsd {version} serves {site} and {endpoints} on {listen}; broker: {broker}; fan-out: {fan_out}",
            version=__version__,
            site=config.site.settings or "no site",
            endpoints=", ".join([*(each.prefix for each in config.endpoints.values()), *config.channels.paths])
            or "no endpoint",
            listen=", ".join(config.server.listen),
            broker=self._broker.status.name,
            fan_out="compiled" if COMPILED else "pure Python",
        )

    # Stopping.

    def stop(self) -> Deferred[None]:
        """Drain for at most ``drain_timeout`` seconds, then stop everything; fires when all is quiet."""
        closed = self.close_ports()
        # Not before: whoever hears it connects again at once, and would be refused by a port that is still closing.
        closed.addCallback(lambda _: self._wait(self._say_goodbye()))
        closed.addCallback(lambda _: self._stop_rest())
        return closed.addCallback(lambda _: self._log.info("Stopped"))

    def hurry(self) -> None:
        """End the wait for answers in progress: somebody asked again to stop."""
        self._log.warn("Asked again to stop: not waiting any longer")
        self._end_wait()

    def _say_goodbye(self) -> Deferred[None]:
        """Tell everybody to go; fires when no connection is left."""
        answered = self._factory.drain()
        if self._reception is not None:
            self._reception.close()
        told = sum(endpoint.sessions.close_all() for endpoint in (*self._endpoints, *self._streams))
        self._log.info("Stopping: {told} sessions were told to go", told=told)
        return answered

    def _wait(self, answered: Deferred[None]) -> Deferred[None]:
        work = [answered]
        if self._site is not None:
            work.append(self._site.drained())
        timer = self._reactor.callLater(self._config.server.drain_timeout, self._give_up)
        gatherResults(work).addCallback(lambda _: self._end_wait())
        return self._drained.addCallback(lambda _: timer.cancel() if timer.active() else None)

    def _end_wait(self) -> None:
        if not self._drained.called:
            self._drained.callback(None)

    def _give_up(self) -> None:
        self._log.warn(
            "Stopping without {connections} connections that were not done after {seconds} s",
            connections=len(self._factory.connections),
            seconds=self._config.server.drain_timeout,
        )
        self._end_wait()

    def _stop_rest(self) -> Deferred[None]:
        self._factory.abort()
        self._wheel.stop()
        stopped = self._site.stop() if self._site is not None else succeed(None)
        return stopped.addCallback(lambda _: self._stop_broker())

    def _stop_broker(self) -> Deferred[None]:
        if self._administration is not None:
            self._administration.cluster.stop()
        if self._site is not None:
            from sockjsd.django import publishing, tokens

            publishing.uninstall()
            tokens.uninstall()
        return maybeDeferred(self._broker.service().stopService)


def settle_memory() -> None:
    """Let the garbage collector leave alone what stays until the end, and look at the rest less often.

    What clients leave behind is freed without it, so what it finds is the site's; and each look at
    a hundred thousand sessions is a pause for everybody.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE, *gc.get_threshold()[1:])
