# -*- test-case-name: tests.channels.test_namespaces -*-
"""Which namespace a channel belongs to, and who may do what on it.

Two characters in a channel's name mean something, as they do for Centrifugo:

* what stands before the first ``:`` is its namespace: ``chat:42`` belongs to ``chat``,
  ``news`` to the one without a name;
* what stands after the last ``#`` are the ids of the users it is for, between commas:
  ``inbox#42``, ``dialog#42,43``.  Nobody else may subscribe.

What a namespace's options are is left to the configuration: here they are any object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from sockjsd.errors import UnknownNamespace

T = TypeVar("T")

#: Between a namespace's name and the rest.
NAMESPACE_MARK = ":"
#: Before the users that a channel is for.
USER_MARK = "#"
#: Between two of them.
USER_SEPARATOR = ","

#: Who may do something: the values of the options ``allow_…``.
ANYONE = "anyone"
USER = "user"
TOKEN = "token"
SUBSCRIBER = "subscriber"
NOBODY = "nobody"


def namespace_of(channel: str) -> str:
    """Return the name of the namespace that *channel* belongs to; ``""`` is the one without a name."""
    name, mark, _ = channel.partition(NAMESPACE_MARK)
    return name if mark else ""


def users_of(channel: str) -> tuple[str, ...] | None:
    """Return the users that *channel* is for, or ``None`` when its name limits nobody."""
    _, mark, users = channel.rpartition(USER_MARK)
    return tuple(users.split(USER_SEPARATOR)) if mark else None


def may_subscribe(who: str, channel: str, user: str, *, with_token: bool) -> bool:
    """Return whether a client may subscribe to *channel*.

    :param who: the namespace's ``allow_subscribe``.
    :param user: the client's user, ``""`` for an anonymous one.
    :param with_token: whether it showed a token for this channel; that it is valid is the caller's duty.
    """
    users = users_of(channel)
    if users is not None:
        # The name itself says who may, so no token is needed; and no token makes it somebody else's.
        return who != NOBODY and user != "" and user in users
    return who == ANYONE or (who == USER and user != "") or (who != NOBODY and with_token)


def may_act(who: str, user: str, *, subscribed: bool) -> bool:
    """Return whether a client may publish, or read presence or history.

    :param who: the namespace's option for it.
    :param user: the client's user, ``""`` for an anonymous one.
    :param subscribed: whether the client listens to the channel now.
    """
    return who == ANYONE or (who == USER and user != "") or (who == SUBSCRIBER and subscribed)


class Namespaces(Generic[T]):
    """Finds the options of a channel.

    :param by_name: the options of each namespace; ``""`` is for names without a colon.
    """

    def __init__(self, by_name: Mapping[str, T]) -> None:
        self._by_name = dict(by_name)

    def __iter__(self) -> Iterator[str]:
        """The names of all namespaces."""
        return iter(self._by_name)

    def find(self, channel: str) -> T | None:
        """Return the options that hold for *channel*; ``None`` where it belongs to no known namespace."""
        return self._by_name.get(namespace_of(channel))

    def of(self, channel: str) -> T:
        """Return the options that hold for *channel*.

        :raises UnknownNamespace: it belongs to none of the configuration.
        """
        options = self.find(channel)
        if options is None:
            raise UnknownNamespace(
                f"{namespace_of(channel)!r} is no namespace; allowed: "
                + (", ".join(map(repr, self._by_name)) or "none is configured")
            )
        return options
