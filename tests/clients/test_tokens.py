# -*- test-case-name: tests.clients.test_tokens -*-
"""Tokens: what they say, and which are not accepted."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any
from unittest import TestCase

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from sockjsd.clients.tokens import ConnectionClaims, Grant, SubscriptionClaims, Tokens
from sockjsd.errors import StartError, TokenError, TokenExpired

SECRET = "a secret of sixty-four characters, which is enough for HS512 too."
NOW = 1_700_000_000

_PRIVATE = rsa.generate_private_key(65537, 2048)


def _pem(key: Any) -> str:
    public, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    text: bytes = key.public_bytes(public, form)
    return text.decode()


PUBLIC = _pem(_PRIVATE.public_key())


def b64(text: str) -> str:
    """Return *text* in Base64."""
    return base64.b64encode(text.encode()).decode()


#: Claims, what they become.
CONNECTIONS: list[tuple[dict[str, Any], ConnectionClaims]] = [
    ({}, ConnectionClaims("")),
    ({"sub": "42"}, ConnectionClaims("42")),
    ({"sub": "42", "exp": NOW + 10}, ConnectionClaims("42", NOW + 10)),
    ({"sub": "42", "exp": NOW + 10.7}, ConnectionClaims("42", NOW + 10)),
    ({"sub": "42", "exp": NOW + 10, "expire_at": 0}, ConnectionClaims("42")),
    ({"sub": "42", "exp": NOW + 10, "expire_at": NOW + 99}, ConnectionClaims("42", NOW + 99)),
    ({"sub": "42", "nbf": NOW, "iat": NOW + 5, "jti": 1}, ConnectionClaims("42")),
    ({"info": {"name": "Ann"}, "meta": [1]}, ConnectionClaims("", info='{"name":"Ann"}', meta="[1]")),
    ({"sub": "Zoë \U0001f600"}, ConnectionClaims("Zoë \U0001f600")),
    ({"b64info": b64('{"a": 1}'), "info": 2}, ConnectionClaims("", info='{"a": 1}')),
    ({"info": None, "channels": None, "subs": None}, ConnectionClaims("")),
    ({"channels": ["a", "b"]}, ConnectionClaims("", subs={"a": Grant(), "b": Grant()})),
    (
        {
            "channels": ["a"],
            "subs": {
                "b": {"info": 1, "data": 2, "override": {"presence": {"value": True}, "join_leave": None, "x": 1}},
                "c": {"b64info": b64("3"), "b64data": b64("4")},
            },
        },
        ConnectionClaims("", subs={"a": Grant(), "b": Grant("1", "2", 0, {"presence": True}), "c": Grant("3", "4")}),
    ),
]

#: Claims, what they become.
SUBSCRIPTIONS: list[tuple[dict[str, Any], SubscriptionClaims]] = [
    ({"channel": "news"}, SubscriptionClaims("", "news", "", Grant())),
    (
        {
            "sub": "42",
            "channel": "news",
            "client": "id-1",
            "exp": NOW + 5,
            "info": "x",
            "override": {"force_recovery": {"value": False}},
        },
        SubscriptionClaims("42", "news", "id-1", Grant('"x"', "", NOW + 5, {"force_recovery": False})),
    ),
    (
        {"channel": "news", "exp": NOW + 5, "expire_at": NOW + 9},
        SubscriptionClaims("", "news", "", Grant("", "", NOW + 9)),
    ),
]

#: Claims of a connection token, the error.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"sub": 42}, "sub has to be a string"),
    ({"exp": "soon"}, "exp has to be a number of seconds since 1970"),
    ({"exp": -1}, "exp has to be a number of seconds since 1970"),
    ({"exp": True}, "exp has to be a number of seconds since 1970"),
    ({"exp": 1e300}, "exp has to be a number of seconds since 1970"),
    ({"expire_at": "never"}, "expire_at has to be a number of seconds since 1970"),
    ({"nbf": NOW + 1}, "it is not valid yet"),
    ({"channel": "news"}, "a subscription token is no connection token"),
    ({"channels": "news"}, "channels has to be a list of strings"),
    ({"channels": [1]}, "channels has to be a list of strings"),
    ({"subs": ["news"]}, "subs has to be an object of objects"),
    ({"subs": {"news": 1}}, "subs has to be an object of objects"),
    ({"b64info": "é"}, "b64info has to be JSON in Base64"),
    ({"b64info": b64("{")}, "b64info has to be JSON in Base64"),
    ({"subs": {"a": {"b64data": "{"}}}, "b64data has to be JSON in Base64"),
    ({"sub": "\ud800"}, "sub has to be well-formed Unicode"),
    ({"info": float("nan")}, "info has to be JSON, which knows neither NaN nor Infinity"),
    ({"subs": {"a": {"data": [float("inf")]}}}, "data has to be JSON, which knows neither NaN nor Infinity"),
    ({"b64info": b64("NaN")}, "b64info has to be JSON in Base64"),
    ({"subs": {"a": {"override": []}}}, None),  # type: ignore[list-item]
    ({"subs": {"a": {"override": [1]}}}, "override has to be an object"),
    ({"subs": {"a": {"override": {"presence": True}}}}, 'override of presence has to be {"value": true} or'),
]


class TokensTestCase(TestCase):
    """Tokens that are checked at one moment."""

    def tokens(self, *keys: str, **more: str) -> Tokens:
        """Return what checks tokens; with the secret where nothing else is said."""
        tokens = Tokens(lambda: NOW, *(keys or (SECRET,)), **more)
        tokens.load()
        return tokens

    def refusal(self, tokens: Tokens, token: str) -> str:
        """Return why a connection token is not accepted."""
        with self.assertRaises(TokenError) as caught:
            tokens.connection(token)
        return str(caught.exception)


class ClaimTests(TokensTestCase):
    """What tokens say."""

    def test_connection_token_is_read(self) -> None:
        """Each claim, alone and together."""
        for claims, expected in CONNECTIONS:
            with self.subTest(claims=claims):
                self.assertEqual(self.tokens().connection(jwt.encode(claims, SECRET)), expected)

    def test_subscription_token_is_read(self) -> None:
        """It names its channel."""
        for claims, expected in SUBSCRIPTIONS:
            with self.subTest(claims=claims):
                self.assertEqual(self.tokens().subscription(jwt.encode(claims, SECRET)), expected)

    def test_token_is_refused_when_a_claim_is_not_what_it_should_be(self) -> None:
        """The error says which one."""
        for claims, problem in REFUSED:
            with self.subTest(claims=claims):
                # PyJWT itself would not write all of these.
                token = jwt.api_jws.encode(json.dumps(claims).encode(), SECRET)
                if problem is None:
                    self.tokens().connection(token)
                else:
                    self.assertTrue(self.refusal(self.tokens(), token).startswith(problem))

    def test_subscription_token_is_refused_when_it_names_no_channel(self) -> None:
        """Such as a connection token."""
        with self.assertRaisesRegex(TokenError, "^a subscription token has to name its channel$"):
            self.tokens().subscription(jwt.encode({"sub": "42"}, SECRET))

    def test_token_expires_when_its_time_has_come(self) -> None:
        """The client is told so, and asks for another one."""
        tokens = self.tokens()
        self.assertEqual(tokens.connection(jwt.encode({"exp": NOW + 1}, SECRET)).expire_at, NOW + 1)
        for seconds in (0, -1, -1000):
            with self.assertRaises(TokenExpired):
                tokens.connection(jwt.encode({"exp": NOW + seconds}, SECRET))
        with self.assertRaises(TokenExpired):
            tokens.subscription(jwt.encode({"channel": "a", "exp": NOW}, SECRET))


class PurposeTests(TokensTestCase):
    """Tokens for others."""

    def test_token_is_refused_when_it_is_for_another_audience(self) -> None:
        """The audience may be one of several."""
        tokens = self.tokens(audience="us")
        for audience in ("us", ["them", "us"]):
            tokens.connection(jwt.encode({"aud": audience}, SECRET))
        strangers: list[Any] = ["them", ["them"], "us too", None, 5, {"us": 1}, [["us"]]]
        for audience in strangers:
            token = jwt.api_jws.encode(json.dumps({"aud": audience}).encode(), SECRET)
            self.assertEqual(self.refusal(tokens, token), "it is for another audience")
        self.tokens().connection(jwt.encode({"aud": "them"}, SECRET))

    def test_token_is_refused_when_it_is_from_another_issuer(self) -> None:
        """Or from nobody."""
        tokens = self.tokens(issuer="us")
        tokens.connection(jwt.encode({"iss": "us"}, SECRET))
        for claims in ({}, {"iss": "them"}):
            self.assertEqual(self.refusal(tokens, jwt.encode(claims, SECRET)), "it is from another issuer")


class KeyTests(TokensTestCase):
    """Which signatures are accepted."""

    def test_token_is_accepted_when_its_algorithm_has_a_key(self) -> None:
        """All sizes of both families."""
        tokens = self.tokens(SECRET, PUBLIC)
        for size in ("256", "384", "512"):
            self.assertEqual(tokens.connection(jwt.encode({"sub": "42"}, SECRET, f"HS{size}")).user, "42")
            self.assertEqual(tokens.connection(jwt.encode({"sub": "43"}, _PRIVATE, f"RS{size}")).user, "43")

    def test_token_is_refused_when_its_algorithm_has_no_key(self) -> None:
        """A public key is no secret, and no signature is none."""
        own = ec.generate_private_key(ec.SECP256R1())
        by_hmac, by_rsa = self.tokens(SECRET), self.tokens("", PUBLIC)
        unsigned = jwt.encode({"sub": "42"}, "", "none")
        for tokens, token in (
            (by_hmac, jwt.encode({}, _PRIVATE, "RS256")),
            (by_rsa, jwt.encode({}, SECRET, "HS256")),
            (by_hmac, jwt.encode({}, own, "ES256")),
            (by_hmac, unsigned),
            (by_rsa, unsigned),
            (self.tokens(""), jwt.encode({}, SECRET, "HS256")),
        ):
            self.assertIn("an algorithm without a key here; accepted: ", self.refusal(tokens, token))

    def test_token_is_refused_when_it_is_signed_with_the_public_key(self) -> None:
        """The oldest trick: the key that everybody has, used as a secret."""
        header, payload = ({"alg": "HS256", "typ": "JWT"}, {"sub": "42"})
        text = ".".join(
            base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, payload)
        )
        digest = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        signature = digest.sign(text.encode(), PUBLIC.encode())
        token = f"{text}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        self.assertIn("an algorithm without a key here; accepted: RS256", self.refusal(self.tokens("", PUBLIC), token))

    def test_token_is_refused_when_it_was_changed(self) -> None:
        """Or is no token; nothing of it is repeated."""
        good = jwt.encode({"sub": "42"}, SECRET)
        for token in (
            good[:-2],
            good + "x",
            "hunter2",
            "hunter2.hunter2.hunter2",
            "",
            "a.b",
            "é.é.é",
            jwt.encode({}, SECRET + "!"),
        ):
            with self.subTest(token=token):
                problem = self.refusal(self.tokens(), token)
                self.assertTrue(problem.startswith("it cannot be read, or its signature is wrong ("), problem)
                self.assertNotIn("hunter2", problem)

    def test_token_is_refused_when_its_head_is_strange(self) -> None:
        """Anybody can write one; none is a bug of ours."""
        strange: list[Any] = [
            {"alg": []},
            {"alg": {}},
            {"alg": None},
            {"alg": 5},
            {},
            [],
            1,
            None,
            {"alg": "HS256", "b64": False},
        ]
        heads = [json.dumps(head) for head in strange] + ["[" * 20_000, '{"alg":' + "[" * 20_000, "{", "\x00"]
        for head in heads:
            token = f"{base64.urlsafe_b64encode(head.encode()).decode().rstrip('=')}.e30.c2ln"
            with self.subTest(head=head[:40]):
                self.assertTrue(self.refusal(self.tokens(), token))


class PublicKeyTests(TokensTestCase):
    """Where the public key comes from."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name, "key.pem")

    def test_key_is_read_from_its_file(self) -> None:
        """The same as if it stood in the option."""
        self.file.write_text(PUBLIC)
        tokens = self.tokens("", str(self.file))
        self.assertEqual(tokens.connection(jwt.encode({"sub": "42"}, _PRIVATE, "RS256")).user, "42")

    def test_start_fails_when_the_key_cannot_be_used(self) -> None:
        """The option is named; the key is not repeated."""
        form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        private = _PRIVATE.private_bytes(serialization.Encoding.PEM, form, none).decode()
        elliptic = _pem(ec.generate_private_key(ec.SECP256R1()).public_key())
        for key, problem in (
            (str(self.file), "cannot be read: "),
            ("-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "is no RSA public key in PEM form"),
            (elliptic, "is no RSA public key in PEM form"),
            (private, "is a private key: it belongs to where tokens are made"),
        ):
            with self.subTest(problem=problem), self.assertRaises(StartError) as caught:
                self.tokens("", key)
            self.assertIn(f"[channels] token_rsa_public_key {problem}", str(caught.exception))
            self.assertNotIn("MII", str(caught.exception))
