# -*- test-case-name: tests.test_fanout -*-
"""One message to many sockets in one call.

``send_many(fds, data)`` asks the kernel once for each descriptor, waits for none, and
returns for each, in order, how many bytes were taken, or ``-errno`` (``-errno.EAGAIN``: the
buffer is full).  There are two of it with the same results:

- the compiled one, ``_fanout.c``, gives the GIL away once for the whole list, and not at all for
  a short list of short messages;
- the one in Python gives it away at each descriptor, as ``socket.send`` does, and waits up
  to ``sys.getswitchinterval()`` to get it back while a view computes in another thread.

``COMPILED`` says which one this process has.  ``SOCKJSD_PURE=1`` in the environment asks for
the one in Python, for tests and to find out whether the other is to blame for something.

What callers have to know:

- Every descriptor has to stay open until the call returns, because another thread may get
  its number for a new file.  In the daemon the thread that closes sockets is the one that calls.
- The rest of a part that was taken, and what was not taken at all, is the caller's to send.
- A descriptor that is negative, as that of a closed socket object, or not a socket has an
  ``-errno`` like any other failure: it must not cost the other receivers the message.
- ``data`` is ``bytes`` and nothing else, because other threads run while it is sent, and
  could change a ``bytearray`` (or what a ``memoryview`` shows) between two receivers.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Mapping
from errno import EBADF
from operator import index

#: Takes the descriptors and the data, returns one result for each descriptor.
#: :raises TypeError: *data* is not bytes, or *fds* not an iterable of integers.
#: :raises OverflowError: a descriptor does not fit into a C ``int``.  Nothing was sent after either.
SendMany = Callable[[Iterable[int], bytes], list[int]]

#: The environment variable that, when it is ``1``, asks for the function in Python.
PURE = "SOCKJSD_PURE"

#: One more than the largest C ``int``.
_INT_END = 2**31
# Neither waiting nor signals, as in _fanout.c, and missing on the same systems.
_FLAGS = socket.MSG_DONTWAIT | getattr(socket, "MSG_NOSIGNAL", 0)
# NONBLOCK tells the object only, not the kernel: without it socket.setdefaulttimeout() would have
# each object change its descriptor and wait.
_TYPE = socket.SOCK_STREAM | getattr(socket, "SOCK_NONBLOCK", 0)


def send_many_pure(fds: Iterable[int], data: bytes, /) -> list[int]:
    """``send_many`` in Python; see :data:`SendMany` for what it raises."""
    if not isinstance(data, bytes):
        raise TypeError("data must be bytes, which no other thread can change")
    # All are read before the first is sent to, so that a wrong one means that nobody got anything.
    return [_send(fd, data) for fd in [_descriptor(item) for item in tuple(fds)]]


def choose(environ: Mapping[str, str]) -> SendMany:
    """The function that this process should use: the compiled one where it was built and *environ* does not object."""
    if environ.get(PURE) == "1":
        return send_many_pure
    try:
        from ._fanout import send_many as compiled
    except ImportError:
        # There was no compiler, or this is a sub-interpreter with a GIL of its own.
        return send_many_pure
    return compiled


def _descriptor(item: int) -> int:
    """*item* as a descriptor.

    :raises TypeError: it is no integer.
    :raises OverflowError: it does not fit into a C ``int``.
    """
    fd = index(item)
    if not -_INT_END <= fd < _INT_END:
        raise OverflowError("a file descriptor fits into a C int")
    return fd


def _send(fd: int, data: bytes) -> int:
    """Send to one descriptor; the number of bytes that the kernel took, or ``-errno``."""
    if fd < 0:
        return -EBADF
    try:
        # With family, type and protocol given, the object does not ask the kernel for them.
        borrowed = socket.socket(socket.AF_INET, _TYPE, 0, fd)
        try:
            return borrowed.send(data, _FLAGS)
        finally:
            borrowed.detach()
    except OSError as error:
        return -(error.errno or EBADF)


send_many: SendMany = choose(os.environ)
COMPILED: bool = send_many is not send_many_pure


def send_one(plain: socket.SocketType, data: bytes | memoryview) -> int:
    """Send to one non-blocking socket; the number of bytes that the kernel took, or ``-errno``.

    The compiled function keeps the GIL for what is short, where ``socket.send`` may wait for it.
    """
    if COMPILED and isinstance(data, bytes):
        return send_many((plain.fileno(),), data)[0]
    try:
        return plain.send(data)
    except OSError as error:
        return -(error.errno or EBADF)
