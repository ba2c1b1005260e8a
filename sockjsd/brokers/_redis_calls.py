# -*- test-case-name: tests.brokers.test_redis_calls,tests.functional.test_redis_memory -*-
"""What is asked of Redis's scripts, and what their answers say.

The daemon asks through txredisapi, Django through redis-py; both build and read here,
so this imports neither, nor Twisted.

Keys, where *prefix* is the one of the configuration::

    <prefix>.<channel>                    not a key, but where it is published
    <prefix>:stream:<channel>             the history
    <prefix>:meta:<channel>               epoch, offset, tag, version
    <prefix>:result:<channel> <key>       what became of a publication with this idempotency key
    <prefix>:presence:<channel>           who is there
    <prefix>:leases:<channel>             until when
    <prefix>:users:<channel>              how many connections each user has there
    <prefix>:control, <prefix>:node:<id>  not keys, but where nodes talk: all of them, or one
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import Any

from sockjsd.brokers._redis_scripts import Call, script
from sockjsd.brokers.values import History, Keeping, Once, Presence, Published
from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Position, Publication
from sockjsd.channels.wire import decode_info, decode_tail, encode, encode_info, encode_tail

#: The most publications in one call.  Nobody else is served while a script runs: these take Redis about half a
#: millisecond, and more of them would not make each one much cheaper (a tenth at most).
MOST_TOGETHER = 100
#: The most bytes in one call, unless a single publication is larger; to copy them takes about as long.
LARGEST_TOGETHER = 2**20

_NO_ONCE = Once()

#: What Redis takes at most as the number of an entry, and as a count; clients may name larger ones.
_LARGEST_ID = 2**64 - 1
_LARGEST_COUNT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RedisKeys:
    """The names in Redis of one installation.

    :ivar prefix: of the configuration, without dot or colon.
    """

    prefix: str

    @property
    def channel_prefix(self) -> str:
        """What stands before a channel's name where it is published."""
        return self.prefix + "."

    @property
    def control(self) -> bytes:
        """Where all nodes listen."""
        return self._key("control")

    def node(self, node: str) -> bytes:
        """Where the node with this id listens."""
        return self._key("node", node)

    def channel(self, channel: str) -> bytes:
        """Where *channel* is published; a lone surrogate, which no valid name has, hurts nobody."""
        return (self.channel_prefix + channel).encode(errors="surrogatepass")

    def history(self, channel: str) -> tuple[bytes, bytes]:
        """The stream and the meta of *channel*."""
        return self._key("stream", channel), self._key("meta", channel)

    def result(self, channel: str, key: str) -> bytes:
        """What an idempotency key of *channel* remembers.

        Names have no white space, so no other channel and key end up here, as they might with a colon.
        """
        return self._key("result", f"{channel} {key}")

    def presence(self, channel: str) -> tuple[bytes, bytes, bytes]:
        """The clients, leases and users of *channel*."""
        return self._key("presence", channel), self._key("leases", channel), self._key("users", channel)

    def _key(self, *parts: str) -> bytes:
        return ":".join((self.prefix, *parts)).encode(errors="surrogatepass")


@dataclass(frozen=True, slots=True)
class Part:
    """One publication of a call.

    :ivar channel: where it is published, in Redis.
    :ivar history: the keys of the stream and the meta.
    :ivar kept: the size of the history, its ttl and that of the meta, in ms; zeros for no position.
    :ivar text: all of it where it gets no position, else its tail.
    :ivar tag: of its position.
    :ivar result: the key of what its idempotency key remembers.
    :ivar once: the ttl of the idempotency key in ms, ``b"0"`` for none, version and version epoch.
    """

    channel: bytes
    history: tuple[bytes, bytes]
    kept: tuple[bytes, bytes, bytes]
    text: bytes
    tag: bytes
    result: bytes
    once: tuple[bytes, bytes, bytes]

    @property
    def group(self) -> tuple[bytes, tuple[bytes, bytes, bytes]]:
        """Neighbours that have the same are handled together."""
        return self.channel, self.kept

    @property
    def needs_script(self) -> bool:
        """Whether there is more to do than PUBLISH."""
        return self.kept[2] != b"0" or bool(self.results)

    @property
    def results(self) -> tuple[bytes, ...]:
        """The key of the result, if there is an idempotency key."""
        return () if self.once[0] == b"0" else (self.result,)


class RedisCalls:
    """Builds the calls of scripts.

    :param keys: the names.
    :param random: makes epochs and tags.
    """

    def __init__(self, keys: RedisKeys, random: Random) -> None:
        self.keys = keys
        self._random = random

    def part(self, channel: str, item: Item, keeping: Keeping | None = None, once: Once | None = None) -> Part:
        """Describe a publication, or with neither *keeping* nor *once* any other item, for :meth:`publish`."""
        once = once or _NO_ONCE
        return Part(
            self.keys.channel(channel),
            self.keys.history(channel),
            (b"%d" % keeping.size, _ms(keeping.ttl), _ms(keeping.meta_ttl)) if keeping else (b"0", b"0", b"0"),
            _encode(item, tail=keeping is not None),
            self._digits(),
            self.keys.result(channel, once.key),
            (
                _ms(once.ttl) if once.key else b"0",
                b"%d" % once.version,
                once.version_epoch.encode(errors="surrogatepass"),
            ),
        )

    def publish(self, part: Part) -> Call:
        """Publish one, which :func:`read_published` reads."""
        arguments = (part.channel, part.text, self._digits(), part.tag, *part.kept, *part.once)
        return Call(script("publish"), (*part.history, part.result), arguments)

    def publish_many(self, parts: Iterable[Part]) -> Call:
        """Publish some, in this order, which :func:`read_many` reads; :func:`split` says how many may go together."""
        keys: list[bytes] = []
        arguments: list[bytes] = []
        for _, neighbours in groupby(parts, lambda part: part.group):
            group = list(neighbours)
            keys += group[0].history
            arguments += (group[0].channel, self._digits(), *group[0].kept, b"%d" % len(group))
            for part in group:
                keys += part.results
                arguments += (part.text, part.tag, *part.once)
        return Call(script("publish_many"), tuple(keys), tuple(arguments))

    def history(self, channel: str, since: Position | None, limit: int, reverse: bool, meta_ttl: float) -> Call:
        """Read a history; see :meth:`sockjsd.brokers.interface.Archive.history`."""
        if reverse:
            command, first, last = b"XREVRANGE", b"+" if since is None else _id(since.offset - 1), b"-"
        else:
            command, first, last = b"XRANGE", b"-" if since is None else _id(since.offset + 1), b"+"
        count = b"%d" % min(max(limit, -1), _LARGEST_COUNT)
        arguments = (self._digits(), _ms(meta_ttl), first, last, count, command)
        return Call(script("history"), self.keys.history(channel), arguments)

    def renew(self, channel: str, epoch: str, meta_ttl: float) -> Call:
        """Begin a new epoch."""
        arguments = (self._digits(), _ms(meta_ttl), epoch.encode(errors="surrogatepass"))
        return Call(script("renew"), self.keys.history(channel), arguments)

    def add_presence(self, channel: str, client: str, info: ClientInfo, ttl: float) -> Call:
        """Begin or renew a lease."""
        arguments = (client.encode(), encode_info(info).encode(), _ms(ttl))
        return Call(script("add_presence"), self.keys.presence(channel), arguments)

    def remove_presence(self, channel: str, client: str) -> Call:
        """End a lease."""
        return Call(script("remove_presence"), self.keys.presence(channel), (client.encode(),))

    def presence(self, channel: str) -> Call:
        """Ask who is there."""
        return Call(script("presence"), self.keys.presence(channel))

    def presence_stats(self, channel: str) -> Call:
        """Ask how many are there."""
        return Call(script("presence_stats"), self.keys.presence(channel))

    def _digits(self) -> bytes:
        """8 random hexadecimal digits: a tag, or an epoch, which only has to differ from those before it."""
        return b"%08x" % self._random.getrandbits(32)


# The answers.  They are Any: txredisapi and redis-py give lists of integers and bytes, nested as the scripts say.


def read_published(answer: Any) -> Published:
    """What the script ``publish`` answers."""
    receivers, offset, epoch, tag, duplicate = answer
    return Published(receivers, read_position((offset, epoch, tag)), bool(duplicate))


def read_many(answer: Any, count: int) -> list[Published | str]:
    """What the script ``publish_many`` answers: for each publication what became of it, or Redis's refusal.

    :raises ValueError: these are not *count* answers.
    """
    if len(answer) != count:
        raise ValueError(f"Redis gave {len(answer)} answers for {count} publications")
    return [one[0].decode(errors="replace") if len(one) == 1 else read_published(one) for one in answer]


def read_position(answer: Any) -> Position:
    """What the script ``renew`` answers."""
    offset, epoch, tag = answer
    return Position(offset, epoch.decode(), tag.decode())


def read_history(answer: Any) -> History:
    """What the script ``history`` answers; an entry that is none of ours is left out."""
    position, entries = answer
    top = read_position(position)
    read = (_read_entry(name, fields, top.epoch) for name, fields in entries)
    return History([publication for publication in read if publication is not None], top)


def read_presence(answer: Any) -> Presence:
    """What the script ``presence`` answers."""
    return {client.decode(): decode_info(info.decode()) for client, info in zip(answer[::2], answer[1::2], strict=True)}


def read_presence_stats(answer: Any) -> tuple[int, int]:
    """What the script ``presence_stats`` answers."""
    clients, users = answer
    return clients, users


def split(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Cut *parts* into pieces that are small enough for one call each."""
    begin, size = 0, 0
    for end, part in enumerate(parts):
        size += len(part.text)
        if end > begin and (end - begin == MOST_TOGETHER or size > LARGEST_TOGETHER):
            yield parts[begin:end]
            begin, size = end, len(part.text)
    if parts:
        yield parts[begin:]


def _encode(item: Item, *, tail: bool) -> bytes:
    """*item* as text, or what is known of a publication before it has a position; one that it has is not believed."""
    if isinstance(item, Joined | Left):
        return encode(item).encode()
    if tail:
        return encode_tail(item).encode()
    return encode(Publication(item.data, info=item.info, tags=item.tags)).encode()


def _read_entry(name: bytes, fields: list[bytes], epoch: str) -> Publication | None:
    offset, _, tag = name.partition(b"-")
    try:
        return decode_tail(fields[1].decode(), int(offset), epoch, int(tag).to_bytes(4).hex())
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError):
        return None


def _id(offset: int) -> bytes:
    """The id of the entries at *offset*; below the first and above the last there is nothing."""
    return b"%d" % min(max(offset, 0), _LARGEST_ID)


def _ms(seconds: float) -> bytes:
    """Milliseconds, at least one, because Redis takes no less."""
    return b"%d" % max(round(seconds * 1000), 1)
