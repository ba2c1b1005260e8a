# -*- test-case-name: tests.sockjs.test_states -*-
"""The states of a session, and every change between them that is allowed."""

from __future__ import annotations

from enum import Enum

from sockjsd.errors import StateError


class State(Enum):
    """Where a session stands."""

    # Members are looked up in tables on hot paths, and Enum's own hash is written in Python.
    __hash__ = object.__hash__

    #: Created by a first request; the client has seen nothing, the application knows nothing.
    NEW = "new"
    #: The open frame is out, messages flow both ways.
    OPEN = "open"
    #: It is over for the application; who asks gets what still waits, then the close frame, until the delay is over.
    CLOSING = "closing"
    #: Forgotten; the id is free again.
    CLOSED = "closed"


class Event(Enum):
    """What changes a session's state."""

    # Members are looked up in tables on hot paths, and Enum's own hash is written in Python.
    __hash__ = object.__hash__

    #: A first receiver came.
    ATTACHED = "attached"
    #: The application closed, a receiver was interrupted, or nobody came back in time.
    ENDED = "ended"
    #: The close frame was on offer for long enough, there is nobody to offer it to, or nobody ever came.
    FORGOTTEN = "forgotten"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.NEW, Event.ATTACHED): State.OPEN,
    (State.OPEN, Event.ENDED): State.CLOSING,
    (State.CLOSING, Event.FORGOTTEN): State.CLOSED,
    (State.NEW, Event.FORGOTTEN): State.CLOSED,
}


def next_state(state: State, event: Event) -> State:
    """Return the state that follows *state* after *event*.

    :raises StateError: the table does not list the pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise StateError(f"a session that is {state.value} cannot be {event.value}") from None
