# -*- test-case-name: tests.channels.protocol.test_codes -*-
"""The numbers of the client protocol, and what SDKs do when they see one.

* An :class:`Error` answers one command.  When it is temporary, or the token has expired,
  an SDK tries again by itself, later and later; any other error ends what was asked for.
* A :class:`Disconnect` ends the connection, as the close code of its transport.  From 3500 to
  3999 and from 4500 to 4999 an SDK does not come back; with all other codes it does.
* An :class:`Unsubscribe` ends one subscription.  From 2500 on an SDK subscribes again at
  once, and recovers; below it does not.

The numbers and words are those of Centrifugo's documentation, chapter "Client protocol codes".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Error:
    """The answer to a command that was not carried out.

    :param temporary: whether the same command may succeed later.
    """

    code: int
    message: str
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Why a connection ends."""

    code: int
    reason: str

    @property
    def terminal(self) -> bool:
        """Whether SDKs do not come back."""
        return 3500 <= self.code < 4000 or 4500 <= self.code < 5000


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Why a subscription ends."""

    code: int
    reason: str

    @property
    def resubscribes(self) -> bool:
        """Whether SDKs subscribe again."""
        return self.code >= 2500


# Errors.

#: Something of ours failed, the broker most likely.
INTERNAL = Error(100, "internal server error", temporary=True)
UNAUTHORIZED = Error(101, "unauthorized")
#: The channel's namespace is not configured.
UNKNOWN_CHANNEL = Error(102, "unknown channel")
PERMISSION_DENIED = Error(103, "permission denied")
METHOD_NOT_FOUND = Error(104, "method not found")
ALREADY_SUBSCRIBED = Error(105, "already subscribed")
LIMIT_EXCEEDED = Error(106, "limit exceeded")
#: The command can be read, but what it says cannot be meant.
BAD_REQUEST = Error(107, "bad request")
#: The namespace has it switched off.
NOT_AVAILABLE = Error(108, "not available")
#: The SDK asks its application for a new token, and tries again.
TOKEN_EXPIRED = Error(109, "token expired")
EXPIRED = Error(110, "expired")
TOO_MANY_REQUESTS = Error(111, "too many requests", temporary=True)
#: History no longer holds what was asked for, or is another one.
UNRECOVERABLE_POSITION = Error(112, "unrecoverable position")

# Disconnects after which SDKs come back.

CONNECTION_CLOSED = Disconnect(3000, "connection closed")
SHUTDOWN = Disconnect(3001, "shutdown")
SERVER_ERROR = Disconnect(3004, "internal server error")
CONNECTION_EXPIRED = Disconnect(3005, "connection expired")
SUBSCRIPTION_EXPIRED = Disconnect(3006, "subscription expired")
SLOW = Disconnect(3008, "slow")
INSUFFICIENT_STATE = Disconnect(3010, "insufficient state")
FORCE_RECONNECT = Disconnect(3011, "force reconnect")
NO_PONG = Disconnect(3012, "no pong")
#: After as many refused commands as the burst has: who does not heed 111 is cut.
TOO_MANY_COMMANDS = Disconnect(3013, "too many requests")

# Disconnects after which SDKs do not come back.

INVALID_TOKEN = Disconnect(3500, "invalid token")
MALFORMED = Disconnect(3501, "bad request")
STALE = Disconnect(3502, "stale")
FORCE_NO_RECONNECT = Disconnect(3503, "force disconnect")
CONNECTION_LIMIT = Disconnect(3504, "connection limit")
CHANNEL_LIMIT = Disconnect(3505, "channel limit")
INAPPROPRIATE_PROTOCOL = Disconnect(3506, "inappropriate protocol")
DENIED = Disconnect(3507, "permission denied")
#: What no command answers for: a message to an application that there is not.
UNAVAILABLE = Disconnect(3508, "not available")
TOO_MANY_ERRORS = Disconnect(3509, "too many errors")

# Unsubscribes.

CLIENT_UNSUBSCRIBED = Unsubscribe(0, "client unsubscribed")
SERVER_UNSUBSCRIBED = Unsubscribe(2000, "server unsubscribe")
#: What the client has may have a hole.
STATE_LOST = Unsubscribe(2500, "insufficient state")
EXPIRED_SUBSCRIPTION = Unsubscribe(2501, "subscription expired")
