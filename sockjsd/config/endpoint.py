# -*- test-case-name: tests.config.test_endpoint -*-
"""The section ``[endpoint NAME]``: one URL prefix with its settings.

Beside the checks of each option there are two between options: channels belong to a
relay and to nothing else, and no endpoint's prefix may be inside another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sockjsd.channels.names import check_channel
from sockjsd.config import addresses, kinds
from sockjsd.config.declare import check_options, option
from sockjsd.config.kinds import KIB, MANY, MIB, Refused, bounded
from sockjsd.errors import ChannelNameError, ConfigurationError
from sockjsd.websocket import deflate

#: Every transport, in the order in which sockjs-client would try them.
TRANSPORTS = ("websocket", "xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp", "raw_websocket")

#: The application that sends what is published on its channels.
RELAY = "relay"

#: The applications that come with sockjsd; any other is the dotted path of a class.
APPLICATIONS = (RELAY, "echo", "broadcast", "close")

_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _check_transport(word: str) -> None:
    if word not in TRANSPORTS:
        raise Refused(f"{bounded(word)} is no transport")


def _check_channel_word(word: str) -> None:
    try:
        check_channel(word)
    except ChannelNameError as error:
        raise Refused(str(error)) from None


def _check_transports(values: tuple[str, ...]) -> None:
    _transport_words.check(values)
    if not values:
        raise Refused("an endpoint without transports serves nobody")


def _check_application(name: str) -> None:
    if name not in APPLICATIONS and not kinds.is_dotted_class(name):
        raise Refused


_transport_words = kinds.words("one or more of " + " ".join(TRANSPORTS), _check_transport)

transports: kinds.Kind[tuple[str, ...]] = kinds.Kind(
    "words", _transport_words.allowed, _transport_words.read, _transport_words.write, _check_transports
)

channels: kinds.Kind[tuple[str, ...]] = kinds.words(
    "channel names between white space, such as news sport:football", _check_channel_word
)

application: kinds.Kind[str] = kinds.Kind(
    "application",
    ", ".join(APPLICATIONS) + ", or the dotted path of a class such as shop.sockets.Chat",
    lambda text, folder: text,
    str,
    _check_application,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One URL prefix with its settings: a SockJS endpoint."""

    name: str
    prefix: str = option(
        addresses.url_prefix,
        "",
        help="The URL path under which the endpoint lives; the same as in the browser's new SockJS(…).",
        when="if the pages use another path than the endpoint's name.",
        elsewhere="sockjs-node: prefix",
        unset="`/NAME`",
    )
    application: str = option(
        application,
        RELAY,
        help="Who talks to the browser: relay sends what is published on the channels; echo, broadcast and close "
        "are for tests; a dotted path names a class of yours.",
        when="to answer browsers with your own class.",
    )
    channels: tuple[str, ...] = option(
        channels,
        (),
        help="The channels that a relay sends to each of its browsers; other applications have none.",
        when="to name what a relay sends: it needs at least one, or url_channels.",
    )
    url_channels: bool = option(
        kinds.flag,
        False,
        help="Whether the browsers of a relay may name channels themselves, as in new SockJS('/news?channel=NAME'): "
        "any that anyone may subscribe to, beside those in channels.",
        when="if different pages listen to different channels. What was published before Redis has confirmed a channel "
        "that nobody else listens to is not heard.",
    )
    transports: tuple[str, ...] = option(
        transports,
        TRANSPORTS,
        help="The ways in which browsers may connect.",
        when="to switch off htmlfile and jsonp, which only very old browsers need, "
        "or websocket behind a proxy that breaks it.",
        elsewhere="sockjs-node: transports; sockjs-tornado: disabled_transports, the other way round",
    )
    heartbeat: float = option(
        kinds.seconds,
        25.0,
        help="How often a silent connection gets a sign of life.",
        when="to stay below the idle time-outs of the proxies on the way, usually 30 to 60 seconds.",
        elsewhere="sockjs-node: heartbeat_delay, in milliseconds; sockjs-tornado: heartbeat_delay",
    )
    pong_timeout: float = option(
        kinds.seconds,
        10.0,
        help="How long a WebSocket may take to answer a ping before it counts as lost.",
        when="if phones with bad reception are cut off too early.",
    )
    disconnect_delay: float = option(
        kinds.seconds,
        5.0,
        help="How long a session without a connection waits for its browser to come back.",
        when="to keep messages longer for polling browsers on bad networks; sessions cost memory meanwhile.",
        elsewhere="sockjs-node: disconnect_delay, in milliseconds; sockjs-tornado: disconnect_delay",
    )
    response_limit: int = option(
        kinds.size,
        128 * KIB,
        help="Bytes after which a streaming response ends and the browser opens the next one.",
        when="hardly ever: smaller frees memory in old browsers sooner, larger saves requests.",
        elsewhere="sockjs-node, sockjs-tornado: response_limit",
    )
    message_limit: int = option(
        kinds.size,
        64 * KIB,
        help="Bytes of one WebSocket message from the browser; more closes it with 1009.",
        when="if browsers send larger messages.",
    )
    compression: bool = option(
        kinds.flag,
        False,
        help="Whether messages over WebSockets may be compressed (permessage-deflate), where the client can do that.",
        when="if messages are long and networks slow or dear: text shrinks to a third. It costs processor time, and "
        "who can mix own words into a message can guess at its secrets from its length; see docs/websocket.md.",
    )
    compression_threshold: int = option(
        kinds.size,
        deflate.THRESHOLD,
        help="Bytes from which on a message is compressed; shorter ones are sent as they are.",
        when="to compress smaller messages on very slow networks.",
    )
    compression_level: int = option(
        kinds.whole(1, 9),
        deflate.LEVEL,
        help="How hard to compress: 1 is fast, 9 is small.",
        when="if messages are so large or so many that compressing them keeps the processor busy: "
        "1 takes half the time of 6.",
    )
    compression_context: bool = option(
        kinds.flag,
        False,
        help="Whether compressed messages may refer to those before them on the same connection.",
        when="if each client gets messages of its own that resemble each other. It costs 8 KiB or more for each "
        "connection, and a message to many is compressed for each of them.",
    )
    send_limit: int = option(
        kinds.size,
        128 * KIB,
        help="Bytes in the body of one xhr_send or jsonp_send request; more is answered with 413.",
        when="if browsers send larger messages, together with message_limit.",
    )
    messages_limit: int = option(
        kinds.whole(1, MANY),
        1000,
        help="Messages that a browser may send in one array.",
        when="if a client of yours sends larger batches.",
    )
    output_limit: int = option(
        kinds.size,
        MIB,
        help="Bytes that may wait for one slow connection, each message with 200 more than it has; "
        "beyond it the connection is closed.",
        when="if bursts are larger than this; times the number of slow connections it is memory.",
    )
    session_limit: int = option(
        kinds.whole(1, MANY),
        100_000,
        help="Sessions at the same time; more are answered with 503.",
        when="to protect a small machine, or to allow more on a large one.",
    )
    cookie: bool = option(
        kinds.flag,
        False,
        help="Whether the client asks for cookies and a JSESSIONID is set, for proxies that need one to be sticky.",
        when="if the proxy in front chooses the server by a cookie instead of by the URL.",
        elsewhere="sockjs-node, sockjs-tornado: jsessionid; /info: cookie_needed",
    )
    sockjs_url: str = option(
        addresses.web_address,
        "",
        help="Where the iframe transports load the client library from.",
        when="to serve it from your own CDN; it should be the version that the pages use.",
        elsewhere="sockjs-node, sockjs-tornado: sockjs_url",
        unset="the daemon's own copy where it has one, else the public CDN that sockjs-node uses",
    )
    base_url: str = option(
        addresses.web_address,
        "",
        help="The URL that /info tells clients to use for everything that follows.",
        when="to send connections elsewhere than where /info was asked.",
        elsewhere="sockjs-node: base_url",
        unset="not sent",
    )
    allowed_origins: tuple[str, ...] = option(
        addresses.origins,
        (addresses.FROM_DJANGO,),
        help="Which pages may connect, besides those of the same origin.",
        when="if pages of other sites connect; * opens the endpoint to all pages of the world.",
        elsewhere="sockjs-tornado: websocket_allow_origin",
    )
    no_origin: str = option(
        kinds.choice("allow", "deny"),
        "allow",
        help="What happens to requests that say nothing about the page they come from.",
        when="to deny for endpoints that send what is not for everybody; programs and very old browsers suffer.",
    )
    cors: bool = option(
        kinds.flag,
        True,
        help="Whether allowed pages of other origins get the CORS headers that they need.",
        when="if the proxy in front adds these headers.",
        elsewhere="sockjs-node: disable_cors, the other way round",
    )
    verify_address: bool = option(
        kinds.flag,
        False,
        help="Whether all requests of a session have to come from one address.",
        when="if no client changes between networks; phones do.",
        elsewhere="sockjs-tornado: verify_ip",
    )

    def __post_init__(self) -> None:
        if not _ENDPOINT_NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"{bounded(self.name)} cannot be an endpoint's name; allowed: 1 to 64 letters, digits, - and _"
            )
        if not self.prefix:
            object.__setattr__(self, "prefix", f"/{self.name}")
        check_options(self)
        self._check_channels()

    def _check_channels(self) -> None:
        has_channels = bool(self.channels) or self.url_channels
        if self.application == RELAY and not has_channels:
            raise ConfigurationError(
                f"endpoint {self.name}: a relay needs channels: add 'channels = NAME …', 'url_channels = yes', "
                "or another application"
            )
        if self.application != RELAY and has_channels:
            raise ConfigurationError(
                f"endpoint {self.name}: channels are for a relay, and application is {self.application}: "
                "remove the one or the other"
            )


def check_prefixes(endpoints: Iterable[Endpoint]) -> None:
    """Check that each URL belongs to one endpoint.

    :raises ConfigurationError: two prefixes are equal, or one is inside the other.
    """
    seen: list[Endpoint] = []
    for endpoint in endpoints:
        for other in seen:
            if overlap(endpoint.prefix, other.prefix):
                raise ConfigurationError(
                    f"endpoint {endpoint.name}: prefix {endpoint.prefix} and prefix {other.prefix} of endpoint "
                    f"{other.name} overlap; allowed: prefixes of which none is equal to or inside another"
                )
        seen.append(endpoint)


def overlap(one: str, other: str) -> bool:
    """Whether one prefix is the other or inside it; ``/chat`` and ``/chats`` are not."""
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")
