# -*- test-case-name: tests.endpoints.api.test_commands -*-
"""Requests that are made of several commands, and what becomes of errors."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import Publication
from sockjsd.endpoints.api.commands import AT_ONCE, MOST, Commands
from sockjsd.endpoints.api.fields import Fields
from sockjsd.errors import BrokerUnavailable
from tests.endpoints.api.site import Site


class BroadcastTests(SynchronousTestCase):
    """``broadcast``."""

    def setUp(self) -> None:
        self.site = Site()

    def test_publication_goes_to_all_channels(self) -> None:
        """With an answer for each, in their order."""
        for channel in ("a", "b"):
            self.site.broker.subscribe(channel)
        result = self.site.result("broadcast", channels=["a", "full:a", "b"], data={"x": 1}, idempotency_key="k")
        first, second, third = result["responses"]
        self.assertEqual((first, third), ({"result": {}}, {"result": {}}))
        self.assertEqual(second["result"]["offset"], 1)
        heard = Publication('{"x": 1}')
        self.assertEqual(self.site.heard, {"a": [heard], "b": [heard]})

    def test_wrong_channel_costs_the_others_nothing(self) -> None:
        """Its own answer says what is wrong."""
        responses = self.site.result("broadcast", channels=["", "a b", "other:a", "full:a"], data=1)["responses"]
        self.assertEqual([each.get("error", {}).get("code") for each in responses], [107, 107, 102, None])

    def test_wrong_broadcast_is_refused(self) -> None:
        """As a whole."""
        self.assertEqual(self.site.code("broadcast", data=1), 107)
        self.assertEqual(self.site.code("broadcast", channels=[], data=1), 107)
        self.assertEqual(self.site.code("broadcast", channels="a", data=1), 107)
        self.assertEqual(self.site.code("broadcast", channels=["a"] * (MOST + 1), data=1), 107)


class BatchTests(SynchronousTestCase):
    """``batch``."""

    def setUp(self) -> None:
        self.site = Site()

    def batch(self, *commands: Any, **fields: Any) -> list[Any]:
        """Return the replies to *commands*."""
        answer = self.site.call("batch", commands=commands, **fields)
        self.assertEqual(list(answer), ["replies"])
        replies: list[Any] = answer["replies"]
        return replies

    def test_commands_are_answered_in_their_order(self) -> None:
        """Each under its method's name; what they publish is there for those behind them."""
        for parallel in (False, True):
            site = self.site = Site()
            replies = self.batch(
                {"publish": {"channel": "full:a", "data": 1}},
                {"broadcast": {"channels": ["full:a", "other:x"], "data": 2}},
                {"history": {"channel": "full:a", "limit": 1, "reverse": True}},
                {"disconnect": {"user": "4"}},
                {"info": {}},
                parallel=parallel,
            )
            self.assertEqual(
                [list(each) for each in replies],
                [[name] for name in ("publish", "broadcast", "history", "disconnect", "info")],
            )
            self.assertEqual(replies[0]["publish"]["offset"], 1)
            self.assertEqual(replies[1]["broadcast"]["responses"][1]["error"]["code"], 102)
            self.assertEqual([each["data"] for each in replies[2]["history"]["publications"]], [2])
            self.assertEqual(len(site.cluster.obeyed), 1)

    def test_published_numbers_keep_their_digits(self) -> None:
        """Two levels down, too."""
        self.site.broker.subscribe("a")
        self.site.text("batch", '{"commands":[{"publish":{"channel":"a","data":[1.0,1e5]}}]}')
        self.assertEqual(self.site.heard["a"], [Publication("[1.0,1e5]")])

    def test_wrong_command_costs_the_others_nothing(self) -> None:
        """Its own answer says what is wrong."""
        publish = {"publish": {"channel": "full:a", "data": 1}}
        wrong = [7, {}, {"dance": {}}, {"batch": {"commands": []}}, {**publish, "info": {}}, {"publish": []}]
        replies = self.batch(publish, *wrong, publish)
        self.assertEqual([each.get("error", {}).get("code") for each in replies[1:-1]], [107, 107, 104, 107, 107, 107])
        self.assertEqual(replies[-1]["publish"]["offset"], 2)

    def test_wrong_batch_is_refused(self) -> None:
        """As a whole."""
        self.assertEqual(self.site.code("batch"), 107)
        self.assertEqual(self.site.code("batch", commands={}), 107)
        self.assertEqual(self.site.code("batch", commands=[{}] * (MOST + 1)), 106)
        self.assertEqual(self.site.code("batch", commands=[], parallel=1), 107)
        self.assertEqual(self.batch(), [])


class SlowMethods:
    """Methods that answer when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Deferred[str]] = []

    def call(self, method: str, fields: Fields) -> Deferred[str]:
        """Wait."""
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def publish(self, channel: str, fields: Fields) -> Deferred[str]:
        """Wait."""
        return self.call("publish", fields)


class OrderTests(SynchronousTestCase):
    """What is under way at the same time."""

    def begin(self, method: str, body: str) -> tuple[list[Deferred[str]], list[str]]:
        """Return what waits, and the answers that came."""
        methods, answers = SlowMethods(), []
        commands = Commands(methods)  # type: ignore[arg-type]  # two methods are all that is asked for
        commands.answer(method, Fields(body)).addCallback(answers.append)
        return methods.waiting, answers

    def test_commands_wait_for_each_other(self) -> None:
        """Unless the batch says that they need not."""
        waiting, answers = self.begin("batch", '{"commands":[{"info":{}},{"info":{}}]}')
        self.assertEqual(len(waiting), 1)
        waiting[0].callback("{}")
        self.assertEqual((len(waiting), answers), (2, []))
        waiting[1].callback("{}")
        self.assertEqual(answers, ['{"replies":[{"info":{}},{"info":{}}]}'])
        waiting, _ = self.begin("batch", '{"parallel":true,"commands":[{"info":{}},{"info":{}}]}')
        self.assertEqual(len(waiting), 2)

    def test_number_at_a_time_is_bounded(self) -> None:
        """The next one begins when one has ended."""
        channels = ",".join(['"a"'] * (AT_ONCE + 2))
        waiting, answers = self.begin("broadcast", '{"data":1,"channels":[' + channels + "]}")
        self.assertEqual(len(waiting), AT_ONCE)
        waiting[5].callback("{}")
        self.assertEqual(len(waiting), AT_ONCE + 1)
        for each in waiting[:5] + waiting[6:]:
            each.callback("{}")
        waiting[-1].callback("{}")
        self.assertEqual(len(answers), 1)

    def test_any_number_of_commands_is_answered_when_one_had_to_wait(self) -> None:
        """Those behind it may all be refused at once, which is no deeper than one."""
        wrong = ",".join(['{"a":1,"b":2}'] * 2000)
        waiting, answers = self.begin("batch", '{"commands":[{"info":{}},' + wrong + "]}")
        waiting[0].callback("{}")
        (answer,) = answers
        first, *others = json.loads(answer)["replies"]
        self.assertEqual(first, {"info": {}})
        self.assertEqual([each["error"]["code"] for each in others], [107] * 2000)

    def test_number_at_a_time_is_bounded_when_broadcasts_are_parallel(self) -> None:
        """Each of them counts for one, as any other command."""
        broadcast = '{"broadcast":{"data":1,"channels":["a","b"]}}'
        commands = ",".join([broadcast] * (AT_ONCE + 1))
        waiting, _ = self.begin("batch", '{"parallel":true,"commands":[' + commands + "]}")
        self.assertEqual(len(waiting), AT_ONCE)
        waiting, _ = self.begin("batch", '{"commands":[' + commands + "]}")
        self.assertEqual(len(waiting), 2)


class ErrorTests(SynchronousTestCase):
    """What goes wrong inside."""

    def answer(self, fault: Exception) -> str:
        """Return the answer where a method fails like that."""
        methods, answers = SlowMethods(), []
        Commands(methods).answer("info", Fields("{}")).addCallback(answers.append)  # type: ignore[arg-type]
        methods.waiting[0].errback(fault)
        return answers[0]

    def test_broker_that_is_gone_is_an_internal_error(self) -> None:
        """It says so, and nothing is logged for each request."""
        text = self.answer(BrokerUnavailable("Redis does not answer"))
        self.assertEqual(text, '{"error":{"code":100,"message":"internal server error: Redis does not answer"}}')

    def test_fault_of_ours_is_logged_and_not_told(self) -> None:
        """Its text is not for others."""
        self.assertEqual(self.answer(KeyError("secret")), '{"error":{"code":100,"message":"internal server error"}}')
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)
