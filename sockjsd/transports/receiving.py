# -*- test-case-name: tests.transports.test_receiving -*-
"""The HTTP transports' receiving halves: requests that carry frames to the client.

Five transports are five rows of ``ROWS``; they differ in method, content type, envelope
and prelude, and in whether a request ends after one frame (polling) or after
``response_limit`` bytes (streaming).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sockjsd.errors import PayloadError
from sockjsd.http.exchange import Exchange
from sockjsd.http.fields import block
from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch
from sockjsd.sockjs.envelopes import EVENTSOURCE, HTMLFILE, XHR, Envelope, check_callback, jsonp
from sockjsd.sockjs.lanes import Line
from sockjsd.sockjs.session import Session
from sockjsd.stats import Tally
from sockjsd.transports.handler import HTML, JAVASCRIPT, NOT_CACHED, TEXT, EndpointHandler

#: Section "XhrStreaming": Internet Explorer shows nothing of an answer before 2 KiB have come.
XHR_PRELUDE = b"h" * 2048 + b"\n"
#: Section "EventSource": Opera needs a line first.
EVENTSOURCE_PRELUDE = b"\r\n"
#: Section "HtmlFile"; padded, because browsers wait for 1 KiB before they run scripts.
_HTMLFILE_PRELUDE = b"""<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.%b;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>
"""
_PADDING = b" " * 1024 + b"\r\n\r\n"

#: Old browsers guess types; a JSONP answer must stay a script.
_NOSNIFF = block({"X-Content-Type-Options": "nosniff"})


class Polling:
    """A receiver that carries one frame.

    :param exchange: the request.
    :param session: the session it was offered to.
    :param fields: header fields of the answer.
    :param envelope: of the transport.
    :param tally: counts it.
    """

    __slots__ = ("_envelope", "_exchange", "_fields", "_session", "_tally", "writable")

    #: Its answer is its own.
    line: Line | None = None

    def __init__(self, exchange: Exchange, session: Session, fields: bytes, envelope: Envelope, tally: Tally) -> None:
        self._exchange = exchange
        self._tally = tally
        self._session = session
        self._fields = fields
        self._envelope = envelope
        self.writable = True
        exchange.on_gone = self._interrupted
        tally.connected()

    def open(self) -> None:
        """Answer with the open frame."""
        self._answer(self._envelope.wrap(frames.OPEN))

    def heartbeat(self) -> None:
        """Answer with a heartbeat."""
        self._answer(self._envelope.wrap(frames.HEARTBEAT))

    def deliver(self, batch: Batch) -> None:
        """Answer with *batch*."""
        data = batch.encoded(self._envelope)  # first, because it raises for what cannot be sent
        self._tally.sent += len(batch.texts)
        self._answer(data)

    def close(self, code: int, reason: str) -> None:
        """Answer with the close frame."""
        self._answer(self._envelope.wrap(frames.close(code, reason)))

    def _answer(self, body: bytes) -> None:
        self.writable = False
        self._tally.disconnected()
        # First let go: the answer may make way for the client's next request on this very connection.
        self._session.release(self)
        self._exchange.respond(200, self._fields, body)

    def _interrupted(self) -> None:
        self.writable = False
        self._tally.disconnected()
        self._session.interrupted(self)


class Streaming:
    """A receiver that carries frames until ``limit`` bytes were sent.

    :param exchange: the request.
    :param session: the session it was offered to.
    :param fields: header fields of the answer.
    :param envelope: of the transport.
    :param prelude: sent first; does not count.
    :param limit: bytes, frames with their envelopes (section "XhrStreaming", ``test_response_limit``).
    :param tally: counts it.
    """

    __slots__ = ("_envelope", "_exchange", "_limit", "_session", "_tally")

    #: It counts its bytes.
    line: Line | None = None

    def __init__(
        self,
        exchange: Exchange,
        session: Session,
        fields: bytes,
        envelope: Envelope,
        prelude: bytes,
        limit: int,
        tally: Tally,
    ) -> None:
        self._exchange = exchange
        self._tally = tally
        self._session = session
        self._envelope = envelope
        self._limit = limit
        exchange.on_gone = self._interrupted
        exchange.on_drained = self._drained
        tally.connected()
        exchange.start(200, fields)
        exchange.write(prelude)

    @property
    def writable(self) -> bool:
        """Whether the socket takes data at once."""
        return self._exchange.writable

    def open(self) -> None:
        """Send the open frame."""
        self._send(self._envelope.wrap(frames.OPEN))

    def heartbeat(self) -> None:
        """Send a heartbeat."""
        self._send(self._envelope.wrap(frames.HEARTBEAT))

    def deliver(self, batch: Batch) -> None:
        """Send *batch*."""
        data = batch.encoded(self._envelope)  # first, because it raises for what cannot be sent
        self._tally.sent += len(batch.texts)
        self._send(data)

    def close(self, code: int, reason: str) -> None:
        """Send the close frame and end the answer."""
        self._tally.disconnected()
        self._exchange.write(self._envelope.wrap(frames.close(code, reason)))
        self._exchange.end()

    def _send(self, data: bytes) -> None:
        self._exchange.write(data)
        self._limit -= len(data)
        if self._limit <= 0:
            self._tally.disconnected()
            self._session.release(self)
            self._exchange.end()

    def _interrupted(self) -> None:
        self._tally.disconnected()
        self._session.interrupted(self)

    def _drained(self) -> None:
        self._session.drained(self)


@dataclass(frozen=True, slots=True)
class Row:
    """One receiving transport.

    :param name: of the transport.
    :param methods: of the request: one.
    :param fields: header fields that stand in every answer.
    :param envelope: of its frames; ``None`` where it is made from the request's callback.
    :param prelude: made from the callback, which is ``b""`` where there is none; ``None`` for a polling transport.
    :param cors: whether another origin's page reads the answer.
    :param callback: whether the query must name one.
    """

    name: str
    methods: tuple[str]
    fields: bytes
    envelope: Envelope | None
    prelude: Callable[[bytes], bytes] | None = None
    cors: bool = False
    callback: bool = False


_EVENT_STREAM = block({"Content-Type": "text/event-stream"})

ROWS: tuple[Row, ...] = (
    Row("xhr", ("POST",), JAVASCRIPT + NOT_CACHED, XHR, cors=True),
    Row("xhr_streaming", ("POST",), JAVASCRIPT + NOT_CACHED, XHR, lambda callback: XHR_PRELUDE, cors=True),
    Row(
        "eventsource",
        ("GET",),
        _EVENT_STREAM + NOT_CACHED,
        EVENTSOURCE,
        lambda callback: EVENTSOURCE_PRELUDE,
        cors=True,
    ),
    Row(
        "htmlfile",
        ("GET",),
        HTML + NOT_CACHED,
        HTMLFILE,
        lambda callback: _HTMLFILE_PRELUDE % callback + _PADDING,
        callback=True,
    ),
    Row("jsonp", ("GET",), JAVASCRIPT + _NOSNIFF + NOT_CACHED, None, callback=True),
)


class Receive(EndpointHandler):
    """``/<server>/<session>/<transport>``: offers this request to a session, a new one if need be."""

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        self.endpoint = options["endpoint"]
        self._row: Row = options["row"]
        self.CORS = self._row.cors
        self.METHODS = self._row.methods

    def handle(self, *arguments: str) -> None:
        """Attach a receiver to the session that the path names."""
        row = self._row
        try:
            callback = self._callback() if row.callback else b""
        except PayloadError as error:
            self.exchange.respond(error.status, TEXT + NOT_CACHED, error.reason.encode())
            return
        session = self._session(arguments[-1])
        fields = row.fields + self.cors() + self.cookie()
        envelope = row.envelope or jsonp(callback)
        tally = self.endpoint.stats.tallies[row.name]
        if row.prelude is None:
            session.attach(Polling(self.exchange, session, fields, envelope, tally))
        else:
            limit = self.endpoint.options.response_limit
            session.attach(Streaming(self.exchange, session, fields, envelope, row.prelude(callback), limit, tally))

    def _callback(self) -> bytes:
        request = self.request
        return check_callback(request.argument("c") or request.argument("callback"))

    def _session(self, session_id: str) -> Session:
        endpoint = self.endpoint
        address = self.exchange.remote_ip if endpoint.options.verify_address else None
        found = endpoint.sessions.find(session_id, address)
        return found if found is not None else endpoint.sessions.create(self.info(self._row.name), session_id)
