# -*- test-case-name: tests.config.test_sentinels -*-
"""The address of a Redis behind Sentinel, read once for the check of the configuration, the daemon and Django.

::

    sentinel://[user[:password]@]host[:port][,host[:port]…]/master[/database][?sentinel_password=…]
    sentinels://…   the same, all of it through TLS

User and password are Redis's.  ``sentinel_password``, and ``sentinel_username`` beside it, are for the Sentinels
themselves, where they want one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

#: The schemes of such an address: without TLS, and with.
SCHEMES = ("sentinel", "sentinels")
#: The TCP port of a Sentinel that was not told another one.
DEFAULT_PORT = 26379

_PLACE = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"/(?P<master>[A-Za-z0-9._-]+)(?:/(?P<database>[0-9]{1,5})?)?")
_QUERY = ("sentinel_username", "sentinel_password")
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Sentinels:
    """Which Sentinels, and which master.

    :ivar places: host and TCP port of each.
    :ivar master: the name under which they know the master.
    :ivar database: the number for SELECT.
    :ivar tls: whether all connections are wrapped in TLS.
    :ivar username: for AUTH at Redis; empty for the default user.
    :ivar password: for AUTH at Redis; empty for none.  Secrets are not in the repr, so that no log gets them.
    :ivar sentinel_username: for AUTH at the Sentinels; empty for the default user.
    :ivar sentinel_password: for AUTH at the Sentinels; empty for none.
    """

    places: tuple[tuple[str, int], ...]
    master: str
    database: int = 0
    tls: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sentinel_username: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)


def names_sentinels(url: str) -> bool:
    """Whether *url* has one of the two schemes."""
    return url.partition("://")[0] in SCHEMES


def parse_sentinels(url: str) -> Sentinels:
    """Read *url*.

    :raises ValueError: it is no such address; the text says what is wrong and quotes nothing, as there may be a
        password in it.
    """
    if not url.isascii() or "#" in url:
        raise ValueError("in a user name, password or name write everything but letters, digits, - and _ as %XX")
    parts = _split(url)
    user, _, hosts = parts.netloc.rpartition("@")
    username, _, password = user.partition(":")
    path = _PATH.fullmatch(parts.path)
    if path is None:
        raise ValueError("behind the Sentinels stands /NAME of the master, and then /NUMBER of the database or nothing")
    return Sentinels(
        tuple(_read_place(place) for place in hosts.split(",")),
        path["master"],
        int(path["database"] or 0),
        parts.scheme == SCHEMES[1],
        unquote(username),
        unquote(password),
        **_read_query(parts.query),
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # not as it is: it quotes what stands in brackets, and that may be of the password
        raise ValueError("only an IPv6 address may stand in [ ]; elsewhere write them as %5B and %5D") from None


def _read_place(text: str) -> tuple[str, int]:
    match = _PLACE.fullmatch(text)
    port = int(match["port"] or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port <= _LAST_PORT:
        raise ValueError("each Sentinel is HOST or HOST:PORT, with a comma between two")
    return match["host"].strip("[]"), port


def _read_query(query: str) -> dict[str, str]:
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        # Not as it is: it quotes a piece of the query, which is what must not be shown.
        options = {"": ""}
    if not options.keys() <= set(_QUERY):
        raise ValueError(f"behind the ? can only stand {' and '.join(_QUERY)}, each with = and a value")
    return options
