# -*- test-case-name: tests.test_example_chat -*-
"""Passes: who a visitor of the chat is, signed, because the demo has neither logins nor a database.

A window gets one for its name and keeps it for as long as it is open.  A site of yours has ``request.user`` instead.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass

from django.core import signing

#: Seconds for which a pass is good.
LIFETIME = 24 * 3600
_SALT = "demo.pass"


class Refused(Exception):
    """No pass of ours, or too old."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who a visitor is.

    :param user: 64 random bits as text; two visitors may have the same name.
    """

    user: str
    name: str


def new_visitor(name: str) -> Visitor:
    """Return somebody called *name* whom nobody has seen before."""
    return Visitor(secrets.token_hex(8), name)


def make_pass(visitor: Visitor) -> str:
    """Return the pass of *visitor*."""
    return signing.dumps(asdict(visitor), salt=_SALT)


def read_pass(text: str) -> Visitor:
    """Return whose pass *text* is.

    :raises Refused: nobody's.
    """
    try:
        return Visitor(**signing.loads(text, salt=_SALT, max_age=LIFETIME))
    except signing.BadSignature as error:
        raise Refused from error
