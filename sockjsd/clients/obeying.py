# -*- test-case-name: tests.clients.test_obeying -*-
"""How the clients of this node carry out what the site orders: see ``orders.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.channels.protocol import codes, replies
from sockjsd.channels.protocol.commands import Subscribe as Wish
from sockjsd.channels.protocol.replies import SubscribeResult
from sockjsd.clients.client import Client
from sockjsd.clients.hall import Hall
from sockjsd.clients.orders import Disconnect, Order, Refresh, Subscribe, Unsubscribe
from sockjsd.clients.subscribing import Subscription, make_subscription
from sockjsd.clients.tokens import Grant
from sockjsd.errors import CommandRefused

_log = Logger()


def obey(hall: Hall, order: Order) -> None:
    """Carry *order* out for the clients in *hall* that it is about.

    :raises UnknownNamespace: this node has another configuration than the one that gave the order.
    """
    for client in hall.of_user(order.whom.user):
        if order.whom.includes(client.user, client.id, client.session):
            _HANDLERS[type(order)](client, order)


def _subscribe(client: Client, order: Subscribe) -> None:
    """Subscribe *client*, and tell it as soon as nothing can be missed any more; harmless where it is subscribed."""
    subscriptions, options = client.subscriptions, client.hall.options
    if order.channel in subscriptions:
        return
    if len(subscriptions) >= options.channel_limit:
        _log.warn("{client} listens to {limit} channels already", client=client.id, limit=options.channel_limit)
        return
    grant = Grant(order.info, order.data, override=order.override)
    namespace = client.hall.namespaces.of(order.channel)
    subscription = make_subscription(order.channel, namespace, grant, server_side=True)
    wish = Wish(order.channel) if order.since is None else Wish(order.channel, recover=True, since=order.since)
    begun = subscriptions.begin(subscription, wish)
    begun.addCallback(lambda result: _welcome(client, subscription, result))
    begun.addErrback(_failed, client, order.channel)


def _welcome(client: Client, subscription: Subscription, result: SubscribeResult) -> None:
    """Tell *client* where its new subscription begins, and what it has missed."""
    client.push(replies.push("subscribe", replace(result, publications=()).json, subscription.channel))
    batch = subscription.form(subscription.channel, list(result.publications)) if result.publications else None
    if batch is not None:
        client.transport.deliver(batch)
    client.subscriptions.open(subscription)


def _failed(failure: Failure, client: Client, channel: str) -> None:
    """Say that a subscription which was ordered did not come about: nobody else can."""
    reason = failure.getErrorMessage()
    if not failure.check(CommandRefused):
        _log.failure("Subscribing {client} failed", failure=failure, client=client.id)
    _log.warn("{client} was not subscribed to {channel}: {reason}", client=client.id, channel=channel, reason=reason)


def _unsubscribe(client: Client, order: Unsubscribe) -> None:
    channels = [order.channel] if order.channel else [each.channel for each in client.subscriptions]
    for channel in channels:
        client.unsubscribe(channel, codes.Unsubscribe(order.code, order.reason))


def _disconnect(client: Client, order: Disconnect) -> None:
    if client.id not in order.spared:
        client.disconnect(codes.Disconnect(order.code, order.reason))


def _refresh(client: Client, order: Refresh) -> None:
    if order.expired or 0 < order.expire_at <= client.hall.now():
        client.disconnect(codes.CONNECTION_EXPIRED)
        return
    client.prolong(order.expire_at)
    client.push(replies.push("refresh", replies.sub_refresh_result(client.hall.lifetime(order.expire_at))))


_HANDLERS: dict[type, Callable[[Client, Any], None]] = {
    Subscribe: _subscribe,
    Unsubscribe: _unsubscribe,
    Disconnect: _disconnect,
    Refresh: _refresh,
}
