# -*- test-case-name: tests.functional.test_proxies -*-
"""Who the client is, behind a real HAProxy with the project's ``haproxy.cfg``: for a view, and for an application."""

from __future__ import annotations

import json
import socket
import tempfile
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.daemon import Daemon
from tests.functional.haproxy import HAProxy
from tests.functional.play import RECORDER
from tests.functional.recorder import FILE
from tests.functional.sockjs_client import PATIENCE, ask, new_session, open_websocket

SITE = Path(__file__).with_name("site")
#: What somebody says who wants to be somebody else, at once with TLS.
LIES = {
    "x_forwarded_for": "192.0.2.1",
    "x_forwarded_proto": "https",
    "x_forwarded_host": "evil.example",
    "x_real_ip": "192.0.2.1",
    "forwarded": "for=192.0.2.1;proto=https",
}
BEHIND_PROXY_PROTOCOL = "haproxy:tcp:{port}:interface=127.0.0.1"


class ProxyTests(SynchronousTestCase):
    """A node, and HAProxy in front of it where a test starts one."""

    def node(self, **server: object) -> Daemon:
        """Start a node with a site, an endpoint, and one that wants all requests of a session from one address."""
        recorder = {"application": RECORDER, "disconnect_delay": 2}
        node = Daemon(
            {
                "server": server,
                "site": {"settings": "functional_site.settings", "python_path": SITE},
                "endpoint recorder": recorder,
                "endpoint strict": recorder | {"verify_address": "yes"},
            }
        )
        node.environment[FILE] = str(node.folder / "events")
        self.addCleanup(node.close)
        return node.start()

    def behind(self, node: Daemon, options: str = "") -> int:
        """Put HAProxy in front of *node*; return its port."""
        proxy = HAProxy([node.port], options)
        self.addCleanup(proxy.close)
        return proxy.start().port

    def view(self, port: int, **fields: str) -> dict[str, Any]:
        """What a view is told of a request; only that which tells about the client."""
        answer = ask(port, "GET", "/visitor/", **fields)
        self.assertEqual(200, answer.status)
        told: dict[str, Any] = json.loads(answer.body)
        names = ("REMOTE_ADDR", "wsgi.url_scheme")
        return {name: value for name, value in told.items() if name in names or self.speaks_of_client(name)}

    def speaks_of_client(self, name: str) -> bool:
        """Whether a variable comes from a field that a proxy would write."""
        return any(word in name for word in ("FORWARD", "REAL_IP"))

    def application(self, port: int, source: str) -> tuple[str, str]:
        """What an application is told by ``ConnectionInfo``: the address, and what is in the fields."""
        with open_websocket(port, "/recorder/websocket", source) as client:
            client.send("address?")
            client.send("forwarded?")
            return str(client.recv(PATIENCE)), str(client.recv(PATIENCE))

    def test_client_is_known_behind_a_trusted_proxy(self) -> None:
        """Its address and its protocol, for views and applications, whatever it invents."""
        port = self.behind(self.node(trusted_proxies="127.0.0.1"))
        for fields in ({}, LIES):
            self.assertEqual(
                self.view(port, **fields),
                {
                    "REMOTE_ADDR": "127.0.0.1",
                    "wsgi.url_scheme": "http",
                    "HTTP_X_FORWARDED_FOR": "127.0.0.1",
                    "HTTP_X_FORWARDED_PROTO": "http",
                },
            )
        for client in ("127.0.0.2", "127.0.0.3"):
            self.assertEqual(self.application(port, client), (client, f"{client} http"))

    def test_proxy_is_the_client_when_nobody_is_trusted(self) -> None:
        """The default; what HAProxy writes is removed like everybody else's."""
        port = self.behind(self.node())
        self.assertEqual(self.view(port, **LIES), {"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"})
        self.assertEqual(self.application(port, "127.0.0.2"), ("127.0.0.1", " "))

    def test_nobody_is_believed_who_is_not_listed(self) -> None:
        """Another proxy is trusted than the one who connects: a client that connects itself may say what it likes."""
        node = self.node(trusted_proxies="127.0.0.2 10.0.0.0/8")
        for port in (node.port, self.behind(node)):
            self.assertEqual(self.view(port, **LIES), {"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"})
            self.assertEqual(self.view(port, x_forwarded_for="10.0.0.1, 127.0.0.2")["REMOTE_ADDR"], "127.0.0.1")

    def test_client_of_proxy_protocol_is_known_without_trust(self) -> None:
        """It is no field; the fields are removed."""
        port = self.behind(self.node(listen=BEHIND_PROXY_PROTOCOL), "send-proxy-v2")
        self.assertEqual(self.view(port, **LIES), {"REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http"})
        for client in ("127.0.0.2", "127.0.0.3"):
            self.assertEqual(self.application(port, client), (client, " "))

    def test_protocol_is_believed_beside_the_proxy_protocol(self) -> None:
        """Trust is for who connects, which is HAProxy; the address is the one that it announces."""
        node = self.node(listen=BEHIND_PROXY_PROTOCOL, trusted_proxies="127.0.0.1")
        self.assertEqual(self.application(self.behind(node, "send-proxy-v2"), "127.0.0.2"), ("127.0.0.2", " http"))
        for source, expected in (("192.0.2.7", "192.0.2.7 https"), ("127.0.0.1", "192.0.2.1 https")):
            self.assertEqual(self.announced(node.port, source), expected)

    def announced(self, port: int, source: str) -> str:
        """What a view is told of somebody for whom a PROXY header speaks, and who lies."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            return self.told(connection, f"PROXY TCP4 {source} 127.0.0.1 50000 80\r\n")

    def told(self, connection: socket.socket, before: str) -> str:
        """What a view is told of somebody who lies, over this connection."""
        fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in LIES.items())
        head = f"{before}GET /visitor/ HTTP/1.1\r\nHost: localhost\r\n{fields}Connection: close\r\n\r\n"
        connection.sendall(head.encode())
        told = json.loads(connection.makefile("rb").read().partition(b"\r\n\r\n")[2])
        return f"{told['REMOTE_ADDR']} {told['wsgi.url_scheme']}"

    def test_tls_that_the_proxy_ends_is_https_for_the_site(self) -> None:
        """As a trusted proxy says: here the test itself."""
        node = self.node(trusted_proxies="127.0.0.1")
        told = self.view(node.port, x_forwarded_for="203.0.113.9, 127.0.0.9", x_forwarded_proto="https")
        self.assertEqual((told["REMOTE_ADDR"], told["wsgi.url_scheme"]), ("127.0.0.9", "https"))
        told = json.loads(ask(node.port, "GET", "/visitor/", x_forwarded_proto="https").body)
        self.assertEqual((told["secure"], told["url"]), (True, f"https://127.0.0.1:{node.port}/visitor/"))

    def test_proxy_on_unix_socket_is_believed_when_it_is_listed(self) -> None:
        """By the word ``unix``, since it has no address."""
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-proxies-")
        self.addCleanup(folder.cleanup)
        nobody = "127.0.0.1 http"  # a WSGI environ has to have some address
        for trusted, expected in (("unix", "192.0.2.1 https"), ("127.0.0.1", nobody), ("", nobody)):
            path = f"{folder.name}/{trusted or 'none'}.sock"
            self.node(listen=f"tcp:{{port}}:interface=127.0.0.1\n  unix:{path}", trusted_proxies=trusted)
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE)
                connection.connect(path)
                self.assertEqual(self.told(connection, ""), expected)

    def test_session_belongs_to_one_address_behind_a_trusted_proxy(self) -> None:
        """With ``verify_address``: somebody else is told that there is no such session."""
        for trusted, status in (("127.0.0.1", 404), ("", 204)):
            port = self.behind(self.node(trusted_proxies=trusted))
            url = "/strict" + new_session()
            self.assertEqual(self.post(port, "127.0.0.2", f"{url}/xhr"), 200)
            self.assertEqual(self.post(port, "127.0.0.2", f"{url}/xhr_send"), 204)
            self.assertEqual(self.post(port, "127.0.0.3", f"{url}/xhr_send"), status)

    def post(self, port: int, source: str, path: str) -> int:
        """POST a message from an address; return the answer's status."""
        with socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0)) as connection:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + b'["a"]')
            return int(connection.makefile("rb").readline().split()[1])
