# -*- test-case-name: tests.endpoints.test_two_halves -*-
"""The client protocol over plain requests, for networks that let no WebSocket through.

One request carries everything to the client and lasts; its body or its URL has the first
commands.  Each further command is a ``POST`` to ``/emulation`` (``emulation.py``), with the
session and the node that the answer to ``connect`` has named.

======================  ======  =========================  =====================================
URL below the prefix    method  first commands             written as
======================  ======  =========================  =====================================
``/http_stream``        POST    the body                   a line for each reply and push
``/sse``                GET     argument ``cf_connect``    an event for each message, its lines
``/sse``                POST    the body                   the same
======================  ======  =========================  =====================================

The end is a push too, because no answer has a close code: ``{"push":{"disconnect":{"code":…,"reason":…}}}``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from sockjsd.channels.protocol import codes
from sockjsd.endpoints.lasting import EVENT_STREAM, UNBUFFERED, Lasting, Style, send_away
from sockjsd.errors import HTTPError
from sockjsd.http.fields import block
from sockjsd.registry import APPLICATION_FAILED, GOING_AWAY
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.transports.handler import NOT_CACHED, EndpointHandler

#: The argument with the first commands of who cannot send a body.
CONNECT_ARGUMENT = "cf_connect"

#: What an SDK says that wants Protobuf.
_PROTOBUF = "application/octet-stream"

#: What a session ends with beside the protocol's own codes, and what that is in the protocol.
_SAME = {GOING_AWAY[0]: codes.SHUTDOWN, APPLICATION_FAILED[0]: codes.SERVER_ERROR}


class LinesEnvelope(Envelope):
    """Messages of one or more lines, one after the other."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return one message."""
        return frame + b"\n"

    def messages(self, batch: Batch) -> bytes:
        """Return the messages of *batch*."""
        return b"".join([self.wrap(text) for text in batch.bare])


class EventEnvelope(LinesEnvelope):
    """Each message an event without a name."""

    __slots__ = ()

    def wrap(self, frame: bytes) -> bytes:
        """Return one message; the browser joins its lines again."""
        return b"data: " + frame.replace(b"\n", b"\ndata: ") + b"\n\n"


def disconnect(code: int, reason: str) -> bytes:
    """Return what the client is told of the end, as the object behind ``"disconnect":``."""
    if code in _SAME:
        code, reason = _SAME[code].code, _SAME[code].reason
    return json.dumps({"code": code, "reason": reason}, separators=(",", ":")).encode()


def protocol_style(envelope: Envelope) -> Style:
    """Return how the protocol is written with *envelope*; it has pings of its own."""
    return Style(
        envelope, b"", lambda code, reason: envelope.wrap(b'{"push":{"disconnect":%b}}' % disconnect(code, reason))
    )


@dataclass(frozen=True, slots=True)
class Half:
    """One way to carry the protocol to the client.

    :param style: how it is written.
    :param fields: of the answer.
    :param methods: of the request.
    """

    style: Style
    fields: bytes
    methods: tuple[str, ...]


HALVES: dict[str, Half] = {
    "http_stream": Half(protocol_style(LinesEnvelope()), block({"Content-Type": "application/json"}), ("POST",)),
    "sse": Half(protocol_style(EventEnvelope()), EVENT_STREAM, ("GET", "POST")),
}


class Connect(EndpointHandler):
    """A request that lasts and carries a client; its row has ``endpoint`` and ``name``."""

    CORS = True

    #: What the tallies of the endpoint call it.
    TALLY: ClassVar[str] = "eventsource"
    #: What carries the session.
    RECEIVER: ClassVar[type[Lasting]] = Lasting

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        super().take(options)
        self._name: str = options["name"]
        self._half = self.half()
        self.METHODS = self._half.methods

    def half(self) -> Half:
        """Return how the client is served."""
        return HALVES[self._name]

    def handle(self, *arguments: str) -> None:
        """Begin a session, and hand it the first commands.

        :raises HTTPError: 400, there are none; 415, they are not JSON; 503, there are too many sessions.
        """
        commands = self.commands()
        fields = self._half.fields + UNBUFFERED + NOT_CACHED + self.cors()
        if self.endpoint.sessions.closed:
            send_away(self.exchange, fields, self._half.style)
            return
        session = self.endpoint.sessions.create(self.info(self._name), None, binary=True)
        tally = self.endpoint.stats.tallies[self.TALLY]
        receiver = self.RECEIVER(self.exchange, session, fields, self._half.style, tally)
        receiver.carry()
        receiver.begin()  # an SDK waits for this before it waits for an answer
        self.endpoint.stats.received += 1
        session.receive([commands])

    def commands(self) -> str:
        """Return the client's first commands, as one text.

        :raises HTTPError: see ``handle``.
        """
        if self.head.headers.get("content-type", "") == _PROTOBUF:
            raise HTTPError(415, "Only JSON is understood", close=False)
        given = self.exchange.body if self.head.method == "POST" else self._argument()
        if not given.strip():
            raise HTTPError(400, f"The first commands are missing: in the body, or in {CONNECT_ARGUMENT}", close=False)
        return decoded(given)

    def _argument(self) -> bytes:
        values = self.request.arguments.get(CONNECT_ARGUMENT)
        return values[0] if values else b""


def decoded(data: bytes) -> str:
    """Return *data* as text.

    :raises HTTPError: 400, it is not UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise HTTPError(400, "Commands are UTF-8", close=False) from error
