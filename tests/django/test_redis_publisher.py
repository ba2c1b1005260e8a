# -*- test-case-name: tests.django.test_redis_publisher -*-
"""Tests of ``sockjsd.django.redis_publisher``, on connections that are fakes."""

from __future__ import annotations

import os
import traceback

from redis.exceptions import AuthenticationError, NoPermissionError, NoScriptError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.brokers._redis_scripts import script
from sockjsd.brokers.values import Keeping, Letter, Once
from sockjsd.channels.publications import Publication
from sockjsd.config import Broker
from sockjsd.django.redis_publisher import RedisPublisher
from sockjsd.errors import BrokerUnavailable, NotJSON, PublishError
from tests.django.test_redis_connections import FakeConnection

BROKER = Broker(url="redis://me:hush%21@there:7000/1", prefix="site", breaker_delay=2.0)
#: The channel that keeps a history.
KEPT = {"kept": Keeping(10, 60.0)}


class RedisPublisherTests(SynchronousTestCase):
    """A publisher whose Redis does what the test says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.made: list[FakeConnection] = []
        self.connect_error: BaseException | None = None
        self.publisher = RedisPublisher(BROKER, KEPT.get, self.dial, self.clock.seconds)

    def dial(self) -> FakeConnection:
        """Make one more connection, which fails to connect while there is an error."""
        connection = FakeConnection()
        connection.connect_error = self.connect_error
        self.made.append(connection)
        return connection

    def fail_to_publish(self) -> BrokerUnavailable:
        """Publish, which must fail, and return the error."""
        error: BrokerUnavailable = self.assertRaises(
            BrokerUnavailable, self.publisher.publish, "news", Publication("1")
        )
        return error


class PublishTests(RedisPublisherTests):
    """What Redis is asked, and what comes back."""

    def test_publish_sends_command_and_returns_number_of_subscribers(self) -> None:
        """``PUBLISH <prefix>.<channel> <payload>``, as UTF-8."""
        self.publisher.publish("news", Publication('"é"'))
        (connection,) = self.made
        self.assertEqual(connection.commands, [(b"PUBLISH", b"site.news", b'"\xc3\xa9"')])
        connection.answers = [3]
        self.assertEqual(self.publisher.publish("news", Publication("1")), 3)

    def test_publisher_connects_when_first_publication_comes(self) -> None:
        """Making one costs nothing; publishing twice connects once."""
        self.assertEqual(self.made, [])
        self.publisher.publish("news", Publication("1"))
        self.publisher.publish("news", Publication("2"))
        self.assertEqual(len(self.made), 1)

    def test_publish_raises_for_payload_that_is_no_utf8(self) -> None:
        """A text from a command line may hold anything; Redis is not asked, and not blamed."""
        self.assertRaises(NotJSON, self.publisher.publish, "news", Publication('"\ud800"'))
        self.assertEqual(self.made, [])

    def test_publish_uses_own_connections_and_breaker_after_fork(self) -> None:
        """A child does not write on its parent's socket, nor suffer from its outage."""
        self.publisher.publish("news", Publication("1"))
        self.made[0].answers = [RedisTimeoutError("slow")]
        self.fail_to_publish()
        self.patch(os, "getpid", lambda: -1)
        self.publisher.publish("news", Publication("2"))
        self.assertEqual(len(self.made), 2)


class ScriptTests(RedisPublisherTests):
    """What goes through the daemon's script."""

    #: What the script answers: two nodes heard it.
    ANSWER = (2, 1, b"Ab3dAb3d", b"00000001", 0)

    def ask(self, *answers: object, **said: object) -> tuple[int, list[tuple[bytes | str, ...]]]:
        """Publish on the channel with a history; return how many heard, and the commands."""
        self.publisher.publish("news", Publication("first"))
        (connection,) = self.made
        connection.commands.clear()
        connection.answers = list(answers)
        heard = self.publisher.publish("kept", Publication("1"), **said)  # type: ignore[arg-type]
        return heard, connection.commands

    def test_publication_is_kept_where_channel_has_history(self) -> None:
        """By the hash of the script, with size and times in milliseconds."""
        heard, (command,) = self.ask(self.ANSWER)
        self.assertEqual((heard, command[:2]), (2, (b"EVALSHA", script("publish").hash)))
        self.assertEqual(command[3:6], (b"site:stream:kept", b"site:meta:kept", b"site:result:kept "))
        self.assertEqual(command[6:8], (b"site.kept", b"0:1"))
        self.assertEqual(command[10:14], (b"10", b"60000", b"2592000000", b"0"))

    def test_publication_is_not_kept_when_caller_says_so(self) -> None:
        """``keep=False`` is a plain PUBLISH."""
        _, commands = self.ask(1, keep=False)
        self.assertEqual(commands, [(b"PUBLISH", b"site.kept", b"1")])

    def test_idempotency_key_goes_through_script_without_history(self) -> None:
        """A repetition was heard by nobody."""
        heard, (command,) = self.ask((0, 0, b"", b"", 1), once=Once("k", 300.0), keep=False)
        self.assertEqual((heard, command[5], command[10:14]), (0, b"site:result:kept k", (b"0", b"0", b"0", b"300000")))

    def test_script_is_sent_when_redis_does_not_know_it(self) -> None:
        """NOSCRIPT means that nothing was done, so asking again repeats nothing."""
        heard, commands = self.ask(NoScriptError("NOSCRIPT"), self.ANSWER)
        self.assertEqual((heard, [command[0] for command in commands]), (2, [b"EVALSHA", b"EVAL"]))
        self.assertEqual(commands[1][1], script("publish").text)
        self.assertEqual(commands[0][2:], commands[1][2:])

    def test_script_that_stays_unknown_is_a_failure(self) -> None:
        """It is asked twice at most."""
        refusals = [NoScriptError("NOSCRIPT"), NoScriptError("NOSCRIPT")]
        self.assertRaises(BrokerUnavailable, self.ask, *refusals)
        self.assertEqual(len(self.made[0].commands), 2)

    def test_replica_is_left(self) -> None:
        """A Redis that takes no writes is no master any more: the next publication connects anew."""
        self.assertRaises(BrokerUnavailable, self.ask, ReadOnlyError("READONLY"))
        self.assertFalse(self.made[0].connected)
        self.publisher.publish("news", Publication("1"))
        self.assertEqual(len(self.made), 2)


class ManyTests(RedisPublisherTests):
    """Many at once."""

    @staticmethod
    def answer(*offsets: int) -> list[tuple[object, ...]]:
        """What the script answers: two nodes heard each."""
        return [(2, offset, b"Ab3dAb3d", b"00000001", 0) for offset in offsets]

    def publish(self, count: int, *answers: object) -> list[int | PublishError]:
        """Publish so many on the channel with a history; Redis answers as told."""
        if not self.made:
            self.publisher.publish("news", Publication("first"))
        self.made[-1].commands.clear()
        self.made[-1].answers = list(answers)
        return self.publisher.publish_many([Letter("kept", Publication(str(n))) for n in range(count)])

    def test_many_are_one_question(self) -> None:
        """Kept, not kept, plain and once, in their order; each has its answer."""
        letters = [
            Letter("kept", Publication("1")),
            Letter("kept", Publication("2"), Once("k", 300.0)),
            Letter("kept", Publication("3"), keep=False),
            Letter("news", Publication('"é"')),
        ]
        self.publisher.publish("news", Publication("first"))
        connection = self.made[0]
        connection.commands.clear()
        connection.answers = [[*self.answer(1), (0, 1, b"Ab3dAb3d", b"1", 1), (3, 0, b"", b"", 0), (4, 0, b"", b"", 0)]]
        self.assertEqual(self.publisher.publish_many(letters), [2, 0, 3, 4])
        (command,) = connection.commands
        self.assertEqual(command[:2], (b"EVALSHA", script("publish_many").hash))
        texts = [word for word in command if word in (b"0:1", b"0:2", b"3", '"é"'.encode())]
        self.assertEqual(texts, [b"0:1", b"0:2", b"3", '"é"'.encode()])
        self.assertIn(b"site:result:kept k", command)

    def test_more_are_more_questions(self) -> None:
        """A hundred in each."""
        outcomes = self.publish(250, self.answer(*range(100)), self.answer(*range(100)), self.answer(*range(50)))
        self.assertEqual((outcomes, len(self.made[0].commands)), ([2] * 250, 3))

    def test_nothing_asks_nothing(self) -> None:
        """Nor does it connect."""
        self.assertEqual(self.publisher.publish_many([]), [])
        self.assertEqual(self.made, [])

    def test_script_is_sent_when_redis_does_not_know_it(self) -> None:
        """Before the next question, so that the order stays."""
        self.publish(101, NoScriptError("NOSCRIPT"), self.answer(*range(100)), self.answer(1))
        self.assertEqual([command[0] for command in self.made[0].commands], [b"EVALSHA", b"EVAL", b"EVALSHA"])

    def test_refusal_of_one_costs_the_others_nothing(self) -> None:
        """It says why, without secrets, and Redis is not down."""
        first, refused, last = self.publish(3, [*self.answer(1), (b"WRONGTYPE not hush!",), *self.answer(2)])
        self.assertEqual((first, last), (2, 2))
        self.assertIsInstance(refused, BrokerUnavailable)
        self.assertIn("WRONGTYPE not ***", str(refused))
        self.assertTrue(self.made[0].connected)
        self.assertEqual(self.publish(1, self.answer(1)), [2])

    def test_replica_is_left(self) -> None:
        """Whether all of the call was refused or one."""
        for answer in (ReadOnlyError("READONLY"), [(b"READONLY You can't",)]):
            (refused,) = self.publish(1, answer)
            self.assertIsInstance(refused, BrokerUnavailable)
            self.assertFalse(self.made[-1].connected)
            self.publisher.publish("news", Publication("1"))

    def test_what_is_behind_a_failure_fails_fast(self) -> None:
        """One time-out for all: the breaker is open; nothing is sent that might overtake."""
        outcomes = self.publish(201, self.answer(*range(100)), RedisTimeoutError("slow"))
        self.assertEqual(outcomes[:100], [2] * 100)
        self.assertTrue(all(isinstance(outcome, BrokerUnavailable) for outcome in outcomes[100:]))
        self.assertIn("slow", str(outcomes[199]))
        self.assertIn("not asked again yet", str(outcomes[200]))
        self.assertEqual(len(self.made[0].commands), 2)

    def test_payload_that_is_no_utf8_is_raised_before_anything_is_sent(self) -> None:
        """Redis is not asked, and not blamed."""
        letters = [Letter("news", Publication("1")), Letter("news", Publication('"\ud800"'))]
        self.assertRaises(NotJSON, self.publisher.publish_many, letters)
        self.assertEqual(self.made, [])

    def test_forked_child_has_connections_of_its_own(self) -> None:
        """As for a single publication."""
        self.publish(1, self.answer(1))
        self.patch(os, "getpid", lambda: -1)
        self.publisher.publish_many([])
        self.publisher.publish("news", Publication("1"))
        self.assertEqual(len(self.made), 2)


class FailureTests(RedisPublisherTests):
    """What a Redis that does not answer costs, and whom."""

    def test_publish_raises_unavailable_when_redis_cannot_be_reached(self) -> None:
        """Whatever the reason is, it is one class."""
        for error in (RedisConnectionError("refused"), RedisTimeoutError("late"), OSError("TLS"), UnicodeError("name")):
            with self.subTest(error=error):
                self.connect_error = error
                self.assertIn(str(error), str(self.fail_to_publish()))
                self.clock.advance(BROKER.breaker_delay)

    def test_publish_fails_at_once_while_breaker_is_open(self) -> None:
        """The network is not touched again before the delay is over."""
        self.connect_error = RedisConnectionError("refused")
        self.fail_to_publish()
        self.connect_error = None
        self.assertIn("not asked again yet", str(self.fail_to_publish()))
        self.assertEqual(len(self.made), 1)
        self.clock.advance(BROKER.breaker_delay)
        self.publisher.publish("news", Publication("1"))

    def test_publish_never_repeats_and_drops_connection_after_time_out(self) -> None:
        """The publication may have gone out; the late answer belongs to nobody."""
        self.publisher.publish("news", Publication("1"))
        (connection,) = self.made
        connection.answers = [RedisTimeoutError("late")]
        self.fail_to_publish()
        self.assertFalse(connection.connected)
        self.assertEqual(len(connection.commands), 2)
        self.clock.advance(BROKER.breaker_delay)
        self.publisher.publish("news", Publication("2"))
        self.assertEqual(len(self.made), 2)

    def test_publish_that_is_interrupted_reports_to_breaker(self) -> None:
        """A KeyboardInterrupt during the probe does not leave everybody waiting for its report."""
        self.connect_error = RedisConnectionError("refused")
        self.fail_to_publish()
        self.clock.advance(BROKER.breaker_delay)
        self.connect_error = KeyboardInterrupt()
        self.assertRaises(KeyboardInterrupt, self.publisher.publish, "news", Publication("1"))
        self.connect_error = None
        self.clock.advance(BROKER.breaker_delay)
        self.publisher.publish("news", Publication("1"))

    def test_publication_that_cannot_be_written_is_no_probe(self) -> None:
        """Nobody would report what became of it, and the breaker would wait for that for ever."""
        self.connect_error = RedisConnectionError("refused")
        self.fail_to_publish()
        self.connect_error = None
        self.clock.advance(BROKER.breaker_delay)
        broken = Publication("1", tags={"a": object()})  # type: ignore[dict-item]
        self.assertRaises(TypeError, self.publisher.publish, "news", broken)
        self.publisher.publish("news", Publication("1"))

    def test_refusal_does_not_open_breaker(self) -> None:
        """A Redis that refuses one channel answers, so the others go on, on the same connection."""
        self.publisher.publish("news", Publication("1"))
        self.made[0].answers = [NoPermissionError("this user has no permissions to access that channel")]
        self.assertIn("no permissions", str(self.fail_to_publish()))
        self.publisher.publish("other", Publication("1"))
        self.assertEqual(len(self.made), 1)


class SecretTests(RedisPublisherTests):
    """A password is never shown."""

    def shown(self, broker: Broker, text: str) -> str:
        """The whole traceback of a publication that fails because Redis says *text*."""
        self.publisher = RedisPublisher(broker, KEPT.get, self.dial, self.clock.seconds)
        self.connect_error = AuthenticationError(text)
        return "".join(traceback.format_exception(self.fail_to_publish()))

    def test_error_hides_password_in_each_form(self) -> None:
        """Also where Redis repeats what it was sent, and also in the cause."""
        for broker, text in [
            (BROKER, "unknown command AUTH me hush!"),
            (BROKER, "cannot read redis://me:hush%21@there"),
            (Broker(url="redis://there", password="hush!"), "wrong: hush!"),
        ]:
            with self.subTest(text=text):
                shown = self.shown(broker, text)
                self.assertIn("***", shown)
                self.assertNotIn("hush", shown)

    def test_error_shows_address_and_cause_where_no_secret_is(self) -> None:
        """An operator sees which Redis, and what redis-py said."""
        shown = self.shown(BROKER, "invalid username-password pair")
        self.assertIn("there:7000/1", shown)
        self.assertIn("AuthenticationError: invalid username-password pair", shown)
        self.assertNotIn("hush", shown)

    def test_refusal_hides_password_too(self) -> None:
        """What Redis answers to a command passes the same filter."""
        self.publisher.publish("news", Publication("1"))
        self.made[0].answers = [ResponseError("no hush! here")]
        self.assertNotIn("hush", "".join(traceback.format_exception(self.fail_to_publish())))
