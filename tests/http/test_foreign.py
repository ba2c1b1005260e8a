# -*- test-case-name: tests.http.test_foreign -*-
"""Anybody's Cyclone application: who answers, in which order, and what ends the connection."""

from __future__ import annotations

import json
from pathlib import Path

from cyclone import web
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.foreign import options_of
from tests.http.cyclone_app import WARNINGS, Named, Page, Refusing, Served
from tests.http.fakes import Echo
from tests.http.memory import Client, request

suppress = WARNINGS


class RouteTests(SynchronousTestCase):
    """Which handler a request goes to: Cyclone's rules."""

    def test_classic_and_lean_handlers_stand_side_by_side(self) -> None:
        """Over one connection."""
        client = Served().client
        self.assertEqual(json.loads(client.ask("GET", "/?q=1").body), {"argument": "1", "cookie": ""})
        self.assertEqual(client.ask("GET", "/lean/a%20b").body, b"GET /lean/a%20b ")
        self.assertEqual(client.ask("GET", "/").status, 200)

    def test_groups_are_arguments(self) -> None:
        """By name or in order, with escapes undone, and ``None`` for one that matched nothing."""
        client = Served().client
        self.assertEqual(client.ask("GET", "/named/x%C3%A9/y/z").body.decode(), "((), {'a': 'xé', 'b': 'y/z'})")
        self.assertEqual(client.ask("GET", "/groups/a").body, b"(('a', None), {})")

    def test_what_is_not_found_is_answered_by_the_error_handler(self) -> None:
        """404 as Cyclone writes it."""
        answer = Served().client.ask("GET", "/nowhere")
        self.assertEqual(answer.status, 404)
        self.assertIn(b"404: Not Found", answer.body)

    def test_unknown_host_is_sent_to_the_default_one(self) -> None:
        """An application with host patterns only."""
        served = Served(default_host="welcome.example.com")
        served.application.handlers.clear()
        served.application.add_handlers("www.example.com", [(r"/", Page)])
        self.assertEqual(served.client.ask("GET", "/", host="www.example.com").status, 200)
        answer = served.client.ask("GET", "/", host="other.example.com")
        self.assertEqual((answer.status, answer.fields["location"]), (301, "http://welcome.example.com/"))

    def test_rows_can_be_added_later(self) -> None:
        """Also for whoever has asked before, on the same connection."""
        served = Served()
        self.assertEqual(served.client.ask("GET", "/new").status, 404)
        served.application.add_handlers("example.com", [("/new", Echo)])
        self.assertEqual(served.client.ask("GET", "/new").body, b"GET /new ")

    def test_static_files_are_served(self) -> None:
        """Once, and from the browser's cache the second time."""
        folder = Path(self.mktemp())
        folder.mkdir()
        folder.joinpath("a.txt").write_text("static")
        client = Served(static_path=str(folder)).client
        answer = client.ask("GET", "/static/a.txt")
        self.assertEqual((answer.status, answer.body), (200, b"static"))
        again = client.ask("GET", "/static/a.txt", if_none_match=answer.fields["etag"])
        self.assertEqual((again.status, again.body), (304, b""))
        head = client.ask("HEAD", "/static/a.txt")
        self.assertEqual((head.status, head.body, head.fields["content-length"]), (200, b"", "6"))
        self.assertEqual(client.ask("GET", "/static/../secret").status, 403)

    def test_setting_that_believes_everybody_is_refused_in_the_log(self) -> None:
        """It says what to do instead."""
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        Served(xheaders=True)
        self.assertEqual(len([event for event in events if "trusted_proxies" in str(formatEvent(event))]), 1)

    def test_options_of_rows_are_found_behind_every_host(self) -> None:
        """Whoever keeps time behind a row is named there."""
        application = web.Application([(r"/", Page, {"a": 1})])
        application.add_handlers("www", [(r"/", Page, {"b": 2})])
        self.assertEqual(options_of(application), [{"b": 2}, {"a": 1}])


class BodyTests(SynchronousTestCase):
    """What classic handlers get of a body."""

    def test_body_beyond_the_limit_is_refused(self) -> None:
        """Lean handlers have limits of their own."""
        served = Served(body_limit=10)
        self.assertEqual(served.client.ask("POST", "/", b"x" * 10).status, 200)
        self.assertEqual(served.client.ask("POST", "/", b"x" * 11).status, 413)
        lean = Client(factory=served.client.factory)
        self.assertEqual(lean.ask("POST", "/lean/", b"x" * 11).status, 200)

    def test_chunked_body_is_complete(self) -> None:
        """Cyclone's own server does not read one."""
        served = Served()
        served.client.send(request("POST", "/", transfer_encoding="chunked") + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        (answer,) = served.client.answers()
        self.assertEqual(json.loads(answer.body)["length"], 5)


class OrderTests(SynchronousTestCase):
    """Pipelining, and the end of a connection."""

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        """A slow handler keeps the fast one behind it waiting."""
        served = Served()
        served.client.send(request("GET", "/later") + request("GET", "/lean/") + request("GET", "/stream"))
        self.assertEqual(served.client.received(), b"")
        served.held[0].finish("first")
        bodies = [answer.body for answer in served.client.answers()]
        self.assertEqual(bodies, [b"first", b"GET /lean/ ", b"onetwothree"])

    def test_deferred_is_waited_for(self) -> None:
        """As Cyclone does."""
        served = Served()
        served.client.send(request("GET", "/waiting"))
        self.assertEqual(served.client.received(), b"")
        served.waiting[0].callback(None)
        self.assertEqual(served.client.answers()[0].body, b"done")

    def test_connection_goes_on_or_ends_as_both_sides_want(self) -> None:
        """The client by its version and its ``Connection``, the handler by ``no_keep_alive``."""
        for target, version, connection, stays in (
            ("/", "1.1", None, True),
            ("/", "1.1", "close", False),
            ("/", "1.0", None, False),
            ("/", "1.0", "keep-alive", True),
            ("/stream", "1.0", "keep-alive", False),  # its length is not known before its end
            ("/last", "1.1", None, False),
            ("/nowhere", "1.1", None, True),
        ):
            with self.subTest(target=target, version=version, connection=connection):
                client = Served().client
                client.ask("GET", target, version=version, connection=connection)
                self.assertEqual(client.closed, not stays)

    def test_answer_says_that_it_is_the_last(self) -> None:
        """So that the client does not send another request into the end."""
        self.assertEqual(Served().client.ask("GET", "/last").fields["connection"], "close")

    def test_stream_is_divided_into_chunks_once(self) -> None:
        """Or is what is left of the connection, for an old client."""
        client = Served().client
        self.assertEqual(client.ask("GET", "/stream").body, b"onetwothree")
        client.send(request("GET", "/stream", version="1.0"))
        self.assertTrue(client.received().endswith(b"\r\n\r\nonetwothree"))
        self.assertTrue(client.closed)

    def test_head_has_no_body(self) -> None:
        """And the next answer begins where its head ends."""
        client = Served().client
        client.send(request("HEAD", "/") + request("GET", "/lean/"))
        first, second = client.answers("HEAD", "GET")
        self.assertEqual((first.status, first.body, first.fields["content-length"]), (200, b"", "30"))
        self.assertEqual(second.body, b"GET /lean/ ")

    def test_silent_client_is_cut_off(self) -> None:
        """Time-outs are those of every connection."""
        client = Served().client
        client.send(b"GET / HTTP/1.1\r\n")
        client.advance(11)
        self.assertEqual(client.answers()[0].status, 408)


class ErrorTests(SynchronousTestCase):
    """What handlers raise."""

    def test_http_error_is_answered(self) -> None:
        """And the connection goes on."""
        client = Served((r"/error", Refusing, {"error": web.HTTPError(403)})).client
        self.assertEqual(client.ask("GET", "/error").status, 403)
        self.assertEqual(client.ask("PUT", "/error").status, 405)
        self.assertEqual(client.ask("GET", "/").status, 200)

    def test_bug_is_answered_and_told_nobody(self) -> None:
        """Cyclone logs it."""
        client = Served((r"/error", Refusing, {"error": LookupError("secret")})).client
        answer = client.ask("GET", "/error")
        self.assertEqual((answer.status, b"secret" in answer.body), (500, False))

    def test_handler_that_cannot_be_built_is_a_bug(self) -> None:
        """Logged here, because Cyclone's application lets it pass."""
        client = Served((r"/error", Refusing)).client
        self.assertEqual(client.ask("GET", "/error").status, 500)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_debugging_application_works(self) -> None:
        """Cyclone itself looks into its settings."""
        self.assertEqual(Served((r"/n/(.*)", Named), debug=True).client.ask("GET", "/n/1").body, b"(('1',), {})")
