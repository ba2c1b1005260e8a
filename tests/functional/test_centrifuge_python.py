# -*- test-case-name: tests.functional.test_centrifuge_python -*-
"""PyPI's centrifuge-python against a real daemon, over WebSocket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from unittest import IsolatedAsyncioTestCase

from centrifuge import (
    Client,
    ClientEventHandler,
    ReplyError,
    StreamPosition,
    Subscription,
    SubscriptionEventHandler,
)

from tests.functional.daemon import Daemon
from tests.functional.shared import Shared
from tests.functional.sockjs_client import PATIENCE
from tests.functional.test_centrifuge_js import SECTIONS, token

shared_daemon = Shared(lambda: Daemon(SECTIONS).start())


class Diary:
    """What happened, and a way to wait for it.

    :ivar entries: names of events and what was told with them, in order.
    """

    def __init__(self) -> None:
        self.entries: list[tuple[str, Any]] = []
        self._changed = asyncio.Condition()

    async def note(self, name: str, ctx: Any) -> None:
        """Write down an event."""
        async with self._changed:
            self.entries.append((name, ctx))
            self._changed.notify_all()

    def found(self, name: str) -> list[Any]:
        """Return what was told with the events called *name*."""
        return [ctx for each, ctx in self.entries if each == name]

    async def wait(self, name: str, times: int = 1) -> Any:
        """Wait until it has happened so many *times*; return what was told with the last of these."""
        async with self._changed:
            waiting = self._changed.wait_for(lambda: len(self.found(name)) >= times)
            await asyncio.wait_for(waiting, PATIENCE)
        return self.found(name)[times - 1]


def noting(base: type, diary: Diary) -> Any:
    """Return an event handler of a *base* of the SDK that writes everything into *diary*."""

    def method(name: str) -> Callable[[Any, Any], Awaitable[None]]:
        async def on_event(self: Any, ctx: Any) -> None:
            await diary.note(name, ctx)

        return on_event

    names = [name for name in vars(base) if name.startswith("on_")]
    return type("Noting", (base,), {name: method(name.removeprefix("on_")) for name in names})()


class CentrifugePythonTests(IsolatedAsyncioTestCase):
    """One client or two."""

    async def asyncSetUp(self) -> None:
        self.address = f"ws://127.0.0.1:{shared_daemon.get().port}/connection/websocket"

    def opened(self, given: str = "", tokens: list[str] | None = None) -> tuple[Client, Diary]:
        """Return a client that has not connected yet, and what happens to it.

        :param given: its token.
        :param tokens: what it gets when it asks for one, in order.
        """
        diary, left = Diary(), deque(tokens or [])

        async def give() -> str:
            await diary.note("asked", None)
            return left.popleft()

        handler = noting(ClientEventHandler, diary)
        client = Client(self.address, handler, given, give if tokens else None, min_reconnect_delay=0.05, proxy=None)
        self.addAsyncCleanup(client.disconnect)
        return client, diary

    async def connected(self, user: str = "42", **claims: Any) -> tuple[Client, Diary]:
        """Return a client that is connected, and what happens to it."""
        client, diary = self.opened(token(user, **claims))
        await client.connect()
        await diary.wait("connected")
        return client, diary

    async def subscribed(self, client: Client, channel: str, given: str = "") -> tuple[Subscription, Diary]:
        """Return a subscription, and what happens to it."""
        diary = Diary()
        subscription = client.new_subscription(channel, noting(SubscriptionEventHandler, diary), given)
        await subscription.subscribe()
        await diary.wait("subscribed")
        return subscription, diary

    def data(self, diary: Diary) -> list[Any]:
        """Return the data of publications, in order."""
        return [ctx.pub.data for ctx in diary.found("publication")]

    async def test_client_connects_when_its_token_is_good(self) -> None:
        """And stays away when it is not."""
        _, diary = await self.connected()
        self.assertRegex((await diary.wait("connected")).client, "^[0-9a-f-]{36}$")
        client, diary = self.opened("x.y.z")
        await client.connect()
        ended = await diary.wait("disconnected")
        self.assertEqual((ended.code, ended.reason), (3500, "invalid token"))

    async def test_client_gets_another_token_when_its_first_has_expired(self) -> None:
        """Error 109."""
        client, diary = self.opened(token(seconds=-5), [token()])
        await client.connect()
        await diary.wait("connected")
        self.assertEqual(len(diary.found("asked")), 1)

    async def test_connection_lives_on_when_its_token_is_refreshed(self) -> None:
        """Longer than the first token and its grace."""
        client, diary = self.opened(token(seconds=2), [token(seconds=100)])
        await client.connect()
        await diary.wait("asked")
        await asyncio.sleep(3)
        self.assertEqual([len(diary.found(name)) for name in ("connecting", "connected", "disconnected")], [1, 1, 0])

    async def test_subscriber_hears_everything_in_order(self) -> None:
        """With who it was."""
        (one, _), (two, _) = await self.connected("42"), await self.connected("43", info={"name": "Ann"})
        _, diary = await self.subscribed(one, "python")
        speaker, _ = await self.subscribed(two, "python")
        for number in range(20):
            await speaker.publish({"n": number, "é": "\u2028"})
        last = await diary.wait("publication", 20)
        self.assertEqual(self.data(diary), [{"n": n, "é": "\u2028"} for n in range(20)])
        self.assertEqual((last.pub.info.user, last.pub.info.conn_info), ("43", {"name": "Ann"}))

    async def test_channel_is_refused_when_it_is_not_the_clients(self) -> None:
        """Each with its code."""
        client, _ = await self.connected()
        for channel, code in (("none:x", 102), ("inbox#43", 103), ("private:x", 103)):
            diary = Diary()
            await client.new_subscription(channel, noting(SubscriptionEventHandler, diary)).subscribe()
            self.assertEqual((await diary.wait("unsubscribed")).code, code)
        await self.subscribed(client, "inbox#42")
        await self.subscribed(client, "private:y", token("42", channel="private:y"))

    async def test_presence_joins_and_leaves_are_told(self) -> None:
        """Who is there, how many, who comes and goes."""
        (one, _), (two, _) = await self.connected("42"), await self.connected("43")
        subscription, diary = await self.subscribed(one, "team:python")
        other, _ = await self.subscribed(two, "team:python")
        self.assertEqual((await diary.wait("join", 2)).info.user, "43")
        presence = await subscription.presence()
        self.assertEqual(sorted(each.user for each in presence.clients.values()), ["42", "43"])
        stats = await subscription.presence_stats()
        self.assertEqual((stats.num_clients, stats.num_users), (2, 2))
        await other.unsubscribe()
        self.assertEqual((await diary.wait("leave")).info.user, "43")

    async def test_history_is_read_in_parts(self) -> None:
        """And refused where the place is in another one."""
        client, _ = await self.connected()
        subscription, _ = await self.subscribed(client, "kept:python-history")
        for number in range(1, 8):
            await subscription.publish(number)
        everything = await subscription.history(limit=100)
        self.assertEqual(([each.data for each in everything.publications], everything.offset), ([3, 4, 5, 6, 7], 7))
        after = await subscription.history(limit=2, since=StreamPosition(4, everything.epoch))
        self.assertEqual([each.offset for each in after.publications], [5, 6])
        before = await subscription.history(limit=2, reverse=True)
        self.assertEqual([each.offset for each in before.publications], [7, 6])
        with self.assertRaises(ReplyError) as caught:
            await subscription.history(limit=2, since=StreamPosition(4, "another"))
        self.assertEqual(caught.exception.code, 112)

    async def test_subscriber_misses_nothing_when_it_was_away(self) -> None:
        """And is told when it did."""
        channel = "kept:python-recovery"
        (one, events), (two, _) = await self.connected("42"), await self.connected("43")
        _, diary = await self.subscribed(one, channel)
        speaker, _ = await self.subscribed(two, channel)
        await speaker.publish(1)
        await diary.wait("publication")
        for lost, recovered in (((2, 3), True), (range(4, 34), False)):
            await one.disconnect()
            for number in lost:
                await speaker.publish(number)
            times = len(diary.found("subscribed")) + 1
            await one.connect()
            subscribed = await diary.wait("subscribed", times)
            self.assertEqual((subscribed.was_recovering, subscribed.recovered), (True, recovered))
        await speaker.publish("live")
        await diary.wait("publication", 4)
        self.assertEqual(self.data(diary), [1, 2, 3, "live"])
        self.assertEqual(len(events.found("connected")), 3)

    async def test_state_is_loaded_anew_when_not_all_can_be_recovered(self) -> None:
        """An application with a state of its own says where that stands; error 112 makes it look again."""
        channel = "kept:python-state"
        (one, _), (two, _) = await self.connected("42"), await self.connected("43")
        speaker, _ = await self.subscribed(two, channel)
        for number in range(8):
            await speaker.publish(number)
        top = await speaker.history(limit=0)
        places, diary = deque([StreamPosition(1, top.epoch), StreamPosition(6, top.epoch)]), Diary()

        async def get_state(name: str) -> StreamPosition:
            await diary.note("loaded", name)
            return places.popleft()

        handler = noting(SubscriptionEventHandler, diary)
        await one.new_subscription(channel, handler, get_state=get_state, min_resubscribe_delay=0.05).subscribe()
        await diary.wait("publication", 2)
        self.assertEqual((self.data(diary), len(diary.found("loaded"))), ([6, 7], 2))

    async def test_server_subscribes_when_the_token_says_so(self) -> None:
        """Publications come to the client itself."""
        channel = "kept:python-server"
        (_, diary), (two, _) = await self.connected("42", channels=[channel]), await self.connected("43")
        self.assertEqual((await diary.wait("subscribed")).channel, channel)
        speaker, _ = await self.subscribed(two, channel)
        await speaker.publish({"a": 1})
        publication = await diary.wait("publication")
        self.assertEqual((publication.channel, publication.pub.data), (channel, {"a": 1}))

    async def test_client_is_told_when_a_method_is_unknown(self) -> None:
        """No application answers rpc here."""
        client, _ = await self.connected()
        with self.assertRaises(ReplyError) as caught:
            await client.rpc("sum", [1, 2])
        self.assertEqual((caught.exception.code, caught.exception.message), (104, "method not found"))

    async def test_connection_stays_when_it_answers_pings(self) -> None:
        """Over some intervals nothing happens."""
        _, diary = await self.connected()
        await asyncio.sleep(3)
        self.assertEqual([name for name, _ in diary.entries], ["connecting", "connected"])
