# -*- test-case-name: tests.endpoints.test_protocol -*-
"""The rows of the URL table for clients that speak the client protocol over plain requests."""

from __future__ import annotations

import re
from collections.abc import Callable

from sockjsd.config import Endpoint as EndpointOptions
from sockjsd.config.channels import EMULATION_PATH, Channels
from sockjsd.endpoints.emulation import Emulation, Forward
from sockjsd.endpoints.lasting import lasting_options
from sockjsd.endpoints.two_halves import HALVES, Connect
from sockjsd.endpoints.uni_sse import UniSSE
from sockjsd.sockjs.connection import SockJSConnection
from sockjsd.transports.endpoint import Endpoint
from sockjsd.transports.urls import Row

#: Below the prefix: the name of each URL, and its handler.
HANDLERS: dict[str, type[Connect]] = {**dict.fromkeys(HALVES, Connect), "uni_sse": UniSSE}


def protocol_rows(
    options: Channels,
    make_endpoint: Callable[[EndpointOptions, Callable[[], SockJSConnection]], Endpoint],
    make_connection: Callable[[], SockJSConnection],
    forward: Forward,
) -> tuple[list[Endpoint], list[Row]]:
    """Return the endpoints and their rows.

    :param make_endpoint: makes an endpoint whose connections are made by the second argument.
    :param make_connection: makes what speaks the protocol; it learns from ``info.transport`` what carries it.
    :param forward: gives commands to a session on any node.
    """
    endpoints = []
    rows: list[Row] = []
    for name, handler in HANDLERS.items():
        settings = lasting_options(name, f"{options.prefix}/{name}", options)
        endpoint = make_endpoint(settings, make_connection)
        endpoints.append(endpoint)
        rows.append((re.escape(settings.prefix), handler, {"endpoint": endpoint, "name": name}))
    rows.append((EMULATION_PATH, Emulation, {"endpoint": endpoints[0], "forward": forward}))
    return endpoints, rows
