# -*- test-case-name: tests.test_errors -*-
"""Every error that sockjsd raises on purpose, as one tree.

::

    SockjsdError
    ├── ConfigurationError      a file, an option or a value is wrong: nothing starts
    ├── StartError              the configuration is right, the machine says no (port in use, no Django)
    ├── StateError              we broke our own rules: a bug in sockjsd
    ├── ChannelNameError        a channel's name is not one (raised to whoever publishes or subscribes)
    ├── UnknownNamespace        a channel belongs to no namespace of the configuration
    ├── PublishError            a publication did not go out
    │   ├── NobodyListens       the memory broker, in a process that is not the daemon
    │   ├── NotJSON             the data cannot be written as JSON
    │   ├── OddPublication      the idempotency key, the tags or the version given with the data are none
    │   └── BrokerUnavailable   Redis does not answer, or the breaker is open
    │       └── NotAllPublished     of many publications at once some did not go out
    └── PeerError               whoever is on the other end of a socket broke a rule
        ├── HTTPError           one refused request; carries the status and whether the connection can go on
        ├── APIError            one command of the server API that is refused; carries the code of its answer
        ├── PayloadError        a SockJS payload that is missing, broken or too big
        ├── WebSocketError      one broken WebSocket; carries the close code
        ├── MalformedCommand    a command of the client protocol that cannot be read: the connection ends
        ├── CommandRefused      one that is not carried out; carries the error to answer with
        ├── ClientDismissed     a client that has to go; carries the disconnect code
        └── TokenError          a token that is not accepted
            └── TokenExpired    one that was good until its time was over

The peer's fault and ours are different classes, so that one place can answer the
first quietly and log the second loudly.  ``status`` is the HTTP status that fits
when an error has to be answered over HTTP.  No message contains text from a peer
that was not escaped with ``repr``.
"""

from __future__ import annotations


class SockjsdError(Exception):
    """The root of all errors of this package."""

    #: The HTTP status that fits this error when nothing better is known.
    status: int = 500


class ConfigurationError(SockjsdError):
    """A configuration that cannot be used.

    :param problem: what it got and what is allowed, one sentence.
    :param file: the file's path, or the environment variable's name, where it stands.
    :param line: the line in *file*, from 1; ``None`` where there is none.
    """

    def __init__(self, problem: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = [str(part) for part in (self.file, self.line) if part is not None]
        return ": ".join([":".join(where), self.problem] if where else [self.problem])


class StartError(SockjsdError):
    """The daemon cannot start on this machine: the message says why and what to do."""


class StateError(SockjsdError):
    """An event that the present state does not allow: a bug of ours, never of a peer."""


class ChannelNameError(SockjsdError):
    """A name that cannot be a channel's: the message says what is allowed."""

    status = 400


class UnknownNamespace(SockjsdError):
    """A channel whose namespace the configuration does not have: the message says which there are."""

    status = 400


class PublishError(SockjsdError):
    """A publication did not go out."""

    status = 503


class NobodyListens(PublishError):
    """The memory broker lives inside the daemon; this process is another one, so nobody would hear."""


class NotJSON(PublishError):
    """The data given to ``publish`` cannot be written as JSON."""

    status = 400


class OddPublication(PublishError):
    """The idempotency key, the tags or the version of a publication are none: the message says what is allowed."""

    status = 400


class BrokerUnavailable(PublishError):
    """The broker did not take the publication in time, or is known to be down."""


class NotAllPublished(BrokerUnavailable):
    """Of many publications at once some, or all, did not go out.

    :param errors: why, by the number of the publication in the order of the call, from 0; all others went out.
    :param count: how many publications there were.
    """

    def __init__(self, errors: dict[int, Exception], count: int) -> None:
        super().__init__(errors, count)  # what it is made of again where it was pickled, as Celery does
        self.errors = errors
        self.count = count

    def __str__(self) -> str:
        return f"{len(self.errors)} of {self.count} publications did not go out: {next(iter(self.errors.values()))}"


class PeerError(SockjsdError):
    """The other end of a socket broke a rule."""

    status = 400


class HTTPError(PeerError):
    """A request that is refused.

    :param status: the HTTP status to answer with.
    :param reason: one line for the response's body; nothing from the peer.
    :param close: whether the connection has to end after the answer, because the
        bytes that follow cannot be trusted.
    """

    def __init__(self, status: int, reason: str, *, close: bool = True) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.close = close


class APIError(PeerError):
    """A command of the server API that is refused; the answer is HTTP 200 with this in it.

    :param code: as Centrifugo numbers them (its ``internal/api/errors.go`` names those that an API may answer).
    :param message: for whoever wrote the command; nothing from it that was not escaped.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class PayloadError(PeerError):
    """A SockJS payload that is missing, broken or too big; the SockJS text answers these with 500.

    :param reason: the sentence that the SockJS text prescribes for the body.
    """

    def __init__(self, reason: str, *, status: int = 500) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class WebSocketError(PeerError):
    """A WebSocket that broke RFC 6455, or a limit of ours.

    :param code: the close code to answer with (RFC 6455 section 7.4.1).
    :param reason: at most 123 bytes of UTF-8, sent in the close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class MalformedCommand(PeerError):
    """A message of the client protocol that cannot be read; the message says what is wrong, without any of it."""


class CommandRefused(PeerError):
    """A command of the client protocol that is not carried out.

    :param code: of the protocol's errors.
    :param text: what SDKs show.
    :param temporary: whether SDKs try again by themselves.
    """

    def __init__(self, code: int, text: str, temporary: bool = False) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.temporary = temporary


class ClientDismissed(PeerError):
    """A client of the client protocol that has to go.

    :param code: of the protocol's disconnects.
    :param reason: at most 123 bytes of UTF-8, sent in the close frame.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class TokenError(PeerError):
    """A token that is not accepted; the message says why, and nothing of the token."""

    status = 401


class TokenExpired(TokenError):
    """A token that was good until its time was over."""
