# -*- test-case-name: tests.clients.test_refusals -*-
"""From the protocol's codes to the errors that carry them."""

from __future__ import annotations

from sockjsd.channels.protocol.codes import Disconnect, Error
from sockjsd.errors import ClientDismissed, CommandRefused


def refused(error: Error) -> CommandRefused:
    """Return what is raised to answer a command with *error*."""
    return CommandRefused(error.code, error.message, error.temporary)


def dismissed(disconnect: Disconnect) -> ClientDismissed:
    """Return what is raised to end a connection with *disconnect*."""
    return ClientDismissed(disconnect.code, disconnect.reason)
