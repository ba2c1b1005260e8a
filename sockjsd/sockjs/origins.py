# -*- test-case-name: tests.sockjs.test_origins -*-
"""Which pages may use an endpoint.

A browser says where a request comes from in ``Origin``; where it does not (scripts,
iframes, same-origin GET), ``Sec-Fetch-Site`` says whether it came from elsewhere, and
``Referer`` from where.  A page can suppress ``Referer``, and Chromium leaves ``Sec-Fetch-Site``
out where a site is reached without TLS under a name; it can forge neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

ANY = "*"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """The policy of one endpoint.

    :param allowed: ``*``, or origins such as ``https://example.com`` and ``https://*.example.com``.
    :param no_origin: whether a request that says nothing at all is welcome (programs, old browsers).
    """

    def __init__(self, allowed: Iterable[str], *, no_origin: bool = True) -> None:
        self.allowed = tuple(origin.lower() for origin in allowed)
        #: Whether the pages of all origins are welcome.
        self.everybody = ANY in self.allowed
        self._no_origin = no_origin

    def permits(self, fields: Mapping[str, str]) -> bool:
        """Return whether a request may use the endpoint.

        :param fields: its header fields, names in lower case.
        """
        if self.everybody:
            return True
        if "origin" not in fields and "sec-fetch-site" not in fields and "referer" not in fields:
            return self._no_origin
        host, origin = fields.get("host", ""), fields.get("origin")
        if origin:
            return self._trusts(origin, host)
        fetch_site, referer = fields.get("sec-fetch-site"), fields.get("referer")
        if not fetch_site and not referer:
            return self._no_origin
        if fetch_site in ("same-origin", "none"):
            return True
        known = self._trusts(_origin_of(referer or ""), host)
        if fetch_site or not known:
            return known
        return self._no_origin

    @property
    def ancestors(self) -> str:
        """The policy as the sources of a ``frame-ancestors`` directive (CSP level 3)."""
        return ANY if self.everybody else " ".join(("'self'", *self.allowed))

    def _trusts(self, origin: str, host: str) -> bool:
        scheme, separator, authority = origin.lower().partition("://")
        if not separator or not authority:
            return False  # "null", or nothing
        port = _DEFAULT_PORTS.get(scheme)
        # The scheme may differ from ours: whoever ends TLS in front of us changes it.
        if port and host and authority.removesuffix(port) == host.lower().removesuffix(port):
            return True
        return any(_matches(pattern, scheme, authority) for pattern in self.allowed)


def _matches(pattern: str, scheme: str, authority: str) -> bool:
    wanted_scheme, _, wanted = pattern.partition("://")
    if scheme != wanted_scheme:
        return False
    if wanted.startswith("*."):
        return authority.endswith(wanted[1:])
    return authority == wanted


def _origin_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
