# -*- test-case-name: tests.endpoints.test_public_channels -*-
"""Channels that a request may choose by itself: those that are for everybody.

Whoever needs no client library says no user and no token either, so the namespaces' rules
leave only what anyone may subscribe to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sockjsd.channels.names import check_channel
from sockjsd.channels.namespaces import may_subscribe
from sockjsd.config.namespace import Namespace
from sockjsd.errors import ChannelNameError, HTTPError, UnknownNamespace

#: The argument of a URL that names a channel; it may be there several times.
ARGUMENT = "channel"


class PublicChannels:
    """Says which channels may be chosen.

    :param namespace_of: finds a channel's options; raises ``UnknownNamespace``.
    :param limit: channels that one request may choose.
    """

    def __init__(self, namespace_of: Callable[[str], Namespace], limit: int) -> None:
        self._namespace_of = namespace_of
        self._limit = limit

    def chosen(self, names: Iterable[str]) -> dict[str, Namespace]:
        """Return the options of the channels called *names*, each once, in the order of the alphabet.

        :raises HTTPError: 400, one of them is none, or there are none or too many; 403, one is not for everybody.
        """
        different = set(names)
        if not different:
            raise HTTPError(400, f"Say which channels: ?{ARGUMENT}=NAME&{ARGUMENT}=NAME", close=False)
        if len(different) > self._limit:
            raise HTTPError(400, f"{len(different)} channels; allowed: {self._limit}", close=False)
        return {name: self._options(name) for name in sorted(different)}

    def _options(self, name: str) -> Namespace:
        try:
            namespace = self._namespace_of(check_channel(name))
        except (ChannelNameError, UnknownNamespace) as error:
            raise HTTPError(400, str(error), close=False) from error
        if not may_subscribe(namespace.allow_subscribe, name, "", with_token=False):
            raise HTTPError(403, f"{name!r} is not for everybody", close=False)
        return namespace
