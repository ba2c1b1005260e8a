# Types of _fanout.c; fanout.py says what the function does.
from collections.abc import Iterable

def send_many(fds: Iterable[int], data: bytes, /) -> list[int]: ...
