# -*- test-case-name: tests.http.test_headers -*-
"""The header fields of a request: a dictionary, and next to nothing beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self


class Headers(dict[str, str]):
    """Names in lower case to values; repeated fields are joined by commas (RFC 9110 section 5.2).

    What changes a field is said by the methods here; reading one is a dictionary's own business.
    """

    #: The values of each name that came more than once; ``None`` while there is none.
    _repeated: dict[str, list[str]] | None = None
    #: How many fields there are beyond one of each name.
    repetitions = 0

    @classmethod
    def of(cls, fields: Iterable[tuple[str, str]]) -> Self:
        """Return *fields*, names in any case."""
        headers = cls()
        for name, value in fields:
            headers.add(name.lower(), value)
        return headers

    def add(self, name: str, value: str) -> None:
        """Take one more field; *name* is in lower case."""
        if name not in self:
            self[name] = value
            return
        if self._repeated is None:
            self._repeated = {}
        self._repeated.setdefault(name, [self[name]]).append(value)
        self[name] += "," + value
        self.repetitions += 1

    def each(self, name: str) -> list[str]:
        """Return the values of all fields called *name*, in order."""
        if self._repeated is not None and name in self._repeated:
            return self._repeated[name]
        return [self[name]] if name in self else []

    def replace(self, name: str, value: str) -> None:
        """Let *value* be the only one called *name*."""
        self.remove(name)
        self[name] = value

    def remove(self, name: str) -> None:
        """Remove all fields called *name*; harmless when there is none."""
        self.pop(name, None)
        if self._repeated is not None:
            self._repeated.pop(name, None)
