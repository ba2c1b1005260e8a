# -*- test-case-name: tests.http.test_streaming -*-
"""Answers that are made part by part, and whose threads they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.http.streaming import WINDOW, Stream
from tests.http.site import Gate


class Outlet:
    """A client: remembers what it got, and has room until the test says otherwise."""

    def __init__(self) -> None:
        self.writable = True
        self.written: list[bytes] = []
        self.over: list[object] = []

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def end(self) -> None:
        self.over.append("end")

    def fail(self, failure: Failure) -> None:
        self.over.append(failure.type)


class Threads:
    """Threads and the reactor, played by lists of calls that the test makes.

    :ivar places: streams that may still leave their threads.
    """

    def __init__(self) -> None:
        self.places = 10
        self.turns: list[Callable[[], object]] = []
        self.calls: list[Callable[[], object]] = []
        self.closings: list[Callable[[], object]] = []

    def in_turn(self, call: Callable[[], object]) -> None:
        self.turns.append(call)

    def go_on(self, call: Callable[[], object]) -> None:
        self.calls.append(call)

    def close_soon(self, call: Callable[[], object]) -> None:
        self.closings.append(call)

    def may_leave(self) -> bool:
        self.places -= 1
        return self.places >= 0

    def turn(self) -> None:
        """Let the reactor do what it was asked for."""
        run(self.turns)


def run(calls: list[Callable[[], object]]) -> None:
    """Make the calls that are there now."""
    present, calls[:] = calls[:], []
    for call in present:
        call()


class Baggage:
    """Remembers what became of it."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def run(self, call: Callable[[], bool]) -> bool:
        self.events.append("run")
        return call()

    def pack(self) -> None:
        self.events.append("pack")

    def drop(self) -> None:
        self.events.append("drop")


class StreamTestCase(SynchronousTestCase):
    """A stream, its client and its threads."""

    def setUp(self) -> None:
        self.patch(Stream, "GATE", Gate)
        self.outlet = Outlet()
        self.threads = Threads()
        self.baggage = Baggage()
        self.made = 0
        self.closed = 0

    def stream(self, parts: Iterable[bytes]) -> Stream:
        """Return a stream of *parts*."""
        return Stream(parts, self.close, self.outlet, self.threads, self.baggage)

    def close(self) -> None:
        """Count."""
        self.closed += 1

    def endless(self, size: int = 1000) -> Iterator[bytes]:
        """Make parts for ever, and count them."""
        while True:
            self.made += 1
            yield b"x" * size

    def waiting(self, parts: Iterable[bytes]) -> Stream:
        """Return a stream that has left its thread, because its client has no room."""
        stream = self.stream(parts)
        self.outlet.writable = False
        stream.work()
        self.threads.turn()
        return stream

    def assert_over(self, how: object) -> None:
        """It ended once, was closed once, and nobody has anything to do."""
        self.threads.turn()
        self.assertEqual((self.outlet.over, self.closed), ([how], 1))
        self.assertEqual((self.threads.turns, self.threads.calls), ([], []))
        self.assertEqual(self.baggage.events.count("drop"), 1)


class ReadingClientTests(StreamTestCase):
    """A client that has room."""

    def test_parts_are_sent_in_order(self) -> None:
        """Those that were made meanwhile together, empty ones not at all."""
        self.stream(iter([b"one", b"", b"two"])).work()
        self.assertEqual(self.closed, 1)
        self.threads.turn()
        self.assertEqual(self.outlet.written, [b"onetwo"])
        self.assert_over("end")

    def test_part_is_sent_before_the_next_is_made(self) -> None:
        """If that takes its time."""

        def parts() -> Iterator[bytes]:
            yield b"one"
            self.threads.turn()
            yield b"two"

        self.stream(parts()).work()
        self.threads.turn()
        self.assertEqual(self.outlet.written, [b"one", b"two"])

    def test_stream_may_be_empty(self) -> None:
        """It ends all the same."""
        self.stream(iter(())).work()
        self.assert_over("end")
        self.assertEqual(self.outlet.written, [])

    def test_parts_may_be_of_any_kind_of_bytes(self) -> None:
        """But not text."""
        self.stream(iter([bytearray(b"a"), memoryview(b"b")])).work()  # type: ignore[list-item]  # sites do that
        self.threads.turn()
        self.assertEqual(self.outlet.written, [b"ab"])
        self.stream(iter(["text"])).work()  # type: ignore[list-item]
        self.threads.turn()
        self.assertEqual(self.outlet.over, ["end", TypeError])

    def test_little_is_made_ahead(self) -> None:
        """No more than a window before the reactor has sent it; then the thread is handed back."""
        self.stream(self.endless()).work()
        self.assertEqual(self.made, -(-WINDOW // 1000))
        self.threads.turn()
        self.assertEqual(sum(map(len, self.outlet.written)), self.made * 1000)
        self.assertEqual(len(self.threads.calls), 1)
        run(self.threads.calls)
        self.assertGreater(self.made, WINDOW // 1000 + 1)

    def test_thread_goes_on_when_the_client_has_read_meanwhile(self) -> None:
        """Between giving up and leaving."""
        self.baggage.pack = self.threads.turn  # type: ignore[method-assign]  # the reactor is fast
        parts = [b"x" * WINDOW] * 3
        self.stream(iter(parts)).work()
        self.threads.turn()
        self.assertEqual(sum(map(len, self.outlet.written)), 3 * WINDOW)
        self.assert_over("end")


class SlowClientTests(StreamTestCase):
    """A client that has no room."""

    def test_thread_is_handed_back(self) -> None:
        """With what belongs to the site; nothing more is made."""
        self.waiting(self.endless(WINDOW))
        self.assertEqual((self.made, self.closed), (1, 0))
        self.assertEqual(self.baggage.events, ["run", "pack"])
        self.assertEqual((self.threads.calls, self.threads.closings), ([], []))

    def test_stream_goes_on_when_there_is_room(self) -> None:
        """In any thread, once, from where it was."""
        stream = self.waiting(iter([b"1" * WINDOW, b"2", b"3"]))
        self.outlet.writable = True
        stream.drained()
        stream.drained()
        self.assertEqual(len(self.threads.calls), 1)
        run(self.threads.calls)
        self.threads.turn()
        self.assertEqual(self.outlet.written, [b"1" * WINDOW, b"23"])
        self.assert_over("end")

    def test_stream_waits_as_often_as_it_takes(self) -> None:
        """It is counted once among those that have left."""
        stream = self.waiting(iter([b"x" * WINDOW] * 5))
        for _ in range(4):
            self.outlet.writable = True
            stream.drained()
            self.outlet.writable = False
            run(self.threads.calls)
            self.threads.turn()
        self.assertEqual(self.threads.places, 9)
        self.outlet.writable = True
        stream.drained()
        run(self.threads.calls)
        self.assertEqual(len(self.outlet.written), 5)
        self.assert_over("end")

    def test_thread_is_held_where_no_more_may_leave(self) -> None:
        """Until the client has room."""
        self.threads.places = 0
        held = []

        class Held(Gate):
            def blocked(gate) -> None:  # two selves
                held.append(self.made)
                self.threads.turn()

        self.patch(Stream, "GATE", Held)
        parts = self.endless(WINDOW)
        stream = self.stream(part for part, _ in zip(parts, range(3), strict=False))
        stream.work()
        self.assertEqual(held, [1, 2, 3])
        self.assert_over("end")


class LeavingClientTests(StreamTestCase):
    """A client that leaves."""

    def test_waiting_stream_is_closed_by_a_thread_for_that(self) -> None:
        """Nothing more is made."""
        stream = self.waiting(self.endless(WINDOW))
        stream.gone()
        self.assertEqual((len(self.threads.closings), self.threads.calls, self.closed), (1, [], 0))
        run(self.threads.closings)
        self.assertEqual(self.made, 1)
        self.assert_over("end")

    def test_stream_that_waits_for_a_thread_does_not_wait_any_longer(self) -> None:
        """Whichever thread comes first closes it; the other finds nothing to do."""
        for closer_first in (True, False):
            with self.subTest(closer_first=closer_first):
                StreamTestCase.setUp(self)
                stream = self.waiting(self.endless(WINDOW))
                self.outlet.writable = True
                stream.drained()
                stream.gone()
                both = [self.threads.closings, self.threads.calls]
                for calls in both if closer_first else reversed(both):
                    run(calls)
                self.assertEqual(self.made, 1)
                self.assert_over("end")

    def test_stream_that_is_being_made_ends_with_the_present_part(self) -> None:
        """Its own thread closes it."""

        def parts() -> Iterator[bytes]:
            yield b"one"
            stream.gone()
            yield b"two"
            self.fail("nobody wants this")

        stream = self.stream(parts())
        stream.work()
        self.assertEqual(self.threads.closings, [])
        self.assert_over("end")
        self.assertEqual(self.outlet.written, [])

    def test_nothing_is_made_for_a_client_that_left_before(self) -> None:
        """But it is closed."""
        stream = self.stream(self.endless())
        stream.gone()
        stream.work()
        self.assertEqual(self.made, 0)
        self.assert_over("end")

    def test_news_of_the_client_come_too_late(self) -> None:
        """Nothing happens after the end."""
        stream = self.stream(iter([b"one"]))
        stream.work()
        self.assert_over("end")
        stream.gone()
        stream.drained()
        self.assertEqual((self.threads.closings, self.threads.calls, self.closed), ([], [], 1))


class FailureTests(StreamTestCase):
    """The site fails."""

    def test_failure_of_a_part_is_told(self) -> None:
        """And what was made is closed."""

        def parts() -> Iterator[bytes]:
            yield b"one"
            raise ZeroDivisionError

        self.stream(parts()).work()
        self.assert_over(ZeroDivisionError)

    def test_failure_of_closing_is_told(self) -> None:
        """The answer is not complete, as far as the site is concerned."""

        def fail() -> None:
            self.closed += 1
            raise ZeroDivisionError

        self.close = fail  # type: ignore[method-assign]
        self.stream(iter([b"one"])).work()
        self.assert_over(ZeroDivisionError)

    def test_first_failure_is_the_one_that_is_told(self) -> None:
        """Closing fails because of it, perhaps."""

        def fail() -> None:
            self.closed += 1
            raise ValueError

        def parts() -> Iterator[bytes]:
            raise ZeroDivisionError
            yield b""

        self.close = fail  # type: ignore[method-assign]
        self.stream(parts()).work()
        self.assert_over(ZeroDivisionError)
