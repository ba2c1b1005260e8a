# -*- test-case-name: tests.transports.test_sending -*-
"""The HTTP transports' sending halves: requests that carry messages to the application."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qs

from sockjsd.errors import HTTPError, PayloadError
from sockjsd.sockjs import frames
from sockjsd.transports.handler import NOT_CACHED, TEXT, EndpointHandler

_FORM = "application/x-www-form-urlencoded"

#: Fields in a form; sockjs-client sends one.
_FIELDS = 16


class Send(EndpointHandler):
    """A request with messages for a session that exists."""

    METHODS = ("POST",)

    #: What a client gets that did well.
    STATUS: ClassVar[int] = 204
    ANSWER: ClassVar[bytes] = b""

    def handle(self, *arguments: str) -> None:
        """Hand the messages to the session that the path names."""
        endpoint = self.endpoint
        address = self.exchange.remote_ip if endpoint.options.verify_address else None
        session = endpoint.sessions.find(arguments[-1], address)
        if session is None:
            raise HTTPError(404, "There is no such session", close=False)
        fields = TEXT + NOT_CACHED + self.cors() + self.cookie()
        try:
            messages = frames.decode(self.payload(), endpoint.options.messages_limit)
        except PayloadError as error:
            self.exchange.respond(error.status, fields, error.reason.encode())
            return
        # Answered first: what the application sends now may need the client's next request.
        self.exchange.respond(self.STATUS, fields, self.ANSWER)
        endpoint.stats.received += len(messages)
        session.receive(messages)

    def payload(self) -> bytes:
        """Return the JSON in the request."""
        return self.exchange.body


class XhrSend(Send):
    """``xhr_send``; it serves xhr, xhr_streaming, eventsource and htmlfile alike."""

    CORS = True


class JsonpSend(Send):
    """``jsonp_send``: a form field, because a form is all that such a browser can send to another origin."""

    STATUS = 200
    ANSWER = b"ok"  # section "JsonpPolling": Konqueror does weird things on 204

    def payload(self) -> bytes:
        """Return the form's field ``d``, or the whole body where it is not a form."""
        body = self.exchange.body
        if not self.head.headers.get("content-type", "").lower().startswith(_FORM):
            return body
        try:
            # Latin-1 is bytes as text: parse_qs of bytes knows no character beyond ASCII, escaped or not.
            form = parse_qs(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1", max_num_fields=_FIELDS)
        except ValueError as error:
            raise PayloadError("Payload expected.") from error
        return form.get("d", [""])[0].encode("latin-1")
