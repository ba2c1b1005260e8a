# -*- test-case-name: tests.brokers.test_redis_outbox,tests.functional.test_redis_outbox -*-
"""What leaves for channels, in order, and in few calls.

Rules:

* What needs a script waits for the end of the reactor's turn; all that came in the turn leaves together.
* One call is under way at a time; what comes meanwhile waits for its answer and leaves together too.  A Redis that
  has forgotten the scripts (SCRIPT FLUSH) does not do the call, which is then repeated: whatever else had been sent
  behind it would have overtaken it.
* What needs no script is sent at once as PUBLISH, unless something waits or is under way: then it goes along.
* Nothing waits longer than the connection lives, and Redis has ``command_timeout`` for each call.
* What would make more wait than ``MOST_WAITING`` is refused: a Redis that is slow must not fill our memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Protocol

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from sockjsd.brokers._redis_calls import Part, RedisCalls, read_many, read_published, split
from sockjsd.brokers._redis_protocol import Clock, Timer
from sockjsd.brokers._redis_scripts import Call
from sockjsd.brokers.values import Published
from sockjsd.channels.publications import Position
from sockjsd.errors import BrokerUnavailable

#: Bytes of publications that may wait, each with what it takes beside its text: some seconds of what Redis can do.
MOST_WAITING = 64 * 1024 * 1024
OVERHEAD = 500


class Writer(Protocol):
    """What is needed of :class:`sockjsd.brokers._redis_writer.RedisWriter`."""

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""

    def ask(self, *words: bytes) -> Deferred[object]:
        """Send one command; fires with the answer."""

    def call(self, call: Call) -> Deferred[object]:
        """Run a script; fires with the answer."""

    def refused(self, text: str) -> Failure:
        """What a refusal by Redis, which is part of an answer, means to callers."""


class RedisOutbox:
    """See the rules above.

    :param writer: asks.
    :param scripts: builds what to ask.
    :param clock: keeps the turns.
    """

    def __init__(self, writer: Writer, scripts: RedisCalls, clock: Clock) -> None:
        self._writer = writer
        self._scripts = scripts
        self._clock = clock
        self._waiting: list[Part] = []
        # Of those that wait, in their order.
        self._answers: list[Deferred[Published]] = []
        self._bytes = 0
        self._under_way = 0
        self._turn: Timer | None = None

    def send(self, part: Part) -> Deferred[Published]:
        """Publish; fires with what became of it.

        :raises BrokerUnavailable: (in the Deferred) Redis is not there, or refused it, or too much waits for it.
        """
        if not self._writer.connected or not (part.needs_script or self._waiting or self._under_way):
            return self._writer.ask(b"PUBLISH", part.channel, part.text).addCallback(_heard)
        size = _size(part)
        if self._bytes + size > MOST_WAITING:
            return fail(BrokerUnavailable(f"{self._bytes} bytes of publications wait for Redis already"))
        answer: Deferred[Published] = Deferred()
        self._bytes += size
        self._waiting.append(part)
        self._answers.append(answer)
        self._wait()
        return answer

    def flush(self) -> None:
        """Let all that waits leave now: before the connection is closed, or something is asked that depends on it."""
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        self._call_all(*self._take(len(self._waiting)))

    def _wait(self) -> None:
        if self._turn is None and not self._under_way and self._waiting:
            self._turn = self._clock.callLater(0, self._end_turn)

    def _end_turn(self) -> None:
        self._turn = None
        first = next(split(self._waiting))
        self._call(*self._take(len(first)))

    def _take(self, count: int) -> tuple[list[Part], list[Deferred[Published]]]:
        parts, answers = self._waiting[:count], self._answers[:count]
        # What stays, which may be much, is not copied.
        del self._waiting[:count], self._answers[:count]
        self._bytes -= sum(map(_size, parts))
        return parts, answers

    def _call_all(self, parts: Sequence[Part], answers: Sequence[Deferred[Published]]) -> None:
        rest = iter(answers)
        for some in split(parts):
            self._call(some, list(islice(rest, len(some))))

    def _call(self, parts: Sequence[Part], answers: Sequence[Deferred[Published]]) -> None:
        self._under_way += 1
        if len(parts) == 1:
            reply = self._writer.call(self._scripts.publish(parts[0])).addCallback(_read_one)
        else:
            reply = self._writer.call(self._scripts.publish_many(parts)).addCallback(read_many, len(parts))
        reply.addBoth(self._answered, answers)

    def _answered(self, result: Sequence[Published | str] | Failure, answers: Sequence[Deferred[Published]]) -> None:
        self._under_way -= 1
        # Without a connection what waits fails too, and not only when there is one again.
        late = self._take(0 if self._writer.connected else len(self._waiting))
        each = [result] * len(answers) if isinstance(result, Failure) else result
        for one, answer in zip(each, answers, strict=True):
            if isinstance(one, Published):
                answer.callback(one)
            else:
                answer.errback(one if isinstance(one, Failure) else self._writer.refused(one))
        self._call_all(*late)
        self._wait()


def _size(part: Part) -> int:
    return len(part.text) + OVERHEAD


def _read_one(answer: object) -> list[Published | str]:
    return [read_published(answer)]


def _heard(receivers: object) -> Published:
    assert isinstance(receivers, int)
    return Published(receivers, Position())
