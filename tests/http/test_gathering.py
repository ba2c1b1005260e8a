# -*- test-case-name: tests.http.test_gathering -*-
"""One message to many connections in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from errno import EAGAIN, EBADF
from unittest import TestCase

from twisted.internet.task import Clock

from sockjsd.http.gathering import MOST, MOST_PIECES, Gathering, soon_of

#: How many connections take part.
MANY = 3


class Sender:
    """A connection that takes everything.

    :param fd: its descriptor.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.written: list[bytes] = []
        self.taken: list[tuple[bytes, int]] = []
        #: What happens when the kernel did not take everything.
        self.then: Callable[[], object] = lambda: None

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def took(self, data: bytes, count: int) -> None:
        self.taken.append((data, count))
        self.then()


class Kernel:
    """Notes what is sent to many, and takes all of it unless told otherwise.

    :ivar results: of descriptors that have another result.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[list[int], bytes]] = []
        self.results: dict[int, int] = {}

    def __call__(self, fds: Iterable[int], data: bytes, /) -> list[int]:
        fds = list(fds)
        self.calls.append((fds, data))
        return [self.results.get(fd, len(data) if fd >= 0 else -EBADF) for fd in fds]


class GatheringTestCase(TestCase):
    """A gathering of some connections."""

    def setUp(self) -> None:
        self.kernel = Kernel()
        self.gathering = Gathering(self.kernel)
        self.senders = [Sender(fd) for fd in range(MANY)]
        self.fds = list(range(MANY))

    def send(self, data: bytes, senders: Iterable[Sender] | None = None) -> None:
        """Do what connections do when they have something to send."""
        for sender in self.senders if senders is None else senders:
            if not self.gathering.take(sender, data):
                sender.write(data)

    def written(self) -> list[list[bytes]]:
        """What each connection wrote by itself."""
        return [sender.written for sender in self.senders]


class GatheringTests(GatheringTestCase):
    """What leaves together, and when."""

    def test_nothing_is_gathered_outside(self) -> None:
        """Most of the time a connection writes at once."""
        self.send(b"one")
        self.assertEqual((self.written(), self.kernel.calls), ([[b"one"]] * MANY, []))

    def test_message_to_many_leaves_in_one_call(self) -> None:
        """At the end, and not before; afterwards nothing is gathered any more."""
        with self.gathering:
            self.send(b"one")
            self.assertEqual(self.kernel.calls, [])
        self.assertEqual((self.kernel.calls, self.written()), ([(self.fds, b"one")], [[]] * MANY))
        self.send(b"two")
        self.assertEqual(self.written(), [[b"two"]] * MANY)

    def test_everything_is_written_one_by_one_without_the_compiled_call(self) -> None:
        """A list of descriptors is no use to a loop in Python."""
        self.gathering = Gathering(None)
        with self.gathering:
            self.send(b"one")
            self.assertEqual(self.written(), [[]] * MANY)
        self.assertEqual(self.written(), [[b"one"]] * MANY)

    def test_pieces_of_a_connection_are_joined_in_order(self) -> None:
        """Two channels in one run; who has more to send gets it too, in a piece of its own."""
        with self.gathering:
            self.send(b"one")
            self.send(b"heartbeat", self.senders[:1])
            self.send(b"two")
        self.assertEqual(self.kernel.calls, [([0], b"oneheartbeattwo"), (self.fds[1:], b"onetwo")])

    def test_connections_with_the_same_pieces_share_a_call(self) -> None:
        """Whatever they are; another message is another call."""
        others = [Sender(100 + fd) for fd in range(MANY)]
        with self.gathering:
            self.send(b"one")
            self.send(b"two", [*self.senders, *others])
        self.assertEqual(self.kernel.calls, [(self.fds, b"onetwo"), ([100 + fd for fd in range(MANY)], b"two")])

    def test_inner_end_sends_nothing(self) -> None:
        """An application that broadcasts inside a delivery: all leaves at the outer end."""
        with self.gathering:
            with self.gathering:
                self.send(b"one")
            self.assertEqual(self.kernel.calls, [])
            self.send(b"two")
        self.assertEqual(self.kernel.calls, [(self.fds, b"onetwo")])

    def test_exception_ends_the_gathering(self) -> None:
        """It passes, and what was gathered has left."""
        with self.assertRaises(LookupError), self.gathering, self.gathering:
            self.send(b"one")
            raise LookupError
        self.send(b"two")
        self.assertEqual((self.kernel.calls, self.written()), ([(self.fds, b"one")], [[b"two"]] * MANY))

    def test_failing_call_ends_the_gathering(self) -> None:
        """Whatever it is: later messages are not held back for ever."""

        def fail(fds: Iterable[int], data: bytes, /) -> list[int]:
            raise MemoryError

        self.gathering = Gathering(fail)
        with self.assertRaises(MemoryError), self.gathering:
            self.send(b"one")
        self.send(b"two")
        self.assertEqual(self.written(), [[b"two"]] * MANY)

    def test_large_amounts_do_not_wait(self) -> None:
        """Who has gathered much writes it, and then its next data, so as to learn that the client does not read."""
        with self.gathering:
            self.send(b"a" * MOST)
            self.send(b"b")
            self.assertEqual(self.written(), [[b"a" * MOST, b"b"]] * MANY)
            self.send(b"c")
        self.assertEqual(self.kernel.calls, [(self.fds, b"c")])

    def test_many_pieces_do_not_wait(self) -> None:
        """However small they are."""
        with self.gathering:
            for _ in range(MOST_PIECES + 1):
                self.send(b"a")
        self.assertEqual(self.written(), [[b"a" * MOST_PIECES, b"a"]] * MANY)


class ResultTests(GatheringTestCase):
    """What the kernel says for each connection."""

    def test_connections_hear_what_was_not_taken(self) -> None:
        """A part, nothing, an error; nobody hears that all went well."""
        self.kernel.results = {0: 2, 1: -EAGAIN}
        with self.gathering:
            self.send(b"one")
        heard = [sender.taken for sender in self.senders]
        self.assertEqual(heard, [[(b"one", 2)], [(b"one", -EAGAIN)]] + [[]] * (MANY - 2))

    def test_descriptors_are_asked_for_at_the_end(self) -> None:
        """One that was closed meanwhile is negative then, and its number may be another connection's."""
        with self.gathering:
            self.send(b"one")
            self.senders[0].fd = -1
        self.assertEqual(self.kernel.calls, [([-1, *self.fds[1:]], b"one")])
        self.assertEqual(self.senders[0].taken, [(b"one", -EBADF)])

    def test_connection_takes_back_what_it_gathered(self) -> None:
        """To write it at once because it closes, or to drop it because it is lost."""
        with self.gathering:
            self.send(b"one")
            self.send(b"two")
            self.assertEqual(self.gathering.pop(self.senders[0]), b"onetwo")
            self.assertEqual(self.gathering.pop(self.senders[0]), b"")
        self.assertEqual(self.kernel.calls, [(self.fds[1:], b"onetwo")])

    def test_what_is_sent_while_it_leaves_does_not_overtake(self) -> None:
        """Not even to a connection whose own turn is still to come."""
        last = self.senders[-1]
        self.kernel.results = {0: 1}
        self.senders[0].then = lambda: self.send(b"three", [last])
        with self.gathering:
            self.send(b"one")
            self.send(b"two", [last])
        self.assertEqual(self.kernel.calls, [(self.fds[:-1], b"one"), ([last.fd], b"onetwo"), ([last.fd], b"three")])


class GiveTests(GatheringTestCase):
    """What goes to many who are known to take it."""

    def test_it_leaves_at_once(self) -> None:
        """Inside and outside, as nothing could be overtaken."""
        self.gathering.give(self.senders, self.fds, b"one")
        with self.gathering:
            self.gathering.give(self.senders, self.fds, b"two")
            self.assertEqual(self.kernel.calls, [(self.fds, b"one"), (self.fds, b"two")])

    def test_it_waits_behind_what_waits(self) -> None:
        """Whoever it is that waits: all of it leaves at the end."""
        with self.gathering:
            self.send(b"one", self.senders[:1])
            self.gathering.give(self.senders, self.fds, b"two")
            self.assertEqual(self.kernel.calls, [])
        self.assertEqual(self.kernel.calls, [([0], b"onetwo"), ([1, 2], b"two")])

    def test_it_is_written_one_by_one_without_the_compiled_call(self) -> None:
        """As everything is."""
        Gathering(None).give(self.senders, self.fds, b"one")
        self.assertEqual(self.written(), [[b"one"]] * MANY)


class SoonTests(TestCase):
    """The end of a turn, with any reactor."""

    def test_timer_without_delay_will_do(self) -> None:
        """That is what all reactors have."""
        clock, calls = Clock(), list[str]()
        soon_of(clock)(lambda: calls.append("end"))
        self.assertEqual(calls, [])
        clock.advance(0)
        self.assertEqual(calls, ["end"])

    def test_reactor_that_knows_better_is_asked(self) -> None:
        """Ours does."""

        class Knowing(Clock):
            def soon(self, call: Callable[[], None]) -> None:
                call()

        calls: list[str] = []
        soon_of(Knowing())(lambda: calls.append("end"))
        self.assertEqual(calls, ["end"])


class TurnTests(GatheringTestCase):
    """What the answers of one turn of the reactor do, where somebody tells when it ends."""

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[Callable[[], None]] = []
        self.gathering.each_turn(self.asked.append)

    def end_turn(self) -> None:
        """The reactor has read everything that came."""
        self.asked.pop()()
        self.assertEqual(self.asked, [])

    def test_single_answer_does_not_wait(self) -> None:
        """Turn after turn: nobody else would profit."""
        for _ in range(3):
            self.send(b"one", self.senders[:1])
            self.assertEqual(self.senders[0].written.pop(), b"one")
            self.end_turn()

    def test_further_answers_wait_for_the_end(self) -> None:
        """The peer is awake, and may sleep again before the next one."""
        self.send(b"one")
        self.assertEqual(self.written(), [[b"one"], [], []])
        self.end_turn()
        self.assertEqual((self.written(), self.kernel.calls), ([[b"one"], [], []], [([1, 2], b"one")]))

    def test_crowded_turn_makes_the_next_first_answer_wait(self) -> None:
        """Until a turn has had but one."""
        self.send(b"one")
        self.end_turn()
        self.kernel.calls.clear()
        self.send(b"two")
        self.assertEqual(self.kernel.calls, [])
        self.end_turn()
        self.assertEqual(self.kernel.calls, [(self.fds, b"two")])
        self.send(b"three", self.senders[:1])
        self.assertEqual(self.senders[0].written, [b"one"])
        self.end_turn()
        self.send(b"four", self.senders[:1])
        self.assertEqual(self.senders[0].written, [b"one", b"four"])

    def test_end_of_turn_is_asked_for_once(self) -> None:
        """However many answers there are."""
        self.send(b"one")
        self.send(b"two")
        self.end_turn()
        self.assertEqual(self.kernel.calls, [([1, 2], b"onetwo"), ([0], b"two")])

    def test_message_to_many_takes_along_what_waits(self) -> None:
        """In its order, and without waiting for the end of the turn."""
        self.send(b"one", self.senders[:2])
        with self.gathering:
            self.send(b"two")
        calls = [([1], b"onetwo"), ([0, 2], b"two")]
        self.assertEqual((self.senders[0].written, self.kernel.calls), ([b"one"], calls))
        self.end_turn()
        self.assertEqual(self.kernel.calls, calls)
