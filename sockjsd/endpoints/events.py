# -*- test-case-name: tests.endpoints.test_events -*-
"""``GET /events?channel=a&channel=b``: channels for an EventSource, without any client library.

::

    const source = new EventSource("/events?channel=news&channel=prices");
    source.addEventListener("news", e => show(JSON.parse(e.data)));
    source.addEventListener("reset", e => reload(JSON.parse(e.data).channel));

Whatever is wrong with a request is answered before the stream begins, because an
EventSource that gets another status than 200 tries no more: so an answer other than 200
means that trying again would not help, and trouble with Redis is not a reason for one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from random import Random
from typing import Any

from twisted.internet.interfaces import IReactorTime

from sockjsd.channels import event_ids
from sockjsd.channels.publications import Position
from sockjsd.channels.selections import RESERVED
from sockjsd.config.channels import EVENTS_PATH, Channels
from sockjsd.config.namespace import CACHE
from sockjsd.endpoints.event_listener import Listener, Sources, Wish
from sockjsd.endpoints.lasting import EVENT_STREAM, UNBUFFERED, Lasting, Style, lasting_options, send_away
from sockjsd.endpoints.public_channels import ARGUMENT, PublicChannels
from sockjsd.errors import HTTPError
from sockjsd.registry import GOING_AWAY
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.sockjs.origins import Origins
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.handler import NOT_CACHED, EndpointHandler
from sockjsd.transports.urls import Row

#: The header in which a browser sends the id of the last event, and the argument for who has no such header.
LAST_EVENT_ID = "Last-Event-ID"
LAST_EVENT_ID_ARGUMENT = "last_event_id"

#: Milliseconds after which browsers come back to a daemon that stops: longer than a start takes, and spread.
_RETURN = (1000, 5000)

#: A comment: browsers ignore it, and proxies see that the connection is alive.
HEARTBEAT = b":\n\n"


class EventsEnvelope(Envelope):
    """Messages that are events already."""

    __slots__ = ()

    def messages(self, batch: Batch) -> bytes:
        """Return the events of *batch*, one after the other."""
        return b"".join(batch.bare)


def events_style(random: Random) -> Style:
    """Return how event streams are written; a daemon that stops tells each browser when to come back."""

    def farewell(code: int, reason: str) -> bytes:
        return b"retry: %d\n\n" % random.randrange(*_RETURN) if code == GOING_AWAY[0] else b""

    return Style(EventsEnvelope(), HEARTBEAT, farewell)


def events_row(
    options: Channels,
    sources: Sources,
    public: PublicChannels,
    clock: IReactorTime,
    origins: Origins,
    together: AbstractContextManager[object],
) -> tuple[Endpoint, Row]:
    """Return the endpoint of event streams and its row of the URL table.

    :param public: the channels that may be asked for.
    :param together: of the connections: ``HTTPFactory.gathering``.
    """
    endpoint = Endpoint(
        lasting_options("events", EVENTS_PATH, options),
        SockJSConnection,
        sources.wheel,
        clock,
        origins,
        together=together,
    )
    row = {"endpoint": endpoint, "sources": sources, "style": events_style(sources.random), "public": public}
    return endpoint, (EVENTS_PATH, Events, row)


class Events(EndpointHandler):
    """The URL; its row has ``endpoint``, ``sources``, ``style`` and ``public``."""

    METHODS = ("GET",)
    CORS = True

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        super().take(options)
        self._sources: Sources = options["sources"]
        self._style: Style = options["style"]
        self._public: PublicChannels = options["public"]

    def handle(self, *arguments: str) -> None:
        """Begin a stream.

        :raises HTTPError: 400, the channels are none; 403, they are not for everybody; 503, there are too many streams.
        """
        wish = self._wish()
        name = "eventsource"
        fields = EVENT_STREAM + UNBUFFERED + NOT_CACHED + self.cors()
        if self.endpoint.sessions.closed:
            send_away(self.exchange, fields, self._style)
            return
        listener = Listener(self._sources, wish)
        session = self.endpoint.sessions.create(self.info(name), None, binary=True, connection=listener)
        Lasting(self.exchange, session, fields, self._style, self.endpoint.stats.tallies[name]).carry()

    def _wish(self) -> Wish:
        names = [name.decode("latin-1") for name in self.request.arguments.get(ARGUMENT, ())]
        for name in RESERVED.intersection(names):
            raise HTTPError(400, f"{name!r} is an event of every stream, and no channel here", close=False)
        namespaces = self._public.chosen(names)
        kept = tuple(channel for channel, namespace in namespaces.items() if namespace.positioned)
        cached = frozenset(channel for channel, namespace in namespaces.items() if namespace.recovery == CACHE)
        return Wish(tuple(namespaces), kept, cached, self._since(kept))

    def _since(self, kept: tuple[str, ...]) -> dict[str, Position]:
        """Return where the client stood: what it says itself, or its page; an id that is none of ours says nothing."""
        text = self.head.headers.get(LAST_EVENT_ID.lower()) or self.request.argument(LAST_EVENT_ID_ARGUMENT)
        if not text:
            return {}
        known = event_ids.decode(text, kept)
        return known if known is not None else dict.fromkeys(kept, event_ids.UNKNOWN)
