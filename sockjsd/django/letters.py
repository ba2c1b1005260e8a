# -*- test-case-name: tests.django.test_letters -*-
"""What was said in one call of ``publish()``, checked and copied, until it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Required, TypedDict

from sockjsd.brokers.values import VERSION_LIMIT, Letter, Once
from sockjsd.channels.names import check_channel
from sockjsd.channels.publications import Publication
from sockjsd.django.encoding import encode_data
from sockjsd.errors import OddPublication

__all__ = ["LONGEST_KEY", "Letter", "Said", "make_letter"]

#: Characters of the longest idempotency key, and of the longest version epoch: they become parts of keys in Redis.
LONGEST_KEY = 255


class Said(TypedDict, total=False):
    """What ``publish()`` takes, as a dict: one publication of ``publish_many()``."""

    channel: Required[str]
    data: Required[object]
    idempotency_key: str | None
    tags: Mapping[str, str] | None
    version: int
    version_epoch: str
    keep: bool


def make_letter(
    channel: str,
    data: object,
    idempotency_key: str | None = None,
    tags: Mapping[str, str] | None = None,
    version: int = 0,
    version_epoch: str = "",
    keep: bool = True,
) -> Letter:
    """Check what was said; see :func:`sockjsd.django.api.publish` for its meaning.

    :raises ChannelNameError: *channel* cannot be a channel's name.
    :raises NotJSON: *data* cannot be written as JSON.
    :raises OddPublication: key, tags or version are none.
    """
    check_channel(channel)
    payload = encode_data(data)
    key = "" if idempotency_key is None else _check_key("idempotency_key", idempotency_key)
    once = Once(
        key, version=_check_version(version), version_epoch=_check_key("version_epoch", version_epoch, empty=True)
    )
    return Letter(channel, Publication(payload, tags=_check_tags(tags)), once if key or version else None, keep)


def _check_key(name: str, value: object, *, empty: bool = False) -> str:
    if isinstance(value, str) and (not empty) <= len(value) <= LONGEST_KEY:
        return value
    raise OddPublication(f"{name} has to be text of {int(not empty)} to {LONGEST_KEY} characters, not {_show(value)}")


def _check_version(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < VERSION_LIMIT:
        return value
    raise OddPublication(f"version has to be a whole number from 0 to {VERSION_LIMIT - 1}, not {_show(value)}")


def _check_tags(tags: object) -> dict[str, str] | None:
    if tags is None:
        return None
    if isinstance(tags, Mapping) and all(isinstance(part, str) for pair in tags.items() for part in pair):
        return dict(tags)
    raise OddPublication(f"tags have to be texts by their names, not {_show(tags)}")


def _show(value: object) -> str:
    return repr(value)[:60]
