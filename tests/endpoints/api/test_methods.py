# -*- test-case-name: tests.endpoints.api.test_methods -*-
"""The commands of the server API, one by one."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.clients.orders import Disconnect, Refresh, Subscribe, Unsubscribe, Whom
from sockjsd.endpoints.api.fields import Fields
from sockjsd.errors import APIError
from tests.endpoints.api.site import Site


class MethodCase(SynchronousTestCase):
    """An API in memory."""

    def setUp(self) -> None:
        self.site = Site()
        self.call, self.result, self.code = self.site.call, self.site.result, self.site.code


class PublishTests(MethodCase):
    """``publish``."""

    def test_publication_is_delivered_as_it_was_written(self) -> None:
        """Numbers keep their digits, and lines become one."""
        self.site.broker.subscribe("news")
        self.assertEqual(self.site.text("publish", '{"channel":"news","data":{"a":1.0,\n"b":1e5}}'), '{"result":{}}')
        self.assertEqual(self.site.heard, {"news": [Publication('{"a":1.0, "b":1e5}')]})

    def test_publication_with_history_has_a_position(self) -> None:
        """Offsets count from 1, in one epoch."""
        first = self.result("publish", channel="full:a", data=1)
        second = self.result("publish", channel="full:a", data=2)
        self.assertEqual((first["offset"], second["offset"]), (1, 2))
        self.assertEqual(first["epoch"], second["epoch"])
        self.assertTrue(first["epoch"])

    def test_history_may_be_skipped(self) -> None:
        """Then there is no position, and nothing is kept."""
        self.assertEqual(self.result("publish", channel="full:a", data=1, skip_history=True), {})
        self.assertEqual(self.result("history", channel="full:a", limit=-1)["publications"], [])

    def test_publications_of_numbered_channels_are_counted(self) -> None:
        """So that nodes know what they missed, although nothing is kept."""
        offsets = [self.result("publish", channel="numbered:a", data=1)["offset"] for _ in range(3)]
        self.assertEqual(offsets, [1, 2, 3])
        self.assertEqual(self.code("history", channel="numbered:a"), 108)

    def test_tags_go_with_it(self) -> None:
        """To those who listen and into the history."""
        self.site.broker.subscribe("full:a")
        self.result("publish", channel="full:a", data=None, tags={"kind": "x"})
        (item,) = self.site.heard["full:a"]
        assert isinstance(item, Publication)
        self.assertEqual((item.data, item.tags), ("null", {"kind": "x"}))
        (kept,) = self.result("history", channel="full:a", limit=1)["publications"]
        self.assertEqual(kept, {"data": None, "offset": 1, "tags": {"kind": "x"}})

    def test_repetition_has_the_position_of_the_first(self) -> None:
        """And is delivered once; on another channel the same key is another one's."""
        self.site.broker.subscribe("full:a")
        answers = [self.result("publish", channel="full:a", data=1, idempotency_key="k") for _ in range(3)]
        self.assertEqual(answers, [answers[0]] * 3)
        self.assertEqual(len(self.site.heard["full:a"]), 1)
        self.result("publish", channel="full:b", data=1, idempotency_key="k")
        self.assertEqual(self.result("history", channel="full:b")["offset"], 1)

    def test_stale_version_is_left_out(self) -> None:
        """Unless its epoch is another one."""
        for version, epoch in ((5, "a"), (4, "a"), (5, "a"), (1, "b"), (6, "b")):
            self.result("publish", channel="full:a", data=version, version=version, version_epoch=epoch)
        kept = self.result("history", channel="full:a", limit=-1)["publications"]
        self.assertEqual([each["data"] for each in kept], [5, 1, 6])

    def test_wrong_publication_is_refused(self) -> None:
        """An unknown namespace, no data, no channel, binary data, a version that no counter holds."""
        self.assertEqual(self.code("publish", channel="other:a", data=1), 102)
        self.assertEqual(self.code("publish", channel="news"), 107)
        self.assertEqual(self.code("publish", data=1), 107)
        self.assertEqual(self.code("publish", channel="news", b64data="AAAA"), 107)
        self.assertEqual(self.code("publish", channel="news", data=1, b64data="AAAA"), 107)
        self.assertEqual(self.code("publish", channel="news", data=1, version=2**53), 107)
        self.assertEqual(self.code("publish", channel="news", data=1, idempotency_key="k" * 1025), 107)
        self.assertEqual(self.site.heard, {})


class HistoryTests(MethodCase):
    """``history`` and ``history_remove``."""

    def setUp(self) -> None:
        super().setUp()
        self.epoch, *_ = [self.result("publish", channel="full:a", data=n)["epoch"] for n in range(1, 5)]

    def read(self, **fields: object) -> list[int]:
        """Return the offsets of what is read."""
        return [each["offset"] for each in self.result("history", channel="full:a", **fields)["publications"]]

    def test_without_limit_only_the_position_is_told(self) -> None:
        """As Centrifugo does."""
        answer = {"publications": [], "offset": 4, "epoch": self.epoch}
        self.assertEqual(self.result("history", channel="full:a"), answer)

    def test_limit_and_direction_choose_publications(self) -> None:
        """From the beginning, from a place, and backwards."""
        since = {"offset": 2, "epoch": self.epoch}
        self.assertEqual(self.read(limit=-1), [1, 2, 3, 4])
        self.assertEqual(self.read(limit=2), [1, 2])
        self.assertEqual(self.read(limit=2, reverse=True), [4, 3])
        self.assertEqual(self.read(limit=-1, since=since), [3, 4])
        self.assertEqual(self.read(limit=-1, since=since, reverse=True), [1])
        self.assertEqual(self.read(limit=-1, since={"offset": 2}), [3, 4])

    def test_place_of_another_history_is_refused(self) -> None:
        """Another epoch, or behind the end: something would be missing, unseen."""
        for since in ({"offset": 2, "epoch": "other"}, {"offset": 5, "epoch": self.epoch}):
            self.assertEqual(self.code("history", channel="full:a", limit=1, since=since), 112)
        self.assertEqual(self.read(limit=1, since={"offset": 9, "epoch": self.epoch}, reverse=True), [4])

    def test_removed_history_goes_on_counting(self) -> None:
        """In the same epoch."""
        self.assertEqual(self.result("history_remove", channel="full:a"), {})
        self.assertEqual(self.read(limit=-1), [])
        self.assertEqual(self.result("publish", channel="full:a", data=5), {"offset": 5, "epoch": self.epoch})

    def test_channel_without_history_is_refused(self) -> None:
        """As not available; an unknown one as unknown."""
        for method in ("history", "history_remove"):
            self.assertEqual(self.code(method, channel="news"), 108)
            self.assertEqual(self.code(method, channel="other:a"), 102)
            self.assertEqual(self.code(method), 107)
        self.assertEqual(self.code("history", channel="full:a", limit=-2), 107)


class PresenceTests(MethodCase):
    """``presence`` and ``presence_stats``."""

    def test_those_who_are_there_are_told(self) -> None:
        """With what belongs to them."""
        for client in ("c1", "c2"):
            self.site.broker.add_presence("full:a", client, ClientInfo("42", client, '{"n":1.0}'), 60.0)
        present = self.result("presence", channel="full:a")["presence"]
        self.assertEqual(set(present), {"c1", "c2"})
        self.assertEqual(present["c1"], {"user": "42", "client": "c1", "conn_info": {"n": 1.0}})
        self.assertEqual(self.result("presence_stats", channel="full:a"), {"num_clients": 2, "num_users": 1})

    def test_channel_without_presence_is_refused(self) -> None:
        """As not available; an unknown one as unknown."""
        for method in ("presence", "presence_stats"):
            self.assertEqual(self.code(method, channel="news"), 108)
            self.assertEqual(self.code(method, channel="other:a"), 102)
            self.assertEqual(self.code(method), 107)


class ClusterTests(MethodCase):
    """``channels`` and ``info``."""

    def test_channels_are_counted(self) -> None:
        """All of them, or those that match."""
        everything = {"full:a": {"num_clients": 2}, "news": {"num_clients": 1}}
        self.assertEqual(self.result("channels"), {"channels": everything})
        self.assertEqual(self.result("channels", pattern="n*"), {"channels": {"news": {"num_clients": 1}}})
        self.assertEqual(self.code("channels", pattern="["), 107)

    def test_nodes_are_told(self) -> None:
        """Each with its name."""
        self.assertEqual([node["name"] for node in self.result("info")["nodes"]], ["host_1", "host_2"])


class OrderTests(MethodCase):
    """Orders about connections."""

    #: A command, what it says, and the order that it gives.
    ORDERS = (
        ("subscribe", {"user": "4", "channel": "news"}, Subscribe(Whom("4"), "news")),
        (
            "subscribe",
            {
                "user": "4",
                "client": "c",
                "session": "s",
                "channel": "full:a",
                "info": {"a": 1},
                "data": [2],
                "recover_since": {"offset": 3, "epoch": "ab"},
                "override": {"presence": {"value": True}, "join_leave": {"value": False}, "force_recovery": None},
            },
            Subscribe(
                Whom("4", "c", "s"),
                "full:a",
                '{"a": 1}',
                "[2]",
                Position(3, "ab"),
                {"presence": True, "join_leave": False},
            ),
        ),
        ("unsubscribe", {"user": "4", "channel": "news"}, Unsubscribe(Whom("4"), "news")),
        ("unsubscribe", {"user": "4", "channel": ""}, Unsubscribe(Whom("4"))),
        ("disconnect", {"user": "4"}, Disconnect(Whom("4"), 3503, "force disconnect")),
        ("disconnect", {"user": "4", "disconnect": {"code": 0, "reason": ""}}, Disconnect(Whom("4"))),
        (
            "disconnect",
            {"user": "4", "whitelist": ["a", "b"], "disconnect": {"code": 4500, "reason": "bye"}},
            Disconnect(Whom("4"), 4500, "bye", ("a", "b")),
        ),
        ("refresh", {"user": "4", "expired": True}, Refresh(Whom("4"), True)),
        ("refresh", {"user": "", "client": "c", "expire_at": 1_900_000_000}, Refresh(Whom("", "c"), False, 1900000000)),
    )
    REFUSED = (
        ("subscribe", {"channel": "news"}, 107),
        ("subscribe", {"user": "4"}, 107),
        ("subscribe", {"user": "4", "channel": "other:a"}, 102),
        ("subscribe", {"user": "4", "channel": "news", "b64data": "AAAA"}, 107),
        ("subscribe", {"user": "4", "channel": "news", "b64info": "AAAA"}, 107),
        ("subscribe", {"user": "4", "channel": "news", "override": {"presence": True}}, 107),
        ("subscribe", {"user": "4", "channel": "news", "override": {"colour": {"value": True}}}, 107),
        ("unsubscribe", {"channel": "news"}, 107),
        ("unsubscribe", {"user": "4", "channel": "other:a"}, 102),
        ("disconnect", {}, 107),
        ("disconnect", {"user": "4", "whitelist": "a"}, 107),
        ("disconnect", {"user": "4", "disconnect": {"code": 1000, "reason": ""}}, 107),
        ("disconnect", {"user": "4", "disconnect": {"code": 5000, "reason": ""}}, 107),
        ("disconnect", {"user": "4", "disconnect": {"code": 4000, "reason": "é" * 62}}, 107),
        ("refresh", {"expired": True}, 107),
        ("refresh", {"user": "4", "expire_at": -1}, 107),
    )

    def test_order_is_given_to_the_cluster(self) -> None:
        """Each row of the table, and the answer is an empty object."""
        for method, fields, order in self.ORDERS:
            self.assertEqual(self.result(method, **fields), {})
            self.assertEqual(self.site.cluster.obeyed.pop(), order)

    def test_wrong_order_is_not_given(self) -> None:
        """Each row of the table."""
        for method, fields, code in self.REFUSED:
            self.assertEqual(self.code(method, **fields), code, fields)
        self.assertEqual(self.site.cluster.obeyed, [])

    def test_order_that_reached_not_everybody_fails(self) -> None:
        """Whoever gave it may repeat it."""
        self.site.cluster.is_gone = True
        for method, fields, _ in self.ORDERS:
            self.assertEqual(self.code(method, **fields), 100)


class TableTests(MethodCase):
    """The table itself."""

    def test_unknown_method_is_refused(self) -> None:
        """By whatever name."""
        self.assertNotIn("dance", self.site.methods)
        self.assertIn("publish", self.site.methods)
        error = self.assertRaises(APIError, self.site.methods.call, "dance", Fields("{}"))
        self.assertEqual(error.code, 104)
