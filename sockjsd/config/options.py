# -*- test-case-name: tests.config.test_options -*-
"""All options of sockjsd, each declared once: ``[server]``, ``[broker]``, ``[site]``; the other sections are next door.

The values are frozen and checked when they are built, so whoever is handed a `Config`
need not check anything again.  Times are in seconds, sizes in bytes, paths absolute.
How values get here from files and the environment is the business of
`sockjsd.config.load`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sockjsd.config import addresses, kinds
from sockjsd.config.channels import Channels, check_memory, check_paths
from sockjsd.config.declare import check_options, option
from sockjsd.config.endpoint import Endpoint, check_prefixes
from sockjsd.config.kinds import KIB, MANY, MIB
from sockjsd.config.namespace import Namespace


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
    trusted_proxies: tuple[str, ...] = option(
        addresses.proxies,
        (),
        help="The proxies whose X-Forwarded-For and X-Forwarded-Proto tell the client's address and whether it speaks "
        "TLS; from anybody else these fields are removed.",
        when="as soon as a proxy stands in front: name its addresses, and nobody else's, and let it write these "
        "fields itself.",
        elsewhere="sockjs-tornado: xheaders",
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
    send_timeout: float = option(
        kinds.seconds,
        30.0,
        help="How long a client may read nothing at all of an answer that is ready; then it is cut.",
        when="if phones with bad reception lose their downloads.",
    )
    switch_interval: float = option(
        kinds.moment,
        0.0002,
        help="How long a view that computes may keep Python's interpreter (the GIL) while others wait for it.",
        when="hardly ever: longer gives a little more to views that compute, and lets every browser wait for them.",
        elsewhere="CPython itself: 5ms",
    )
    client_library: str | None = option(
        kinds.path,
        None,
        help="The file of the SockJS client library that the daemon serves itself.",
        when="to serve another version than the one that was installed.",
        unset="`share/sockjs-client/sockjs.min.js` of the Python environment, where it exists",
    )
    status: bool = option(
        kinds.flag,
        False,
        help="Whether /status tells, as JSON, how many connections and messages there are.",
        when="to watch the daemon; whoever reaches it can read this, so let the proxy keep /status from the public.",
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
        kinds.whole(0, MANY),
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
    spool_limit: int = option(
        kinds.size,
        8 * KIB * MIB,
        help="Bytes that all spooled bodies together may take on disk; more uploads are answered with 503.",
        when="to what the file system of TMPDIR has to spare.",
    )
    response_spool: int = option(
        kinds.size,
        MIB,
        help="Bytes of a complete answer that wait in memory for a slow client; a larger one waits on disk.",
        when="if answers are often a little larger and the disk is slow; times the slow clients it is memory.",
    )
    streams: int = option(
        kinds.whole(0, MANY),
        200,
        help="Streaming answers that may wait for slow clients outside of the threads; more keep their threads.",
        when="to less than the database has connections to give: each may hold one.",
    )

    def __post_init__(self) -> None:
        check_options(self)


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration.

    :param endpoints: by name, in the order of the file.
    :param file: the path it was read from; ``None`` where there was none.
    :param namespaces: by name; ``""`` is always there, for channels without a colon.
    """

    server: Server = field(default_factory=Server)
    broker: Broker = field(default_factory=Broker)
    site: Site = field(default_factory=Site)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    file: str | None = None
    channels: Channels = field(default_factory=Channels)
    namespaces: dict[str, Namespace] = field(default_factory=lambda: {"": Namespace()})

    def __post_init__(self) -> None:
        check_prefixes(self.endpoints.values())
        check_paths(self.channels, self.endpoints.values())
        check_memory(self.channels, self.namespaces.values())


#: The first word of a section's heading → what the section becomes.
SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "server": Server,
        "broker": Broker,
        "site": Site,
        "channels": Channels,
        "namespace": Namespace,
        "endpoint": Endpoint,
    }
)
