# -*- test-case-name: tests.functional.test_site -*-
"""The Django site through a real daemon: what it is told, how it answers, clients that are slow or leave."""

from __future__ import annotations

import http.client
import json
import os
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.functional.daemon import Daemon

SITE = Path(__file__).with_name("site")
FOLDER = "FUNCTIONAL_FOLDER"

KIB, MIB, GIB = 1024, 1024**2, 1024**3
#: Seconds in which anything here has to happen.
LIMIT = 30.0
#: Bytes by which the daemon may grow, whatever is sent through it.
GROWTH = 64 * MIB
#: Threads for views.
THREADS = 3


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until *condition* holds.

    :raises AssertionError: it does not within ``LIMIT``.
    """
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited too long for {what}")
        time.sleep(0.02)


class Client:
    """A client that reads only when it is told to.

    :param port: the daemon's.
    :param target: is asked for at once.
    """

    def __init__(self, port: int, target: str, method: str = "GET", **fields: str) -> None:
        self._socket = socket.socket()
        # Small, so that the daemon notices soon that nobody reads.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * KIB)
        self._socket.settimeout(LIMIT)
        self._socket.connect(("127.0.0.1", port))
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        self._socket.sendall(f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode())
        self.response = http.client.HTTPResponse(self._socket, method=method)

    def begin(self) -> Client:
        """Read the head of the answer."""
        self.response.begin()
        return self

    def read(self, size: int) -> int:
        """Read *size* bytes of the body, or to its end; return how many there were."""
        count = 0
        while count < size and (data := self.response.read(min(size - count, MIB))):
            count += len(data)
        return count

    def leave(self) -> None:
        """Go away."""
        self.response.close()
        self._socket.close()


class SiteTestCase(SynchronousTestCase):
    """A daemon with the site that answers in every way."""

    #: Options of ``[site]`` and ``[server]`` that differ from the defaults.
    site: dict[str, object] = {}
    server: dict[str, object] = {}

    def setUp(self) -> None:
        """Start it."""
        site = {"settings": "functional_site.full_settings", "python_path": SITE, "threads": THREADS, **self.site}
        self.daemon = Daemon({"server": self.server, "site": site})
        self.addCleanup(self.daemon.close)
        self.folder = self.daemon.folder / "site"
        (self.folder / "static").mkdir(parents=True)
        (self.folder / "static" / "page.css").write_bytes(b"0123456789" * 100)
        with (self.folder / "big").open("wb") as file:
            file.truncate(GIB)  # takes no room
        self.daemon.environment |= {FOLDER: str(self.folder), "TMPDIR": str(self.folder)}
        self.daemon.start()

    def connect(self, target: str, method: str = "GET", **fields: str) -> Client:
        """Ask for *target*; the answer is not read."""
        client = Client(self.daemon.port, target, method, **fields)
        self.addCleanup(client.leave)
        return client

    def ask(
        self, target: str, method: str = "GET", body: Any = None, **fields: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Return an answer and its body."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)) as connection:
            connection.request(method, target, body, {name.replace("_", "-"): value for name, value in fields.items()})
            response = connection.getresponse()
            return response, response.read()

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return what the site has written down of *event* so far."""
        file = self.folder / "events"
        lines = file.read_text().splitlines() if file.exists() else []
        return [found for found in map(json.loads, lines) if found["event"] == event]

    def spooled(self) -> list[int]:
        """Return the sizes of all files without a name that the daemon has open."""
        sizes = []
        for link in Path(f"/proc/{self.daemon.pid}/fd").iterdir():
            try:
                if "(deleted)" in os.readlink(link):
                    sizes.append(link.stat().st_size)
            except FileNotFoundError:  # closed meanwhile
                continue
        return sizes

    def assert_all_closed(self, requests: int) -> None:
        """Each response was closed, and each request finished, once."""
        until(lambda: len(self.events("finished")) >= requests, "requests to finish")
        until(lambda: not self.spooled(), "temporary files to go")
        self.assertEqual((len(self.events("closed")), len(self.events("finished"))), (requests, requests))
        self.assertNotIn("Traceback", self.daemon.log())


class Memory:
    """The most memory that the daemon takes at a time, in bytes, from now on."""

    def __init__(self, daemon: Daemon) -> None:
        self._folder = Path(f"/proc/{daemon.pid}")
        (self._folder / "clear_refs").write_text("5")  # forget the highest so far
        self._begun = self._peak()

    def growth(self) -> int:
        """Return by how much it has grown."""
        return self._peak() - self._begun

    def _peak(self) -> int:
        status = (self._folder / "status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * KIB


class MemoryTests(SiteTestCase):
    """What goes through the daemon does not stay in its memory."""

    def test_upload_of_a_gigabyte(self) -> None:
        """With its length; the disk is free again when it was read."""
        memory = Memory(self.daemon)
        block = bytes(MIB)
        response, body = self.ask("/swallow/", "POST", (block for _ in range(KIB)), Content_Length=str(GIB))
        self.assertEqual(response.status, 200)
        self.assertEqual(json.loads(body)["size"], GIB)
        self.assertLess(memory.growth(), GROWTH)
        self.assert_all_closed(1)

    def test_upload_in_chunks(self) -> None:
        """Nobody said how much would come."""
        memory = Memory(self.daemon)
        block = bytes(range(256)) * 4 * KIB
        response, body = self.ask("/swallow/", "POST", (block for _ in range(256)))  # http.client sends chunks
        checksum = 0
        for _ in range(256):
            checksum = zlib.crc32(block, checksum)
        self.assertEqual((response.status, json.loads(body)), (200, {"size": 256 * MIB, "crc32": checksum}))
        self.assertLess(memory.growth(), GROWTH)
        self.assert_all_closed(1)

    def test_file_of_a_gigabyte(self) -> None:
        """For a client that reads slowly, then as fast as it can."""
        self.download("/file/")

    def test_generator_of_a_gigabyte(self) -> None:
        """Likewise; it makes no more than was read."""
        self.download(f"/parts/?size={GIB}&part={256 * KIB}")

    def download(self, target: str) -> None:
        """Read slowly for two seconds, then all of it."""
        memory = Memory(self.daemon)
        client = self.connect(target).begin()
        count = 0
        for _ in range(40):
            count += client.read(16 * KIB)
            time.sleep(0.05)
        self.assertLess(memory.growth(), GROWTH)
        self.assertEqual(count + client.read(GIB), GIB)
        self.assertLess(memory.growth(), GROWTH)
        self.assert_all_closed(1)

    def test_large_complete_answers_for_slow_clients(self) -> None:
        """Each is made in memory, and waits on disk."""
        memory = Memory(self.daemon)
        size = 16 * MIB
        clients = [self.connect(f"/whole/?size={size}").begin() for _ in range(20)]
        self.assertLess(memory.growth(), GROWTH + THREADS * size)  # 320 MiB are waiting
        self.assertEqual({client.read(size) for client in clients}, {size})
        self.assert_all_closed(20)


class SlowClientTests(SiteTestCase):
    """Clients that do not read hold no thread."""

    site = {"queue": 10}
    server = {"send_timeout": "10min"}  # they are not cut

    def test_others_are_answered_while_slow_clients_hang(self) -> None:
        """A hundred more than there are threads, whatever they have asked for; then all of them leave."""
        targets = ["/file/", f"/parts/?size={GIB}", f"/whole/?size={8 * MIB}"]
        slow = [self.connect(target).begin() for target in targets for _ in range((THREADS + 100) // 3 + 1)]
        for _ in range(3):
            self.assertEqual(self.ask("/hello/")[1], b"hello\n")
        self.assertEqual(len([event for event in self.events("closed") if event["path"] != "/whole/"]), 3)
        self.assertEqual(slow[0].read(4 * MIB), 4 * MIB)
        self.assertEqual(slow[len(slow) // 2].read(4 * MIB), 4 * MIB)
        for client in slow:
            client.leave()
        self.assert_all_closed(len(slow) + 3)
        self.assertEqual(len(self.events("generator closed")), len(slow) // 3)

    def test_stream_goes_on_when_its_client_reads(self) -> None:
        """All of it arrives, from whichever threads: with the same query, language and time zone."""
        clients = [
            self.connect("/rows/?rows=20000"),
            self.connect(f"/language/?size={8 * MIB}", Accept_Language="de"),
            self.connect(f"/language/?size={8 * MIB}", Accept_Language="en"),
        ]
        for client in clients:
            client.begin()
        for _ in range(2 * THREADS):  # each would close the thread's connection to the database
            self.ask("/rows/?rows=1")
        rows, german, english = (client.response.read() for client in clients)
        self.assertEqual([int(row) for row in rows.split()], list(range(1, 20001)))
        self.assertEqual((german[8 * MIB :], english[8 * MIB :]), (b"de UTC", b"en UTC"))
        self.assert_all_closed(3 + 2 * THREADS)


class BoundTests(SiteTestCase):
    """What is bounded, and free again."""

    site = {"queue": 0, "streams": 1, "spool_limit": "1MiB", "body_limit": "16MiB"}

    def test_streams_beyond_their_number_keep_their_threads(self) -> None:
        """Until nobody more is let in; they are the site's again when the clients have left."""
        slow: list[Client] = []
        until(lambda: self.is_let_in(slow) and len(slow) == 1 + THREADS, "as many streams as there may be")
        until(lambda: self.ask("/hello/")[0].status == 503, "the threads to be taken")
        for client in slow:
            client.leave()
        until(lambda: self.ask("/hello/")[0].status == 200, "the threads to be free")
        until(lambda: len(self.events("generator closed")) == len(slow), "the generators to be closed")

    def is_let_in(self, slow: list[Client]) -> bool:
        """Ask for one stream more; the first one needs a moment to leave its thread."""
        client = self.connect(f"/parts/?size={GIB}").begin()
        if client.response.status == 200:
            slow.append(client)
        return client.response.status == 200

    def test_uploads_together_are_bounded(self) -> None:
        """503 beyond; the room is free when the first one was answered, or its client has left."""
        with socket.create_connection(("127.0.0.1", self.daemon.port)) as first:
            head = f"POST /swallow/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {600 * KIB}\r\n\r\n"
            first.sendall(head.encode() + bytes(599 * KIB))
            until(lambda: sum(self.spooled()) > 500 * KIB, "the room to be taken")
            self.assertEqual(self.upload(600 * KIB), 503)
            self.assertEqual(self.upload(10 * KIB), 200)  # stays in memory
        until(lambda: self.upload(600 * KIB) == 200, "the room to be free")
        self.assertEqual([self.upload(1000 * KIB) for _ in range(3)], [200] * 3)
        self.assertEqual(self.upload(1100 * KIB), 503)
        until(lambda: not self.spooled(), "temporary files to go")

    def upload(self, size: int) -> int:
        """Return the status of an upload of *size* bytes."""
        return self.ask("/swallow/", "POST", bytes(size))[0].status

    def test_large_answer_that_finds_no_room_waits_in_memory(self) -> None:
        """It is sent all the same; the log tells."""
        self.assertEqual(len(self.ask(f"/whole/?size={4 * MIB}")[1]), 4 * MIB)
        self.assertIn("waits in memory", self.daemon.log())


class LeavingTests(SiteTestCase):
    """Clients that leave: everything is closed, once, although no thread is free."""

    server = {"send_timeout": "10min"}

    def test_everything_is_closed_when_clients_leave(self) -> None:
        """While all threads are at work for somebody else."""
        targets = ["/file/", "/part/?from=0&length=100000000", f"/temporary/?size={8 * MIB}", f"/parts/?size={GIB}"]
        targets += ["/rows/?rows=100000", f"/whole/?size={8 * MIB}"]
        clients = [self.connect(target).begin() for target in targets]
        self.assertEqual({client.read(10 * KIB) for client in clients}, {10 * KIB})
        busy = [Thread(target=self.ask, args=("/slow/?seconds=4",)) for _ in range(THREADS)]
        for thread in busy:
            thread.start()
        time.sleep(0.5)
        for client in clients:
            client.leave()
        until(lambda: len(self.events("finished")) == len(targets), "what was left to be closed")
        self.assertNotIn("/slow/", [event["path"] for event in self.events("closed")])  # they are still at work
        for thread in busy:
            thread.join()
        self.assert_all_closed(len(targets) + THREADS)
        self.assertEqual(list(self.folder.glob("temporary-*")), [])

    def test_client_that_leaves_a_pausing_stream(self) -> None:
        """The generator is closed as soon as it makes its next part: nobody can stop a thread."""
        client = self.connect("/parts/?size=1000000&part=10&pause=0.2").begin()
        client.read(10)
        client.leave()
        until(lambda: len(self.events("generator closed")) == 1, "the generator to be closed")
        self.assert_all_closed(1)

    def test_daemon_that_stops_closes_what_hangs(self) -> None:
        """Streams and files of clients that do not read are cut; the process ends in order."""
        daemon = self.daemon
        for target in ("/file/", f"/parts/?size={GIB}"):
            self.connect(target).begin()
        daemon.signal_stop()
        until(lambda: "Stopping:" in daemon.log(), "the drain")
        self.assertEqual(daemon.stop(), 0, daemon.log())
        self.assertEqual((len(self.events("generator closed")), len(self.events("finished"))), (1, 2))


class AnswerTests(SiteTestCase):
    """Everything that Django can answer, as a client gets it."""

    def test_files(self) -> None:
        """Whole, in part, temporary, packed: what reading them would give."""
        response, body = self.ask("/part/?from=1000&length=3000000")
        self.assertEqual((response.status, response.headers["Content-Length"], len(body)), (206, "3000000", 3000000))
        for size in (0, 1, 100_000, 3 * MIB):
            self.assertEqual(self.ask(f"/temporary/?size={size}")[1], b"t" * size)
        self.assertEqual(self.ask("/packed/")[1], b"unpacked " * 1000)
        self.assert_all_closed(6)
        self.assertEqual(list(self.folder.glob("temporary-*")), [])

    def test_file_that_is_shorter_than_it_says(self) -> None:
        """Is cut, so that nobody takes it for complete."""
        client = self.connect(f"/part/?from={GIB - 3 * MIB}&length={4 * MIB}").begin()
        with self.assertRaises(http.client.IncompleteRead):
            client.response.read()
        self.assert_all_closed(1)

    def test_streams(self) -> None:
        """Also those whose iterator is asynchronous."""
        self.assertEqual(self.ask("/parts/?size=1000&part=10")[1], bytes(1000))
        response, body = self.ask("/asynchronous/")
        self.assertEqual((body, response.headers["Transfer-Encoding"]), (b"onetwothree", "chunked"))
        until(lambda: len(self.events("finished")) == 2, "requests to finish")

    def test_whole_answers(self) -> None:
        """Of all sizes around those at which they are sent in another way."""
        for size in (0, 1, 64 * KIB, MIB, MIB + 1, 5 * MIB):
            response, body = self.ask(f"/whole/?size={size}")
            self.assertEqual((len(body), response.headers["Content-Length"]), (size, str(size)))
        self.assert_all_closed(6)

    def test_stream_that_fails(self) -> None:
        """Before its first part it is 500; after it, it is cut."""
        self.assertEqual(self.ask("/broken/?size=0")[0].status, 500)
        client = self.connect(f"/broken/?size={MIB}").begin()
        with self.assertRaises(http.client.IncompleteRead):
            client.response.read()
        until(lambda: len(self.events("finished")) == 2, "requests to finish")
        self.assertEqual(self.daemon.log().count("ZeroDivisionError: secret"), 2, self.daemon.log())

    def test_head_is_that_of_get_without_body(self) -> None:
        """For every kind of answer, on one connection; nothing is read or made."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)
        self.addCleanup(connection.close)
        for target, length in (
            ("/file/", str(GIB)),
            ("/whole/?size=5000000", "5000000"),
            (f"/parts/?size={GIB}", None),
            ("/hello/", "6"),
        ):
            connection.request("HEAD", target)
            response = connection.getresponse()
            self.assertEqual((response.status, response.headers["Content-Length"], response.read()), (200, length, b""))
        self.assert_all_closed(4)
        self.assertEqual(self.events("generator closed"), [])

    def test_answers_without_body(self) -> None:
        """On one connection, which they must not confuse."""
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=LIMIT)
        self.addCleanup(connection.close)
        for target, status in (
            ("/status/204/", 204),
            ("/status/204/?size=5", 204),
            ("/status/304/?size=5", 304),
            ("/dated/", 304),
            ("/hello/", 200),
        ):
            connection.request("GET", target, headers={"If-Modified-Since": "Thu, 02 Jan 2020 00:00:00 GMT"})
            response = connection.getresponse()
            self.assertEqual(response.status, status)
            self.assertEqual(response.read(), b"hello\n" if status == 200 else b"")
        self.assert_all_closed(5)

    def test_status_that_announces_another_answer_is_a_failure(self) -> None:
        """100 to 199 would make the client wait for it."""
        for status in (100, 103, 199):
            self.assertEqual(self.ask(f"/status/{status}/")[0].status, 500)

    def test_cookies_are_fields_of_their_own(self) -> None:
        """They cannot be joined."""
        response, _ = self.ask("/cookies/")
        self.assertEqual(
            [value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", [])], ["a=1", "b=2"]
        )

    def test_static_files_and_ranges(self) -> None:
        """By WhiteNoise."""
        body = (self.folder / "static" / "page.css").read_bytes()
        response, whole = self.ask("/static/page.css")
        self.assertEqual((response.status, whole), (200, body))
        response, part = self.ask("/static/page.css", Range="bytes=5-14")
        self.assertEqual((response.status, part), (206, b"5678901234"))
        self.assertEqual(response.headers["Content-Range"], f"bytes 5-14/{len(body)}")
        response, _ = self.ask("/static/page.css", If_Modified_Since=response.headers["Last-Modified"])
        self.assertEqual(response.status, 304)
        self.assertEqual(self.ask("/static/page.css", Range="bytes=5000-")[0].status, 416)


class RequestTests(SiteTestCase):
    """What the site is told."""

    def meta(self, head: bytes) -> dict[str, Any]:
        """Send a whole request and return what the site was told of it."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), LIMIT) as connection:
            connection.sendall(head)
            response = http.client.HTTPResponse(connection)
            response.begin()
            self.assertEqual(response.status, 200)
            self.port = connection.getsockname()[1]
            told: dict[str, Any] = json.loads(response.read())
            return told

    def test_names_that_could_pass_for_others_reach_no_view(self) -> None:
        """Whatever their case; what a proxy says counts only from a trusted one."""
        told = self.meta(
            b"GET /meta/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX_Forwarded_For: 192.0.2.1\r\nx_forwarded_proto: https\r\n"
            b"X-Forwarded_Host: evil.example\r\nContent_Length: 5\r\nREMOTE_USER: root\r\nProxy: http://evil\r\n"
            b"PROXY: http://evil\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Mine: yes\r\n\r\n"
        )
        names = sorted(name for name in told["META"] if name.startswith("HTTP_"))
        self.assertEqual(names, ["HTTP_HOST", "HTTP_X_MINE"])
        self.assertNotIn("REMOTE_USER", told["META"])
        self.assertEqual((told["META"]["REMOTE_ADDR"], told["secure"]), ("127.0.0.1", False))

    def test_environ_is_that_of_the_specification(self) -> None:
        """PEP 3333; repeated fields are joined, cookies so that they stay apart."""
        told = self.meta(
            b"GET /meta/%C3%A9%2F?a=%20 HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nX-Two: a\r\nX-Two: b\r\n"
            b"Cookie: a=1\r\nCookie: b=2\r\n\r\n".replace(b"/meta/%C3%A9%2F", b"/meta/")
        )
        meta = told["META"]
        self.assertEqual(told["cookies"], {"a": "1", "b": "2"})
        self.assertEqual(
            {
                name: meta[name]
                for name in (
                    "SCRIPT_NAME",
                    "PATH_INFO",
                    "QUERY_STRING",
                    "REMOTE_ADDR",
                    "REMOTE_PORT",
                    "SERVER_NAME",
                    "SERVER_PORT",
                    "SERVER_PROTOCOL",
                    "wsgi.url_scheme",
                    "HTTP_X_TWO",
                    "CONTENT_LENGTH",
                )
            },
            {
                "SCRIPT_NAME": "",
                "PATH_INFO": "/meta/",
                "QUERY_STRING": "a=%20",
                "REMOTE_ADDR": "127.0.0.1",
                "REMOTE_PORT": str(self.port),
                "SERVER_NAME": "127.0.0.1",
                "SERVER_PORT": str(self.daemon.port),
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.url_scheme": "http",
                "HTTP_X_TWO": "a,b",
                "CONTENT_LENGTH": "0",
            },
        )

    def test_client_that_waits_for_the_word_is_told_to_go_on(self) -> None:
        """``100 Continue`` before the body, and the answer after it."""
        with socket.create_connection(("127.0.0.1", self.daemon.port), LIMIT) as connection:
            connection.sendall(
                b"POST /swallow/ HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            )
            self.assertEqual(connection.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"abc")
            response = http.client.HTTPResponse(connection)
            response.begin()
            self.assertEqual(json.loads(response.read())["size"], 3)
