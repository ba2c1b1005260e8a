# -*- test-case-name: tests.brokers.test_redis_sentinel -*-
"""Tests for sockjsd.brokers._redis_sentinel."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectingCancelledError, ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_sentinel import Place, SentinelEndpoint, SentinelWatch
from sockjsd.errors import BrokerUnavailable
from tests.brokers.fakes import FakeEndpoint, FakeTransport, bulk, words

FIRST, SECOND, REDIS = ("s1", 1), ("s2", 2), ("redis", 7)
ASKED = words("SENTINEL get-master-addr-by-name mymaster")
KNOWN = bulk(b"redis", b"7")
MOVED = bulk(b"other", b"8")
UNKNOWN = b"*-1\r\n"
NO_PLACES = (bulk(b"redis", b"x"), bulk(b"\xff", b"7"), bulk(b"redis"), b"*2\r\n:1\r\n:2\r\n", b"+OK\r\n")


class SentinelCase(SynchronousTestCase):
    """Two Sentinels and a Redis that are played by hand."""

    credentials = ("", "")

    def setUp(self) -> None:
        """Build the endpoint."""
        self.clock = Clock()
        self.places: dict[Place, FakeEndpoint] = {}
        self.endpoint = SentinelEndpoint(
            self.clock, (FIRST, SECOND), "mymaster", self.credentials, 1.0, self.make_endpoint
        )

    def make_endpoint(self, place: Place) -> FakeEndpoint:
        """One for each place."""
        return self.places.setdefault(place, FakeEndpoint(self.clock))

    def accept(self, place: Place) -> FakeTransport:
        """Somebody connects to *place*, and is let in."""
        return self.places[place].accept()

    def say(self, place: Place, answer: bytes) -> None:
        """The Sentinel at *place* is asked, and answers."""
        transport = self.accept(place)
        self.assertEqual(transport.commands(), ASKED)
        transport.answer(answer)
        self.clock.advance(0)
        self.assertTrue(transport.lost)

    def find(self) -> Deferred[Place]:
        """Ask where the master is."""
        return Deferred.fromCoroutine(self.endpoint.find())


class EndpointTests(SentinelCase):
    """Connecting to whoever is the master."""

    def connect(self) -> Deferred[Any]:
        """Connect."""
        return self.endpoint.connect(Factory.forProtocol(Protocol))

    def test_connection_goes_where_the_sentinel_says(self) -> None:
        """The question is a connection of its own, closed after the answer."""
        connected = self.connect()
        self.say(FIRST, KNOWN)
        self.assertNoResult(connected)
        self.accept(REDIS)
        self.assertIsInstance(self.successResultOf(connected), Protocol)
        self.assertEqual(self.endpoint.place, REDIS)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_each_connection_asks_anew(self) -> None:
        """The master may be another one the next time."""
        for answer, place in ((KNOWN, REDIS), (MOVED, ("other", 8))):
            connected = self.connect()
            self.say(FIRST, answer)
            self.accept(place)
            self.successResultOf(connected)
            self.assertEqual(self.endpoint.place, place)

    def test_failure_of_the_master_is_told(self) -> None:
        """The next attempt asks again."""
        connected = self.connect()
        self.say(FIRST, KNOWN)
        self.places[REDIS].refuse()
        self.failureResultOf(connected)

    def test_attempt_can_be_given_up(self) -> None:
        """While a Sentinel is being connected, and while it thinks: nothing is left open."""
        connected = self.connect()
        connected.cancel()
        self.failureResultOf(connected)
        self.setUp()
        connected = self.connect()
        transport = self.accept(FIRST)
        connected.cancel()
        self.clock.advance(0)
        self.failureResultOf(connected)
        self.assertTrue(transport.lost)


class FindTests(SentinelCase):
    """Which Sentinel is believed."""

    def test_sentinel_that_is_no_help_is_passed_over(self) -> None:
        """Refused, closed, silent, not a Sentinel, without the name, or with an answer that names no place."""

        def close(transport: FakeTransport) -> None:
            transport.end(ConnectionDone())

        def wait(transport: FakeTransport) -> None:
            self.clock.pump([1, 0.1, 0])

        def answer_with(transport: FakeTransport, answer: bytes) -> None:
            transport.answer(answer)

        troubles = [close, wait, lambda transport: transport.answer(b"-ERR unknown command\r\n")]
        troubles += [partial(answer_with, answer=answer) for answer in (UNKNOWN, *NO_PLACES)]
        for trouble in troubles:
            self.setUp()
            found = self.find()
            trouble(self.accept(FIRST))
            self.say(SECOND, KNOWN)
            self.assertEqual(self.successResultOf(found), REDIS)
        self.setUp()
        found = self.find()
        self.places[FIRST].refuse()
        self.say(SECOND, KNOWN)
        self.assertEqual(self.successResultOf(found), REDIS)

    def test_sentinel_that_answered_is_asked_first_the_next_time(self) -> None:
        """A dead one costs its time-out once, not with each attempt."""
        found = self.find()
        self.places[FIRST].refuse()
        self.say(SECOND, KNOWN)
        self.successResultOf(found)
        found = self.find()
        self.say(SECOND, KNOWN)
        self.successResultOf(found)
        self.assertEqual(self.places[FIRST].count, 1)

    def test_error_says_why_nobody_knows(self) -> None:
        """The last reason."""
        found = self.find()
        self.places[FIRST].refuse()
        self.say(SECOND, UNKNOWN)
        failure = self.failureResultOf(found, BrokerUnavailable)
        problem = "no Sentinel says where the master is: it is not known by the name 'mymaster'"
        self.assertEqual(str(failure.value), problem)


class PasswordTests(SentinelCase):
    """Sentinels that want to know who asks."""

    credentials = ("", "s3cret")

    def test_password_comes_before_the_question(self) -> None:
        """Without a user name, and with one."""
        for credentials, auth in ((("", "s3cret"), "AUTH s3cret"), (("me", "s3cret"), "AUTH me s3cret")):
            self.credentials = credentials
            self.setUp()
            found = self.find()
            transport = self.accept(FIRST)
            self.assertEqual(transport.commands(), words(auth))
            transport.answer(b"+OK\r\n")
            self.assertEqual(transport.commands(), ASKED)
            transport.answer(KNOWN)
            self.assertEqual(self.successResultOf(found), REDIS)


class WatchTests(SentinelCase):
    """Whether the master is still where the connections are."""

    def setUp(self) -> None:
        """Connect, then watch."""
        super().setUp()
        connected = self.endpoint.connect(Factory.forProtocol(Protocol))
        self.say(FIRST, KNOWN)
        self.accept(REDIS)
        self.successResultOf(connected)
        self.moves = 0
        self.watch = SentinelWatch(self.endpoint, self.count, self.clock, 5.0)
        self.watch.start()

    def count(self) -> None:
        """The master is another one."""
        self.moves += 1

    def test_question_is_repeated(self) -> None:
        """At each interval; a master that stays is no news, another one is."""
        for answer, moves in ((KNOWN, 0), (KNOWN, 0), (MOVED, 1)):
            self.clock.advance(5)
            self.say(FIRST, answer)
            self.assertEqual(self.moves, moves)

    def test_sentinels_that_are_away_change_nothing(self) -> None:
        """The master that we have is the best guess, and they are asked again."""
        self.clock.advance(5)
        self.places[FIRST].refuse()
        self.places[SECOND].refuse()
        self.assertEqual(self.moves, 0)
        self.clock.advance(5)
        self.say(FIRST, MOVED)
        self.assertEqual(self.moves, 1)

    def test_connection_that_was_made_meanwhile_is_not_judged_by_an_old_answer(self) -> None:
        """It asked later than the question that is under way."""
        self.clock.advance(5)
        self.endpoint.place = ("other", 8)
        self.say(FIRST, KNOWN)
        self.assertEqual(self.moves, 0)

    def test_stop_ends_the_question_quietly(self) -> None:
        """Between two questions, and during one; nothing is left to happen."""
        self.clock.advance(5)
        transport = self.accept(FIRST)
        self.watch.stop()
        self.clock.advance(0)
        self.assertTrue(transport.lost)
        self.assertEqual((self.clock.getDelayedCalls(), self.flushLoggedErrors()), ([], []))
        self.watch.stop()

    def test_stop_ends_an_attempt_to_connect_quietly(self) -> None:
        """Twisted's endpoints have an error of their own for that."""
        attempt: Deferred[Place] = Deferred(lambda attempt: attempt.errback(ConnectingCancelledError(None)))

        async def find() -> Place:
            return await attempt

        self.patch(self.endpoint, "find", find)
        self.clock.advance(5)
        self.watch.stop()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_bug_does_not_end_the_watch(self) -> None:
        """It is logged, and the next question comes."""

        async def fail() -> Place:
            raise ZeroDivisionError

        self.patch(self.endpoint, "find", fail)
        self.clock.advance(5)
        self.clock.advance(5)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
