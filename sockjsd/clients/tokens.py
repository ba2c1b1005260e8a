# -*- test-case-name: tests.clients.test_tokens -*-
"""Tokens (JWT): with them the site says who a client is, and to which channels it may listen.

The claims are Centrifugo's.  A connection token has ``sub`` (the user), ``exp``, ``info`` or ``b64info``,
``channels`` or ``subs`` (channels to subscribe to at once), ``meta`` and ``expire_at``; a subscription token has
``channel`` instead of those, and may be bound to one connection by ``client``.  ``exp`` ends
the token, and the connection too unless ``expire_at`` says another time; with 0 it does not expire.

Only algorithms of a key that is configured are accepted: else a public key could be used as
a secret, or ``none`` as no key at all (RFC 8725 sections 2.1 and 3.1).  Nothing of a token
stands in an error or a log.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jwt

from sockjsd.channels.wire import well_formed
from sockjsd.errors import StartError, TokenError, TokenExpired

HMAC = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512")

#: What an override may change of a subscription: the options of Centrifugo's claim ``override``.
OVERRIDES = ("presence", "join_leave", "force_push_join_leave", "force_positioning", "force_recovery")

_PEM_BEGIN = "-----BEGIN "
#: All checks of claims are ours, because the clock is.
_OPTIONS = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}


@dataclass(frozen=True, slots=True)
class Grant:
    """A channel that the site subscribes a client to, or lets it subscribe to.

    :ivar info: JSON text for presence, ``""`` for none.
    :ivar data: JSON text that the client gets with the subscription, ``""`` for none.
    :ivar expire_at: seconds since the epoch; 0: never.
    :ivar override: options of the namespace that are different for this subscription: names of ``OVERRIDES``.
    """

    info: str = ""
    data: str = ""
    expire_at: int = 0
    override: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionClaims:
    """What a connection token says.

    :ivar user: the user's id, ``""`` for an anonymous one.
    :ivar expire_at: when the connection expires, seconds since the epoch; 0: never.
    :ivar info: JSON text about the connection that others may see, ``""`` for none.
    :ivar meta: JSON text about the connection that only the server sees, ``""`` for none.
    :ivar subs: the channels to subscribe it to.
    """

    user: str
    expire_at: int = 0
    info: str = ""
    meta: str = ""
    subs: Mapping[str, Grant] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubscriptionClaims:
    """What a subscription token says.

    :ivar client: the connection that it is for; ``""``: any of the user.
    """

    user: str
    channel: str
    client: str
    grant: Grant


class Tokens:
    """Checks tokens.

    :param now: seconds since the epoch.
    :param hmac_secret: ``""`` where there is none.
    :param rsa_public_key: in PEM form, or the path of a file that has it; ``""`` where there is none.
    :param audience: what ``aud`` has to be or contain; ``""`` for anything.
    :param issuer: what ``iss`` has to be; ``""`` for anything.
    """

    def __init__(
        self,
        now: Callable[[], float],
        hmac_secret: str = "",
        rsa_public_key: str = "",
        audience: str = "",
        issuer: str = "",
    ) -> None:
        self._now = now
        self._audience = audience
        self._issuer = issuer
        self._keys: dict[str, Any] = dict.fromkeys(HMAC, hmac_secret.encode()) if hmac_secret else {}
        self._rsa_public_key = rsa_public_key

    def load(self) -> None:
        """Read the public key; without this no token that needs it is accepted.

        :raises StartError: it cannot be used.
        """
        if self._rsa_public_key:
            self._keys |= dict.fromkeys(RSA, load_public_key(self._rsa_public_key))

    def connection(self, token: str) -> ConnectionClaims:
        """Return what a connection token says.

        :raises TokenExpired: its time is over.
        :raises TokenError: it is not accepted.
        """
        claims = self._claims(token)
        if "channel" in claims:
            raise TokenError("a subscription token is no connection token")
        subs = {channel: Grant() for channel in _channels(claims)} | _subs(claims)
        return ConnectionClaims(_text(claims, "sub"), _expiry(claims), _info(claims), _json(claims, "meta"), subs)

    def subscription(self, token: str) -> SubscriptionClaims:
        """Return what a subscription token says.

        :raises TokenExpired: its time is over.
        :raises TokenError: it is not accepted.
        """
        claims = self._claims(token)
        channel = _text(claims, "channel")
        if not channel:
            raise TokenError("a subscription token has to name its channel")
        grant = Grant(_info(claims), "", _expiry(claims), _override(claims))
        return SubscriptionClaims(_text(claims, "sub"), channel, _text(claims, "client"), grant)

    def _claims(self, token: str) -> dict[str, Any]:
        """Return the claims of *token* when it is signed, in time, and for us."""
        try:
            algorithm = str(jwt.get_unverified_header(token).get("alg"))
            key = self._keys.get(algorithm)
            if key is None:
                raise TokenError("an algorithm without a key here; accepted: " + (", ".join(self._keys) or "none"))
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], options=_OPTIONS)  # type: ignore[arg-type]
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            # Only the kind of what is wrong: messages can have parts of the token in them.
            raise TokenError(f"it cannot be read, or its signature is wrong ({type(error).__name__})") from None
        self._check_time(claims)
        self._check_purpose(claims)
        return claims

    def _check_time(self, claims: dict[str, Any]) -> None:
        now = self._now()
        if _time(claims, "nbf") > now:
            raise TokenError("it is not valid yet")
        expires = _time(claims, "exp")
        if expires and expires <= now:
            raise TokenExpired("its time is over")

    def _check_purpose(self, claims: dict[str, Any]) -> None:
        meant = claims.get("aud")
        if self._audience and self._audience not in (meant if isinstance(meant, list) else [meant]):
            raise TokenError("it is for another audience")
        if self._issuer and claims.get("iss") != self._issuer:
            raise TokenError("it is from another issuer")


def load_public_key(where: str) -> Any:
    """Return the RSA key in *where*: PEM, or the path of a file that has it.

    :raises StartError: there is none.
    """
    try:
        if not where.startswith(_PEM_BEGIN):
            with open(where, encoding="ascii") as file:
                where = file.read()
        key = jwt.get_algorithm_by_name(RSA[0]).prepare_key(where)
    except OSError as error:
        raise StartError(f"[channels] token_rsa_public_key cannot be read: {error}") from error
    except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError) as error:
        raise StartError("[channels] token_rsa_public_key is no RSA public key in PEM form") from error
    if hasattr(key, "private_numbers"):
        raise StartError("[channels] token_rsa_public_key is a private key: it belongs to where tokens are made")
    return key


# How each claim is read; raises TokenError.


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str):
        raise TokenError(f"{name} has to be a string")
    if not value.isascii() and well_formed(value) != value:  # a lone surrogate, which no answer can have in it
        raise TokenError(f"{name} has to be well-formed Unicode")
    return value


def _time(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name, 0)
    # Libraries write fractions; a bool is an int for Python.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        raise TokenError(f"{name} has to be a number of seconds since 1970")
    return int(value)


def _expiry(claims: Mapping[str, Any]) -> int:
    return _time(claims, "expire_at" if "expire_at" in claims else "exp")


def _json(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    try:
        return "" if value is None else json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:  # Python writes NaN and Infinity into tokens, and no browser reads them
        raise TokenError(f"{name} has to be JSON, which knows neither NaN nor Infinity") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _info(claims: Mapping[str, Any]) -> str:
    """Return ``info`` as JSON text; ``b64info`` has that text in Base64, for binary protocols."""
    return _from_base64(claims, "b64info") or _json(claims, "info")


def _from_base64(claims: Mapping[str, Any], name: str) -> str:
    try:
        text = base64.b64decode(_text(claims, name), validate=True).decode()
        if text:
            json.loads(text, parse_constant=_no_constant)
    except (binascii.Error, ValueError, RecursionError):
        raise TokenError(f"{name} has to be JSON in Base64") from None
    return text


def _channels(claims: Mapping[str, Any]) -> list[str]:
    channels = claims.get("channels") or []
    if not isinstance(channels, list) or not all(isinstance(channel, str) for channel in channels):
        raise TokenError("channels has to be a list of strings")
    return channels


def _subs(claims: Mapping[str, Any]) -> dict[str, Grant]:
    subs = claims.get("subs") or {}
    if not isinstance(subs, dict) or not all(isinstance(sub, dict) for sub in subs.values()):
        raise TokenError("subs has to be an object of objects")
    return {
        channel: Grant(_info(sub), _from_base64(sub, "b64data") or _json(sub, "data"), 0, _override(sub))
        for channel, sub in subs.items()
    }


def _override(claims: Mapping[str, Any]) -> dict[str, bool]:
    """Return the options that are different: ``{"presence": {"value": true}}``."""
    override = claims.get("override") or {}
    if not isinstance(override, dict):
        raise TokenError("override has to be an object")
    found: dict[str, bool] = {}
    for name in OVERRIDES:
        option = override.get(name)
        if option is not None:
            if not isinstance(option, dict) or not isinstance(option.get("value"), bool):
                raise TokenError(f'override of {name} has to be {{"value": true}} or {{"value": false}}')
            found[name] = option["value"]
    return found
