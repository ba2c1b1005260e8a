# -*- test-case-name: tests.websocket.test_handshake -*-
"""The opening handshake: who is answered with 101, and what the others are told."""

from __future__ import annotations

from collections.abc import Mapping
from unittest import TestCase

from sockjsd.errors import HTTPError
from sockjsd.websocket.handshake import VERSION_HEADER, accept, is_upgrade


class CaseInsensitive(dict[str, str]):
    """Headers as the HTTP side hands them over: names are found in any case."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]  # narrower: all this test needs
        """Return the value of *name*."""
        return super().get(name.lower(), default)


#: The request of RFC 6455 section 1.2.
REQUEST = {
    "Host": "server.example.com",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Origin": "http://example.com",
    "Sec-WebSocket-Version": "13",
}

ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\n"
    b"Upgrade: websocket\r\n"
    b"Connection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    b"\r\n"
)


def request(**changes: str | None) -> CaseInsensitive:
    """Return the RFC's request with other values; ``None`` leaves a header out, ``_`` stands for a dash."""
    headers: dict[str, str | None] = {**{name.lower(): value for name, value in REQUEST.items()}}
    headers.update({name.replace("_", "-").lower(): value for name, value in changes.items()})
    return CaseInsensitive({name: value for name, value in headers.items() if value is not None})


class UpgradeTests(TestCase):
    """Which requests ask for a WebSocket at all."""

    def test_upgrade_is_seen_in_any_case_and_list(self) -> None:
        """Names of protocols have no case, and Connection is a list."""
        for upgrade, connection in (
            ("websocket", "Upgrade"),
            ("WebSocket", "upgrade"),
            ("WEBSOCKET", "keep-alive, Upgrade"),
            (" websocket\t", "UPGRADE,keep-alive"),
            ("websocket", "keep-alive ,\tupgrade , x"),
        ):
            with self.subTest(upgrade=upgrade, connection=connection):
                self.assertTrue(is_upgrade(request(upgrade=upgrade, connection=connection)))

    def test_upgrade_is_not_seen_elsewhere(self) -> None:
        """Another protocol, a part of a word, a look-alike, or one header of the two."""
        for upgrade, connection in (
            (None, "Upgrade"),
            ("websocket", None),
            (None, None),
            ("h2c", "Upgrade"),
            ("websocket/13", "Upgrade"),
            ("h2c, websocket", "Upgrade"),
            ("websoc\u212aet", "Upgrade"),
            ("websocket\xa0", "Upgrade"),
            ("websocket", "close"),
            ("websocket", "upgrades"),
            ("websocket", "keep-alive Upgrade"),
            ("websocket", "\x85upgrade"),
            ("websocket", ""),
        ):
            with self.subTest(upgrade=upgrade, connection=connection):
                self.assertFalse(is_upgrade(request(upgrade=upgrade, connection=connection)))


class AcceptTests(TestCase):
    """The server's side of the opening handshake (section 4.2)."""

    def assert_refused(self, status: int, reason: str, headers: CaseInsensitive, *line: str) -> None:
        """Fail unless the request is answered with *status* and the connection then ends."""
        method, version = line or ("GET", "HTTP/1.1")
        with self.assertRaises(HTTPError) as caught:
            accept(method, version, headers)
        self.assertEqual((caught.exception.status, caught.exception.close), (status, True))
        self.assertRegex(caught.exception.reason, reason)

    def test_request_of_rfc_is_answered_as_in_rfc(self) -> None:
        """The example of section 1.3 gives the accept value printed there."""
        self.assertEqual(accept("GET", "HTTP/1.1", request()), ANSWER)

    def test_key_is_trimmed_before_proof(self) -> None:
        """White space around a value is not part of it."""
        headers = request(sec_websocket_key=" dGhlIHNhbXBsZSBub25jZQ== ", sec_websocket_version="\t13")
        self.assertEqual(accept("GET", "HTTP/1.1", headers), ANSWER)

    def test_offers_are_not_chosen(self) -> None:
        """An extension and a subprotocol that are offered change nothing in the answer."""
        headers = request(sec_websocket_protocol="chat, v2", sec_websocket_extensions="permessage-deflate")
        self.assertEqual(accept("GET", "HTTP/1.1", headers), ANSWER)

    def test_chosen_extension_is_in_the_answer(self) -> None:
        """Behind the proof, as the caller says."""
        answer = accept("GET", "HTTP/1.1", request(), b"Sec-WebSocket-Extensions: x\r\n")
        self.assertEqual(answer, ANSWER[:-2] + b"Sec-WebSocket-Extensions: x\r\n\r\n")

    def test_method_other_than_get_is_405(self) -> None:
        """Whatever else the request says."""
        for method in ("POST", "HEAD", "OPTIONS", "get"):
            self.assert_refused(405, "GET", request(), method, "HTTP/1.1")
        self.assert_refused(405, "GET", CaseInsensitive({}), "POST", "HTTP/1.0")

    def test_http_1_0_is_400(self) -> None:
        """HTTP/1.0 knows no upgrade."""
        self.assert_refused(400, "Not a valid websocket request", request(), "GET", "HTTP/1.0")

    def test_missing_or_wrong_upgrade_is_400(self) -> None:
        """With the sentence that the SockJS text asks for."""
        for upgrade in (None, "", "h2c"):
            self.assert_refused(400, 'Can "Upgrade" only to "WebSocket".', request(upgrade=upgrade))

    def test_missing_or_wrong_connection_is_400(self) -> None:
        """With the sentence that the SockJS text asks for."""
        for connection in (None, "close", "keep-alive"):
            self.assert_refused(400, '"Connection" must be "Upgrade".', request(connection=connection))

    def test_other_version_is_426(self) -> None:
        """An older, a newer, a doubled or a missing version learns which one is spoken, even without a key."""
        for version in (None, "", "8", "14", "13, 8", "013", "thirteen"):
            self.assert_refused(426, "13", request(sec_websocket_version=version, sec_websocket_key=None))
        self.assertEqual(VERSION_HEADER, ("Sec-WebSocket-Version", "13"))

    def test_key_of_other_than_16_bytes_is_400(self) -> None:
        """Missing, short, long, doubled, not base64, or with something behind it."""
        good = REQUEST["Sec-WebSocket-Key"]
        for key in (
            None,
            "",
            "c2hvcnQ=",
            "QUFBQUFBQUFBQUFBQUFBQUE=",
            "dGhlIHNhbXBsZSBub25jZQ",
            "dGhlIHNhbXBs!SBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZé==",
            f"{good},{good}",
            f"{good}x",
            f"{good}\n",
        ):
            with self.subTest(key=key):
                self.assert_refused(400, "Sec-WebSocket-Key", request(sec_websocket_key=key))

    def test_refusal_repeats_nothing_of_the_request(self) -> None:
        """What a peer wrote does not come back in a page."""
        for name in ("upgrade", "connection", "sec_websocket_version", "sec_websocket_key"):
            with self.assertRaises(HTTPError) as caught:
                accept("GET", "HTTP/1.1", request(**{name: "<script>"}))
            self.assertNotIn("script", caught.exception.reason)
