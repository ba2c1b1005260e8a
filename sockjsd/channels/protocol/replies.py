# -*- test-case-name: tests.channels.protocol.test_replies -*-
"""What clients are answered, and pushed: JSON objects on one line each, built from JSON texts.

A reply is ``{"id":1,"publish":{}}`` with the command's id and method, or ``{"id":1,"error":{…}}``; a push
``{"push":{"channel":"news","unsubscribe":{…}}}``; a ping ``{}``.  What is empty, zero or false is left
out.  Texts that are handed in as JSON have to be JSON; those of clients are, since they were read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from json.encoder import encode_basestring

from sockjsd.channels.forms import info_json, one_line, publication_json
from sockjsd.channels.protocol.codes import Error
from sockjsd.channels.publications import ClientInfo, Position, Publication

PING = "{}"
#: The result of what succeeds without words.
EMPTY = "{}"

#: Characters of a part of a history that is kept for the next ones who want the same: all together take 2 MiB or so.
_RECENT_SIZE = 256 * 1024
#: Parts of histories that were written last, and how they read.
_recent: deque[tuple[Sequence[Publication], str]] = deque(maxlen=8)


def reply(number: int, method: str, result: str = EMPTY) -> str:
    """Return the answer to the command *number*; *result* is JSON."""
    return f'{{"id":{number},"{method}":{result}}}'


def refusal(number: int, error: Error) -> str:
    """Return the answer to the command *number* that was not carried out."""
    temporary = ',"temporary":true' if error.temporary else ""
    message = encode_basestring(error.message)
    return f'{{"id":{number},"error":{{"code":{error.code},"message":{message}{temporary}}}}}'


def push(name: str, value: str, channel: str = "") -> str:
    """Return a push; *value* is JSON, ``""`` as *channel* means that it is about the connection."""
    where = f'"channel":{encode_basestring(channel)},' if channel else ""
    return f'{{"push":{{{where}"{name}":{value}}}}}'


def reason(code: int, text: str) -> str:
    """Return why something ended, as pushes of ``unsubscribe`` and ``disconnect`` have it."""
    return f'{{"code":{code},"reason":{encode_basestring(text)}}}'


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a connection or a subscription lasts.

    :param ttl: seconds until a new token is needed; 0: it does not expire.
    """

    ttl: int = 0

    def pairs(self) -> list[tuple[str, str]]:
        """As members of a result."""
        return [("expires", "true"), ("ttl", str(self.ttl))] if self.ttl > 0 else []


@dataclass(frozen=True, slots=True)
class SubscribeResult:
    """What a client gets to know of its subscription.

    :param position: where it begins; ``None`` in a channel without.
    :param recoverable: whether the client may come back to that place.
    :param positioned: whether it is told when it misses something.
    :param recovering: whether it asked for what it missed.
    :param recovered: whether *publications* are all of that.
    :param data: JSON text, ``""`` for none.
    """

    lifetime: Lifetime = Lifetime()
    position: Position | None = None
    recoverable: bool = False
    positioned: bool = False
    recovering: bool = False
    recovered: bool = False
    publications: Sequence[Publication] = ()
    data: str = ""

    @property
    def json(self) -> str:
        """As a JSON object."""
        pairs = self.lifetime.pairs()
        if self.position is not None:
            pairs += [("epoch", encode_basestring(self.position.epoch)), ("offset", str(self.position.offset))]
        flags = {
            "recoverable": self.recoverable,
            "positioned": self.positioned,
            "was_recovering": self.recovering,
            "recovered": self.recovered,
        }
        pairs += [(name, "true") for name, flag in flags.items() if flag]
        if self.publications:
            pairs.append(("publications", _publications(self.publications)))
        return _object([*pairs, *_data(self.data)])


@dataclass(frozen=True, slots=True)
class ConnectResult:
    """What a client gets to know of its connection.

    :param client: its id.
    :param session: a name for this connection that only the client knows, for transports with two halves.
    :param node: where it is.
    :param ping: seconds between two pings.
    :param pong: whether they have to be answered.
    :param subs: the subscriptions that the server made.
    :param data: JSON text, ``""`` for none.
    """

    client: str
    version: str
    lifetime: Lifetime = Lifetime()
    ping: int = 0
    pong: bool = False
    session: str = ""
    node: str = ""
    subs: Mapping[str, SubscribeResult] = field(default_factory=dict)
    data: str = ""

    @property
    def json(self) -> str:
        """As a JSON object."""
        pairs = [("client", encode_basestring(self.client)), ("version", encode_basestring(self.version))]
        pairs += [*self.lifetime.pairs(), *_data(self.data)]
        if self.subs:
            subs = [(channel, sub.json) for channel, sub in self.subs.items()]
            pairs.append(("subs", _object(subs)))
        if self.ping:
            pairs.append(("ping", str(self.ping)))
        if self.pong:
            pairs.append(("pong", "true"))
        pairs += [(name, encode_basestring(text)) for name in ("session", "node") if (text := getattr(self, name))]
        return _object(pairs)


def refresh_result(client: str, version: str, lifetime: Lifetime) -> str:
    """Return what a client gets for a new token."""
    pairs = [("client", encode_basestring(client)), ("version", encode_basestring(version)), *lifetime.pairs()]
    return _object(pairs)


def sub_refresh_result(lifetime: Lifetime) -> str:
    """Return what a client gets for a new token of a subscription."""
    return _object(lifetime.pairs())


def presence_result(clients: Mapping[str, ClientInfo]) -> str:
    """Return who listens, by the ids of their connections."""
    return _object([("presence", _object((client, info_json(info)) for client, info in clients.items()))])


def presence_stats_result(clients: int, users: int) -> str:
    """Return how many listen."""
    return _object([("num_clients", str(clients)), ("num_users", str(users))])


def history_result(publications: Sequence[Publication], position: Position) -> str:
    """Return what was published, and where the history ends."""
    pairs = [("publications", _publications(publications))] if publications else []
    pairs += [("epoch", encode_basestring(position.epoch)), ("offset", str(position.offset))]
    return _object(pairs)


def rpc_result(data: str) -> str:
    """Return an application's answer, JSON text."""
    return _object(_data(data))


def message(data: str) -> str:
    """Return the value of the push of a message that belongs to no channel; *data* is JSON text."""
    return _object(_data(data))


def _data(data: str) -> list[tuple[str, str]]:
    return [("data", one_line(data))] if data else []


def _publications(publications: Sequence[Publication]) -> str:
    """Return *publications*, a part of a history, at least one.

    When thousands come back at once most of them missed the same, so what was written a moment ago is kept.
    The first and the last publication of a part and how many they are say which part it is.
    """
    for known, text in _recent:
        if len(known) == len(publications) and known[0] is publications[0] and known[-1] is publications[-1]:
            return text
    text = f"[{','.join(map(publication_json, publications))}]"
    if len(text) <= _RECENT_SIZE:
        _recent.append((publications, text))
    return text


def _object(pairs: Iterable[tuple[str, str]]) -> str:
    """Return an object of names and values that are JSON already."""
    return "{" + ",".join(f"{encode_basestring(name)}:{value}" for name, value in pairs) + "}"
