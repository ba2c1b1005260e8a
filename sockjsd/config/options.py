# -*- test-case-name: tests.config.test_options -*-
"""All options of sockjsd, each declared once: the sections ``[server]``, ``[broker]``, ``[site]``, ``[endpoint NAME]``.

The values are frozen and checked when they are built, so whoever is handed a `Config`
need not check anything again.  Times are in seconds, sizes in bytes, paths absolute.
How values get here from files and the environment is the business of
`sockjsd.config.load`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sockjsd.channels.names import check_channel
from sockjsd.config import addresses, kinds
from sockjsd.config.declare import check_options, option
from sockjsd.config.kinds import KIB, Refused, bounded
from sockjsd.errors import ChannelNameError, ConfigurationError

MIB = KIB * KIB

#: Every transport, in the order in which sockjs-client would try them.
TRANSPORTS = ("websocket", "xhr_streaming", "eventsource", "htmlfile", "xhr", "jsonp", "raw_websocket")

#: The application that sends what is published on its channels.
RELAY = "relay"

#: The applications that come with sockjsd; any other is the dotted path of a class.
APPLICATIONS = (RELAY, "echo", "broadcast", "close")

#: Above what any machine does; a larger number is a slip.
_MANY = 10_000_000

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
class Server:
    """The daemon itself: where it listens, and what one connection may cost."""

    listen: tuple[str, ...] = option(
        addresses.listen,
        ("tcp:8000:interface=127.0.0.1",),
        help="Where to listen: Twisted endpoint strings, one on each line.",
        when="to be reached from other machines (tcp:8000), behind HAProxy with the PROXY protocol "
        "(haproxy:tcp:8000), on a Unix socket, or under systemd socket activation.",
    )
    umask: int = option(
        kinds.octal,
        0o022,
        help="The permissions that new files and Unix sockets do not get.",
        when="if another user's process, such as HAProxy, has to write to the Unix socket: 007 with a common group.",
    )
    drain_timeout: float = option(
        kinds.seconds_or_zero,
        30.0,
        help="How long a stop waits for requests that are being answered; 0 stops at once.",
        when="if views take longer; keep it below the time after which systemd or Kubernetes kills.",
    )
    head_limit: int = option(
        kinds.size,
        16 * KIB,
        help="Bytes of a request's head (its first line and header fields); more is answered with 431.",
        when="if browsers send very large cookies.",
    )
    head_fields: int = option(
        kinds.whole(1, 10_000),
        100,
        help="Header fields in a request; more is answered with 431.",
        when="if a proxy in front adds very many.",
    )
    head_timeout: float = option(
        kinds.seconds,
        10.0,
        help="How long the head of a request may take to arrive; later is answered with 408.",
        when="hardly ever: a proxy in front sends heads whole.",
    )
    body_timeout: float = option(
        kinds.seconds,
        30.0,
        help="How long a request's body may make no progress at all.",
        when="if phones with bad reception upload files without a proxy in front that buffers.",
    )
    keep_alive_timeout: float = option(
        kinds.seconds,
        75.0,
        help="How long a connection without a request stays open.",
        when="to stay above the time-out that the proxy in front has for idle connections to its servers.",
    )
    pipeline_limit: int = option(
        kinds.whole(1, 10_000),
        16,
        help="Requests of one connection that may wait for their answers; then reading stops.",
        when="hardly ever: browsers do not pipeline.",
    )
    client_library: str | None = option(
        kinds.path,
        None,
        help="The file of the SockJS client library that the daemon serves itself.",
        when="to serve another version than the one that was installed.",
        unset="`share/sockjs-client/sockjs.min.js` of the Python environment, where it exists",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Broker:
    """What carries publications between processes."""

    url: str = option(
        addresses.broker_url,
        addresses.MEMORY,
        help="Where publications go: memory: stays inside this daemon, redis://host joins all daemons and publishers.",
        when="as soon as anything outside the daemon publishes (Celery, a shell), or a second daemon runs.",
    )
    password: str = option(
        kinds.secret,
        "",
        help="Redis's password; it wins over one in the url.",
        when="to keep the password out of the url; better still, name a file in SOCKJSD_BROKER_PASSWORD_FILE.",
    )
    prefix: str = option(
        kinds.word,
        "sockjsd",
        help="What the names of all keys and channels in Redis begin with.",
        when="if several installations share one Redis.",
    )
    connect_timeout: float = option(
        kinds.seconds,
        0.5,
        help="How long a connection to Redis may take to open.",
        when="if Redis is far away.",
    )
    command_timeout: float = option(
        kinds.seconds,
        1.0,
        help="How long Redis may take to answer one command.",
        when="if Redis is far away or heavily loaded; publishers wait that long at most.",
    )
    ping_interval: float = option(
        kinds.seconds,
        5.0,
        help="How often a silent connection to Redis is tried.",
        when="to notice sooner that the network ate the connection.",
    )
    breaker_delay: float = option(
        kinds.seconds,
        2.0,
        help="How long publishers fail at once after Redis did not answer, instead of waiting for it each time.",
        when="to lose less (shorter) or to load views less (longer) while Redis is away.",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Site:
    """The Django site that is served beside the endpoints."""

    settings: str = option(
        kinds.module,
        "",
        help="The site's Django settings module; nothing serves no site.",
        when="to serve the site from this daemon: usually what DJANGO_SETTINGS_MODULE says in manage.py.",
    )
    python_path: str | None = option(
        kinds.path,
        None,
        help="A folder that is put in front of Python's search path.",
        when="if the site is not installed as a package: the folder that has manage.py.",
        unset="nothing is added",
    )
    threads: int = option(
        kinds.whole(1, 1000),
        10,
        help="Requests that Django works on at the same time.",
        when="if views wait much for databases or other services: more; each may hold a database connection.",
    )
    queue: int = option(
        kinds.whole(0, _MANY),
        100,
        help="Requests that may wait for a thread; more are answered with 503.",
        when="to refuse earlier or later under overload; threads and queue together bound the wait.",
    )
    body_limit: int = option(
        kinds.size,
        KIB * MIB,
        help="Bytes of a request's body for the site; more is answered with 413.",
        when="if the site takes no uploads (smaller), or very large ones.",
    )
    body_memory: int = option(
        kinds.size,
        64 * KIB,
        help="Bytes of a request's body that are kept in memory; larger bodies are spooled to disk.",
        when="if forms are often a little larger and the disk is slow.",
    )

    def __post_init__(self) -> None:
        check_options(self)


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
        when="always, for a relay.",
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
    send_limit: int = option(
        kinds.size,
        128 * KIB,
        help="Bytes in the body of one xhr_send or jsonp_send request; more is answered with 413.",
        when="together with message_limit.",
    )
    messages_limit: int = option(
        kinds.whole(1, _MANY),
        1000,
        help="Messages that a browser may send in one array.",
        when="if a client of yours sends larger batches.",
    )
    output_limit: int = option(
        kinds.size,
        MIB,
        help="Bytes that may wait for one slow connection; beyond it the connection is closed.",
        when="if bursts are larger than this; times the number of slow connections it is memory.",
    )
    session_limit: int = option(
        kinds.whole(1, _MANY),
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
        if self.application == RELAY and not self.channels:
            raise ConfigurationError(
                f"endpoint {self.name}: a relay needs channels: add 'channels = NAME …', or another application"
            )
        if self.application != RELAY and self.channels:
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
            if f"{endpoint.prefix}/".startswith(f"{other.prefix}/") or f"{other.prefix}/".startswith(
                f"{endpoint.prefix}/"
            ):
                raise ConfigurationError(
                    f"endpoint {endpoint.name}: prefix {endpoint.prefix} and prefix {other.prefix} of endpoint "
                    f"{other.name} overlap; allowed: prefixes of which none is equal to or inside another"
                )
        seen.append(endpoint)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    :param endpoints: by name, in the order of the file.
    :param file: the path it was read from; ``None`` where there was none.
    """

    server: Server = field(default_factory=Server)
    broker: Broker = field(default_factory=Broker)
    site: Site = field(default_factory=Site)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    file: str | None = None

    def __post_init__(self) -> None:
        check_prefixes(self.endpoints.values())


#: The first word of a section's heading → what the section becomes.
SECTIONS: Mapping[str, type] = MappingProxyType(
    {"server": Server, "broker": Broker, "site": Site, "endpoint": Endpoint}
)
