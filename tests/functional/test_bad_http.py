# -*- test-case-name: tests.functional.test_bad_http -*-
"""What we do with bad requests, on the wire: each row of the tables, in every way in which the daemon can be reached.

After each test nothing is left of its clients in the daemon.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable
from contextlib import ExitStack
from uuid import uuid4

from tests.functional import bad_input
from tests.functional.bad_input import HELLO, LIVE, SESSION, Row, chunked, handshake, request, sized
from tests.functional.smuggling import BEHIND, TRICKS, Trick
from tests.functional.wire import PROXY_1, PROXY_2, WAYS, Line, client_hello
from tests.functional.wire_cases import ProxiedTestCase, WireTestCase, differing, impatient, named, places, statuses

#: Seconds between two bytes that drip.
DRIP = 0.05


class TableTests(WireTestCase):
    """Every row, on every kind of endpoint string: status by status, and whether the connection ends."""

    def test_requests_over_tcp(self) -> None:
        """``tcp:``."""
        self.assert_each("tcp", bad_input.HTTP)

    def test_requests_over_a_unix_socket(self) -> None:
        """``unix:``."""
        self.assert_each("unix", bad_input.HTTP)

    def test_requests_over_tls(self) -> None:
        """``ssl:``."""
        self.assert_each("ssl", bad_input.HTTP)

    def test_requests_behind_proxy_protocol(self) -> None:
        """``haproxy:``, both versions."""
        self.assert_each("haproxy, v1", bad_input.HTTP)
        self.assert_nothing_left()  # else there is no room for the next ones
        self.assert_each("haproxy, v2", bad_input.HTTP)

    def test_requests_byte_by_byte(self) -> None:
        """The same; what is endless, or has to come at once with its body, is sent whole above."""
        rows = (row for row in bad_input.HTTP if row not in bad_input.EXPECTATIONS)
        short = [row for row in rows if len(row.data) < 10_000]
        self.assertGreater(len(short), 200)
        self.assert_each("tcp", short, Line.send_bytewise)

    def test_tables_are_large(self) -> None:
        """A row that was lost would not be missed otherwise."""
        self.assertGreater(len(bad_input.HTTP), 200)
        self.assertEqual(len(TRICKS), len({trick.name for trick in TRICKS}))


class ProxyHeaderTests(WireTestCase):
    """What stands before a request on ``haproxy:``."""

    def test_bad_headers_end_the_connection(self) -> None:
        """Without a word: whoever it is does not speak HTTP yet."""
        for row in bad_input.PROXY_HEADERS:
            with self.target.connect("haproxy") as connection:
                line = Line(connection)
                line.send(row.data + LIVE)
                self.assertEqual((), statuses(line.answers()), str(row))

    def test_header_without_address_is_welcome(self) -> None:
        """HAProxy's own checks have none."""
        for header in bad_input.PROXY_HEADERS_WITHOUT_ADDRESS:
            with self.target.connect("haproxy") as connection:
                line = Line(connection)
                line.send(header + LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                self.assertEqual((200,), statuses(line.answers()), header)

    def test_second_header_is_a_bad_request(self) -> None:
        """A client's own, behind that of the proxy."""
        for way in ("haproxy, v1", "haproxy, v2"):
            for header in (PROXY_1, PROXY_2):
                self.assert_each(way, [Row("second header", header + LIVE, (400,))])


class TLSTests(WireTestCase):
    """What is no TLS."""

    def test_requests_in_plain_text_end_the_connection(self) -> None:
        """Whatever TLS says to that, it is no HTTP."""
        for data in (LIVE, b"\x16\x03\x01\x00\x05xxxxx", b"\x80" * 100, bytes(100)):
            with self.target.connect("ssl") as connection:
                line = Line(connection)
                line.send(data)
                self.assertNotIn(b"HTTP/1.1", line.read_rest(), data)


class StalledTests(WireTestCase):
    """Clients that do not go on."""

    shared = impatient

    def test_stalled_requests_are_refused(self) -> None:
        """All of them at the same time, on every kind of endpoint string."""
        wrong = []
        with ExitStack() as stack:
            lines = []
            for way in WAYS:
                for row in bad_input.STALLED:
                    line = stack.enter_context(self.target.line(way))
                    line.send(named(row.data))
                    lines.append((way, row, line))
            for way, row, line in lines:
                wrong.append(differing(f"{way}: {row}", row.statuses, statuses(line.answers())))
        self.assertEqual("", "\n".join(filter(None, wrong)))

    def test_clients_that_never_get_to_a_request_are_cut(self) -> None:
        """Half of what has to stand before it, or nothing."""
        hello = client_hello()
        beginnings = [("ssl", hello[:size]) for size in (0, 1, 100, len(hello) - 1)]
        beginnings += [("haproxy", header[:size]) for header in (PROXY_1, PROXY_2) for size in (0, 1, 10, 20)]
        with ExitStack() as stack:
            lines = []
            for way, data in beginnings:
                line = Line(stack.enter_context(self.target.connect(way)))
                line.send(data)
                lines.append(line)
            for line in lines:
                with contextlib.suppress(ConnectionResetError):
                    self.assertEqual(b"", line.read_rest())

    def test_dripping_requests_are_refused(self) -> None:
        """However steadily a head drips; a body may."""
        with ExitStack() as stack:
            lines = []
            for way in WAYS:
                for row in bad_input.DRIPPING:
                    line = stack.enter_context(self.target.line(way))
                    line.send(named(row.data))
                    lines.append((way, row, line))
            self._drip([(named(row.then), line) for _, row, line in lines])
            wrong = [differing(f"{way}: {row}", row.statuses, statuses(line.answers())) for way, row, line in lines]
        self.assertEqual("", "\n".join(filter(None, wrong)))

    def _drip(self, all_lines: list[tuple[bytes, Line]]) -> None:
        """Send to each line until it ends; a minute is more than the least patient and the longest row need."""
        for at in range(round(60 / DRIP)):
            lines = [(data, line) for data, line in all_lines if not line.ended()]
            if not lines:
                return
            for data, line in lines:
                line.send(data[at : at + 1])
            time.sleep(DRIP)
        self.fail(f"{len(lines)} connections are still open")


class LeavingTests(WireTestCase):
    """Clients that leave, wherever they are."""

    REQUESTS = (
        sized(bad_input.MESSAGE_TO, '["x"]'),
        request(bad_input.POLL) + sized(bad_input.MESSAGE_TO, '["x"]'),
        chunked("POST /hello/", "1\r\nx\r\n0\r\n\r\n"),
        request("POST /hello/", "Expect: 100-continue", "Content-Length: 3", body="xyz"),
        handshake("/hello/") + HELLO,
        request(f"POST /echo/000/{SESSION}/xhr_streaming"),
    )

    def test_nothing_is_left_when_clients_leave(self) -> None:
        """Behind each byte of a request."""
        self._leave(rudely=False)

    def test_nothing_is_left_when_clients_crash(self) -> None:
        """The same, with a reset."""
        self._leave(rudely=True)

    def test_nothing_is_left_when_clients_leave_in_a_body_on_disk(self) -> None:
        """Its file is closed."""
        data = sized("POST /hello/", "x" * 50_000)
        for way in WAYS:
            for size in (1500, 20_000, len(data) - 1, len(data)):
                for rudely in (False, True):
                    with self.target.line(way) as line:
                        line.send(data[:size])
                        line.leave(rudely=rudely)

    def test_nothing_is_left_when_clients_leave_before_a_request(self) -> None:
        """Behind each byte of PROXY's header and of TLS's greeting."""
        for way, data in (("haproxy", PROXY_1), ("haproxy", PROXY_2), ("ssl", client_hello())):
            for size in range(len(data) + 1):
                with self.target.connect(way) as connection:
                    connection.sendall(data[:size])
                    Line(connection).leave(rudely=bool(size % 2))

    def _leave(self, *, rudely: bool) -> None:
        for way in WAYS:
            for number, data in enumerate(self.REQUESTS):
                whole = data.replace(SESSION.encode(), f"{way[-1]}{number}{rudely:d}".encode())
                for size in places(way, whole):
                    with self.target.line(way) as line:
                        line.send(whole[:size])
                        line.leave(rudely=rudely)


class NamesTests(WireTestCase):
    """Names of fields by which a client would speak as a proxy, or as the environment."""

    #: Whoever stands in front.
    NAMES = (
        "X_Forwarded_For X_Forwarded-For X-Forwarded_For x_forwarded_for X_Forwarded_Proto X_Forwarded_Host X_Real_IP "
        "Proxy PROXY proxy Content_Length Content_Type Transfer_Encoding Remote_User Server_Name Host_"
    ).split()
    #: From whom nobody believes it.
    CLAIMS = "X-Forwarded-For X-Forwarded-Proto X-Forwarded-Host X-Real-IP Forwarded".split()

    def environ(self, line: Line, *fields: str) -> dict[str, str]:
        """Return what the site is told of a request with these fields."""
        line.send(request("GET /environ/", *fields, "Connection: close"))
        (answer,) = line.answers()
        found: dict[str, str] = json.loads(answer.body)
        return found

    def assert_hidden(self, line: Line, names: Iterable[str]) -> None:
        """A view sees nothing of them, and all of an honest one before and behind them."""
        fields = ["X-Honest: yes", *(f"{name}: evil" for name in names), "X-Last: yes"]
        found = self.environ(line, *fields)
        self.assertEqual(("yes", "yes"), (found["HTTP_X_HONEST"], found["HTTP_X_LAST"]))
        self.assertEqual({}, {name: value for name, value in found.items() if "evil" in value})
        self.assertNotIn("HTTP_PROXY", found)

    def test_view_sees_none_of_them(self) -> None:
        """In every way."""
        for way in WAYS:
            with self.target.line(way) as line:
                self.assert_hidden(line, (*self.NAMES, *self.CLAIMS))


class ProxiedNamesTests(ProxiedTestCase, NamesTests):
    """The same with HAProxy in front."""

    def test_view_sees_none_of_them(self) -> None:
        """HAProxy lets them pass."""
        with self.through() as line:
            self.assert_hidden(line, self.NAMES)

    def test_view_sees_what_haproxy_says(self) -> None:
        """Not what the client does, under any name."""
        claims = [f"{name}: 192.0.2.1" for name in self.NAMES if "For" in name]
        with self.through() as line:
            found = self.environ(line, "X-Forwarded-For: 192.0.2.1", *claims, "X_Forwarded_Proto: https")
        self.assertEqual(("127.0.0.1", "http"), (found["HTTP_X_FORWARDED_FOR"], found["HTTP_X_FORWARDED_PROTO"]))
        self.assertNotIn("192.0.2.1", found.values())


class SmugglingTests(ProxiedTestCase):
    """A second request hidden in the first one's body."""

    def setUp(self) -> None:
        super().setUp()
        self.before = len(self.target.notes())

    def noted(self) -> list[str]:
        """Return what was executed in this test of all that was hidden."""
        return self.target.notes()[self.before :]

    def rows(self, tricks: Iterable[Trick]) -> list[Row]:
        """Return *tricks* as they are sent, each with a request to note its name."""
        return [
            Row(trick.name, trick.sent(hidden(trick)), trick.directly, trick.directly != (200,)) for trick in tricks
        ]

    def test_hidden_request_is_not_executed(self) -> None:
        """By the daemon alone, in every way; each trick gets its answer."""
        for way in WAYS:
            self.assert_each(way, self.rows((*TRICKS, *BEHIND)))
        self.assert_nothing_left()
        self.assertEqual([], self.noted())

    def test_hidden_request_is_not_executed_behind_haproxy(self) -> None:
        """Whichever of the two refuses; and who comes next gets answers of its own."""
        with ExitStack() as stack:
            lines = []
            for row in self.rows(TRICKS):
                line = stack.enter_context(self.through())
                line.send(row.data)
                lines.append((row, line))
            for row, line in lines:
                self.assertIsNotNone(line.answer(), f"no answer: {row}")
            for _ in lines:
                self.assert_answers_are_its_own()
        self.assert_nothing_left()
        self.assertEqual([], self.noted())

    def assert_answers_are_its_own(self) -> None:
        """Somebody else's requests, which HAProxy may send over any connection it has."""
        name = uuid4().hex
        with self.through() as line:
            for number in range(2):
                line.send(request(f"GET /environ/?{name}{number}"))
                answer = line.answer()
                assert answer is not None
                self.assertIn(f"{name}{number}".encode(), answer.body)

    def test_nothing_is_executed_that_haproxy_has_not_seen(self) -> None:
        """A request that is behind another one for HAProxy goes through it: it carries HAProxy's own field."""
        for trick in BEHIND:
            with self.through() as line:
                line.send(trick.sent(hidden(trick)) + request("GET /live", "Connection: close"))
                self.assertGreater(len(line.answers()), 0, trick.name)
        self.assertNotEqual([], self.noted())
        self.assertEqual([], [note for note in self.noted() if not note.endswith(" 127.0.0.1")])

    def test_request_that_is_not_hidden_is_executed(self) -> None:
        """Else nothing here would prove anything."""
        with self.target.line("tcp") as line, self.through() as proxied:
            for each in (line, proxied):
                each.send(HELLO + hidden(TRICKS[0]).encode())
                self.assertEqual((200, 200), statuses([each.answer(), each.answer()]))
        self.assertEqual(["CL.TE", "CL.TE 127.0.0.1"], self.noted())


def hidden(trick: Trick) -> str:
    """Return the request that is hidden by *trick*."""
    name = trick.name.replace(" ", "-").replace("/", "-")
    return f"GET /note/?{name} HTTP/1.1\r\nHost: localhost\r\n\r\n"
