# -*- test-case-name: tests.channels.test_forms -*-
"""The forms in which subscribers get a channel: what the hub makes of a run, once for all who want the same.

========================  ==========================================================================
``BARE``                  the data of each publication, a message each: for browsers without a library
``PUSHES``                publications as pushes of the client protocol, one message with a line for each
``PUSHES_WITH_JOINS``     the same, and who joined and left
``ITEMS``                 the items themselves, which know their channel: for who writes ids beside them
========================  ==========================================================================

A push is ``{"push":{"channel":…,"pub":{"data":…,"offset":…,"info":…,"tags":…}}}``, ``"join"`` or
``"leave"`` with ``{"info":…}`` instead of ``"pub"``; what is empty is left out (``Push``, ``Publication`` and
``ClientInfo`` in ``definitions/client.proto`` of centrifugal/protocol).

The data goes into a push as it was published, character for character.  What came by a
plain ``PUBLISH`` may be anything: what is no JSON becomes a JSON string in a push.
"""

from __future__ import annotations

from json import JSONDecoder
from json.encoder import encode_basestring
from typing import Final, NoReturn

from sockjsd.channels.hub import Form
from sockjsd.channels.publications import ClientInfo, Item, Joined, Publication
from sockjsd.sockjs.batch import Batch

#: Only between tokens do these stand as they are, and a push has to be one line.
_ONE_LINE = str.maketrans("\r\n", "  ")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_decoder = JSONDecoder(parse_constant=_no_constant)


class Items(list[Item]):
    """A channel's part of a run.

    :ivar channel: its name.
    """

    __slots__ = ("channel",)

    def __init__(self, channel: str, items: list[Item]) -> None:
        super().__init__(items)
        self.channel = channel


def bare(channel: str, items: list[Item]) -> Batch | None:
    """Return the data of the publications in *items*; ``None`` when there are none."""
    texts = [item.data for item in items if type(item) is Publication]
    return Batch(texts) if texts else None


def pushes(channel: str, items: list[Item]) -> Batch | None:
    """Return the publications in *items* as pushes; ``None`` when there are none."""
    name = encode_basestring(channel)
    lines = [_pub(name, item) for item in items if type(item) is Publication]
    return Batch(["\n".join(lines)], len(lines)) if lines else None


def pushes_with_joins(channel: str, items: list[Item]) -> Batch | None:
    """Return all *items* as pushes."""
    name = encode_basestring(channel)
    lines = [_pub(name, item) if type(item) is Publication else _coming(name, item) for item in items]
    return Batch(["\n".join(lines)], len(lines))


BARE: Final[Form[Batch]] = bare
PUSHES: Final[Form[Batch]] = pushes
PUSHES_WITH_JOINS: Final[Form[Batch]] = pushes_with_joins
ITEMS: Final[Form[Items]] = Items


def publication_json(publication: Publication) -> str:
    """Return *publication* as the client protocol has it, one line: ``{"data":…,"offset":…,"info":…,"tags":…}``."""
    parts = ['{"data":', one_line(publication.data) if publication.offset else data_json(publication.data)]
    if publication.offset:
        parts.append(f',"offset":{publication.offset}')
    if publication.info is not None:
        parts.append(f',"info":{info_json(publication.info)}')
    if publication.tags:
        pairs = (f"{encode_basestring(key)}:{encode_basestring(text)}" for key, text in publication.tags.items())
        parts.append(f',"tags":{{{",".join(pairs)}}}')
    parts.append("}")
    return "".join(parts)


def info_json(info: ClientInfo) -> str:
    """Return *info* as the client protocol has it: ``{"user":…,"client":…,"conn_info":…,"chan_info":…}``."""
    text = f'{{"user":{encode_basestring(info.user)},"client":{encode_basestring(info.client)}'
    if info.conn_info:
        text += f',"conn_info":{one_line(info.conn_info)}'
    if info.chan_info:
        text += f',"chan_info":{one_line(info.chan_info)}'
    return text + "}"


def one_line(text: str) -> str:
    """Return the JSON *text* on one line."""
    return text.translate(_ONE_LINE) if "\n" in text or "\r" in text else text


def data_json(text: str) -> str:
    """Return *text* on one line if it is JSON, and as a JSON string if not."""
    found = text.strip(" \t\r\n")
    try:
        _, end = _decoder.raw_decode(found)
    except (ValueError, RecursionError):  # a thousand "[" are no JSON that a client could read either
        end = -1
    return one_line(found) if end == len(found) else encode_basestring(text)


def _pub(name: str, publication: Publication) -> str:
    return f'{{"push":{{"channel":{name},"pub":{publication_json(publication)}}}}}'


def _coming(name: str, item: Item) -> str:
    assert not isinstance(item, Publication), "publications have a line of their own"
    kind = "join" if isinstance(item, Joined) else "leave"
    return f'{{"push":{{"channel":{name},"{kind}":{{"info":{info_json(item.info)}}}}}}}'
