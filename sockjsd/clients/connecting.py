# -*- test-case-name: tests.clients.test_connecting -*-
"""How a client says who it is: ``connect`` and ``refresh``."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.python.failure import Failure

from sockjsd import __version__
from sockjsd.channels.names import check_channel
from sockjsd.channels.protocol import codes, replies
from sockjsd.channels.protocol.commands import Command, Connect, Refresh, Subscribe
from sockjsd.channels.protocol.replies import ConnectResult, SubscribeResult
from sockjsd.clients.refusals import dismissed, refused
from sockjsd.clients.subscribing import Subscription, make_subscription
from sockjsd.clients.tokens import ConnectionClaims
from sockjsd.errors import ChannelNameError, TokenError, TokenExpired, UnknownNamespace

if TYPE_CHECKING:
    from sockjsd.clients.client import Client
    from sockjsd.clients.hall import Hall

VERSION = f"sockjsd {__version__}"


def connect(client: Client, command: Command, request: Connect) -> Deferred[None]:
    """Let *client* in, and subscribe it to what its token says; answers *command* when all of that is ready.

    :raises CommandRefused: it may try again with another token.
    :raises ClientDismissed: it may not come in.
    """
    claims = identify(client.hall, request.token)
    client.user, client.info, client.meta = claims.user, claims.info, claims.meta
    client.expire_at = claims.expire_at
    subscriptions = _granted(client, claims)
    wanted = [request.subs.get(each.channel, Subscribe(each.channel)) for each in subscriptions]
    begun = [client.subscriptions.begin(*pair) for pair in zip(subscriptions, wanted, strict=True)]
    return (
        gatherResults(begun, consumeErrors=True)
        .addErrback(_first)
        .addCallback(lambda results: _welcome(client, command, subscriptions, results))
    )


def refresh(client: Client, command: Command, request: Refresh) -> None:
    """Prolong the connection by a new token of the same user.

    :raises CommandRefused: the token has expired.
    :raises ClientDismissed: it is not accepted.
    """
    if not request.token:
        raise dismissed(codes.MALFORMED)
    claims = identify(client.hall, request.token)
    if claims.user != client.user:
        raise dismissed(codes.INVALID_TOKEN)
    client.info, client.meta = claims.info, claims.meta
    client.prolong(claims.expire_at)
    lifetime = client.hall.lifetime(claims.expire_at)
    client.answer(command, replies.refresh_result(client.id, VERSION, lifetime))


def identify(hall: Hall, token: str) -> ConnectionClaims:
    """Return who shows *token*; ``""`` shows none.

    :raises CommandRefused: it has expired.
    :raises ClientDismissed: it is not accepted, or needed.
    """
    options = hall.options
    if not token:
        if options.anonymous or options.insecure:
            return ConnectionClaims("")
        raise dismissed(codes.INVALID_TOKEN)
    try:
        return hall.tokens.connection(token)
    except TokenExpired:
        raise refused(codes.TOKEN_EXPIRED) from None
    except TokenError:
        raise dismissed(codes.INVALID_TOKEN) from None


def _granted(client: Client, claims: ConnectionClaims) -> list[Subscription]:
    """Return the subscriptions that the token asks for."""
    if len(claims.subs) > client.hall.options.channel_limit:
        raise dismissed(codes.CHANNEL_LIMIT)
    try:
        return [
            make_subscription(check_channel(channel), client.hall.namespaces.of(channel), grant, server_side=True)
            for channel, grant in claims.subs.items()
        ]
    except UnknownNamespace:
        raise refused(codes.UNKNOWN_CHANNEL) from None
    except ChannelNameError:
        raise refused(codes.BAD_REQUEST) from None


def _first(failure: Failure) -> Any:
    """Return the failure inside of the one that says which was first."""
    error = failure.value
    return error.subFailure if isinstance(error, FirstError) else failure


def _welcome(
    client: Client, command: Command, subscriptions: list[Subscription], results: list[SubscribeResult]
) -> None:
    options = client.hall.options
    result = ConnectResult(
        client.id,
        VERSION,
        client.hall.lifetime(client.expire_at),
        ceil(options.ping_interval),
        pong=True,
        session=client.session,
        node=client.hall.node,
        subs={each.channel: result for each, result in zip(subscriptions, results, strict=True)},
    )
    client.answer(command, result.json)
    client.flush()
    for subscription in subscriptions:
        client.subscriptions.open(subscription)
    client.connected()
