# -*- test-case-name: tests.http.test_filebody -*-
"""An answer that is a file: sent by the reactor, read in pieces when the client has room for one.

A piece that the system has in memory is read at once.  One that has to come from a disk
is read in a thread, so that no disk and no network file system ever holds the reactor.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.http.exchange import Exchange

#: Bytes read at once: more than the 64 KiB at which a transport calls its buffer full, and less
#: than a tenth of a millisecond of the reactor's time.
PIECE = 128 * 1024

#: Reads only what is in memory already; Linux has it.
_NOWAIT = getattr(os, "RWF_NOWAIT", None)

#: Classes whose ``read`` gives what is in the file.  Others (``GzipFile`` is one) may tell a
#: descriptor, and read something else from it.
_BUFFERED = (io.BufferedReader, io.BufferedRandom)

#: Errors that say: not at once, or not in this file system.
_ELSEWHERE = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})

Call = Callable[[], object]
Caller = Callable[[Call], object]


class FileWrapper:
    """``wsgi.file_wrapper`` (PEP 3333): what a site returns instead of an iterator over a file.

    :param filelike: has ``read``; ``close``, where it has that too, is called when the answer is over.
    :param block_size: bytes to read at once, where that is not ours to choose.
    """

    def __init__(self, filelike: Any, block_size: int = 8192) -> None:
        self.filelike = filelike
        self._block_size = block_size
        if hasattr(filelike, "close"):
            self.close: Call = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        """Read on."""
        return iter(lambda: self.filelike.read(self._block_size), b"")


@dataclass(frozen=True, slots=True)
class Extent:
    """A part of a regular file.

    :param descriptor: of the open file; whoever made the extent keeps it open.
    :param offset: where it begins.
    :param length: in bytes.
    """

    descriptor: int
    offset: int
    length: int

    def read(self) -> bytes:
        """Read all of it, at once; shorter where the file is."""
        return os.pread(self.descriptor, self.length, self.offset)

    def advanced(self, size: int) -> Extent:
        """Return what is left after the first *size* bytes."""
        return Extent(self.descriptor, self.offset + size, self.length - size)


def find_extent(filelike: Any, length: int | None) -> Extent | None:
    """Return what reading *filelike* from where it stands would give; ``None`` where only reading it can tell.

    :param length: that the site declares, of a part of the file; the rest of it otherwise.
    :raises OSError: the file is no longer what it was.
    """
    file = _unwrapped(filelike)
    if type(file) in _BUFFERED and type(file.raw) is not io.FileIO:
        return None
    if type(file) not in (*_BUFFERED, io.FileIO):
        return None
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    file.flush()
    offset = file.tell()
    rest = max(0, status.st_size - offset)
    return Extent(file.fileno(), offset, rest if length is None else min(length, rest))


def _unwrapped(filelike: Any) -> Any:
    """Return the file behind Django's ``File`` or a ``NamedTemporaryFile``: what lends its ``read`` to them."""
    while True:
        inner, read = getattr(filelike, "file", None), getattr(filelike, "read", None)
        if inner is None or getattr(read, "__wrapped__", read) != getattr(inner, "read", None):
            return filelike
        filelike = inner


def read_cached(extent: Extent, size: int) -> bytes | None:
    """Return at most *size* bytes of *extent*, or ``None`` where they are not in memory.

    :raises OSError: the file cannot be read.
    """
    if _NOWAIT is None:
        return None
    piece = bytearray(min(size, extent.length))
    try:
        read = os.preadv(extent.descriptor, [piece], extent.offset, _NOWAIT)
    except OSError as error:
        if error.errno in _ELSEWHERE:
            return None
        raise
    return bytes(memoryview(piece)[:read])


class FileSender:
    """Sends a file as the body of an answer; all calls come from the reactor's thread.

    :param exchange: whose answer has begun.
    :param extent: what to send.
    :param in_turn: calls what it is given in a later turn of the reactor; from any thread.
    :param in_thread: calls what it is given in a thread.
    :param ended: called once, when nothing reads the file any more.
    """

    _log = Logger()

    def __init__(self, exchange: Exchange, extent: Extent, in_turn: Caller, in_thread: Caller, ended: Call) -> None:
        self._exchange = exchange
        self._extent = extent
        self._in_turn = in_turn
        self._in_thread = in_thread
        self._ended: Call | None = ended
        # Whether the next step is on its way: in a thread, or in a later turn.
        self._under_way = False
        self._over = False

    def drained(self) -> None:
        """Send the next piece, because the client has room for it."""
        if not self._under_way and not self._over:
            self._step()

    def gone(self) -> None:
        """Send no more."""
        self._over = True
        self._let_go()

    def _step(self) -> None:
        """Send one piece, if there is room."""
        self._under_way = False
        if self._over:
            self._let_go()
        elif not self._extent.length:
            self._over = True
            self._exchange.end()
            self._let_go()
        elif self._exchange.writable:
            self._send_piece()

    def _send_piece(self) -> None:
        try:
            piece = read_cached(self._extent, PIECE)
        except OSError:
            self._fail(Failure())
        else:
            self._under_way = True
            if piece is None:
                self._in_thread(self._read)
            else:
                self._send(piece)

    def _read(self) -> None:
        """Read a piece, in a thread, however long it takes."""
        try:
            piece = Extent(self._extent.descriptor, self._extent.offset, min(PIECE, self._extent.length)).read()
        except OSError:
            self._in_turn(partial(self._fail, Failure()))
        else:
            self._in_turn(partial(self._send, piece))

    def _send(self, piece: bytes) -> None:
        """Send *piece*; the next one has to wait a turn, so that a fast client does not keep others from theirs."""
        if not piece and not self._over:
            self._fail(Failure(EOFError("the file has become shorter while it was sent")))
            return
        self._extent = self._extent.advanced(len(piece))
        self._exchange.write(piece)
        if self._exchange.writable:
            self._in_turn(self._step)
        else:
            self._step()

    def _fail(self, failure: Failure) -> None:
        self._log.failure("A file cannot be sent", failure=failure)
        self._under_way = False
        self._exchange.abort()
        self.gone()

    def _let_go(self) -> None:
        """Tell once that the file is not needed; a read that is under way needs it."""
        if not self._under_way and self._ended is not None:
            ended, self._ended = self._ended, None
            ended()
