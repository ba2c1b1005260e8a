# -*- test-case-name: tests.http.test_filebody -*-
"""Files as answers: which the reactor can send, and how."""

from __future__ import annotations

import errno
import gzip
import io
import os
import tempfile
from collections.abc import Callable
from typing import Any

from django.core.files import File
from django.core.files.base import ContentFile
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http import filebody
from sockjsd.http.exchange import Exchange, Phase
from sockjsd.http.filebody import PIECE, Extent, FileSender, FileWrapper, find_extent, read_cached
from sockjsd.http.headers import Headers
from sockjsd.http.rules import check
from tests.http.fakes import Wire

DATA = bytes(range(256)) * 2048  # 4 pieces


class FileTestCase(SynchronousTestCase):
    """A file."""

    def setUp(self) -> None:
        self.path = self.mktemp()
        with open(self.path, "wb") as file:
            file.write(DATA)

    def open(self, mode: str = "rb", buffering: int = -1) -> Any:
        """Open it, for the time of the test."""
        file = open(self.path, mode, buffering)  # noqa: SIM115  # closed with the test
        self.addCleanup(file.close)
        return file


class FileWrapperTests(FileTestCase):
    """What PEP 3333 says of it."""

    def test_wrapper_reads_blocks(self) -> None:
        """Of the size that was said, to the end."""
        blocks = list(FileWrapper(self.open(), 100_000))
        self.assertEqual([len(block) for block in blocks], [100_000] * 5 + [24_288])
        self.assertEqual(b"".join(blocks), DATA)

    def test_wrapper_closes_what_can_be_closed(self) -> None:
        """And has nothing to close where that cannot."""
        file = self.open()
        FileWrapper(file).close()
        self.assertTrue(file.closed)
        self.assertFalse(hasattr(FileWrapper(object()), "close"))


class FindTests(FileTestCase):
    """Which files can be sent by their descriptor."""

    def assert_found(self, filelike: Any, offset: int, length: int, declared: int | None = None) -> None:
        """It is *length* bytes at *offset*, which is what reading it gives."""
        extent = find_extent(filelike, declared)
        assert extent is not None
        self.assertEqual((extent.offset, extent.length), (offset, length))
        self.assertEqual(extent.read(), filelike.read(length))

    def test_regular_files_are_found(self) -> None:
        """However they were opened, and behind what lends itself their ``read``."""
        self.assert_found(self.open(), 0, len(DATA))
        self.assert_found(self.open("rb+"), 0, len(DATA))
        self.assert_found(self.open(buffering=0), 0, len(DATA))
        self.assert_found(File(self.open()), 0, len(DATA))
        self.assert_found(File(File(self.open())), 0, len(DATA))

    def test_temporary_file_is_found(self) -> None:
        """With what was written and not yet flushed."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"abc")
            file.seek(1)
            self.assert_found(file, 1, 2)
        with tempfile.TemporaryFile() as file:
            file.write(b"abcdef")
            file.seek(2)
            file.write(b"X")
            extent = find_extent(file, None)
            assert extent is not None
            self.assertEqual(extent.read(), b"def")
            file.seek(0)
            self.assertEqual(file.read(), b"abXdef")

    def test_part_begins_where_the_file_stands(self) -> None:
        """Also where it has read ahead; as long as declared, but not longer than it is."""
        file = self.open()
        file.read(10)
        self.assert_found(file, 10, 5, declared=5)
        self.assert_found(file, 15, len(DATA) - 15, declared=10**9)
        file.seek(10**9)
        self.assert_found(file, 10**9, 0)

    def test_others_are_not_found(self) -> None:
        """Those without a descriptor, those that give something else, pipes, devices, and whatever is no file."""
        with gzip.open(self.path + ".gz", "wb"):
            pass
        reading, writing = os.pipe()
        os.close(writing)

        class Upper(io.BufferedReader):
            def read(self, size: int | None = -1) -> bytes:
                return super().read(size).upper()

        class Sliced:
            def __init__(self, fileobj: Any) -> None:
                self.file = fileobj

            def read(self, size: int) -> bytes:
                return b"something else"

        files: list[Any] = [
            gzip.GzipFile(self.path + ".gz"),
            io.BufferedReader(gzip.GzipFile(self.path + ".gz")),  # type: ignore[arg-type]
            Upper(io.FileIO(self.path)),
            open(reading, "rb"),  # noqa: SIM115
            open("/dev/zero", "rb"),  # noqa: SIM115
            io.BytesIO(b"x"),
            ContentFile(b"x"),
            Sliced(self.open()),
        ]
        for file in files:
            with self.subTest(file=file):
                self.assertIsNone(find_extent(file, None))
                getattr(file, "close", file.read)(*() if hasattr(file, "close") else (0,))
        self.assertIsNone(find_extent(object(), None))

    def test_closed_file_is_the_sites_mistake(self) -> None:
        """It hears of it where it is."""
        file = self.open()
        file.close()
        with self.assertRaises(ValueError):
            find_extent(file, None)


class ReadTests(FileTestCase):
    """What is read without waiting."""

    def test_what_is_in_memory_is_read(self) -> None:
        """No more than asked for, no more than there is."""
        descriptor = self.open().fileno()
        os.pread(descriptor, len(DATA), 0)
        for size, length, expected in ((10, 100, DATA[5:15]), (100, 10, DATA[5:15]), (10, 0, b"")):
            data = read_cached(Extent(descriptor, 5, length), size)
            self.assertIn(data, (expected, None))  # None where the file system does not say what it has

    def test_what_would_have_to_wait_is_not_read(self) -> None:
        """Nor where the system cannot tell; a disk that fails is another matter."""
        answers = iter([errno.EAGAIN, errno.EOPNOTSUPP, errno.EIO])

        def preadv(*arguments: Any) -> int:
            raise OSError(next(answers), "no")

        self.patch(os, "preadv", preadv)
        self.patch(filebody, "_NOWAIT", 8)
        extent = Extent(0, 0, 10)
        self.assertIsNone(read_cached(extent, 10))
        self.assertIsNone(read_cached(extent, 10))
        with self.assertRaises(OSError):
            read_cached(extent, 10)
        self.patch(filebody, "_NOWAIT", None)
        self.assertIsNone(read_cached(extent, 10))


class SenderTests(FileTestCase):
    """The file on its way to a client; where it is read is decided by each test."""

    def setUp(self) -> None:
        super().setUp()
        self.wire = Wire()
        self.exchange = Exchange(check("GET", "/", "1.1", Headers.of([("Host", "a")])), self.wire)
        self.exchange.phase = Phase.RECEIVED
        self.turns: list[Callable[[], object]] = []
        self.reads: list[Callable[[], object]] = []
        self.ended = 0

    def sender(self, extent: Extent | None = None) -> FileSender:
        """Return the sender of a file, or of the one there is; the answer has begun."""
        extent = extent or Extent(self.open().fileno(), 0, len(DATA))
        self.exchange.start(200, length=extent.length)
        self.wire.sent = b""
        sender = FileSender(self.exchange, extent, self.turns.append, self.reads.append, self.end)
        self.exchange.on_gone = sender.gone
        return sender

    def end(self) -> None:
        """Count."""
        self.ended += 1

    def read_in_threads(self) -> None:
        """Nothing is in memory."""
        self.patch(filebody, "read_cached", lambda extent, size: None)

    def read_at_once(self) -> None:
        """Everything is."""
        self.patch(filebody, "read_cached", lambda extent, size: Extent(extent.descriptor, extent.offset, size).read())

    def run_all(self) -> int:
        """Let the reactor and the threads do all they have to do; return how often they had to."""
        count = 0
        while self.turns or self.reads:
            (self.turns or self.reads).pop(0)()
            count += 1
        return count

    def assert_sent(self) -> None:
        """All of it was, once, and nobody needs the file."""
        self.assertEqual(self.wire.sent, DATA)
        self.assertEqual((self.wire.done_with, self.ended), ([self.exchange], 1))

    def test_fast_client_gets_one_piece_a_turn(self) -> None:
        """So that others get theirs."""
        self.read_at_once()
        sender = self.sender()
        sender.drained()
        self.assertEqual(len(self.wire.sent), PIECE)
        self.assertEqual(self.run_all(), 4)
        self.assert_sent()

    def test_slow_client_gets_one_piece_each_time_it_has_room(self) -> None:
        """Nothing is read before."""
        self.read_at_once()
        sender = self.sender()
        self.wire.writable = False
        sender.drained()
        self.assertEqual(self.wire.sent, b"")
        for pieces in range(1, 5):
            self.wire.writable = True
            self.wire_fills_up()
            sender.drained()
            self.assertEqual((len(self.wire.sent), self.turns), (pieces * PIECE, []))
        self.assert_sent()

    def wire_fills_up(self) -> None:
        """The next piece fills the client's buffer."""
        send = Wire.send

        def send_and_fill(data: bytes) -> None:
            send(self.wire, data)
            self.wire.writable = False

        self.wire.send = send_and_fill  # type: ignore[method-assign]

    def test_slow_disk_is_read_in_threads(self) -> None:
        """One read at a time, whatever happens meanwhile."""
        self.read_in_threads()
        sender = self.sender()
        sender.drained()
        sender.drained()
        self.assertEqual((len(self.reads), self.turns), (1, []))
        self.run_all()
        self.assert_sent()

    def test_client_that_leaves_ends_it(self) -> None:
        """At once, where nothing is read; when the read has ended otherwise."""
        self.read_at_once()
        self.sender().drained()
        self.exchange.lost()
        self.run_all()
        self.assertEqual((len(self.wire.sent), self.ended), (PIECE, 1))

    def test_file_is_needed_while_it_is_read(self) -> None:
        """By a thread that does not know that the client has left."""
        self.read_in_threads()
        self.sender().drained()
        self.exchange.lost()
        self.assertEqual(self.ended, 0)
        self.run_all()
        self.assertEqual((self.wire.sent, self.ended), (b"", 1))

    def test_waiting_sender_ends_when_client_leaves(self) -> None:
        """Once."""
        self.read_at_once()
        sender = self.sender()
        self.wire.writable = False
        sender.drained()
        self.exchange.lost()
        sender.gone()
        self.assertEqual(self.ended, 1)

    def test_file_that_became_shorter_is_cut(self) -> None:
        """So that nobody takes the answer for complete; the log tells."""
        for prepare in (self.read_at_once, self.read_in_threads):
            with self.subTest(prepare=prepare):
                SenderTests.setUp(self)
                prepare()
                sender = self.sender()
                os.truncate(self.path, PIECE + 10)
                sender.drained()
                self.run_all()
                self.assertEqual((self.wire.sent, self.exchange.keep_alive), (DATA[: PIECE + 10], False))
                self.assertEqual((self.ended, len(self.flushLoggedErrors(EOFError))), (1, 1))

    def test_disk_that_fails_is_told_to_the_log(self) -> None:
        """The answer is cut."""

        def fail(*arguments: Any) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        for where in ("read_cached", "thread"):
            with self.subTest(where=where):
                SenderTests.setUp(self)
                sender = self.sender()
                self.read_in_threads()
                if where == "thread":
                    self.patch(os, "pread", fail)
                else:
                    self.patch(filebody, "read_cached", fail)
                sender.drained()
                self.run_all()
                self.assertEqual((self.wire.sent, self.exchange.keep_alive), (b"", False))
                self.assertEqual((self.ended, len(self.flushLoggedErrors(OSError))), (1, 1))

    def test_empty_file_is_sent(self) -> None:
        """Nothing to read."""
        self.sender(Extent(self.open().fileno(), 0, 0)).drained()
        self.assertEqual((self.wire.done_with, self.ended), ([self.exchange], 1))
