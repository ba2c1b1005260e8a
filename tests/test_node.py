# -*- test-case-name: tests.test_node -*-
"""Tests for ``sockjsd.node``: what a node opens, joins and says goodbye to."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Protocol
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

import sockjsd.node
from sockjsd.channels.forms import BARE
from sockjsd.channels.publications import Publication
from sockjsd.config import Channels, Config, Endpoint, Namespace, Server, Site
from sockjsd.django import publishing
from sockjsd.django_wsgi import Site as DjangoSite
from sockjsd.errors import StartError
from sockjsd.http.ports import BACKLOG
from sockjsd.node import Node
from sockjsd.sockjs.batch import Batch, Expendable

RELAY = Endpoint("events", prefix="/events", channels=("news",))
ECHO = Endpoint("echo", prefix="/echo", application="echo")


def config(*endpoints: Endpoint, **server: object) -> Config:
    """A configuration with these endpoints and no site."""
    options = Server(listen=("tcp:8000:interface=127.0.0.1",), **server)  # type: ignore[arg-type]
    return Config(server=options, endpoints={endpoint.name: endpoint for endpoint in endpoints})


class RefusingReactor(MemoryReactorClock):
    """A reactor on which port 9 is in use, and which takes numbers that are no port as badly as the real ones."""

    def listenTCP(self, port: int, factory: object, backlog: int = 50, interface: str = "") -> object:
        if port == 9:
            raise CannotListenError(interface, port, OSError("in use"))
        if not 0 <= port < 65536:
            raise OverflowError("bind(): port must be 0-65535.")
        return super().listenTCP(port, factory, backlog, interface)


class Visitor:
    """A client of a node, in memory.

    :param node: whose factory makes the connection.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        protocol = node._factory.buildProtocol(None)
        assert isinstance(protocol, Protocol)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = protocol
        protocol.factory = node._factory
        protocol.makeConnection(self.transport)
        self.protocol = protocol

    def ask(self, method: str, path: str, body: str = "") -> str:
        """Send a request and return all that came so far."""
        head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        self.protocol.dataReceived((head + body).encode())
        return self.answer

    @property
    def answer(self) -> str:
        """All that came so far."""
        return self.transport.value().decode()


class NodeTestCase(SynchronousTestCase):
    """A node on a reactor in memory."""

    def setUp(self) -> None:
        """Log into a list, and keep the process's umask."""
        self.reactor = RefusingReactor()
        self.events: list[LogEvent] = []
        globalLogPublisher.addObserver(self.events.append)
        self.addCleanup(globalLogPublisher.removeObserver, self.events.append)
        self.addCleanup(publishing.uninstall)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())

    def started(self, *endpoints: Endpoint, **server: object) -> Node:
        """A node that runs."""
        node = Node(config(*endpoints, umask=0o022, **server), self.reactor)
        node.listen()
        node.start()
        return node

    def logged(self, words: str) -> int:
        """How many lines were logged that begin with *words*."""
        return sum(str(event.get("log_format", "")).startswith(words) for event in self.events)


class StartTests(NodeTestCase):
    """Starting."""

    def test_listens_on_each_port(self) -> None:
        """Every line of the option is a port."""
        node = Node(Config(server=Server(listen=("tcp:1", "tcp:2"))), self.reactor)
        node.listen()
        self.assertEqual([server[0] for server in self.reactor.tcpServers], [1, 2])
        self.assertEqual([server[2] for server in self.reactor.tcpServers], [BACKLOG, BACKLOG])

    def test_refuses_when_port_is_in_use(self) -> None:
        """One port that cannot be had: the message names it, and the others are closed."""
        node = Node(Config(server=Server(listen=("tcp:1", "tcp:9"))), self.reactor)
        error = self.assertRaises(StartError, node.listen)
        self.assertIn("tcp:9", str(error))
        self.assertEqual(node._ports, [])

    def test_serves_health(self) -> None:
        """/live and /ready answer as soon as it runs."""
        node = self.started()
        self.assertIn('{"live":true}', Visitor(node).ask("GET", "/live"))
        self.assertIn('"connected": true', Visitor(node).ask("GET", "/ready"))

    def test_tells_its_numbers_when_asked_to(self) -> None:
        """Nobody gets them unless the option says so."""
        self.assertIn("404", Visitor(self.started()).ask("GET", "/status"))
        visitor = Visitor(self.started(Endpoint("echo", application="echo"), status=True))
        self.reactor.advance(5)
        answer = visitor.ask("GET", "/status")
        status = json.loads(answer.partition("\r\n\r\n")[2])
        self.assertEqual((5.0, "memory"), (status["uptime"], status["broker"]["name"]))
        self.assertEqual(["/echo"], list(status["endpoints"]))

    def test_relays_from_broker_to_browser(self) -> None:
        """What is published reaches a poll that waits."""
        node = self.started(RELAY)
        Visitor(node).ask("POST", "/events/000/abc/xhr")
        poll = Visitor(node)
        poll.ask("POST", "/events/000/abc/xhr")
        node._broker.publish("news", Publication('{"title": "x"}'))
        self.assertTrue(poll.answer.endswith('a["{\\"title\\": \\"x\\"}"]\n'), poll.answer)

    def test_views_may_keep_the_interpreter_for_the_switch_interval(self) -> None:
        """Not for CPython's own, which is 25 times as long."""
        self.started(ECHO)
        self.assertAlmostEqual(sys.getswitchinterval(), 0.0002)
        self.started(ECHO, switch_interval=0.001)
        self.assertAlmostEqual(sys.getswitchinterval(), 0.001)

    def test_deliveries_of_a_run_leave_together(self) -> None:
        """They are gathered as long as the run is handed on."""
        node = self.started(RELAY)
        gathered: list[bool] = []

        class Subscriber:
            fd = -1

            def deliver(self, batch: object) -> None:
                gathered.append(node._factory.gathering.take(self, b""))

            def write(self, data: bytes) -> None:
                """Nothing."""

            def took(self, data: bytes, count: int) -> None:
                """Nothing."""

        node._hub.subscribe("news", Subscriber(), BARE)
        node._broker.publish("news", Publication("1"))
        self.assertEqual((gathered, node._factory.gathering.take(Subscriber(), b"")), ([True], False))

    def test_broadcasts_leave_together(self) -> None:
        """An application gathers for the same connections."""
        node = self.started(ECHO)
        self.assertIs(node._endpoints[0].sessions.together, node._factory.gathering)

    def test_hello_says_which_fan_out_runs(self) -> None:
        """The one in C, or the one in Python where it was not built or not wanted."""
        for compiled, words in ((True, "compiled"), (False, "pure Python")):
            self.patch(sockjsd.node, "COMPILED", compiled)
            self.started(ECHO)
            self.assertEqual([event["fan_out"] for event in self.events if "fan_out" in event][-1], words)

    def test_says_hello_once(self) -> None:
        """One line says what is served where."""
        self.started(ECHO)
        self.assertEqual(self.logged("sockjsd {version} serves"), 1)

    def test_refuses_when_the_site_refuses(self) -> None:
        """The site's own message is passed on, and the ports are closed."""

        def refuse(site: DjangoSite) -> None:
            raise StartError("no such settings")

        self.patch(DjangoSite, "start", refuse)
        node = Node(Config(server=Server(listen=("tcp:1",)), site=Site(settings="x.settings")), self.reactor)
        node.listen()
        error = self.assertRaises(StartError, node.start)
        self.assertEqual(str(error), "no such settings")
        self.assertEqual(node._ports, [])

    def test_refuses_an_application_that_does_not_import(self) -> None:
        """The message names the endpoint."""
        error = self.assertRaises(StartError, self.started, Endpoint("x", prefix="/x", application="no_such.Thing"))
        self.assertIn("endpoint x", str(error))

    def test_finds_an_application_in_the_python_path_without_a_site(self) -> None:
        """A folder of one's own classes is searched although there are no settings."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        source = "from sockjsd.sockjs.connection import SockJSConnection\nclass Chat(SockJSConnection): pass\n"
        (folder / "found_by_test_node.py").write_text(source)
        self.patch(sys, "path", list(sys.path))
        self.addCleanup(sys.modules.pop, "found_by_test_node", None)
        chat = Endpoint("chat", application="found_by_test_node.Chat")
        node = Node(Config(site=Site(python_path=str(folder)), endpoints={"chat": chat}), self.reactor)
        node.start()
        self.assertIn("200 OK", Visitor(node).ask("GET", "/chat/info"))

    def test_refuses_a_client_library_that_is_not_there(self) -> None:
        """A configured file has to exist."""
        missing = str(Path(self.mktemp()).absolute())
        error = self.assertRaises(StartError, self.started, client_library=missing)
        self.assertIn(missing, str(error))

    def test_iframe_loads_our_own_library(self) -> None:
        """Where the option says nothing, the iframe's page names the daemon's own path."""
        node = self.started(ECHO)
        self.assertIn('src="/sockjs/sockjs.min.js"', Visitor(node).ask("GET", "/echo/iframe.html"))

    def test_word_django_trusts_nobody_without_a_site(self) -> None:
        """Without a site only the same origin is allowed."""
        node = self.started(ECHO)
        protocol = Visitor(node)
        protocol.protocol.dataReceived(b"GET /echo/info HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\n\r\n")
        self.assertTrue(protocol.answer.startswith("HTTP/1.1 403 "), protocol.answer)


class ChannelTests(NodeTestCase):
    """What ``[channels]`` switches on."""

    KEPT = Namespace(allow_subscribe="anyone", history_size=10, history_ttl=60.0, recovery="stream")

    def with_channels(self, **options: object) -> Node:
        """A node with these options and one namespace with a history."""
        channels = Channels(**options)  # type: ignore[arg-type]
        node = Node(replace(config(), channels=channels, namespaces={"": self.KEPT}), self.reactor)
        node.listen()
        node.start()
        return node

    def test_serves_event_streams(self) -> None:
        """What is published through the relay is an event with an id."""
        page = Visitor(self.with_channels(events=True))
        self.assertIn("text/event-stream", page.ask("GET", "/events?channel=news"))
        page.node._relay.publish("news", Publication('"it works"'))
        self.assertRegex(page.answer, r'event: news\nid: [\w-]+\ndata: "it works"\n\n')

    def test_serves_clients_on_requests_that_last(self) -> None:
        """And the way back."""
        node = self.with_channels(enabled=True, anonymous=True)
        client = Visitor(node)
        self.assertIn('{"id":1,"connect":', client.ask("POST", "/connection/http_stream", '{"id":1,"connect":{}}'))
        body = '{"session":"none","node":"none","data":"{}"}'
        self.assertTrue(Visitor(node).ask("POST", "/emulation", body).startswith("HTTP/1.1 404 "))

    def test_serves_none_of_it_unless_it_is_switched_on(self) -> None:
        """There is no site either, so nothing is there."""
        node = self.started(ECHO)
        for method, path in (
            ("GET", "/events?channel=news"),
            ("POST", "/connection/http_stream"),
            ("POST", "/emulation"),
        ):
            with self.subTest(path):
                self.assertTrue(Visitor(node).ask(method, path).startswith("HTTP/1.1 404 "))

    def test_slow_clients_lose_what_the_namespace_says(self) -> None:
        """The oldest, or all but the latest; elsewhere they are disconnected."""
        policies = {"": "disconnect", "old": "drop-oldest", "new": "latest-only"}
        namespaces = {name: Namespace(name, output_policy=policy) for name, policy in policies.items()}
        node = Node(replace(config(), namespaces=namespaces), self.reactor)
        heard: list[Batch] = []

        class Subscriber:
            def deliver(self, batch: Batch) -> None:
                heard.append(batch)

        for channel in ("news", "old:a", "new:a", "unknown:a"):
            node._hub.subscribe(channel, Subscriber(), BARE)
            node._relay.publish(channel, Publication("1"))
        told = [batch.expendable for batch in heard]
        self.assertEqual(told, [None, Expendable("old:a", False), Expendable("new:a", True), None])

    def test_loss_of_the_broker_is_not_noticed_by_clients(self) -> None:
        """What was published meanwhile is read when it is back."""
        node = self.with_channels(events=True)
        page = Visitor(node)
        page.ask("GET", "/events?channel=news")
        node._broker.on_lost()
        node._relay.publish("news", Publication('"meanwhile"'))
        self.assertNotIn("meanwhile", page.answer)
        node._broker.on_back()
        self.assertIn("meanwhile", page.answer)

    def test_counts_streams_and_tells_them_to_go(self) -> None:
        """A stream would never end by itself."""
        node = self.with_channels(events=True)
        page = Visitor(node)
        page.ask("GET", "/events?channel=news")
        stopped = node.stop()
        self.assertTrue(page.answer.endswith("\r\n0\r\n\r\n"), page.answer)
        self.successResultOf(stopped)
        self.assertEqual([event["told"] for event in self.events if "told" in event], [1])
        self.assertEqual(self.reactor.getDelayedCalls(), [])


class StopTests(NodeTestCase):
    """Stopping."""

    def test_stops_at_once_when_idle(self) -> None:
        """Nothing to wait for: all is quiet, and no timer is left."""
        node = self.started(ECHO)
        self.assertIsNone(self.successResultOf(node.stop()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])
        self.assertEqual(self.logged("Stopped"), 1)

    def test_tells_sessions_to_go(self) -> None:
        """A waiting poll gets the close frame, and its connection is closed."""
        node = self.started(ECHO)
        Visitor(node).ask("POST", "/echo/000/abc/xhr")
        poll = Visitor(node)
        poll.ask("POST", "/echo/000/abc/xhr")
        stopped = node.stop()
        self.assertIn('c[1001,"Server is going away"]\n', poll.answer)
        self.assertIn("Connection: close", poll.answer)
        self.successResultOf(stopped)

    def test_is_not_ready_while_it_drains(self) -> None:
        """A proxy's check on a connection that is still open sees 503."""
        node = self.started(ECHO)
        busy = Visitor(node)
        busy.protocol.dataReceived(b"POST /echo/000/abc/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[")
        node.stop()
        checking = Visitor(node)
        self.assertTrue(checking.ask("GET", "/ready").startswith("HTTP/1.1 503 "))

    def test_gives_up_after_the_drain_timeout(self) -> None:
        """A request that never completes is cut after ``drain_timeout``."""
        node = self.started(ECHO, drain_timeout=5.0)
        busy = Visitor(node)
        busy.protocol.dataReceived(b"POST /echo/000/abc/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[")
        stopped = node.stop()
        self.reactor.advance(4.9)
        self.assertNoResult(stopped)
        self.reactor.advance(0.2)
        self.successResultOf(stopped)
        self.assertEqual(self.logged("Stopping without"), 1)
        self.assertFalse(busy.transport.connected)

    def test_hurries_when_asked_again(self) -> None:
        """A second signal ends the wait; a third changes nothing."""
        node = self.started(ECHO)
        busy = Visitor(node)
        busy.protocol.dataReceived(b"POST /echo/000/abc/xhr_send HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[")
        stopped = node.stop()
        node.hurry()
        self.successResultOf(stopped)
        node.hurry()
        self.assertEqual(self.reactor.getDelayedCalls(), [])
