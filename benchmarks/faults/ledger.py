# -*- test-case-name: tests.test_faults -*-
"""What one client heard of one channel, and whether it may call that complete.

Publications of a channel carry the numbers 0, 1, 2 … in the order in which they were acknowledged.  A client that
was told nothing has to hear all of them, once and in order.  One that was told that something is
missing may begin again anywhere; from there on the same holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """One client's account.

    :ivar heard: publications that came, repeated ones too.
    :ivar twice: those that had been heard before.
    :ivar missing: numbers that were left out without a word.
    :ivar told: how often the client was told that something is missing.
    :ivar next: the number that has to come now; ``None`` after a word, when any may.
    :ivar highest: the highest number ever heard, -1 for none.
    """

    heard: int = 0
    twice: int = 0
    missing: int = 0
    told: int = 0
    next: int | None = 0
    highest: int = -1
    gaps: list[tuple[int, int]] = field(default_factory=list)

    def hear(self, number: int) -> None:
        """Take note of a publication."""
        self.heard += 1
        if self.next is not None and number < self.next:
            self.twice += 1
            return
        if self.next is not None and number > self.next:
            self.missing += number - self.next
            self.gaps.append((self.next, number))
        self.next = number + 1
        self.highest = max(self.highest, number)

    def tell(self) -> None:
        """Take note that the client was told: what comes next need not join up."""
        self.told += 1
        self.next = None

    def is_complete(self, acknowledged: int) -> bool:
        """Whether the client is up to date with *acknowledged* publications; one that was told last is not yet."""
        return self.next is not None and self.next >= acknowledged

    def is_honest(self, acknowledged: int) -> bool:
        """Whether the client knows what it has: all, once and in order, or that something is missing."""
        return not self.twice and not self.missing and (self.next is None or self.next >= acknowledged)
