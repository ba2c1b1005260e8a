# -*- test-case-name: tests.sockjs.test_states -*-
"""The table of a session's states."""

from __future__ import annotations

from itertools import product
from unittest import TestCase

from sockjsd.errors import StateError
from sockjsd.sockjs.states import TRANSITIONS, Event, State, next_state
from tests.sockjs.fakes import Life, closes, stream, time_comes


class StateTests(TestCase):
    """The table of states."""

    def test_listed_pair_leads_to_its_state(self) -> None:
        """Each row is what `next_state` says."""
        for (state, event), expected in TRANSITIONS.items():
            self.assertIs(next_state(state, event), expected)

    def test_unlisted_pair_is_an_error(self) -> None:
        """It names what was tried."""
        unlisted = set(product(State, Event)) - set(TRANSITIONS)
        self.assertEqual(len(unlisted), 8)
        for state, event in unlisted:
            with self.assertRaisesRegex(StateError, f"is {state.value} cannot be {event.value}"):
                next_state(state, event)

    def test_session_shows_where_it_stands(self) -> None:
        """Each state is reached, in order."""
        life = Life()
        seen = [life.session.state]
        for event in (stream("s"), closes(), time_comes(5.0)):
            event(life)
            seen.append(life.session.state)
        self.assertEqual(seen, [State.NEW, State.OPEN, State.CLOSING, State.CLOSED])
