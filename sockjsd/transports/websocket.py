# -*- test-case-name: tests.transports.test_websocket -*-
"""WebSocket, with SockJS's framing or raw: one receiver that takes its socket over.

On the raw transport messages may be binary; with SockJS's framing there is only text.

A heartbeat is a SockJS heartbeat frame (not on the raw transport) and a WebSocket ping
in one write; a peer from which nothing is heard for ``pong_timeout`` after it is gone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sockjsd.errors import HTTPError, PayloadError
from sockjsd.http.exchange import TEXT, Socket
from sockjsd.http.fields import field
from sockjsd.http.limits import LINGER
from sockjsd.sockjs import frames
from sockjsd.sockjs.batch import Batch, Message
from sockjsd.sockjs.envelopes import RAW_WEBSOCKET, WEBSOCKET, RawWebSocketEnvelope, WebSocketEnvelope, compressed
from sockjsd.sockjs.lanes import Line
from sockjsd.sockjs.session import Session
from sockjsd.sockjs.states import State
from sockjsd.stats import Tally
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.handler import EndpointHandler
from sockjsd.websocket.connection import Closed, Connection, Ping
from sockjsd.websocket.deflate import Agreement, Inflater, negotiate
from sockjsd.websocket.frames import Opcode, encode, may_receive
from sockjsd.websocket.handshake import EXTENSIONS_HEADER, VERSION_HEADER, accept

_PING = encode(Opcode.PING, b"")
_OPEN = WEBSOCKET.wrap(frames.OPEN)

#: Close codes (RFC 6455 section 7.4.1; the last one is Centrifugo's).
NORMAL = (1000, "Normal closure")
PROTOCOL_ERROR = 1002
TEXT_ONLY = (1003, "Only text is understood")
LOST = (1006, "Connection lost")
NO_PONG = (3012, "No pong")


class WebSocketReceiver:
    """One WebSocket and the session that lives on it.

    :param endpoint: whose session it is.
    :param session: new; it is attached when the socket is there.
    :param envelope: with SockJS's framing, or raw.
    :param tally: counts it.
    :param agreement: how messages are compressed; ``None``: not at all.
    """

    __slots__ = ("_endpoint", "_envelope", "_frames", "_pinged", "_raw", "_session", "_socket", "_tally", "due")

    def __init__(
        self,
        endpoint: Endpoint,
        session: Session,
        envelope: WebSocketEnvelope,
        tally: Tally,
        agreement: Agreement | None = None,
    ) -> None:
        options = endpoint.options
        self._endpoint = endpoint
        self._session = session
        self._tally = tally
        self._raw = isinstance(envelope, RawWebSocketEnvelope)
        self._envelope = envelope
        inflater = None
        if agreement is not None:
            inflater = Inflater(agreement)
            self._envelope = compressed(envelope, agreement, options.compression_level, options.compression_threshold)
        self._frames = Connection(options.message_limit, inflater)
        self._socket: Socket | None = None
        # The last ping that came while the socket took nothing; None when there is none to answer.
        self._pinged: bytes | None = None
        self.due = -1

    # From the session.

    @property
    def writable(self) -> bool:
        """Whether the socket takes data at once."""
        return self._socket is not None and self._socket.writable

    @property
    def line(self) -> Line | None:
        """The way straight to the socket."""
        return None if self._socket is None else self._socket.line

    def open(self) -> None:
        """Send the open frame, where there is one."""
        if not self._raw:
            self._send(_OPEN)

    def heartbeat(self) -> None:
        """Send a heartbeat, and expect to hear something soon."""
        if self.due < 0:  # else it is waited for already, and heartbeats may be more frequent than that
            self._endpoint.wheel.set(self, self._endpoint.options.pong_timeout)
        self._send(self._envelope.wrap(frames.HEARTBEAT) + _PING)

    def deliver(self, batch: Batch) -> None:
        """Send *batch*."""
        data = batch.encoded(self._envelope)  # first, because it raises for what cannot be sent
        self._tally.sent += len(batch.texts)
        self._send(data)

    def close(self, code: int, reason: str) -> None:
        """Send SockJS's close frame and WebSocket's; on the raw transport only the latter, with the code."""
        # Not every code of SockJS may be said in a WebSocket's own close frame (RFC 6455 section 7.4.2).
        farewell = (code, reason) if self._raw and may_receive(code) else NORMAL
        data = self._envelope.wrap(frames.close(code, reason)) + self._frames.close(*farewell)
        self._send(data)
        self._endpoint.wheel.set(self, LINGER)

    # From the HTTP connection.

    def connected(self, socket: Socket) -> None:
        """Begin: the session is opened."""
        self._socket = socket
        line = socket.line
        line.lane = self._endpoint.lane(self._envelope, self._tally, line.send_to_many)
        self._tally.connected()
        self._session.attach(self)

    def data_received(self, data: bytes) -> None:
        """Hand messages on, answer control frames."""
        if self.due >= 0 and self._session.attached:
            self._endpoint.wheel.cancel(self)  # whatever came, the peer is alive
        for event in self._frames.receive(data):
            if isinstance(event, str):
                self._received(event)
            elif isinstance(event, bytes):
                self._received_binary(event)
            elif isinstance(event, Ping):
                self._answer(event.payload)
            elif isinstance(event, Closed):
                self._session.interrupted(self, event.code, event.reason)
                self._finish()

    def drained(self) -> None:
        """Send the pong that waits, and tell the session that the socket takes data again."""
        self._send_pong()
        self._session.drained(self)

    def lost(self) -> None:
        """Tell the session that the socket is gone."""
        if self.due >= 0:
            self._endpoint.wheel.cancel(self)
        self._socket = None
        self._tally.disconnected()
        self._session.interrupted(self, *LOST)

    def timed_out(self) -> None:
        """Nothing was heard after a ping, or after our close frame."""
        self._session.interrupted(self, *NO_PONG)
        assert self._socket is not None, "lost() cancels what is waited for"
        self._socket.abort()

    # Private.

    def _received(self, text: str) -> None:
        if self._raw:
            self._receive([text])
            return
        try:
            messages = frames.decode_text(text, self._endpoint.options.messages_limit)
        except PayloadError as error:
            self._end(PROTOCOL_ERROR, error.reason)
        else:
            self._receive(messages)

    def _received_binary(self, data: bytes) -> None:
        if self._raw:
            self._receive([data])
        else:
            self._end(*TEXT_ONLY)

    def _receive(self, messages: Sequence[Message]) -> None:
        self._endpoint.stats.received += len(messages)
        self._session.receive(messages)

    def _end(self, code: int, reason: str) -> None:
        """End everything, because the peer broke a rule of ours."""
        self._send(self._frames.close(code, reason))
        self._session.interrupted(self, code, reason)
        self._endpoint.wheel.set(self, LINGER)

    def _answer(self, payload: bytes) -> None:
        """Answer a ping, now or when the socket takes data again."""
        # Of those that wait only the last one counts (RFC 6455 section 5.5.3 allows it): who pings and reads
        # nothing must not fill our memory.
        self._pinged = payload
        if self.writable:
            self._send_pong()

    def _send_pong(self) -> None:
        if self._pinged is not None:
            self._send(self._frames.pong(self._pinged))
            self._pinged = None

    def _finish(self) -> None:
        """The closing handshake is complete (RFC 6455 section 7.1.1: the server closes first)."""
        self._endpoint.wheel.cancel(self)
        self._send_pong()
        self._send(self._frames.goodbye())
        assert self._socket is not None, "what completes it came from there"
        # A peer that broke a rule may still be sending: without this the kernel would destroy our close frame.
        self._socket.close(linger=True)

    def _send(self, data: bytes) -> None:
        if data and self._socket is not None:
            self._socket.send(data)


class WebSocketHandler(EndpointHandler):
    """``/<server>/<session>/websocket`` and ``/websocket``."""

    METHODS = ("GET",)

    def take(self, options: dict[str, Any]) -> None:
        """Take the row."""
        self.endpoint = options["endpoint"]
        self._raw: bool = options["raw"]

    def handle(self, *arguments: str) -> None:
        """Upgrade, and open a session of its own."""
        head = self.exchange.head
        agreement = self._negotiated()
        chosen = field(EXTENSIONS_HEADER, agreement.answer) if agreement is not None else b""
        try:
            answer = accept(head.method, head.version, head.headers, chosen)
        except HTTPError as error:
            fields = field(*VERSION_HEADER) if error.status == 426 else b""
            self.exchange.respond(error.status, TEXT + fields, error.reason.encode() + b"\n")
            return
        name, envelope = ("raw_websocket", RAW_WEBSOCKET) if self._raw else ("websocket", WEBSOCKET)
        session = self.endpoint.sessions.create(self.info(name), None, binary=self._raw, waits=False)
        tally = self.endpoint.stats.tallies[name]
        try:
            self.exchange.upgrade(answer, WebSocketReceiver(self.endpoint, session, envelope, tally, agreement))
        finally:
            if session.state is State.NEW:  # it never got its socket, and nobody would wake it up
                session.close()

    def _negotiated(self) -> Agreement | None:
        """Return how messages will be compressed, where the endpoint and the client want that."""
        options = self.endpoint.options
        if not options.compression:
            return None
        return negotiate(self.head.headers.get(EXTENSIONS_HEADER.lower(), ""), takeover=options.compression_context)
