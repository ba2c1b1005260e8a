# -*- test-case-name: tests.test_router -*-
"""``SockJSRouter``: its settings, its rows, and when it keeps time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cyclone import web
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

import sockjsd.http
from sockjsd import router
from sockjsd.errors import ConfigurationError, StateError
from sockjsd.http.listening import ApplicationFactory
from sockjsd.router import SockJSRouter, endpoint_options
from sockjsd.sockjs.connection import ConnectionInfo, SockJSConnection
from tests.http.cyclone_app import WARNINGS, Page, quiet
from tests.http.memory import Client, request
from tests.transports.server import HANDSHAKE, server_frames

suppress = WARNINGS


class Everybody(SockJSConnection):
    """Keeps all in a set, as sockjs-cyclone's examples do, and echoes."""

    clients: set[Everybody] = set()
    ends: list[int] = []

    def connectionMade(self, info: ConnectionInfo) -> None:
        self.clients.add(self)

    def messageReceived(self, message: str) -> None:
        self.sendMessage(message)

    def connectionLost(self) -> None:
        self.clients.discard(self)
        self.ends.append(self.closeCode)


class SettingsTests(SynchronousTestCase):
    """The names of sockjs-cyclone and sockjs-tornado, and our own."""

    def test_each_setting_has_its_option(self) -> None:
        """The values as they were there."""
        for name, value, option, expected in (
            ("disconnect_delay", 7, "disconnect_delay", 7),
            ("heartbeat_delay", 20, "heartbeat", 20),
            ("sockjs_url", "https://example.com/s.js", "sockjs_url", "https://example.com/s.js"),
            ("response_limit", 4096, "response_limit", 4096),
            ("jsessionid", False, "cookie", False),
            ("verify_ip", False, "verify_address", False),
            ("websocket_allow_origin", "*", "allowed_origins", ("*",)),
            (
                "websocket_allow_origin",
                "https://a.example https://b.example",
                "allowed_origins",
                ("https://a.example", "https://b.example"),
            ),
            ("websocket_allow_origin", ["https://a.example"], "allowed_origins", ("https://a.example",)),
            (
                "disabled_transports",
                ["jsonp", "htmlfile", "rawwebsocket"],
                "transports",
                ("websocket", "xhr_streaming", "eventsource", "xhr"),
            ),
            ("message_limit", 1000, "message_limit", 1000),
            ("heartbeat", 20, "heartbeat", 20),
        ):
            with self.subTest(name=name, value=value):
                self.assertEqual(getattr(endpoint_options("/a", {name: value}), option), expected)

    def test_defaults_are_those_of_sockjs_cyclone(self) -> None:
        """But for origins: nobody else's pages."""
        options = endpoint_options("/a", {})
        self.assertEqual((options.heartbeat, options.disconnect_delay, options.response_limit), (25, 5, 128 * 1024))
        self.assertEqual((options.cookie, options.verify_address, options.allowed_origins), (True, True, ()))

    def test_settings_without_meaning_are_accepted(self) -> None:
        """They change nothing."""
        meaningless = {"session_check_interval": 1, "immediate_flush": False, "disable_nagle": True}
        self.assertEqual(endpoint_options("/a", meaningless), endpoint_options("/a", {}))

    def test_mistakes_are_told(self) -> None:
        """With what is allowed."""
        for settings, words in (
            ({"hartbeat_delay": 1}, "'hartbeat_delay' is no setting of a router; allowed: "),
            ({"application": "echo"}, "is no setting of a router"),
            ({"disabled_transports": ["flash"]}, "['flash'] are none; allowed: websocket"),
            ({"heartbeat_delay": 0}, "heartbeat"),
            ({"heartbeat_delay": 1, "heartbeat": 2}, "the same setting"),
            ({"websocket_allow_origin": "example.com"}, "no origin"),
        ):
            with self.subTest(settings=settings):
                error = self.assertRaises(ConfigurationError, SockJSRouter, Everybody, "/a", settings)
                self.assertIn(words, str(error))

    def test_each_setting_is_documented(self) -> None:
        """In the table of docs/python.md, and nothing else stands there."""
        text = Path(__file__).parent.parent.joinpath("docs", "python.md").read_text()
        table = text.partition("### Settings")[2].partition("\n## ")[0]
        documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
        self.assertEqual(documented, {*router._RENAMED, *router._MEANINGLESS})

    def test_old_name_of_the_argument_works(self) -> None:
        """Both ancestors call it ``user_settings``."""
        router = SockJSRouter(Everybody, "/a", user_settings={"disabled_transports": ["xhr"]})
        self.assertNotIn("transp_xhr", router.stats.dump())


class RouterTestCase(SynchronousTestCase):
    """A router in an application, on a reactor in memory."""

    prefix = "/echo"

    def setUp(self) -> None:
        Everybody.clients, Everybody.ends = set(), []
        self.reactor = MemoryReactorClock()
        self.router = SockJSRouter(Everybody, self.prefix, {"verify_ip": False})

    def listen(self, *rows: Any) -> ApplicationFactory:
        """Listen, and return the factory of the open port."""
        application = web.Application([*rows, *self.router.urls], log_function=quiet)
        self.successResultOf(sockjsd.http.listen(application, "tcp:80", self.reactor))
        factory = self.reactor.tcpServers[-1][1]
        assert isinstance(factory, ApplicationFactory)
        factory.doStart()  # the port of a memory reactor does not
        return factory

    def client(self, factory: ApplicationFactory) -> Client:
        """Return a connected client."""
        return Client(factory=factory, clock=self.reactor)

    def socket(self, factory: ApplicationFactory) -> Client:
        """Return a client whose WebSocket is open."""
        client = self.client(factory)
        client.send(request("GET", f"{self.prefix}/0/s/websocket", **HANDSHAKE))
        self.assertIn(b"101 Switching Protocols", client.received())
        return client


class RowTests(RouterTestCase):
    """``urls``."""

    def test_rows_stand_beside_classic_handlers(self) -> None:
        """In one application, over one connection."""
        client = self.client(self.listen((r"/", Page)))
        self.assertEqual(client.ask("GET", "/").status, 200)
        self.assertEqual(client.ask("GET", "/echo/info").status, 200)
        self.assertEqual(client.ask("POST", "/echo/0/s/xhr").body, b"o\n")
        self.assertEqual(client.ask("POST", "/echo/0/s/xhr_send", b'["a"]').status, 204)
        self.assertEqual(client.ask("POST", "/echo/0/s/xhr").body, b'a["a"]\n')
        self.assertEqual(client.ask("GET", "/echo/0/s/nothing").status, 404)

    def test_websocket_works(self) -> None:
        """It is the same endpoint as in the daemon."""
        self.socket(self.listen())
        self.assertEqual(self.router.stats.dump()["transp_websocket"], 1)

    def test_routes_of_others_may_be_joined(self) -> None:
        """A method of sockjs-tornado."""
        routes = self.router.apply_routes([(r"/", Page)])
        self.assertEqual((routes[0], len(routes)), ((r"/", Page), 1 + len(self.router.urls)))

    def test_router_says_what_is_missing_when_nobody_listens(self) -> None:
        """A script without ``listen``, or with Cyclone's own."""
        self.assertEqual(self.router.stats.dump()["connections_active"], 0)
        self.assertIn("sockjsd.http.listen", str(self.assertRaises(StateError, self.router._clock.seconds)))

    def test_clock_is_that_of_the_reactor(self) -> None:
        """All of it, for whoever asks."""
        self.listen()
        clock = self.router._clock
        self.assertEqual(clock.seconds(), self.reactor.seconds())
        self.assertEqual(clock.getDelayedCalls(), self.reactor.getDelayedCalls())


class RootTests(RouterTestCase):
    """The prefix ``""``."""

    prefix = ""

    def test_router_at_the_root_leaves_the_rest_to_others(self) -> None:
        """Only its own URLs are its."""
        application = web.Application([*self.router.urls, (r"/page", Page)], log_function=quiet)
        self.successResultOf(sockjsd.http.listen(application, "tcp:80", self.reactor))
        factory = self.reactor.tcpServers[-1][1]
        factory.doStart()
        client = self.client(factory)
        self.assertEqual(client.ask("GET", "/").body, b"Welcome to SockJS!\n")
        self.assertEqual(client.ask("POST", "/0/s/xhr").body, b"o\n")
        self.assertEqual(client.ask("GET", "/page").status, 200)


class BroadcastTests(RouterTestCase):
    """One message to many."""

    def test_broadcast_reaches_all_clients(self) -> None:
        """From outside of any of them."""
        factory = self.listen()
        sockets = [self.socket(factory) for _ in range(10)]
        self.router.broadcast(Everybody.clients, "news")
        for socket in sockets:
            self.assertEqual(list(server_frames(socket.received())), [(1, b'a["news"]')])

    def test_something_else_than_text_is_refused(self) -> None:
        """Before anybody got it."""
        self.socket(self.listen())
        with self.assertRaises(TypeError):
            self.router.broadcast(Everybody.clients, 1)  # type: ignore[arg-type]  # the point of this test


class TimeTests(RouterTestCase):
    """When a router keeps time."""

    def test_building_starts_nothing(self) -> None:
        """A router may be made when a module is imported."""
        web.Application(self.router.urls)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_sessions_time_out_while_a_port_is_open(self) -> None:
        """As in the daemon."""
        client = self.client(self.listen())
        client.ask("POST", "/echo/0/s/xhr")
        self.assertEqual(self.router.stats.dump()["sessions_active"], 1)
        self.reactor.pump([0.25] * 30)
        self.assertEqual((self.router.stats.dump()["sessions_active"], Everybody.ends), (0, [1006]))

    def test_last_port_ends_everything(self) -> None:
        """Each client is told, and no timer is left when the connections are gone."""
        first, second = self.listen(), self.listen()
        socket = self.socket(first)
        second.doStop()
        self.assertEqual((socket.received(), Everybody.ends), (b"", []))
        first.doStop()
        (text, close) = server_frames(socket.received())
        self.assertEqual((text, close[0]), ((1, b'c[1001,"Server is going away"]'), 8))
        socket.lose()
        self.assertEqual((Everybody.ends, self.reactor.getDelayedCalls()), ([1001], []))

    def test_router_may_be_given_a_port_again(self) -> None:
        """Each test of a site does that."""
        self.listen().doStop()
        client = self.client(self.listen())
        self.assertEqual(client.ask("POST", "/echo/0/s/xhr").body, b"o\n")

    def test_router_runs_on_one_reactor(self) -> None:
        """Its sessions have one clock."""
        self.listen()
        self.reactor = MemoryReactorClock()
        self.assertRaises(StateError, self.listen)
