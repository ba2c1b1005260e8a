"""Ring 2: HTTP/1.1 under a Cyclone application.

``reader`` turns bytes into requests (``plain`` or, with httptools, ``parser`` takes them apart, ``rules``
refuses what two parsers could read differently), ``connection`` keeps them in order, ``exchange`` is one
request and its answer, ``application`` finds the route and ``handler`` is what a
route's class derives from; ``flow`` is the way out, ``factory`` what all connections
share, and ``wsgi`` presents a request to Twisted's WSGI resource.

``listen`` serves anybody's Cyclone application: ``foreign`` finds its routes, ``classic`` is
what Cyclone's own handlers take for their request and connection.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """Return ``listen`` when it is asked for: most who import from here need only a part of this folder."""
    if name == "listen":
        from sockjsd.http.listening import listen

        return listen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
