# -*- test-case-name: tests.transports.test_endpoint -*-
"""One SockJS endpoint at run time: its options, sessions and policies."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from twisted.internet.interfaces import IReactorTime

from sockjsd.config import Endpoint as Options
from sockjsd.http.fields import DateField
from sockjsd.http.limits import BodyPolicy
from sockjsd.registry import Registry
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.sockjs.lanes import Lane, SendToMany
from sockjsd.sockjs.origins import Origins
from sockjsd.sockjs.session import SessionOptions
from sockjsd.stats import StatsCollector, Tally
from sockjsd.wheel import Wheel

#: How long browsers may keep what never changes: a year (section "IFrame page").
YEAR = 365 * 24 * 60 * 60

#: sockjs-node's default, used where the daemon has no copy of the library.
PUBLIC_CLIENT = "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"


class Endpoint:
    """One URL prefix and what lives below it.

    :param options: from the configuration.
    :param make_connection: the application; called once for each client.
    :param wheel: keeps time-outs.
    :param clock: tells the time.
    :param origins: who may connect.
    :param client_url: where the iframe loads sockjs-client from.
    :param together: of the connections: ``HTTPFactory.gathering``.
    """

    def __init__(
        self,
        options: Options,
        make_connection: Callable[[], SockJSConnection],
        wheel: Wheel,
        clock: IReactorTime,
        origins: Origins,
        client_url: str = PUBLIC_CLIENT,
        together: AbstractContextManager[object] | None = None,
    ) -> None:
        self.options = options
        self.origins = origins
        self.client_url = client_url
        self.wheel = wheel
        self.body_policy = BodyPolicy(options.send_limit)
        #: What ``/info`` tells, up to what is different each time.
        self.abilities = self._describe()
        self.expires = DateField(clock, "Expires", YEAR)
        self.sessions = Registry(
            make_connection,
            wheel,
            SessionOptions(options.heartbeat, options.disconnect_delay, options.output_limit),
            options.session_limit,
            options.prefix,
            together,
        )
        self.stats = StatsCollector(clock, options.transports, self.sessions.__len__)
        wheel.each_second(self.stats.sample)
        self._lanes: dict[Envelope, Lane] = {}

    def _describe(self) -> bytes:
        """Return the JSON of ``/info`` without its end, which is different each time."""
        options = self.options
        info: dict[str, object] = {
            "websocket": self.offers("websocket"),
            "cookie_needed": options.cookie,
            "origins": ["*:*"],
        }
        if options.base_url:
            info["base_url"] = options.base_url
        return json.dumps(info, separators=(",", ":")).encode()[:-1]

    def lane(self, envelope: Envelope, tally: Tally, send: SendToMany) -> Lane | None:
        """Return what receivers with this *envelope* share; ``None`` where each has bytes of its own."""
        if not envelope.shared:
            return None
        lane = self._lanes.get(envelope)
        if lane is None:
            lane = self._lanes[envelope] = Lane(envelope, tally, send)
        return lane

    def offers(self, transport: str) -> bool:
        """Return whether *transport* is switched on."""
        return transport in self.options.transports
