# -*- test-case-name: tests.test_router -*-
"""``SockJSRouter``: an endpoint for somebody's own Cyclone application, under sockjs-cyclone's names.

::

    router = SockJSRouter(EchoConnection, "/echo", {"heartbeat_delay": 20})
    application = cyclone.web.Application(router.urls)
    sockjsd.http.listen(application, "tcp:8888")

Nothing starts before ``listen``: a router can be built when a module is imported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from sockjsd.config import Endpoint as Options
from sockjsd.config.endpoint import TRANSPORTS
from sockjsd.errors import ConfigurationError, StateError
from sockjsd.http.listening import GATHERING
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.origins import Origins
from sockjsd.stats import StatsCollector
from sockjsd.transports import urls
from sockjsd.transports.endpoint import PUBLIC_CLIENT, Endpoint
from sockjsd.transports.handler import Nothing
from sockjsd.wheel import Wheel

#: What sockjs-cyclone and sockjs-tornado assume where they are told nothing, and we would not.
_DEFAULTS: dict[str, Any] = {"jsessionid": True, "verify_ip": True, "websocket_allow_origin": ()}

#: Their settings that mean nothing here: sessions keep their time on a wheel, and what is sent leaves at once.
_MEANINGLESS = frozenset({"session_check_interval", "immediate_flush", "disable_nagle"})

#: Not for a router: it is called by its prefix, and its application is the class it was given.
_FIXED = frozenset({"name", "prefix", "application", "channels"})

_NATIVE = frozenset(each.name for each in fields(Options)) - _FIXED


def _offered(disabled: Iterable[str]) -> tuple[str, ...]:
    """Return the transports that are left.

    :raises ConfigurationError: one of *disabled* is no transport.
    """
    names = {name.replace("rawwebsocket", "raw_websocket") for name in disabled}
    if unknown := names - set(TRANSPORTS):
        raise ConfigurationError(f"disabled_transports: {sorted(unknown)} are none; allowed: {', '.join(TRANSPORTS)}")
    return tuple(name for name in TRANSPORTS if name not in names)


def _origins(allowed: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(allowed.split()) if isinstance(allowed, str) else tuple(allowed)


def _same(value: Any) -> Any:
    return value


#: Their name → ours, and how the value is changed.
_RENAMED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "disconnect_delay": ("disconnect_delay", _same),
    "heartbeat_delay": ("heartbeat", _same),
    "disabled_transports": ("transports", _offered),
    "sockjs_url": ("sockjs_url", _same),
    "response_limit": ("response_limit", _same),
    "jsessionid": ("cookie", bool),
    "verify_ip": ("verify_address", bool),
    "websocket_allow_origin": ("allowed_origins", _origins),
}


def endpoint_options(prefix: str, settings: Mapping[str, Any]) -> Options:
    """Return the options of the endpoint at *prefix*.

    :param settings: by the names of sockjs-cyclone, or by those of an ``[endpoint]`` section.
    :raises ConfigurationError: a name that is none, a value that is not allowed, or one option by both of its names.
    """
    given: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, value in (*_DEFAULTS.items(), *settings.items()):
        if name in _MEANINGLESS:
            continue
        if name not in _RENAMED and name not in _NATIVE:
            known = sorted({*_RENAMED, *_MEANINGLESS, *_NATIVE})
            raise ConfigurationError(f"{name!r} is no setting of a router; allowed: {', '.join(known)}")
        option, convert = _RENAMED.get(name, (name, _same))
        if name in settings and given.setdefault(option, name) != name:
            raise ConfigurationError(f"{name} and {given[option]} are the same setting; allowed: one of them")
        values[option] = convert(value)
    # The application is the class that the router was given; the word here only has to be one that needs no channels.
    return Options("router", prefix=prefix, application="echo", **values)


@implementer(IReactorTime)
class _Clock:
    """A reactor's time, for what is built before there is one."""

    def __init__(self) -> None:
        self.reactor: Any = None

    def seconds(self) -> float:
        return float(self._running().seconds())

    def callLater(self, delay: float, callable: Callable[..., Any], *args: object, **kwargs: object) -> IDelayedCall:
        call: IDelayedCall = self._running().callLater(delay, callable, *args, **kwargs)
        return call

    def getDelayedCalls(self) -> list[IDelayedCall]:
        return list(self._running().getDelayedCalls())

    def _running(self) -> Any:
        if self.reactor is None:
            raise StateError("nobody listens for this router yet: sockjsd.http.listen(application, 'tcp:8888')")
        return self.reactor


class SockJSRouter:
    """One URL prefix whose clients are instances of a connection class.

    :ivar urls: rows for a ``cyclone.web.Application``.
    :ivar stats: counts; ``stats.dump()`` tells.
    :param connection: a subclass of ``SockJSConnection``, or anything that returns one for each client.
    :param prefix: where the URL of ``new SockJS(url)`` begins; ``""`` is the root.
    :param settings: see docs/python.md; *user_settings* is the same by its old name.
    :raises ConfigurationError: a setting that is none, or a value that is not allowed.
    """

    def __init__(
        self,
        connection: Callable[[], SockJSConnection],
        prefix: str = "",
        settings: Mapping[str, Any] | None = None,
        *,
        user_settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._at_root = prefix == ""
        options = endpoint_options(prefix, {**(user_settings or {}), **(settings or {})})
        self._clock = _Clock()
        self._wheel = Wheel(self._clock)
        origins = Origins(options.allowed_origins, no_origin=options.no_origin == "allow")
        client_url = options.sockjs_url or PUBLIC_CLIENT
        self._endpoint = Endpoint(options, connection, self._wheel, self._clock, origins, client_url, GATHERING)
        # Ports that are open, and those of which connections are left.
        self._open = 0
        self._in_use = 0

    @property
    def stats(self) -> StatsCollector:
        """What this router's clients do, in numbers."""
        return self._endpoint.stats

    @property
    def urls(self) -> list[urls.Row]:
        """Return the rows for a ``cyclone.web.Application``; at the root they leave what is not theirs to others."""
        rows = urls.rows(self._endpoint)
        if self._at_root:
            here = re.escape(self._endpoint.options.prefix)
            rows = [(row[0].removeprefix(here), *row[1:]) for row in rows if row[1] is not Nothing]
        return [(pattern, handler, {**options, "router": self}) for pattern, handler, options in rows]

    def apply_routes(self, routes: Iterable[Any]) -> list[Any]:
        """Return *routes*, rows of an application, with this router's behind them."""
        return [*routes, *self.urls]

    def broadcast(self, clients: Iterable[SockJSConnection], message: str) -> None:
        """Send *message* to all *clients*; it is encoded once.

        :raises TypeError: *message* is no string.
        """
        batch = Batch([message])
        with GATHERING:
            for client in list(clients):
                client.session.deliver(batch)

    # For whoever listens: see sockjsd.http.listening.Part.

    def start(self, reactor: Any) -> None:
        """Begin to keep time, with the first port.

        :raises StateError: a port on another reactor is open.
        """
        if self._in_use and self._clock.reactor is not reactor:
            raise StateError("a router runs on one reactor")
        self._clock.reactor = reactor
        self._open += 1
        self._in_use += 1
        self._endpoint.sessions.open()
        self._wheel.start()

    def end_sessions(self) -> None:
        """Tell everybody to go, with the last port."""
        self._open -= 1
        if not self._open:
            self._endpoint.sessions.close_all()

    def stop(self) -> None:
        """Keep time no longer, when the last connection is gone."""
        self._in_use -= 1
        if not self._in_use:
            self._wheel.stop()
