"""Who is on which channel in the scenario with many of them."""

from __future__ import annotations

from benchmarks.wire import PREFIX, THREE_DIGITS

#: Channels in all, different sets of them, and channels in each set; every channel is in equally many sets.
CHANNELS, GROUPS, EACH = 1000, 100, 50
#: The channel of a publication: the load goes through all of them in turn.
ANY = f"c{THREE_DIGITS}"
ANY_IN_REDIS = PREFIX + ANY


def channels(group: int) -> list[str]:
    """Return the channels of one set; two sets share some of them or none, and neighbours are not together."""
    return [f"c{(10 * group + 7 * number) * 387 % CHANNELS:03}" for number in range(EACH)]


def listed(group: int) -> str:
    """Return the channels of one set as peers get them in the URL."""
    return ",".join(channels(group))


def listeners(clients: int) -> int:
    """Return how many of so many clients, a multiple of the sets, are on each channel."""
    return clients * EACH // CHANNELS
