# -*- test-case-name: tests.brokers.test_redis_subscriber -*-
"""A connection to Redis that listens.

What it adds to txredisapi's:

* Each command gets exactly **one** reply.  SUBSCRIBE and UNSUBSCRIBE are answered
  with one confirmation per channel, of which txredisapi takes each for the reply to
  another command; here they are counted.  Messages never become replies.
* What one read brought is handed over together, at its end.  This takes hiredis, which
  is a dependency for that: without it txredisapi reads one string per turn of the reactor.
* It knows which subscriptions are confirmed.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import islice

from twisted.internet.defer import Deferred
from txredisapi import SubscriberProtocol

from sockjsd.brokers._redis_inbox import Inbox
from sockjsd.brokers._redis_protocol import Clock, ConnectionOwner, RedisConnection

#: Channels in one SUBSCRIBE: enough to make round trips irrelevant, few enough that
#: Redis answers others in between and a command stays far below any buffer's limit.
CHANNELS_PER_COMMAND = 500

_SUBSCRIPTIONS = ("SUBSCRIBE", "UNSUBSCRIBE")
_CONFIRMATIONS = (b"subscribe", b"unsubscribe")


class SubscriberConnection(RedisConnection, SubscriberProtocol):
    """A connection that listens to names in Redis.

    :param inbox: gets the messages; outlives this connection.
    :param on_read: called at the end of each read that may have filled it.
    :param on_confirmed: called with each name from which on everything arrives.
    """

    def __init__(
        self,
        clock: Clock,
        command_timeout: float,
        owner: ConnectionOwner,
        inbox: Inbox,
        on_read: Callable[[], None],
        on_confirmed: Callable[[bytes], None],
    ) -> None:
        super().__init__(clock, command_timeout, owner)
        self._inbox = inbox
        self._on_read = on_read
        self._on_confirmed = on_confirmed
        # The names whose last command was SUBSCRIBE.  Redis keeps the order of commands,
        # so this is what will hold when all of them have been answered.
        self._names: set[bytes] = set()
        # For each name how many confirmations are still to come.
        self._unconfirmed: Counter[bytes] = Counter()
        # For each command without a reply, how many answers it still gets.
        self._answers_due: deque[int] = deque()

    def listen(self, names: Iterable[bytes]) -> list[Deferred[object]]:
        """Subscribe those of *names* that are not; one Deferred for each command."""
        new = [name for name in dict.fromkeys(names) if name not in self._names]
        self._names.update(new)
        self._unconfirmed.update(new)
        rest = iter(new)
        replies = []
        while batch := list(islice(rest, CHANNELS_PER_COMMAND)):
            replies.append(self.subscribe(batch))
        return replies

    def ignore(self, name: bytes) -> list[Deferred[object]]:
        """Unsubscribe *name*; no Deferred when it is not subscribed."""
        if name not in self._names:
            return []
        self._names.discard(name)
        self._unconfirmed[name] += 1
        return [self.unsubscribe([name])]

    def hears(self, name: bytes) -> bool:
        """Whether everything that is published under *name* arrives."""
        return name in self._names and name not in self._unconfirmed

    def execute_command(self, *args: bytes | str | int, **kwargs: object) -> Deferred[object]:
        """Send one command and note how many answers belong to it."""
        reply = super().execute_command(*args, **kwargs)
        self._answers_due.append(len(args) - 1 if args[0] in _SUBSCRIPTIONS else 1)
        return reply

    def replyReceived(self, reply: object) -> None:
        """Sort messages from answers; an error answers a whole command."""
        if isinstance(reply, list) and len(reply) == 3 and reply[0] == b"message":
            if reply[1] in self._names:
                self._inbox.put(reply[1], reply[2])
        elif self._answers_due:
            self._answers_due[0] -= 1
            if not self._answers_due[0] or isinstance(reply, Exception):
                self._answers_due.popleft()
                self.replyQueue.put(reply)
            if isinstance(reply, list) and reply and reply[0] in _CONFIRMATIONS:
                self._confirm(reply[1])

    def dataReceived(self, data: bytes, unpause: bool = False) -> None:
        """Hand what this read brought over as one run."""
        super().dataReceived(data, unpause)
        self._on_read()

    def _confirm(self, name: bytes) -> None:
        self._unconfirmed[name] -= 1
        if not self._unconfirmed[name]:
            del self._unconfirmed[name]
            if name in self._names:
                self._on_confirmed(name)
