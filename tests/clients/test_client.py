# -*- test-case-name: tests.clients.test_client -*-
"""One connection: its first command, its limits, its pings, its end."""

from __future__ import annotations

import json
from typing import Any
from unittest import TestCase

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.protocol import codes
from sockjsd.clients.client import Phase
from sockjsd.errors import BrokerUnavailable, ClientDismissed, CommandRefused
from tests.clients.room import Room, SlowRelay, make_token

CONNECT: dict[str, Any] = {"id": 1, "connect": {}}


class BeginningTests(TestCase):
    """Who may say what first."""

    def setUp(self) -> None:
        self.room = Room()

    def test_client_is_connected_when_it_says_who_it_is(self) -> None:
        """It gets its id and another one that only it knows, and when it will be pinged."""
        wire = self.room.wire()
        (reply,) = wire.say(CONNECT)
        connected = reply["connect"]
        self.assertEqual((connected["client"], connected["session"], connected["node"]), ("id-1", "id-2", "node-1"))
        self.assertEqual((connected["ping"], connected["pong"]), (25, True))
        self.assertNotIn("expires", connected)
        self.assertIs(wire.client.phase, Phase.CONNECTED)
        self.assertIs(self.room.hall.find("id-1"), wire.client)

    def test_client_is_closed_when_it_begins_with_another_command(self) -> None:
        """Nothing of what comes with it is done."""
        for first in ({"id": 1, "ping": {}}, {"send": {"data": 1}}, {"id": 1, "dance": {}}):
            wire = self.room.wire()
            self.assertEqual(wire.say(first, CONNECT), [])
            self.assertEqual(wire.closed, (3501, "bad request"))

    def test_client_is_closed_when_it_connects_twice(self) -> None:
        """The order of commands is wrong."""
        wire = self.room.enter()
        wire.say(CONNECT)
        self.assertEqual(wire.closed, (3501, "bad request"))

    def test_client_is_closed_when_it_cannot_be_understood(self) -> None:
        """What stands before the mistake is not done either."""
        for text in ("", "hello", '{"id":1,"connect":{}}\n{', "[1]"):
            wire = self.room.wire()
            wire.client.received(text)
            self.assertEqual((wire.closed, wire.texts), ((3501, "bad request"), []))

    def test_client_is_stale_when_it_says_nothing(self) -> None:
        """Not before its time, and not when it has connected."""
        silent, connected = self.room.wire(), self.room.enter()
        self.room.pass_seconds(9.5)
        self.assertIsNone(silent.closed)
        self.room.pass_seconds(1.5)
        self.assertEqual(silent.closed, (3502, "stale"))
        self.assertIsNone(connected.closed)

    def test_client_may_try_again_when_its_token_has_expired(self) -> None:
        """On the same connection; it is not stale for the first attempt alone."""
        wire = self.room.wire()
        expired = wire.say({"id": 1, "connect": {"token": make_token(sub="42", exp=1)}})
        self.assertEqual(expired, [{"id": 1, "error": {"code": 109, "message": "token expired"}}])
        self.assertIs(wire.client.phase, Phase.NEW)
        self.assertIn("connect", wire.say({"id": 2, "connect": {"token": make_token(sub="42")}})[0])

    def test_commands_are_answered_together_when_they_come_together(self) -> None:
        """One message with a line for each."""
        wire = self.room.wire()
        answers = wire.say(CONNECT, {"id": 2, "ping": {}}, {"id": 3, "dance": {}}, {"id": 4, "ping": {}})
        self.assertEqual([each["id"] for each in answers], [1, 2, 3, 4])
        self.assertEqual(len(wire.texts), 2)  # the welcome leaves alone: pushes may follow it
        self.assertEqual(answers[2]["error"], {"code": 104, "message": "method not found"})


class WaitingTests(SynchronousTestCase):
    """What comes while the connection is being made."""

    def setUp(self) -> None:
        self.room = Room()
        self.relay = SlowRelay(self.room.relay)
        self.room.hall.relay = self.relay
        self.wire = self.room.wire()

    def connect(self) -> list[Any]:
        """Begin to connect with a channel of the server's; something else follows in the same breath."""
        token = make_token(sub="42", channels=["news"])
        return self.wire.say({"id": 1, "connect": {"token": token}}, {"id": 2, "ping": {}})

    def test_commands_wait_when_the_client_is_not_connected_yet(self) -> None:
        """They are carried out after it, in their order."""
        self.assertEqual(self.connect(), [])
        self.assertEqual(self.wire.say({"id": 3, "ping": {}}), [])
        self.relay.waiting[0].callback(None)
        self.assertEqual([each["id"] for each in self.wire.heard()], [1, 2, 3])

    def test_commands_count_once_when_they_waited(self) -> None:
        """The limit is not used up by waiting."""
        self.room = Room(command_rate=1, command_burst=3)
        self.relay = SlowRelay(self.room.relay)
        self.room.hall.relay = self.relay
        self.wire = self.room.wire()
        self.connect()
        self.relay.waiting[0].callback(None)
        self.assertEqual([len(each) for each in self.wire.heard()], [2, 2])
        self.assertNotIn("error", self.wire.say({"id": 4, "ping": {}})[0])

    def test_commands_are_refused_when_the_client_may_not_come_in(self) -> None:
        """They would wait for ever else."""
        self.connect()
        self.relay.waiting[0].errback(BrokerUnavailable("away"))
        answers = {each["id"]: each["error"]["code"] for each in self.wire.heard()}
        self.assertEqual(answers, {1: 100, 2: 101})
        self.assertIs(self.wire.client.phase, Phase.NEW)
        self.assertEqual(self.room.hub.counts.subscriptions, 0)

    def test_client_is_closed_when_it_connects_while_it_connects(self) -> None:
        """What it waited for does no harm afterwards."""
        self.connect()
        self.wire.say(CONNECT)
        self.assertEqual(self.wire.closed, (3501, "bad request"))
        self.relay.waiting[0].callback(None)
        self.assertEqual((self.wire.heard(), len(self.room.hall)), ([], 0))

    def test_nothing_is_left_when_the_client_is_lost_meanwhile(self) -> None:
        """Neither an answer nor a subscription."""
        self.connect()
        self.wire.client.lost()
        self.relay.waiting[0].callback(None)
        self.assertEqual((self.wire.texts, len(self.room.hall), self.room.hub.counts.subscriptions), ([], 0, 0))

    def test_connection_is_refused_when_the_broker_takes_too_long(self) -> None:
        """The SDK tries again later."""
        self.connect()
        self.room.pass_seconds(4.5)
        self.assertEqual(self.wire.heard()[0]["error"]["code"], 100)


class LimitTests(TestCase):
    """Too many commands."""

    def test_command_is_refused_when_there_were_too_many(self) -> None:
        """With an error that passes, and it does."""
        room = Room(command_rate=2, command_burst=3)
        wire = room.enter()
        answers = wire.say(*({"id": number, "ping": {}} for number in range(1, 5)))
        self.assertEqual([each.get("error", {}).get("code") for each in answers], [None, None, 111, 111])
        self.assertTrue(answers[2]["error"]["temporary"])
        room.pass_seconds(2)
        self.assertNotIn("error", wire.say({"id": 9, "ping": {}})[0])

    def test_client_is_closed_when_it_does_not_heed_that(self) -> None:
        """After as many refusals as the burst has."""
        wire = Room(command_rate=1, command_burst=3).enter()
        answers = wire.say(*({"id": number, "ping": {}} for number in range(1, 9)))
        self.assertEqual(len(answers), 4)
        self.assertEqual(wire.closed, (3013, "too many requests"))

    def test_client_is_closed_when_nothing_can_answer_it(self) -> None:
        """A message that is dropped must not look as if it had been taken."""
        room = Room(command_rate=1, command_burst=2)
        room.hall.on_message = lambda user, client, data: None
        wire = room.enter()
        wire.say({"send": {"data": 1}}, {"send": {"data": 2}})
        self.assertEqual(wire.closed, (3013, "too many requests"))

    def test_pongs_count_when_nobody_asked(self) -> None:
        """They cost something too."""
        wire = Room(command_rate=1, command_burst=2).enter()
        wire.say({})
        self.assertIsNone(wire.closed)
        wire.say({}, {})
        self.assertEqual(wire.closed, (3013, "too many requests"))


class PingTests(TestCase):
    """Who is still there."""

    def setUp(self) -> None:
        self.room = Room()
        self.wire = self.room.enter()
        self.wire.heard()

    def test_client_is_pinged_when_time_passes(self) -> None:
        """And again, as long as it answers."""
        for _ in range(3):
            self.room.pass_seconds(25.5)
            self.assertEqual(self.wire.heard(), [{}])
            self.assertEqual(self.wire.say({}), [])
        self.assertIsNone(self.wire.closed)

    def test_client_is_closed_when_it_does_not_answer(self) -> None:
        """Whatever else it says."""
        self.room.pass_seconds(26)
        self.wire.say({"id": 2, "ping": {}})
        self.room.pass_seconds(9)
        self.assertEqual(self.wire.closed, (3012, "no pong"))

    def test_client_stays_when_its_answer_waited_for_this_process(self) -> None:
        """The clock goes on while the process stands still, and is looked at before the sockets are; but once only."""
        self.room.pass_seconds(26)
        self.room.clock.advance(60)
        self.wire.say({})
        self.room.pass_seconds(20)
        self.assertIsNone(self.wire.closed)
        self.room.pass_seconds(6)
        self.room.clock.advance(60)
        self.room.pass_seconds(1)
        self.assertEqual(self.wire.closed, (3012, "no pong"))

    def test_nothing_waits_when_the_client_is_gone(self) -> None:
        """Not even a timer."""
        self.wire.client.prolong(1_800_000_000)
        self.wire.client.lost()
        self.assertEqual(len(self.room.wheel), 0)


class FailureTests(SynchronousTestCase):
    """What goes wrong while a command is carried out."""

    def setUp(self) -> None:
        self.room = Room()
        self.wire = self.room.enter()

    def answer(self, error: Exception) -> Any:
        """Return the answer to an rpc that raises *error*."""

        def fail(user: str, client: str, data: str) -> str:
            raise error

        self.room.hall.procedures["fail"] = fail
        return self.wire.ask("rpc", method="fail", data=1)

    def test_command_is_refused_when_its_row_says_so(self) -> None:
        """With the error that it says."""
        self.assertEqual(self.answer(CommandRefused(400, "not today")), (400, "not today"))

    def test_client_is_closed_when_a_row_says_so(self) -> None:
        """With the code that it says."""
        self.answer(ClientDismissed(4500, "never come back"))
        self.assertEqual(self.wire.closed, (4500, "never come back"))

    def test_command_is_refused_when_the_broker_is_away(self) -> None:
        """It may succeed later; that the broker is down is said elsewhere."""
        self.assertEqual(self.answer(BrokerUnavailable("away")), (100, "internal server error"))

    def test_failure_is_logged_when_nobody_expected_it(self) -> None:
        """The client sees nothing of it."""
        self.assertEqual(self.answer(ZeroDivisionError("secret")), (100, "internal server error"))
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertNotIn("secret", json.dumps(self.wire.texts))

    def test_failure_is_nobodys_business_when_the_client_is_gone(self) -> None:
        """The answer is not sent to a closed transport, whatever it is."""
        later: list[Deferred[str]] = [Deferred(), Deferred()]
        self.room.hall.procedures["later"] = lambda user, client, data: later[int(data)]
        self.assertIsNone(self.wire.ask("rpc", method="later", data=0))
        self.assertIsNone(self.wire.ask("rpc", method="later", data=1))
        self.wire.client.lost()
        texts = len(self.wire.texts)
        later[0].errback(CommandRefused(400, "too late"))
        later[1].callback("1")
        self.assertEqual(len(self.wire.texts), texts)

    def test_failure_is_logged_when_nothing_can_be_answered(self) -> None:
        """A message has no id."""

        def fail(user: str, client: str, data: str) -> None:
            raise ZeroDivisionError

        self.room.hall.on_message = fail
        self.wire.heard()
        self.assertEqual(self.wire.say({"send": {"data": 1}}), [])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertIsNone(self.wire.closed)


class EndTests(TestCase):
    """How a connection ends."""

    def setUp(self) -> None:
        self.room = Room()
        self.wire = self.room.enter("42")

    def test_client_leaves_everything_when_it_is_lost(self) -> None:
        """Channels, the hall, timers; a second time changes nothing."""
        self.wire.ask("subscribe", channel="news")
        self.wire.client.lost()
        self.wire.client.lost()
        self.assertEqual((len(self.room.hall), self.room.hub.counts.subscriptions), (0, 0))
        self.assertIsNone(self.wire.closed)

    def test_client_is_told_why_when_the_server_ends_it(self) -> None:
        """Once, and nothing more is heard of or from it."""
        self.wire.client.disconnect(codes.FORCE_NO_RECONNECT)
        self.wire.client.disconnect(codes.SHUTDOWN)
        self.wire.client.push("{}")
        self.assertEqual(self.wire.closed, (3503, "force disconnect"))
        self.assertEqual(self.wire.say({"id": 2, "ping": {}})[1:], [])
        self.assertTrue(self.wire.client.closed)

    def test_client_is_told_when_the_server_unsubscribes_it(self) -> None:
        """Once, and only where it listens."""
        self.wire.ask("subscribe", channel="news")
        for _ in range(2):
            self.wire.client.unsubscribe("news", codes.SERVER_UNSUBSCRIBED)
        push = {"channel": "news", "unsubscribe": {"code": 2000, "reason": "server unsubscribe"}}
        self.assertEqual(self.wire.pushes(), [push])
        self.room.publish("news", "1")
        self.wire.client.on_reset("news")
        self.assertEqual(self.wire.pushes(), [])

    def test_connection_expires_when_nobody_refreshes_it(self) -> None:
        """Some time after its token, and not when that was prolonged."""
        wires = [self.room.enter("42", exp=1_700_000_010) for _ in range(3)]
        wires[1].client.prolong(1_700_000_100)
        wires[2].client.prolong(0)
        for _ in range(34):
            self.room.pass_seconds(1)
            [wire.say({}) for wire in wires]
        self.assertEqual([wire.closed for wire in wires], [None] * 3)
        self.room.pass_seconds(2)
        self.assertEqual([wire.closed for wire in wires], [(3005, "connection expired"), None, None])
