# -*- test-case-name: tests.clients.test_commanding -*-
"""What each command of a connected client does.

A row of ``HANDLERS`` gets the client, the command and its request.  It answers the command, at once or later, and
then returns a Deferred, which fails as the row may raise: ``CommandRefused`` is
answered, ``ClientDismissed`` ends the connection, anything else is an internal error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, maybeDeferred

from sockjsd.channels.names import check_channel
from sockjsd.channels.namespaces import may_act, may_subscribe
from sockjsd.channels.protocol import codes, commands, replies
from sockjsd.channels.protocol.commands import Command
from sockjsd.channels.publications import Publication
from sockjsd.clients.connecting import refresh
from sockjsd.clients.refusals import dismissed, refused
from sockjsd.clients.subscribing import make_subscription
from sockjsd.clients.tokens import Grant, SubscriptionClaims
from sockjsd.config import Namespace
from sockjsd.errors import ChannelNameError, TokenError, TokenExpired, UnknownNamespace

if TYPE_CHECKING:
    from sockjsd.clients.client import Client

Handler = Callable[[Any, Command, Any], "Deferred[None] | None"]


def find_options(client: Client, channel: str) -> Namespace:
    """Return the options of *channel*.

    :raises CommandRefused: it can be none, or its namespace is unknown.
    :raises ClientDismissed: it is missing.
    """
    if not channel:
        raise dismissed(codes.MALFORMED)
    try:
        return client.hall.namespaces.of(check_channel(channel))
    except ChannelNameError:
        raise refused(codes.BAD_REQUEST) from None
    except UnknownNamespace:
        raise refused(codes.UNKNOWN_CHANNEL) from None


def _check_allowed(client: Client, channel: str, who: str) -> None:
    if not client.hall.options.insecure and not may_act(
        who, client.user, subscribed=client.subscriptions.listens(channel)
    ):
        raise refused(codes.PERMISSION_DENIED)


# Subscriptions.


def subscribe(client: Client, command: Command, request: commands.Subscribe) -> Deferred[None]:
    """Listen to a channel."""
    options = find_options(client, request.channel)
    if request.tf or request.type:  # unfiltered, or as a stream, it would not be what the client asked for
        raise refused(codes.NOT_AVAILABLE)
    if request.channel in client.subscriptions:
        raise refused(codes.ALREADY_SUBSCRIBED)
    if len(client.subscriptions) >= client.hall.options.channel_limit:
        raise refused(codes.LIMIT_EXCEEDED)
    grant = _grant(client, request, options)
    subscription = make_subscription(request.channel, options, grant, server_side=False)

    def ready(result: replies.SubscribeResult) -> None:
        client.answer(command, result.json)
        client.flush()  # or a push could be earlier
        client.subscriptions.open(subscription)

    return client.subscriptions.begin(subscription, request).addCallback(ready)


def _grant(client: Client, request: commands.Subscribe, options: Namespace) -> Grant:
    """Return what the client is granted.

    :raises CommandRefused: it may not listen.
    """
    grant = _shown(client, request.channel, request.token).grant if request.token else Grant()
    if not client.hall.options.insecure and not may_subscribe(
        options.allow_subscribe, request.channel, client.user, with_token=bool(request.token)
    ):
        raise refused(codes.PERMISSION_DENIED)
    return grant


def _shown(client: Client, channel: str, token: str) -> SubscriptionClaims:
    """Return what a subscription token says, if it is this client's and for *channel*."""
    try:
        claims = client.hall.tokens.subscription(token)
    except TokenExpired:
        raise refused(codes.TOKEN_EXPIRED) from None
    except TokenError:
        raise dismissed(codes.INVALID_TOKEN) from None
    if (claims.channel, claims.user) != (channel, client.user) or claims.client not in ("", client.id):
        raise dismissed(codes.INVALID_TOKEN)
    return claims


def sub_refresh(client: Client, command: Command, request: commands.SubRefresh) -> None:
    """Prolong a subscription by a new token."""
    find_options(client, request.channel)
    subscription = client.subscriptions.find(request.channel)
    if subscription is None:
        raise refused(codes.PERMISSION_DENIED)
    if not request.token:
        raise dismissed(codes.MALFORMED)
    grant = _shown(client, request.channel, request.token).grant
    subscription.info = grant.info
    client.subscriptions.prolong(subscription, grant.expire_at)
    client.answer(command, replies.sub_refresh_result(client.hall.lifetime(grant.expire_at)))


def unsubscribe(client: Client, command: Command, request: commands.Unsubscribe) -> None:
    """Listen no more; harmless for who does not."""
    if not request.channel:
        raise dismissed(codes.MALFORMED)
    client.subscriptions.end(request.channel)
    client.answer(command, replies.EMPTY)


# Publications.


def publish(client: Client, command: Command, request: commands.Publish) -> Deferred[None]:
    """Tell everybody who listens."""
    options = find_options(client, request.channel)
    if not request.data:
        raise dismissed(codes.MALFORMED)
    _check_allowed(client, request.channel, options.allow_publish)
    client.flush()  # with a broker in this process it is heard before this returns, and replies come before pushes
    publication = Publication(request.data, info=client.subscriptions.info(request.channel))
    published = client.hall.relay.publish(request.channel, publication)
    return published.addCallback(lambda _: client.answer(command, replies.EMPTY))


def history(client: Client, command: Command, request: commands.History) -> Deferred[None]:
    """Tell what was published."""
    options = find_options(client, request.channel)
    if not options.has_history:
        raise refused(codes.NOT_AVAILABLE)
    _check_allowed(client, request.channel, options.allow_history)
    most = client.hall.options.history_limit
    limit = most if request.limit < 0 else min(request.limit, most)
    read = client.hall.relay.history(request.channel, request.since, limit, reverse=request.reverse)

    def answer(found: Any) -> None:
        since = request.since
        if since is not None and since.epoch and since.epoch != found.position.epoch:
            raise refused(codes.UNRECOVERABLE_POSITION)
        client.answer(command, replies.history_result(found.publications, found.position))

    return read.addCallback(answer)


# Presence.


def presence(client: Client, command: Command, request: commands.Presence) -> Deferred[None]:
    """Tell who listens."""
    _check_presence(client, request.channel)
    read = client.hall.presence.read(request.channel)
    return read.addCallback(lambda clients: client.answer(command, replies.presence_result(clients)))


def presence_stats(client: Client, command: Command, request: commands.PresenceStats) -> Deferred[None]:
    """Tell how many listen."""
    _check_presence(client, request.channel)
    read = client.hall.presence.stats(request.channel)
    return read.addCallback(lambda stats: client.answer(command, replies.presence_stats_result(*stats)))


def _check_presence(client: Client, channel: str) -> None:
    options = find_options(client, channel)
    if not options.presence:
        raise refused(codes.NOT_AVAILABLE)
    _check_allowed(client, channel, options.allow_presence)


# The application.


def rpc(client: Client, command: Command, request: commands.Rpc) -> Deferred[None]:
    """Ask the application."""
    procedures = client.hall.procedures
    procedure = procedures.get(request.method) or procedures.get("")
    if procedure is None:
        raise refused(codes.METHOD_NOT_FOUND)
    ask: Callable[[], Any] = partial(procedure, client.user, client.id, request.data)
    asked: Deferred[Any] = maybeDeferred(ask)
    return asked.addCallback(lambda data: client.answer(command, replies.rpc_result(data)))


def send(client: Client, command: Command, request: commands.Send) -> None:
    """Tell the application."""
    if client.hall.on_message is None:
        raise dismissed(codes.UNAVAILABLE)
    client.hall.on_message(client.user, client.id, request.data)


def ping(client: Client, command: Command, request: commands.Ping) -> None:
    """Answer."""
    client.answer(command, replies.EMPTY)


def unknown(client: Client, command: Command, request: commands.Unknown) -> None:
    """Refuse."""
    raise refused(codes.METHOD_NOT_FOUND)


HANDLERS: Mapping[type[Any], Handler] = {
    commands.Refresh: refresh,
    commands.Subscribe: subscribe,
    commands.SubRefresh: sub_refresh,
    commands.Unsubscribe: unsubscribe,
    commands.Publish: publish,
    commands.History: history,
    commands.Presence: presence,
    commands.PresenceStats: presence_stats,
    commands.Rpc: rpc,
    commands.Send: send,
    commands.Ping: ping,
    commands.Unknown: unknown,
}
