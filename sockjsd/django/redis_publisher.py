# -*- test-case-name: tests.django.test_redis_publisher -*-
"""Publishing on Redis from any thread: ``PUBLISH <prefix>.<channel> <payload>``, asked once, never repeated.

A dead Redis costs a caller at most one time-out; after that :class:`~sockjsd.django.breaker.Breaker`
answers for it.  No message contains a password.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from redis.exceptions import RedisError, ResponseError

from sockjsd.config import Broker
from sockjsd.config.addresses import hide_password
from sockjsd.django.breaker import Breaker
from sockjsd.django.redis_connections import Dial, IdleConnections, find_secrets, make_dial
from sockjsd.errors import BrokerUnavailable, NotJSON

#: What redis-py and the sockets below it raise for a Redis that cannot be used; a host
#: name that IDNA refuses is a UnicodeError.
_NETWORK_ERRORS = (RedisError, OSError, UnicodeError)


class RedisPublisher:
    """Publishes on one Redis; connects when the first publication comes.

    It may be used from many threads, and in a forked child, which gets connections of its own.

    :param broker: where Redis is (its URL is not the memory broker's), its password, the prefix and the time-outs.
    :param dial: makes connections, redis-py's for *broker* when ``None``.
    :param clock: the breaker's, in seconds.
    """

    def __init__(self, broker: Broker, dial: Dial | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._broker = broker
        self._dial = dial or make_dial(broker)
        self._clock = clock
        self._address = hide_password(broker.url)
        self._secrets = find_secrets(broker)
        self._start_afresh()

    def publish(self, channel: str, payload: str) -> int:
        """Send *payload* and return how many subscribers Redis gave it to.

        :raises BrokerUnavailable: Redis did not answer in time, refused, or is known to be down.
        :raises NotJSON: *payload* is not text that UTF-8 can carry.
        """
        message = _to_utf8(payload)
        if self._pid != os.getpid():
            self._start_afresh()
        if not self._breaker.admit():
            raise BrokerUnavailable(f"{self._address} failed a moment ago and is not asked again yet")
        answer = self._ask_guarded(f"{self._broker.prefix}.{channel}", message)
        if isinstance(answer, ResponseError):
            raise self._unavailable(answer) from self._shown(answer)
        return answer

    def _start_afresh(self) -> None:
        """Forget connections and breaker: a child shares them with its parent, and locks with its parent's threads."""
        self._pid = os.getpid()
        self._breaker = Breaker(self._broker.breaker_delay, self._clock)
        # Whoever accepts and stays silent is found out by the first answer it owes, so
        # connecting may take as long as that, and not the sum of all steps.
        limit = max(self._broker.connect_timeout, self._broker.command_timeout)
        self._connections = IdleConnections(self._dial, limit)

    def _ask_guarded(self, name: str, message: bytes) -> int | ResponseError:
        """Ask Redis and tell the breaker how it went, whatever interrupts it (also a KeyboardInterrupt)."""
        try:
            answer = self._ask(name, message)
        except _NETWORK_ERRORS as error:
            self._breaker.failed()
            raise self._unavailable(error) from self._shown(error)
        except BaseException:
            self._breaker.failed()
            raise
        self._breaker.succeeded()
        return answer

    def _ask(self, name: str, message: bytes) -> int | ResponseError:
        """Return the answer, which may be a refusal: a Redis that refuses one channel is not down."""
        connection = self._connections.take()
        answer: int | ResponseError
        try:
            connection.send_command("PUBLISH", name.encode(), message)
            answer = connection.read_response()
        except ResponseError as refusal:
            answer = refusal
        except BaseException:
            # Its answer may still come, and would be taken for that of the next command.
            connection.disconnect()
            raise
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


def _to_utf8(payload: str) -> bytes:
    try:
        return payload.encode()
    except UnicodeEncodeError as error:
        raise NotJSON("the payload contains half of a surrogate pair, which UTF-8 cannot carry") from error
