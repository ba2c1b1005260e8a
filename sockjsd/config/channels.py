# -*- test-case-name: tests.config.test_channels -*-
"""The section ``[channels]``: clients that speak the Centrifuge client protocol, and the server's API.

What single channels can do stands in the sections of their namespaces.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sockjsd.config import addresses, kinds
from sockjsd.config.declare import check_options, option
from sockjsd.config.endpoint import Endpoint, overlap
from sockjsd.config.kinds import KIB, MANY, MIB, Kind, Refused
from sockjsd.config.namespace import Namespace
from sockjsd.errors import ConfigurationError

#: Where plain event streams are.
EVENTS_PATH = "/events"
#: Where the server's API is.
API_PREFIX = "/api"
#: Where clients of HTTP streams send their commands: centrifuge-js knows this path.
EMULATION_PATH = "/emulation"

_PEM_BEGIN = "-----BEGIN "
#: 30 days: as long as Centrifugo remembers the position of a channel on which nothing is published.
_MONTH = 30 * 86400.0


def _read_key(text: str, folder: str) -> str:
    text = text.strip()
    if text.startswith(_PEM_BEGIN):
        return "\n".join(line.strip() for line in text.splitlines())
    return os.path.abspath(os.path.join(folder, text)) if text else ""


def _check_key(value: str) -> None:
    if "\0" in value or ("\n" in value and not value.startswith(_PEM_BEGIN)):
        raise Refused


#: A public key: the PEM itself (in a file further lines are indented), or the path of its file.
public_key: Kind[str] = Kind(
    "key", "a public key in PEM form, or the path of a file that has one, or nothing", _read_key, str, _check_key
)

#: A claim of a token that has to be equal.
_claim: Kind[str] = kinds.pattern(
    "text", "up to 255 printable characters, or nothing", re.compile(r"[ -~]{1,255}"), empty=True
)


@dataclass(frozen=True, slots=True)
class Channels:
    """Clients that subscribe by themselves, with the SDKs of Centrifugo or without any, and the server's API."""

    enabled: bool = option(
        kinds.flag,
        False,
        help="Whether clients may connect with the Centrifuge client protocol, below prefix.",
        when="to use centrifuge-js or another SDK; then say also how clients show who they are.",
    )
    prefix: str = option(
        addresses.url_prefix,
        "/connection",
        help="The URL path under which these clients connect: PREFIX/websocket, PREFIX/sockjs and so on.",
        when="if the site has pages there.",
    )
    token_hmac_secret: str = option(
        kinds.secret,
        "",
        help="The secret of connection and subscription tokens (JWT) with HS256, HS384 or HS512; nothing refuses them.",
        when="to let the site say who a client is: the same secret as where tokens are made, 32 characters or more.",
        elsewhere="Centrifugo: client.token.hmac_secret_key",
    )
    token_rsa_public_key: str = option(
        public_key,
        "",
        help="The public key of tokens with RS256, RS384 or RS512; nothing refuses them.",
        when="if tokens are made where the daemon's secrets must not be.",
        elsewhere="Centrifugo: client.token.rsa_public_key",
    )
    token_audience: str = option(
        _claim,
        "",
        help="What the claim aud of each token has to be, or contain; nothing accepts any.",
        when="if the same key signs tokens for other services too.",
        elsewhere="Centrifugo: client.token.audience",
    )
    token_issuer: str = option(
        _claim,
        "",
        help="What the claim iss of each token has to be; nothing accepts any.",
        when="if the same key signs tokens for other installations too.",
        elsewhere="Centrifugo: client.token.issuer",
    )
    anonymous: bool = option(
        kinds.flag,
        False,
        help="Whether clients without a token may connect, as the user without an id.",
        when="if what is published is for everybody; what they may subscribe to their namespaces say.",
        elsewhere="Centrifugo: client.allow_anonymous_connect_without_token",
    )
    insecure: bool = option(
        kinds.flag,
        False,
        help="Whether every client may do everything: connect, subscribe, publish, read presence and history.",
        when="hardly ever: for tests on your own machine.",
        elsewhere="Centrifugo: client.insecure",
    )
    api_key: str = option(
        kinds.secret,
        "",
        help="The key of the server's API below /api; nothing switches the API off.",
        when="to publish, disconnect and ask by HTTP, as with the cent package.",
        elsewhere="Centrifugo: http_api.key",
    )
    events: bool = option(
        kinds.flag,
        False,
        help="Whether GET /events?channel=NAME streams channels to an EventSource, without any client library.",
        when="to let plain pages listen to channels that anyone may subscribe to.",
    )
    allowed_origins: tuple[str, ...] = option(
        addresses.origins,
        (addresses.FROM_DJANGO,),
        help="Which pages may connect, besides those of the same origin.",
        when="if pages of other sites connect; * opens the channels to all pages of the world.",
        elsewhere="Centrifugo: client.allowed_origins",
    )
    channel_limit: int = option(
        kinds.whole(1, 100_000),
        128,
        help="Channels that one connection may listen to.",
        when="if a page needs more; each costs memory on every node that has such a client.",
        elsewhere="Centrifugo: client.channel_limit",
    )
    session_limit: int = option(
        kinds.whole(1, MANY),
        100_000,
        help="Connections at the same time on each transport; more are answered with 503.",
        when="to protect a small machine, or to allow more on a large one.",
    )
    command_rate: int = option(
        kinds.whole(1, MANY),
        100,
        help="Commands that one connection may send each second for long; more are answered with error 111.",
        when="if a client of yours does much at once.",
    )
    command_burst: int = option(
        kinds.whole(1, MANY),
        200,
        help="Commands that one connection may send at once; twice as many too much and it is disconnected.",
        when="if clients subscribe to very many channels when they connect.",
    )
    message_limit: int = option(
        kinds.size,
        64 * KIB,
        help="Bytes that a client may send at once, with all commands in it.",
        when="if clients publish larger messages.",
        elsewhere="Centrifugo: websocket.message_size_limit",
    )
    output_limit: int = option(
        kinds.size,
        MIB,
        help="Bytes that may wait for one slow connection; what happens then the output_policy says.",
        when="if bursts are larger than this; times the number of slow connections it is memory.",
        elsewhere="Centrifugo: client.queue_max_size",
    )
    history_limit: int = option(
        kinds.whole(1, 100_000),
        300,
        help="Publications that a client gets at most when it asks for a channel's history.",
        when="if clients show more than that at once.",
        elsewhere="Centrifugo: client.history_max_publication_limit",
    )
    recovery_limit: int = option(
        kinds.whole(1, 100_000),
        300,
        help="Publications that a client gets at most when it comes back; if it missed more, it is told so.",
        when="if reloading the state is dear; those who come back at the same time share what is read.",
        elsewhere="Centrifugo: client.recovery_max_publication_limit",
    )
    ping_interval: float = option(
        kinds.seconds,
        25.0,
        help="How often clients are pinged.",
        when="to stay below the idle time-outs of the proxies on the way, usually 30 to 60 seconds.",
        elsewhere="Centrifugo: client.ping_interval",
    )
    pong_timeout: float = option(
        kinds.seconds,
        8.0,
        help="How long a client may take to answer a ping; it has to be less than ping_interval.",
        when="if phones with bad reception are cut off too early.",
        elsewhere="Centrifugo: client.pong_timeout",
    )
    stale_delay: float = option(
        kinds.seconds,
        10.0,
        help="How long a connection may take to say who it is.",
        when="hardly ever: SDKs do that at once.",
        elsewhere="Centrifugo: client.stale_close_delay",
    )
    expired_delay: float = option(
        kinds.seconds,
        25.0,
        help="How long a client with a token that has expired may take to send a new one.",
        when="if the place where tokens are made is slow.",
        elsewhere="Centrifugo: client.expired_close_delay",
    )
    presence_ttl: float = option(
        kinds.seconds,
        60.0,
        help="How long after its last sign a client still counts as present: so long a killed node's clients do.",
        when="to know it sooner; keep it above twice presence_interval.",
        elsewhere="Centrifugo: presence_ttl of the broker",
    )
    presence_interval: float = option(
        kinds.seconds,
        25.0,
        help="How often a node says that its clients are still there.",
        when="if presence_ttl is changed: to a third of it or a little more.",
        elsewhere="Centrifugo: client.presence_update_interval",
    )
    leave_delay: float = option(
        kinds.seconds_or_zero,
        5.0,
        help="How long others are not told that a client has left, for it may come back; 0 tells at once.",
        when="if clients that reconnect are shown as leaving and joining.",
    )
    meta_ttl: float = option(
        kinds.seconds,
        _MONTH,
        help="How long a channel's position is remembered after its last publication or reader.",
        when="if clients are away longer and shall still know that they missed nothing; above each history_ttl.",
        elsewhere="Centrifugo: history_meta_ttl",
    )

    def __post_init__(self) -> None:
        check_options(self)
        if self.pong_timeout >= self.ping_interval:
            raise ConfigurationError("channels: pong_timeout has to be less than ping_interval")
        if self.presence_ttl <= self.presence_interval:
            raise ConfigurationError("channels: presence_ttl has to be more than presence_interval")

    @property
    def has_keys(self) -> bool:
        """Whether tokens can be checked."""
        return bool(self.token_hmac_secret or self.token_rsa_public_key)

    @property
    def paths(self) -> tuple[str, ...]:
        """The URL paths that these options take."""
        connecting = (self.prefix, EMULATION_PATH) if self.enabled else ()
        api = (API_PREFIX,) if self.api_key else ()
        return (*connecting, *api, *((EVENTS_PATH,) if self.events else ()))


def check_paths(channels: Channels, endpoints: Iterable[Endpoint]) -> None:
    """Check that no endpoint lives where channels do.

    :raises ConfigurationError: one does.
    """
    for endpoint in endpoints:
        for path in channels.paths:
            if overlap(endpoint.prefix, path):
                raise ConfigurationError(
                    f"endpoint {endpoint.name}: prefix {endpoint.prefix} and {path} of [channels] overlap; "
                    "allowed: prefixes of which none is equal to or inside another"
                )


def check_memory(channels: Channels, namespaces: Iterable[Namespace]) -> None:
    """Check that no history outlives its channel's position, or it would be gone with that.

    :raises ConfigurationError: one does.
    """
    for namespace in namespaces:
        if namespace.history_ttl > channels.meta_ttl:
            raise ConfigurationError(
                f"{namespace.heading}: history_ttl is longer than meta_ttl of [channels], after which a channel is "
                "forgotten; allowed: at most as long"
            )
