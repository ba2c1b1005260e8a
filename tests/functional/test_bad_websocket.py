# -*- test-case-name: tests.functional.test_bad_websocket -*-
"""What we do with bad WebSockets, on the wire: each row of the tables, in every way in which the daemon can be reached.

After each test nothing is left of its clients in the daemon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.functional import bad_frames, bad_input
from tests.functional.bad_frames import FRAMES, GOODBYE, NONE, SOCKJS_FRAMES, TEXT, FrameRow
from tests.functional.bad_input import HELLO, LIVE, handshake
from tests.functional.wire import MESSAGE, WAYS, Line
from tests.functional.wire_cases import ProxiedTestCase, WireTestCase, differing, impatient, named, places
from tests.websocket.examples import client

RAW = "/echo/websocket"
CLOSE = 8


def read_frame(line: Line) -> tuple[int, bytes]:
    """Return opcode and payload of the daemon's next frame; (0, b"") at the end."""
    head = line.read(2)
    if not head:
        return 0, b""
    size = int.from_bytes(line.read(2), "big") if head[1] == 126 else head[1]
    return head[0] & 15, line.read(size)


def read_code(line: Line) -> int:
    """Return the code in the daemon's close frame, whatever stands before it; 0 where none comes."""
    while True:
        opcode, payload = read_frame(line)
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big") if payload else NONE
        if not opcode:
            return 0


class FramesTestCase(WireTestCase):
    """Whoever sends frames."""

    def shake_hands(self, line: Line, path: str) -> None:
        """Become a WebSocket."""
        line.send(named(handshake(path)))
        answer = line.answer()
        self.assertEqual(101, answer and answer.status)

    def assert_frames(
        self,
        connect: Callable[[], Line],
        path: str,
        rows: Iterable[FrameRow],
        send: Callable[[Line, bytes], None] = Line.send,
    ) -> None:
        """Each row ends with its code, and then the connection ends; all that do not are told."""
        wrong = []
        for row in rows:
            try:
                with connect() as line:
                    self.shake_hands(line, path)
                    send(line, row.data)
                    got = read_code(line)
                    line.send(GOODBYE)
                    wrong.append(differing(f"{path}: {row}", (row.code, b""), (got, line.read_rest())))
            except (AssertionError, OSError) as error:
                wrong.append(f"{path}: {row}\n    expected {row.code}, got {error!r}")
        self.assertEqual("", "\n".join(filter(None, wrong)))

    def assert_all_frames(self, connect: Callable[[], Line]) -> None:
        """Each row on both kinds of WebSocket."""
        self.assert_frames(connect, bad_input.WEBSOCKET, (*FRAMES, *SOCKJS_FRAMES))
        self.assert_frames(connect, RAW, FRAMES)


class TableTests(FramesTestCase):
    """Every row, on every kind of endpoint string."""

    def test_handshakes(self) -> None:
        """Status by status, and whether the connection goes on."""
        for way in WAYS:
            self.assert_each(way, bad_input.HANDSHAKES)
            self.assert_nothing_left()

    def test_handshakes_byte_by_byte(self) -> None:
        """The same."""
        self.assert_each("tcp", bad_input.HANDSHAKES, Line.send_bytewise)

    def test_frames(self) -> None:
        """Close code by close code."""
        for way in WAYS:
            self.assert_all_frames(lambda way=way: self.target.line(way))
            self.assert_nothing_left()

    def test_frames_byte_by_byte(self) -> None:
        """The same; what is long is sent whole above."""
        for path, rows in ((bad_input.WEBSOCKET, (*FRAMES, *SOCKJS_FRAMES)), (RAW, FRAMES)):
            short = [row for row in rows if len(row.data) < 5000]
            self.assert_frames(lambda: self.target.line("tcp"), path, short, Line.send_bytewise)

    def test_frames_behind_a_handshake_in_one_piece(self) -> None:
        """Who does not wait for the answer gets the same."""
        for row in FRAMES:
            with self.target.line("tcp") as line:
                line.send(named(handshake()) + row.data)
                answer = line.answer()
                self.assertEqual((101, row.code), (answer and answer.status, read_code(line)), str(row))

    def test_tables_are_large(self) -> None:
        """A row that was lost would not be missed otherwise."""
        self.assertGreater(len(bad_input.HANDSHAKES), 40)
        self.assertGreater(len(FRAMES), 75)


class ProxiedTableTests(ProxiedTestCase, FramesTestCase):
    """The same behind HAProxy."""

    def test_frames(self) -> None:
        """Each code gets through."""
        self.assert_all_frames(self.through)


class LeavingTests(FramesTestCase):
    """Clients that leave, wherever they are."""

    DATA = handshake() + client(TEXT, b'["x"]') + client(9, b"x") + client(TEXT, b'["', final=False) + GOODBYE

    def test_nothing_is_left_when_clients_leave(self) -> None:
        """Behind each byte of a handshake and of some frames."""
        self._leave(rudely=False)

    def test_nothing_is_left_when_clients_crash(self) -> None:
        """The same, with a reset."""
        self._leave(rudely=True)

    def test_nothing_is_left_when_clients_answer_no_goodbye(self) -> None:
        """They were told why, and leave."""
        for way in WAYS:
            with self.target.line(way) as line:
                self.shake_hands(line, bad_input.WEBSOCKET)
                line.send(client(bad_frames.BINARY, b"x"))
                self.assertEqual(1003, read_code(line))

    def _leave(self, *, rudely: bool) -> None:
        for way in WAYS:
            for size in places(way, self.DATA):
                with self.target.line(way) as line:
                    line.send(named(self.DATA)[:size])
                    line.leave(rudely=rudely)


class UnreadTests(FramesTestCase):
    """Clients that send and never read, and stay."""

    shared = impatient

    def flood(self, clients: Iterable[tuple[str, str, bytes]]) -> None:
        """Each client, by its way and its path, sends its data over and over; then nothing of them is left."""
        with ExitStack() as stack, ThreadPoolExecutor() as threads:
            floods = []
            for way, path, data in clients:
                line = stack.enter_context(self.target.line(way))
                if path:
                    self.shake_hands(line, path)
                floods.append(threads.submit(line.flood, data))
            for flood in floods:
                flood.result()
            self.assert_nothing_left()

    def test_clients_that_read_no_echo_are_cut(self) -> None:
        """When more waits for them than may, and they do not even read that."""
        raw, array = "x" * MESSAGE, '["' + "x" * (MESSAGE - 4) + '"]'
        kinds = [(RAW, raw)] * 5 + [(bad_input.WEBSOCKET, array)] * 5
        self.flood(
            (way, path, client(TEXT, text.encode())) for way, (path, text) in zip([*WAYS] * 2, kinds, strict=True)
        )

    def test_clients_that_read_no_answer_are_cut(self) -> None:
        """The same with requests, of the daemon and of the site."""
        self.flood([(way, "", LIVE * 100) for way in WAYS] + [("unix", "", HELLO * 100)])
