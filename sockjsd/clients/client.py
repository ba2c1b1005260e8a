# -*- test-case-name: tests.clients.test_client -*-
"""One connection that speaks the client protocol.

It gets texts from its transport, and gives it batches; it knows nothing of HTTP.  The first
command has to be ``connect``, in time; what comes in the same breath waits for the answer to that.
After it commands are carried out in order, and answered as soon as what they need is there, so that a slow one
keeps no other.  Replies that are ready together leave together, but never after
a push that they come before.

What a command does is in ``commanding.py`` and ``connecting.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockjsd.channels.protocol import codes, replies
from sockjsd.channels.protocol.codes import Disconnect, Error, Unsubscribe
from sockjsd.channels.protocol.commands import Command, Connect, Pong, decode
from sockjsd.clients import commanding, connecting
from sockjsd.clients.alarms import Alarm
from sockjsd.clients.rates import Bucket
from sockjsd.clients.subscribing import Subscriptions
from sockjsd.errors import BrokerUnavailable, ClientDismissed, CommandRefused, MalformedCommand
from sockjsd.sockjs.batch import Batch

if TYPE_CHECKING:
    from sockjsd.clients.hall import Hall
    from sockjsd.clients.interfaces import Transport

#: The same object for all: it is encoded once for each kind of transport.
_PING = Batch([replies.PING])


class Phase(Enum):
    """How far a connection has come."""

    #: Nobody knows who it is.
    NEW = "new"
    #: It has said so, and what it needs is being fetched.
    CONNECTING = "connecting"
    #: It may do what it is allowed to.
    CONNECTED = "connected"
    #: It is over.
    CLOSED = "closed"


class Client:
    """One connection.

    :param hall: what it shares with others.
    :param transport: carries it; its duty is to call :meth:`received`, and in the end :meth:`lost`.
    :ivar id: the connection's id, which others see.
    :ivar session: a second one, which only the client itself sees.
    :ivar user: the user's id, ``""`` while it is not known and for an anonymous one.
    :ivar info: JSON text that others see, ``""`` for none.
    :ivar meta: JSON text that only the server sees, ``""`` for none.
    :ivar expire_at: when the connection expires, seconds since the epoch; 0: never.
    """

    __slots__ = (
        "_alarm",
        "_batching",
        "_bucket",
        "_expiry",
        "_outbox",
        "_overdue",
        "_pinged",
        "_waiting",
        "expire_at",
        "hall",
        "id",
        "info",
        "meta",
        "phase",
        "session",
        "subscriptions",
        "transport",
        "user",
    )

    _log = Logger()

    def __init__(self, hall: Hall, transport: Transport) -> None:
        options = hall.options
        self.hall = hall
        self.transport = transport
        self.id = hall.make_id()
        self.session = hall.make_id()
        self.user = self.info = self.meta = ""
        self.expire_at = 0
        self.phase = Phase.NEW
        self.subscriptions = Subscriptions(self)
        self._bucket = Bucket(options.command_rate, options.command_burst, hall.clock.seconds())
        # Commands that wait until the client is connected.
        self._waiting: list[Command] = []
        # Replies of commands that came together, while they are carried out.
        self._batching = False
        self._outbox: list[str] = []
        # Whether a ping waits for its answer, and whether the time for that is over.
        self._pinged = self._overdue = False
        self._alarm = Alarm(hall.wheel, self._alarmed)
        self._alarm.set(options.stale_delay)
        self._expiry: Alarm | None = None

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self.phase is Phase.CLOSED

    # From the transport.

    def received(self, text: str) -> None:
        """Carry out the commands in *text*."""
        if self.phase is Phase.CLOSED:
            return
        try:
            commands = decode(text)
        except MalformedCommand as error:
            self._log.debug("{client}: {error}", client=self.id, error=error)
            self.disconnect(codes.MALFORMED)
            return
        self._together(commands, self._take)

    def lost(self) -> None:
        """Take note that the transport has ended; a second call changes nothing."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self._alarm.cancel()
        if self._expiry is not None:
            self._expiry.cancel()
        self._waiting.clear()
        self._outbox.clear()
        self.subscriptions.end_all()
        self.hall.leave(self)

    # What others do with it.

    def disconnect(self, disconnect: Disconnect) -> None:
        """End the connection, and tell the client why."""
        if self.phase is not Phase.CLOSED:
            self.hall.disconnected[disconnect.code] += 1
            self.flush()
            self.lost()
            self.transport.close(disconnect.code, disconnect.reason)

    def push(self, text: str) -> None:
        """Send one push, after all replies that are ready."""
        if self.phase is not Phase.CLOSED:
            self._outbox.append(text)
            self.flush()

    def unsubscribe(self, channel: str, unsubscribe: Unsubscribe) -> None:
        """End a subscription, and tell the client why; harmless where there is none."""
        if self.subscriptions.end(channel) is not None:
            self.push(replies.push("unsubscribe", replies.reason(unsubscribe.code, unsubscribe.reason), channel))

    def on_reset(self, channel: str) -> None:
        """What follows on *channel* does not join up with what the client has: let it subscribe anew."""
        self._end(channel, codes.STATE_LOST, codes.INSUFFICIENT_STATE)

    def on_subscription_expired(self, channel: str) -> None:
        """The time of a subscription is over, and nobody sent a new token."""
        self._end(channel, codes.EXPIRED_SUBSCRIPTION, codes.SUBSCRIPTION_EXPIRED)

    def prolong(self, expire_at: int) -> None:
        """Let the connection expire at another time; 0: never."""
        self.expire_at = expire_at
        if self._expiry is None:
            self._expiry = Alarm(self.hall.wheel, lambda: self.disconnect(codes.CONNECTION_EXPIRED))
        if expire_at:
            self._expiry.set(expire_at - self.hall.now() + self.hall.options.expired_delay)
        else:
            self._expiry.cancel()

    def flush(self) -> None:
        """Send the replies that wait."""
        if self._outbox:
            text = "\n".join(self._outbox)
            self._outbox.clear()
            self.transport.deliver(Batch([text]))

    # Commands.

    def connected(self) -> None:
        """Begin to be there: the answer to ``connect`` has been sent; what was sent may have been its end."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CONNECTED
        self.hall.enter(self)
        if self.expire_at:
            self.prolong(self.expire_at)
        self._alarm.set(self.hall.options.ping_interval)
        waiting, self._waiting = self._waiting, []
        self._together(waiting, self._perform)

    def answer(self, command: Command, result: str) -> None:
        """Send the result of *command*, JSON text, now or with those that came with it."""
        if self.phase is not Phase.CLOSED and command.id:
            self._reply(replies.reply(command.id, command.method, result))

    def _together(self, commands: list[Command], then: Callable[[Command], object]) -> None:
        """Let *then* have each of *commands*; replies that are ready at the end leave together."""
        outermost = not self._batching  # an answer to one of them may make others possible
        self._batching = True
        try:
            for command in commands:
                if self.phase is not Phase.CLOSED:
                    then(command)
        finally:
            if outermost:
                self._batching = False
                self.flush()

    def _take(self, command: Command) -> None:
        if isinstance(command.request, Pong):
            self._ponged()
        elif isinstance(command.request, Connect) is not (self.phase is Phase.NEW):
            self.disconnect(codes.MALFORMED)  # the first command and no other one is connect
        elif self.phase is Phase.CONNECTING:
            self._admit(command, self._waiting.append)
        else:
            self._admit(command, self._perform)

    def _admit(self, command: Command, then: Callable[[Command], object]) -> None:
        """Carry *command* out unless there were too many."""
        if self._bucket.take(self.hall.clock.seconds()):
            then(command)
        elif self._bucket.overdrawn or not command.id:  # what is not answered cannot be refused
            self.disconnect(codes.TOO_MANY_COMMANDS)
        else:
            self._refuse(command, codes.TOO_MANY_REQUESTS)

    def _perform(self, command: Command) -> None:
        request = command.request
        try:
            if isinstance(request, Connect):
                self.phase = Phase.CONNECTING
                outcome: Deferred[None] | None = connecting.connect(self, command, request)
            else:
                outcome = commanding.HANDLERS[type(request)](self, command, request)
        except Exception:
            self._fail(Failure(), command)
            return
        if outcome is not None:
            outcome.addErrback(self._fail, command)

    def _fail(self, failure: Failure, command: Command) -> None:
        """Answer *command* by what went wrong."""
        error = failure.value
        if isinstance(error, CommandRefused):
            self._refuse(command, Error(error.code, error.text, error.temporary))
        elif isinstance(error, ClientDismissed):
            self.disconnect(Disconnect(error.code, error.reason))
        elif isinstance(error, BrokerUnavailable):
            self._refuse(command, codes.INTERNAL)
        else:
            self._log.failure("{method} failed", failure=failure, method=command.method)
            self._refuse(command, codes.INTERNAL)

    def _refuse(self, command: Command, error: Error) -> None:
        if self.phase is Phase.CLOSED:
            return
        self.hall.refused[error.code] += 1
        if command.id:
            self._reply(replies.refusal(command.id, error))
        if isinstance(command.request, Connect):
            self._refused_entry()

    def _refused_entry(self) -> None:
        """Let it try again, until it is stale; what waited for it has waited in vain."""
        self.phase = Phase.NEW
        self.subscriptions.end_all()
        waiting, self._waiting = self._waiting, []
        for command in waiting:
            self._refuse(command, codes.UNAUTHORIZED)

    def _reply(self, text: str) -> None:
        self._outbox.append(text)
        if not self._batching:
            self.flush()

    # Time.

    def _alarmed(self) -> None:
        options = self.hall.options
        if self.phase is not Phase.CONNECTED:
            self.disconnect(codes.STALE)
        elif self._overdue:
            self.disconnect(codes.NO_PONG)
        elif self._pinged:  # after a standstill of the process the answer may be here, and is read before the next turn
            self._overdue = True
            self._alarm.set(0)
        else:
            self._pinged = True
            self._alarm.set(options.pong_timeout)
            self.transport.deliver(_PING)

    def _ponged(self) -> None:
        if self._pinged:
            self._pinged = self._overdue = False
            self._alarm.set(self.hall.options.ping_interval)
        elif not self._bucket.take(self.hall.clock.seconds()):  # nobody asked, and answering would be no better
            self.disconnect(codes.TOO_MANY_COMMANDS)

    def _end(self, channel: str, unsubscribe: Unsubscribe, disconnect: Disconnect) -> None:
        """End a subscription so that it is made again: its maker has to do that."""
        subscription = self.subscriptions.find(channel)
        if subscription is None:
            return
        if subscription.server_side:
            self.disconnect(disconnect)
        else:
            self.unsubscribe(channel, unsubscribe)
