# -*- test-case-name: tests.functional.test_haproxy -*-
"""The project's ``haproxy.cfg`` in a real HAProxy, in front of real nodes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import run
from threading import Thread

from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Endpoint, Server
from sockjsd.http.limits import LINGER
from tests.functional import need, scenarios
from tests.functional.daemon import Daemon
from tests.functional.haproxy import CONFIGURATION, HAProxy
from tests.functional.play import Play, events_of, make_node
from tests.functional.shared import Shared
from tests.functional.sockjs_client import PATIENCE, ask, new_session, open_websocket

#: Sessions that are begun where one node or another may get them.
MANY = 50


class Cluster:
    """Two nodes behind HAProxy."""

    def __init__(self) -> None:
        self.nodes = [make_node("node1"), make_node("node2")]
        self.proxy: HAProxy | None = None
        try:
            self.proxy = HAProxy([node.port for node in self.nodes])
            for node in self.nodes:
                node.start()
            self.proxy.start()
        except BaseException:
            self.close()
            raise

    @property
    def port(self) -> int:
        """Where clients connect."""
        assert self.proxy is not None
        return self.proxy.port

    def close(self) -> None:
        """End all of it."""
        for program in (self.proxy, *self.nodes):
            if program is not None:
                program.close()


cluster = Shared(Cluster)


class Through(Play, SynchronousTestCase):
    """Somebody who connects to HAProxy."""

    def begin(self, count: int) -> list[str]:
        """Begin *count* sessions and return their URLs."""
        urls = ["/recorder" + new_session() for _ in range(count)]
        for url in urls:
            self.assertEqual(b"o\n", self.poll(url))
        return urls

    def owner(self, url: str) -> str:
        """Return the name of the node that has the session *url*."""
        self.send(url, "node?")
        return self.poll(url).decode().removeprefix('a["').removesuffix('"]\n')

    def start(self, *nodes: Daemon, options: str = "") -> HAProxy:
        """Start HAProxy in front of *nodes*, of which not all need to run; all end with the test."""
        self.nodes = nodes
        for node in nodes:
            self.addCleanup(node.close)
        proxy = HAProxy([node.port for node in nodes], options)
        self.addCleanup(proxy.close)
        self.port = proxy.start().port
        return proxy


class ScenarioTests(scenarios.AllScenarios, Through):
    """All that works directly works through HAProxy, with two nodes."""

    def setUp(self) -> None:
        self.nodes = cluster.get().nodes
        self.port = cluster.get().port

    def test_requests_of_a_session_meet_on_one_node(self) -> None:
        """Each of many sessions finds its own, time and again, and both nodes have some."""
        urls = self.begin(MANY)
        owners = [self.owner(url) for url in urls]
        self.assertEqual(owners, [self.owner(url) for url in urls])
        self.assertEqual({"node1", "node2"}, set(owners))
        self.assertGreater(min(Counter(owners).values()), MANY // 10)

    def test_websockets_go_where_fewest_are(self) -> None:
        """Both nodes get about the same number."""
        with self.websockets(20) as owners:
            self.assertEqual({"node1", "node2"}, set(owners))
            self.assertGreaterEqual(min(Counter(owners).values()), 5)

    @contextmanager
    def websockets(self, count: int) -> Iterator[list[str]]:
        """Hold *count* raw WebSockets open; yields the names of the nodes that they are on."""
        sockets = [open_websocket(self.port, "/recorder/websocket") for _ in range(count)]
        try:
            for socket in sockets:
                socket.send("node?")
            yield [str(socket.recv(PATIENCE)) for socket in sockets]
        finally:
            for socket in sockets:
                socket.close()


class NodeTests(Through):
    """Nodes that come and go."""

    def test_sessions_stay_when_a_node_is_added(self) -> None:
        """The hash would move half of them; what HAProxy remembers holds them."""
        first, second = make_node("node1"), make_node("node2")
        first.start()
        proxy = self.start(first, second)
        proxy.wait_for("node2", "DOWN")
        streams = [self.stream("eventsource", "/recorder" + new_session()) for _ in range(3)]
        urls = [f"/recorder/000/{number}" for number in range(MANY)]
        holders = [self.stream("xhr_streaming", url) for url in urls]
        second.start()
        proxy.wait_for("node2", "UP")
        for url, holder in zip(urls, holders, strict=True):
            self.send(url, "node?")
            self.assertEqual(b'a["node1"]\n', holder.read_until(b"]\n").removeprefix(b"o\n"))
        self.assertEqual({"node1", "node2"}, {self.owner(url) for url in self.begin(MANY)})
        for stream in streams:
            self.read("eventsource", stream, b"o")

    def test_node_that_stops_loses_nobody_else(self) -> None:
        """Its clients are told; whoever comes then gets the other node, and no error in between."""
        first, second = make_node("node1"), make_node("node2")
        self.start(first.start(), second.start())
        holders = {}
        for url in (f"/recorder/000/{number}" for number in range(10)):
            holders[url] = self.stream("xhr_streaming", url)
            holders[url].read_until(b"o\n")
            self.send(url, "node?")
        owners = {url: holder.read_until(b"]\n").decode()[3:8] for url, holder in holders.items()}
        first.signal_stop()
        for url, holder in holders.items():
            if owners[url] == "node1":
                self.assertEqual(b'c[1001,"Server is going away"]\n', holder.read_rest())
        self.assertEqual({"node2"}, {self.owner(url) for url in self.begin(20)})
        self.assertEqual(0, first.wait())
        self.assertEqual([200] * 20, [ask(self.port, "GET", "/recorder/info").status for _ in range(20)])
        self.assertEqual([], [event for event in events_of([second]) if event.startswith("lost")])

    def test_node_that_is_not_ready_gets_nothing(self) -> None:
        """It answers /ready with 503 and would answer everything else with 200."""
        node = make_node("node1")
        with unready_node() as port:
            proxy = HAProxy([node.start().port, port])
            self.addCleanup(node.close)
            self.addCleanup(proxy.close)
            self.port = proxy.start().port
            proxy.wait_for("node2", "DOWN")
            self.assertIn("code: 503", proxy.log())
            self.assertEqual({"node1"}, {self.owner(url) for url in self.begin(20)})
            self.assertEqual({b"Welcome to SockJS!\n"}, {self.get("/echo").body for _ in range(20)})

    def test_node_learns_address_of_client(self) -> None:
        """By the PROXY protocol, as the comment in the file recommends; every client's own."""
        node = make_node("node1", listen="haproxy:tcp:{port}:interface=127.0.0.1")
        self.start(node.start(), options="send-proxy-v2")
        for client in ("127.0.0.2", "127.0.0.3"):
            with open_websocket(self.port, "/recorder/websocket", client) as socket:
                socket.send("address?")
                self.assertEqual(client, socket.recv(PATIENCE))

    def test_client_cannot_invent_its_address(self) -> None:
        """What it says in the field is replaced by what HAProxy knows."""
        node = make_node("node1", trusted_proxies="127.0.0.1")
        self.start(node.start())
        url = "/recorder" + new_session()
        self.assertEqual(b"o\n", self.post(url + "/xhr", x_forwarded_for="192.0.2.1", x_forwarded_proto="https").body)
        self.send(url, "forwarded?")
        self.assertEqual(b'a["127.0.0.1 http"]\n', self.poll(url))


class FileTests(SynchronousTestCase):
    """The file itself."""

    def test_file_is_in_order(self) -> None:
        """HAProxy has nothing to say against it, not even a warning."""
        (program,) = need("haproxy")
        checked = run([program, "-c", "-f", CONFIGURATION], capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((0, "Configuration file is valid\n", ""), (checked.returncode, checked.stdout, checked.stderr))

    def test_times_fit_those_of_the_daemon(self) -> None:
        """Each relation that the comments state, with the defaults of our options."""
        found = re.findall(r"(?m)^ +timeout ([a-z-]+) ([0-9]+)s$", CONFIGURATION.read_text())
        time = {name: int(seconds) for name, seconds in found}
        server, endpoint = Server(), Endpoint("echo", application="echo")
        for side in ("client", "server"):
            self.assertGreater(time[side], endpoint.heartbeat)
            self.assertGreater(time[side], server.body_timeout)
        self.assertGreater(time["tunnel"], endpoint.heartbeat + endpoint.pong_timeout)
        self.assertGreater(time["client-fin"], LINGER)
        self.assertGreater(time["server-fin"], LINGER)
        self.assertLessEqual(time["http-request"], server.head_timeout)
        self.assertLess(time["http-keep-alive"], server.keep_alive_timeout)


class _Unready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status = 503 if self.path == "/ready" else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def unready_node() -> Iterator[int]:
    """Run what stands for a node that drains; yields its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Unready) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
