# -*- test-case-name: tests.config.test_namespace -*-
"""The sections ``[namespace]`` and ``[namespace NAME]``: what channels whose names share a first part can do.

Beside the checks of each option there are some between options: history needs a size and
a time, recovery and positioning need history, and from who must miss nothing nothing may be dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sockjsd.channels.namespaces import ANYONE, NOBODY, SUBSCRIBER, TOKEN, USER
from sockjsd.config import kinds
from sockjsd.config.declare import check_options, option
from sockjsd.config.kinds import bounded
from sockjsd.errors import ConfigurationError

#: Publications that one channel may keep: what a single read may bring has to fit into memory.
LONGEST_HISTORY = 100_000

#: What a client that comes back gets: nothing, everything that it missed, or only the latest publication.
NO_RECOVERY, STREAM, CACHE = "off", "stream", "cache"

#: What happens to a client that reads too slowly.
DISCONNECT, DROP_OLDEST, LATEST_ONLY = "disconnect", "drop-oldest", "latest-only"

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Namespace:
    """What the channels NAME:… can do; the section without a NAME is for channels without a colon."""

    name: str = ""
    history_size: int = option(
        kinds.whole(0, LONGEST_HISTORY),
        0,
        help="Publications of each channel that are kept, the newest ones; 0 keeps none.",
        when="to let clients read or recover what they missed: as many as come while they are usually away.",
        elsewhere="Centrifugo: history_size",
    )
    history_ttl: float = option(
        kinds.seconds_or_zero,
        0.0,
        help="How long publications are kept after a channel's last one; 0 keeps none.",
        when="if history_size is set: as long as clients are usually away.",
        elsewhere="Centrifugo: history_ttl",
    )
    numbered: bool = option(
        kinds.flag,
        False,
        help="Whether publications are numbered although none is kept, so that what a daemon missed while Redis was "
        "away is counted. With history they are numbered anyway.",
        when="to know how much was lost; each publication costs a script in Redis.",
    )
    presence: bool = option(
        kinds.flag,
        False,
        help="Whether it is known who listens to a channel.",
        when="to show who is there; it costs a write in Redis for each subscription now and then.",
        elsewhere="Centrifugo: presence",
    )
    join_leave: bool = option(
        kinds.flag,
        False,
        help="Whether those who listen to a channel are told who comes and goes.",
        when="to show that at once; in a channel with a thousand clients each arrival is a thousand messages.",
        elsewhere="Centrifugo: join_leave with force_push_join_leave",
    )
    recovery: str = option(
        kinds.choice(NO_RECOVERY, STREAM, CACHE),
        NO_RECOVERY,
        help="What a client gets that was away: nothing (off), everything that it missed or the news that this is "
        "not possible (stream), or the latest publication, if it has not seen that (cache).",
        when="to lose nothing: stream; if only the last state counts: cache. Both need history.",
        elsewhere="Centrifugo: force_recovery and force_recovery_mode",
    )
    positioning: bool = option(
        kinds.flag,
        False,
        help="Whether a client is told when it missed something although it was connected; recovery includes it.",
        when="if clients reload their state by themselves and need to know when. It needs history.",
        elsewhere="Centrifugo: force_positioning",
    )
    allow_subscribe: str = option(
        kinds.choice(ANYONE, USER, TOKEN, NOBODY),
        TOKEN,
        help="Who may subscribe: everybody, those with a user id, those with a token for the channel, or only whom "
        "the server subscribes. Channels with # in their names are for the users named there.",
        when="if what is published is for everybody (anyone), or for everybody who is logged in (user).",
        elsewhere="Centrifugo: allow_subscribe_for_client, allow_subscribe_for_anonymous",
    )
    allow_publish: str = option(
        kinds.choice(ANYONE, SUBSCRIBER, USER, NOBODY),
        NOBODY,
        help="Which clients may publish without asking the site.",
        when="hardly ever: what clients publish by themselves nobody has checked or saved.",
        elsewhere="Centrifugo: allow_publish_for_client, allow_publish_for_subscriber",
    )
    allow_presence: str = option(
        kinds.choice(ANYONE, SUBSCRIBER, NOBODY),
        NOBODY,
        help="Which clients may ask who listens.",
        when="if those who listen may know of each other (subscriber).",
        elsewhere="Centrifugo: allow_presence_for_client, allow_presence_for_subscriber",
    )
    allow_history: str = option(
        kinds.choice(ANYONE, SUBSCRIBER, NOBODY),
        NOBODY,
        help="Which clients may read the history.",
        when="if those who listen may also see what was published before they came (subscriber).",
        elsewhere="Centrifugo: allow_history_for_client, allow_history_for_subscriber",
    )
    output_policy: str = option(
        kinds.choice(DISCONNECT, DROP_OLDEST, LATEST_ONLY),
        DISCONNECT,
        help="What happens when more waits for a slow client than it may: it is disconnected, or it loses the oldest "
        "publications, or all but the latest of each channel.",
        when="if an old publication is worth nothing as soon as there is a newer one, as with prices and positions.",
    )

    def __post_init__(self) -> None:
        if self.name and not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"{bounded(self.name)} cannot be a namespace's name; allowed: 1 to 64 letters, digits, -, _ and ."
            )
        check_options(self)
        self._check_history()
        self._check_dropping()

    @property
    def heading(self) -> str:
        """The section's heading, without the brackets."""
        return f"namespace {self.name}".rstrip()

    @property
    def has_history(self) -> bool:
        """Whether publications are kept."""
        return self.history_size > 0

    @property
    def positioned(self) -> bool:
        """Whether subscribers have a position in the history, and are told when it is lost."""
        return self.positioning or self.recovery != NO_RECOVERY

    def _check_history(self) -> None:
        if (self.history_size > 0) != (self.history_ttl > 0):
            raise self._wrong("history_size and history_ttl belong together: set both, or none")
        if self.positioned and not self.has_history:
            what = "positioning" if self.recovery == NO_RECOVERY else f"recovery = {self.recovery}"
            raise self._wrong(f"{what} needs history: set history_size and history_ttl")

    def _check_dropping(self) -> None:
        # A client that misses nothing and a server that drops something cannot both be had.
        if self.output_policy != DISCONNECT and self.has_history and self.recovery != CACHE:
            raise self._wrong(
                f"output_policy = {self.output_policy} drops publications, and so is allowed only without history, "
                f"or with recovery = {CACHE}"
            )

    def _wrong(self, problem: str) -> ConfigurationError:
        return ConfigurationError(f"{self.heading}: {problem}")
