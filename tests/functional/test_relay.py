# -*- test-case-name: tests.functional.test_relay -*-
"""From whoever publishes to two browsers: HAProxy in front of two daemons, a Redis behind them that comes and goes."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from twisted.trial.unittest import SynchronousTestCase

from tests.functional import need
from tests.functional.browser import Browser, Page, need_client_library
from tests.functional.daemon import ROOT, Daemon
from tests.functional.haproxy import HAProxy
from tests.functional.redis_server import RedisServer, find_free_port

SITE = Path(__file__).with_name("site")

#: Seconds in which anything here has to happen.
LIMIT = 30.0
#: Seconds between two looks at whether a proxy has to end.
TICK = 0.1
#: Seconds after Redis answers within which ``/ready`` has to say so.
BACK = 3.0
#: What a client library might take for numbers: they have to arrive byte for byte.
NUMBERS = ("007", "1_000", "1.50", "1e5")

#: Connects by one transport and keeps what it hears; resolves when it is open.
LISTEN = """
new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = "/sockjs/sockjs.min.js";
  script.onerror = reject;
  script.onload = () => {
    window.heard = [];
    window.live = new SockJS("/events", null, {transports: ["%s"]});
    window.live.onmessage = event => window.heard.push(event.data);
    window.live.onopen = () => resolve(window.live.transport);
    window.live.onclose = event => reject(new Error(event.reason));
  };
  document.documentElement.append(script);
})
"""


def until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Wait until *condition* holds.

    :raises AssertionError: it does not within *limit* seconds.
    """
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited longer than {limit} s for {what}")
        time.sleep(0.02)


class MoodyProxy:
    """A TCP proxy in front of Redis that accepts and closes a number of connections before it passes one on.

    :param target: the port of Redis.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        #: How many of the next connections are closed.
        self.refusals = 0
        self._closing = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        """End every connection, and wait until it has ended."""
        self._closing.set()
        for thread in self._threads:
            thread.join(LIMIT)
        self._server.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            if not select.select([self._server], [], [], TICK)[0]:
                continue
            client, _ = self._server.accept()
            if self.refusals:
                self.refusals -= 1
                client.close()
                continue
            thread = threading.Thread(target=self._pass_on, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._target)) as redis:
            other = {client: redis, redis: client}
            while not self._closing.is_set():
                for side in select.select([client, redis], [], [], TICK)[0]:
                    data = side.recv(65536)
                    if not data:
                        return
                    other[side].sendall(data)


class RelayTests(SynchronousTestCase):
    """Two browsers, one over websocket and one over xhr-polling."""

    browser: Browser
    redis: RedisServer
    url: str

    def arrange(self, redis: RedisServer, redis_port: int | None = None) -> None:
        """Start everything; the daemons and publishers reach Redis at *redis_port*."""
        need("haproxy", "redis-server", "redis-cli", "chromium")
        need_client_library()
        self.redis = redis
        self.addCleanup(redis.close)
        redis.start()
        url = f"redis://127.0.0.1:{redis_port or redis.port}/0"
        self.secret = {"SOCKJSD_BROKER_PASSWORD": redis.password} if redis.password else {}
        self.broker = {"SOCKJSD_BROKER_URL": url} | self.secret
        self.daemons = [self.daemon() for _ in range(2)]
        proxy = HAProxy([daemon.port for daemon in self.daemons])
        self.addCleanup(proxy.close)
        self.url = f"http://127.0.0.1:{proxy.start().port}"
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        self.browser.start()
        self.pages = [self.page(transport) for transport in ("websocket", "xhr-polling")]
        self.wait_until_connected()

    def daemon(self) -> Daemon:
        """A daemon with the functional tests' site and a relay."""
        daemon = Daemon(
            {
                "site": {"settings": "functional_site.settings", "python_path": SITE},
                "endpoint events": {"application": "relay", "channels": "news"},
            },
            environment=self.broker,
        )
        self.addCleanup(daemon.close)
        return daemon.start()

    def page(self, transport: str) -> Page:
        """A window that listens by *transport*."""
        page = self.browser.open(f"{self.url}/hello/")
        self.assertEqual(page.evaluate(LISTEN % transport), transport)
        return page

    def connected(self, daemon: Daemon) -> bool:
        """What ``/ready`` says of Redis."""
        with urllib.request.urlopen(f"{daemon.url}/ready", timeout=LIMIT) as response:
            connected: bool = json.load(response)["broker"]["connected"]
        return connected

    def wait_until_connected(self, limit: float = LIMIT) -> None:
        """Wait until every daemon says so."""
        until(lambda: all(map(self.connected, self.daemons)), "/ready to say that Redis is there", limit)

    def publish_by_view(self, text: str) -> None:
        """Let a Django view publish a string."""
        body = urlencode({"data": text}).encode()
        with urllib.request.urlopen(f"{self.url}/publish/", body, timeout=LIMIT) as response:
            self.assertEqual(response.status, 204)

    def publish_by_command(self, payload: str) -> None:
        """Publish JSON with ``sockjsd publish``."""
        self.run_program([str(Path(sys.executable).with_name("sockjsd")), "publish", "news", payload])

    def publish_by_redis_cli(self, payload: str) -> None:
        """Publish text with ``redis-cli``."""
        secret = ["-a", self.redis.password, "--no-auth-warning"] if self.redis.password else []
        self.run_program(["redis-cli", "-p", str(self.redis.port), *secret, "PUBLISH", "sockjsd.news", payload])

    def run_program(self, command: list[str]) -> None:
        """Run a program that has to succeed."""
        environment = os.environ | self.broker
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def assert_heard(self, *expected: str) -> None:
        """Both windows hear exactly *expected*, in order, since the last time."""
        for page in self.pages:
            page.wait_for(f"heard.length >= {len(expected)}")
            self.assertEqual(page.evaluate("heard.splice(0)"), list(expected))

    def assert_survives_outage(self, end: Callable[[], None], begin: Callable[[], None]) -> None:
        """Redis goes by *end*; the site and the windows stay; it comes back by *begin* and is heard of again."""
        end()
        until(lambda: not any(map(self.connected, self.daemons)), "/ready to say that Redis is gone")
        with urllib.request.urlopen(f"{self.url}/hello/", timeout=LIMIT) as response:
            self.assertEqual(response.status, 200)
        begin()
        self.wait_until_connected(BACK)
        self.publish_by_redis_cli('"after"')
        self.assert_heard('"after"')
        self.assertEqual([page.evaluate("live.readyState") for page in self.pages], [1, 1])

    def test_every_way_to_publish_reaches_both(self) -> None:
        """A view, the command and redis-cli; numbers arrive byte for byte; a killed Redis comes back."""
        self.arrange(RedisServer())
        self.publish_by_view("from a view: é \u2028 </script>")
        self.assert_heard(json.dumps("from a view: é \u2028 </script>", ensure_ascii=False))
        self.publish_by_command('{"from": "the command"}')
        self.assert_heard('{"from": "the command"}')
        self.publish_by_redis_cli("not even JSON")
        self.assert_heard("not even JSON")
        for payload in NUMBERS:
            self.publish_by_redis_cli(payload)
        self.assert_heard(*NUMBERS)
        self.assert_survives_outage(self.redis.kill, self.redis.start)
        self.publish_by_view("again")
        self.assert_heard('"again"')

    def test_redis_with_a_password(self) -> None:
        """The password is given again on each connection."""
        self.arrange(RedisServer(password="s3cret#%;"))
        self.publish_by_command('"in"')
        self.assert_heard('"in"')
        self.assert_survives_outage(self.redis.kill, self.redis.start)
        self.assertNotIn("s3cret", "".join(daemon.log() for daemon in self.daemons))

    def test_proxy_that_accepts_and_closes_ten_times(self) -> None:
        """Back-off neither gives up nor grows beyond bounds; publishers are served as well."""
        port = find_free_port()
        proxy = MoodyProxy(port)
        self.addCleanup(proxy.close)
        self.arrange(RedisServer(port=port), redis_port=proxy.port)

        def begin() -> None:
            proxy.refusals = 10
            self.redis.start()
            until(lambda: not proxy.refusals, "ten connections to be closed")

        self.assert_survives_outage(self.redis.kill, begin)
        self.publish_by_command('"through the proxy"')
        self.assert_heard('"through the proxy"')
