# -*- test-case-name: tests.functional.test_two_halves -*-
"""The client protocol over requests that last: from other origins, through any node, and without an SDK."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import quote

import jwt
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.functional.browser import Browser
from tests.functional.centrifuge_js import LIBRARIES, need_node
from tests.functional.daemon import Daemon
from tests.functional.event_source import KEY, call, publish
from tests.functional.redis_server import RedisServer, redis_is_installed
from tests.functional.shared import Shared
from tests.functional.sockjs_client import Answer, Stream, ask, wait_until
from tests.functional.stage import ForeignSite

SECRET = "a secret of thirty-two characters"

browser: Shared[Browser] = Shared(lambda: Browser().start())


def make_daemon(redis_url: str = "", **channels: object) -> Daemon:
    """Return a daemon for clients with and without tokens, not started."""
    options = {"enabled": "yes", "anonymous": "yes", "api_key": KEY, "token_hmac_secret": SECRET, **channels}
    kept = {"allow_subscribe": "anyone", "history_size": 100, "history_ttl": 60, "recovery": "stream"}
    broker = {"broker": {"url": redis_url}} if redis_url else {}
    return Daemon({"channels": options, "namespace": kept, **broker})


class TwoHalvesTestCase(SynchronousTestCase):
    """What all of them do."""

    def start(self, redis_url: str = "", **channels: object) -> Daemon:
        """Start a daemon that is ended after the test."""
        daemon = make_daemon(redis_url, **channels)
        self.addCleanup(daemon.close)
        daemon.start()
        wait_until(lambda: b'"connected": true' in ask(daemon.port, "GET", "/ready").body, "the broker")
        return daemon

    def begin(self, daemon: Daemon, method: str, target: str, body: bytes = b"") -> Stream:
        """Begin an answer that lasts."""
        stream = Stream(daemon.port, method, target, body)
        self.addCleanup(stream.close)
        self.assertEqual(200, stream.response.status)
        return stream


class ClusterTests(TwoHalvesTestCase):
    """The way back leads through any node."""

    def setUp(self) -> None:
        """Start two daemons on one Redis."""
        if not redis_is_installed():
            raise SkipTest("redis-server is not installed")
        redis = RedisServer()
        self.addCleanup(redis.close)
        redis.start()
        self.one, self.other = self.start(redis.url), self.start(redis.url)
        # Until both have heard of each other.
        wait_until(lambda: len(call(self.other.port, "info")["nodes"]) == 2, "two nodes")

    def emulate(self, daemon: Daemon, session: str, node: str, *commands: dict[str, Any]) -> Answer:
        """Send commands by the way back."""
        data = "\n".join(map(json.dumps, commands))
        body = json.dumps({"session": session, "node": node, "data": data}).encode()
        return ask(daemon.port, "POST", "/emulation", body)

    def test_commands_reach_the_node_that_has_the_session(self) -> None:
        """Whichever node they were sent to; the answers come on the other half."""
        stream = self.begin(self.one, "POST", "/connection/http_stream", b'{"id":1,"connect":{}}')
        connected = json.loads(stream.read_until(b"\n"))["connect"]
        address = connected["session"], connected["node"]
        subscribe = {"id": 2, "subscribe": {"channel": "news"}}
        self.assertEqual(204, self.emulate(self.other, *address, subscribe).status)
        self.assertIn("subscribe", json.loads(stream.read_until(b"\n")))
        publish(self.other.port, "news", "it works")
        self.assertEqual("it works", json.loads(stream.read_until(b"\n"))["push"]["pub"]["data"])
        unsubscribe = {"id": 3, "unsubscribe": {"channel": "news"}}
        self.assertEqual(204, self.emulate(self.one, *address, unsubscribe).status)
        self.assertEqual({"id": 3, "unsubscribe": {}}, json.loads(stream.read_until(b"\n")))

    def test_session_that_is_not_there_is_said(self) -> None:
        """404 where the node knows; commands for a node that is not there cannot be taken either."""
        stream = self.begin(self.one, "POST", "/connection/http_stream", b'{"id":1,"connect":{}}')
        connected = json.loads(stream.read_until(b"\n"))["connect"]
        rpc = {"id": 2, "rpc": {"method": "x"}}
        self.assertEqual(404, self.emulate(self.one, "no session", connected["node"], rpc).status)
        self.assertEqual(404, self.emulate(self.one, connected["session"], "no node", rpc).status)


class ChromiumTests(TwoHalvesTestCase):
    """centrifuge-js in a page of another origin."""

    #: Connects, subscribes, and keeps what it hears; resolves when it is subscribed.
    CONNECT = """
    new Promise(resolve => {
      window.heard = [];
      const centrifuge = new Centrifuge([{transport: "%(transport)s", endpoint: "%(url)s/connection/%(transport)s"}],
                                        {emulationEndpoint: "%(url)s/emulation"});
      const subscription = centrifuge.newSubscription("news");
      subscription.on("publication", context => window.heard.push(context.data));
      subscription.on("subscribed", () => resolve("subscribed"));
      subscription.on("error", context => resolve(context.error.message));
      centrifuge.on("disconnected", context => window.left = [context.code, context.reason]);
      centrifuge.on("error", context => window.failed = true);
      setTimeout(() => resolve("nothing"), 8000);
      subscription.subscribe();
      centrifuge.connect();
    })"""

    def setUp(self) -> None:
        """Have another web site, whose pages have the library."""
        need_node()
        self.library = (LIBRARIES / "centrifuge" / "dist" / "centrifuge.js").read_text()
        self.foreign = ForeignSite()
        self.addCleanup(self.foreign.close)

    def connect(self, daemon: Daemon, host: str, transport: str) -> tuple[Any, Any]:
        """Let a page of *host* connect; return it, and what came of it."""
        page = browser.get().open(f"http://{host}:{self.foreign.port}/foreign.html")
        self.addCleanup(page.close)
        page.evaluate(self.library + "; true")
        return page, page.evaluate(self.CONNECT % {"transport": transport, "url": daemon.url})

    def test_page_of_allowed_origin_connects(self) -> None:
        """Both halves have the CORS headers that it needs."""
        daemon = self.start(allowed_origins=f"http://localhost:{self.foreign.port}")
        for transport in ("http_stream", "sse"):
            with self.subTest(transport):
                page, outcome = self.connect(daemon, "localhost", transport)
                self.assertEqual("subscribed", outcome, page.errors)
                publish(daemon.port, "news", f"by {transport}")
                page.wait_for("window.heard.length === 1")
                self.assertEqual([f"by {transport}"], page.evaluate("window.heard"))

    def test_page_of_other_origin_does_not(self) -> None:
        """No session ever begins."""
        daemon = self.start(allowed_origins=f"http://localhost:{self.foreign.port}")
        page, outcome = self.connect(daemon, "127.0.0.1", "http_stream")
        self.assertEqual(("nothing", True), (outcome, page.evaluate("window.failed")))
        self.assertEqual(0, call(daemon.port, "info")["nodes"][0]["num_clients"])


class UniSSETests(TwoHalvesTestCase):
    """Pushes alone."""

    def begin_uni(self, daemon: Daemon, **request: Any) -> Stream:
        """Begin a stream with a connect request."""
        return self.begin(daemon, "GET", f"/connection/uni_sse?cf_connect={quote(json.dumps(request))}")

    def read(self, stream: Stream) -> Any:
        """Return the next push."""
        text = stream.read_until(b"\n\n").decode().strip()
        self.assertTrue(text.startswith("data: "), text)
        return json.loads(text.removeprefix("data: "))

    def test_client_hears_the_channels_of_its_token(self) -> None:
        """And those that the site subscribes it to; then it is sent away."""
        daemon = self.start()
        token = jwt.encode({"sub": "42", "subs": {"news": {}}}, SECRET, "HS256")
        stream = self.begin_uni(daemon, token=token)
        self.assertIn("news", self.read(stream)["connect"]["subs"])
        publish(daemon.port, "news", 1)
        push = self.read(stream)
        self.assertEqual(("news", 1), (push["channel"], push["pub"]["data"]))
        call(daemon.port, "subscribe", user="42", channel="sport")
        self.assertEqual("sport", self.read(stream)["channel"])
        publish(daemon.port, "sport", 2)
        self.assertEqual(2, self.read(stream)["pub"]["data"])
        call(daemon.port, "disconnect", user="42")
        self.assertEqual({"disconnect": {"code": 3503, "reason": "force disconnect"}}, self.read(stream))
        self.assertEqual(b"", stream.read_rest())

    def test_pings_need_no_answer(self) -> None:
        """A client that only listens stays."""
        daemon = self.start(ping_interval=1, pong_timeout=0.5)
        stream = self.begin_uni(daemon)
        self.read(stream)
        self.assertEqual([{}, {}, {}], [self.read(stream) for _ in range(3)])

    def test_refused_client_is_told_and_sent_away(self) -> None:
        """The code says whether coming back makes sense."""
        daemon = self.start(anonymous="no")
        expired = jwt.encode({"sub": "42", "exp": int(time.time()) - 60}, SECRET, "HS256")
        for token, code in (("nonsense", 3500), ("", 3500), (expired, 3004)):
            with self.subTest(code=code):
                stream = self.begin_uni(daemon, token=token)
                self.assertEqual(code, self.read(stream)["disconnect"]["code"])
                self.assertEqual(b"", stream.read_rest())
