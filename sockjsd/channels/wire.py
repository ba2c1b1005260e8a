# -*- test-case-name: tests.channels.test_wire -*-
"""How an item travels through Redis: one text for each, and several at once as a run.

::

    <anything else>                                      a publication without a position, from anybody
    p<offset>:<epoch>:<tag>:<n>:<n characters><data>     a publication of ours; the n characters are its meta
    p0:::<n>:<n characters><data>                        the same on a channel without history
    j<info>  l<info>                                     a client joined, a client left
    r<n>:<n bytes><n>:<n bytes>...                       a run: several of these

No JSON text begins with ``p``, ``j``, ``l`` or ``r``, so what others publish is never taken
for one of ours; a text that begins so and does not fit is a publication as it is.

*meta* is a JSON object with what there is of ``i`` (*info*) and ``t`` (the tags), or nothing.
*info* is a JSON object with ``u`` (user), ``c`` (client) and what there is of ``i`` and ``h``: the connection's
and the subscription's JSON, each as a string, because nobody on the way has to read them.

A *tail* is ``<n>:<n characters><data>``: what is known before Redis gives a position, and what an entry
of a stream holds.
"""

from __future__ import annotations

import json
import re

from sockjsd.channels.publications import ClientInfo, Item, Joined, Left, Publication

_KINDS = ("p", "j", "l")
_OURS = (*_KINDS, "r")
_RUN = b"r"
#: Characters of a length in a run: what Redis carries in one message has fewer.
_DIGITS = 10
_MEMBERSHIP: dict[str, type[Joined] | type[Left]] = {"j": Joined, "l": Left}
#: The beginning of a publication of ours: offset, epoch, tag.
_PLACE = re.compile(r"p(?:0::|([1-9][0-9]{0,15}):([A-Za-z0-9]{4,8}):([0-9a-f]{8})):")
#: The beginning of most publications that have a position: it, and a tail without meta.
_USUAL = re.compile(r"p([1-9][0-9]{0,15}):([A-Za-z0-9]{4,8}):([0-9a-f]{8}):0:")
#: The beginning of a tail: the number of characters of the meta.
_COUNT = re.compile(r"([0-9]{1,7}):")


def encode(item: Item) -> str:
    """*item* as the text for ``PUBLISH``, well-formed Unicode; a bare publication is its data."""
    if isinstance(item, Joined):
        return "j" + encode_info(item.info)
    if isinstance(item, Left):
        return "l" + encode_info(item.info)
    place = f"{item.offset}:{item.epoch}:{item.tag}" if item.offset else "0::"
    if item.offset or item.info or item.tags or item.data.startswith(_OURS):
        return f"p{place}:{encode_tail(item)}"
    return well_formed(item.data)


def texts_of(payload: bytes) -> list[bytes]:
    """The texts that *payload* holds: one, or those of a run; it is one where it is no run of ours."""
    if not payload.startswith(_RUN):
        return [payload]
    texts = []
    at = 1
    while at < len(payload):
        colon = payload.find(b":", at, at + _DIGITS)
        length = payload[at : max(colon, at)]
        if not length.isdigit():
            return [payload]
        at = colon + 1 + int(length)
        texts.append(payload[colon + 1 : at])
    return texts if texts and at == len(payload) else [payload]


def decode(text: str) -> Item:
    """The item that *text* is; a bare publication where it is none of ours."""
    if not text.startswith(_KINDS):
        return Publication(text)
    usual = _USUAL.match(text)
    if usual is not None:
        offset, epoch, tag = usual.groups()
        return Publication(text[usual.end() :], int(offset), epoch, tag)
    try:
        return _decode_ours(text)
    except (ValueError, KeyError, TypeError, RecursionError):
        return Publication(text)


def encode_tail(publication: Publication) -> str:
    """The part of *publication* that does not depend on its position."""
    meta = _encode_meta(publication) if publication.info or publication.tags else ""
    return well_formed(f"{len(meta)}:{meta}{publication.data}")


def decode_tail(tail: str, offset: int = 0, epoch: str = "", tag: str = "") -> Publication:
    """The publication with this *tail* and this position.

    :raises ValueError: *tail* is none; so do ``KeyError`` and ``TypeError``.
    """
    count = _COUNT.match(tail)
    if count is None:
        raise ValueError("the length of the meta is missing")
    begin = count.end()
    end = begin + int(count[1])
    if end == begin:
        return Publication(tail[end:], offset, epoch, tag)
    meta: dict[str, object] = json.loads(tail[begin:end])
    if not isinstance(meta, dict):
        raise TypeError("the meta is no object")
    info = _read_info(meta["i"]) if "i" in meta else None
    tags = _read_texts(meta["t"]) if "t" in meta else None
    return Publication(tail[end:], offset, epoch, tag, info, tags)


def encode_info(info: ClientInfo) -> str:
    """*info* as compact JSON, well-formed Unicode."""
    return _dump(_write_info(info))


def decode_info(text: str) -> ClientInfo:
    """The client that *text* tells of.

    :raises ValueError: it tells of none; so do ``KeyError`` and ``TypeError``.
    """
    return _read_info(json.loads(text))


def well_formed(text: str) -> str:
    """*text* with each lone surrogate replaced by U+FFFD, the same object if it has none.

    Python strings can hold what no UTF-8 can (``json.loads`` makes such), and
    neither Redis nor a browser accepts it.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _decode_ours(text: str) -> Item:
    kind = _MEMBERSHIP.get(text[0])
    if kind is not None:
        return kind(decode_info(text[1:]))
    place = _PLACE.match(text)
    if place is None:
        raise ValueError("the position is missing")
    offset, epoch, tag = place.groups()
    return decode_tail(text[place.end() :], int(offset or 0), epoch or "", tag or "")


def _encode_meta(publication: Publication) -> str:
    meta: dict[str, object] = {}
    if publication.info:
        meta["i"] = _write_info(publication.info)
    if publication.tags:
        meta["t"] = dict(publication.tags)
    return _dump(meta)


def _write_info(info: ClientInfo) -> dict[str, str]:
    known = {"u": info.user, "c": info.client}
    extra = {"i": info.conn_info, "h": info.chan_info}
    return known | {name: text for name, text in extra.items() if text}


def _read_info(value: object) -> ClientInfo:
    fields = _read_texts(value)
    return ClientInfo(fields["u"], fields["c"], fields.get("i", ""), fields.get("h", ""))


def _read_texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise TypeError("this is no object of strings")
    return {well_formed(name): well_formed(text) for name, text in value.items()}


def _dump(value: object) -> str:
    """Compact JSON whose length in characters is final: mended before it is counted."""
    return well_formed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
