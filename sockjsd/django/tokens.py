# -*- test-case-name: tests.django.test_tokens -*-
"""Tokens for the pages of the site: with them a browser tells the daemon which user it is.

::

    Centrifuge("wss://…/connection/websocket", {token: "{{ token }}"})    # token = connection_token(request.user.pk)

They are signed with ``token_hmac_secret`` under ``[channels]``, by HS256.  Whoever holds
one is that user until it expires, so give it to nobody else; SDKs ask for the next one in time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import jwt

from sockjsd.channels.names import check_channel
from sockjsd.config import Channels
from sockjsd.errors import ConfigurationError

#: Seconds for which a token is good unless somebody says otherwise: long enough that few are needed, short
#: enough that a user who is locked out is out soon.
LIFETIME = 3600.0

_installed: Channels | None = None


def install(options: Channels) -> None:
    """Make *options* those of this process, whatever its configuration says: the daemon does."""
    global _installed
    _installed = options


def uninstall() -> None:
    """Take back :func:`install`; does nothing when nothing is installed."""
    global _installed
    _installed = None


def connection_token(
    user: object,
    *,
    seconds: float = LIFETIME,
    info: Any = None,
    meta: Any = None,
    channels: Iterable[str] = (),
) -> str:
    """Return a token that lets a browser connect as *user*.

    :param user: the user's id, as text or anything that ``str`` makes the right text of; ``""`` is anonymous,
        and so is ``None``, which is the ``pk`` of Django's ``AnonymousUser``.
    :param seconds: how long it is good; 0: for ever.
    :param info: what others may know of the connection; JSON.
    :param meta: what only the server may know of it; JSON.
    :param channels: the daemon subscribes the connection to these at once.
    :raises ConfigurationError: there is no secret.
    :raises ChannelNameError: one of *channels* can be none.
    """
    claims = {"info": info, "meta": meta, "channels": [check_channel(channel) for channel in channels] or None}
    return sign(find_options(), user, seconds, **claims)


def subscription_token(
    user: object, channel: str, *, seconds: float = LIFETIME, info: Any = None, client: str = ""
) -> str:
    """Return a token that lets *user* subscribe to *channel*.

    :param client: only with the connection that has this id; ``""`` for any of the user.
    :raises ConfigurationError: there is no secret.
    :raises ChannelNameError: *channel* can be none.
    """
    return sign(find_options(), user, seconds, channel=check_channel(channel), info=info, client=client or None)


def sign(options: Channels, user: object, seconds: float, **claims: Any) -> str:
    """Return a token with *claims* that are not ``None``, and those that *options* want.

    :raises ConfigurationError: there is no secret.
    """
    if not options.token_hmac_secret:
        raise ConfigurationError("[channels] token_hmac_secret is needed to make tokens, and is not set")
    subject = "" if user is None else str(user)
    claims |= {"sub": subject, "aud": options.token_audience or None, "iss": options.token_issuer or None}
    if seconds:
        claims["exp"] = int(time.time() + seconds)
    told = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(told, options.token_hmac_secret, "HS256")


def find_options() -> Channels:
    """Return the options of this process.

    :raises ConfigurationError: the configuration cannot be used.
    """
    if _installed is not None:
        return _installed
    from sockjsd.django.publishing import find_config  # needs Django's settings, which the command line has not

    return find_config().channels
