# -*- test-case-name: tests.django.test_baggage -*-
"""What Django and Python keep for a thread, for a response that goes on in another one.

A streaming response may be made in several threads, one after the other.  Its database
connections have to go along: the next request of the thread that it left would close
them amid a query.  So do the language, the time zone and the table of URLs, and what
anybody keeps in context variables.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import copy_context
from datetime import tzinfo
from typing import Any, TypeVar

from django.conf import settings
from django.db import close_old_connections, connections
from django.urls import get_script_prefix, get_urlconf, set_script_prefix, set_urlconf
from django.utils import timezone, translation

T = TypeVar("T")


class Manners:
    """What a request has chosen: language, time zone, URLs; taken from the present thread."""

    def __init__(self) -> None:
        self._language: str | None = translation.get_language()
        self._zone: tzinfo = timezone.get_current_timezone()
        self._urlconf = get_urlconf()
        self._prefix: str = get_script_prefix()

    def apply(self) -> None:
        """Let it hold in the present thread."""
        if self._language is None:
            translation.deactivate_all()
        else:
            translation.activate(self._language)
        timezone.activate(self._zone)
        set_urlconf(self._urlconf)
        set_script_prefix(self._prefix)


class Baggage:
    """What one response needs in whichever thread it goes on; used by one thread at a time.

    It begins in the present thread, as it is.
    """

    def __init__(self) -> None:
        # One for all threads: what a generator sets, it wants to reset in the same context.
        self._context = copy_context()
        self._connections: list[Any] = []
        self._manners: Manners | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Return what *call* returns, with all of it in the present thread; then take it out again."""
        if self._manners is None:  # it is in it
            return self._context.run(call)
        own = _take_out()
        _put_in(self._connections)
        try:
            return self._context.run(self._behave, call)
        finally:
            self._connections = _shared(_take_out())
            _put_in(own)

    def pack(self) -> None:
        """Take all of it out of the thread in which it began; nothing, when it has left that already."""
        if self._manners is None and settings.configured:
            self._connections = _shared(_take_out())
            self._manners = self._context.run(Manners)

    def drop(self) -> None:
        """Close what is left: nobody can use it any more."""
        for connection in self._connections:
            connection.close()

    def _behave(self, call: Callable[[], T]) -> T:
        assert self._manners is not None, "it has left a thread"
        self._manners.apply()
        try:
            return call()
        finally:
            self._manners = Manners()


def settle() -> None:
    """Let go of what a thread does not need while its request goes on without one."""
    if settings.configured:
        close_old_connections()


def _take_out() -> list[Any]:
    """Return the present thread's connections; it has none any more."""
    taken: list[Any] = connections.all(initialized_only=True)
    for connection in taken:
        del connections[connection.alias]
    return taken


def _put_in(taken: list[Any]) -> None:
    for connection in taken:
        connections[connection.alias] = connection


def _shared(taken: list[Any]) -> list[Any]:
    """Let threads use connections that others opened: one at a time, which is our care."""
    for connection in taken:
        connection.inc_thread_sharing()
    return taken
