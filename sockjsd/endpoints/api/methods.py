# -*- test-case-name: tests.endpoints.api.test_methods -*-
"""The commands of the server API: each takes its fields and gives a Deferred of its result, as JSON text.

Publications, history and presence are the broker's, and so the cluster's.  Orders about connections go to every
node, and so do the questions who is there and who listens to what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.defer import Deferred, succeed

from sockjsd.brokers.interface import Archive, Attendance, Carrier
from sockjsd.brokers.values import History, Once, Published, keeping_for
from sockjsd.channels.namespaces import Namespaces
from sockjsd.channels.publications import Position, Publication
from sockjsd.clients.nodes import NodeInfo
from sockjsd.clients.orders import FORCED, Disconnect, Order, Refresh, Subscribe, Unsubscribe
from sockjsd.config import Namespace
from sockjsd.endpoints.api import replies
from sockjsd.endpoints.api.fields import Fields, bad_request
from sockjsd.errors import APIError, ChannelNameError, UnknownNamespace

#: Codes with which a WebSocket may be closed by an application; 3000 to 3499 and 4000 to 4499 let the SDKs come back.
_CLOSE_CODES = range(3000, 5000)
#: Bytes in the reason of a close frame (RFC 6455 section 5.5: 125 with the code).
_REASON_LIMIT = 123
#: Options of a channel that a subscription may override.
_OVERRIDES = ("presence", "join_leave", "force_push_join_leave", "force_positioning", "force_recovery")


class Broker(Carrier, Archive, Attendance, Protocol):
    """What the API asks of the broker."""


class Others(Protocol):
    """What the API asks of the cluster."""

    def obey(self, order: Order) -> Deferred[None]:
        """Carry *order* out everywhere."""

    def nodes(self) -> list[NodeInfo]:
        """Who is there."""

    def channels(self, pattern: str = "") -> Deferred[dict[str, int]]:
        """Who listens to what."""


class Methods:
    """All commands but ``broadcast`` and ``batch``, which are made of others.

    :param broker: carries what is published.
    :param cluster: reaches all nodes.
    :param namespaces: the options of each channel.
    :param meta_ttl: seconds for which a channel's position is remembered.
    """

    def __init__(self, broker: Broker, cluster: Others, namespaces: Namespaces[Namespace], meta_ttl: float) -> None:
        self._broker = broker
        self._cluster = cluster
        self._namespaces = namespaces
        self._meta_ttl = meta_ttl
        self._table: dict[str, Callable[[Fields], Deferred[str]]] = {
            "publish": self._publish,
            "subscribe": self._subscribe,
            "unsubscribe": self._unsubscribe,
            "disconnect": self._disconnect,
            "refresh": self._refresh,
            "presence": self._presence,
            "presence_stats": self._presence_stats,
            "history": self._history,
            "history_remove": self._history_remove,
            "channels": self._channels,
            "info": self._info,
        }

    def __contains__(self, method: object) -> bool:
        """Whether there is such a command."""
        return method in self._table

    def call(self, method: str, fields: Fields) -> Deferred[str]:
        """Carry one command out.

        :raises APIError: there is no such method, or *fields* are wrong.
        """
        if method not in self._table:
            raise APIError(104, f"method not found: {method!r:.60}")
        return self._table[method](fields)

    # Publications.

    def _publish(self, fields: Fields) -> Deferred[str]:
        return self.publish(fields.channel(), fields)

    def publish(self, channel: str, fields: Fields) -> Deferred[str]:
        """Publish to *channel* what *fields* say, whatever channel they name."""
        namespace = self._namespace(channel)
        fields.refuse_binary("b64data")
        publication = Publication(fields.data("data"), tags=fields.mapping("tags"))
        keeping = None if fields.flag("skip_history") else keeping_for(namespace, self._meta_ttl)
        published = self._broker.publish(channel, publication, keeping, _once(fields))
        return published.addCallback(_published)

    def _history(self, fields: Fields) -> Deferred[str]:
        channel = self._channel_with("history", fields)
        since, reverse = fields.position("since"), fields.flag("reverse")
        limit = fields.whole("limit", least=-1)
        found = self._broker.history(channel, since, limit, reverse=reverse, meta_ttl=self._meta_ttl)
        return found.addCallback(_recoverable, since, reverse).addCallback(replies.history)

    def _history_remove(self, fields: Fields) -> Deferred[str]:
        channel = self._channel_with("history", fields)
        return self._broker.remove_history(channel).addCallback(_done)

    # Who is there.

    def _presence(self, fields: Fields) -> Deferred[str]:
        channel = self._channel_with("presence", fields)
        return self._broker.presence(channel).addCallback(replies.presence)

    def _presence_stats(self, fields: Fields) -> Deferred[str]:
        channel = self._channel_with("presence", fields)
        return self._broker.presence_stats(channel).addCallback(lambda counts: replies.presence_stats(*counts))

    def _channels(self, fields: Fields) -> Deferred[str]:
        try:
            counted = self._cluster.channels(fields.text("pattern"))
        except ChannelNameError as error:
            raise bad_request(str(error)) from None
        return counted.addCallback(replies.channels)

    def _info(self, fields: Fields) -> Deferred[str]:
        return succeed(replies.nodes(self._cluster.nodes()))

    # Connections.

    def _subscribe(self, fields: Fields) -> Deferred[str]:
        channel = fields.channel()
        self._namespace(channel)
        fields.refuse_binary("b64info", "b64data")
        order = Subscribe(
            fields.whom(),
            channel,
            fields.json("info"),
            fields.json("data"),
            fields.position("recover_since"),
            _override(fields),
        )
        return self._cluster.obey(order).addCallback(_done)

    def _unsubscribe(self, fields: Fields) -> Deferred[str]:
        channel = fields.channel() if fields.text("channel") else ""
        if channel:
            self._namespace(channel)
        return self._cluster.obey(Unsubscribe(fields.whom(), channel)).addCallback(_done)

    def _disconnect(self, fields: Fields) -> Deferred[str]:
        code, reason = _close(fields)
        order = Disconnect(fields.whom(), code, reason, fields.words("whitelist"))
        return self._cluster.obey(order).addCallback(_done)

    def _refresh(self, fields: Fields) -> Deferred[str]:
        order = Refresh(fields.whom(), fields.flag("expired"), fields.whole("expire_at"))
        return self._cluster.obey(order).addCallback(_done)

    # Channels and their options.

    def _namespace(self, channel: str) -> Namespace:
        try:
            return self._namespaces.of(channel)
        except UnknownNamespace as error:
            raise APIError(102, f"unknown channel: {error}") from None

    def _channel_with(self, what: str, fields: Fields) -> str:
        """Return the channel that *fields* name.

        :raises APIError: its namespace does not have *what*.
        """
        channel = fields.channel()
        namespace = self._namespace(channel)
        if not (namespace.presence if what == "presence" else namespace.has_history):
            raise APIError(108, f"not available: [{namespace.heading}] has no {what}")
        return channel


def _once(fields: Fields) -> Once | None:
    key, version = fields.text("idempotency_key"), fields.whole("version")
    version_epoch = fields.text("version_epoch")
    return Once(key, version=version, version_epoch=version_epoch) if key or version else None


def _published(published: Published) -> str:
    return replies.build(replies.position(published.position))


def _recoverable(found: History, since: Position | None, reverse: bool) -> History:
    """Return *found*, unless it does not go on from *since*: then something would be missing unseen."""
    if since is not None:
        other_epoch = since.epoch not in ("", found.position.epoch)
        if other_epoch or (since.offset > found.position.offset and not reverse):
            raise APIError(112, "unrecoverable position")
    return found


def _close(fields: Fields) -> tuple[int, str]:
    """Return the code and the reason with which to disconnect."""
    custom = fields.inner("disconnect")
    code = custom.whole("code") if custom is not None else 0
    if custom is None or not code:  # 0 is what client libraries send that were told nothing
        return FORCED
    reason = custom.text("reason")
    if code not in _CLOSE_CODES or len(reason.encode("utf-8", "replace")) > _REASON_LIMIT:
        raise bad_request(f"disconnect needs a code from 3000 to 4999 and a reason of at most {_REASON_LIMIT} bytes")
    return code, reason


def _override(fields: Fields) -> dict[str, bool]:
    """Return the options that a subscription overrides; each is ``{"value": bool}``."""
    inner = fields.inner("override")
    if inner is None:
        return {}
    unknown = sorted(set(inner.names()) - set(_OVERRIDES))
    if unknown:
        raise bad_request(f"override has {unknown[0]!r:.60}; allowed: {', '.join(_OVERRIDES)}")
    values = {name: inner.inner(name) for name in inner.names()}
    return {name: value.flag("value") for name, value in values.items() if value is not None}


def _done(nothing: object) -> str:
    return replies.NOTHING
