# -*- test-case-name: tests.functional.test_site_slow -*-
"""The Django site and clients that are slow, that leave, or that send and want very much."""

from __future__ import annotations

import json
import socket
import time
import zlib
from pathlib import Path
from threading import Thread

from tests.functional.daemon import Daemon
from tests.functional.site_case import GIB, KIB, MIB, THREADS, Client, SiteTestCase, until

#: Bytes by which the daemon may grow, whatever is sent through it.
GROWTH = 64 * MIB


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
        # One in each thread: at its end Django closes the thread's connection to the database.
        others = [Thread(target=self.ask, args=("/rows/?rows=1&pause=0.5",)) for _ in range(THREADS)]
        for other in others:
            other.start()
        for other in others:
            other.join()
        rows, german, english = (client.response.read() for client in clients)
        self.assertEqual([int(row) for row in rows.split()], list(range(1, 20001)))
        self.assertEqual((german[8 * MIB :], english[8 * MIB :]), (b"de UTC", b"en UTC"))
        self.assert_all_closed(3 + THREADS)


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


class PatienceTests(SiteTestCase):
    """Clients that stay and read nothing at all."""

    server = {"send_timeout": 1}

    def test_answers_that_nobody_reads_are_closed(self) -> None:
        """After ``send_timeout``, although the client does not leave; a client that reads a little is not cut."""
        for target in ("/file/", f"/parts/?size={GIB}", f"/whole/?size={8 * MIB}"):
            self.connect(target).begin()
        reading = self.connect(f"/parts/?size={GIB}").begin()

        def closed() -> bool:
            reading.read(256 * KIB)
            return len(self.events("generator closed")) == 1 and not self.spooled() and not self.sends_file()

        until(closed, "the answers to be closed")
        self.assertEqual(reading.read(8 * MIB), 8 * MIB)
        reading.leave()
        self.assert_all_closed(4)

    def sends_file(self) -> bool:
        """Return whether the daemon has the large file open."""
        return any(link.resolve() == self.folder / "big" for link in Path(f"/proc/{self.daemon.pid}/fd").iterdir())
