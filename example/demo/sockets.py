# -*- test-case-name: tests.test_example_chat -*-
"""The chat: one ``Chat`` for each window, in the reactor's thread, so there is neither a lock nor the ORM.

Rooms live in this daemon's memory: windows on another daemon are in other rooms, and nothing is kept.  A browser says
what ``talk`` reads; it is told JSON objects whose ``type`` is one of

* ``joined``, with ``room``, ``name`` and ``people``, the names of all who are there;
* ``came`` and ``left``, with ``name``;
* ``said``, with ``name`` and ``text``: its own words too;
* ``refused``, with ``to`` (``join`` or ``say``) and ``reason``.
"""

from __future__ import annotations

import json
from typing import ClassVar

from demo.talk import Join, Refused, Say, read
from sockjsd.sockjs.connection import SockJSConnection

#: Rooms at the same time, and people in one of them.
ROOMS_LIMIT, PEOPLE_LIMIT = 1000, 50
#: Told to a connection whose window has come back on another one.
REPLACED = (3001, "Your window has another connection")


class Chat(SockJSConnection):
    """One window: outside at first, then in one room."""

    #: Who is where: room → compared name → connection.  An empty room does not exist.
    rooms: ClassVar[dict[str, dict[str, Chat]]] = {}

    #: What it entered with; ``None`` outside.
    place: Join | None = None

    def messageReceived(self, message: str) -> None:
        """Do what the browser says, or tell it why not."""
        try:
            command = read(message)
            if isinstance(command, Join):
                self._enter(command)
            else:
                self._say(command)
        except Refused as refusal:
            self._tell(type="refused", to="say" if self.place else "join", reason=str(refusal))

    def connectionLost(self) -> None:
        """Leave the room."""
        self._leave()

    def _enter(self, place: Join) -> None:
        """Go into a room, out of another one; whoever has the same name and key there was this very window.

        :raises Refused: the name is taken, or there is no space.
        """
        if self.place is not None:
            raise Refused("You are in a room already.")
        ghost = self._check(place)
        self.place = place
        self.rooms.setdefault(place.room, {})[place.who] = self
        if ghost is None:
            self._tell_others(type="came", name=place.name)
        else:
            ghost.close(*REPLACED)
        people = [chat.place.name for chat in self._people() if chat.place is not None]
        self._tell(type="joined", room=place.room, name=place.name, people=people)

    def _check(self, place: Join) -> Chat | None:
        """Return the connection that *place* replaces, if there is one."""
        people = self.rooms.get(place.room, {})
        same = people.get(place.who)
        if same is not None and same.place is not None and same.place.key == place.key:
            return same
        if same is not None:
            raise Refused("Somebody here has this name already.")
        if len(people) >= PEOPLE_LIMIT or (not people and len(self.rooms) >= ROOMS_LIMIT):
            raise Refused("There is no space left.")
        return None

    def _say(self, words: Say) -> None:
        if self.place is None:
            raise Refused("Enter a room first.")
        self._tell_all(type="said", name=self.place.name, text=words.text)

    def _leave(self) -> None:
        """Go out; a connection that was replaced has nothing to leave any more."""
        place, self.place = self.place, None
        people = self.rooms.get(place.room, {}) if place is not None else {}
        if place is None or people.get(place.who) is not self:
            return
        del people[place.who]
        if people:
            self.broadcast(people.values(), json.dumps({"type": "left", "name": place.name}))
        else:
            del self.rooms[place.room]

    def _people(self) -> list[Chat]:
        assert self.place is not None, "outside nobody is there"
        return list(self.rooms[self.place.room].values())

    def _tell(self, **fields: object) -> None:
        self.sendMessage(json.dumps(fields))

    def _tell_all(self, **fields: object) -> None:
        self.broadcast(self._people(), json.dumps(fields))

    def _tell_others(self, **fields: object) -> None:
        self.broadcast([chat for chat in self._people() if chat is not self], json.dumps(fields))
