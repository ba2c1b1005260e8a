"""Connection classes that the scenarios need and sockjsd does not bring along."""

from __future__ import annotations

from sockjsd import SockJSConnection


class Sink(SockJSConnection):
    """Takes messages and answers nothing, so that sending can be measured alone."""

    def messageReceived(self, message: str | bytes) -> None:
        """Take it."""
