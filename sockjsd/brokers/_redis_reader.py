# -*- test-case-name: tests.brokers.test_redis_reader -*-
"""The connection that listens, and what it has to listen to: channels, and what other nodes say.

Wishes are remembered, and asked for again on each new connection, hundreds with a
command.  A wish is *confirmed* when Redis has answered every SUBSCRIBE and
UNSUBSCRIBE of its channel: from then on everything that is published arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.internet.defer import Deferred, fail, succeed

from sockjsd.brokers._redis_calls import RedisKeys
from sockjsd.brokers._redis_inbox import Inbox
from sockjsd.brokers._redis_link import RedisLink, RedisPlace
from sockjsd.brokers._redis_protocol import ConnectionOwner
from sockjsd.brokers._redis_subscriber import SubscriberConnection
from sockjsd.brokers._redis_writer import LinkListener
from sockjsd.errors import BrokerUnavailable, StateError


class RedisReader:
    """Listens.

    :param place: where Redis is.
    :param listener: told of the link.
    :param keys: the names.
    :param node: the id of this node.
    :param on_read: called at the end of each read that brought something; empties the inbox.
    :param greet: sends what a new connection needs before it subscribes.

    :ivar link: the connection.
    :ivar inbox: what arrived; it outlives each connection for its counter.
    """

    def __init__(
        self,
        place: RedisPlace,
        listener: LinkListener,
        keys: RedisKeys,
        node: str,
        on_read: Callable[[], None],
        greet: Callable[[SubscriberConnection], list[Deferred[object]]],
    ) -> None:
        self.inbox = Inbox(keys.channel_prefix, (keys.control, keys.node(node)))
        self._place = place
        self._keys = keys
        self._on_read = on_read
        self._greet = greet
        # A dict is a set that keeps its order: the same one after each reconnect.
        self._wanted: dict[str, None] = {}
        # Who waits for the confirmation of a channel.
        self._waiting: dict[str, list[Deferred[None]]] = {}
        self._listener = listener
        self.link_ready = listener.link_ready
        self.link: RedisLink[SubscriberConnection] = RedisLink(place, self)

    def want(self, channel: str) -> None:
        """Listen to *channel* from now on."""
        self._wanted[channel] = None
        connection = self.link.greeted
        if connection is not None:
            self.link.watch(connection.listen([self._keys.channel(channel)]), connection)

    def forget(self, channel: str) -> None:
        """Listen to *channel* no longer."""
        self._wanted.pop(channel, None)
        connection = self.link.greeted
        if connection is not None:
            self.link.watch(connection.ignore(self._keys.channel(channel)), connection)
        self._fail_waiting([channel], "nobody wants the channel any longer")

    def confirmed(self, channel: str) -> Deferred[None]:
        """Fires when *channel* is confirmed; fails where that cannot be waited for."""
        connection = self.link.greeted
        if channel not in self._wanted:
            return fail(StateError(f"nobody wants channel {channel!r}"))
        if connection is None:
            return fail(BrokerUnavailable(f"Redis is not connected: {self.link.problem}"))
        if connection.hears(self._keys.channel(channel)):
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.setdefault(channel, []).append(waiting)
        return waiting

    def build(self, owner: ConnectionOwner) -> SubscriberConnection:
        """See :class:`sockjsd.brokers._redis_link.LinkUser`."""
        clock, timeout = self._place.clock, self._place.command_timeout
        return SubscriberConnection(clock, timeout, owner, self.inbox, self._on_read, self._confirm)

    def greet(self, connection: SubscriberConnection) -> list[Deferred[object]]:
        """See :class:`sockjsd.brokers._redis_link.LinkUser`."""
        first = self._greet(connection)
        names = [*self.inbox.control_names, *map(self._keys.channel, self._wanted)]
        return first + connection.listen(names)

    def link_failed(self, problem: str) -> None:
        """See :class:`sockjsd.brokers._redis_link.LinkUser`."""
        self._fail_waiting(list(self._waiting), f"Redis is not connected: {problem}")
        self._listener.link_failed(problem)

    def _confirm(self, name: bytes) -> None:
        for waiting in self._waiting.pop(self.inbox.channel(name), ()):
            waiting.callback(None)

    def _fail_waiting(self, channels: Iterable[str], problem: str) -> None:
        for channel in channels:
            for waiting in self._waiting.pop(channel, ()):
                waiting.errback(BrokerUnavailable(problem))
