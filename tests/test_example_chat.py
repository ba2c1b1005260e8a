# -*- test-case-name: tests.test_example_chat -*-
"""The demo's chat: what may be said, and who hears it; windows are sessions whose receivers note what they get."""

from __future__ import annotations

import json
import sys
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockjsd.registry import Registry
from sockjsd.sockjs.connection import ConnectionInfo
from sockjsd.sockjs.session import Session, SessionOptions
from sockjsd.wheel import Wheel
from tests.sockjs.fakes import RecordingReceiver
from tests.test_example import EXAMPLE

sys.path.append(str(EXAMPLE))

from demo import sockets  # the line above leads to it
from demo.talk import MESSAGE_LIMIT, Join, Refused, Say, read

ANN, BOB = "a" * 32, "b" * 32


def join(**fields: Any) -> str:
    """Return a message that enters a room, but for what *fields* say."""
    return json.dumps({"type": "join", "room": "tea", "name": "Ann", "key": ANN} | fields)


def say(text: Any) -> str:
    """Return a message that says *text*."""
    return json.dumps({"type": "say", "text": text})


class TalkTests(SynchronousTestCase):
    """What may be said."""

    def test_what_is_meant_is_read(self) -> None:
        """Without white space around it; a room's name in one form."""
        cases: dict[str, Join | Say] = {
            join(): Join("tea", "Ann", ANN),
            join(name="  Ann \t Lee ", room=" TEA-time_2 "): Join("tea-time_2", "Ann Lee", ANN),
            join(room="\uff34\uff25\uff21"): Join("tea", "Ann", ANN),
            join(name="</b>&"): Join("tea", "</b>&", ANN),
            join(name="n" * 24, room="r" * 24): Join("r" * 24, "n" * 24, ANN),
            say(" <script>alert(1)</script> "): Say("<script>alert(1)</script>"),
            say("a\nb\x00c\ud800"): Say("a b c "),
            say("\U0001f469\u200d\U0001f680"): Say("\U0001f469\u200d\U0001f680"),
            say("\U0001f600" * 500): Say("\U0001f600" * 500),
        }
        for message, meant in cases.items():
            with self.subTest(message=message[:60]):
                self.assertEqual(read(message), meant)

    def test_everything_else_is_refused(self) -> None:
        """With a reason for the visitor; nothing breaks on the way."""
        cases = {
            "": "not understood",
            "{": "not understood",
            "[]": "not understood",
            '"join"': "not understood",
            "{}": "not understood",
            '{"type": ["join"]}': "not understood",
            '{"type": "shout"}': "not understood",
            "[" * MESSAGE_LIMIT: "not understood",
            "9" * MESSAGE_LIMIT: "not understood",
            " " * MESSAGE_LIMIT + join(): "not understood",
            join(name=""): "Fill in the name",
            join(name=" \n "): "Fill in the name",
            join(name=7): "Fill in the name",
            join(name="n" * 25): "longer than 24",
            join(name="A\u202enn"): "cannot be seen",
            join(name="A\x07nn"): "cannot be seen",
            join(name="A\ud800"): "cannot be seen",
            join(room=None): "Fill in the room",
            join(room="r" * 25): "longer than 24",
            join(room="tea time"): "only letters",
            join(room="<b>"): "only letters",
            join(key=""): "not understood",
            join(key="A" * 32): "not understood",
            join(key=7): "not understood",
            say(""): "Fill in the text",
            say("\x00\x01"): "Fill in the text",
            say(["a"]): "Fill in the text",
            say("x" * 501): "longer than 500",
        }
        for message, reason in cases.items():
            with self.subTest(message=message[:60]):
                self.assertIn(reason, str(self.assertRaises(Refused, read, message)))


class Window:
    """A visitor's window.

    :param registry: the endpoint's sessions.
    """

    def __init__(self, registry: Registry) -> None:
        self.session: Session = registry.create(ConnectionInfo("192.0.2.1"), None)
        self.receiver = RecordingReceiver(self.session)
        self.session.attach(self.receiver)

    def say(self, *messages: str) -> None:
        """Send *messages*."""
        self.session.receive(list(messages))

    def leave(self) -> None:
        """Lose the connection."""
        self.session.interrupted(self.receiver)

    def heard(self) -> list[dict[str, Any]]:
        """Return what it was told since the last call; a close as ``{"closed": code}``."""
        lines, self.receiver.lines = self.receiver.lines, []
        found: list[dict[str, Any]] = []
        for frame in (line.removeprefix("r: ") for line in lines):
            if frame.startswith("a"):
                found += map(json.loads, json.loads(frame[1:]))
            elif frame.startswith("c"):
                found.append({"closed": json.loads(frame[1:])[0]})
        return found


class ChatTests(SynchronousTestCase):
    """Who hears what."""

    def setUp(self) -> None:
        """Have an endpoint whose rooms are empty."""
        self.rooms: dict[str, dict[str, sockets.Chat]] = {}
        self.patch(sockets.Chat, "rooms", self.rooms)
        self.registry = Registry(sockets.Chat, Wheel(Clock()), SessionOptions(), 2000)

    def enter(self, name: str, room: str = "tea", key: str = ANN) -> Window:
        """Return a window that is in *room*, and has heard so."""
        window = Window(self.registry)
        window.say(join(name=name, room=room, key=key))
        self.assertEqual(window.heard()[0]["type"], "joined")
        return window

    def assert_refused(self, window: Window, to: str, reason: str) -> None:
        """That is the last and only thing it was told."""
        (told,) = window.heard()
        self.assertEqual((told["type"], told["to"]), ("refused", to))
        self.assertIn(reason, told["reason"])

    def test_room_hears_who_comes_speaks_and_leaves(self) -> None:
        """The speaker too; who comes is told who is there."""
        ann = self.enter("Ann")
        bob = Window(self.registry)
        bob.say(join(name="Bob", key=BOB), say("Hello <b>all</b>"))
        said = {"type": "said", "name": "Bob", "text": "Hello <b>all</b>"}
        self.assertEqual(
            bob.heard(), [{"type": "joined", "room": "tea", "name": "Bob", "people": ["Ann", "Bob"]}, said]
        )
        bob.leave()
        self.assertEqual(ann.heard(), [{"type": "came", "name": "Bob"}, said, {"type": "left", "name": "Bob"}])

    def test_other_rooms_hear_nothing(self) -> None:
        """Neither words nor notices."""
        ann = self.enter("Ann", "coffee")
        bob = self.enter("Bob", "tea")
        bob.say(say("Hello"))
        bob.leave()
        self.assertEqual(ann.heard(), [])

    def test_name_is_taken_by_one_who_looks_alike(self) -> None:
        """In this room; in another one the name is free."""
        self.enter("Ann")
        other = Window(self.registry)
        other.say(join(name="\uff21NN", key=BOB))
        self.assert_refused(other, "join", "has this name already")
        other.say(join(name="ANN", room="coffee", key=BOB))
        self.assertEqual(other.heard()[0]["name"], "ANN")

    def test_window_that_comes_back_replaces_itself(self) -> None:
        """Nobody else hears of it, and its old connection's end takes nothing away."""
        bob, before = self.enter("Bob", key=BOB), self.enter("Ann")
        bob.heard()
        after = self.enter("Ann")
        self.assertEqual(before.heard(), [{"closed": 3001}])
        after.say(say("Here again"))
        self.assertEqual(bob.heard(), [{"type": "said", "name": "Ann", "text": "Here again"}])
        after.leave()
        self.assertEqual(bob.heard(), [{"type": "left", "name": "Ann"}])

    def test_empty_room_does_not_exist(self) -> None:
        """Whatever the end is."""
        ann, bob = self.enter("Ann"), self.enter("Bob", key=BOB)
        self.assertEqual(list(self.rooms), ["tea"])
        ann.leave()
        bob.session.close()
        self.assertEqual(self.rooms, {})

    def test_window_is_in_one_room(self) -> None:
        """It has to come anew for another one."""
        ann = self.enter("Ann")
        ann.say(join(room="coffee"))
        self.assert_refused(ann, "say", "in a room already")
        self.assertEqual(list(self.rooms), ["tea"])

    def test_nobody_speaks_from_outside(self) -> None:
        """And nonsense is answered, not punished."""
        window = Window(self.registry)
        window.say(say("Hello"))
        self.assert_refused(window, "join", "Enter a room first")
        window.say("nonsense")
        self.assert_refused(window, "join", "not understood")
        window.leave()
        self.assertEqual(self.rooms, {})

    def test_rooms_and_people_are_bounded(self) -> None:
        """Beyond that one is told so; a place that is left is free again."""
        self.patch(sockets, "PEOPLE_LIMIT", 2)
        self.patch(sockets, "ROOMS_LIMIT", 2)
        ann, _ = self.enter("Ann"), self.enter("Bob")
        self.enter("Ann", "coffee")
        window = Window(self.registry)
        for room in ("tea", "water"):
            window.say(join(name="Cleo", room=room))
            self.assert_refused(window, "join", "no space left")
        ann.leave()
        window.say(join(name="Cleo"))
        self.assertEqual(window.heard()[0]["people"], ["Bob", "Cleo"])
