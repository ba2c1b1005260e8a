# -*- test-case-name: tests.sockjs.test_session_properties -*-
"""Whatever happens to a session, in whatever order: what always holds."""

from __future__ import annotations

import json
from itertools import count
from unittest import TestCase

from hypothesis import given, settings
from hypothesis import strategies as st

from sockjsd.sockjs.batch import OVERHEAD
from sockjsd.sockjs.session import SessionOptions
from sockjsd.sockjs.states import State
from tests.sockjs.fakes import Life, RecordingReceiver, closes, drains, loses, says, sends

#: One machine is as slow as another, and a failure has to be the same everywhere.
steady = settings(derandomize=True, deadline=None, max_examples=500)

#: Enough for some messages between two polls, and not for many.
OPTIONS = SessionOptions(output_limit=15 * (OVERHEAD + 4))


class Chaos:
    """A life to which anything happens.

    Messages are numbers in both directions, so that their order can be seen.
    """

    def __init__(self, *, resumable: bool) -> None:
        self.life = Life(OPTIONS, resumable=resumable)
        self.lines: list[str] = self.life.lines
        handler = self.life.handler
        handler.on_opened = handler.on_closed = lambda session: self.happen(self.reaction)
        handler.on_received = lambda session, text: self.happen(self.reaction)
        #: What the application does in each of its callbacks.
        self.reaction = "nothing"
        self._names = count()
        self._sent = count()
        self._said = count()

    @property
    def last(self) -> RecordingReceiver:
        """The receiver that was offered last."""
        return self.life.receivers[max(self.life.receivers, key=int)]

    def happen(self, event: str) -> None:
        """Let one of ``EVENTS`` happen."""
        if self.life.receivers or event in OFFERS:
            EVENTS[event](self)

    def offer(self, capacity: int | None, *, writable: bool = True) -> None:
        """Another request or socket comes."""
        self.life.offer(str(next(self._names)), capacity, writable=writable)

    def send(self, times: int = 1) -> None:
        """The application sends."""
        for _ in range(times):
            sends(str(next(self._sent)))(self.life)

    def say(self) -> None:
        """The client sends an array."""
        says(str(next(self._said)), str(next(self._said)))(self.life)

    def expect(self, event: str) -> None:
        """Let *event* happen inside the next call of the last receiver, once."""
        receiver = self.last

        def then() -> None:
            receiver.then = lambda: None
            self.happen(event)

        receiver.then = then

    def react(self, event: str) -> None:
        """Let the application do *event* in its callbacks from now on."""
        self.reaction = event

    def time_comes(self) -> None:
        """What the keeper was asked for is due."""
        if self.life.keeper.seconds is not None:
            self.life.keeper.seconds = None
            self.life.session.timed_out()

    def finish(self) -> None:
        """Let time pass until nothing is due any more."""
        closes()(self.life)
        self.time_comes()

    # What the lines say.

    def arrived(self) -> list[str]:
        """The messages that reached the client."""
        arrays = [line.partition(": a")[2] for line in self.lines if ": a[" in line]
        return [text for array in arrays for text in json.loads(array)]

    def heard(self) -> list[str]:
        """What the application was told, in order."""
        return [line.split()[1] for line in self.lines if line.startswith("app:")]

    def received(self) -> list[str]:
        """The messages that reached the application."""
        return [line.split()[2] for line in self.lines if line.startswith("app: received")]


OFFERS = {
    "poll": lambda chaos: chaos.offer(1),
    "stream": lambda chaos: chaos.offer(None),
    "short stream": lambda chaos: chaos.offer(3),
    "stalled stream": lambda chaos: chaos.offer(None, writable=False),
}
EVENTS = OFFERS | {
    "nothing": lambda chaos: None,
    "stall": lambda chaos: setattr(chaos.last, "writable", False),
    "room": lambda chaos: setattr(chaos.last, "writable", True),
    "drain": lambda chaos: drains(chaos.last.name)(chaos.life),
    "loss": lambda chaos: loses(chaos.last.name)(chaos.life),
    "message": Chaos.send,
    "many messages": lambda chaos: chaos.send(20),
    "close": lambda chaos: closes()(chaos.life),
    "time": Chaos.time_comes,
    "client's messages": Chaos.say,
    "application will send": lambda chaos: chaos.react("message"),
    "application will close": lambda chaos: chaos.react("close"),
    "application will rest": lambda chaos: chaos.react("nothing"),
    "poll will follow": lambda chaos: chaos.expect("poll"),
    "client's messages will follow": lambda chaos: chaos.expect("client's messages"),
    "loss will follow": lambda chaos: chaos.expect("loss"),
}
#: What ends nothing comes more often, or no life would be long.
TRAFFIC = ["poll", "stream", "stall", "room", "drain", "message", "client's messages"]
LIVES = st.lists(st.sampled_from(TRAFFIC) | st.sampled_from(sorted(EVENTS)), min_size=25, max_size=50)


class SessionPropertyTests(TestCase):
    """Random sequences of events."""

    @given(LIVES, st.booleans())
    @steady
    def test_session_keeps_its_promises(self, events: list[str], resumable: bool) -> None:
        """Nothing raises; order, "exactly once" and "nothing after the end" hold; nothing is left behind."""
        chaos = Chaos(resumable=resumable)
        for event in events:
            chaos.happen(event)
        self.check_messages(chaos)
        chaos.finish()
        self.check_end(chaos, opened=bool(chaos.life.receivers))

    def check_messages(self, chaos: Chaos) -> None:
        """Each direction arrives in order, without a hole and without a repetition."""
        for texts in (chaos.arrived(), chaos.received()):
            self.assertEqual(texts, [str(number) for number in range(len(texts))])

    def check_end(self, chaos: Chaos, *, opened: bool) -> None:
        """The application hears one beginning first and one end last; the keeper has nothing left."""
        heard = chaos.heard()
        self.assertEqual([heard.count("opened"), heard.count("closed")], [int(opened)] * 2)
        if opened:
            self.assertEqual([heard[0], heard[-1]], ["opened", "closed"])
        self.assertIs(chaos.life.session.state, State.CLOSED)
        self.assertEqual(chaos.lines.count("forgotten"), 1)
        self.assertIsNone(chaos.life.keeper.seconds)
