# -*- test-case-name: tests.endpoints.test_uni_sse -*-
"""``/uni_sse``: everything that is pushed to a client, as an EventSource stream that needs no SDK.

::

    GET /connection/uni_sse?cf_connect={"token":"…"}

    data: {"connect":{"client":"…","version":"…","subs":{…},"ping":25}}

    data: {"channel":"news","pub":{"data":{"title":"It works"}}}

    data: {}

``cf_connect`` is a connect request of the client protocol without a command around it; the
client's channels are those of its token and those that the site subscribes it to.
Each event is one push, as Centrifugo's documentation describes for unidirectional clients.

A disconnect push is the last one, and an EventSource connects again after it: a page that
shall not, as after a code from 3500 to 3999, has to close it.
"""

from __future__ import annotations

import json

from sockjsd.channels.protocol import codes, replies
from sockjsd.endpoints.lasting import EVENT_STREAM, Lasting, Style
from sockjsd.endpoints.two_halves import Connect, EventEnvelope, Half, disconnect
from sockjsd.errors import HTTPError
from sockjsd.sockjs.batch import Batch

#: What the client's connect request becomes, and so what its answer begins with.
_COMMAND = '{"id":1,"connect":%s}'
_ANSWER = b'{"id":1,'
_REFUSAL = '{"id":1,"error":'
_PUSH = b'{"push":'


class PushEnvelope(EventEnvelope):
    """Each push, or the answer to ``connect``, as an event of its own."""

    __slots__ = ()

    def messages(self, batch: Batch) -> bytes:
        """Return the pushes of *batch*."""
        return b"".join([self.wrap(bare_push(line)) for text in batch.bare for line in text.split(b"\n")])


def bare_push(line: bytes) -> bytes:
    """Return what is in *line*, a reply or push of the client protocol, for who knows only pushes."""
    if line.startswith(_PUSH):
        return line[len(_PUSH) : -1]
    if line.startswith(_ANSWER):
        return b"{" + line[len(_ANSWER) :]
    return line


class PushReceiver(Lasting):
    """Carries pushes to a client that says nothing, and says what has to be said instead of it."""

    __slots__ = ()

    def deliver(self, batch: Batch) -> None:
        """Send *batch*; a ping that was sent counts as answered, and a client that is refused has to go."""
        text = batch.texts[0]
        if isinstance(text, str) and text.startswith(_REFUSAL):
            self._session.close(*refused(text))
            return
        super().deliver(batch)
        if replies.PING in batch.texts:
            self._session.receive([replies.PING])


def refused(line: str) -> tuple[int, str]:
    """Return the disconnect that stands for the refusal of ``connect``; an error that passes lets clients come back."""
    error = json.loads(line.partition("\n")[0])["error"]
    passes = error.get("temporary") or error["code"] == codes.TOKEN_EXPIRED.code
    return (codes.SERVER_ERROR if passes else codes.INVALID_TOKEN).code, error["message"]


def _farewell(code: int, reason: str) -> bytes:
    return _ENVELOPE.wrap(b'{"disconnect":%b}' % disconnect(code, reason))


_ENVELOPE = PushEnvelope()
_HALF = Half(Style(_ENVELOPE, b"", _farewell), EVENT_STREAM, ("GET", "POST"))


class UniSSE(Connect):
    """The URL; its row has ``endpoint`` and ``name``."""

    RECEIVER = PushReceiver

    def half(self) -> Half:
        """Return how pushes alone are written."""
        return _HALF

    def commands(self) -> str:
        """Return the connect request as a command.

        :raises HTTPError: 400, it is none.
        """
        try:
            given = json.loads(super().commands())
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise HTTPError(400, 'Expected a connect request, such as {"token":"…"}', close=False)
        # On one line again, because lines are commands.
        return _COMMAND % json.dumps(given, separators=(",", ":"))
