# -*- test-case-name: tests.clients.test_subscribing -*-
"""A client's subscriptions: how they begin without a hole, and how they end.

Between a client's wish and its first push lie a confirmation of the broker and, in a channel with
history, a read of that.  What is published meanwhile is caught by a *catcher*, which
listens at the hub instead of the client.  When everything is known, the reply is made of one moment:
the place up to which this node has delivered the channel (``catching.py``).  After the reply the
client takes the catcher's place at the hub, and hears of everything as all others do, in
batches that it shares with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError
from twisted.python.failure import Failure

from sockjsd.brokers.values import History
from sockjsd.channels.forms import ITEMS, PUSHES, PUSHES_WITH_JOINS
from sockjsd.channels.hub import Form
from sockjsd.channels.protocol import codes
from sockjsd.channels.protocol.commands import Subscribe
from sockjsd.channels.protocol.replies import SubscribeResult
from sockjsd.channels.publications import ClientInfo, Item, Position
from sockjsd.clients.alarms import Alarm
from sockjsd.clients.catching import Settlement, delivered_up_to, settle_cache, settle_stream
from sockjsd.clients.refusals import refused
from sockjsd.clients.tokens import Grant
from sockjsd.config import Namespace
from sockjsd.config.namespace import CACHE, NO_RECOVERY
from sockjsd.errors import BrokerUnavailable, StateError
from sockjsd.sockjs.batch import Batch

if TYPE_CHECKING:
    from sockjsd.clients.client import Client

#: Seconds in which a subscription has to be ready: less than the 5 s that SDKs wait for a reply.
PATIENCE = 4.0
#: Items that may be caught while a subscription is made ready; more, and the client has to try again.
CAUGHT_LIMIT = 10_000


class Catcher:
    """Listens to a channel until the client can.

    :ivar items: what came.
    :ivar on_item: called after something came.
    :ivar broken: whether what came is not all, or does not join up.
    """

    __slots__ = ("broken", "items", "on_items")

    def __init__(self) -> None:
        self.items: list[Item] = []
        self.broken = False
        self.on_items: Callable[[], object] | None = None

    def deliver(self, batch: list[Item]) -> None:
        """Keep *batch*."""
        if len(self.items) + len(batch) > CAUGHT_LIMIT:
            self.broken = True
        else:
            self.items += batch
        if self.on_items is not None:
            self.on_items()

    def on_reset(self, channel: str) -> None:
        """A history has ended: what was caught is of another one."""
        self.items.clear()
        self.broken = True

    def begin_anew(self) -> None:
        """What came so far is settled."""
        self.items.clear()
        self.broken = False


@dataclass(slots=True, eq=False)
class Subscription:
    """One channel of one client.

    :ivar server_side: whether the server made it.
    :ivar ready: whether the client gets pushes.
    :ivar info: JSON text for presence, ``""`` for none.
    :ivar expire_at: seconds since the epoch; 0: never.
    """

    channel: str
    options: Namespace
    server_side: bool = False
    presence: bool = False
    join_leave: bool = False
    positioned: bool = False
    recovery: str = NO_RECOVERY
    info: str = ""
    data: str = ""
    expire_at: int = 0
    ready: bool = False
    alarm: Alarm | None = None
    catcher: Catcher = field(default_factory=Catcher)

    @property
    def form(self) -> Form[Batch]:
        """How the client gets the channel."""
        return PUSHES_WITH_JOINS if self.join_leave else PUSHES


def make_subscription(channel: str, options: Namespace, grant: Grant, *, server_side: bool) -> Subscription:
    """Return a subscription as namespace and grant want it; where they differ the grant wins."""
    get = grant.override.get
    keeps = options.has_history
    # A channel without history has neither, whatever a token says.
    recovers = keeps and get("force_recovery", options.recovery != NO_RECOVERY)
    mode = options.recovery if options.recovery != NO_RECOVERY else "stream"
    return Subscription(
        channel,
        options,
        server_side,
        presence=get("presence", options.presence),
        join_leave=get("join_leave", options.join_leave) and get("force_push_join_leave", True),
        positioned=keeps and (recovers or get("force_positioning", options.positioned)),
        recovery=mode if recovers else NO_RECOVERY,
        info=grant.info,
        data=grant.data,
        expire_at=grant.expire_at,
    )


class Subscriptions:
    """The channels of one client.

    :param client: whose they are.
    """

    __slots__ = ("_by_channel", "_client")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._by_channel: dict[str, Subscription] = {}

    def __len__(self) -> int:
        """How many there are, those under way included."""
        return len(self._by_channel)

    def __contains__(self, channel: object) -> bool:
        """Whether the client listens to *channel*, or is about to."""
        return channel in self._by_channel

    def __iter__(self) -> Iterator[Subscription]:
        """All of them."""
        return iter(list(self._by_channel.values()))

    def find(self, channel: str) -> Subscription | None:
        """Return the subscription to *channel* if the client gets pushes of it."""
        subscription = self._by_channel.get(channel)
        return subscription if subscription is not None and subscription.ready else None

    def listens(self, channel: str) -> bool:
        """Whether the client gets pushes of *channel*."""
        return self.find(channel) is not None

    # Beginning.

    def begin(self, subscription: Subscription, request: Subscribe) -> Deferred[SubscribeResult]:
        """Begin to listen; the client hears nothing before :meth:`open`.

        It fails with ``CommandRefused`` when the client unsubscribes meanwhile, or it takes too long.
        The caller's duty is to begin none for a channel that has one.
        """
        channel, hall = subscription.channel, self._client.hall
        assert channel not in self._by_channel, "one subscription for each channel"
        self._by_channel[channel] = subscription
        hall.hub.subscribe(channel, subscription.catcher, ITEMS, subscription.catcher)
        settled: Deferred[Any] = hall.relay.ready(channel)
        settled.addCallback(lambda top: self._settle(subscription, request, top))
        settled.addTimeout(PATIENCE, hall.clock)
        settled.addCallback(lambda settlement: self._result(subscription, request, settlement))
        return settled.addErrback(lambda failure: self._failed(subscription, failure))

    def _settle(self, subscription: Subscription, request: Subscribe, top: Position | None) -> Any:
        """Return where the subscription begins, or a Deferred of that; ``None`` in a channel without positions."""
        if not subscription.positioned:
            return None
        if not request.recover or subscription.recovery == NO_RECOVERY:
            return Settlement(self._delivered(subscription, top or Position()))
        relay = self._client.hall.relay
        if subscription.recovery == CACHE:
            read = relay.history(subscription.channel, None, 1, reverse=True)
        else:
            read = relay.history(subscription.channel, request.since, self._client.hall.options.recovery_limit)
        return read.addCallback(lambda history: self._recover(subscription, request.since, history))

    def _recover(self, subscription: Subscription, since: Position, history: History) -> Any:
        """Return what the client missed, as soon as this node is not behind the client."""
        catcher, top = subscription.catcher, history.position
        position = self._delivered(subscription, top)
        if position.epoch == since.epoch == top.epoch and position.offset < since.offset <= top.offset:
            caught_up: Deferred[None] = Deferred()
            catcher.on_items = lambda: None if caught_up.called else caught_up.callback(None)
            return caught_up.addCallback(lambda _: self._recover(subscription, since, history))
        catcher.on_items = None
        settle = settle_cache if subscription.recovery == CACHE else settle_stream
        return settle(since, history, catcher.items, position)

    def _delivered(self, subscription: Subscription, top: Position) -> Position:
        """Return up to where this node has delivered the channel."""
        known = self._client.hall.relay.position(subscription.channel)
        return known if known is not None else delivered_up_to(top, subscription.catcher.items)

    def _result(self, subscription: Subscription, request: Subscribe, settlement: Settlement | None) -> SubscribeResult:
        """Return what the client is answered; what is caught from now on comes after that."""
        if self._by_channel.get(subscription.channel) is not subscription:
            raise refused(codes.BAD_REQUEST)
        recovered = settlement is not None and settlement.recovered
        if request.recover and request.all_or_nothing and not recovered and not subscription.server_side:
            raise refused(codes.UNRECOVERABLE_POSITION)
        subscription.catcher.begin_anew()
        return SubscribeResult(
            self._client.hall.lifetime(subscription.expire_at),
            settlement.position if settlement is not None else None,
            recoverable=subscription.recovery != NO_RECOVERY,
            positioned=subscription.positioned,
            recovering=request.recover,
            recovered=recovered,
            publications=settlement.publications if settlement is not None else (),
            data=subscription.data,
        )

    def _failed(self, subscription: Subscription, failure: Failure) -> Failure:
        if self._by_channel.get(subscription.channel) is subscription:
            self.end(subscription.channel)
        if failure.check(TimeoutError, CancelledError, BrokerUnavailable, StateError):
            raise refused(codes.INTERNAL) from None
        return failure

    def open(self, subscription: Subscription) -> None:
        """Let the client hear: the reply is on its way."""
        if self._by_channel.get(subscription.channel) is not subscription:
            return
        client, channel, catcher = self._client, subscription.channel, subscription.catcher
        subscription.ready = True
        client.hall.hub.subscribe(channel, client.transport, subscription.form, client)
        client.hall.hub.unsubscribe(channel, catcher)
        if catcher.items:  # what came since the reply was made
            batch = subscription.form(channel, catcher.items)
            if batch is not None:
                client.transport.deliver(batch)
            catcher.items = []
        if subscription.expire_at:
            self.prolong(subscription, subscription.expire_at)
        if subscription.presence or subscription.join_leave:
            client.hall.presence.arrived(subscription, self.info(channel))
        if catcher.broken:
            client.on_reset(channel)

    # Living.

    def prolong(self, subscription: Subscription, expire_at: int) -> None:
        """Let it expire at another time; 0: never."""
        hall = self._client.hall
        subscription.expire_at = expire_at
        if subscription.alarm is None:
            subscription.alarm = Alarm(hall.wheel, lambda: self._client.on_subscription_expired(subscription.channel))
        if expire_at:
            subscription.alarm.set(expire_at - hall.now() + hall.options.expired_delay)
        else:
            subscription.alarm.cancel()

    def info(self, channel: str) -> ClientInfo:
        """Return what others on *channel* see of the client."""
        client, subscription = self._client, self._by_channel.get(channel)
        return ClientInfo(client.user, client.id, client.info, subscription.info if subscription is not None else "")

    # Ending.

    def end(self, channel: str, *, for_good: bool = True) -> Subscription | None:
        """Listen no more; return the subscription that ended, if there was one.

        :param for_good: the client or the server wants it; else the connection is lost, and may come back.
        """
        subscription = self._by_channel.get(channel)
        if subscription is None:
            return None
        info = self.info(channel)
        del self._by_channel[channel]
        hall = self._client.hall
        hall.hub.unsubscribe(channel, self._client.transport if subscription.ready else subscription.catcher)
        if subscription.alarm is not None:
            subscription.alarm.cancel()
        if subscription.ready and (subscription.presence or subscription.join_leave):
            hall.presence.left(subscription, info, for_good=for_good)
        return subscription

    def end_all(self) -> None:
        """Listen to nothing more: the connection has ended."""
        for channel in list(self._by_channel):
            self.end(channel, for_good=False)
