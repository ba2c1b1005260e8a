# -*- test-case-name: tests.http.test_proxies -*-
"""Who a request comes from, where a proxy stands between: pure rules, no sockets.

A proxy says in header fields who its client is, and so can everybody else.  They count
only where the other end of the connection is a proxy that the configuration trusts; from
anybody else they are removed before a handler or a view can believe them.

``X-Forwarded-For`` is a list to which each proxy adds, on the right, whoever connected to
it.  It is read from there: the client is the first that is not a trusted proxy itself, and
what stands left of it is what that client made up.  ``X-Forwarded-Proto`` has to be one
word, because nobody knows who wrote which of several.  Nothing else changes what we take
for the client: ``X-Forwarded-Host`` would let a page choose which origin is its own, and a
proxy can just as well leave ``Host`` as it is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import ISSLTransport

from sockjsd.config.addresses import UNIX_PROXIES
from sockjsd.http.headers import Headers

FOR = "x-forwarded-for"
PROTO = "x-forwarded-proto"

#: Fields in which proxies speak of their client: all that begin like this, and those.
_PREFIX = "x-forwarded-"
_CLAIMS = frozenset({"forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-ssl"})

#: Nearly all requests have no fields but some of these, among which is no claim; one look tells.
_USUAL = frozenset(
    "accept accept-encoding accept-language authorization cache-control connection content-length content-type cookie "
    "dnt expect host if-modified-since if-none-match last-event-id origin pragma priority range referer "
    "sec-ch-ua sec-ch-ua-mobile sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user "
    "sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version te "
    "transfer-encoding upgrade upgrade-insecure-requests user-agent".split()
)

#: Some proxies name the protocol inside: ``wss`` is TLS too.
_SECURE = {"http": False, "ws": False, "https": True, "wss": True}

#: An address as proxies write it; some add the port of the connection.
_FORWARDED = re.compile(r"([0-9.]+)(?::[0-9]+)?|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?|([0-9A-Fa-f:.]+)")


class Sender(NamedTuple):
    """Where a request comes from.

    :param address: the client's, as Twisted has addresses; with port 0 where a field told it.
    :param secure: whether the client speaks TLS.
    """

    address: object
    secure: bool


#: Stands where no request has come from anywhere.
NOBODY = Sender(None, False)


class End(NamedTuple):
    """Who is at the other end of a connection.

    :param sender: who has connected there, where the PROXY protocol tells it; else the neighbour.
    :param trusted: whether the neighbour itself is a proxy that is trusted.
    """

    sender: Sender
    trusted: bool


class Proxies:
    """The proxies that are trusted.

    :param trusted: addresses, networks such as ``10.0.0.0/8``, and ``unix`` for whoever connects to a Unix socket.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        words = set(trusted)
        self._unix = UNIX_PROXIES in words
        self._networks = [ipaddress.ip_network(word) for word in words if word != UNIX_PROXIES]
        # Whether anybody is trusted at all.
        self._some = bool(words)

    def end_of(self, transport: Any) -> End:
        """Return who is at the other end of the connection that *transport* is."""
        peer = transport.getPeer()
        below = getattr(transport, "transport", None)
        neighbour = peer if below is None else neighbour_of(below)
        return self.end(neighbour, Sender(peer, ISSLTransport.providedBy(transport)))

    def end(self, neighbour: object, sender: Sender) -> End:
        """Return who is at the other end of a connection.

        :param neighbour: its address.
        :param sender: who has connected there, where the PROXY protocol tells it; else the neighbour.
        """
        return End(sender, self._some and self._trusts(neighbour))

    def sender(self, fields: Headers, end: End) -> Sender:
        """Return where a request comes from, and remove from *fields* what nobody should believe.

        From a trusted proxy the claims that are not read here stay as they came, for views that want them.

        :param fields: of the request.
        :param end: of its connection.
        """
        if not end.trusted:
            _remove_claims(fields)
            return end.sender
        secure = end.sender.secure
        client = self._client(fields, end.sender.address)
        if PROTO in fields:
            said = _SECURE.get(fields[PROTO].lower())
            fields.remove(PROTO)
            if said is not None:  # written as Django compares it
                secure = said
                fields.replace(PROTO, "https" if said else "http")
        return Sender(client, secure)

    def _client(self, fields: Headers, nearest: object) -> object:
        """Return the first that is not a trusted proxy, from *nearest* to the left; cut off what stands behind it."""
        client, believed = nearest, []
        for text in _from_right(fields.each(FOR)):
            address = _read(text) if self._trusts(client) else None
            if address is None:
                break
            client = address
            believed.append(address.host)
        if believed:
            fields.replace(FOR, ", ".join(reversed(believed)))
        else:
            fields.remove(FOR)
        return client

    def _trusts(self, address: object) -> bool:
        if isinstance(address, UNIXAddress):
            return self._unix
        if not self._networks or not isinstance(address, IPv4Address | IPv6Address):
            return False
        found = _parse(address.host)
        return found is not None and any(found in network for network in self._networks)


def neighbour_of(transport: Any) -> object:
    """Return the address of the other end of a connection itself, whatever the PROXY protocol or TLS lay over it."""
    below = getattr(transport, "transport", None)
    return transport.getPeer() if below is None else neighbour_of(below)


def _remove_claims(fields: Headers) -> None:
    """Remove what only a proxy may say; also with ``_``, which gets the same name in a WSGI environ."""
    if fields.keys() <= _USUAL:
        return
    for name in list(fields):
        plain = name.replace("_", "-")
        if plain.startswith(_PREFIX) or plain in _CLAIMS:
            fields.remove(name)


def _from_right(values: list[str]) -> Iterator[str]:
    """Yield the elements of a list that may have come in several fields, the last one first."""
    for value in reversed(values):
        for element in reversed(value.split(",")):
            yield element.strip(" \t")


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address in an element of ``X-Forwarded-For``; ``None`` where there is none."""
    match = _FORWARDED.fullmatch(text)
    if match is None:
        return None
    found = _parse(match[1] or match[2] or match[3])
    if found is None:
        return None
    kind = IPv4Address if found.version == 4 else IPv6Address
    return kind("TCP", str(found), 0)


def _parse(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return *host* as an address; one of IPv4 that a socket for both kinds shows as IPv6 is what it was."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
