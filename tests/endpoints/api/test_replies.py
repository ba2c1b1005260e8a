# -*- test-case-name: tests.endpoints.api.test_replies -*-
"""Answers of the server API, compared with the examples of Centrifugo's documentation."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers.values import History
from sockjsd.channels.publications import ClientInfo, Position, Publication
from sockjsd.clients.nodes import NodeInfo
from sockjsd.endpoints.api import replies
from sockjsd.errors import APIError

INFO = ClientInfo("42", "c", '{"ip": "::1"}', "[1.0]")


class RepliesTests(SynchronousTestCase):
    """Their shapes."""

    def test_answer_has_a_result_or_an_error(self) -> None:
        """Never both."""
        self.assertEqual(replies.result(replies.NOTHING), '{"result":{}}')
        text = replies.error(APIError(102, 'unknown "channel"'))
        self.assertEqual(json.loads(text), {"error": {"code": 102, "message": 'unknown "channel"'}})

    def test_history_keeps_what_was_published(self) -> None:
        """Character for character; what is empty is left out."""
        publications = [
            Publication('{"price": 1.0}', 2, "qFhv", "0123abcd"),
            Publication("null", 3, "qFhv", "0123abcd", INFO, {"kind": "x"}),
        ]
        text = replies.history(History(publications, Position(4, "qFhv", "0123abcd")))
        self.assertIn('{"data":{"price": 1.0},"offset":2}', text)
        second = {"data": None, "offset": 3, "tags": {"kind": "x"}}
        info = {"user": "42", "client": "c", "conn_info": {"ip": "::1"}, "chan_info": [1.0]}
        self.assertEqual(json.loads(text)["publications"][1], {**second, "info": info})
        self.assertEqual({**json.loads(text), "publications": 2}, {"publications": 2, "offset": 4, "epoch": "qFhv"})

    def test_empty_history_is_an_empty_list(self) -> None:
        """Client libraries count on it."""
        self.assertEqual(replies.history(History([], Position())), '{"publications":[]}')

    def test_position_is_left_out_where_there_is_none(self) -> None:
        """A channel without history."""
        self.assertEqual(replies.build(replies.position(Position())), "{}")
        self.assertEqual(replies.build(replies.position(Position(1, "ab"))), '{"offset":1,"epoch":"ab"}')

    def test_presence_is_by_client(self) -> None:
        """Also when nobody is there."""
        self.assertEqual(replies.presence({}), '{"presence":{}}')
        told = json.loads(replies.presence({"c": ClientInfo("", "c"), "d": INFO}))["presence"]
        self.assertEqual(told["c"], {"user": "", "client": "c"})
        self.assertEqual(told["d"]["conn_info"], {"ip": "::1"})
        self.assertEqual(json.loads(replies.presence_stats(2, 1)), {"num_clients": 2, "num_users": 1})

    def test_channels_tell_their_listeners(self) -> None:
        """In the order of their names."""
        self.assertEqual(
            replies.channels({"b": 2, "a": 1}), '{"channels":{"a":{"num_clients":1},"b":{"num_clients":2}}}'
        )

    def test_nodes_tell_all_they_have(self) -> None:
        """Zeros too."""
        (node,) = json.loads(replies.nodes([NodeInfo("u", "host_8000", "1.0", num_clients=3)]))["nodes"]
        self.assertEqual(set(node), set("uid name version num_clients num_users num_subs num_channels uptime".split()))
        self.assertEqual((node["uid"], node["num_clients"], node["num_users"]), ("u", 3, 0))
