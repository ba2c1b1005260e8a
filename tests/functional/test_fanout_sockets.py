# -*- test-case-name: tests.functional.test_fanout_sockets -*-
"""What both functions of ``sockjsd.fanout`` do to real sockets and threads, and how the compiled one is built."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from unittest import SkipTest, TestCase

from twisted.trial.unittest import SynchronousTestCase

from sockjsd import fanout
from sockjsd.fanout import PURE, SendMany, send_many_pure, send_one

from ..test_fanout import compiled_send_many
from . import need

ROOT = Path(__file__).resolve().parent.parent.parent
MESSAGE = b'a["' + b"x" * 117 + b'"]'
#: Seconds for a program to end; the slowest, the C compiler, takes one.
PATIENCE = 50
#: More than a socket's buffers take.
LARGE = bytes(range(256)) * 64 * 1024


def fds_of(sockets: Iterable[socket.socket]) -> list[int]:
    """The descriptors of *sockets*."""
    return [one.fileno() for one in sockets]


def read_all(receiver: socket.socket) -> bytes:
    """What has arrived at *receiver* until now."""
    pieces: list[bytes] = []
    while True:
        try:
            piece = receiver.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            piece = b""
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


def allow_descriptors(number: int) -> None:
    """Let this process have *number* descriptors.

    :raises SkipTest: the machine does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise SkipTest(f"needs {number} descriptors, ulimit -Hn is {hard}")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


def run(
    command: Sequence[str | Path], environ: Mapping[str, str], folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run *command* to its end with *environ* added to the environment, and return its status and all that it said."""
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=PATIENCE
    )


class SendOneTests(SynchronousTestCase):
    """One socket, by the function in C or by the socket itself."""

    def each_way(self) -> Iterable[tuple[socket.socket, socket.socket]]:
        """Two ends of a connection, of which the first does not block, for each of the two ways."""
        for compiled in {fanout.COMPILED, False}:
            self.patch(fanout, "COMPILED", compiled)
            near, far = socket.socketpair()
            near.setblocking(False)
            with near, far:
                yield near, far

    def test_data_is_sent_when_there_is_room(self) -> None:
        """Bytes, and a part of some."""
        for near, far in self.each_way():
            self.assertEqual([3, 2], [send_one(near, b"abc"), send_one(near, memoryview(b"defg")[1:3])])
            self.assertEqual(b"abcef", read_all(far))

    def test_part_is_sent_when_there_is_some_room(self) -> None:
        """Then nothing more, whatever the kind and the size of the data."""
        for near, far in self.each_way():
            taken = send_one(near, LARGE)
            rest = [send_one(near, data) for data in (LARGE, b"x" * 10_000, memoryview(LARGE))]
            self.assertEqual([-errno.EAGAIN] * 3, rest)
            self.assertEqual(LARGE[:taken], read_all(far))

    def test_error_is_a_result(self) -> None:
        """Of a peer that has left, and of a socket that is closed."""
        for near, far in self.each_way():
            far.close()
            self.assertEqual([-errno.EPIPE] * 2, [send_one(near, b"abc"), send_one(near, memoryview(b"abc"))])
            near.close()
            self.assertEqual([-errno.EBADF] * 2, [send_one(near, b"abc"), send_one(near, memoryview(b"abc"))])


class PureSocketTests(TestCase):
    """What the function in Python does to sockets."""

    def setUp(self) -> None:
        self.send_many = self.subject()

    def subject(self) -> SendMany:
        """The function that the tests are about."""
        return send_many_pure

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Two ends of a connection, closed after the test."""
        ends = socket.socketpair()
        for end in ends:
            self.addCleanup(end.close)
        return ends

    def tcp_pair(self) -> tuple[socket.socket, socket.socket]:
        """The same through TCP on this machine."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        return near, far

    def test_all_is_sent_when_there_is_room(self) -> None:
        """Each receiver reads the message, the results are its size, and the sockets are as they were."""
        pairs = [self.pair(), self.tcp_pair(), self.pair()]
        self.assertEqual([len(MESSAGE)] * 3, self.send_many(fds_of(near for near, _ in pairs), MESSAGE))
        for near, far in pairs:
            self.assertEqual(MESSAGE, far.recv(1000))
            self.assertTrue(near.getblocking() and os.get_blocking(near.fileno()))

    def test_receiver_listed_twice_gets_message_twice(self) -> None:
        """The list is taken as it is."""
        near, far = self.pair()
        self.assertEqual([3, 3], self.send_many([near.fileno()] * 2, b"abc"))
        self.assertEqual(b"abcabc", read_all(far))

    def test_all_bytes_are_sent_when_some_are_zero(self) -> None:
        """Data is not text that a zero ends."""
        near, far = self.pair()
        data = bytes(range(256)) * 2
        self.assertEqual([len(data)], self.send_many([near.fileno()], data))
        self.assertEqual(data, read_all(far))

    def test_nothing_is_sent_when_data_is_empty(self) -> None:
        """No bytes taken is no failure."""
        near, far = self.pair()
        self.assertEqual([0], self.send_many([near.fileno()], b""))
        self.assertEqual(b"", read_all(far))

    def test_part_is_sent_when_buffer_is_small(self) -> None:
        """The result says where the rest begins, and the call does not wait, although the socket would."""
        near, far = self.tcp_pair()
        near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        (sent,) = self.send_many([near.fileno()], LARGE)
        self.assertTrue(0 < sent < len(LARGE), sent)
        far.settimeout(PATIENCE)
        self.assertEqual(LARGE[:sent], far.recv(sent, socket.MSG_WAITALL))

    def test_full_buffer_is_told_and_others_get_message(self) -> None:
        """A slow receiver is -EAGAIN, and neither holds up nor ends the fan-out, default time-out or not."""
        self.addCleanup(socket.setdefaulttimeout, socket.getdefaulttimeout())
        slow, fast = self.pair(), self.pair()
        socket.setdefaulttimeout(PATIENCE)
        while self.send_many([slow[0].fileno()], LARGE) != [-errno.EAGAIN]:
            pass
        fds = [slow[0].fileno(), fast[0].fileno(), slow[0].fileno()]
        self.assertEqual([-errno.EAGAIN, len(MESSAGE), -errno.EAGAIN], self.send_many(fds, MESSAGE))
        self.assertEqual(MESSAGE, read_all(fast[1]))
        self.assertTrue(os.get_blocking(slow[0].fileno()))

    def test_receiver_that_reads_again_is_sent_to_again(self) -> None:
        """-EAGAIN is a state, not an end."""
        near, far = self.pair()
        while self.send_many([near.fileno()], LARGE) != [-errno.EAGAIN]:
            pass
        read_all(far)
        self.assertEqual([len(MESSAGE)], self.send_many([near.fileno()], MESSAGE))
        self.assertEqual(MESSAGE, read_all(far))

    def test_closed_peer_is_told_and_others_get_message(self) -> None:
        """A receiver that left is -EPIPE."""
        gone, here = self.pair(), self.pair()
        gone[1].close()
        results = self.send_many([gone[0].fileno(), here[0].fileno()], MESSAGE)
        self.assertEqual([-errno.EPIPE, len(MESSAGE)], results)
        self.assertEqual(MESSAGE, read_all(here[1]))

    def test_reset_is_told_when_peer_aborted(self) -> None:
        """TCP tells of the reset first and of the broken pipe from then on."""
        near, far = self.tcp_pair()
        far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        far.close()
        self.assertEqual([-errno.ECONNRESET], self.send_many([near.fileno()], MESSAGE))
        self.assertEqual([-errno.EPIPE], self.send_many([near.fileno()], MESSAGE))

    def test_closed_socket_is_told_and_others_get_message(self) -> None:
        """Neither the object's -1 nor the number that it had costs anybody else the message."""
        closed, here = self.pair(), self.pair()
        number = closed[0].fileno()
        closed[0].close()
        results = self.send_many([closed[0].fileno(), number, here[0].fileno()], MESSAGE)
        self.assertEqual([-errno.EBADF, -errno.EBADF, len(MESSAGE)], results)
        self.assertEqual(MESSAGE, read_all(here[1]))

    def test_nobody_gets_anything_when_list_is_refused(self) -> None:
        """A wrong argument is found before the first byte leaves."""
        near, far = self.pair()
        for wrong, error in (("text", TypeError), (2**40, OverflowError)):
            with self.assertRaises(error):
                self.send_many([near.fileno(), wrong], MESSAGE)  # type: ignore[list-item]
        self.assertEqual(b"", read_all(far))

    def test_ten_thousand_descriptors_get_message(self) -> None:
        """Both ends of 5,000 connections, each exactly once and in order."""
        allow_descriptors(10_200)
        ends = [end for _ in range(5_000) for end in self.pair()]
        self.assertEqual([len(MESSAGE)] * 10_000, self.send_many(fds_of(ends), MESSAGE))
        self.assertEqual([3] * 10_000, self.send_many(fds_of(ends), b"end"))
        self.assertEqual({MESSAGE + b"end"}, {read_all(end) for end in ends})

    def test_other_thread_computes_while_message_is_sent(self) -> None:
        """The GIL is given away: a thread gets it although the interpreter would not take it from us for an hour."""
        pairs = [self.pair() for _ in range(500)]
        fds = fds_of(near for near, _ in pairs)
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        begin, computed = threading.Event(), threading.Event()

        def compute() -> None:
            begin.wait()
            sum(range(1000))
            computed.set()

        thread = threading.Thread(target=compute, daemon=True)
        thread.start()
        sys.setswitchinterval(3600)
        begin.set()
        # How soon the thread wakes up is the machine's business: one round is enough for most, 1,000 for a busy one.
        rounds = 0
        while not computed.is_set() and rounds < 1000:
            self.assertEqual([len(MESSAGE)] * 500, self.send_many(fds, MESSAGE))
            rounds += 1
            if not rounds % 100:
                for _, far in pairs:
                    read_all(far)
        self.assertTrue(computed.is_set())
        thread.join()

    def test_two_threads_send_at_once(self) -> None:
        """Each receiver gets the messages of both, each whole, and each thread its own results."""
        pairs = [self.pair() for _ in range(50)]
        fds = fds_of(near for near, _ in pairs)
        results: list[int] = []

        def send() -> None:
            for _ in range(50):
                results.extend(self.send_many(fds, b"[abc]"))

        threads = [threading.Thread(target=send) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([5] * 5_000, results)
        self.assertEqual({b"[abc]" * 100}, {read_all(far) for _, far in pairs})

    def test_process_survives_broken_pipe_when_the_signal_would_end_it(self) -> None:
        """No SIGPIPE is sent, whatever else the process has done about it."""
        program = (
            "import signal, socket\n"
            "from sockjsd.fanout import send_many\n"
            "signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
            "near, far = socket.socketpair()\n"
            "far.close()\n"
            "print(send_many([near.fileno()], b'x'))"
        )
        finished = run([sys.executable, "-c", program], {PURE: "1" if self.send_many is send_many_pure else ""})
        self.assertEqual((0, f"[{-errno.EPIPE}]\n", ""), (finished.returncode, finished.stdout, finished.stderr))


class CompiledSocketTests(PureSocketTests):
    """The same, of the function in C."""

    def subject(self) -> SendMany:
        """The function that the tests are about."""
        return compiled_send_many()


#: Runs a program in a sub-interpreter of each kind, by whatever name the module and its function have.
SUB_INTERPRETERS = """
import os, sys
try:
    import _interpreters
except ImportError:
    import _xxsubinterpreters as _interpreters
program = '''
import sys
sys.path[:0] = {path}
from sockjsd import fanout
import socket
near, far = socket.socketpair()
assert fanout.send_many([near.fileno(), -1], b"abc") == [3, -9]
print(fanout.COMPILED, far.recv(9), flush=True)
'''.replace("{path}", repr([os.path.abspath(entry) for entry in sys.path]))
for isolated in (False, True):
    for _ in range(3):
        if sys.version_info < (3, 13):
            interpreter = _interpreters.create(isolated=isolated)
        else:
            interpreter = _interpreters.create("isolated" if isolated else "legacy")
        failed = _interpreters.run_string(interpreter, program)
        assert failed is None, failed
        _interpreters.destroy(interpreter)
print("end")
"""


class BuildTests(TestCase):
    """The extension itself."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="sockjsd-fanout-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def build(self, **environ: str) -> tuple[str, list[Path]]:
        """Build the extension in a copy of what it is made from; what was said, and the files that came out."""
        for name in ("setup.py", "sockjsd/__init__.py", "sockjsd/_fanout.c"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(ROOT / name, self.folder / name)
        made = self.folder / "made"
        command: list[str | Path] = [sys.executable, "setup.py", "build_ext", "--build-lib", made]
        finished = run(command, environ, self.folder)
        self.assertEqual(0, finished.returncode, finished.stdout + finished.stderr)
        return finished.stdout + finished.stderr, sorted(made.rglob("_fanout*"))

    def test_compiler_has_nothing_to_say(self) -> None:
        """With all warnings on there is none, and one binary fits every Python from 3.11."""
        need("cc")
        said, made = self.build(CFLAGS="-Wall -Wextra -Werror")
        self.assertEqual(["_fanout.abi3.so"], [file.name for file in made], said)

    def test_missing_compiler_is_no_failure(self) -> None:
        """An installation ends well, without the binary."""
        _, made = self.build(CC="no-such-compiler")
        self.assertEqual([], made)

    def test_sub_interpreters_send_and_end(self) -> None:
        """One after the other, with the compiled function, or with the other where the interpreter refuses it."""
        compiled_send_many()
        finished = run([sys.executable, "-W", "ignore", "-c", SUB_INTERPRETERS], {PURE: ""})
        self.assertEqual((0, ""), (finished.returncode, finished.stderr))
        *lines, end = finished.stdout.splitlines()
        self.assertEqual("end", end)
        self.assertEqual({"b'abc'"}, {line.partition(" ")[2] for line in lines})
        self.assertEqual(6, len(lines))
