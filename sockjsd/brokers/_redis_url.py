# -*- test-case-name: tests.brokers.test_redis_url -*-
"""Where a Redis is: from the address in the configuration to an endpoint that connects.

Five forms, so that one address serves the daemon and Django::

    redis://[user[:password]@]host[:port][/database]
    rediss://…                                          the same through TLS
    redis+unix://[user[:password]@]/path[?db=database]  a Unix socket
    sentinel://…, sentinels://…                         see :mod:`sockjsd.config.sentinels`

A TLS certificate has to be valid for the host and signed by an authority that
OpenSSL trusts; ``SSL_CERT_FILE`` in the environment names a private one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS

from sockjsd.brokers._redis_sentinel import SentinelEndpoint
from sockjsd.config.sentinels import Sentinels, names_sentinels, parse_sentinels
from sockjsd.errors import ConfigurationError

#: The TCP port of a Redis that was not told another one.
DEFAULT_PORT = 6379

_TCP_SCHEMES = ("redis", "rediss")
_UNIX_SCHEME = "redis+unix"


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """One Redis database, and who we are there.

    :ivar host: the host's name or address; empty for a Unix socket.
    :ivar port: its TCP port; 0 for a Unix socket.
    :ivar path: the Unix socket's path; empty for TCP.
    :ivar sentinels: who says where it is; ``None`` where host or path do.
    :ivar tls: whether the connection is wrapped in TLS.
    :ivar database: the number for SELECT.
    :ivar username: for AUTH; empty for the default user.
    :ivar password: for AUTH; empty for none.  Not in the repr, so that no log gets it.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    sentinels: Sentinels | None = None
    tls: bool = False
    database: int = 0
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)


def parse_redis_url(url: str, password: str | None = None) -> RedisAddress:
    """Read *url*; *password*, where it is not empty, counts more than the one in it.

    :raises ConfigurationError: for anything else than the forms above; the message
        does not quote the address, which may hold a password.
    """
    if names_sentinels(url):
        return _parse_sentinels(url, password)
    try:
        return _parse(urlsplit(url), password)
    except ValueError:
        # "from None": the first error quotes the piece of the address that it stumbled over.
        raise ConfigurationError("the port and the database in the address of Redis have to be numbers") from None


def _parse_sentinels(url: str, password: str | None) -> RedisAddress:
    try:
        found = parse_sentinels(url)
    except ValueError as error:
        raise ConfigurationError(f"the address of the Sentinels: {error}") from None
    return RedisAddress(
        sentinels=found,
        tls=found.tls,
        database=found.database,
        username=found.username,
        password=password or found.password,
    )


def _parse(parts: SplitResult, password: str | None) -> RedisAddress:
    username = unquote(parts.username or "")
    secret = password or unquote(parts.password or "")
    if parts.scheme == _UNIX_SCHEME and parts.path.startswith("/"):
        database = _database(parts.query, "")
        return RedisAddress(path=unquote(parts.path), database=database, username=username, password=secret)
    if parts.scheme in _TCP_SCHEMES and parts.hostname:
        return RedisAddress(
            host=parts.hostname,
            port=parts.port or DEFAULT_PORT,
            tls=parts.scheme == "rediss",
            database=_database(parts.query, parts.path.strip("/")),
            username=username,
            password=secret,
        )
    raise ConfigurationError(
        "the address of Redis has to be redis://host, rediss://host, redis+unix:///path or sentinel://host/master"
    )


def _database(query: str, path: str) -> int:
    """The database's number; ``?db=`` counts more than the path, as in redis-py."""
    database = int(parse_qs(query).get("db", [path or "0"])[0])
    if database < 0:
        raise ValueError("a database has no negative number")
    return database


def make_endpoint(reactor: Any, address: RedisAddress, timeout: float, command_timeout: float) -> Any:
    """An endpoint for *address* that gives up an attempt after *timeout* seconds.

    Sentinels are given *command_timeout* seconds to say where the master is.
    Reactor and endpoint are ``Any`` because they are known by Twisted's interfaces, several at once.
    """
    if address.path:
        unix_endpoint: Any = UNIXClientEndpoint  # whose parameters Twisted does not annotate
        return unix_endpoint(reactor, address.path, timeout)

    def make_tcp_endpoint(place: tuple[str, int]) -> Any:
        return _make_tcp_endpoint(reactor, *place, address.tls, timeout)

    found = address.sentinels
    if found is None:
        return make_tcp_endpoint((address.host, address.port))
    credentials = (found.sentinel_username, found.sentinel_password)
    return SentinelEndpoint(reactor, found.places, found.master, credentials, command_timeout, make_tcp_endpoint)


def _make_tcp_endpoint(reactor: Any, host: str, port: int, tls: bool, timeout: float) -> Any:
    endpoint: Any = HostnameEndpoint(reactor, host, port, timeout=timeout)
    if not tls:
        return endpoint
    # Only here, because a site without TLS needs no pyOpenSSL.
    from twisted.internet.ssl import optionsForClientTLS

    return wrapClientTLS(optionsForClientTLS(host), endpoint)
