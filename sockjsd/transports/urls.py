# -*- test-case-name: tests.transports.test_urls -*-
"""The URL table of one endpoint."""

from __future__ import annotations

import re
from typing import Any

from sockjsd.http.handler import LeanHandler
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.handler import Nothing
from sockjsd.transports.pages import Greeting, IFrame, Info
from sockjsd.transports.receiving import ROWS, Receive
from sockjsd.transports.sending import JsonpSend, XhrSend
from sockjsd.transports.websocket import WebSocketHandler

#: A row as Cyclone takes it: pattern, handler class, keyword arguments.
Row = tuple[str, type[LeanHandler], dict[str, Any]]

#: Section "Session URLs": any server, any session, but neither empty nor with a dot.  The length of a session's
#: id is a limit of ours, because it is kept: sockjs-client's have 8 characters, a UUID has 36.
SESSION = r"/([^/.]+)/([^/.]{1,128})"


def rows(endpoint: Endpoint) -> list[Row]:
    """Return the rows of *endpoint*; whatever else lies below its prefix is 404."""
    prefix = re.escape(endpoint.options.prefix)
    receiving = [row for row in ROWS if endpoint.offers(row.name)]
    names = [row.name for row in receiving]
    # What is asked for most stands first.
    table: list[tuple[str, type[LeanHandler], dict[str, Any]]] = []
    if names and names != ["jsonp"]:
        table.append((SESSION + "/xhr_send", XhrSend, {}))
    if endpoint.offers("websocket"):
        table.append((SESSION + "/websocket", WebSocketHandler, {"raw": False}))
    table += [(f"{SESSION}/{row.name}", Receive, {"row": row}) for row in receiving]
    if "jsonp" in names:
        table.append((SESSION + "/jsonp_send", JsonpSend, {}))
    if endpoint.offers("raw_websocket"):
        table.append(("/websocket", WebSocketHandler, {"raw": True}))
    table.append((r"/info", Info, {}))
    table += [(r"/?", Greeting, {}), (r"/iframe[0-9\-.a-z_]*\.html", IFrame, {})]
    table.append((r"(?:/.*)?", Nothing, {}))
    return [(prefix + pattern, handler, {"endpoint": endpoint, **options}) for pattern, handler, options in table]
