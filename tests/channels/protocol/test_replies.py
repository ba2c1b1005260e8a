# -*- test-case-name: tests.channels.protocol.test_replies -*-
"""Replies and pushes, character for character."""

from __future__ import annotations

import json
from unittest import TestCase

from sockjsd.channels.protocol import codes, replies
from sockjsd.channels.protocol.replies import ConnectResult, Lifetime, SubscribeResult
from sockjsd.channels.publications import ClientInfo, Position, Publication

ANN = ClientInfo("42", "id-1", '{"name":"Ann"}', '{"seat":\n1}')

#: What is made, how it reads.
TEXTS: list[tuple[str, str]] = [
    (replies.reply(1, "publish"), '{"id":1,"publish":{}}'),
    (replies.reply(2, "rpc", replies.rpc_result("[1]")), '{"id":2,"rpc":{"data":[1]}}'),
    (replies.rpc_result(""), "{}"),
    (
        replies.refusal(3, codes.PERMISSION_DENIED),
        '{"id":3,"error":{"code":103,"message":"permission denied"}}',
    ),
    (
        replies.refusal(3, codes.Error(400, 'no "way"', temporary=True)),
        '{"id":3,"error":{"code":400,"message":"no \\"way\\"","temporary":true}}',
    ),
    (
        replies.push("unsubscribe", replies.reason(2500, "insufficient state"), 'a"b'),
        '{"push":{"channel":"a\\"b","unsubscribe":{"code":2500,"reason":"insufficient state"}}}',
    ),
    (
        replies.push("message", replies.message('{"a":\n1}')),
        '{"push":{"message":{"data":{"a": 1}}}}',
    ),
    (replies.sub_refresh_result(Lifetime()), "{}"),
    (replies.sub_refresh_result(Lifetime(5)), '{"expires":true,"ttl":5}'),
    (replies.refresh_result("id-1", "v", Lifetime(5)), '{"client":"id-1","version":"v","expires":true,"ttl":5}'),
    (replies.presence_result({}), '{"presence":{}}'),
    (
        replies.presence_result({"id-1": ANN}),
        '{"presence":{"id-1":{"user":"42","client":"id-1","conn_info":{"name":"Ann"},"chan_info":{"seat": 1}}}}',
    ),
    (replies.presence_stats_result(2, 1), '{"num_clients":2,"num_users":1}'),
    (replies.history_result([], Position(0, "e")), '{"epoch":"e","offset":0}'),
    (
        replies.history_result(
            [Publication("1", 1, "e"), Publication('"x"', 2, "e", tags={"a": "b"})], Position(2, "e")
        ),
        '{"publications":[{"data":1,"offset":1},{"data":"x","offset":2,"tags":{"a":"b"}}],"epoch":"e","offset":2}',
    ),
    (SubscribeResult().json, "{}"),
    (
        SubscribeResult(Lifetime(9), Position(0, "e"), recoverable=True, positioned=True, data="[1]").json,
        '{"expires":true,"ttl":9,"epoch":"e","offset":0,"recoverable":true,"positioned":true,"data":[1]}',
    ),
    (
        SubscribeResult(
            position=Position(3, "e", "12345678"),
            recovering=True,
            recovered=True,
            publications=(Publication("1", 3, "e", info=ClientInfo("", "id-1")),),
        ).json,
        '{"epoch":"e","offset":3,"was_recovering":true,"recovered":true,'
        '"publications":[{"data":1,"offset":3,"info":{"user":"","client":"id-1"}}]}',
    ),
    (ConnectResult("id-1", "v").json, '{"client":"id-1","version":"v"}'),
    (
        ConnectResult(
            "id-1",
            "v",
            Lifetime(3),
            25,
            True,
            "s",
            "n",
            {"news": SubscribeResult(), "b": SubscribeResult(data="1")},
            "2",
        ).json,
        '{"client":"id-1","version":"v","expires":true,"ttl":3,"data":2,"subs":{"news":{},"b":{"data":1}},'
        '"ping":25,"pong":true,"session":"s","node":"n"}',
    ),
    (replies.PING, "{}"),
]


class ReplyTests(TestCase):
    """What clients read."""

    def test_text_is_made_as_the_protocol_wants_it(self) -> None:
        """What is empty is left out."""
        for made, text in TEXTS:
            self.assertEqual(made, text)

    def test_text_is_one_line_of_json(self) -> None:
        """Lines are what divides replies."""
        for made, _ in TEXTS:
            self.assertNotIn("\n", made)
            self.assertIsInstance(json.loads(made), dict)


class PartTests(TestCase):
    """Parts of histories, which many want at the same time."""

    def parts(self, *parts: list[Publication]) -> list[list[int]]:
        """Return the offsets that are written for each of *parts*."""
        texts = [json.loads(replies.history_result(part, Position(9, "e"))) for part in parts]
        return [[each["offset"] for each in text["publications"]] for text in texts]

    def test_part_is_written_as_it_is_when_another_was_written_before(self) -> None:
        """However alike they are; in both directions, and of two channels."""
        one = [Publication(str(offset), offset, "e") for offset in range(1, 10)]
        other = [Publication("0", offset, "e") for offset in range(1, 10)]
        self.assertEqual(
            self.parts(one, one[:5], one[::-1], one[3:5], one[4:5], one),
            [[*range(1, 10)], [1, 2, 3, 4, 5], [*range(9, 0, -1)], [4, 5], [5], [*range(1, 10)]],
        )
        for part, data in ((one, 9), (other, 0), (one, 9)):
            written = json.loads(replies.history_result(part, Position(9, "e")))
            self.assertEqual(written["publications"][-1]["data"], data)

    def test_part_is_the_same_text_when_many_want_it(self) -> None:
        """It is written once, but for long ones, which would take too much memory."""
        for size, same in ((1, True), (300_000, False)):
            part = [Publication(f'"{"x" * size}"', offset, "e") for offset in (1, 2)]
            first, second = (replies._publications(list(part)) for _ in range(2))
            self.assertEqual(first, second)
            self.assertIs(first is second, same)
