# -*- test-case-name: tests.brokers.test_redis_sentinel -*-
"""Where the master is, asked anew for each connection: Redis behind Sentinel.

A Sentinel that does not answer, or does not know the master, is passed over; the one
that answered is asked first the next time.  While connections last, the question is repeated:
a master that was cut off from its Sentinels keeps its clients, and would lose what they publish.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, ConnectionClosed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from txredisapi import RedisError

from sockjsd.brokers._redis_protocol import Clock, RedisConnection
from sockjsd.errors import BrokerUnavailable

#: A host and a TCP port.
Place = tuple[str, int]

#: What an attempt to ask may end with; DNS and TLS errors are OSErrors or none of Redis's business.
_FAILURES = (RedisError, BrokerUnavailable, ConnectError, ConnectionClosed, OSError)


class SentinelEndpoint:
    """An endpoint that connects to whoever is the master.

    :param clock: keeps the time-outs.
    :param sentinels: where they are.
    :param master: the name of the master.
    :param credentials: user name (maybe empty) and password for the Sentinels; an empty password sends nothing.
    :param command_timeout: seconds that an answer may take.
    :param make_endpoint: makes an endpoint for a host and port.

    :ivar place: where the last connection went; ``None`` before.
    """

    def __init__(
        self,
        clock: Clock,
        sentinels: tuple[Place, ...],
        master: str,
        credentials: tuple[str, str],
        command_timeout: float,
        make_endpoint: Callable[[Place], Any],
    ) -> None:
        self.place: Place | None = None
        self._clock = clock
        self._sentinels = list(sentinels)
        self._master = master
        self._credentials = credentials
        self._command_timeout = command_timeout
        self._make_endpoint = make_endpoint

    def connect(self, factory: Any) -> Deferred[Any]:
        """Find the master and connect to it."""
        return Deferred.fromCoroutine(self._connect(factory))

    async def find(self) -> Place:
        """Where the master is.

        :raises BrokerUnavailable: no Sentinel says so.
        """
        problem = ""
        for sentinel in list(self._sentinels):
            try:
                place = await self._ask(sentinel)
            except _FAILURES as error:
                problem = str(error) or type(error).__name__
                continue
            if place is not None:
                self._prefer(sentinel)
                return place
            problem = f"it is not known by the name {self._master!r}"
        raise BrokerUnavailable(f"no Sentinel says where the master is: {problem}")

    async def _connect(self, factory: Any) -> Any:
        place = await self.find()
        self.place = place
        return await self._make_endpoint(place).connect(factory)

    async def _ask(self, sentinel: Place) -> Place | None:
        question = _Question(self._credentials, self._master)
        factory = _QuestionFactory(lambda: RedisConnection(self._clock, self._command_timeout, question))
        await self._make_endpoint(sentinel).connect(factory)
        return await question.answer

    def _prefer(self, sentinel: Place) -> None:
        self._sentinels.remove(sentinel)
        self._sentinels.insert(0, sentinel)


class SentinelWatch:
    """Asks again and again whether the master is still where the connections are.

    :param endpoint: knows both.
    :param on_moved: called when it is not.
    :param clock: keeps the time.
    :param interval: seconds between two questions.
    """

    _log = Logger()

    def __init__(self, endpoint: SentinelEndpoint, on_moved: Callable[[], None], clock: Any, interval: float) -> None:
        self._endpoint = endpoint
        self._on_moved = on_moved
        self._interval = interval
        self._asked: Deferred[None] | None = None
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to ask."""
        self._loop.start(self._interval, now=False)

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()
        if self._asked is not None:
            self._asked.cancel()

    def _look(self) -> Deferred[None]:
        self._asked = Deferred.fromCoroutine(self._compare()).addErrback(self._note)
        return self._asked

    async def _compare(self) -> None:
        known = self._endpoint.place
        try:
            place = await self._endpoint.find()
        except BrokerUnavailable:
            # Without Sentinels the master that we have is the best guess.
            return
        if known is not None and known == self._endpoint.place and place != known:
            self._on_moved()

    def _note(self, failure: Failure) -> None:
        """The loop goes on, whatever happened; that a stop ends a question is no news."""
        if not failure.check(CancelledError, ConnectingCancelledError):
            self._log.failure("The Sentinels could not be asked", failure=failure)


class _Question:
    """One question to one Sentinel, on a connection of its own.

    :ivar answer: fires with where the master is, or ``None``; fails when there is no answer.
    """

    def __init__(self, credentials: tuple[str, str], master: str) -> None:
        self.answer: Deferred[Place | None] = Deferred(lambda answer: self._leave())
        self._credentials = credentials
        self._master = master
        self._connection: RedisConnection | None = None

    def opened(self, connection: RedisConnection) -> None:
        """Ask."""
        self._connection = connection
        Deferred.fromCoroutine(self._ask(connection)).addCallbacks(self._finish, self._fail)

    def closed(self, connection: RedisConnection, problem: str) -> None:
        """The connection is gone; without an answer, that is one."""
        self._fail(Failure(BrokerUnavailable(problem)))

    async def _ask(self, connection: RedisConnection) -> object:
        username, password = self._credentials
        if password:
            await connection.auth(password, username or None)
        return await connection.execute_command(b"SENTINEL", b"get-master-addr-by-name", self._master.encode())

    def _finish(self, answer: Any) -> None:
        """Take whatever Redis's protocol allows; what names no place is no answer."""
        try:
            host, port = answer
            self._answer((host.decode(), int(port)))
        except (TypeError, ValueError, AttributeError):
            self._answer(None)

    def _answer(self, place: Place | None) -> None:
        self._leave()
        if not self.answer.called:
            self.answer.callback(place)

    def _fail(self, failure: Failure) -> None:
        self._leave()
        if not self.answer.called:
            self.answer.errback(failure)

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.abort("done")


class _QuestionFactory(Factory):
    noisy = False

    def __init__(self, build: Callable[[], RedisConnection]) -> None:
        self._build = build

    def buildProtocol(self, addr: IAddress | None) -> RedisConnection:
        """The connection."""
        return self._build()
