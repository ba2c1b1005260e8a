# -*- test-case-name: tests.django.test_redis_publisher -*-
"""Tests of ``sockjsd.django.redis_publisher``, on connections that are fakes."""

from __future__ import annotations

import os
import traceback

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.config import Broker
from sockjsd.django.redis_publisher import RedisPublisher
from sockjsd.errors import BrokerUnavailable, NotJSON
from tests.django.test_redis_connections import FakeConnection

BROKER = Broker(url="redis://me:hush%21@there:7000/1", prefix="site", breaker_delay=2.0)


class RedisPublisherTests(SynchronousTestCase):
    """A publisher whose Redis does what the test says."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.made: list[FakeConnection] = []
        self.connect_error: BaseException | None = None
        self.publisher = RedisPublisher(BROKER, self.dial, self.clock.seconds)

    def dial(self) -> FakeConnection:
        """Make one more connection, which fails to connect while there is an error."""
        connection = FakeConnection()
        connection.connect_error = self.connect_error
        self.made.append(connection)
        return connection

    def fail_to_publish(self) -> BrokerUnavailable:
        """Publish, which must fail, and return the error."""
        error: BrokerUnavailable = self.assertRaises(BrokerUnavailable, self.publisher.publish, "news", "1")
        return error


class PublishTests(RedisPublisherTests):
    """What Redis is asked, and what comes back."""

    def test_publish_sends_command_and_returns_number_of_subscribers(self) -> None:
        """``PUBLISH <prefix>.<channel> <payload>``, as UTF-8."""
        self.publisher.publish("news", '"é"')
        (connection,) = self.made
        self.assertEqual(connection.commands, [("PUBLISH", b"site.news", b'"\xc3\xa9"')])
        connection.answers = [3]
        self.assertEqual(self.publisher.publish("news", "1"), 3)

    def test_publisher_connects_when_first_publication_comes(self) -> None:
        """Making one costs nothing; publishing twice connects once."""
        self.assertEqual(self.made, [])
        self.publisher.publish("news", "1")
        self.publisher.publish("news", "2")
        self.assertEqual(len(self.made), 1)

    def test_publish_raises_for_payload_that_is_no_utf8(self) -> None:
        """A text from a command line may hold anything; Redis is not asked, and not blamed."""
        self.assertRaises(NotJSON, self.publisher.publish, "news", '"\ud800"')
        self.assertEqual(self.made, [])

    def test_publish_uses_own_connections_and_breaker_after_fork(self) -> None:
        """A child does not write on its parent's socket, nor suffer from its outage."""
        self.publisher.publish("news", "1")
        self.made[0].answers = [RedisTimeoutError("slow")]
        self.fail_to_publish()
        self.patch(os, "getpid", lambda: -1)
        self.publisher.publish("news", "2")
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
        self.publisher.publish("news", "1")

    def test_publish_never_repeats_and_drops_connection_after_time_out(self) -> None:
        """The publication may have gone out; the late answer belongs to nobody."""
        self.publisher.publish("news", "1")
        (connection,) = self.made
        connection.answers = [RedisTimeoutError("late")]
        self.fail_to_publish()
        self.assertFalse(connection.connected)
        self.assertEqual(len(connection.commands), 2)
        self.clock.advance(BROKER.breaker_delay)
        self.publisher.publish("news", "2")
        self.assertEqual(len(self.made), 2)

    def test_publish_that_is_interrupted_reports_to_breaker(self) -> None:
        """A KeyboardInterrupt during the probe does not leave everybody waiting for its report."""
        self.connect_error = RedisConnectionError("refused")
        self.fail_to_publish()
        self.clock.advance(BROKER.breaker_delay)
        self.connect_error = KeyboardInterrupt()
        self.assertRaises(KeyboardInterrupt, self.publisher.publish, "news", "1")
        self.connect_error = None
        self.clock.advance(BROKER.breaker_delay)
        self.publisher.publish("news", "1")

    def test_refusal_does_not_open_breaker(self) -> None:
        """A Redis that refuses one channel answers, so the others go on, on the same connection."""
        self.publisher.publish("news", "1")
        self.made[0].answers = [NoPermissionError("this user has no permissions to access that channel")]
        self.assertIn("no permissions", str(self.fail_to_publish()))
        self.publisher.publish("other", "1")
        self.assertEqual(len(self.made), 1)


class SecretTests(RedisPublisherTests):
    """A password is never shown."""

    def shown(self, broker: Broker, text: str) -> str:
        """The whole traceback of a publication that fails because Redis says *text*."""
        self.publisher = RedisPublisher(broker, self.dial, self.clock.seconds)
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
        self.publisher.publish("news", "1")
        self.made[0].answers = [ResponseError("no hush! here")]
        self.assertNotIn("hush", "".join(traceback.format_exception(self.fail_to_publish())))
