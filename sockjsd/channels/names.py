# -*- test-case-name: tests.channels.test_names -*-
"""What a channel may be called: one rule, for publishers, subscribers and configuration files alike.

A name is 1 to 255 characters of printable ASCII without white space.  The characters
are those that can stand unquoted in a line of a configuration file, in a Redis channel
and in a log; the length keeps a name cheap to compare and to repeat in an error.
"""

from __future__ import annotations

import re

from sockjsd.errors import ChannelNameError

#: Bytes in the longest name; the same as Centrifugo's ``channel.max_length``, so names can move between the two.
LONGEST = 255

#: Characters of a refused name that an error repeats: enough to recognise it, short enough for a log line.
SHOWN = 60

_NAME = re.compile(rf"[!-~]{{1,{LONGEST}}}")


def check_channel(name: str) -> str:
    """Return *name* when it can be a channel's name.

    :raises ChannelNameError: it cannot; the message shows the beginning of *name* and what is allowed.
    """
    if _NAME.fullmatch(name):
        return name
    shown = repr(name[:SHOWN]) + ("…" if len(name) > SHOWN else "")
    raise ChannelNameError(
        f"{shown} ({len(name)} characters) cannot be a channel's name; "
        f"allowed: 1 to {LONGEST} printable ASCII characters without white space"
    )
