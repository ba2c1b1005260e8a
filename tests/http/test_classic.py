# -*- test-case-name: tests.http.test_classic -*-
"""Cyclone's handlers: their request, their connection, and what they write to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from cyclone import sse, web
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import ISSLTransport
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.errors import StateError
from sockjsd.http.proxies import Proxies
from tests.http.cyclone_app import WARNINGS, Later, Raw, Served
from tests.http.memory import HOST, PEER, Answer, Client, request

suppress = WARNINGS

FORM = {"content_type": "application/x-www-form-urlencoded"}


class RequestTests(SynchronousTestCase):
    """What a handler knows of its request."""

    def seen(self, *, client: dict[str, Any] | None = None, trusted: Iterable[str] = (), **fields: str) -> Any:
        """Return the request of a handler as it is when it is called."""
        served = Served(client=client)
        served.client.factory.proxies = Proxies(trusted)
        served.client.send(request("GET", "/later?a=1&a=2&b=", **fields))
        return served.held[0].request

    def test_attributes_are_those_of_cyclone(self) -> None:
        """Every documented one."""
        seen = self.seen(cookie="user=me")
        self.assertEqual(
            (seen.method, seen.uri, seen.path, seen.version), ("GET", "/later?a=1&a=2&b=", "/later", "HTTP/1.1")
        )
        self.assertEqual(seen.arguments, {"a": ["1", "2"], "b": [""]})
        self.assertEqual((seen.host, seen.protocol, seen.remote_ip), ("example.com", "http", PEER.host))
        self.assertEqual((seen.cookies["user"].value, seen.body, seen.files), ("me", b"", {}))
        self.assertEqual(seen.full_url(), "http://example.com/later?a=1&a=2&b=")
        self.assertGreaterEqual(seen.request_time(), 0)
        self.assertTrue(seen.supports_http_1_1())

    def test_request_through_tls_is_https(self) -> None:
        """The transport says so too, because some ask it."""
        seen = self.seen(client={"secure": True})
        self.assertEqual((seen.protocol, ISSLTransport.providedBy(seen.connection.transport)), ("https", True))
        self.assertFalse(ISSLTransport.providedBy(self.seen().connection.transport))

    def test_client_on_unix_socket_has_no_address(self) -> None:
        """An empty one."""
        self.assertEqual(self.seen(client={"peer": UNIXAddress("")}).remote_ip, "")

    def test_trusted_proxy_is_believed_and_nobody_else(self) -> None:
        """Cyclone's setting ``xheaders`` believed everybody."""
        fields = {"x_forwarded_for": "192.0.2.99", "x_forwarded_proto": "https", "x_scheme": "https"}
        trusting, other = self.seen(trusted=[PEER.host], **fields), self.seen(**fields)
        self.assertEqual((trusting.remote_ip, trusting.protocol), ("192.0.2.99", "https"))
        self.assertEqual((other.remote_ip, other.protocol), (PEER.host, "http"))

    def test_transport_knows_both_ends(self) -> None:
        """Their addresses."""
        transport = self.seen().connection.transport
        self.assertEqual((transport.getPeer(), transport.getHost()), (PEER, HOST))


class FormTests(SynchronousTestCase):
    """Forms."""

    def post(self, body: bytes, **fields: str) -> Answer:
        """Return the answer to a form."""
        return Served(body_limit=100_000).client.ask("POST", "/?q=0", body, **fields)

    def test_urlencoded_form_joins_the_query(self) -> None:
        """Empty values are left out, as Cyclone does."""
        answer = self.post(b"q=1&q=%C3%A9&q=&other=2", **FORM)
        self.assertEqual(json.loads(answer.body)["arguments"], ["0", "1", "é"])

    def test_multipart_form_has_arguments_and_files(self) -> None:
        """As browsers send it."""
        lines = (
            '--b\r\nContent-Disposition: form-data; name="q"\r\n\r\n1\r\n'
            '--b\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n'
            "Content-Type: text/plain\r\n\r\nfile\r\n--b--\r\n"
        )
        said = json.loads(self.post(lines.encode(), content_type="multipart/form-data; boundary=b").body)
        self.assertEqual((said["arguments"], said["files"]), (["0", "1"], {"f": [["a.txt", "file"]]}))

    def test_form_that_is_none_is_refused(self) -> None:
        """The connection goes on."""
        for body, kind in (
            (b"&".join(b"a=%d" % number for number in range(1001)), FORM["content_type"]),
            (b"--b", "multipart/form-data"),
        ):
            with self.subTest(kind=kind):
                self.assertEqual(self.post(body, content_type=kind).status, 400)

    def test_other_bodies_are_left_alone(self) -> None:
        """They are in ``request.body``."""
        said = json.loads(self.post(b'{"q": 1}', content_type="application/json").body)
        self.assertEqual((said["arguments"], said["length"]), (["0"], 8))


class AnswerTests(SynchronousTestCase):
    """What a handler writes by itself."""

    def raw(self, *pieces: bytes, method: str = "GET", version: str = "1.1") -> Client:
        """Return the client, after the answer of a handler that writes *pieces*."""
        served = Served((r"/raw", Raw, {"pieces": list(pieces)}))
        served.client.send(request(method, "/raw", version=version) + request("GET", "/lean/"))
        return served.client

    def test_answer_arrives_with_our_framing(self) -> None:
        """However it is cut into pieces; the next answer begins behind it."""
        data = b"HTTP/1.1 201 Made it\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello"
        for pieces in ([data], [data[:10], data[10:]], [data[at : at + 1] for at in range(len(data))]):
            first, second = self.raw(*pieces).answers()
            self.assertEqual((first.status, first.reason, first.fields["x-a"]), (201, "Made it", "b"))
            self.assertEqual((first.body, second.body), (b"hello", b"GET /lean/ "))

    def test_answer_without_length_is_divided_into_chunks(self) -> None:
        """So that the connection can go on."""
        first, second = self.raw(b"HTTP/1.1 200 OK\r\n\r\n", b"a", b"", b"b").answers()
        self.assertEqual((first.body, first.fields["transfer-encoding"]), (b"ab", "chunked"))
        self.assertEqual(second.body, b"GET /lean/ ")

    def test_what_is_beyond_the_length_is_no_next_answer(self) -> None:
        """It is dropped."""
        first, second = self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabHTTP/1.1 200 OK\r\n").answers()
        self.assertEqual((first.body, second.body), (b"a", b"GET /lean/ "))

    def test_answer_shorter_than_its_length_is_cut(self) -> None:
        """The client must not wait for the rest, nor take the next answer for it."""
        client = self.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        self.assertTrue(client.received().endswith(b"\r\n\r\nab"))
        self.assertTrue(client.half_closed)

    def test_answers_without_body_have_none(self) -> None:
        """To HEAD, and 204 and 304."""
        for method, status in (("HEAD", b"200 OK"), ("GET", b"204 No Content"), ("GET", b"304 Not Modified")):
            with self.subTest(status=status):
                client = self.raw(b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nab" % status, method=method)
                first, second = client.answers(method)
                self.assertEqual((first.status, first.body, second.body), (int(status[:3]), b"", b"GET /lean/ "))

    def test_close_ends_the_connection(self) -> None:
        """Whatever was sent behind the request."""
        client = self.raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na")
        (answer,) = client.answers()
        self.assertEqual((answer.body, answer.fields["connection"]), (b"a", "close"))

    def test_what_is_no_answer_becomes_an_error(self) -> None:
        """The client gets 500, the log the reason."""
        for head in (
            b"hello\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX\r\n A: b\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n",
            b"",
        ):
            with self.subTest(head=head):
                self.assertEqual(self.raw(head).answers()[0].status, 500)


class EndTests(SynchronousTestCase):
    """Who is told that a request is over."""

    def setUp(self) -> None:
        self.served = Served()
        self.served.client.send(request("GET", "/later"))
        (self.handler,) = self.served.held

    def test_finished_handler_is_told(self) -> None:
        """With ``None``, once."""
        self.assertEqual(self.handler.gone, [])
        self.handler.finish("x")
        self.assertEqual(self.handler.gone, [None])
        self.served.client.lose()
        self.assertEqual(len(self.handler.gone), 1)

    def test_handler_is_told_that_its_client_left(self) -> None:
        """With a reason; what it writes then goes nowhere, and is no error."""
        self.served.client.lose()
        (reason,) = self.handler.gone
        self.assertIn("closed", str(reason))
        self.handler.write("x")
        self.handler.finish()
        self.assertEqual(len(self.handler.gone), 1)

    def test_who_asks_late_is_told_at_once(self) -> None:
        """After the answer."""
        self.handler.finish("x")
        self.assertEqual(self.successResultOf(self.handler.notifyFinish()), None)

    def test_answer_that_is_complete_takes_no_more(self) -> None:
        """A bug of the handler's."""
        self.handler.finish("x")
        self.assertRaises(StateError, self.handler.request.connection.write, b"y")

    def test_handler_may_end_the_connection_late(self) -> None:
        """After its head is out, and behind what it wrote."""
        self.handler.write("x")
        self.handler.flush()
        self.handler.request.connection.no_keep_alive = True
        self.handler.finish()
        self.assertEqual(self.served.client.answers()[0].body, b"x")
        self.assertTrue(self.served.client.closed)


class TransportTests(SynchronousTestCase):
    """``request.connection.transport``."""

    def begun(self) -> tuple[Client, Later]:
        """Return a client, and the handler that has begun to answer it."""
        served = Served()
        served.client.send(request("GET", "/later"))
        served.held[0].flush()
        return served.client, served.held[0]

    def test_writes_a_part_of_the_answer(self) -> None:
        """Never past its framing."""
        client, handler = self.begun()
        transport = handler.request.connection.transport
        transport.write(b"a")
        transport.writeSequence([b"b", b"c"])
        handler.finish("d")
        self.assertEqual(client.answers()[0].body, b"abcd")

    def test_losing_it_ends_answer_and_connection(self) -> None:
        """In order: the client has a complete answer."""
        client, handler = self.begun()
        handler.request.connection.transport.write(b"a")
        handler.request.connection.transport.loseConnection()
        self.assertEqual((client.answers()[0].body, client.closed), (b"a", True))

    def test_aborting_it_cuts_the_answer(self) -> None:
        """It is not complete."""
        client, handler = self.begun()
        handler.request.connection.transport.abortConnection()
        self.assertFalse(client.received().endswith(b"0\r\n\r\n"))
        self.assertTrue(client.closed)

    def test_event_streams_of_cyclone_begin_and_end(self) -> None:
        """Its handler needs the transport and ``setRawMode``."""
        events: list[str] = []

        class Events(sse.SSEHandler):  # type: ignore[misc]
            def bind(self) -> None:
                events.append("bound")
                self.transport.write(b"data: 1\n\n")

            def unbind(self) -> None:
                events.append("unbound")

        served = Served((r"/sse", Events))
        served.client.send(request("GET", "/sse"))
        self.assertIn(b"data: 1\n\n", served.client.received())
        served.client.lose()
        self.assertEqual(events, ["bound", "unbound"])
        self.assertTrue(issubclass(Events, web.RequestHandler))
