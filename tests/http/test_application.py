# -*- test-case-name: tests.http.test_application -*-
"""Routes, and what becomes of a handler's errors."""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import HTTPError, PayloadError, WebSocketError
from sockjsd.http.application import Application
from sockjsd.http.handler import LeanHandler
from sockjsd.http.headers import Headers
from sockjsd.http.limits import BodyPolicy
from sockjsd.http.rules import Head, check
from tests.http.fakes import Broken, Server
from tests.http.memory import Client, request


class Named(LeanHandler):
    """Answers with what its row and its pattern say."""

    METHODS = ("GET",)

    @classmethod
    def body_policy(cls, **options: Any) -> BodyPolicy:
        return BodyPolicy(len(options["name"]))

    def initialize(self, name: str) -> None:
        self._name = name

    def handle(self, *arguments: str) -> None:
        self.exchange.respond(200, b"", repr((self._name, *arguments)).encode())


ROWS: list[tuple[str, type[LeanHandler], dict[str, Any]]] = [
    (r"/a", Named, {"name": "first"}),
    (r"/a(?:/([^/]+))?/(x?)", Named, {"name": "groups"}),
    (r"/.*", Named, {"name": "rest"}),
]


def get(target: str, host: str = "example.com") -> Head:
    """Return the head of a request for *target*."""
    return check("GET", target, "1.1", Headers.of([("Host", host)]))


class RouteTests(SynchronousTestCase):
    """Which handler a request goes to."""

    def test_first_matching_row_answers(self) -> None:
        """A pattern has to match all of the path; the query does not count."""
        client = Client(Application(ROWS))
        for target, said in (
            ("/a", ("first",)),
            ("/a?b", ("first",)),
            ("/ab", ("rest",)),
            ("/a/b/x", ("groups", "b", "x")),
            ("/a/", ("groups", "", "")),
            ("/a/%C3%A9%2F/", ("groups", "é/", "")),
            ("/a%0A", ("rest",)),
            ("/", ("rest",)),
        ):
            with self.subTest(target=target):
                self.assertEqual(client.ask(target=target).body.decode(), repr(said))

    def test_every_row_is_told_from_its_neighbours(self) -> None:
        """Whether or not they begin in the same way: the first one that matches all of a path has it."""
        words = r"/s/([^/]+)/one /s/([^/]+)/two /s/([^/]+)/(one|three) /s/([^/]+)/four /s/(a)/two /s/a/five /one /two"
        odd = r"/p|/q/x /q/y /[^/]z /(?:v/w)/one /(?:v/w)/two /s/([^/]+)/one /(.*)/last (?:/.*)?"
        firsts = (
            r"/t/?u /t(?:/u)?v /tw?/u /t/qq|/x/q /t+/w /t/*x /t\.u/v /t-u/v /t/? /w/? /w(?:/.*)? /t/(?:u/)?y /(?i:t)/z"
        )
        patterns = (words + " " + firsts + " " + odd).split()
        application = Application([(pattern, Named, {"name": str(number)}) for number, pattern in enumerate(patterns)])
        ends = ("one", "two", "three", "four", "five", "last", "x", "y", "onetwo", "")
        paths = [f"{begin}/{end}" for begin in ("", "/s/a", "/s/b", "/q", "/v/w", "/s", "/s/a/b") for end in ends]
        begun = [
            f"/{first}{rest}"
            for first in ("t", "tu", "tv", "tw", "tt", "t.u", "tau", "t-u", "T", "w", "wa", "x")
            for rest in ("", "/", "/u", "/v", "/w", "/x", "/y", "/z", "/u/y", "//x", "/q", "x")
        ]
        for path in (*paths, *begun, "/p", "/q/x", "/az", "/", "/s/a"):
            with self.subTest(path):
                number = next(n for n, pattern in enumerate(patterns) if re.fullmatch(pattern, path))
                match = re.fullmatch(patterns[number], path)
                assert match is not None
                route = application.find(get(path))
                found = route.options["name"], route.arguments
                self.assertEqual(found, (str(number), tuple(group or "" for group in match.groups())))

    def test_host_does_not_matter(self) -> None:
        """One table for all."""
        application = Application(ROWS)
        for host in ("", "a", "[::1]:80", "192.0.2.1:8000", "X"):
            with self.subTest(host=host):
                self.assertEqual(application.find(get("/a", host)).options, {"name": "first"})

    def test_nothing_is_found_elsewhere(self) -> None:
        """404, and the connection goes on."""
        client = Client(Application(ROWS[:1]))
        self.assertEqual([client.ask(target="/b").status, client.ask(target="/a").status], [404, 200])

    def test_route_knows_what_body_is_welcome(self) -> None:
        """Before it comes."""
        application = Application(ROWS)
        self.assertEqual(application.body_policy(application.find(get("/a"))), BodyPolicy(5))
        self.assertEqual(application.body_policy(Application([]).find(get("/a"))), BodyPolicy())


class ErrorTests(SynchronousTestCase):
    """What a handler raises."""

    def test_fault_of_peer_is_answered_quietly(self) -> None:
        """With its status; the connection ends where it has to."""
        for error, status, stays in (
            (HTTPError(403, "No", close=False), 403, True),
            (HTTPError(403, "No"), 403, False),
            (PayloadError("No"), 500, True),
            (WebSocketError(1002, "No"), 400, True),
        ):
            with self.subTest(error=error):
                client = Client(Application([(r"/", Broken, {"error": error})]))
                answer = client.ask()
                self.assertEqual((answer.status, answer.body, client.closed), (status, b"No\n", not stays))

    def test_bug_is_answered_and_logged_once(self) -> None:
        """The client learns nothing of it, and the connection ends."""
        client = Client(Server())
        answer = client.ask(target="/broken")
        self.assertEqual((answer.status, answer.body), (500, b"Internal server error\n"))
        self.assertTrue(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bug_amid_answer_cuts_it(self) -> None:
        """It cannot be taken back, and must not look complete."""
        client = Client(Server())
        client.send(request(target="/broken/start"))
        data = client.received()
        self.assertTrue(data.endswith(b"\r\na part\r\n"))
        self.assertTrue(client.closed)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_bug_after_answer_changes_nothing(self) -> None:
        """The client has what it wanted."""
        client = Client(Server())
        for _ in range(2):
            self.assertEqual(client.ask(target="/broken/end").body, b"all")
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
