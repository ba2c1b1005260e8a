# -*- test-case-name: tests.brokers.test_redis_link -*-
"""Tests for sockjsd.brokers._redis_link."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from txredisapi import ResponseError

from sockjsd.brokers._redis_link import FIRST_DELAY, LONGEST_DELAY, Backoff, RedisLink, RedisPlace, describe
from sockjsd.brokers._redis_protocol import ConnectionOwner, RedisConnection
from sockjsd.brokers._redis_url import RedisAddress
from tests.brokers.fakes import FakeEndpoint, FakeTransport, FixedRandom, words

OK = b"+OK\r\n"
PONG = b"+PONG\r\n"


class RecordingUser:
    """Keeps what it was told; greets with the given commands."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.told: list[str] = []
        self.greeting: list[bytes] = []

    def build(self, owner: ConnectionOwner) -> RedisConnection:
        """A plain connection."""
        return RedisConnection(self.clock, 1.0, owner)

    def greet(self, connection: RedisConnection) -> list[Deferred[object]]:
        """Send the greeting."""
        return [connection.execute_command(command) for command in self.greeting]

    def link_ready(self) -> None:
        """The link is ready."""
        self.told.append("ready")

    def link_failed(self, problem: str) -> None:
        """The link failed."""
        self.told.append(problem)


class LinkCase(SynchronousTestCase):
    """A link to a Redis that answers when the test says so."""

    address = RedisAddress(path="/fake")

    def setUp(self) -> None:
        """Build the link."""
        self.clock = Clock()
        self.endpoint = FakeEndpoint(self.clock)
        self.user = RecordingUser(self.clock)
        place = RedisPlace(self.clock, self.endpoint, self.address, 1.0, 5.0, FixedRandom())
        self.link = RedisLink(place, self.user)

    def connect(self) -> FakeTransport:
        """Start, and let the first attempt succeed."""
        self.link.start()
        return self.endpoint.accept()

    def reconnect(self) -> FakeTransport:
        """Wait for the next attempt, and let it succeed."""
        self.clock.advance(LONGEST_DELAY)
        return self.endpoint.accept()

    def assert_stops_quietly(self) -> None:
        """After a stop nothing is left to happen."""
        stopped = self.link.stop()
        self.clock.advance(0)
        self.successResultOf(stopped)
        count = self.endpoint.count
        self.clock.pump([10, 10])
        self.assertEqual((self.clock.getDelayedCalls(), self.endpoint.count), ([], count))


class BackoffTests(SynchronousTestCase):
    """How long to wait between two attempts."""

    def test_delay_grows_to_its_limit(self) -> None:
        """From a tenth of a second to two, slowly enough that ten failures are over before three seconds."""
        backoff = Backoff(FixedRandom())
        delays = [backoff.next_delay() for _ in range(40)]
        self.assertEqual((delays[0], delays[-1]), (FIRST_DELAY, LONGEST_DELAY))
        self.assertEqual(delays, sorted(delays))
        self.assertLess(sum(delays[:10]), 3)

    def test_delay_has_full_jitter(self) -> None:
        """Each delay lies anywhere between nothing and its longest."""
        chance = FixedRandom()
        backoff = Backoff(chance)
        chance.value = 0.0
        self.assertEqual(backoff.next_delay(), 0)
        chance.value = 0.5
        self.assertEqual(backoff.next_delay(), FIRST_DELAY * 1.2 / 2)
        spread = Backoff(Random(1))
        self.assertEqual(len({spread.next_delay() for _ in range(9)}), 9)

    def test_delay_starts_again_after_a_success(self) -> None:
        """A Redis that was there is looked for as quickly as at first."""
        backoff = Backoff(FixedRandom())
        for _ in range(5):
            backoff.next_delay()
        backoff.reset()
        self.assertEqual(backoff.next_delay(), FIRST_DELAY)


class PreparationTests(LinkCase):
    """From an open socket to a connection that is ready."""

    address = RedisAddress(path="/fake", username="app", password="s3cret", database=3)

    def test_link_is_ready_when_everything_was_answered(self) -> None:
        """AUTH, SELECT, PING, the greeting, each after the answer to the one before."""
        self.user.greeting = [b"ONE", b"TWO"]
        transport = self.connect()
        for sent, answer in (("AUTH app s3cret", OK), ("SELECT 3", OK), ("PING", PONG)):
            self.assertEqual(transport.commands(), words(sent))
            self.assertIsNone(self.link.greeted)
            transport.answer(answer)
        self.assertEqual(transport.commands(), words("ONE", "TWO"))
        self.assertIsNotNone(self.link.greeted)
        transport.answer(OK)
        self.assertIsNone(self.link.ready)
        transport.answer(OK)
        self.assertIs(self.link.ready, self.link.greeted)
        self.assertEqual((self.user.told, self.link.problem), (["ready"], ""))
        self.assert_stops_quietly()

    def test_link_tries_again_when_an_answer_is_an_error(self) -> None:
        """A wrong password, a Redis that loads, a refused greeting: all may be over the next time."""
        self.user.greeting = [b"ONE", b"TWO"]
        steps = (OK, OK, PONG, OK + OK)
        errors = ("WRONGPASS invalid s3cret", "NOPERM no", "LOADING wait", "MASTERDOWN wait")
        self.link.start()
        for number, error in enumerate(errors):
            transport = self.reconnect()
            for answer in steps[:number]:
                transport.answer(answer)
            transport.answer(f"-{error}\r\n".encode())
            self.clock.advance(0)
        self.assertEqual(self.user.told, [f"Redis answers {error.split()[0]}" for error in errors])
        transport = self.reconnect()
        for answer in steps:
            transport.answer(answer)
        self.assertEqual(self.user.told[-1], "ready")
        self.assert_stops_quietly()

    def test_link_tries_again_when_the_connection_is_lost_at_any_step(self) -> None:
        """A proxy that accepts and closes ends one attempt, never the link, and leaves no traceback."""
        self.user.greeting = [b"ONE"]
        self.link.start()
        for number in range(4):
            transport = self.reconnect()
            for answer in (OK, OK, PONG)[:number]:
                transport.answer(answer)
            transport.end(ConnectionDone())
        self.assertEqual(self.user.told, ["Connection was closed cleanly."] * 4)
        self.assertEqual(self.flushLoggedErrors(), [])
        self.assert_stops_quietly()

    def test_link_tries_again_when_nothing_is_answered(self) -> None:
        """A server that accepts and says nothing costs one time-out."""
        self.connect()
        self.clock.pump([1, 0.1, 0])
        self.assertEqual(self.user.told, ["no answer within 1 s"])
        self.reconnect()
        self.assertEqual(self.endpoint.count, 2)
        self.assert_stops_quietly()

    def test_bug_of_ours_is_reported(self) -> None:
        """What is no answer of Redis ends the connection too, and is not kept quiet."""

        def broken(connection: RedisConnection) -> list[Deferred[object]]:
            raise ZeroDivisionError

        self.user.greet = broken  # type: ignore[method-assign]  # a user with a bug
        transport = self.connect()
        for answer in (OK, OK, PONG):
            transport.answer(answer)
        self.clock.advance(0)
        self.assertTrue(transport.lost)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assert_stops_quietly()

    def test_description_shows_only_the_code_of_an_error(self) -> None:
        """An unknown command is answered with its arguments, a password among them."""
        table = {
            "WRONGPASS invalid username-password pair": "Redis answers WRONGPASS",
            "unknown command 'AUTH', with args beginning with: 's3cret'": "Redis answers ERR",
            "": "Redis answers ERR",
        }
        self.assertEqual({text: describe(Failure(ResponseError(text))) for text in table}, table)


class LifeTests(LinkCase):
    """A link from its start to its stop, without password or database."""

    def make_ready(self) -> FakeTransport:
        """Connect and answer the first PING."""
        transport = self.connect()
        self.assertEqual(transport.commands(), words("PING"))
        transport.answer(PONG)
        return transport

    def test_link_waits_longer_after_each_refusal(self) -> None:
        """Attempts come after 0.1 s, 0.12 s and so on."""
        self.link.start()
        for delay in (0.1, 0.12, 0.144):
            self.endpoint.refuse()
            count = self.endpoint.count
            self.clock.advance(delay - 0.01)
            self.assertEqual(self.endpoint.count, count)
            self.clock.advance(0.011)
            self.assertEqual(self.endpoint.count, count + 1)
        self.assertEqual(self.user.told, ["Connection was refused by other side."] * 3)
        self.assert_stops_quietly()

    def test_link_waits_longer_after_each_connection_that_was_useless(self) -> None:
        """An open socket alone is no success: only a connection that became ready starts the delays again."""
        self.link.start()
        for delay in (0.1, 0.12, 0.144):
            self.endpoint.accept().end(ConnectionDone())
            self.clock.advance(delay - 0.01)
            self.assertEqual(self.endpoint.attempts, [])
            self.clock.advance(0.011)
        transport = self.endpoint.accept()
        transport.answer(PONG)
        transport.end(ConnectionDone())
        self.clock.advance(0.1)
        self.assertEqual(len(self.endpoint.attempts), 1)
        self.assert_stops_quietly()

    def test_link_asks_regularly_whether_redis_is_there(self) -> None:
        """A PING every interval, and none on a connection that is gone."""
        transport = self.make_ready()
        for _ in range(3):
            self.clock.advance(5)
            self.assertEqual(transport.commands(), words("PING"))
            transport.answer(PONG)
        transport.end(ConnectionDone())
        self.assertIsNone(self.link.ready)
        self.assertIsNone(self.link.greeted)
        self.clock.advance(5)
        self.assertEqual(transport.commands(), [])
        self.assert_stops_quietly()

    def test_link_reconnects_when_a_ping_fails(self) -> None:
        """No answer, or an error for one, ends the connection."""
        self.make_ready()
        self.clock.pump([5, 1, 0.1])
        self.assertEqual(self.user.told, ["ready", "no answer within 1 s"])
        transport = self.reconnect()
        transport.answer(PONG)
        self.clock.advance(5)
        transport.answer(b"-MASTERDOWN no master\r\n")
        self.clock.advance(0)
        self.assertEqual(self.user.told[2:], ["ready", "Redis answers MASTERDOWN"])
        self.assert_stops_quietly()

    def test_watched_reply_ends_the_connection_when_it_is_an_error(self) -> None:
        """A connection that cannot do what it is there for is given up; a good reply changes nothing."""
        transport = self.make_ready()
        connection = self.link.ready
        assert connection is not None
        self.link.watch([connection.ping(), connection.ping()], connection)
        transport.answer(PONG)
        self.clock.advance(0)
        self.assertFalse(transport.lost)
        transport.answer(b"-NOAUTH no\r\n")
        self.clock.advance(0)
        self.assertEqual(self.user.told, ["ready", "Redis answers NOAUTH"])
        self.assert_stops_quietly()

    def test_stop_is_quiet_in_every_state(self) -> None:
        """Not started, connecting, waiting, preparing, ready: after a stop nothing comes."""
        states: dict[str, Callable[[], object]] = {
            "not started": lambda: None,
            "connecting": lambda: self.link.start(),
            "waiting": lambda: (self.link.start(), self.endpoint.refuse()),
            "preparing": lambda: self.connect(),
            "ready": lambda: self.connect().answer(PONG),
        }
        for reach in states.values():
            self.setUp()
            reach()
            self.assert_stops_quietly()

    def test_stop_ends_a_connection_that_hangs(self) -> None:
        """A peer that reads nothing holds a stop up for one time-out."""
        transport = self.make_ready()
        transport.hangs = True
        stopped = self.link.stop()
        self.clock.advance(0.9)
        self.assertNoResult(stopped)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_link_can_be_stopped_twice(self) -> None:
        """Who stops again in answer to the first stop, or before it is done, waits as long as it takes."""
        self.make_ready()
        first, second = self.link.stop(), self.link.stop()
        third = first.addCallback(lambda result: self.link.stop())
        self.clock.pump([0, 0, 0])
        self.successResultOf(second)
        self.successResultOf(third)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_link_can_be_started_again(self) -> None:
        """A stop is not for ever."""
        self.make_ready()
        self.assert_stops_quietly()
        self.make_ready()
        self.assertEqual(self.user.told[-1], "ready")
        self.assert_stops_quietly()
