# -*- test-case-name: tests.endpoints.api.test_handler -*-
"""The server API over HTTP."""

from __future__ import annotations

import json

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.endpoints.api.fields import Fields
from sockjsd.endpoints.api.handler import BODY_LIMIT, METHODS, rows
from sockjsd.http.application import Application
from tests.endpoints.api.site import Site
from tests.http.memory import Answer, Client, request

KEY = "s3cret"


class HandlerTests(SynchronousTestCase):
    """Requests."""

    def setUp(self) -> None:
        self.site = Site()
        self.client = Client(Application(rows(KEY, self.site.commands)))

    def post(self, method: str, body: bytes = b"{}", **fields: str | None) -> Answer:
        """Post a command, with the key unless *fields* say otherwise."""
        if "authorization" not in fields:
            fields.setdefault("x_api_key", KEY)
        return self.client.ask("POST", f"/api/{method}", body, **fields)

    def test_every_method_answers(self) -> None:
        """With a result or a Centrifugo error, as JSON that nobody keeps."""
        for method in METHODS:
            answer = self.post(method)
            self.assertEqual((answer.status, answer.fields["content-type"]), (200, "application/json"))
            self.assertEqual(answer.fields["cache-control"], "no-store")
            self.assertIn(next(iter(json.loads(answer.body))), ("result", "error"), method)
        self.assertEqual(len(METHODS), 13)

    def test_command_is_carried_out(self) -> None:
        """And keeps its digits."""
        self.site.broker.subscribe("news")
        answer = self.post("publish", '{"channel":"news","data":{"é":1.0}}'.encode())
        self.assertEqual(answer.body, b'{"result":{}}\n')
        (item,) = self.site.heard["news"]
        self.assertEqual(getattr(item, "data", None), '{"é":1.0}')

    def test_body_may_be_missing(self) -> None:
        """``info`` has nothing to say."""
        for body in (b"", b" \n", b"{}"):
            self.assertEqual(len(json.loads(self.post("info", body).body)["result"]["nodes"]), 2)

    def test_key_may_stand_in_either_field(self) -> None:
        """As Centrifugo's libraries of now and then send it."""
        for authorization in (f"apikey {KEY}", f"ApiKey {KEY}"):
            self.assertEqual(self.post("info", authorization=authorization).status, 200)

    def test_wrong_key_is_refused(self) -> None:
        """Before anything is read or done; the answer does not repeat it."""
        publish = b'{"channel":"full:a","data":1}'
        for key in (None, "", "S3cret", "s3cre", "s3crets", "\xe9"):
            answer = self.post("publish", publish, x_api_key=key)
            self.assertEqual(answer.status, 401)
            self.assertEqual(json.loads(answer.body)["error"]["code"], 101)
        for authorization in (KEY, f"Bearer {KEY}", "apikey", "apikey ", f"apikey  {KEY}"):
            self.assertEqual(self.post("publish", publish, authorization=authorization).status, 401, authorization)
        self.assertEqual(self.post("publish", b"not JSON", x_api_key="wrong").status, 401)
        self.assertEqual(self.site.result("history", channel="full:a").get("offset", 0), 0)

    def test_body_that_is_no_command_is_refused(self) -> None:
        """With 400, and Centrifugo's code for it."""
        for body in (b"[]", b"{", b'"text"', b"\xff", b'{"channel":"\xff"}', b"channel=news"):
            answer = self.post("publish", body)
            self.assertEqual((answer.status, json.loads(answer.body)["error"]["code"]), (400, 107), body)

    def test_body_is_bounded(self) -> None:
        """More than a browser may send, but not any size."""
        body = b'{"channel":"news","data":"%b"}' % (b"x" * (BODY_LIMIT - 28))
        self.assertEqual(len(body), BODY_LIMIT)
        self.assertEqual(self.post("publish", body).status, 200)
        self.assertEqual(self.post("publish", body + b" ").status, 413)

    def test_other_requests_are_not_for_the_api(self) -> None:
        """Neither other methods of HTTP nor other paths: the latter may be the site's."""
        answer = self.client.ask("GET", "/api/info", x_api_key=KEY)
        self.assertEqual((answer.status, answer.fields["allow"]), (405, "POST"))
        self.assertEqual(self.client.ask("OPTIONS", "/api/info").status, 405)
        for path in ("/api", "/api/", "/api/dance", "/api/info/", "/api/infos", "/v1/api/info"):
            self.assertEqual(self.client.ask("POST", path, b"{}", x_api_key=KEY).status, 404, path)

    def test_nothing_is_there_without_a_key(self) -> None:
        """Not even for somebody who sends an empty one."""
        self.assertEqual(rows("", self.site.commands), [])

    def test_client_that_leaves_costs_nothing(self) -> None:
        """Its answer comes to nobody."""
        slow: Deferred[str] = Deferred()
        self.site.commands.answer = lambda method, fields: slow  # type: ignore[method-assign]
        self.client.send(request("POST", "/api/info", b"{}", x_api_key=KEY))
        self.client.lose()
        slow.callback("{}")
        self.assertEqual(self.client.received(), b"")

    def test_answer_comes_when_it_is_there(self) -> None:
        """The connection waits meanwhile."""
        slow: Deferred[str] = Deferred()
        asked: list[tuple[str, list[str]]] = []

        def answer(method: str, fields: Fields) -> Deferred[str]:
            asked.append((method, fields.names()))
            return slow

        self.site.commands.answer = answer  # type: ignore[method-assign]
        self.client.send(request("POST", "/api/presence", b'{"channel":"a"}', x_api_key=KEY))
        self.assertEqual((asked, self.client.received()), ([("presence", ["channel"])], b""))
        slow.callback('{"result":{}}')
        self.assertEqual([answer.body for answer in self.client.answers()], [b'{"result":{}}\n'])
