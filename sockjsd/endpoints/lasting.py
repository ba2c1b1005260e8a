# -*- test-case-name: tests.endpoints.test_lasting -*-
"""Answers that last: a request that carries a session's messages until one of the two ends it.

Unlike SockJS's streaming transports there is neither a frame nor a limit after which the
client has to ask anew: the session lives and dies with this one request.  How the messages
are written, and what is said to keep the connection alive and at the end, is a *style*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sockjsd.config import Endpoint
from sockjsd.config.channels import Channels
from sockjsd.http.exchange import Exchange
from sockjsd.http.fields import block
from sockjsd.registry import GOING_AWAY
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import Envelope
from sockjsd.sockjs.lanes import Line
from sockjsd.sockjs.session import Session
from sockjsd.stats import Tally

EVENT_STREAM = block({"Content-Type": "text/event-stream"})

#: nginx would keep an answer back until it has a buffer full of it.
UNBUFFERED = block({"X-Accel-Buffering": "no"})


def lasting_options(name: str, path: str, channels: Channels) -> Endpoint:
    """Return the options of an endpoint at *path* whose sessions live on answers that last."""
    return Endpoint(
        name,
        prefix=path,
        application="echo",  # each request brings its own
        transports=("eventsource",),
        heartbeat=channels.ping_interval,
        send_limit=channels.message_limit,
        output_limit=channels.output_limit,
        session_limit=channels.session_limit,
        allowed_origins=channels.allowed_origins,
    )


@dataclass(frozen=True, slots=True)
class Style:
    """How an answer that lasts is written.

    :param envelope: makes the bytes of a batch.
    :param heartbeat: what shows a silent client, and the proxies on the way, that somebody is there.
    :param farewell: the last words, made of a close code and a reason.
    """

    envelope: Envelope
    heartbeat: bytes
    farewell: Callable[[int, str], bytes]


def send_away(exchange: Exchange, fields: bytes, style: Style) -> None:
    """Answer, while the daemon stops, with the last words of a stream that did not begin.

    A browser ends an EventSource for good when it is refused, and connects again when it is
    answered (HTML, section 9.2.3).  It may well ask a daemon that has closed its port: on a
    connection that it had opened before and not used yet.
    """
    exchange.start(200, fields)
    exchange.write(style.farewell(*GOING_AWAY))
    exchange.end()


class Lasting:
    """A receiver that carries messages for as long as the client stays.

    The answer begins with the first thing that there is to say, so whoever made it may take
    its time before the client hears that it is connected.

    :param exchange: the request.
    :param session: new; :meth:`carry` attaches it.
    :param fields: header fields of the answer.
    :param style: how it is written.
    :param tally: counts it.
    """

    __slots__ = ("_begun", "_exchange", "_fields", "_session", "_style", "_tally")

    #: What it sends has to begin with the head of an answer.
    line: Line | None = None

    def __init__(self, exchange: Exchange, session: Session, fields: bytes, style: Style, tally: Tally) -> None:
        self._exchange = exchange
        self._session = session
        self._fields = fields
        self._style = style
        self._tally = tally
        self._begun = False

    def carry(self) -> None:
        """Attach the session; the caller's duty is to do it once."""
        self._exchange.on_gone = self._gone
        self._exchange.on_drained = self._drained
        self._tally.connected()
        self._session.attach(self)

    @property
    def writable(self) -> bool:
        """Whether the socket takes data at once."""
        return self._exchange.writable

    def open(self) -> None:
        """There is no open frame."""

    def begin(self) -> None:
        """Send the head of the answer, if that was not done."""
        if not self._begun:
            self._begun = True
            self._exchange.start(200, self._fields)

    def heartbeat(self) -> None:
        """Show that somebody is there."""
        self._send(self._style.heartbeat)

    def deliver(self, batch: Batch) -> None:
        """Send *batch*."""
        self._tally.sent += len(batch.texts)
        self._send(batch.encoded(self._style.envelope))

    def close(self, code: int, reason: str) -> None:
        """Send the last words and end the answer."""
        self._tally.disconnected()
        self._send(self._style.farewell(code, reason))
        self._exchange.end()

    def _send(self, data: bytes) -> None:
        if not self._begun:
            self.begin()
        self._exchange.write(data)

    def _gone(self) -> None:
        self._tally.disconnected()
        self._session.interrupted(self)

    def _drained(self) -> None:
        self._session.drained(self)
