# -*- test-case-name: tests.django.test_redis_publisher -*-
"""Publishing on Redis from any thread, asked once, never repeated.

It is ``PUBLISH <prefix>.<channel> <text>``, or the daemon's own script where the channel keeps a history, or the
publication has an idempotency key; another script for many at once.

A dead Redis costs a caller at most one time-out; after that :class:`~sockjsd.django.breaker.Breaker`
answers for it.  No message contains a password.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from random import SystemRandom
from typing import Any

from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from sockjsd.brokers._redis_calls import Part, RedisCalls, RedisKeys, read_many, read_published, split
from sockjsd.brokers._redis_scripts import READONLY
from sockjsd.brokers.values import Keeping, Letter, Once
from sockjsd.channels.publications import Publication
from sockjsd.channels.wire import encode
from sockjsd.config import Broker
from sockjsd.config.addresses import hide_password
from sockjsd.django.breaker import Breaker
from sockjsd.django.redis_connections import Connection, Dial, IdleConnections, find_secrets, make_dial
from sockjsd.errors import BrokerUnavailable, NotJSON, PublishError

#: One command.
Words = tuple[bytes, ...]

#: What redis-py and the sockets below it raise for a Redis that cannot be used; a host
#: name that IDNA refuses is a UnicodeError.
_NETWORK_ERRORS = (RedisError, OSError, UnicodeError)


class RedisPublisher:
    """Publishes on one Redis; connects when the first publication comes.

    It may be used from many threads, and in a forked child, which gets connections of its own.

    :param broker: where Redis is (its URL is not the memory broker's), its password, the prefix and the time-outs.
    :param keeping_of: says which channels keep a history.
    :param dial: makes connections, redis-py's for *broker* when ``None``.
    :param clock: the breaker's, in seconds.
    """

    def __init__(
        self,
        broker: Broker,
        keeping_of: Callable[[str], Keeping | None],
        dial: Dial | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._broker = broker
        self._keeping_of = keeping_of
        # A source that does not repeat itself in a forked child: two entries with one tag would be one.
        self._calls = RedisCalls(RedisKeys(broker.prefix), SystemRandom())
        self._dial = dial or make_dial(broker)
        self._clock = clock
        self._address = hide_password(broker.url)
        self._secrets = find_secrets(broker)
        self._start_afresh()

    def publish(self, channel: str, publication: Publication, once: Once | None = None, *, keep: bool = True) -> int:
        """Send *publication* and return how many subscribers Redis gave it to; none hears a repetition.

        :raises BrokerUnavailable: Redis did not answer in time, refused, or is known to be down.
        :raises NotJSON: its data is not text that UTF-8 can carry.
        """
        _check_utf8(publication.data)
        if self._pid != os.getpid():
            self._start_afresh()
        keeping = self._keeping_of(channel) if keep else None
        if keeping is None and not (once and once.key):
            words = (b"PUBLISH", self._calls.keys.channel(channel), encode(publication).encode())
            return int(self._ask_guarded(words))
        call = self._calls.publish(self._calls.part(channel, publication, keeping, once))
        return read_published(self._ask_guarded(call.by_hash, call.by_text)).receivers

    def publish_many(self, letters: Sequence[Letter]) -> list[int | PublishError]:
        """Send *letters* in their order, a hundred in one question; return for each who heard it, or why nobody did.

        What is refused of one costs the others nothing.

        :raises NotJSON: data of one is not text that UTF-8 can carry; none was sent.
        """
        for letter in letters:
            _check_utf8(letter.publication.data)
        if self._pid != os.getpid():
            self._start_afresh()
        outcomes: list[int | PublishError] = []
        for some in split([self._part(letter) for letter in letters]):
            outcomes += self._publish_some(some)
        return outcomes

    def _part(self, letter: Letter) -> Part:
        keeping = self._keeping_of(letter.channel) if letter.keep else None
        return self._calls.part(letter.channel, letter.publication, keeping, letter.once)

    def _publish_some(self, parts: Sequence[Part]) -> list[int | PublishError]:
        call = self._calls.publish_many(parts)
        try:
            answer = self._ask_guarded(call.by_hash, call.by_text)
        except BrokerUnavailable as error:
            return [error] * len(parts)
        return [self._refused(one) if isinstance(one, str) else one.receivers for one in read_many(answer, len(parts))]

    def _refused(self, text: str) -> BrokerUnavailable:
        if READONLY in text:
            self._connections.close()
        return self._unavailable(ResponseError(text))

    def _start_afresh(self) -> None:
        """Forget connections and breaker: a child shares them with its parent, and locks with its parent's threads."""
        self._pid = os.getpid()
        self._breaker = Breaker(self._broker.breaker_delay, self._clock)
        # Whoever accepts and stays silent is found out by the first answer it owes, so
        # connecting may take as long as that, and not the sum of all steps.
        limit = max(self._broker.connect_timeout, self._broker.command_timeout)
        self._connections = IdleConnections(self._dial, limit)

    def _ask_guarded(self, *commands: Words) -> Any:
        """Ask Redis and tell the breaker how it went, whatever interrupts it (also a KeyboardInterrupt)."""
        if not self._breaker.admit():
            raise BrokerUnavailable(f"{self._address} failed a moment ago and is not asked again yet")
        try:
            answer = self._ask(commands)
        except _NETWORK_ERRORS as error:
            self._breaker.failed()
            raise self._unavailable(error) from self._shown(error)
        except BaseException:
            self._breaker.failed()
            raise
        # A Redis that refuses one channel is not down.
        self._breaker.succeeded()
        if isinstance(answer, ResponseError):
            raise self._unavailable(answer) from self._shown(answer)
        return answer

    def _ask(self, commands: tuple[Words, ...]) -> Any:
        """Return the answer to the first command; to the next one where Redis does not know a script.

        It may be a refusal: an error that is an answer.
        """
        connection = self._connections.take()
        try:
            answer = _ask_in_turn(connection, commands)
        except BaseException:
            # Its answer may still come, and would be taken for that of the next command.
            connection.disconnect()
            raise
        if isinstance(answer, ReadOnlyError):
            # It is a replica now, and the other connections are to the same one.
            connection.disconnect()
            self._connections.close()
        else:
            self._connections.give_back(connection)
        return answer

    def _unavailable(self, error: Exception) -> BrokerUnavailable:
        return BrokerUnavailable(f"{self._address} did not take it: {self._hide_secrets(error)}")

    def _shown(self, error: Exception) -> Exception | None:
        """Return *error* as the cause to show in tracebacks, unless a secret would be in it."""
        return error if self._hide_secrets(error) == _describe(error) else None

    def _hide_secrets(self, error: Exception) -> str:
        text = _describe(error)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _ask_in_turn(connection: Connection, commands: tuple[Words, ...]) -> Any:
    answer: Any = None
    for words in commands:
        try:
            connection.send_command(*words)
            return connection.read_response()
        except NoScriptError as unknown:
            answer = unknown
        except ResponseError as refusal:
            return refusal
    return answer


def _check_utf8(data: str) -> None:
    try:
        data.encode()
    except UnicodeEncodeError as error:
        raise NotJSON("the payload contains half of a surrogate pair, which UTF-8 cannot carry") from error
