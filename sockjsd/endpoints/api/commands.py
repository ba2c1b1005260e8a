# -*- test-case-name: tests.endpoints.api.test_commands -*-
"""One request of the server API from its body to its answer, also where it is made of several commands.

``broadcast`` is one publication for many channels, ``batch`` is many commands.  What is wrong with one of them stands
in its own answer, and costs the others nothing.  At most ``AT_ONCE`` of them are under way at a time, so that
one request cannot fill the broker's queue; a broadcast among parallel commands is one of these, and makes its
publications one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.endpoints.api import replies
from sockjsd.endpoints.api.fields import Fields, bad_request, channel_name
from sockjsd.endpoints.api.methods import Methods
from sockjsd.errors import APIError, BrokerUnavailable, ChannelNameError

#: Commands of one request under way at a time.
AT_ONCE = 64
#: Commands of a batch, and channels of a broadcast.
MOST = 10_000


class Commands:
    """All commands, ``broadcast`` and ``batch`` too.

    :param methods: the single ones.
    """

    _log = Logger()

    def __init__(self, methods: Methods) -> None:
        self._methods = methods

    def answer(self, method: str, fields: Fields) -> Deferred[str]:
        """Carry out what one request says; fires with the whole answer, and never fails."""
        if method == "batch":
            return self._caught(lambda: self._batch(fields))
        return self._caught(lambda: self._call(method, fields, AT_ONCE).addCallback(replies.result))

    def _call(self, method: str, fields: Fields, at_once: int) -> Deferred[str]:
        return self._broadcast(fields, at_once) if method == "broadcast" else self._methods.call(method, fields)

    def _broadcast(self, fields: Fields, at_once: int) -> Deferred[str]:
        channels = fields.words("channels")
        if not channels:
            raise bad_request("channels is missing, or empty")
        calls = [self._publication(channel, fields) for channel in channels]
        responses = self._all(calls, at_once)
        return responses.addCallback(lambda texts: replies.build({"responses": replies.array(texts)}))

    def _publication(self, channel: str, fields: Fields) -> Callable[[], Deferred[str]]:
        return lambda: self._methods.publish(channel_name(channel), fields).addCallback(replies.result)

    def _batch(self, fields: Fields) -> Deferred[str]:
        commands = fields.list("commands", MOST)
        at_once, each_at_once = (AT_ONCE, 1) if fields.flag("parallel") else (1, AT_ONCE)
        answers = self._all([self._command(text, each_at_once) for text in commands], at_once)
        return answers.addCallback(lambda texts: replies.build({"replies": replies.array(texts)}))

    def _command(self, text: str, at_once: int) -> Callable[[], Deferred[str]]:
        """Return what carries out one command of a batch, ``{"publish": {…}}``, itself at most *at_once* at a time."""

        def carry_out() -> Deferred[str]:
            fields = Fields(text)
            names = fields.names()
            if len(names) != 1 or names[0] == "batch":
                raise bad_request("a command of a batch is an object with one member, the method")
            called = self._call(names[0], Fields(fields.json(names[0])), at_once)
            return called.addCallback(lambda result: replies.build({names[0]: result}))

        return carry_out

    def _all(self, calls: Iterable[Callable[[], Deferred[str]]], at_once: int) -> Deferred[list[str]]:
        """Make all *calls*, in their order, a few at a time; fires with their answers, errors among them."""
        waiting, answers = iter(enumerate(calls)), dict[int, str]()
        hands = [Deferred.fromCoroutine(self._work(waiting, answers)) for _ in range(at_once)]
        return gatherResults(hands).addCallback(lambda _: [answers[index] for index in sorted(answers)])

    async def _work(self, waiting: Iterator[tuple[int, Callable[[], Deferred[str]]]], answers: dict[int, str]) -> None:
        """Make one call after the other.

        A loop, because callbacks that set off each other would nest: thousands of answers can be there at once.
        """
        for index, call in waiting:
            answers[index] = await self._caught(call)

    def _caught(self, call: Callable[[], Deferred[str]]) -> Deferred[str]:
        """Make one call; what goes wrong is its answer."""
        return maybeDeferred(call).addErrback(self._error)

    def _error(self, failure: Failure) -> str:
        error = failure.value
        if isinstance(error, APIError):
            return replies.error(error)
        if isinstance(error, ChannelNameError):
            return replies.error(bad_request(str(error)))
        if isinstance(error, BrokerUnavailable):  # the broker itself says in the log that it is gone
            return replies.error(APIError(100, f"internal server error: {error}"))
        self._log.failure("A command of the server API failed", failure=failure)
        return replies.error(APIError(100, "internal server error"))
