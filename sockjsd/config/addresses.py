# -*- test-case-name: tests.config.test_addresses -*-
"""The kinds of value that name a place: where to listen, proxies, the broker, URLs, origins.

Each check refuses early what would otherwise fail late and far from the line that
caused it.  None opens, resolves or imports anything.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from sockjsd.config.kinds import Kind, Refused, bounded, lines, pattern, words
from sockjsd.config.sentinels import names_sentinels, parse_sentinels

# ------------------------------------------------------------------ listening

_ENDPOINT_STRING = re.compile(r"[A-Za-z][A-Za-z0-9_]*:(?!//)[!-~][ -~]*")
_TCP = re.compile(r"(?:haproxy:)?tcp6?:(.+)")
#: Of an endpoint string, what stands between its parameters.
_COLON = re.compile(r"(?<!\\):")
_TCP_PARAMETERS = ("port", "interface", "backlog")
_PORT = re.compile(r"[0-9]{1,5}")
_LAST_PORT = 65535
_HOST_AND_PORT = re.compile(r"(localhost|\*|[0-9.]+|\[[0-9A-Fa-f:.]+\])?:([0-9]+)")


def _check_listen(line: str) -> None:
    if line.isascii() and line.isdigit():
        raise Refused(f"{bounded(line)} is only a port number: write tcp:{line[:5]}")
    if match := _HOST_AND_PORT.fullmatch(line):
        raise Refused(f"{bounded(line)} is no endpoint string: write tcp:{match[2][:5]}:interface=ADDRESS")
    if not _ENDPOINT_STRING.fullmatch(line):
        raise Refused(f"{bounded(line)} is no endpoint string")
    if match := _TCP.fullmatch(line):
        _check_tcp(bounded(line), _COLON.split(match[1]))


def _check_tcp(line: str, parameters: list[str]) -> None:
    """Check the usual kind here, where file and line are known; what other kinds want only Twisted knows."""
    if "" in parameters:
        raise Refused(f"{line}: a colon inside a value is written \\:")
    named = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
    for name in named:
        if name not in _TCP_PARAMETERS:
            raise Refused(f"{line}: {bounded(name)} is none of {', '.join(_TCP_PARAMETERS)}")
    port = named.get("port") or next((parameter for parameter in parameters if "=" not in parameter), "")
    if not _PORT.fullmatch(port) or int(port) > _LAST_PORT:
        raise Refused(f"{line}: {bounded(port)} is no port from 0 to {_LAST_PORT}")


#: Twisted endpoint strings, one on each line.
listen: Kind[tuple[str, ...]] = lines(
    "Twisted endpoint strings, one on each line, such as tcp:8000, tcp:8000:interface=127.0.0.1, "
    "unix:/run/sockjsd.sock, haproxy:tcp:8000 or systemd:domain=INET:index=0",
    _check_listen,
)

# ------------------------------------------------------------------ proxies

#: Among the trusted proxies: whoever connects to a Unix socket.
UNIX_PROXIES = "unix"


def _check_proxy(word: str) -> None:
    if word == UNIX_PROXIES:
        return
    try:
        network = ipaddress.ip_network(word, strict=False)
    except ValueError:
        raise Refused(f"{bounded(word)} is neither an address nor a network") from None
    if "%" in word or ("/" in word and not word.partition("/")[2].isdecimal()):
        raise Refused(f"{bounded(word)} is no network in CIDR notation: write ADDRESS/BITS")
    if network.network_address != ipaddress.ip_address(word.partition("/")[0]):
        raise Refused(f"{bounded(word)} has bits behind the first {network.prefixlen}: write {network}")


#: Who may say in header fields whom a request comes from.
proxies: Kind[tuple[str, ...]] = words(
    "IP addresses, networks such as 10.0.0.0/8 and fd00::/8, and unix for whoever connects to a Unix socket; "
    "nothing = nobody",
    _check_proxy,
)

# ------------------------------------------------------------------ the broker

#: The broker that lives inside the daemon.
MEMORY = "memory:"

_PRINTABLE = re.compile(r"[!-~]+")
#: What to do about a password that ends the URL's host part too early.
_QUOTING = "in a user name or password write #, /, ?, @ and % as %23, %2F, %3F, %40 and %25"

_DATABASE_PATH = re.compile(r"/?|/[0-9]{1,5}")
_DATABASE_QUERY = re.compile(r"|db=[0-9]{1,5}")


def _check_broker(url: str) -> None:
    if url == MEMORY:
        return
    check = _BROKER_CHECKS.get(url.partition("://")[0])
    if (check is None and not names_sentinels(url)) or not _PRINTABLE.fullmatch(url):
        raise Refused
    if check is None:
        _check_sentinels(url)
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise Refused(f"the host or the port is not one; {_QUOTING}") from None
    if parts.fragment:
        raise Refused(_QUOTING)
    check(parts)


def _check_sentinels(url: str) -> None:
    try:
        parse_sentinels(url)
    except ValueError as error:
        raise Refused(str(error)) from None


def _check_network(parts: SplitResult) -> None:
    if not parts.hostname:
        raise Refused("the host is missing")
    if parts.query or not _DATABASE_PATH.fullmatch(parts.path):
        raise Refused("after the host and port only /NUMBER of the database can follow")


def _check_unix(parts: SplitResult) -> None:
    if parts.netloc or len(parts.path) < 2:
        raise Refused("three slashes and the path of the socket have to follow redis+unix:")
    if not _DATABASE_QUERY.fullmatch(parts.query):
        raise Refused("after the path only ?db=NUMBER can follow; the password has its own option")


_BROKER_CHECKS = {"redis": _check_network, "rediss": _check_network, "redis+unix": _check_unix}


def _show_broker(text: str) -> str:
    """Only what stands before the first colon: in a URL that is wrong, a password can stand anywhere after it."""
    head, colon, _ = text.partition(":")
    if colon:
        return bounded(head + ":") + " and what follows, not shown"
    return "a value that is not shown" if "@" in text else bounded(text)


def hide_password(url: str) -> str:
    """A broker's URL as it may be shown: without user names and passwords."""
    scheme, slashes, rest = url.partition("://")
    if names_sentinels(url):
        # Those of the Sentinels stand behind the question mark.
        shown, _, query = rest.partition("?")
        # Where a password has one too, nothing says which part of what is before it is secret.
        rest = "@" if "@" in query else shown
    _, at, place = rest.rpartition("@")
    return f"{scheme}{slashes}{'…@' if at else ''}{place}"


#: Which broker; shown and printed only without its password.
broker_url: Kind[str] = Kind(
    "URL",
    "memory:, redis://[user[:password]@]host[:port][/db], rediss:// with the same parts, "
    "redis+unix:///path/of/the/socket[?db=N], or sentinel://[user[:password]@]host[:port],…/master[/db] "
    "(sentinels:// for TLS)",
    lambda text, folder: text,
    str,
    _check_broker,
    _show_broker,
    True,
)

# ------------------------------------------------------------------ URLs

#: The part of a URL under which an endpoint lives.  `.` and `..` are never sent by a browser.
url_prefix: Kind[str] = pattern(
    "URL path",
    "a path that starts with / and does not end with one, of letters, digits, -, _, . and /, such as /echo",
    re.compile(r"(?:/(?!\.\.?(?:/|\Z))[A-Za-z0-9_.-]+)+"),
)

#: A URL that is written into a page, so nothing that could end an attribute or a string.
web_address: Kind[str] = pattern(
    "URL",
    "a URL that starts with http://, https://, // or /, without spaces, quotes, <, > and backslashes, or nothing",
    re.compile(r"(?:https?://|/)[!#-&(-;=?-\[\]-~]+"),
    empty=True,
)

# ------------------------------------------------------------------ origins

#: Stands for the site's ``CSRF_TRUSTED_ORIGINS``.
FROM_DJANGO = "django"

#: Any origin; only alone.
ANY_ORIGIN = "*"

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://"
    r"(?:(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
)

#: Browsers leave these out of an Origin, so an origin that has them would never match.
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def _check_origin(word: str) -> None:
    if word in (FROM_DJANGO, ANY_ORIGIN):
        return
    match = _ORIGIN.fullmatch(word)
    if match is None:
        raise Refused(f"{bounded(word)} is no origin as browsers send it")
    if match["port"] and _DEFAULT_PORTS.get(match["scheme"]) == match["port"]:
        raise Refused(f"{bounded(word)}: browsers leave out :{match['port']}, so leave it out too")


_origin_words = words(
    "* alone; or words out of: django (the site's CSRF_TRUSTED_ORIGINS) and origins in lower case "
    "such as https://example.com, https://*.example.com, http://localhost:8000; nothing = the same origin only",
    _check_origin,
)


def _check_origins(values: tuple[str, ...]) -> None:
    _origin_words.check(values)
    if ANY_ORIGIN in values and len(values) > 1:
        raise Refused("* allows everything, so it has to stand alone")


#: Which pages may connect.
origins: Kind[tuple[str, ...]] = Kind(
    "words", _origin_words.allowed, _origin_words.read, _origin_words.write, _check_origins
)
