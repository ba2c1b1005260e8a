# -*- test-case-name: tests.http.test_ports -*-
"""Ports from endpoint strings, with our defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from twisted.application.internet import StreamServerEndpointService
from twisted.application.strports import service as port_service
from twisted.internet.protocol import Factory

from sockjsd.errors import StartError

#: Connections that may wait to be accepted; Twisted's 50 is too few when everybody comes back at once.
BACKLOG = 4096


def describe_port(description: str, umask: int) -> str:
    """Return an endpoint string with our defaults where it says nothing itself.

    Twisted gives a Unix socket the mode 666 whatever the umask is.
    """
    kind = description.removeprefix("haproxy:").partition(":")[0]
    if kind in ("tcp", "tcp6", "ssl", "unix") and "backlog=" not in description:
        description += f":backlog={BACKLOG}"
    if kind == "unix" and "mode=" not in description:
        description += f":mode={0o666 & ~umask:o}"
    return description


def open_port(description: str, umask: int, factory: Factory, reactor: Any) -> StreamServerEndpointService:
    """Return a port that listens.

    :param description: a Twisted endpoint string.
    :raises StartError: it cannot be had; the message says which and why.
    """
    with telling_refusals(description):
        port = port_service(describe_port(description, umask), factory, reactor)
        port.privilegedStartService()
    return port


@contextmanager
def telling_refusals(description: str) -> Iterator[None]:
    """Turn whatever is raised inside into one sentence.

    :raises StartError: the port *description* cannot be had.
    """
    try:
        yield
    except LookupError as error:  # only systemd's sockets are looked up
        raise StartError(f"cannot listen on {description}: systemd passed no such socket") from error
    except Exception as error:  # a kind of endpoint can be anybody's plugin, and TLS is OpenSSL's: anything may come
        raise StartError(f"cannot listen on {description}: {error}") from error
